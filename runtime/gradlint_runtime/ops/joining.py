"""Operators that put tensors together or copy them into another arrangement."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..apply import copied, plain, record
from ..dtypes import dtype, promote
from ..tensor import Tensor, sharing
from ..views import densely, laid_out_like, view
from .common import broadcast_shape, converted, dim_of, dims_of, sizes_of, zeros_of
from .pieces import diagonal, narrow, selected, sliced
from .shape import atleast_1d, atleast_2d, atleast_3d, expand, flatten, reshape, unsafe_view, unsqueeze, view_op


def _listed(function: str, tensors: Any) -> list[Tensor]:
    listed = list(tensors)
    for index, each in enumerate(listed):
        if not isinstance(each, Tensor):
            raise TypeError(f"expected Tensor as element {index} in argument 0, but got {type(each).__name__}")
    return listed


def _common_dtype(tensors: Sequence[Tensor]) -> dtype:
    kind = tensors[0]._dtype
    for each in tensors[1:]:
        kind = promote(kind, each._dtype)
    return kind


def cat(tensors: Any, dim: int = 0) -> Tensor:
    parts = _listed("cat", tensors)
    if not parts:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for index, each in enumerate(parts):
        if not each._array.ndim:
            raise RuntimeError(f"zero-dimensional tensor (at position {index}) cannot be concatenated")
    # An empty tensor of one dimension goes with anything, as it always did.
    full = [each for each in parts if each._array.shape != (0,)] or parts[:1]
    at = dim_of(dim, full[0]._array.ndim)
    first = full[0]._array.shape
    for each in full[1:]:
        _check_sizes(first, each._array.shape, at, _index(parts, each))
    kind = _common_dtype(parts)
    value = np.ascontiguousarray(np.concatenate([converted(each, kind) for each in full], axis=at))
    sizes = [each._array.shape[at] if each._array.shape != (0,) else 0 for each in parts]
    shapes = [each._array.shape for each in parts]
    kinds = [each._dtype for each in parts]

    def way(grad: Any, wanted: Any) -> Any:
        made, start = [], 0
        for index, size in enumerate(sizes):
            piece = None
            if wanted[index]:
                piece = reshape(grad.new_zeros(0), (0,)) if shapes[index] == (0,) else narrow(grad, at, start, size)
                piece = piece.to(kinds[index]) if piece._dtype is not kinds[index] and not kind.is_complex else piece
            made.append(piece)
            start += size
        return made

    return record("CatBackward0", value, (tuple(parts), way), dtype=kind)


def _index(parts: Sequence[Tensor], wanted: Tensor) -> int:
    return next(index for index, each in enumerate(parts) if each is wanted)


def _check_sizes(first: tuple[int, ...], shape: tuple[int, ...], at: int, index: int) -> None:
    if len(first) != len(shape):
        raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
    for dim, (a, b) in enumerate(zip(first, shape, strict=True)):
        if dim != at and a != b:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {at}. Expected size {a} but got size {b} for tensor "
                f"number {index} in the list."
            )


def stack(tensors: Any, dim: int = 0) -> Tensor:
    parts = _listed("stack", tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = parts[0]._array.shape
    at = dim_of(dim, len(shape) + 1)
    for index, each in enumerate(parts):
        if each._array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(each._array.shape)} at entry {index}"
            )
    kind = _common_dtype(parts)
    value = np.ascontiguousarray(np.stack([converted(each, kind) for each in parts], axis=at))

    def way(grad: Any, wanted: Any) -> Any:
        return [selected(grad, at, index) if each else None for index, each in enumerate(wanted)]

    made = record("StackBackward0", value, (tuple(parts), way), dtype=kind)
    if shape and made._counter is not None and all(each._counter is None for each in parts):
        # Autograd does not see that the kernel joins them into one dimension and returns a view of that.
        return view("ViewBackward0", sharing(made), value, None)
    return made


def hstack(tensors: Any) -> Tensor:
    parts = atleast_1d(*_listed("hstack", tensors)) if len(tensors) > 1 else (atleast_1d(tensors[0]),)
    return cat(parts, 0 if parts[0]._array.ndim == 1 else 1)


def vstack(tensors: Any) -> Tensor:
    return cat([atleast_2d(each) for each in _listed("vstack", tensors)], 0)


def dstack(tensors: Any) -> Tensor:
    return cat([atleast_3d(each) for each in _listed("dstack", tensors)], 2)


def column_stack(tensors: Any) -> Tensor:
    parts = _listed("column_stack", tensors)
    return cat([reshape(each, (each._array.size, 1)) if each._array.ndim <= 1 else each for each in parts], 1)


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    return copied("CloneBackward0", laid_out(input._array, memory_format), input, _same, input._dtype)


def laid_out(array: np.ndarray, memory_format: Any) -> np.ndarray:
    """A copy in one of torch's memory formats."""
    name = str(memory_format).removeprefix("torch.")
    if name == "contiguous_format":
        return array.copy("C")
    if name in ("preserve_format", "None"):
        return _copied(array, "K")
    wanted = {"channels_last": 4, "channels_last_3d": 5}[name]
    if array.ndim != wanted:
        raise RuntimeError(f"required rank {wanted} tensor to use {name} format")
    return np.moveaxis(np.moveaxis(array, 1, -1).copy("C"), -1, 1)


def in_format(input: Tensor, memory_format: Any, name: str = "CloneBackward0") -> Tensor:
    """The tensor itself if it is laid out so already, else a copy that is."""
    if str(memory_format) == "torch.preserve_format":
        return input
    made = laid_out(input._array, memory_format)
    if all(a == b or size == 1 for a, b, size in zip(made.strides, input._array.strides, made.shape, strict=True)):
        return input
    return record(name, made, (input, _same), dtype=input._dtype)


def _copied(array: np.ndarray, order: Any) -> np.ndarray:
    return densely(array).copy("K") if order == "K" else array.copy(order)


def _same(grad: Any) -> Any:
    return grad


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    if memory_format is not None:
        return in_format(input, memory_format)
    if input._array.flags.c_contiguous:
        return input
    return record("CloneBackward0", input._array.copy("C"), (input, _same), dtype=input._dtype)


def flip(input: Tensor, *sizes: Any, dims: Any = ()) -> Tensor:
    given = sizes_of(sizes or (dims,))
    at = dims_of(given, input._array.ndim) if given and input._array.ndim else ()
    value = laid_out_like(np.flip(input._array, at).copy(), input._array)
    way = lambda grad: flip(grad, at)  # noqa: E731
    if not at:
        return copied("FlipBackward0", value, input, way, input._dtype)
    return record("FlipBackward0", value, (input, way), dtype=input._dtype)


def fliplr(input: Tensor) -> Tensor:
    if input._array.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    if input._array.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def roll(input: Tensor, shifts: Any, dims: Any = ()) -> Tensor:
    steps = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    at = (dims,) if isinstance(dims, int) else tuple(dims)
    if not at and len(steps) != 1:
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:0")
    if at and len(at) != len(steps):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(at)}")
    array = input._array
    if at and not array.ndim:
        raise IndexError(f"Dimension specified as {at[0]} but tensor has no dimensions")
    if at:
        value = np.roll(array, steps, [dim_of(dim, array.ndim) for dim in at])
    else:
        value = np.roll(array, steps[0])
    back = tuple(-step for step in steps)
    return record("RollBackward0", value, (input, lambda grad: roll(grad, back, at)), dtype=input._dtype)


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input._array.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input._array.ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == input._array.ndim:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    axes = (dim_of(dims[0], input._array.ndim), dim_of(dims[1], input._array.ndim))
    value = np.ascontiguousarray(np.rot90(input._array, k, axes))
    return record("Rot90Backward0", value, (input, lambda grad: rot90(grad, -k, dims)), dtype=input._dtype)


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    times = sizes_of(repeats)
    shape = input._array.shape
    if len(times) < len(shape):
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(each < 0 for each in times):
        raise RuntimeError("Trying to create tensor with negative dimension")
    value = np.tile(input._array, times) if times else input._array.copy()
    return record("RepeatBackward0", value, (input, lambda grad: _repeat_way(grad, times, shape)), dtype=input._dtype)


def _repeat_way(grad: Tensor, times: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    padded = (1,) * (len(times) - len(shape)) + shape
    if 0 in times:
        return grad.new_zeros(shape)
    split: list[int] = []
    for each, size in zip(times, padded, strict=True):
        split += [each, size]
    dims = list(range(0, len(split), 2))
    folded = reshape(grad, split).sum(dims) if dims else grad
    return reshape(folded, shape)


def tile(input: Tensor, *dims: Any) -> Tensor:
    times = sizes_of(dims)
    ndim = input._array.ndim
    return repeat(input, (1,) * (ndim - len(times)) + times)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    if input._array.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return record(
        "TrilBackward0", np.tril(input._array, diagonal), (input, lambda grad: tril(grad, diagonal)), dtype=input._dtype
    )


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    if input._array.ndim < 2:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    return record(
        "TriuBackward0", np.triu(input._array, diagonal), (input, lambda grad: triu(grad, diagonal)), dtype=input._dtype
    )


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    array = input._array
    ndim = array.ndim + 1
    a, b = dim_of(dim1, ndim), dim_of(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    from .pieces import _diagonal_of

    size = array.shape[-1] + abs(offset)
    rest = iter(array.shape[:-1])
    value = np.zeros([size if dim in (a, b) else next(rest) for dim in range(ndim)], array.dtype)
    if array.size:
        _diagonal_of(value, offset, a, b)[...] = array
    return record("DiagEmbedBackward0", value, (input, lambda grad: diagonal(grad, offset, a, b)), dtype=input._dtype)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    ndim = input._array.ndim
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return diagonal_copy(input, diagonal)


def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    from .pieces import _diagonal_of

    array = input._array
    a, b = dim_of(dim1, array.ndim), dim_of(dim2, array.ndim)
    shape = array.shape

    def way(grad: Any) -> Any:
        value = np.zeros(shape, grad._array.dtype)
        _diagonal_of(value, offset, a, b)[...] = grad._array
        return record(
            "DiagonalBackwardBackward0", value, (grad, lambda g: diagonal(g, offset, a, b)), dtype=grad._dtype
        )

    piece = _diagonal_of(array, offset, a, b)
    return record("DiagonalBackward0_copy", piece.copy(), (input, way), dtype=input._dtype)


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    return diag_embed(view_op(contiguous(input), -1), offset)


def trace(input: Tensor) -> Tensor:
    array = input._array
    if array.ndim != 2:
        raise RuntimeError("trace: expected a matrix")
    shape = array.shape

    def way(grad: Any) -> Any:
        from .factories import eye

        return grad * eye(*shape, dtype=grad._dtype)

    return record(
        "TraceBackward0", np.trace(array), (input, way), dtype=None if array.dtype.kind in "iub" else input._dtype
    )


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    parts = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = broadcast_shape(*[each._array.shape for each in parts])
    return tuple([each if each._array.shape == shape else expand(each, shape) for each in parts])


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    parts = list(tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors)
    if indexing is None:
        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.",
            UserWarning,
            stacklevel=3,
        )
        indexing = "ij"
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    if not parts:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    swap = indexing == "xy" and len(parts) >= 2
    if swap:
        parts[0], parts[1] = parts[1], parts[0]
    shape = [each._array.size for each in parts]
    grids = []
    for index, each in enumerate(parts):
        lone = [1] * len(parts)
        lone[index] = -1
        grids.append(expand(view_op(each, lone), shape))
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    parts = list(tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors)
    if len(parts) == 1:
        return parts[0]
    grids = meshgrid(*parts, indexing="ij")
    return stack([flatten(each) for each in grids], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    from .index import masked_select

    if input._array.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input._array.shape)}")
    if r < 0:
        raise RuntimeError("Expect a non-negative number, but got -1")
    if r == 0:
        return input.new_empty(0)
    size = input._array.size
    grids = meshgrid(*([input] * r), indexing="ij")
    axes = np.meshgrid(*([np.arange(size)] * r), indexing="ij")
    mask = np.ones((size,) * r, bool)
    for low, high in zip(axes[:-1], axes[1:], strict=True):
        mask &= low <= high if with_replacement else low < high
    kept = plain(mask)
    return stack([masked_select(grid, kept) for grid in grids], 1)


def block_diag(*tensors: Tensor) -> Tensor:
    parts = [atleast_2d(each) for each in tensors]
    for index, each in enumerate(tensors):
        if each._array.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{index} has {each._array.ndim} dimensions"
            )
    kind = _common_dtype(tensors)
    sizes = [each._array.shape for each in parts]
    value = np.zeros(np.sum(sizes, axis=0), kind.numpy)
    places, row, column = [], 0, 0
    for each, (rows, columns) in zip(parts, sizes, strict=True):
        places.append((row, rows, column, columns))
        value[row : row + rows, column : column + columns] = converted(each, kind)
        row, column = row + rows, column + columns
    shapes = [each._array.shape for each in tensors]

    def way(grad: Any, wanted: Any) -> Any:
        cut = []
        for each, (r, rs, c, cs), shape in zip(wanted, places, shapes, strict=True):
            cut.append(reshape(narrow(narrow(grad, 0, r, rs), 1, c, cs), shape) if each else None)
        return cut

    return record("BlockDiagBackward0", value, (tuple(tensors), way), dtype=kind)


def kron(input: Tensor, other: Tensor) -> Tensor:
    a, b = input._array.ndim, other._array.ndim
    ndim = max(a, b)
    left = reshape(input, [each for size in (1,) * (ndim - a) + input._array.shape for each in (size, 1)])
    right = reshape(other, [each for size in (1,) * (ndim - b) + other._array.shape for each in (1, size)])
    product = left * right
    shape = product._array.shape
    return unsafe_view(product, tuple([shape[2 * dim] * shape[2 * dim + 1] for dim in range(ndim)]))


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    if repeats is None:
        counts = input._array
        return plain(np.repeat(np.arange(counts.size, dtype=np.int64), counts), dtype=input._dtype)
    from .index import index_select

    if dim is None:
        input, dim = flatten(input), 0
    at = dim_of(dim, input._array.ndim)
    if isinstance(repeats, int):
        return _interleaved(input, repeats, at)
    times = repeats._array
    extent = input._array.shape[at]
    if times.ndim == 0 or times.size == 1:
        return _interleaved(input, int(times.reshape(-1)[0]), at)
    if times.size != extent:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {times.size} and "
            f"input.size({at}) = {extent}"
        )
    return index_select(input, at, plain(np.repeat(np.arange(extent, dtype=np.int64), times)))


def _interleaved(input: Tensor, repeats: int, at: int) -> Tensor:
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    if not input._array.ndim:
        input = reshape(input, (1,))
    shape = input._array.shape
    wide = expand(unsqueeze(input, at + 1), (*shape[: at + 1], repeats, *shape[at + 1 :]))
    return flatten(clone(wide, memory_format="torch.contiguous_format"), at, at + 1)


def _scatter(name: str, input: Tensor, src: Tensor, key: Any, cut: Any) -> Tensor:
    """A copy of `input` with a piece replaced by `src`; `cut` takes that piece out of a gradient."""
    value = input._array.copy()
    if value[key].shape != src._array.shape:
        raise RuntimeError("expected src to have a size equal to the slice of self")
    value[key] = src._array

    def to_self(grad: Any) -> Any:
        return _scatter(name, grad, zeros_of(cut(grad)), key, cut)

    return record(name, value, (input, to_self), (src, lambda grad: cut(grad)), dtype=input._dtype)


def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    at = dim_of(dim, input._array.ndim)
    first, last, _ = slice(start, end).indices(input._array.shape[at])
    last = max(first, last)
    key = (slice(None),) * at + (slice(first, last, step),)
    return _scatter("SliceScatterBackward0", input, src, key, lambda grad: sliced(grad, at, first, last, step))


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    at = dim_of(dim, input._array.ndim)
    key = (slice(None),) * at + (index, ...)
    return _scatter("SelectScatterBackward0", input, src, key, lambda grad: selected(grad, at, index))


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    from .pieces import _diagonal_of

    a, b = dim_of(dim1, input._array.ndim), dim_of(dim2, input._array.ndim)
    value = input._array.copy()
    piece = _diagonal_of(value, offset, a, b)
    if piece.shape != src._array.shape:
        raise RuntimeError("expected src to have a size equal to the slice of self")
    piece[...] = src._array

    def to_self(grad: Any) -> Any:
        return diagonal_scatter(grad, zeros_of(diagonal(grad, offset, a, b)), offset, a, b)

    return record(
        "DiagonalScatterBackward0", value, (input, to_self), (src, lambda grad: diagonal(grad, offset, a, b)),
        dtype=input._dtype,
    )  # fmt: skip
