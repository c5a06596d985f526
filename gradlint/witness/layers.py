"""Small layers for the modules of a script: how each class of torch.nn is built so that it fits a layout.

A class that is not listed is built without arguments. `{n}` stands for the length of a dimension.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """arguments: of the constructor. rank: of the tensors it works on. first: what its first operand must be
    ("" a float tensor, "index"). picks: what is taken of its result. target: what its second operand must be."""

    arguments: str = ""
    rank: int = 2
    first: str = ""
    picks: str = ""
    target: str = ""
    parameters: bool = False


def _layer(arguments: str, rank: int = 2, **more: str) -> Layer:
    return Layer(arguments, rank, parameters=True, **more)


LAYERS: dict[str, Layer] = {
    "Linear": _layer("{n}, {n}"),
    "LazyLinear": _layer("{n}"),
    "Bilinear": _layer("{n}, {n}, {n}"),
    "Embedding": _layer("{n}, {n}", first="index"),
    "EmbeddingBag": _layer("{n}, {n}", first="index"),
    "Conv1d": _layer("{n}, {n}, 1", 3),
    "Conv2d": _layer("{n}, {n}, 1", 4),
    "Conv3d": _layer("{n}, {n}, 1", 5),
    "ConvTranspose1d": _layer("{n}, {n}, 1", 3),
    "ConvTranspose2d": _layer("{n}, {n}, 1", 4),
    "ConvTranspose3d": _layer("{n}, {n}, 1", 5),
    "BatchNorm1d": _layer("{n}"),
    "BatchNorm2d": _layer("{n}", 4),
    "BatchNorm3d": _layer("{n}", 5),
    "SyncBatchNorm": _layer("{n}"),
    "InstanceNorm1d": Layer("{n}", 3),
    "InstanceNorm2d": Layer("{n}", 4),
    "GroupNorm": _layer("1, {n}"),
    "LayerNorm": _layer("{n}"),
    "RMSNorm": _layer("{n}"),
    "LocalResponseNorm": Layer("1", 3),
    "PReLU": _layer(""),
    "RNN": _layer("{n}, {n}", 3, picks="[0]"),
    "LSTM": _layer("{n}, {n}", 3, picks="[0]"),
    "GRU": _layer("{n}, {n}", 3, picks="[0]"),
    "RNNCell": _layer("{n}, {n}"),
    "GRUCell": _layer("{n}, {n}"),
    "LSTMCell": _layer("{n}, {n}", picks="[0]"),
    "MultiheadAttention": _layer("{n}, 1", picks="[0]"),
    "TransformerEncoderLayer": _layer("{n}, 1, {n}"),
    "TransformerDecoderLayer": _layer("{n}, 1, {n}"),
    "Transformer": _layer("{n}, 1, 1, 1, {n}"),
    "MaxPool1d": Layer("1", 3),
    "MaxPool2d": Layer("1", 4),
    "MaxPool3d": Layer("1", 5),
    "AvgPool1d": Layer("1", 3),
    "AvgPool2d": Layer("1", 4),
    "AvgPool3d": Layer("1", 5),
    "AdaptiveAvgPool1d": Layer("1", 3),
    "AdaptiveAvgPool2d": Layer("1", 4),
    "AdaptiveMaxPool2d": Layer("1", 4),
    "Upsample": Layer("scale_factor=1", 4),
    "PixelShuffle": Layer("1", 4),
    "ZeroPad2d": Layer("0", 4),
    "Unflatten": Layer("0, (-1, 1)"),
    "Softmax": Layer("-1"),
    "LogSoftmax": Layer("-1"),
    "Threshold": Layer("0.1, 0.0"),
    "CrossEntropyLoss": Layer(target="classes"),
    "NLLLoss": Layer(target="classes"),
    "MultiMarginLoss": Layer(target="classes"),
    "Sequential": _layer("torch.nn.Linear({n}, {n})"),
    "Module": _layer("{n}, {n}"),
}  # fmt: skip
UNKNOWN = "Module"


def class_of(op: str) -> str:
    """`Linear` of `torch.nn.Linear` or `torch.nn.modules.linear.Linear`; "" where the name is no layer's."""
    last = op.rpartition(".")[2]
    named = op.startswith("torch.nn.") and last[:1].isupper() and last.isidentifier()
    return last if named and not last.startswith("Parameter") and ".utils." not in op else ""


def layer_of(op: str) -> Layer:
    """How the module that `op` names is built; an unknown one is a linear layer."""
    return LAYERS[UNKNOWN] if op == "module" else LAYERS.get(class_of(op), Layer())


def constructor(op: str, n: int) -> str:
    """Source text that builds the module."""
    name = class_of(op) or "Linear"
    name = "Linear" if name == UNKNOWN else name
    return f"torch.nn.{name}({layer_of(op).arguments.replace('{n}', str(n))})"
