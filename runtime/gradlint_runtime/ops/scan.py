"""Operators that run along a dimension: cumulative sums and products, differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors
from ..apply import copied, counted, record
from ..dtypes import float16
from ..modes import mode
from ..tensor import Tensor
from .common import OUT, conj, dim_of, floating, ones_of, widened
from .joining import cat, flip, stack
from .pieces import narrow
from .reduce import summed_dtype


def _reversed_sum(grad: Tensor, at: int) -> Tensor:
    return flip(cumsum(flip(grad, at), at), at) if grad._array.ndim else grad


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    array = input._array
    at = dim_of(dim, array.ndim)
    kind = summed_dtype(input, dtype)
    wide = np.float32 if kind is float16 else kind.numpy
    value = np.cumsum(array, axis=at, dtype=wide) if array.ndim else array.astype(wide)
    way = lambda grad: _reversed_sum(grad, at)  # noqa: E731
    if not array.ndim:
        return copied("CumsumBackward0", value, input, way, kind, by="FillBackward3")
    return record("CumsumBackward0", value, (input, way), dtype=kind)


def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    array = input._array
    at = dim_of(dim, array.ndim)
    kind = summed_dtype(input, dtype)
    wide = np.float32 if kind is float16 else kind.numpy
    value = np.cumprod(array, axis=at, dtype=wide) if array.ndim else array.astype(wide)

    def way(grad: Any, self: Any, result: Any) -> Any:
        if not self._array.ndim or self._array.size <= 1:
            return grad
        if not (self._array == 0).any():
            return _reversed_sum(grad * conj(result), at) / conj(self)
        return _cumprod_way_with_zeros(grad, self, at)

    if not array.ndim and input._counter is None:
        return copied("CumprodBackward0", value, input, lambda grad: grad, kind, by="FillBackward3")
    return record("CumprodBackward0", value, (input, way, input, OUT), dtype=kind)


def _cumprod_way_with_zeros(grad: Tensor, self: Tensor, at: int) -> Tensor:
    """Each output's derivative by each input, one input at a time: products that leave the input out."""
    size = self._array.shape[at]
    slopes = []
    one = ones_of(narrow(self, at, 0, 1))
    before = one
    for k in range(size):
        after = cat([one, cumprod(narrow(self, at, k + 1, size - k - 1), at)], at) if k + 1 < size else one
        slopes.append((narrow(grad, at, k, size - k) * conj(before * after)).sum(at))
        before = before * narrow(self, at, k, 1)
    if not mode.grad:
        return stack(slopes, at)
    made = counted(grad.new_zeros(self._array.shape), 1)
    for k, slope in enumerate(slopes):
        made.select(at, k).copy_(slope)
    return made


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    array = widened(floating(input))
    at = dim_of(dim, array.ndim)
    if array.dtype.kind == "c":
        raise errors.unsupported("torch.logcumsumexp of complex tensors")
    # Single precision is summed up in double.
    wide = array.astype(np.promote_types(array.dtype, np.float64))
    value = np.logaddexp.accumulate(wide, axis=at).astype(array.dtype) if array.ndim else array.copy()

    def way(grad: Any, self: Any, result: Any) -> Any:
        if not array.ndim:
            return grad
        # Positive and negative gradients apart, so that their logarithms exist.
        low = float(np.finfo(grad._array.dtype).min)
        positive = grad.log().masked_fill(grad <= 0, low)
        negative = (-grad).log().masked_fill(grad >= 0, low)

        def part(logs: Any) -> Any:
            turned = flip(logcumsumexp(flip(logs - result, at), at), at)
            return (turned + self).exp()

        return part(positive) - part(negative)

    return record("LogcumsumexpBackward0", value, (input, way, input, OUT), dtype=input._dtype)


def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    if not input._array.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    at = dim_of(dim, input._array.ndim)
    parts = [each for each in (prepend, input, append) if each is not None]
    whole = cat(parts, at) if len(parts) > 1 else input
    for _ in range(min(n, whole._array.shape[at])):
        size = whole._array.shape[at]
        high, low = narrow(whole, at, 1, size - 1), narrow(whole, at, 0, size - 1)
        whole = high.logical_xor(low) if whole._dtype.name == "bool" else high - low
    if n:
        return whole
    return record("CopyBackwards", whole._array.copy(), (None,), (whole, lambda grad: grad), dtype=whole._dtype)
