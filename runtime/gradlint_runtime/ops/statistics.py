"""Counting, searching, quantiles, covariances and numeric integration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import results
from ..apply import plain, record, record_many
from ..dtypes import FLOATING, int64, result_type
from ..saved import OUT1
from ..tensor import Tensor
from .arithmetic import underived
from .blend import lerp
from .common import conj, dim_of
from .extremes import sort
from .index import gather
from .joining import cat
from .losses import scalar_div, scalar_mul
from .matrix import mm
from .pieces import narrow, sliced
from .scan import cumsum
from .shape import reshape, squeeze, transpose, unsqueeze

# counting


def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Tensor:
    array = input._array
    if bins <= 0:
        raise RuntimeError(f"torch.histogramdd(): bins must be > 0, but got {bins} for dimension 0")
    low, high = float(min), float(max)
    if low == high and array.size:
        low, high = float(array.min()), float(array.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histc: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    inside = array[(array >= low) & (array <= high)]
    places = np.minimum(((inside - low) * bins / (high - low)).astype(np.int64), bins - 1)
    return plain(np.bincount(places, minlength=bins).astype(array.dtype), dtype=input._dtype)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    array = input._array
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return plain(np.bincount(array.astype(np.int64), minlength=minlength).astype(np.int64))
    if weights._array.shape != array.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    counted = np.bincount(array.astype(np.int64), weights._array, minlength)
    kind = weights._array.dtype if weights._array.dtype == np.float32 else np.float64
    return record("NotImplemented", counted.astype(kind), (weights, underived("bincount")))


def searchsorted(
    sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:  # fmt: skip
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    after = side == "right" or (side is None and right)
    keys = sorted_sequence._array
    values = input._array if isinstance(input, Tensor) else np.asarray(input)
    if sorter is not None:
        keys = np.take_along_axis(keys, sorter._array, -1)
    kind = np.int32 if out_int32 else np.int64
    if keys.ndim == 1:
        return plain(np.asarray(np.searchsorted(keys, values, "right" if after else "left")).astype(kind))
    if keys.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
            f"and input value tensor must match, but we got boundaries tensor {list(keys.shape)} and input value tensor "
            f"{list(values.shape)}"
        )
    below = keys[..., None, :] <= values[..., :, None] if after else keys[..., None, :] < values[..., :, None]
    return plain(below.sum(-1).astype(kind))


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    if boundaries._array.ndim != 1:
        raise RuntimeError(f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries._array.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    a, b = (each._array if isinstance(each, Tensor) else np.asarray(each) for each in (elements, test_elements))
    return plain(np.isin(a, b, invert=invert))


def _unique(node: str, input: Tensor, values: np.ndarray, extra: list[np.ndarray]) -> Any:
    way = underived(
        {"Unique2Backward0": "_unique2", "UniqueDimBackward0": "unique_dim"}.get(node, "unique_consecutive")
    )
    made = record_many(
        node, (values, *extra), (input, way), shared=(True, *[False] * len(extra)),
        dtypes=(input._dtype, *[int64] * len(extra)),
    )  # fmt: skip
    return made[0] if len(made) == 1 else made


def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None,
) -> Any:  # fmt: skip
    array = input._array
    if dim is None:
        values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
        node, inverse = "Unique2Backward0", inverse.reshape(array.shape)
    else:
        at = dim_of(dim, array.ndim)
        values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, axis=at)
        node, inverse = "UniqueDimBackward0", inverse.reshape(-1)
    extra = [*([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return _unique(node, input, np.ascontiguousarray(values), extra)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    array = input._array
    if dim is None:
        flat, at = array.reshape(-1), 0
    else:
        at = dim_of(dim, array.ndim)
        flat = array
    moved = np.moveaxis(flat, at, 0)
    changed = (moved[1:] != moved[:-1]).any(axis=tuple(range(1, moved.ndim)))
    starts = np.r_[True, changed] if len(moved) else np.zeros(0, bool)
    values = np.moveaxis(moved[starts], 0, at)
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.r_[np.nonzero(starts)[0], len(moved)])
    if dim is None:
        inverse = inverse.reshape(array.shape)
    extra = [*([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return _unique("UniqueConsecutiveBackward0", input, np.ascontiguousarray(values), extra)


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    found = np.stack(np.nonzero(np.atleast_1d(input._array)), axis=1)[:, : input._array.ndim]
    made = np.full((size, input._array.ndim), fill_value, np.int64)
    made[: len(found)] = found[:size]
    return plain(made)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if (indices._array < 0).any():
        raise ValueError("indices must be nonnegative")
    places = np.unravel_index(indices._array, sizes)
    if not places:
        return ()
    stacked = plain(np.stack(places, axis=-1).astype(np.int64))
    return stacked.unbind(-1)


def frexp(input: Tensor) -> Any:
    if input._dtype.category != FLOATING:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    mantissa, exponent = np.frexp(input._array)

    def way(grad: Tensor, exponent: Tensor) -> Tensor:
        return grad / plain(np.exp2(exponent._array.astype(np.float64)).astype(grad._array.dtype), dtype=grad._dtype)

    return results.frexp(*record_many(
        "FrexpBackward0", (mantissa, exponent.astype(np.int32)), (input, way, OUT1), shared=(True, False),
        dtypes=(input._dtype, None),
    ))  # fmt: skip


# quantiles


def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    return _quantile(input, q, dim, keepdim, interpolation, False)


def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    return _quantile(input, q, dim, keepdim, interpolation, True)


def _quantile(input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool) -> Tensor:
    function = "nanquantile" if skip_nan else "quantile"
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"{function}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if not input._array.size:
        raise RuntimeError(f"{function}() input tensor must be non-empty")
    if input._dtype.name not in ("float32", "float64"):
        raise RuntimeError(f"{function}() input tensor must be either float or double dtype")
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{function}() q must be in the range [0, 1] but got {q}")
        q = input.new_tensor(q)
    if q._array.ndim > 1:
        raise RuntimeError(f"{function}() q must be a scalar or 1D tensor")
    if ((q._array < 0) | (q._array > 1)).any():
        raise RuntimeError(f"{function}() q values must be in the range [0, 1]")
    ndim = input._array.ndim
    if not ndim and dim is not None:
        dim_of(dim, 0)
        dim, keepdim = None, False
    at = 0 if dim is None else dim_of(dim, ndim)
    kept = _kept_shape(input._array.shape, q._array.ndim > 0, dim, at, keepdim)
    if dim is None:
        ordered = sort(input.flatten())[0]
    elif at == ndim - 1 or not ndim:
        ordered = unsqueeze(sort(input, -1)[0], 0) if not ndim else sort(input, -1)[0]
    else:
        ordered = sort(_last(input, at), -1)[0]
    flat = reshape(ordered, (-1, ordered._array.shape[-1]))
    return _at_ranks(flat, q, interpolation, skip_nan, kept)


def _last(input: Tensor, at: int) -> Tensor:
    return transpose(unsqueeze(input, input._array.ndim), at, input._array.ndim).squeeze(at)


def _kept_shape(shape: tuple[int, ...], many: bool, dim: int | None, at: int, keepdim: bool) -> tuple[int, ...]:
    if dim is None:
        rest: tuple[int, ...] = (1,) * len(shape) if keepdim else ()
    else:
        rest = (*shape[:at], *((1,) if keepdim else ()), *shape[at + 1 :])
    return (-1, *rest) if many else rest


def _at_ranks(flat: Tensor, q: Tensor, interpolation: str, skip_nan: bool, kept: tuple[int, ...]) -> Tensor:
    array = flat._array
    rows, size = array.shape
    level = q._array.reshape(-1, 1).astype(array.dtype)
    if skip_nan:
        count = (~np.isnan(array)).sum(-1)
        ranks = np.maximum(level * (count - 1), 0)
    else:
        missing = np.isnan(array[:, -1])
        ranks = np.where(missing, size - 1, np.broadcast_to(level * (size - 1), (len(level), rows)))
    if interpolation in ("lower", "higher", "nearest"):
        turn = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[interpolation]
        ranks = turn(ranks)
    below = ranks.astype(np.int64)
    low = gather(flat, 1, plain(np.ascontiguousarray(below.T)))
    if interpolation in ("linear", "midpoint"):
        weight = np.full_like(ranks, 0.5) if interpolation == "midpoint" else ranks - below
        above = np.ceil(ranks).astype(np.int64)
        high = gather(flat, 1, plain(np.ascontiguousarray(above.T)))
        low = lerp(low, high, plain(np.ascontiguousarray(weight.T).astype(array.dtype)))
    if kept and kept[0] == -1:
        wide = reshape(transpose(low, 0, 1), (len(level), *kept[1:]))
        return wide
    return _squeezed(low, kept)


def _squeezed(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    before = input._array.shape
    return record(
        "SqueezeBackward4", input._array.reshape(shape), (input, lambda grad: reshape(grad, before)), dtype=input._dtype
    )


# covariance


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    array = input._array
    if array.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {array.ndim} dimensions"
        )
    if input._dtype.name == "bool":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    source = reshape(input, (1, -1)) if array.ndim < 2 else input
    count = source._array.shape[1]
    weights: Any = None
    if fweights is not None:
        weights = fweights
    if aweights is not None:
        weights = aweights if weights is None else weights * aweights
    if weights is None:
        total: Any = count
        mean = source.sum(1) / total if source._dtype.category < FLOATING else source.mean(1)
    else:
        total = weights.sum()
        mean = (source * weights).sum(1) / total
    if weights is not None and aweights is not None and correction:
        norm = total - correction * (weights * aweights).sum() / total
    else:
        norm = total - correction
    if isinstance(norm, Tensor):
        held = norm._array
        norm = norm if held > 0 else norm.new_zeros(())
    else:
        norm = max(norm, 0)
    centred = source - unsqueeze(mean, 1)
    second = centred if weights is None else centred * weights
    product = (
        mm(centred, conj(second).t()) if second._dtype is centred._dtype else mm(centred.to(second._dtype), second.t())
    )
    return squeeze(product / norm)


def corrcoef(input: Tensor) -> Tensor:
    if input._array.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input._array.ndim} dimensions"
        )
    c = cov(input)
    if not c._array.ndim:
        return c / c
    scale = c.diagonal()
    scale = (scale.real if c._dtype.is_complex else scale).sqrt()
    c = c / reshape(scale, (-1, 1))
    c = c / reshape(scale, (1, -1))
    if c._dtype.is_complex:
        from .complex import complex as make_complex

        return make_complex(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return c.clamp(-1, 1)


# integration and slopes


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    at = dim_of(dim, y._array.ndim)
    size = y._array.shape[at]
    if size == 0:
        shape = y._array.shape[:at] + y._array.shape[at + 1 :]
        return y.new_zeros(shape)
    if x is not None and x._array.ndim:
        steps, low, high = _trapezoids(y, x, at)
        return scalar_div(((low + high) * steps).sum(at), 2.0)
    ends = (narrow(y, at, 0, 1).squeeze(at) + narrow(y, at, size - 1, 1).squeeze(at)) * 0.5
    return scalar_mul((y.sum(at) - ends), dx)


trapz = trapezoid


def _trapezoids(y: Tensor, x: Tensor, at: int) -> tuple[Tensor, Tensor, Tensor]:
    size = y._array.shape[at]
    if x._array.ndim == 1:
        if x._array.shape[0] != size:
            raise RuntimeError("trapezoid: There must be one `x` value for each sample point")
        shape = [1] * y._array.ndim
        shape[at] = size
        x = x.view(shape)
    along = dim_of(at - y._array.ndim, x._array.ndim)
    length = x._array.shape[along]
    steps = sliced(x, along, 1, length, 1) - sliced(x, along, 0, length - 1, 1)
    return steps, sliced(y, at, 1, size, 1), sliced(y, at, 0, size - 1, 1)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    at = dim_of(dim, y._array.ndim)
    size = y._array.shape[at]
    if x is not None and x._array.ndim:
        steps, high, low = _trapezoids(y, x, at)
        return scalar_div(cumsum(steps * (high + low), at), 2.0)
    both = sliced(y, at, 1, size, 1) + sliced(y, at, 0, size - 1, 1)
    return cumsum(scalar_mul(both, dx / 2), at)


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    ndim = input._array.ndim
    dims = (
        list(range(ndim)) if dim is None else [dim_of(each, ndim) for each in ([dim] if isinstance(dim, int) else dim)]
    )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    spacing = 1 if spacing is None else spacing
    given = list(spacing) if isinstance(spacing, Sequence) else [spacing] * len(dims)
    if isinstance(spacing, Tensor):
        given = [spacing] * len(dims)
    made = []
    for at, step in zip(dims, given, strict=True):
        if input._array.shape[at] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
        made.append(_slopes_at(input, at, step, edge_order) if isinstance(step, Tensor) and step._array.ndim
                    else _slopes(input, at, step.item() if isinstance(step, Tensor) else step, edge_order))  # fmt: skip
    return tuple(made)


def _part(input: Tensor, at: int, start: int, count: int) -> Tensor:
    return sliced(input, at, start, start + count, 1)


def _slopes(input: Tensor, at: int, step: Any, edge_order: int) -> Tensor:
    size = input._array.shape[at]
    step = float(step) if not isinstance(step, complex) else step
    source = input if input._dtype.category >= FLOATING else input.to(result_type(input, 1.0))
    if edge_order == 1:
        first = scalar_div(_part(source, at, 1, 1) - _part(source, at, 0, 1), step)
        last = scalar_div(_part(source, at, size - 1, 1) - _part(source, at, size - 2, 1), step)
    else:
        first = (scalar_mul(_part(source, at, 0, 1), -1.5) + scalar_mul(_part(source, at, 1, 1), 2.0)
                 - scalar_mul(_part(source, at, 2, 1), 0.5)) / step  # fmt: skip
        last = (scalar_mul(_part(source, at, size - 3, 1), 0.5) - scalar_mul(_part(source, at, size - 2, 1), 2.0)
                + scalar_mul(_part(source, at, size - 1, 1), 1.5)) / step  # fmt: skip
    middle = scalar_div(_part(source, at, 2, size - 2) - _part(source, at, 0, size - 2), 2 * step)
    return cat([first, middle, last], at)


def _slopes_at(input: Tensor, at: int, places: Tensor, edge_order: int) -> Tensor:
    """Slopes between samples that lie at uneven distances."""
    size = input._array.shape[at]
    shape = [1] * input._array.ndim
    shape[at] = -1
    gaps = (places.narrow(0, 1, size - 1) - places.narrow(0, 0, size - 1)).reshape(shape)
    before, after = _part(gaps, at, 0, size - 2), _part(gaps, at, 1, size - 2)
    a, c = -after / (before * (before + after)), before / (after * (before + after))
    b = (after - before) / (before * after)
    middle = a * _part(input, at, 0, size - 2) + b * _part(input, at, 1, size - 2) + c * _part(input, at, 2, size - 2)

    def one(k: int) -> Tensor:
        return _part(input, at, k, 1)

    def gap(k: int) -> Tensor:
        return _part(gaps, at, k, 1)

    if edge_order == 1:
        first = (one(1) - one(0)) / gap(0)
        last = (one(size - 1) - one(size - 2)) / gap(size - 2)
    else:
        h1, h2 = gap(0), gap(1)
        first = (
            -(2 * h1 + h2) / (h1 * (h1 + h2)) * one(0) + (h1 + h2) / (h1 * h2) * one(1) - h1 / (h2 * (h1 + h2)) * one(2)
        )
        h1, h2 = gap(size - 3), gap(size - 2)
        last = h2 / (h1 * (h1 + h2)) * one(size - 3) - (h2 + h1) / (h1 * h2) * one(size - 2) + (
            2 * h2 + h1) / (h2 * (h1 + h2)) * one(size - 1)  # fmt: skip
    return cat([first, middle, last], at)
