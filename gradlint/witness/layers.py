"""Small layers for the modules of a script: how each class of torch.nn is built so that it fits a layout.

A class that is not listed is built without arguments. `{i}` stands for the features that the layer gets, `{n}` for
those that it gives.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """arguments: of the constructor. rank: of the tensors it works on. first: what its first operand must be
    ("" a float tensor, "index"). picks: what is taken of its result. target: what its second operand must be.
    channels: its features are dimension 1, not the last one."""

    arguments: str = ""
    rank: int = 2
    first: str = ""
    picks: str = ""
    target: str = ""
    parameters: bool = False
    channels: bool = False


def _layer(arguments: str, rank: int = 2, *, first: str = "", picks: str = "", channels: bool = False) -> Layer:
    return Layer(arguments, rank, first, picks, parameters=True, channels=channels)


LAYERS: dict[str, Layer] = {
    "Linear": _layer("{i}, {n}"),
    "LazyLinear": _layer("{n}"),
    "Bilinear": _layer("{i}, {i}, {n}"),
    "Embedding": _layer("{n}, {n}", first="index"),
    "EmbeddingBag": _layer("{n}, {n}", first="index"),
    "Conv1d": _layer("{i}, {n}, 1", 3, channels=True),
    "Conv2d": _layer("{i}, {n}, 1", 4, channels=True),
    "Conv3d": _layer("{i}, {n}, 1", 5, channels=True),
    "ConvTranspose1d": _layer("{i}, {n}, 1", 3, channels=True),
    "ConvTranspose2d": _layer("{i}, {n}, 1", 4, channels=True),
    "ConvTranspose3d": _layer("{i}, {n}, 1", 5, channels=True),
    "BatchNorm1d": _layer("{i}", channels=True),
    "BatchNorm2d": _layer("{i}", 4, channels=True),
    "BatchNorm3d": _layer("{i}", 5, channels=True),
    "SyncBatchNorm": _layer("{i}", channels=True),
    "InstanceNorm1d": Layer("{i}", 3, channels=True),
    "InstanceNorm2d": Layer("{i}", 4, channels=True),
    "GroupNorm": _layer("1, {i}", channels=True),
    "LayerNorm": _layer("{i}"),
    "RMSNorm": _layer("{i}"),
    "LocalResponseNorm": Layer("1", 3),
    "PReLU": _layer(""),
    "RNN": _layer("{i}, {n}", 3, picks="[0]"),
    "LSTM": _layer("{i}, {n}", 3, picks="[0]"),
    "GRU": _layer("{i}, {n}", 3, picks="[0]"),
    "RNNCell": _layer("{i}, {n}"),
    "GRUCell": _layer("{i}, {n}"),
    "LSTMCell": _layer("{i}, {n}", picks="[0]"),
    "MultiheadAttention": _layer("{i}, 1", picks="[0]"),
    "TransformerEncoderLayer": _layer("{i}, 1, {n}"),
    "TransformerDecoderLayer": _layer("{i}, 1, {n}"),
    "Transformer": _layer("{i}, 1, 1, 1, {n}"),
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
    "Sequential": _layer("torch.nn.Linear({i}, {n})"),
    "Module": _layer("{i}, {n}"),
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


def constructor(op: str, inputs: int, outputs: int, more: str = "") -> str:
    """Source text that builds the module. more: what its origin says of how it was built."""
    name = class_of(op) or "Linear"
    name = "Linear" if name == UNKNOWN else name
    arguments = layer_of(op).arguments.replace("{i}", str(inputs)).replace("{n}", str(outputs))
    return f"torch.nn.{name}({', '.join(part for part in (arguments, more) if part)})"
