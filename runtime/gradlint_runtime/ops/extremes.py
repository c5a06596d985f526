"""Operators that pick: max, min, median, sort, topk, mode, and the running extremes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import results
from ..apply import copied, counted, plain, record, record_many, written
from ..dtypes import BOOL, COMPLEX, int64
from ..saved import OUT, OUT1
from ..tensor import Tensor
from ..views import laid_out_like
from .common import dim_of, zeros_of
from .reduce import axes_of, spread


def picked(grad: Any, shape: tuple[int, ...], at: int, indices: Any, keepdim: bool = True) -> Tensor:
    """Zeros of a shape with a gradient put at the places that were picked along a dimension."""
    wide = grad if keepdim or not shape else grad.unsqueeze(at)
    index = indices if keepdim or not shape else indices.unsqueeze(at)
    return counted(wide.new_zeros(shape).scatter(at, index, wide), 2)


def _no_complex(input: Tensor, function: str) -> None:
    if input._dtype.category == COMPLEX:
        raise RuntimeError(f"{function} does not support complex inputs")


def _first_extreme(array: np.ndarray, largest: bool, at: Any) -> np.ndarray:
    """Where the extreme stands first; a nan counts as the extreme."""
    return np.argmax(array, axis=at) if largest else np.argmin(array, axis=at)


def _along(name: str, largest: bool, input: Tensor, dim: int, keepdim: bool) -> Any:
    array = input._array
    at = dim_of(dim, array.ndim)
    low = "max" if largest else "min"
    if array.ndim and not array.shape[at]:
        raise IndexError(f"{low}(): Expected reduction dim {dim} to have non-zero size.")
    _no_complex(input, low)
    shape = array.shape
    kind = results.max if largest else results.min
    if not shape:
        first = lambda grad: counted(grad.clone(), 2)  # noqa: E731
        only = copied(name, array.copy(), input, first, input._dtype, by="FillBackward3")
        return kind(only, written(plain(np.zeros((), np.int64)), input))
    index = np.expand_dims(_first_extreme(array, largest, at), at)
    value = np.take_along_axis(array, index, at)
    if not keepdim:
        value, index = value.squeeze(at), index.squeeze(at)
    way = lambda grad, indices: picked(grad, shape, at, indices, keepdim)  # noqa: E731
    made = record_many(name, (value, index), (input, way, OUT1), shared=(True, False), dtypes=(input._dtype, int64))
    return kind(*made)


def _whole(name: str, input: Tensor, largest: bool) -> Tensor:
    low = "max" if largest else "min"
    _no_complex(input, low)
    if not input._array.size:
        raise RuntimeError(
            f"{low}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )
    value = np.max(input._array) if largest else np.min(input._array)
    return record(name, value, (input, _evenly_whole, input, OUT), dtype=input._dtype)


def _evenly_whole(grad: Any, self: Any, result: Any) -> Any:
    taken = result.isnan().logical_and(self.isnan()).logical_or(self == result)
    return counted(grad.new_zeros(self._array.shape).masked_fill(taken, grad / taken.sum()), 1)


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    if isinstance(dim, Tensor) or other is not None:
        from .arithmetic import maximum

        return maximum(input, dim if other is None else other)
    return _whole("MaxBackward1", input, True) if dim is None else _along("MaxBackward0", True, input, dim, keepdim)


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    if isinstance(dim, Tensor) or other is not None:
        from .arithmetic import minimum

        return minimum(input, dim if other is None else other)
    return _whole("MinBackward1", input, False) if dim is None else _along("MinBackward0", False, input, dim, keepdim)


def _evenly(dim: Any, keepdim: bool, ndim: int) -> Any:
    def way(grad: Any, self: Any, result: Any) -> Any:
        grad, result = spread(grad, dim, keepdim, ndim), spread(result, dim, keepdim, ndim)
        taken = self == result
        return (grad / taken.sum(dim if dim != () else None, True)) * taken

    return way


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    _check_empty("amax", input, dim)
    array = input._array
    value = np.max(array, axis=axes_of(dim, array.ndim), keepdims=keepdim)
    return record("AmaxBackward0", value, (input, _evenly(dim, keepdim, array.ndim), input, OUT), dtype=input._dtype)


def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    _check_empty("amin", input, dim)
    array = input._array
    value = np.min(array, axis=axes_of(dim, array.ndim), keepdims=keepdim)
    return record("AminBackward0", value, (input, _evenly(dim, keepdim, array.ndim), input, OUT), dtype=input._dtype)


def _check_empty(name: str, input: Tensor, dim: Any) -> None:
    _no_complex(input, name)
    if input._array.size:
        return
    if dim in ((), None, []):
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )
    for at in axes_of(dim, input._array.ndim):
        if not input._array.shape[at]:
            raise IndexError(f"{name}(): Expected reduction dim {at} to have non-zero size.")


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    array = input._array
    axes = axes_of(dim, array.ndim)
    low, high = (function(array, axis=axes, keepdims=keepdim) for function in (np.min, np.max))

    def way(grads: Any, self: Any, min: Any, max: Any) -> Any:
        from .reduce import added

        even = _evenly(dim, keepdim, array.ndim)
        return added(
            [None if grad is None else even(grad, self, end) for grad, end in zip(grads, (min, max), strict=True)]
        )

    return results.aminmax(
        *record_many("AminmaxBackward0", (low, high), (input, way, input, OUT, OUT1), dtypes=(input._dtype,) * 2)
    )


def _arg(largest: bool, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    array, name = input._array, "argmax" if largest else "argmin"
    _no_complex(input, name)
    if input._dtype.category == BOOL:
        raise RuntimeError(f"{name}(): does not support bool input")
    if dim is None:
        if not array.size:
            raise IndexError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                "reduction dim with the 'dim' argument."
            )
        index = np.asarray(_first_extreme(array.reshape(-1), largest, None))
        return plain(index.reshape((1,) * array.ndim) if keepdim else index, dtype=int64)
    at = dim_of(dim, array.ndim)
    if not array.ndim:
        return plain(np.zeros((), np.int64))
    if not array.shape[at]:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")
    index = _first_extreme(array, largest, at)
    return plain(np.expand_dims(index, at) if keepdim else index, dtype=int64)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    return _arg(True, input, dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    return _arg(False, input, dim, keepdim)


def _ordered(array: np.ndarray, at: int, descending: bool) -> np.ndarray:
    """Indices that sort along a dimension, equals in order, nan as the largest."""
    if not descending:
        return np.argsort(array, axis=at, kind="stable")
    turned = np.flip(array, at)
    index = np.flip(np.argsort(turned, axis=at, kind="stable"), at)
    return array.shape[at] - 1 - index


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool | None = None) -> Any:
    array = input._array
    at = dim_of(dim, array.ndim)
    shape = array.shape
    _no_complex(input, "sort")
    index = _ordered(array, at, descending) if shape else np.zeros((), np.int64)
    value = np.take_along_axis(array, index, at) if shape else array.copy()
    value, index = laid_out_like(value, array), laid_out_like(index, array)
    way: Any = lambda grad, indices: picked(grad, shape, at, indices)  # noqa: E731
    name = "SortBackward0" if stable is None else "SortBackward1"
    if input._counter is None:
        places = written(plain(index, dtype=int64), input)
        return results.sort(copied(name, value, input, lambda grad: way(grad, places), input._dtype), places)
    return results.sort(
        *record_many(name, (value, index), (input, way, OUT1), shared=(True, False), dtypes=(input._dtype, int64))
    )


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    array = input._array
    if not array.ndim:
        return written(plain(np.zeros((), np.int64)), input)
    order = laid_out_like(_ordered(array, dim_of(dim, array.ndim), descending), array)
    return written(plain(order, dtype=int64), input)


def msort(input: Tensor) -> Tensor:
    return sort(input, 0)[0]


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    array = input._array
    at = dim_of(dim, array.ndim)
    shape = array.shape
    if input._dtype.category == BOOL:
        raise RuntimeError("topk does not support bool dtypes on CPU")
    if not 0 <= k <= (shape[at] if shape else 1):
        raise RuntimeError("selected index k out of range")
    if not shape:
        value, index = array.copy(), np.zeros((), np.int64)
    else:
        index = np.take(_ordered(array, at, largest), np.arange(k), axis=at)
        value = np.take_along_axis(array, index, at)
    way = lambda grad, indices: picked(grad, shape, at, indices)  # noqa: E731
    return results.topk(
        *record_many(
            "TopkBackward0", (value, index), (input, way, OUT1), shared=(True, False), dtypes=(input._dtype, int64)
        )
    )


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    array = input._array
    at = dim_of(dim, array.ndim)
    if not 1 <= k <= (array.shape[at] if array.ndim else 1):
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(at))
    return results.kthvalue(*_nth("KthvalueBackward0", input, at, keepdim, k - 1, _selected))


def _selected(array: np.ndarray, at: int, order: np.ndarray, k: int) -> np.ndarray:
    """Which of several equal elements a selection by partition ends on, for rows where several could be meant."""
    ranked = np.take_along_axis(array, order, at)
    wanted = np.take(ranked, [k], at)
    alike = (ranked == wanted) | ((ranked != ranked) & (wanted != wanted))
    made = np.moveaxis(np.take(order, [k], at), at, -1).copy()
    rows = np.moveaxis(array, at, -1)
    for row in np.argwhere(np.moveaxis(alike.sum(axis=at, keepdims=True) > 1, at, -1)[..., 0]):
        made[..., 0][tuple(row)] = _partitioned(rows[tuple(row)].tolist(), k)
    return np.moveaxis(made, -1, at)


def _partitioned(values: list[Any], k: int) -> int:
    """The index of the k-th smallest by Hoare's selection with a median of three, in torch's order of exchanges."""
    order = list(range(len(values)))
    low, high = 0, len(values) - 1

    def after(a: int, b: int) -> bool:
        x, y = values[order[a]], values[order[b]]
        return (x != x and y == y) or x > y

    def swap(a: int, b: int) -> None:
        order[a], order[b] = order[b], order[a]

    while high > low:
        if high == low + 1:
            if after(low, high):
                swap(low, high)
            break
        swap(low + (high - low) // 2, low + 1)
        for a, b in ((low + 1, high), (low, high), (low + 1, low)):
            if after(a, b):
                swap(a, b)
        i, j = low + 1, high
        while True:
            i += 1
            while after(low, i):
                i += 1
            j -= 1
            while after(j, low):
                j -= 1
            if j < i:
                break
            swap(i, j)
        swap(low, j)
        low, high = (i if j <= k else low), (j - 1 if j >= k else high)
    return order[k]


def _nth(name: str, input: Tensor, at: int, keepdim: bool, place: Any, among: Any = None) -> Any:
    """The element at a place of the sorted order, along a dimension. `place` may be an array of places; `among` tells
    which of several equal ones it is, the first in order unless told."""
    array = input._array
    shape = array.shape
    if not shape:
        value, index = array.copy(), np.zeros((), np.int64)
    else:
        order = _ordered(array, at, False)
        places = np.broadcast_to(np.asarray(place), [1 if dim == at else size for dim, size in enumerate(shape)])
        index = np.take_along_axis(order, places.astype(np.int64), at)
        if among is not None:
            index = among(array, at, order, place)
        value = np.take_along_axis(array, index, at)
        if not keepdim:
            value, index = value.squeeze(at), index.squeeze(at)
    way = lambda grad, indices: picked(grad, shape, at, indices, keepdim)  # noqa: E731
    return record_many(name, (value, index), (input, way, OUT1), shared=(True, False), dtypes=(input._dtype, int64))


def _median_place(array: np.ndarray, at: int, skip_nan: bool) -> Any:
    size = array.shape[at]
    if array.dtype.kind != "f":
        return (size - 1) // 2
    missing = np.isnan(array).sum(axis=at, keepdims=True)
    if skip_nan:
        return np.maximum(size - missing - 1, 0) // 2
    return np.where(missing > 0, size - missing, (size - 1) // 2)


def _median(name: str, input: Tensor, dim: Any, keepdim: bool, skip_nan: bool) -> Any:
    array = input._array
    if dim is None:
        flat = array.reshape(-1)
        if not flat.size:
            value = np.array(np.nan if array.dtype.kind == "f" else np.iinfo(np.int64).min).astype(array.dtype)
        else:
            place = np.broadcast_to(np.asarray(_median_place(flat, 0, skip_nan)), (1,))
            value = np.sort(flat)[place][0]
        return record(name + "0", value, (input, _evenly_whole, input, OUT), dtype=input._dtype)
    at = dim_of(dim, array.ndim)
    return _nth(name + "1", input, at, keepdim, _median_place(array, at, skip_nan) if array.ndim else 0)


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    made = _median("MedianBackward", input, dim, keepdim, False)
    return made if dim is None else results.median(*made)


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    made = _median("NanmedianBackward", input, dim, keepdim, True)
    return made if dim is None else results.nanmedian(*made)


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    array = input._array
    at = dim_of(dim, array.ndim)
    shape = array.shape
    if not shape:
        value, index = array.copy(), np.zeros((), np.int64)
    else:
        index = np.expand_dims(_mode_index(array, at), at)
        value = np.take_along_axis(array, index, at)
        if not keepdim:
            value, index = value.squeeze(at), index.squeeze(at)
    way = lambda grad, indices: picked(grad, shape, at, indices, keepdim)  # noqa: E731
    return results.mode(
        *record_many(
            "ModeBackward0", (value, index), (input, way, OUT1), shared=(True, False), dtypes=(input._dtype, int64)
        )
    )


def _mode_index(array: np.ndarray, at: int) -> np.ndarray:
    """Where the most frequent value stands last; of several the smallest value."""
    order = np.argsort(array, axis=at, kind="stable")
    ranked = np.take_along_axis(array, order, at)
    moved = np.moveaxis(ranked, at, -1)
    steps = np.arange(moved.shape[-1])
    starts = np.concatenate([np.ones_like(moved[..., :1], bool), moved[..., 1:] != moved[..., :-1]], -1)
    first = np.maximum.accumulate(np.where(starts, steps, 0), axis=-1)
    length = steps - first + 1
    best = np.argmax(length, axis=-1)
    return np.take_along_axis(np.moveaxis(order, at, -1), best[..., None], -1)[..., 0]


def _running(name: str, input: Tensor, dim: int, function: Any) -> Any:
    array = input._array
    at = dim_of(dim, array.ndim)
    shape = array.shape
    if not shape:
        value, index = array.copy(), np.zeros((), np.int64)
    else:
        value = function.accumulate(array, axis=at)
        steps = np.arange(shape[at]).reshape([-1 if dim == at else 1 for dim in range(len(shape))])
        reached = (array == value) | ((array != array) & (value != value))
        index = np.maximum.accumulate(np.where(reached, steps, 0), axis=at) if array.size else np.zeros(shape, np.int64)

    def way(grad: Any, indices: Any) -> Any:
        if not shape:
            return grad
        return counted(zeros_of(grad).scatter_add(at, indices, grad), 2)

    return record_many(name, (value, index), (input, way, OUT1), shared=(True, False), dtypes=(input._dtype, int64))


def cummax(input: Tensor, dim: int) -> Any:
    return results.cummax(*_running("CummaxBackward0", input, dim, np.maximum))


def cummin(input: Tensor, dim: int) -> Any:
    return results.cummin(*_running("CumminBackward0", input, dim, np.minimum))
