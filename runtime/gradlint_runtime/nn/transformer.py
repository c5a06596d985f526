"""Attention as a module, and the transformer that is built of it."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from ..apply import plain
from ..dtypes import BOOL, FLOATING, as_dtype, default_float
from ..modes import mode
from ..ops.activations import gelu
from ..ops.attention import multi_head_attention_forward
from ..ops.blend import where
from ..ops.elementwise import relu
from ..ops.factories import empty
from ..tensor import Tensor, needs_grad
from . import init
from .containers import ModuleList
from .linear import Linear
from .module import Module
from .normalisation import Dropout, LayerNorm
from .parameter import Parameter
from .simple import GELU, ReLU


class NonDynamicallyQuantizableLinear(Linear):
    """A linear layer by the name that torch's attention shows."""


class MultiheadAttention(Module):
    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} "
                "instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.batch_first, self.add_zero_attn = batch_first, add_zero_attn
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def parameter(name: str, *shape: int, wanted: bool = True) -> None:
            self.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None)

        apart = not self._qkv_same_embed_dim
        if not apart:
            parameter("in_proj_weight", 3 * embed_dim, embed_dim)
        for name, width in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            parameter(f"{name}_proj_weight", embed_dim, width, wanted=apart)
        if apart:
            parameter("in_proj_weight", wanted=False)
        parameter("in_proj_bias", 3 * embed_dim, wanted=bias)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        parameter("bias_k", 1, 1, embed_dim, wanted=add_bias_kv)
        parameter("bias_v", 1, 1, embed_dim, wanted=add_bias_kv)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for each in (self.bias_k, self.bias_v):
            if each is not None:
                init.xavier_normal_(each)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Any]:  # fmt: skip
        key_padding_mask = additive(key_padding_mask, "key_padding_mask", query)
        attn_mask = additive(attn_mask, "attn_mask", query)
        turned = self.batch_first and query.dim() == 3
        if turned:
            query, key, value = _turned(query, key, value)
        made, weights = multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return (made.transpose(1, 0) if turned else made), weights


def _turned(*tensors: Tensor) -> list[Tensor]:
    """Batch and time swapped; a tensor that stands twice stays one tensor."""
    made: dict[int, Tensor] = {}
    for each in tensors:
        made.setdefault(id(each), each.transpose(1, 0))
    return [made[id(each)] for each in tensors]


def additive(mask: Any, name: str, like: Tensor) -> Any:
    """A mask as numbers to add: minus infinity where nothing may be seen."""
    if mask is None or mask._dtype.category == FLOATING:
        return mask
    if mask._dtype.category != BOOL:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return where(mask, float("-inf"), plain(np.zeros(mask._array.shape, like._array.dtype), dtype=like._dtype))


def _activation(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if given not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    return relu if given == "relu" else gelu


def _well_known(activation: Any) -> int:
    """1 for relu, 2 for gelu, as functions or as modules."""
    for number, (kind, name) in enumerate(((ReLU, "relu"), (GELU, "gelu")), 1):
        own = str(getattr(activation, "__module__", "")).partition(".")[0] in ("torch", "gradlint_runtime")
        if isinstance(activation, kind) or (own and getattr(activation, "__name__", "") == name):
            return number
    return 0


class _Layer(Module):
    """What layers of encoders and of decoders have: attention to itself, and two linear layers."""

    attentions: tuple[str, ...] = ("self_attn",)

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = relu,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        where_to = {"device": device, "dtype": dtype}
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **where_to
            ))  # fmt: skip
        self.linear1 = Linear(d_model, dim_feedforward, bias, **where_to)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **where_to)
        self.norm_first = norm_first
        count = len(self.attentions) + 1
        for at in range(1, count + 1):
            setattr(self, f"norm{at}", LayerNorm(d_model, layer_norm_eps, bias=bias, **where_to))
        for at in range(1, count + 1):
            setattr(self, f"dropout{at}", Dropout(dropout))
        self.activation = _activation(activation)

    def _added(self, x: Tensor, at: int, block: Any) -> Tensor:
        """The input with a block's output added, normalised before the block or after the sum."""
        norm = getattr(self, f"norm{at}")
        return x + block(norm(x)) if self.norm_first else norm(x + block(x))

    def _sa_block(self, x: Tensor, mask: Any, padding: Any, is_causal: bool = False) -> Tensor:
        seen = self.self_attn(
            x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=is_causal
        )
        return self.dropout1(seen[0])

    def _ff_block(self, x: Tensor) -> Tensor:
        last = getattr(self, f"dropout{len(self.attentions) + 1}")
        return last(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoderLayer(_Layer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.activation_relu_or_gelu = _well_known(self.activation)

    def forward(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        padding = additive(src_key_padding_mask, "src_key_padding_mask", src)
        mask = additive(src_mask, "src_mask", src)
        x = self._added(src, 1, lambda x: self._sa_block(x, mask, padding, is_causal))
        return self._added(x, 2, self._ff_block)


class TransformerDecoderLayer(_Layer):
    attentions = ("self_attn", "multihead_attn")

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Any = None, memory_mask: Any = None,
        tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        def across(x: Tensor) -> Tensor:
            return self._mha_block(x, memory, memory_mask, memory_key_padding_mask, memory_is_causal)

        x = self._added(tgt, 1, lambda x: self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        return self._added(self._added(x, 2, across), 3, self._ff_block)

    def _mha_block(self, x: Tensor, memory: Tensor, mask: Any, padding: Any, is_causal: bool = False) -> Tensor:
        seen = self.multihead_attn(
            x, memory, memory, attn_mask=mask, key_padding_mask=padding, is_causal=is_causal, need_weights=False
        )
        return self.dropout2(seen[0])


def square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
    kind = default_float() if dtype is None else as_dtype(dtype)
    return plain(np.triu(np.full((sz, sz), -np.inf, kind.numpy), 1), dtype=kind)


def _causal(mask: Any, told: bool | None, size: int | None) -> bool:
    """Whether a mask hides exactly what comes later, unless that was said."""
    if told is not None or mask is None:
        return told is True
    wanted = square_subsequent_mask(mask.size(-2) if size is None else size, dtype=mask._dtype)
    return mask.shape == wanted.shape and bool((mask._array == wanted._array).all())


def _steps(x: Tensor, batch_first: bool) -> int | None:
    return int(x.size(1 if x.dim() == 3 and batch_first else 0))


def _clones(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


def _not_nested(layer: Any) -> str:
    """Why an encoder of such layers cannot use nested tensors; empty where it can."""
    name = "encoder_layer"
    if not isinstance(layer, TransformerEncoderLayer):
        return f"{name} was not TransformerEncoderLayer"
    for wrong, told in (
        (layer.norm_first, "norm_first was True"),
        (not layer.self_attn.batch_first,
         "self_attn.batch_first was not True(use batch_first for better inference performance)"),
        (not layer.self_attn._qkv_same_embed_dim, "self_attn._qkv_same_embed_dim was not True"),
        (layer.self_attn.in_proj_bias is None, "self_attn was passed bias=False"),
        (not layer.activation_relu_or_gelu, "activation_relu_or_gelu was not True"),
        (layer.norm1.eps != layer.norm2.eps, f"norm1.eps was not equal to {name}.norm2.eps"),
        (layer.self_attn.num_heads % 2 == 1, "self_attn.num_heads is odd"),
    ):  # fmt: skip
        if wrong:
            return f"{name}.{told}"
    return ""


class TransformerEncoder(Module):
    def __init__(
        self, encoder_layer: Any, num_layers: int, norm: Any = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers, self.norm, self.mask_check = num_layers, norm, mask_check
        self.enable_nested_tensor = self.use_nested_tensor = enable_nested_tensor
        reason = _not_nested(encoder_layer)
        if enable_nested_tensor and reason:
            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because {reason}", stacklevel=2
            )
            self.use_nested_tensor = False

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        padding = additive(src_key_padding_mask, "src_key_padding_mask", src)
        mask = additive(mask, "mask", src)
        first: Any = self.layers[0]
        causal = _causal(mask, is_causal, _steps(src, first.self_attn.batch_first))
        emptied = self._nested(first, src, mask, padding)
        output = src
        for layer in self.layers:
            output = layer(output, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if emptied:
            output = output.masked_fill(padding.isinf().unsqueeze(-1), 0.0)
        return output if self.norm is None else self.norm(output)

    def _nested(self, first: Any, src: Tensor, mask: Any, padding: Any) -> bool:
        """Whether torch would leave the padding out of the computation, and put zeros in its place."""
        if not self.use_nested_tensor or first.training or src.dim() != 3 or padding is None or mask is not None:
            return False
        kept = ~np.isinf(padding._array)
        aligned = bool((np.sort(kept, axis=1)[:, ::-1] == kept).all())
        recorded = mode.grad and any(map(needs_grad, (src, *first.parameters())))
        return aligned and not recorded


class TransformerDecoder(Module):
    def __init__(self, decoder_layer: Any, num_layers: int, norm: Any = None) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Any = None, memory_mask: Any = None,
        tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        first: Any = self.layers[0]
        causal = _causal(tgt_mask, tgt_is_causal, _steps(tgt, first.self_attn.batch_first))
        output = tgt
        for layer in self.layers:
            output = layer(
                output, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = relu, custom_encoder: Any = None,
        custom_decoder: Any = None, layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        layer = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, device,
            dtype,
        )  # fmt: skip

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            custom_encoder = TransformerEncoder(TransformerEncoderLayer(*layer), num_encoder_layers, norm())
        self.encoder = custom_encoder
        if custom_decoder is None:
            custom_decoder = TransformerDecoder(TransformerDecoderLayer(*layer), num_decoder_layers, norm())
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.size(batch) != tgt.size(batch):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip

    generate_square_subsequent_mask = staticmethod(square_subsequent_mask)

    def _reset_parameters(self) -> None:
        for each in self.parameters():
            if each.dim() > 1:
                init.xavier_uniform_(each)
