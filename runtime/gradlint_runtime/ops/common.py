"""What operators share: promotion of their inputs, dimensions, and the shape of the two elementwise families.

`unary` and `binary` make an operator out of a function on arrays that returns the value and, beside it, the ways back:

    @unary("ExpBackward0")
    def exp(a):
        return np.exp(a), (lambda grad, result: grad * conj(result), OUT)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import errors
from ..apply import record
from ..dtypes import (
    BOOL,
    COMPLEX,
    FLOATING,
    INTEGRAL,
    SCALARS,
    bfloat16,
    bool_,
    default_float,
    dtype,
    float16,
    float32,
    float64,
    of_scalar,
    promote,
    result_type,
)  # fmt: skip
from ..saved import OUT, Output
from ..tensor import Tensor
from ..views import densely

# Stand among the saved values of the two families for the inputs themselves.
SELF, OTHER = Output(-1), Output(-2)

Way = tuple[Any, ...]


def conj(value: Any) -> Any:
    """The conjugate; of what is real the very same."""
    if isinstance(value, Tensor):
        return value.conj() if value._dtype.category == COMPLEX else value
    return value.conjugate() if isinstance(value, complex) else value


def widened(array: np.ndarray) -> np.ndarray:
    """Half-precision arrays as float32, for what torch accumulates in that precision."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def converted(tensor: Tensor, kind: dtype) -> np.ndarray:
    """The array of a tensor in another dtype, itself where it has it."""
    if tensor._dtype is kind or tensor._array.dtype == kind.numpy:
        return tensor._array
    return densely(tensor._array).astype(kind.numpy)


def floating(tensor: Tensor) -> np.ndarray:
    """The array of a tensor, integers as the default float."""
    array = tensor._array
    return array if tensor._dtype.category >= FLOATING else densely(array).astype(default_float().numpy)


def scalar_for(value: Any, kind: dtype) -> Any:
    """A Python number as numpy takes it beside an array of that dtype. Integers wrap as in C."""
    if kind.category == INTEGRAL:
        if -128 <= value <= 127 and (value >= 0 or kind.is_signed):
            return int(value)
        return np.array(int(value) & (2**64 - 1), dtype=np.uint64).astype(kind.numpy)
    if kind.category == BOOL:
        return np.bool_(value)
    return value


def operands(a: Any, b: Any, function: str = "") -> tuple[Any, Any, dtype]:
    """The arrays (or numbers) that a binary operator computes with, and the dtype in which it does."""
    if isinstance(a, Tensor):
        if isinstance(b, Tensor):
            kind = a._dtype
            if kind is b._dtype:
                return a._array, b._array, kind
            kind = result_type(a, b)
            return converted(a, kind), converted(b, kind), kind
        if type(b) not in SCALARS:
            b = as_number(b, function, "other", 2)
        kind = _beside(a, b)
        return converted(a, kind), scalar_for(b, kind), kind
    if type(a) not in SCALARS:
        a = as_number(a, function, "input", 1)
    if isinstance(b, Tensor):
        kind = _beside(b, a)
        return scalar_for(a, kind), converted(b, kind), kind
    raise errors.not_a_tensor(function, "input", 1, a)


def _beside(tensor: Tensor, number: Any) -> dtype:
    kind = tensor._dtype
    own = of_scalar(number)
    return kind if own.category <= kind.category else promote(kind, own) if own.category == COMPLEX else own


def as_number(value: Any, function: str, name: str, position: int) -> Any:
    """A number that a tensor is combined with, numpy's scalars among them."""
    if isinstance(value, np.bool_ | np.number):
        return value.item()
    raise errors.not_a_tensor(function, name, position, value)


def unary(name: str, *, integers: bool = False) -> Callable[..., Any]:
    """An elementwise operator of one tensor. Integers become floats first, unless `integers` says that they stay."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def operator(input: Tensor) -> Tensor:
            if not isinstance(input, Tensor):
                raise errors.not_a_tensor(function.__name__, "input", 1, input)
            result = function(input._array if integers else floating(input))
            if type(result) is not tuple:
                return record(name, result, (input, zeros_of))
            value, way = result
            return record(name, value, (input, *[input if each is SELF else each for each in way]))

        operator.node = name  # type: ignore[attr-defined]
        return operator

    return decorate


def zeros_of(tensor: Any) -> Any:
    """Zeros like a tensor: among others the way back of what is flat everywhere."""
    return record("", np.zeros(tensor._array.shape, tensor._array.dtype), dtype=tensor._dtype)


def summed_with(
    name: str, grad: Any, dims: Any, shape: tuple[int, ...], affine: tuple[int, ...], others: Sequence[Any]
) -> Any:
    """A gradient summed to the shape of a bias, by an operator that takes other tensors as well.

    torch computes it together with the gradients of these, so that it depends on them as far as flags tell.
    """
    value = np.sum(grad._array, axis=tuple(dims)).reshape(shape) if dims else grad._array.reshape(shape)
    wide = grad._array.shape
    way = lambda g: g.reshape(affine).expand(wide)  # noqa: E731
    ways = [(grad, way), *[(each, _zeros_like_it(each)) for each in others if each is not None]]
    return record(name, value, *ways, dtype=grad._dtype)


def _zeros_like_it(tensor: Any) -> Any:
    shape, kind = tensor._array.shape, tensor._dtype
    return lambda g: record("", np.zeros(shape, kind.numpy), dtype=kind)


def ones_of(tensor: Any) -> Any:
    return record("", np.ones(tensor._array.shape, tensor._array.dtype), dtype=tensor._dtype)


def binary(name: str, *, floats: bool = False) -> Callable[..., Any]:
    """An elementwise operator of two tensors, or of a tensor and a number.

    The function returns the value, the way back to the first and that to the second. With `floats` integers become
    floats.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        title = function.__name__

        @functools.wraps(function)
        def operator(input: Any, other: Any) -> Tensor:
            a, b, kind = operands(input, other, title)
            if floats and kind.category < FLOATING:
                kind = default_float()
                a, b = (densely(np.asarray(each)).astype(kind.numpy, copy=False) for each in (a, b))
            try:
                value, first, second = function(a, b)
            except ValueError as error:
                raise shapes_differ(a, b) or error from None
            if value.ndim > 1 and not (type(a) is np.ndarray and a.flags.c_contiguous):
                value = in_order_of(value, a, b)
            values = {SELF: input, OTHER: other}
            way = (input if isinstance(input, Tensor) else None, *[values.get(each, each) for each in first])
            back = (other if isinstance(other, Tensor) else None, *[values.get(each, each) for each in second])
            return record(name, value, way, back, dtype=kind)

        return operator

    return decorate


def in_order_of(value: np.ndarray, *operands: Any) -> np.ndarray:
    """An elementwise result in the memory order that torch gives it; numpy prefers the usual order."""
    arrays = [each for each in operands if isinstance(each, np.ndarray) and each.ndim]
    if value.ndim < 2 or not value.size or not arrays:
        return value
    order = _order([_wide_strides(each, value.shape) for each in arrays], value.shape)
    strides, step = [0] * value.ndim, value.itemsize
    for at in reversed(order):
        strides[at] = step
        step *= value.shape[at]
    if value.strides == tuple(strides):
        return value
    made: np.ndarray = np.ndarray(value.shape, value.dtype, strides=strides)  # which owns its memory
    made[...] = value
    return made


def _wide_strides(array: np.ndarray, shape: tuple[int, ...]) -> list[int]:
    """The strides of an array broadcast to a shape."""
    lead = len(shape) - array.ndim
    own = [
        0 if size != wide else stride
        for size, wide, stride in zip(array.shape, shape[lead:], array.strides, strict=True)
    ]
    return [0] * lead + own


def _order(strides: Sequence[Sequence[int]], shape: tuple[int, ...]) -> list[int]:
    """The dimensions, the slowest first: the first operand decides that moves in both of two dimensions."""
    order = list(range(len(shape)))[::-1]
    for at in range(1, len(order)):
        for before in range(at - 1, -1, -1):
            here, there = order[before], order[at]
            swap = _swapped(strides, here, there, shape)
            if swap is False:
                break
            if swap:
                order[before], order[at], at = there, here, before
    return order[::-1]


def _swapped(strides: Sequence[Sequence[int]], here: int, there: int, shape: tuple[int, ...]) -> bool | None:
    """Whether of two dimensions the second is the faster one; None where nothing tells."""
    for each in strides:
        fast, slow = each[here], each[there]
        if fast and slow:
            if fast != slow:
                return fast > slow
            if shape[here] > shape[there]:
                return True
    return None


def applied(function: Any, a: Any, b: Any) -> Any:
    """What an elementwise function makes of two arrays, or of an array and a number."""
    try:
        value = function(a, b)
    except ValueError as error:
        raise shapes_differ(a, b) or error from None
    if value.ndim > 1 and not (type(a) is np.ndarray and a.flags.c_contiguous):
        return in_order_of(value, a, b)
    return value


def shapes_differ(a: Any, b: Any) -> RuntimeError | None:
    """The error for shapes that do not broadcast."""
    first, second = np.shape(a), np.shape(b)
    ndim = max(len(first), len(second))
    for back in range(1, ndim + 1):
        if back <= len(first) and back <= len(second):
            x, y = first[-back], second[-back]
            if x != y and x != 1 and y != 1:
                return errors.sizes_differ(x, y, ndim - back)
    return None


def broadcast_shape(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The common shape, or torch's error."""
    ndim = max((len(shape) for shape in shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        lead = ndim - len(shape)
        for at in range(ndim - 1, lead - 1, -1):
            size = shape[at - lead]
            if size != 1:
                if result[at] != 1 and result[at] != size:
                    raise errors.sizes_differ(result[at], size, at)
                result[at] = size
    return tuple(result)


def dim_of(dim: int, ndim: int) -> int:
    """A dimension as an index from the front."""
    span = ndim or 1
    if not -span <= dim < span:
        raise errors.dim_out_of_range(dim, ndim)
    return dim + span if dim < 0 else dim


def dims_of(dim: Any, ndim: int) -> tuple[int, ...]:
    """Dimensions as indices from the front; none, or an empty list, are all of them."""
    if dim is None:
        return tuple(range(ndim))
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if not dims:
        return tuple(range(ndim))
    found = tuple([dim_of(each, ndim) for each in dims])
    if len(set(found)) != len(found):
        twice = next(each for each in found if found.count(each) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return found


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence: `x.view(2, 3)`, `x.view((2, 3))`."""
    if len(sizes) == 1 and not isinstance(sizes[0], int) and not isinstance(sizes[0], Tensor | np.integer):
        sizes = tuple(sizes[0])
    return tuple([size if type(size) is int else int(size) for size in sizes])


__all__ = [
    "BOOL", "COMPLEX", "FLOATING", "INTEGRAL", "OTHER", "OUT", "SELF", "as_number", "bfloat16", "binary", "bool_",
    "broadcast_shape", "conj", "converted", "default_float", "dim_of", "dims_of", "float16", "float32", "float64",
    "floating", "operands", "scalar_for", "ones_of", "shapes_differ", "sizes_of", "summed_with", "unary", "widened", "zeros_of",
]  # fmt: skip
