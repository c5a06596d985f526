"""Operators whose results are views: reshaping, moving dimensions, cutting pieces out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import errors
from ..apply import record
from ..dtypes import COMPLEX, as_dtype, dtype
from ..modes import mode
from ..tensor import Tensor, Version, sharing
from ..views import view
from .common import dim_of, sizes_of
from .strided import strided_array

# view and reshape


def resolved(sizes: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The sizes with the one that is -1 worked out."""
    if -1 in sizes:
        if sizes.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        known = 1
        for size in sizes:
            known *= size if size != -1 else 1
        if known == 0 and count == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified dimension size "
                "-1 can be any value and is ambiguous"
            )
        if known > 0 and count % known == 0:
            return tuple([count // known if size == -1 else size for size in sizes])
    else:
        total = 1
        for size in sizes:
            total *= size
        if total == count and all(size >= 0 for size in sizes):
            return sizes
    for size in sizes:
        if size < -1:
            raise RuntimeError(f"invalid shape dimension {size} at index {sizes.index(size)} of shape {list(sizes)}")
    raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {count}")


def reshaped_view(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array in another shape over the same memory, or None where that cannot be."""
    if array.flags.c_contiguous:
        return array.reshape(shape)
    try:
        return array.reshape(shape, copy=False)
    except ValueError:
        return None


def view_op(input: Tensor, *sizes: Any, dtype: Any = None) -> Tensor:
    """`Tensor.view`"""
    if dtype is not None or (len(sizes) == 1 and not isinstance(sizes[0], int | tuple | list | np.integer | Tensor)):
        return view_as_dtype(input, as_dtype(sizes[0] if dtype is None else dtype))
    shape = resolved(sizes_of(sizes), input._array.size)
    array = reshaped_view(input._array, shape)
    if array is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return _viewed(input, array)


def _viewed(input: Tensor, array: np.ndarray) -> Tensor:
    shape = input._array.shape
    return view("ViewBackward0", input, array, lambda grad: reshape(grad, shape))


def view_as_dtype(input: Tensor, kind: dtype) -> Tensor:
    """The bytes of a tensor read as another dtype: no gradient, and no view as far as autograd can see."""
    if "bfloat16" in (kind.name, input._dtype.name) and kind is not input._dtype:
        raise errors.unsupported("Tensor.view between bfloat16 and another dtype")
    array = input._array
    if kind is not input._dtype:
        if kind.itemsize != input._dtype.itemsize and array.shape and not array.flags.c_contiguous:
            raise errors.unsupported("Tensor.view to a dtype of another size of a tensor that is not contiguous")
        array = array.view(kind.numpy)
    made = sharing(input, array, kind)
    if kind is not input._dtype and (mode.inference or input._counter is None):
        # A tensor of its own, as far as inference mode is concerned.
        made._counter = None if mode.inference else Version()
    return made


def reshape(input: Tensor, *shape: Any) -> Tensor:
    sizes = resolved(sizes_of(shape), input._array.size)
    array = reshaped_view(input._array, sizes)
    if array is None:
        return unsafe_view(input.contiguous(), sizes)
    if input._array.flags.c_contiguous:
        return _viewed(input, array)
    before = input._array.shape
    return view("ReshapeAliasBackward0", input, array, lambda grad: reshape(grad, before))


def unsafe_view(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Another shape of a tensor that nobody else holds: no view, as far as autograd is told."""
    before = input._array.shape
    array = np.ascontiguousarray(input._array).reshape(shape)
    return record("UnsafeViewBackward0", array, (input, lambda grad: reshape(grad, before)), dtype=input._dtype)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    return view_op(input, other._array.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    return reshape(input, other._array.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    ndim = input._array.ndim
    start, end = dim_of(start_dim, ndim), dim_of(end_dim, ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not ndim:
        return reshape(input, (1,))
    if start == end:
        return input
    shape = input._array.shape
    return reshape(input, (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    shape = input._array.shape
    if not shape:
        raise RuntimeError(
            f"unflatten got an unexpected error:\nDimension specified as {dim} but tensor has no dimensions"
        )
    dim = dim_of(dim, len(shape))
    sizes = list(sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if -1 in sizes:
        known = -int(np.prod(sizes))
        sizes[sizes.index(-1)] = shape[dim] // known if known > 0 else 0
    if int(np.prod(sizes)) != shape[dim]:
        raise RuntimeError(
            f"unflatten: Provided sizes {sizes} don't multiply up to the size of dim {dim} ({shape[dim]}) in the input "
            "tensor"
        )
    return view_op(input, (*shape[:dim], *sizes, *shape[dim + 1 :]))


def ravel(input: Tensor) -> Tensor:
    return view_op(input.contiguous(), -1)


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    array, shape = input._array, input._array.shape
    back = lambda grad: grad if grad._array.shape == shape else reshape(grad, shape)  # noqa: E731
    if dim is None:
        return view("SqueezeBackward0", input, array.squeeze(), back)
    if isinstance(dim, int):
        at = dim_of(dim, len(shape))
        kept = array.squeeze(at) if shape and shape[at] == 1 else array[...]
        return view("SqueezeBackward1", input, kept, back)
    dims = [dim_of(each, len(shape)) for each in dim]
    kept = array.squeeze(tuple(each for each in dims if shape and shape[each] == 1))
    return view("SqueezeBackward2", input, kept, back)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    at = dim_of(dim, input._array.ndim + 1)
    made = np.expand_dims(input._array, at)
    if at == input._array.ndim and not input._array.flags.c_contiguous:
        # The last dimension of size one has a stride of one.
        steps = [each // made.itemsize for each in input._array.strides]
        made = strided_array(input._array, made.shape, (*steps, 1), None)
    return view("UnsqueezeBackward0", input, made, lambda grad: squeeze(grad, at))


def expand(input: Tensor, *size: Any, implicit: bool = False) -> Tensor:
    array = input._array
    sizes, shape = sizes_of(size), array.shape
    if len(sizes) < len(shape):
        raise RuntimeError(
            f"expand(torch.{input._dtype.short}Tensor{{{list(shape)}}}, size={list(sizes)}): the number of sizes "
            f"provided ({len(sizes)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    lead = len(sizes) - len(shape)
    target = list(sizes)
    strides = [0] * lead + [stride // array.dtype.itemsize for stride in array.strides]
    for at, size_now in reversed(list(enumerate(shape, start=lead))):
        if target[at] == -1:
            target[at] = size_now
        elif target[at] != size_now:
            if size_now != 1:
                raise RuntimeError(
                    f"The expanded size of the tensor ({target[at]}) must match the existing size ({size_now}) at "
                    f"non-singleton dimension {at}.  Target sizes: {list(sizes)}.  Tensor sizes: {list(shape)}"
                )
            strides[at] = 0
    if any(each < 0 for each in target):
        at = next(i for i, each in enumerate(target) if each < 0)
        raise RuntimeError(
            f"The expanded size of the tensor ({target[at]}) isn't allowed in a leading, non-existing dimension {at}"
        )
    made = array[...] if tuple(target) == shape else strided_array(array, target, strides, None)
    return view("ExpandBackward0", input, made, lambda grad: grad.sum_to_size(shape))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    return expand(input, other._array.shape)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    return expand(input, size)


def alias(input: Tensor) -> Tensor:
    return view("AliasBackward0", input, input._array[...], lambda grad: grad)


# moving dimensions


def permute(input: Tensor, *dims: Any) -> Tensor:
    if not dims:
        raise TypeError('permute() missing 1 required positional arguments: "dims"')
    ndim = input._array.ndim
    order = sizes_of(dims)
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(order)}"
        )
    order = tuple([dim_of(dim, ndim) for dim in order])
    if len(set(order)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    back = tuple(np.argsort(order).tolist())
    return view("PermuteBackward0", input, input._array.transpose(order), lambda grad: permute(grad, back))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    ndim = input._array.ndim
    a, b = dim_of(dim0, ndim), dim_of(dim1, ndim)
    array = input._array.swapaxes(a, b) if ndim else input._array[...]
    return view("TransposeBackward0", input, array, lambda grad: transpose(grad, a, b))


def t(input: Tensor) -> Tensor:
    array = input._array
    if array.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {array.ndim}D")
    return view("TBackward0", input, array.T if array.ndim == 2 else array[...], lambda grad: t(grad))


def numpy_T(input: Tensor) -> Tensor:
    ndim = input._array.ndim
    if ndim not in (0, 2):
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will "
            "throw an error in a future release. Consider `x.mT` to transpose batches of matrices or `x.permute("
            "*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor.",
            UserWarning,
            stacklevel=3,
        )
    return permute(input, tuple(range(ndim))[::-1])


def matrix_T(input: Tensor) -> Tensor:
    if not input._array.ndim:
        return input
    if input._array.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {input._array.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


def adjoint(input: Tensor) -> Tensor:
    if not input._array.ndim:
        return input
    if input._array.ndim < 2:
        raise RuntimeError(
            f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input._array.ndim}-D tensor."
        )
    moved = transpose(input, -2, -1)
    return moved.conj() if input._dtype.category == COMPLEX else moved


def matrix_H(input: Tensor) -> Tensor:
    ndim = input._array.ndim
    if ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor."
            + (" For batches of matrices, consider using tensor.mH" if ndim > 2 else "")
        )
    return adjoint(input) if ndim else input


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    ndim = input._array.ndim
    froms = [source] if isinstance(source, int) else list(source)
    tos = [destination] if isinstance(destination, int) else list(destination)
    if len(froms) != len(tos):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({froms} dims) should contain the same number of "
            f"dims as destination ({tos} dims)"
        )
    froms, tos = [dim_of(dim, ndim) for dim in froms], [dim_of(dim, ndim) for dim in tos]
    for what, dims, given in (("source", froms, source), ("destination", tos, destination)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{what}` ({list(given)})")
    if not ndim:
        return alias(input)
    rest = [dim for dim in range(ndim) if dim not in froms]
    order = [-1] * ndim
    for a, b in zip(froms, tos, strict=True):
        order[b] = a
    left = iter(rest)
    return permute(input, [next(left) if dim == -1 else dim for dim in order])


def _at_least(function: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    def operator(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return function(tensors[0])
        given = tensors[0] if len(tensors) == 1 else tensors
        return tuple(function(each) for each in given)

    operator.__name__ = operator.__qualname__ = function.__name__
    return operator


@_at_least
def atleast_1d(input: Tensor) -> Tensor:
    return reshape(input, (1,)) if not input._array.ndim else input


@_at_least
def atleast_2d(input: Tensor) -> Tensor:
    ndim = input._array.ndim
    return reshape(input, (1, 1)) if not ndim else unsqueeze(input, 0) if ndim == 1 else input


@_at_least
def atleast_3d(input: Tensor) -> Tensor:
    ndim = input._array.ndim
    if ndim == 0:
        return reshape(input, (1, 1, 1))
    if ndim == 1:
        return unsqueeze(unsqueeze(input, 0), -1)
    return unsqueeze(input, -1) if ndim == 2 else input
