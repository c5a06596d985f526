"""What the interpreter needs to know of a torch layer, from its measured row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LayerRow:
    """See `apply_layer`. parameters: (name, the constructor argument that can leave it out, or ""). flows: the inputs that
    gradient flows through, None for all."""

    arguments: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    buffers: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("input",)
    flows: tuple[str, ...] | None = None
    returns: str = "t"
    grad: tuple[str, ...] = ("diff",)
    scalar: str = "never"
    saves_input: bool = False
    saves_weight: bool = False
    saves_result: bool = False
    bases: tuple[str, ...] = ()
    keeps: str = ""

    def keeps_input(self, options: dict[str, Any]) -> bool | None:
        """Whether the layer gives back its input itself; None where that depends on what is not known."""
        if self.keeps == "always":
            return True
        if self.keeps == "dropout":
            training = options.get("training")
            return False if training is True else None if training is None else True
        return False if not self.keeps else None


_LOSS = {"inputs": ("input", "target"), "scalar": "reduction"}
_W = (("weight", ""), ("bias", "bias"))
_ROWS: dict[str, LayerRow] = {
    "torch.nn.Linear": LayerRow(("in_features", "out_features", "bias"), _W, saves_input=True, saves_weight=True),
    "torch.nn.Conv1d": LayerRow(("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"), _W, saves_input=True, saves_weight=True),
    "torch.nn.Conv2d": LayerRow(("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"), _W, saves_input=True, saves_weight=True),
    "torch.nn.ConvTranspose2d": LayerRow(("in_channels", "out_channels"), _W, saves_input=True, saves_weight=True),
    "torch.nn.BatchNorm1d": LayerRow(("num_features",), (("weight", "affine"), ("bias", "affine")), saves_input=True, saves_weight=True),
    "torch.nn.BatchNorm2d": LayerRow(("num_features",), (("weight", "affine"), ("bias", "affine")), saves_input=True, saves_weight=True),
    "torch.nn.LayerNorm": LayerRow(("normalized_shape",), (("weight", "elementwise_affine"), ("bias", "bias")), saves_input=True, saves_weight=True),
    "torch.nn.Embedding": LayerRow(("num_embeddings", "embedding_dim"), (("weight", ""),), flows=(), saves_input=True),
    "torch.nn.EmbeddingBag": LayerRow(("num_embeddings", "embedding_dim"), (("weight", ""),), flows=(), saves_input=True),
    "torch.nn.GRUCell": LayerRow(("input_size", "hidden_size"), (("weight_ih", ""), ("weight_hh", "")), inputs=("input", "hx"), saves_input=True, saves_weight=True),
    "torch.nn.GRU": LayerRow(("input_size", "hidden_size"), (("weight_ih_l0", ""),), inputs=("input", "hx"), returns="tt", saves_input=True, saves_weight=True),
    "torch.nn.LSTM": LayerRow(("input_size", "hidden_size"), (("weight_ih_l0", ""),), inputs=("input", "hx"), returns="t(tt)", saves_input=True, saves_weight=True),
    **{f"torch.nn.{n}": LayerRow(saves_result=True) for n in ("ReLU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "ELU", "SiLU", "GELU", "LeakyReLU", "Softplus")},
    **{f"torch.nn.{n}": LayerRow(keeps="dropout") for n in ("Dropout", "Dropout2d", "AlphaDropout")},
    "torch.nn.Identity": LayerRow(keeps="always"),
    "torch.nn.Flatten": LayerRow(keeps="maybe"),
    **{f"torch.nn.{n}": LayerRow(saves_result=True) for n in ("MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d")},
    **{f"torch.nn.{n}": LayerRow(**_LOSS) for n in ("MSELoss", "L1Loss", "CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss", "NLLLoss", "SmoothL1Loss", "KLDivLoss")},  # type: ignore[arg-type]
}


def layer(name: str) -> LayerRow | None:
    """The row of a layer by qualified name; None for what is no layer of torch."""
    return _ROWS.get(name)
