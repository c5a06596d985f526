"""Operators that cut views out of a tensor: select, slices, diagonals, windows, and several pieces at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..apply import record, record_many
from ..modes import mode
from ..tensor import Tensor
from ..views import view, views
from .common import dim_of
from .strided import strided_array


def placed(name: str, grad: Tensor, shape: tuple[int, ...], key: Any, again: Callable[[Tensor], Tensor]) -> Tensor:
    """Zeros of a shape with the gradient of a piece put where the piece came from; `again` cuts it out."""
    value = np.zeros(shape, grad._array.dtype)
    value[key] = grad._array
    return record(name, value, (grad, lambda g: again(g)), dtype=grad._dtype)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    array = input._array
    if not array.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = dim_of(dim, array.ndim)
    index = int(index)
    if not -array.shape[at] <= index < array.shape[at]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(array.shape)} at dimension {dim}"
        )
    return selected(input, at, index)


def selected(input: Tensor, at: int, index: int) -> Tensor:
    array = input._array
    shape = array.shape
    index = index + shape[at] if index < 0 else index
    key = (slice(None),) * at + (index,)

    def back(grad: Any) -> Any:
        return placed("SelectBackwardBackward0", grad, shape, key, lambda g: selected(g, at, index))

    whole = (*key, ...)
    return view("SelectBackward0", input, array[whole], back)


def sliced(input: Tensor, at: int, start: int, stop: int, step: int) -> Tensor:
    """A slice of one dimension, with bounds that are worked out already."""
    array = input._array
    shape = array.shape
    key = (slice(None),) * at + (slice(start, stop, step),)

    def back(grad: Any) -> Any:
        return placed("SliceBackwardBackward0", grad, shape, key, lambda g: sliced(g, at, start, stop, step))

    return view("SliceBackward0", input, array[key], back)


def slice_op(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    at = dim_of(dim, input._array.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    first, last, _ = slice(start, end).indices(input._array.shape[at])
    return sliced(input, at, first, max(first, last), step)


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    array = input._array
    if not array.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    at = dim_of(dim, array.ndim)
    size, start = array.shape[at], int(start)
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return sliced(input, at, start, start + length, 1)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    array = input._array
    a, b = dim_of(dim1, array.ndim), dim_of(dim2, array.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    shape = array.shape

    def back(grad: Any) -> Any:
        value = np.zeros(shape, grad._array.dtype)
        _diagonal_of(value, offset, a, b)[...] = grad._array
        return record(
            "DiagonalBackwardBackward0", value, (grad, lambda g: diagonal(g, offset, a, b)), dtype=grad._dtype
        )

    return view("DiagonalBackward0", input, _diagonal_of(array, offset, a, b), back)


def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    return diagonal(A, offset, dim1, dim2)


def _diagonal_of(array: np.ndarray, offset: int, a: int, b: int) -> np.ndarray:
    """A writable view of a diagonal, which numpy gives only for reading."""
    rows, columns = array.shape[a], array.shape[b]
    first, second = max(-offset, 0), max(offset, 0)
    length = max(min(rows - first, columns - second), 0)
    key: list[Any] = [slice(None)] * array.ndim
    key[a], key[b] = slice(first, first + length), slice(second, second + length)
    piece = array[tuple(key)]
    if piece.size == 0:
        # numpy's own diagonals are for reading only.
        return np.empty(np.diagonal(array, offset, a, b).shape, array.dtype)
    step = array.dtype.itemsize
    rest = [dim for dim in range(array.ndim) if dim not in (a, b)]
    strides = [piece.strides[dim] // step for dim in rest] + [(piece.strides[a] + piece.strides[b]) // step]
    return strided_array(piece, [piece.shape[dim] for dim in rest] + [length], strides, None)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    array = input._array
    at = dim_of(dimension, array.ndim)
    extent = array.shape[at] if array.ndim else 1
    if size > extent:
        raise RuntimeError(f"maximum size for tensor at dimension {at} is {extent} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not array.ndim:
        made = array.reshape(1)[:size]
    else:
        width = array.dtype.itemsize
        strides = [stride // width for stride in array.strides]
        shape = list(array.shape)
        shape[at] = (extent - size) // step + 1
        strides.append(strides[at])
        strides[at] *= step
        made = strided_array(array, [*shape, size], strides, None)
    before = array.shape
    return view("UnfoldBackward0", input, made, lambda grad: _folded(grad, before, at, size, step))


def _folded(grad: Tensor, shape: tuple[int, ...], at: int, size: int, step: int) -> Tensor:
    """The way back of `unfold`: what overlaps is added up."""
    if not shape:
        way = lambda g: unfold(g, at, size, step)  # noqa: E731
        return record("UnfoldBackwardBackward0", grad._array.copy().reshape(()), (grad, way), dtype=grad._dtype)
    value = np.zeros(shape, grad._array.dtype)
    lead = (slice(None),) * at
    windows = grad._array.shape[at]
    for offset in range(size):
        key = (*lead, slice(offset, offset + (windows - 1) * step + 1, step))
        value[key] += grad._array[..., offset]
    return record("UnfoldBackwardBackward0", value, (grad, lambda g: unfold(g, at, size, step)), dtype=grad._dtype)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    array = input._array
    if not array.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    at = dim_of(dim, array.ndim)
    shape = array.shape[:at] + array.shape[at + 1 :]
    pieces = [array[(slice(None),) * at + (index, ...)] for index in range(array.shape[at])]

    def back(grads: Any) -> Any:
        from .joining import stack

        return stack(_filled(grads, [shape] * len(pieces)), at)

    return views("UnbindBackward0", input, pieces, back)


def _filled(grads: Any, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """Zeros in the place of gradients that did not come."""
    from .factories import zeros

    if isinstance(grads, Tensor):
        return [grads]
    kind = next(grad._dtype for grad in grads if grad is not None)
    return [zeros(shape, dtype=kind) if grad is None else grad for grad, shape in zip(grads, shapes, strict=True)]


def _cut(name: str, input: Tensor, at: int, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    array = input._array
    pieces, start = [], 0
    for size in sizes:
        pieces.append(array[(slice(None),) * at + (slice(start, start + size),)])
        start += size
    shapes = [piece.shape for piece in pieces]

    def back(grads: Any) -> Any:
        from .joining import cat

        return cat(_filled(grads, shapes), at)

    return views(name, input, pieces, back)


def split(input: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    at = dim_of(dim, input._array.ndim)
    if not input._array.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(input, split_size_or_sections, dim)
    step, extent = split_size_or_sections, input._array.shape[at]
    if step < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
    if step == 0 and extent:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {extent}")
    count = max(-(-extent // step), 1) if step else 1
    return _cut("SplitBackward0", input, at, [min(step, extent - step * index) for index in range(count)])


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    at = dim_of(dim, input._array.ndim)
    sizes = [int(size) for size in split_sizes]
    if any(size < 0 for size in sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={sizes}"
        )
    if sum(sizes) != input._array.shape[at]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {input._array.shape[at]} (input tensor's size at "
            f"dimension {at}), but got split_sizes={sizes}"
        )
    return _cut("SplitWithSizesBackward0", input, at, sizes)


def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """The pieces as tensors of their own: no views, as far as autograd is told."""
    at = dim_of(dim, input._array.ndim)
    if mode.inference:
        return split(input, split_size, dim)
    extent = input._array.shape[at]
    if split_size < 0 or (split_size == 0 and extent):
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {extent}")
    count = max(-(-extent // split_size), 1) if split_size else 1
    bounds = [min(index * split_size, extent) for index in range(count + 1)]
    pieces = [
        input._array[(slice(None),) * at + (slice(a, b),)].copy("K")
        for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    ]
    shapes = [piece.shape for piece in pieces]

    def back(grads: Any) -> Any:
        from .joining import cat

        return cat(_filled(grads, shapes), at)

    made = record_many("UnsafeSplitBackward0", pieces, (input, back), dtypes=[input._dtype] * count)
    if input.is_inference():
        for piece in made:
            piece._counter = None
    return made


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    at = dim_of(dim, input._array.ndim)
    return unsafe_split(input, -(-input._array.shape[at] // chunks), at)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    if not input._array.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    at = dim_of(dim, input._array.ndim)
    extent = input._array.shape[at]
    step = -(-extent // chunks)
    if step == 0:
        return split_with_sizes(input, [0] * chunks, at)
    return split(input, step, at)


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    array = input._array
    if not array.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    at = dim_of(dim, array.ndim)
    extent = array.shape[at]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if parts <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {parts}")
        small, more = divmod(extent, parts)
        bounds = np.cumsum([0] + [small + (index < more) for index in range(parts)]).tolist()
    else:
        bounds = [0, *indices_or_sections, extent]
    return tuple([slice_op(input, at, bounds[i], bounds[i + 1]) for i in range(len(bounds) - 1)])


def _split_along(name: str, least: int) -> Callable[..., Any]:
    def operator(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        ndim = input._array.ndim
        if ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension{'s' if least > 1 else ''}, but got a "
                f"tensor with {ndim} dimensions!"
            )
        dim = {"hsplit": 0 if ndim == 1 else 1, "vsplit": 0, "dsplit": 2}[name]
        extent = input._array.shape[dim]
        if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or extent % indices_or_sections):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {extent} is not "
                f"divisible by the split_size {indices_or_sections}!"
            )
        return tensor_split(input, indices_or_sections, dim)

    operator.__name__ = operator.__qualname__ = name
    return operator


hsplit = _split_along("hsplit", 1)
vsplit = _split_along("vsplit", 2)
dsplit = _split_along("dsplit", 3)
