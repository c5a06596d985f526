"""`as_strided`, which remakes views after their base was written, and its way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..apply import counted, record, recording
from ..tensor import Tensor, wrap
from ..views import address, storage_of, view
from ..views import storage_offset as offset_of


class _Memory:
    """A piece of an array's memory in another geometry, as numpy's array interface wants it described."""

    def __init__(self, interface: dict[str, Any], owner: np.ndarray) -> None:
        self.__array_interface__ = interface
        self.owner = owner


def strided_array(array: np.ndarray, shape: Sequence[int], strides: Sequence[int], offset: int | None) -> np.ndarray:
    """A writable view by sizes, strides and offset, all in elements of the storage."""
    step = array.dtype.itemsize
    owner = storage_of(array)
    start = address(array) if offset is None else address(owner) + offset * step
    if 0 in shape:
        return array.reshape(-1)[:0].reshape(shape) if array.size == 0 else array.ravel()[:0].reshape(shape)
    interface = {
        "data": (start, not array.flags.writeable and not owner.flags.writeable), "typestr": array.dtype.str,
        "shape": tuple(shape), "strides": tuple(stride * step for stride in strides), "version": 3,
    }  # fmt: skip
    return np.asarray(_Memory(interface, array))


def element_strides(array: np.ndarray) -> tuple[int, ...]:
    """Strides in elements."""
    step = array.dtype.itemsize
    return tuple([stride // step for stride in array.strides])


def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    size, stride = tuple(size), tuple(stride)
    source = input._array
    _check(source, size, stride, storage_offset)
    array = strided_array(source, size, stride, storage_offset)
    shape, layout, start = source.shape, element_strides(source), offset_of(source)
    offset = start if storage_offset is None else storage_offset

    def way(grad: Any) -> Any:
        return scattered(grad, shape, layout, start, size, stride, offset)

    return view("AsStridedBackward0", input, array, way)


def _check(array: np.ndarray, size: tuple[int, ...], stride: tuple[int, ...], offset: int | None) -> None:
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if 0 in size:
        return
    start = offset_of(array) if offset is None else offset
    needed = start + sum((each - 1) * step for each, step in zip(size, stride, strict=True)) + 1
    held = storage_of(array).size
    if needed > held:
        step = array.dtype.itemsize
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start}, and itemsize {step} "
            f"requiring a storage size of {needed * step} are out of bounds for storage of size {held * step}"
        )


def scattered(
    grad: Tensor, shape: tuple[int, ...], layout: tuple[int, ...], start: int,
    size: tuple[int, ...], stride: tuple[int, ...], offset: int,
) -> Tensor:  # fmt: skip
    """The gradient of a tensor from that of a strided piece of it. Elements that appear twice get the sum."""
    from .index import take

    source, piece = _places(shape, layout, start), _places(size, stride, offset)
    length = max(source.max(initial=-1), piece.max(initial=-1)) + 1
    flat = grad._array.reshape(-1)
    storage = np.zeros(length, flat.dtype)
    np.add.at(storage, piece.reshape(-1), flat)
    # What the source itself holds several times counts once for each.
    counts = np.bincount(source.reshape(-1), minlength=length)
    shared = counts[source]
    value = storage[source] if (shared <= 1).all() else (storage[source] / shared).astype(flat.dtype)

    def way(again: Any) -> Any:
        return gathered(again, source, piece, length)

    if recording(grad):
        if (shared > 1).any():
            return record("AsStridedBackwardBackward0", value.reshape(shape), (grad, way))
        memory = record("CopySlices", storage, (grad, lambda again: take(again, wrap(piece))))
        return as_strided(counted(memory, 1), shape, layout, start)
    # A view of memory laid out as that of the source, to which the piece was added.
    base = counted(wrap(storage, grad._dtype), 1)
    base._array[source.reshape(-1)] = value.reshape(-1)
    return view("AsStridedBackward0", base, strided_array(storage, shape, layout, start), None)


def gathered(grad: Tensor, source: np.ndarray, piece: np.ndarray, length: int) -> Tensor:
    """The linear counterpart of `scattered`: read a strided piece out of a tensor that is laid out otherwise."""
    where = np.zeros(length, np.int64)
    where[source.reshape(-1)] = np.arange(source.size)
    from .index import take

    return take(grad, wrap(where[piece]))


def _places(shape: Sequence[int], strides: Sequence[int], offset: int) -> np.ndarray:
    """The place in the storage of each element."""
    places = np.full(tuple(shape), offset, np.int64)
    for dim, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        steps = np.arange(size, dtype=np.int64) * stride
        places += steps.reshape((size,) + (1,) * (len(shape) - dim - 1))
    return places


def place_numbers(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """For each element of a view its place in the array that it shows."""
    return _places(part.shape, element_strides(part), (address(part) - address(whole)) // whole.dtype.itemsize)


def laid_out_like(source: Tensor, array: np.ndarray) -> Tensor:
    """A copy of `source` with the memory layout of `array`, on a storage of its own; the copy is recorded."""
    order = np.argsort([-abs(stride) for stride in array.strides], kind="stable")
    fresh = np.empty([array.shape[dim] for dim in order], source._array.dtype)
    made = wrap(fresh.transpose(np.argsort(order)), source._dtype)
    return made.copy_(source)
