"""Operators that read and write by index tensors: index, gather, scatter, masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import inplace
from ..apply import counted, plain, record, written
from ..dtypes import BOOL, COMPLEX, int64
from ..tensor import Tensor, sharing
from ..views import densely
from .common import broadcast_shape, dim_of
from .shape import alias, expand, reshape

_BAD_INDEX = "tensors used as indices must be long, int, byte or bool tensors"


def keys_for(shape: tuple[int, ...], indices: Sequence[Tensor | None]) -> tuple[Any, ...]:
    """numpy's index for torch's: masks become numbers, negative numbers are checked and turned."""
    keys: list[Any] = []
    for each in indices:
        at = len(keys)
        if each is None:
            keys.append(slice(None))
            continue
        array = each._array
        kind = each._dtype
        if kind.category == BOOL or kind.name == "uint8":
            _check_mask(array.shape, shape, at)
            keys.extend(np.nonzero(array))
            continue
        if kind.name not in ("int64", "int32"):
            raise IndexError(_BAD_INDEX)
        _check_bounds(array, at, shape)
        keys.append(array.astype(np.int64, copy=False))
    _check_broadcast([key for key in keys if not isinstance(key, slice)])
    return tuple(keys)


def _check_mask(mask: tuple[int, ...], shape: tuple[int, ...], at: int) -> None:
    for offset, size in enumerate(mask):
        if at + offset >= len(shape) or shape[at + offset] != size:
            raise IndexError(
                f"The shape of the mask {list(mask)} at index {offset} does not match the shape of the indexed tensor "
                f"{list(shape)} at index {at + offset}"
            )


def _check_bounds(array: np.ndarray, at: int, shape: tuple[int, ...]) -> None:
    if at >= len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)} (got {at + 1})")
    size = shape[at]
    if array.size and (array.min() < -size or array.max() >= size):
        wrong = array[(array < -size) | (array >= size)].reshape(-1)[0]
        raise IndexError(f"index {int(wrong)} is out of bounds for dimension {at} with size {size}")


def _check_broadcast(keys: list[np.ndarray]) -> None:
    try:
        np.broadcast_shapes(*[key.shape for key in keys])
    except ValueError:
        shapes = ", ".join(str(list(key.shape)) for key in keys)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None


def index(input: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    array = input._array
    shape = array.shape
    keys = keys_for(shape, indices)

    def way(grad: Any, indices: Any) -> Any:
        return index_put(grad.new_zeros(shape), indices, grad, True)

    value = array[keys]
    value = value.copy() if value.base is not None else value
    return record("IndexBackward0", value, (input, way, tuple(indices)), dtype=input._dtype)


def _put(array: np.ndarray, keys: tuple[Any, ...], values: np.ndarray, accumulate: bool) -> None:
    if accumulate:
        if array.dtype == np.bool_:
            np.logical_or.at(array, keys, values)
        else:
            np.add.at(array, keys, values)
    else:
        array[keys] = values


def index_put(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    array = input._array
    if values._dtype is not input._dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{input._dtype.short} for the destination and {values._dtype.short} for the source."
        )
    keys = keys_for(array.shape, indices)
    wanted = array[keys].shape
    try:
        np.broadcast_to(values._array, wanted)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values._array.shape)} cannot be broadcast to indexing "
            f"result of shape {list(wanted)}"
        ) from None
    made = array.copy()
    _put(made, keys, values._array, accumulate)

    def to_self(grad: Any, indices: Any) -> Any:
        return grad if accumulate else index_put(grad, indices, grad.new_zeros(()), False)

    kept = tuple(indices)
    return record(
        "IndexPutBackward0", made, (input, to_self, kept),
        (values, lambda grad, indices: index(grad, indices), kept), dtype=input._dtype,
    )  # fmt: skip


def index_put_(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    return inplace.become(input, index_put, (values,), indices, values, accumulate)


# one dimension


def _flat_index(index: Tensor, function: str) -> np.ndarray:
    if index._array.ndim > 1:
        raise IndexError(f"{function}(): Index is supposed to be a vector")
    if index._dtype.name not in ("int64", "int32"):
        raise RuntimeError(f"{function}(): Expected dtype int32 or int64 for index")
    return index._array.reshape(-1)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    array = input._array
    at = dim_of(dim, array.ndim)
    places = _flat_index(index, "index_select")
    size = array.shape[at] if array.ndim else 1
    if places.size and (places.min() < 0 or places.max() >= size):
        raise IndexError("index out of range in self")
    value = np.take(array, places, axis=at) if array.ndim else array.reshape(1)[places].reshape(())
    shape = array.shape

    def way(grad: Any, index: Any) -> Any:
        return counted(index_add(grad.new_zeros(shape), at, index, grad), 1)

    return record("IndexSelectBackward0", value, (input, way, index), dtype=input._dtype)


def _key(ndim: int, at: int, places: Any) -> tuple[Any, ...]:
    return (slice(None),) * at + (places,) + (slice(None),) * (ndim - at - 1)


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    array = input._array
    at = dim_of(dim, array.ndim)
    places = _flat_index(index, "index_add")
    if source._dtype is not input._dtype:
        raise RuntimeError(
            f"index_add_(): self ({input._dtype.short}) and source ({source._dtype.short}) must have the same scalar type"
        )
    if places.size != (source._array.shape[at] if source._array.ndim else 1):
        raise RuntimeError(
            f"index_add_(): Number of indices ({places.size}) should be equal to source.size(dim): "
            f"({source._array.shape[at] if source._array.ndim else 1}), for dim: {at}"
        )
    if places.size and (places.min() < 0 or places.max() >= (array.shape[at] if array.ndim else 1)):
        raise IndexError("index out of range in self")
    sizes, others = (shape[:at] + shape[at + 1 :] for shape in (array.shape, source._array.shape))
    if sizes != others or (source._array.ndim and not array.ndim):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(array.shape)} source.shape = {list(source._array.shape)}"
        )
    made = array.copy()
    added = source._array if alpha == 1 else source._array * source._array.dtype.type(alpha)
    flat = made if made.ndim else made.reshape(1)
    _put(flat, _key(flat.ndim, at, places), added.reshape(flat.shape) if not made.ndim else added, True)

    def to_source(grad: Any, index: Any) -> Any:
        picked = index_select(grad, at, index)
        picked = expand(picked, source_shape) if picked._array.shape != source_shape else picked
        return picked if alpha == 1 else picked * alpha

    source_shape = source._array.shape
    return record("IndexAddBackward0", made, (input, lambda grad: grad), (source, to_source, index), dtype=input._dtype)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    array = input._array
    at = dim_of(dim, array.ndim)
    places = _flat_index(index, "index_copy")
    if source._dtype is not input._dtype:
        raise RuntimeError(
            f"index_copy_(): self and source expected to have the same dtype, but got (self) {input._dtype.short} and "
            f"(source) {source._dtype.short}"
        )
    made = array.copy()
    flat = made if made.ndim else made.reshape(1)
    flat[_key(flat.ndim, at, places)] = source._array.reshape(flat.shape) if not made.ndim else source._array
    shape = source._array.shape

    def to_self(grad: Any, index: Any) -> Any:
        return index_fill(grad, at, index, 0)

    def to_source(grad: Any, index: Any) -> Any:
        picked = index_select(grad, at, index)
        return expand(picked, shape) if picked._array.shape != shape else picked

    return record("IndexCopyBackward0", made, (input, to_self, index), (source, to_source, index), dtype=input._dtype)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    array = input._array
    at = dim_of(dim, array.ndim)
    places = _flat_index(index, "index_fill_")
    extent = array.shape[at] if array.ndim else 1
    if places.size and (places.min() < -extent or places.max() >= extent):
        raise IndexError("index out of range in self")
    if isinstance(value, Tensor) and value._array.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value._array.ndim} "
            "dimension(s)."
        )
    if isinstance(value, complex) and input._dtype.category != COMPLEX:
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    made = densely(array).copy("K")
    flat = made if made.ndim else made.reshape(1)
    flat[_key(flat.ndim, at, places)] = value._array if isinstance(value, Tensor) else value
    to_self = lambda grad, index: index_fill(grad, at, index, 0)  # noqa: E731
    if not isinstance(value, Tensor):
        return record("IndexFillBackward0", made, (input, to_self, index), dtype=input._dtype)
    return record(
        "IndexFillBackward1", made, (input, to_self, index),
        (value, lambda grad, index: index_select(grad, at, _distinct(index)).sum(), index), dtype=input._dtype,
    )  # fmt: skip


def _distinct(index: Tensor) -> Tensor:
    return sharing(index, np.unique(index._array))


# along a dimension, element by element


def _along(function: str, input: Tensor, dim: int, index: Tensor) -> tuple[int, np.ndarray]:
    at = dim_of(dim, input._array.ndim)
    if not index._array.size:
        return at, index._array.astype(np.int64)
    if index._dtype.name not in ("int64", "int32"):
        raise RuntimeError(f"{function}(): Expected dtype int32/int64 for index")
    places = index._array
    extent = input._array.shape[at] if input._array.ndim else 1
    if places.size and (places.min() < 0 or places.max() >= extent):
        wrong = places[(places < 0) | (places >= extent)].reshape(-1)[0]
        raise RuntimeError(f"index {int(wrong)} is out of bounds for dimension {at} with size {extent}")
    return at, places


def _grid(places: np.ndarray, at: int) -> tuple[Any, ...]:
    """The index of every element that `places` speaks of along one dimension."""
    keys: list[Any] = list(np.ogrid[tuple(slice(size) for size in places.shape)]) if places.ndim else []
    if places.ndim:
        keys[at] = places
    return tuple(keys)


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    array = input._array
    at, places = _along("gather", input, dim, index)
    if places.size and max(array.ndim, 1) != max(places.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for other in range(places.ndim):
        if places.size and other != at and array.ndim and places.shape[other] > array.shape[other]:
            raise RuntimeError(
                f"Size does not match at dimension {other} expected index {list(places.shape)} to be no larger than "
                f"self {list(array.shape)} apart from dimension {at}"
            )
    if not array.ndim or not places.ndim or not places.size:
        flat = array.reshape(-1) if places.size else np.zeros(1, array.dtype)
        value = flat[places.reshape(-1)].reshape(places.shape) if places.size else np.empty(places.shape, array.dtype)
    else:
        value = array[_grid(places, at)]
    shape = array.shape

    def way(grad: Any, index: Any) -> Any:
        return scatter_add(grad.new_zeros(shape), at, index, grad)

    return record("GatherBackward0", value, (input, way, index), dtype=input._dtype)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    if indices._dtype is not int64:
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {indices._dtype.short}")
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    at = dim_of(dim, input._array.ndim)
    a, b = input._array.shape, indices._array.shape
    if len(a) != len(b):
        raise RuntimeError(
            f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {len(a)} "
            f"dimensions for input, and {len(b)} dimensions for indices"
        )
    wide = np.broadcast_shapes(*[tuple(1 if i == at else size for i, size in enumerate(each)) for each in (a, b)])
    wide_input, wide_index = (
        expand(each, tuple(extent if i == at else size for i, size in enumerate(wide)))
        for each, extent in ((input, a[at]), (indices, b[at]))
    )
    if (wide_index._array < 0).any():
        wide_index = plain(np.where(wide_index._array < 0, wide_index._array + a[at], wide_index._array))
    return gather(wide_input, at, wide_index)


def _scattered(array: np.ndarray, at: int, places: np.ndarray, values: Any, accumulate: bool) -> np.ndarray:
    made = array.copy()
    if not places.size:
        return made
    flat = made if made.ndim else made.reshape(1)
    grid = _grid(places, at) if places.ndim else (places.reshape(1),)
    if isinstance(values, np.ndarray):
        piece = values[tuple(slice(size) for size in places.shape)] if places.ndim else values.reshape(-1)[:1]
        _put(flat, grid, piece, accumulate)
    else:
        flat[grid] = values
    return made


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    src = value if src is None else src
    at, places = _along("scatter", input, dim, index)
    kind = input._dtype
    if reduce is not None:
        return _scatter_reduced(input, at, index, src, reduce)
    to_self = lambda grad, index: scatter(grad, at, index, 0)  # noqa: E731
    if not isinstance(src, Tensor):
        made = _scattered(input._array, at, places, src, False)
        return record("ScatterBackward1", made, (input, to_self, index), dtype=kind)
    _check_source("scatter", input, src, places, at)
    made = _scattered(input._array, at, places, src._array, False)
    shape = src._array.shape

    def to_src(grad: Any, index: Any) -> Any:
        return _padded(gather(grad, at, index), shape)

    return record("ScatterBackward0", made, (input, to_self, index), (src, to_src, index), dtype=kind)


def _check_source(function: str, input: Tensor, src: Tensor, places: np.ndarray, at: int) -> None:
    if src._dtype is not input._dtype:
        raise RuntimeError(f"{function}(): Expected self.dtype to be equal to src.dtype")
    if not places.size:
        return
    array, source = input._array, src._array
    held, given, asked = (each.shape or (1,) for each in (array, source, places))
    if len(held) != len(asked):
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    wrong = any(asked[each] > held[each] for each in range(len(held)) if each != at)
    for other in range(0 if wrong else len(held)):
        if other >= len(given):
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-len(given)}, {len(given) - 1}], but got {other})"
            )
        wrong = asked[other] > given[other]
        if wrong:
            break
    if len(given) != len(asked):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if wrong:
        raise RuntimeError(
            f"Expected index {list(places.shape)} to be no larger than self {list(array.shape)} apart from dimension {at} "
            f"and to be no larger size than src {list(source.shape)}"
        )


def _padded(grad: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A gradient of a corner of a source, zero elsewhere."""
    if grad._array.shape == shape:
        return grad
    key = tuple(slice(size) for size in grad._array.shape)
    made = np.zeros(shape, grad._array.dtype)
    made[key] = grad._array
    return record("SliceBackwardBackward0", made, (grad, lambda g: g[key]), dtype=grad._dtype)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    at, places = _along("scatter_add", input, dim, index)
    _check_source("scatter_add", input, src, places, at)
    made = _scattered(input._array, at, places, src._array, True)
    shape = src._array.shape

    def to_src(grad: Any, index: Any) -> Any:
        return _padded(gather(grad, at, index), shape)

    return record("ScatterAddBackward0", made, (input, lambda grad: grad), (src, to_src, index), dtype=input._dtype)


def _scatter_reduced(input: Tensor, at: int, index: Tensor, src: Any, reduce: str) -> Tensor:
    from .arithmetic import underived

    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    places = index._array
    made = input._array.copy()
    values = src._array if isinstance(src, Tensor) else np.full(places.shape, src, made.dtype)
    grid = _grid(places, at)
    piece = values[tuple(slice(size) for size in places.shape)]
    (np.add if reduce == "add" else np.multiply).at(made, grid, piece)
    ways = [(each, underived("scatter")) for each in (input, src) if isinstance(each, Tensor)]
    return record("NotImplemented", made, *ways, dtype=input._dtype)


# flat and by mask


def take(input: Tensor, index: Tensor) -> Tensor:
    if index._dtype is not int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index._dtype.short}")
    flat = input._array.reshape(-1)
    places = index._array
    if places.size and not flat.size:
        raise IndexError("take(): tried to take from an empty tensor")
    _check_flat(places, flat.size)
    shape = input._array.shape

    def way(grad: Any, index: Any) -> Any:
        return put(grad.new_zeros(shape), index, grad, True)

    return record("TakeBackward0", flat[places], (input, way, index), dtype=input._dtype)


def _check_flat(places: np.ndarray, size: int) -> None:
    if places.size and (places.min() < -size or places.max() >= size):
        wrong = places[(places < -size) | (places >= size)].reshape(-1)[0]
        raise IndexError(f"out of range: tried to access index {int(wrong)} on a tensor of {size} elements.")


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    if index._dtype is not int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index._dtype.short}")
    if source._dtype is not input._dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {input._dtype.short} and "
            f"source.dtype = {source._dtype.short}"
        )
    if index._array.size != source._array.size:
        raise RuntimeError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source._array.size}, index.numel() = {index._array.size}"
        )
    _check_flat(index._array, input._array.size)
    flat = np.ascontiguousarray(input._array).reshape(-1).copy()
    _put(flat, (index._array.reshape(-1),), source._array.reshape(-1), accumulate)
    shape = source._array.shape

    def to_self(grad: Any, index: Any) -> Any:
        return grad if accumulate else put(grad, index, grad.new_zeros(index._array.shape), False)

    return record(
        "PutBackward0", flat.reshape(input._array.shape), (input, to_self, index),
        (source, lambda grad, index: reshape(take(grad, index), shape), index), dtype=input._dtype,
    )  # fmt: skip


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    if mask._dtype.category != BOOL and mask._dtype.name != "uint8":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shape(input._array.shape, mask._array.shape)
    kept = np.broadcast_to(mask._array, shape).astype(bool)
    wide = np.broadcast_to(input._array, shape)

    def way(grad: Any, mask: Any) -> Any:
        from .factories import zeros

        flat = zeros(shape, dtype=grad._dtype)
        return masked_scatter(flat, mask, grad).sum_to_size(before)

    before = input._array.shape
    return record("MaskedSelectBackward0", wide[kept], (input, way, mask), dtype=input._dtype)


def masked_scatter_(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    return inplace.become(input, masked_scatter, (mask, source), mask, source, into=input._array)


def _scatter_what_there_is(into: np.ndarray | None, kept: np.ndarray, values: np.ndarray) -> None:
    """torch finds out that there are too few values when it has written them."""
    if into is not None:
        into[tuple(each[: values.size] for each in np.nonzero(kept))] = values


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor, *, into: np.ndarray | None = None) -> Tensor:
    if source._dtype is not input._dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got{input._dtype.short} and "
            f"{source._dtype.short}"
        )
    if mask._dtype.category != BOOL:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask._dtype.short}")
    shape = broadcast_shape(input._array.shape, mask._array.shape)
    kept = np.broadcast_to(mask._array, shape)
    count = int(kept.sum())
    if count > source._array.size:
        _scatter_what_there_is(into, kept, source._array.reshape(-1))
        raise RuntimeError("Number of elements of source < number of ones in mask")
    made = np.broadcast_to(input._array, shape).copy()
    made[kept] = source._array.reshape(-1)[:count]
    size, before = source._array.size, source._array.shape

    def to_source(grad: Any, mask: Any) -> Any:
        taken = masked_select(grad, mask)
        if count < size:
            from .joining import cat

            taken = cat([taken, taken.new_zeros(size - count)])
        return reshape(taken, before)

    return record(
        "MaskedScatterBackward0", made, (input, lambda grad, mask: grad.masked_fill(mask, 0), mask),
        (source, to_source, mask), dtype=input._dtype,
    )  # fmt: skip


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    places = np.nonzero(input._array) if input._array.ndim else np.nonzero(input._array.reshape(1))
    if as_tuple:
        # torch cuts the columns out of one matrix; a number's lone column has nothing to be cut from.
        return tuple(plain(each) for each in places) if input._array.ndim else (alias(plain(places[0])),)
    if not input._array.ndim:
        return written(plain(np.empty((len(places[0]), 0), np.int64)), input)
    return written(plain(np.stack(places).astype(np.int64).T), input)


def argwhere(input: Tensor) -> Tensor:
    return nonzero(input)
