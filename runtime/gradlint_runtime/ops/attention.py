"""Scaled dot-product attention, multi-head attention, bilinear products and connectionist temporal classification."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..apply import plain, record
from ..dtypes import BOOL, FLOATING
from ..modes import grad_mode, mode
from ..tensor import Tensor, needs_grad
from .autocast import lower_precision
from .blend import where
from .common import OUT
from .einsum import einsum
from .joining import cat
from .matrix import bmm, linear, matmul
from .sampling import dropout
from .softmax import softmax, softmax_backward


def safe_softmax(input: Tensor, dim: int) -> Tensor:
    """Softmax in which a row without anything allowed is zero, not nan."""
    array = input._array
    made = softmax(input.detach(), dim)._array
    lost = np.isneginf(array).all(axis=dim, keepdims=True)
    value = np.where(lost, 0, made)
    at = dim % array.ndim
    way = lambda grad, result: softmax_backward(grad, result, at)  # noqa: E731
    return record("SafeSoftmaxBackward0", value, (input, way, OUT), dtype=input._dtype)


@lower_precision
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    if attn_mask is not None and is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if query.dim() < 2 or key.dim() < 2 or value.dim() < 2:
        raise RuntimeError(
            "Both input and weight should have at least two dimensions for scaled_dot_product_attention, but got "
            f"query dim {query.dim()}, key dim {key.dim()} and value dim {value.dim()}"
        )
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    if is_causal:
        allowed = np.tril(np.ones((query.size(-2), key.size(-2)), bool))
        attn_mask = plain(allowed)
    bias = attn_mask
    if attn_mask is not None and attn_mask._dtype.category == BOOL:
        filled = np.where(attn_mask._array, 0, -np.inf).astype(query._array.dtype)
        bias = plain(filled, dtype=query._dtype)
    factor = 1 / math.sqrt(query.size(-1)) if scale is None and query.size(-1) else (1.0 if scale is None else scale)
    fused = query.dim() == 4 and dropout_p == 0 and not (bias is not None and needs_grad(bias))
    made = _attended(query, key, value, bias, factor, dropout_p)
    if not fused or not _flash(query, key, value, bias):
        return made
    return _as_one(query, key, value, bias, factor, made)


def _flash(query: Tensor, key: Tensor, value: Tensor, bias: Any) -> bool:
    """Whether torch's fused kernel for the CPU would take these."""
    return (
        key.dim() == value.dim() == 4 and query.size(-1) == key.size(-1) == value.size(-1)
        and query._array.shape[:2] == key._array.shape[:2] == value._array.shape[:2] and query.size(-2) > 0
        and key.size(-2) > 0 and query._dtype is key._dtype is value._dtype
        and (bias is None or bias.dim() in (2, 4))
    )  # fmt: skip


def _attended(query: Tensor, key: Tensor, value: Tensor, bias: Any, factor: float, dropout_p: float) -> Tensor:
    root = math.sqrt(abs(factor))
    scores = matmul(query * (math.copysign(root, factor)), key.mT * root)
    if bias is not None:
        scores = scores + bias
    weights = safe_softmax(scores, -1)
    if dropout_p:
        weights = dropout(weights, dropout_p, True)
    return matmul(weights, value)


def _as_one(query: Tensor, key: Tensor, value: Tensor, bias: Any, factor: float, made: Tensor) -> Tensor:
    """The same result behind one node, whose way back runs the composition again."""
    kept = (query, key, value)

    def way(grad: Any, wanted: Any, query: Any, key: Any, value: Any) -> Any:
        from ..autograd.calls import grad as autograd_grad

        recorded = mode.grad
        with grad_mode(True):
            ends = [
                each if recorded and needs_grad(each) else each.detach().requires_grad_()
                for each in (query, key, value)
            ]
            again = _attended(ends[0], ends[1], ends[2], bias, factor, 0.0)
            found = iter(autograd_grad(
                again, [end for end, each in zip(ends, wanted, strict=True) if each], grad, create_graph=recorded
            ))  # fmt: skip
        return [next(found) if each else None for each in wanted]

    return record("ScaledDotProductFlashAttentionForCpuBackward0", made._array, (kept, way, *kept), dtype=query._dtype)


def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any,
    in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor,
    out_proj_bias: Any, training: bool = True, key_padding_mask: Any = None, need_weights: bool = True,
    attn_mask: Any = None, use_separate_proj_weight: bool = False, q_proj_weight: Any = None,
    k_proj_weight: Any = None, v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Tensor, Any]:  # fmt: skip
    batched = query.dim() == 3
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, width = query._array.shape
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
        q, k, v = (
            linear(each, weight, bias)
            for each, weight, bias in zip(
                (query, key, value), (q_proj_weight, k_proj_weight, v_proj_weight), biases, strict=True
            )
        )
    else:
        q, k, v = _in_projection(query, key, value, in_proj_weight, in_proj_bias, width)
    mask = _float_mask(attn_mask, q)
    padding = _float_mask(key_padding_mask, q)
    if bias_k is not None and bias_v is not None:
        k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
        mask, padding = _one_more(mask), _one_more(padding)
    q = q.view(length, batch * num_heads, head).transpose(0, 1)
    k = (k.view(k.shape[0], batch * num_heads, head).transpose(0, 1)) if static_k is None else static_k
    v = (v.view(v.shape[0], batch * num_heads, head).transpose(0, 1)) if static_v is None else static_v
    if add_zero_attn:
        nothing = (batch * num_heads, 1, head)
        k, v = cat([k, k.new_zeros(nothing)], 1), cat([v, v.new_zeros(nothing)], 1)
        mask, padding = _one_more(mask), _one_more(padding)
    source = k.size(1)
    if mask is not None and mask.dim() == 2:
        mask = mask.unsqueeze(0)
    if padding is not None:
        wide = padding.view(batch, 1, 1, source).expand(-1, num_heads, -1, -1).reshape(batch * num_heads, 1, source)
        mask = wide if mask is None else mask + wide
    dropped = dropout_p if training else 0.0
    if not need_weights:
        shaped = None if mask is None else mask.unsqueeze(0) if mask.size(0) == 1 else mask.view(
            batch, num_heads, -1, source)  # fmt: skip
        four = [each.view(batch, num_heads, -1, head) for each in (q, k, v)]
        made = scaled_dot_product_attention(*four, shaped, dropped, False)
        made = made.permute(2, 0, 1, 3).contiguous().view(batch * length, width)
        out = linear(made, out_proj_weight, out_proj_bias).view(length, batch, width)
        return (out if batched else out.squeeze(1)), None
    scaled = q * math.sqrt(1.0 / head)
    scores = bmm(scaled, k.transpose(-2, -1)) if mask is None else mask + bmm(scaled, k.transpose(-2, -1))
    weights = softmax(scores, -1)
    weights = dropout(weights, dropped) if dropped else weights
    made = bmm(weights, v).transpose(0, 1).contiguous().view(length * batch, width)
    out = linear(made, out_proj_weight, out_proj_bias).view(length, batch, width)
    shown = weights.view(batch, num_heads, length, source)
    shown = shown.mean(1) if average_attn_weights else shown
    return (out, shown) if batched else (out.squeeze(1), shown.squeeze(0))


def _in_projection(query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Any, width: int) -> Any:
    if key is value and query is key:
        made = linear(query, weight, bias)
        return made.unflatten(-1, (3, width)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous().unbind(0)
    weights = weight.chunk(3)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))


def _float_mask(mask: Any, like: Tensor) -> Any:
    if mask is None or mask._dtype.category == FLOATING:
        return mask
    return where(mask, float("-inf"), plain(np.zeros(mask._array.shape, like._array.dtype), dtype=like._dtype))


def _one_more(mask: Any) -> Any:
    if mask is None:
        return None
    return cat([mask, mask.new_zeros((*mask.shape[:-1], 1))], -1)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Any = None) -> Tensor:
    a, b, w = input1._array, input2._array, weight._array
    if a.shape[:-1] != b.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match at dim 0: got {a.shape[0]} and {b.shape[0]}"
        )
    if a.shape[-1] != w.shape[1]:
        raise RuntimeError(
            f"bilinear(): input1 size does not match weight size: got {a.shape[-1]} but expected {w.shape[1]}"
        )
    if b.shape[-1] != w.shape[2]:
        raise RuntimeError(
            f"bilinear(): input2 size does not match weight size: got {b.shape[-1]} but expected {w.shape[2]}"
        )
    first, second = input1.reshape((-1, a.shape[-1])), input2.reshape((-1, b.shape[-1]))
    made = trilinear(first, weight, second).view(*a.shape[:-1], w.shape[0])
    return made if bias is None else made + bias


def trilinear(a: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Σ a[n,i] w[o,i,j] b[n,j], one node as in torch."""
    value = np.einsum("ni,oij,nj->no", a._array, w._array, b._array, optimize=True)
    kept = (a, w, b)
    return record(
        "TrilinearBackward0", value,
        (a, lambda grad, a, w, b: einsum("no,oij,nj->ni", grad, w, b), *kept),
        (w, lambda grad, a, w, b: einsum("no,ni,nj->oij", grad, a, b), *kept),
        (b, lambda grad, a, w, b: einsum("no,ni,oij->nj", grad, a, w), *kept), dtype=a._dtype,
    )  # fmt: skip
