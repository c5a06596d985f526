"""Operators that reduce dimensions: sums, products, moments, norms, any and all."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..apply import plain, record, record_many, written
from ..dtypes import COMPLEX, FLOATING, as_dtype, default_float, dtype, float16, int64
from ..modes import mode
from ..tensor import Tensor
from .common import OUT, conj, dim_of, dims_of, floating, ones_of, widened, zeros_of
from .shape import expand, reshape, unsqueeze

Dim = int | Sequence[int] | None
# The default of `dim` where no dimension given and None given are different operators.
ALL: Any = type("AllDimensions", (), {})()


def axes_of(dim: Dim, ndim: int) -> tuple[int, ...]:
    """Dimensions for numpy, which knows none in a number."""
    dims = dims_of(dim, ndim)
    return dims if ndim else ()


def spread(tensor: Tensor, dim: Dim, keepdim: bool, ndim: int) -> Tensor:
    """A reduced tensor with the dimensions put back that were dropped, each of size one."""
    if keepdim or not ndim:
        return tensor
    for at in sorted(dims_of(dim, ndim)):
        tensor = unsqueeze(tensor, at)
    return tensor


def summed_dtype(input: Tensor, asked: Any) -> dtype:
    if asked is not None:
        return as_dtype(asked)
    return int64 if input._dtype.category < FLOATING else input._dtype


def _add_up(array: np.ndarray, axes: tuple[int, ...], keepdim: bool, kind: dtype) -> np.ndarray:
    wide = np.float32 if kind is float16 else kind.numpy
    if array.dtype.kind == "c" and not kind.is_complex:
        array = array.real
    added: np.ndarray = np.add.reduce(array, axes, wide, keepdims=keepdim)  # type: ignore[call-overload]
    return added


def sum(input: Tensor, dim: Any = ALL, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    array = input._array
    kind = summed_dtype(input, dtype)
    shape = array.shape
    if dim is ALL:
        value = _add_up(array, axes_of(None, array.ndim), False, kind)
        return record("SumBackward0", value, (input, lambda grad: expand(grad, shape)), dtype=kind)
    value = _add_up(array, axes_of(dim, array.ndim), keepdim, kind)
    way = lambda grad: expand(spread(grad, dim, keepdim, len(shape)), shape)  # noqa: E731
    return record("SumBackward1", value, (input, way), dtype=kind)


def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Sum what was broadcast, so that the shape is the given one again."""
    target = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    shape, target = input._array.shape, tuple(target)
    if not target:
        return sum(input)
    lead = len(shape) - len(target)
    if lead < 0 or builtins.any(b not in (1, a) for a, b in zip(shape[lead:], target, strict=True)):
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(shape)}}}.")
    dims = tuple(
        [dim for dim in range(len(shape)) if dim < lead or (target[dim - lead] == 1 and shape[dim] != 1)]
    )  # fmt: skip
    if dims:
        input = sum(input, dims, True)
    return reshape(input, target) if lead else input


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    array = input._array
    if input._dtype.category == COMPLEX:
        raise RuntimeError("nansum does not support complex inputs")
    kind = summed_dtype(input, dtype)
    kept = np.where(np.isnan(array), 0, array) if array.dtype.kind == "f" else array
    value = _add_up(kept, axes_of(dim, array.ndim), keepdim, kind)
    shape = array.shape

    def way(grad: Any, self: Any) -> Any:
        return expand(spread(grad, dim, keepdim, len(shape)), shape) * self.isnan().logical_not()

    return record("NansumBackward0", value, (input, way, input), dtype=kind)


def _mean_dtype(input: Tensor, asked: Any, function: str) -> dtype:
    kind = input._dtype if asked is None else as_dtype(asked)
    if kind.category < FLOATING:
        what = "Input dtype" if asked is None else "Optional dtype"
        raise RuntimeError(
            f"{function}(): could not infer output dtype. {what} must be either a floating point or complex dtype. "
            f"Got: {kind.short}"
        )
    return kind


def mean(input: Tensor, dim: Any = ALL, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    array = input._array
    kind = _mean_dtype(input, dtype, "mean")
    shape = array.shape
    axes = axes_of(None if dim is ALL else dim, array.ndim)
    count = math.prod([shape[at] for at in axes])
    total = _add_up(array, axes, keepdim, kind)
    value = total / total.dtype.type(count)
    if dim is ALL:
        return record("MeanBackward0", value, (input, lambda grad: _shared_out(grad, shape, count)), dtype=kind)
    way = lambda grad: divided(expand(spread(grad, dim, keepdim, len(shape)), shape), count)  # noqa: E731
    return record("MeanBackward1", value, (input, way), dtype=kind)


def _shared_out(grad: Tensor, shape: tuple[int, ...], count: int) -> Tensor:
    """The same part of one gradient for each of so many elements."""
    if mode.grad or mode.forward is not None:
        return divided(expand(grad, shape), count)
    array = grad._array
    return plain(np.full(shape, array / array.dtype.type(count), array.dtype), grad._dtype)


def divided(input: Tensor, number: float) -> Tensor:
    """Division by a number, by the name that torch's own code gives it."""
    value = input._array / input._array.dtype.type(number)
    return record("DivBackward1", value, (input, lambda grad: divided(grad, number)), dtype=input._dtype)


def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    if input._dtype.category < FLOATING:
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {input._dtype.short}"
        )
    factor = sum(input.detach().isnan().logical_not(), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / factor


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    array = input._array
    kind = summed_dtype(input, dtype)
    wide = np.float32 if kind is float16 else kind.numpy
    source = input if kind is input._dtype or input._dtype.category < FLOATING else input.to(kind)
    if dim is None:
        return record("ProdBackward0", np.prod(array, dtype=wide), (source, _prod_way, source, OUT), dtype=kind)
    at = dim_of(dim, array.ndim)
    value = np.prod(array, axis=at if array.ndim else None, keepdims=keepdim, dtype=wide)

    def way(grad: Any, self: Any, result: Any) -> Any:
        if not self._array.ndim:
            return grad
        wide_grad, wide_result = spread(grad, at, keepdim, array.ndim), spread(result, at, keepdim, array.ndim)
        return wide_grad * conj(_others(self, wide_result, at))

    return record("ProdBackward1", value, (source, way, source, OUT), dtype=kind)


def _prod_way(grad: Any, self: Any, result: Any) -> Any:
    if not self._array.ndim:
        return grad
    if (self._array != 0).all():
        return grad * conj(result / self)
    return (grad * conj(_others(reshape(self, (-1,)), result, 0))).view(self._array.shape)


def _others(self: Tensor, result: Tensor, at: int) -> Tensor:
    """For each element the product of all others along a dimension."""
    if not (self._array == 0).any():
        return result / self
    from .joining import cat, flip
    from .pieces import narrow
    from .scan import cumprod

    size = self._array.shape[at]
    one = ones_of(narrow(self, at, 0, 1))
    before = cat([one, cumprod(narrow(self, at, 0, size - 1), at)], at)
    after = cat([one, cumprod(narrow(flip(self, at), at, 0, size - 1), at)], at)
    return before * flip(after, at)


def _correction(unbiased: Any, correction: Any) -> float:
    if correction is not None:
        return float(correction)
    return 1.0 if unbiased is None or unbiased else 0.0


def _moments(input: Tensor, dim: Any, keepdim: bool, correction: float) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Variance, mean, what the sum of squares is divided by, and the number of elements."""
    if input._dtype.category < FLOATING:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    array = widened(input._array)
    axes = axes_of(dim, array.ndim)
    count = math.prod([array.shape[at] for at in axes])
    centre = np.mean(array, axis=axes, keepdims=True)
    left = array - centre
    squares = (left * left.conj()).real if array.dtype.kind == "c" else left * left
    divisor = max(count - correction, 0)
    value = np.sum(squares, axis=axes, keepdims=keepdim) / array.real.dtype.type(divisor)
    return value, centre if keepdim else centre.squeeze(axes), divisor, count


def var_backward(grad: Tensor, self: Tensor, dim: Any, keepdim: bool, divisor: float) -> Tensor:
    shape = self._array.shape
    if dim is None and not divisor:
        return grad * math.nan if not shape else (grad * math.nan).expand(shape)
    wide = spread(grad, dim, keepdim, len(shape))
    centre = mean(self, dim, True) if shape else self
    factor = 2.0 / divisor if divisor else math.nan
    return (factor * wide) * (self - centre)


def _parse_moments(dim: Any, unbiased: Any) -> tuple[Any, Any]:
    """`x.var(False)` speaks of the bias, `x.var(0)` of a dimension."""
    return (None, dim) if isinstance(dim, bool) else (dim, unbiased)


def _real_dtype(input: Tensor) -> dtype:
    return input._dtype.to_real()


def var(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    dim, unbiased = _parse_moments(dim, unbiased)
    value, _, divisor, _ = _moments(input, dim, keepdim, _correction(unbiased, correction))
    way = lambda grad, self: var_backward(grad, self, dim, keepdim, divisor)  # noqa: E731
    return _moment("VarBackward0", value, (input, way, input))


def _moment(name: str, value: Any, way: Any) -> Tensor:
    """A variance or deviation; a kernel of its own computes a single one, by way of a sum."""
    input = way[0]
    made = record(name, value, way, dtype=_real_dtype(input))
    return written(made, input, function="sum") if made._array.size == 1 and input._counter is None else made


def _std_way(grad: Any, self: Any, result: Any, dim: Any, keepdim: bool, divisor: float) -> Any:
    slope = (grad / (result * 2)).masked_fill(result == 0, 0)
    return var_backward(slope, self, dim, keepdim, divisor)


def std(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    dim, unbiased = _parse_moments(dim, unbiased)
    value, _, divisor, _ = _moments(input, dim, keepdim, _correction(unbiased, correction))
    way = lambda grad, self, result: _std_way(grad, self, result, dim, keepdim, divisor)  # noqa: E731
    return _moment("StdBackward0", np.sqrt(value), (input, way, input, OUT))


def _mean_part(grad: Tensor, self: Tensor, dim: Any, keepdim: bool, count: int) -> Tensor:
    shape = self._array.shape
    return divided(expand(spread(grad, dim, keepdim, len(shape)), shape), count)


def var_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, ...]:
    dim, unbiased = _parse_moments(dim, unbiased)
    value, centre, divisor, count = _moments(input, dim, keepdim, _correction(unbiased, correction))

    def way(grads: Any, self: Any) -> Any:
        parts = [None if grads[0] is None else var_backward(grads[0], self, dim, keepdim, divisor)]
        parts.append(None if grads[1] is None else _mean_part(grads[1], self, dim, keepdim, count))
        return added(parts)

    return record_many(
        "VarMeanBackward0", (value, centre), (input, way, input), dtypes=(_real_dtype(input), input._dtype)
    )


def std_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, ...]:
    dim, unbiased = _parse_moments(dim, unbiased)
    value, centre, divisor, count = _moments(input, dim, keepdim, _correction(unbiased, correction))

    def way(grads: Any, self: Any, result0: Any) -> Any:
        parts = [None if grads[0] is None else _std_way(grads[0], self, result0, dim, keepdim, divisor)]
        parts.append(None if grads[1] is None else _mean_part(grads[1], self, dim, keepdim, count))
        return added(parts)

    return record_many(
        "StdMeanBackward0", (np.sqrt(value), centre), (input, way, input, OUT),
        dtypes=(_real_dtype(input), input._dtype),
    )  # fmt: skip


def added(parts: Sequence[Any]) -> Any:
    """The sum of the gradients that are there."""
    total = None
    for part in parts:
        if part is not None:
            total = part if total is None else total + part
    return total


# norms


def vector_norm(input: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    if input._dtype.category < FLOATING:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got " + input._dtype.short
        )
    if dtype is not None:
        input = input.to(as_dtype(dtype))
    p = ord.item() if isinstance(ord, Tensor) else ord
    ndim = input._array.ndim
    axes = axes_of(dim, ndim)
    value = _norm_value(np.abs(widened(input._array)), float(p), axes, keepdim)
    way = lambda grad, self, result: norm_backward(grad, self, result, float(p), dim, keepdim)  # noqa: E731
    made = record("LinalgVectorNormBackward0", value, (input, way, input, OUT), dtype=_real_dtype(input))
    return made if ndim or dim is not None or input._counter is not None else written(made, input)


def _norm_value(size: np.ndarray, p: float, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
    count = math.prod([size.shape[at] for at in axes]) if axes else 1
    if not count and (p < 0 or p == math.inf):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p:g} norm on an empty tensor because the operation does not have "
            "an identity"
        )
    if p == math.inf:
        return np.max(size, axis=axes, keepdims=keepdim)
    if p == -math.inf:
        return np.min(size, axis=axes, keepdims=keepdim)
    if p == 0:
        return np.sum(size != 0, axis=axes, keepdims=keepdim).astype(size.dtype)
    if p == 1:
        return np.sum(size, axis=axes, keepdims=keepdim)
    if p == 2:
        return np.sqrt(np.sum(size * size, axis=axes, keepdims=keepdim))
    return np.sum(size**p, axis=axes, keepdims=keepdim) ** (1 / p)


def norm_backward(grad: Tensor, self: Tensor, norm: Tensor, p: float, dim: Any, keepdim: bool) -> Tensor:
    ndim = self._array.ndim
    grad, norm = spread(grad, dim, keepdim, ndim), spread(norm, dim, keepdim, ndim)
    if p == 0:
        return zeros_of(grad) * zeros_of(self)
    if p == 1:
        return self.sgn() * grad
    if p == 2:
        return grad * (self / norm).masked_fill_(norm == 0, 0)
    if math.isinf(p):
        size = self.abs()
        taken = size == norm
        share = grad / taken.sum(tuple(range(ndim)) if dim is None else dim, True)
        return self.sgn() * (share * taken)
    if p < 1:
        factor = self.sgn() * self.abs().pow(p - 1).masked_fill(self == 0, 0)
        return factor * (grad * norm.pow(1 - p))
    if p < 2:
        factor = self.sgn() * self.abs().pow(p - 1)
        return factor * (grad / norm.pow(p - 1)).masked_fill(norm == 0, 0)
    return self * self.abs().pow(p - 2) * (grad / norm.pow(p - 1)).masked_fill(norm == 0, 0)


def norm_with_p(input: Tensor, p: float, dim: Any, keepdim: bool = False) -> Tensor:
    """`norm` as torch's own composite operators call it, which has another node."""
    value = _norm_value(np.abs(widened(input._array)), float(p), axes_of(dim, input._array.ndim), keepdim)
    way = lambda grad, self, result: norm_backward(grad, self, result, float(p), dim, keepdim)  # noqa: E731
    return record("NormBackward1", value, (input, way, input, OUT), dtype=_real_dtype(input))


def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    if p == "nuc":
        from .linalg import matrix_norm

        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    if p == "fro" or p is None:
        p = 2.0
    if isinstance(p, str):
        raise RuntimeError(f"norm(): unsupported p {p!r}")
    return vector_norm(input, p, dim, keepdim, dtype=dtype)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    difference = input - other
    if difference._dtype.category < FLOATING:
        raise RuntimeError(
            f"norm(): input dtype should be either floating point or complex. Got {difference._dtype.short} instead."
        )
    value = _norm_value(np.abs(difference._array), float(p), tuple(range(difference._array.ndim)), False)

    def to_self(grad: Any, self: Any, other: Any, result: Any) -> Any:
        return norm_backward(grad, self - other, result, float(p), None, False)

    def to_other(grad: Any, self: Any, other: Any, result: Any) -> Any:
        return -norm_backward(grad, self - other, result, float(p), None, False)

    return record(
        "DistBackward0", value, (input, to_self, input, other, OUT), (other, to_other, input, other, OUT),
        dtype=_real_dtype(difference),
    )  # fmt: skip


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    array = widened(floating(input))
    axes = axes_of(dim, array.ndim)
    if array.size:
        highest = np.max(array.real, axis=axes, keepdims=True) if array.ndim else array.real
        highest = np.where(np.isinf(highest), 0, highest)
        value = np.log(np.sum(np.exp(array - highest), axis=axes, keepdims=True)) + highest
        value = value if keepdim or not array.ndim else value.squeeze(axes)
    else:
        value = np.log(np.sum(np.exp(array), axis=axes, keepdims=keepdim))

    def way(grad: Any, self: Any, result: Any) -> Any:
        wide, whole = spread(grad, dim, keepdim, array.ndim), spread(result, dim, keepdim, array.ndim)
        return wide * conj((self - whole).exp())

    kind = input._dtype if input._dtype.category >= FLOATING else default_float()
    return record("LogsumexpBackward0", value, (input, way, input, OUT), dtype=kind)


# truth


def _truth(function: Any, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    array = input._array
    value = function(array.astype(bool), axis=axes_of(dim, array.ndim), keepdims=keepdim)
    value = np.asarray(value, order="C")
    return written(plain(value.astype(np.uint8) if input._dtype.name == "uint8" else value), input)


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return _truth(np.all, input, dim, keepdim)


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return _truth(np.any, input, dim, keepdim)


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    counts = np.count_nonzero(input._array, axis=axes_of(dim, input._array.ndim))
    return plain(np.asarray(counts, order="C"), dtype=int64)
