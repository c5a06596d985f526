"""Elementwise operators that choose or mix: where, masked_fill, clamp, lerp, addcmul; comparisons and logic."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors
from ..apply import plain, record, written
from ..dtypes import BOOL, COMPLEX, FLOATING, cast, dtype, result_type
from ..inplace import FORMS, become
from ..tensor import Tensor
from .common import (
    applied,
    as_number,
    broadcast_shape,
    conj,
    converted,
    in_order_of,
    operands,
    scalar_for,
)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    if input is None and other is None:
        from .index import nonzero

        return nonzero(condition, as_tuple=True)
    kind = result_type(input, other)
    a = converted(input, kind) if isinstance(input, Tensor) else scalar_for(input, kind)
    b = converted(other, kind) if isinstance(other, Tensor) else scalar_for(other, kind)
    if condition._dtype.category != BOOL and condition._dtype.name != "uint8":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition._dtype.short}"
        )
    broadcast_shape(broadcast_shape(condition._array.shape, np.shape(a)), np.shape(b))
    value = np.where(condition._array.astype(bool), a, b)
    return record(
        "WhereBackward0", in_order_of(value, condition._array, a, b) if value.ndim > 1 else value,
        (_tensor_or_none(input), lambda grad, condition: where(condition, grad, 0), condition),
        (_tensor_or_none(other), lambda grad, condition: where(condition, 0, grad), condition), dtype=kind,
    )  # fmt: skip


def _tensor_or_none(value: Any) -> Any:
    return value if isinstance(value, Tensor) else None


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    if mask._dtype.category != BOOL:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {errors.name_in_c(mask._dtype)}"
        )
    broadcast_shape(mask._array.shape, input._array.shape)
    kind = input._dtype
    to_self = lambda grad, mask: masked_fill(grad, mask, 0)  # noqa: E731
    if not isinstance(value, Tensor):
        filled = np.where(mask._array, scalar_for(value, kind), input._array)
        filled = np.ascontiguousarray(filled) if filled.ndim else filled
        return record("MaskedFillBackward0", filled, (input, to_self, mask), dtype=kind)
    if value._array.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value._array.ndim} "
            "dimension(s)."
        )
    filled = np.where(mask._array, value._array.astype(kind.numpy), input._array)
    filled = np.ascontiguousarray(filled) if filled.ndim else filled
    return record(
        "MaskedFillBackward1", filled, (input, to_self, mask),
        (value, lambda grad, mask: where(mask, grad, 0).sum(), mask), dtype=kind,
    )  # fmt: skip


def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """In place the input comes first in what is said of sizes that do not fit."""
    broadcast_shape(input._array.shape, mask._array.shape)
    others = [each for each in (mask, value) if isinstance(each, Tensor)]
    return become(input, masked_fill, others, mask, value)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _clamp_tensors("ClampBackward0", input, min, max)
    return _clamp_numbers("ClampBackward1", input, min, max)


def clamp_min(input: Tensor, min: Any) -> Tensor:
    if isinstance(min, Tensor):
        return _clamp_tensors("ClampMinBackward1", input, min, None, both=False)
    return _clamp_numbers("ClampMinBackward0", input, min, None)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    if isinstance(max, Tensor):
        return _clamp_tensors("ClampMaxBackward1", input, None, max, both=False)
    return _clamp_numbers("ClampMaxBackward0", input, None, max)


def _no_complex(kind: dtype) -> None:
    if kind.category == COMPLEX:
        raise RuntimeError("clamp is not supported for complex types")


def _clamp_numbers(name: str, input: Tensor, low: Any, high: Any) -> Tensor:
    kind = result_type(*[each for each in (input, low, high) if each is not None])
    _no_complex(kind)
    value = converted(input, kind)
    if low is not None:
        value = np.maximum(value, scalar_for(low, kind))
    if high is not None:
        value = np.minimum(value, scalar_for(high, kind))
    if any(each is not None and each != each for each in (low, high)):
        value = np.full(value.shape, np.nan, kind.numpy)
    return record(name, value, (input, lambda grad, self: _inside(grad, self, low, high), input), dtype=kind)


def _inside(grad: Any, self: Any, low: Any, high: Any) -> Any:
    """The gradient where a clamp left the value as it was, its bounds included."""
    kept: Any = None
    for bound, holds in ((low, "ge"), (high, "le")):
        if bound is not None:
            this = getattr(self, holds)(bound)
            kept = this if kept is None else kept.logical_and(this)
    return where(kept, grad, 0)


def _clamp_tensors(name: str, input: Tensor, low: Any, high: Any, *, both: bool = True) -> Tensor:
    kind = result_type(*[each for each in (input, low, high) if each is not None])
    _no_complex(kind)
    value = converted(input, kind)
    broadcast_shape(*[each._array.shape for each in (input, low, high) if isinstance(each, Tensor)])
    low = _as_tensor(low, input)
    high = _as_tensor(high, input)
    if low is not None:
        value = np.maximum(value, converted(low, kind))
    if high is not None:
        value = np.minimum(value, converted(high, kind))

    def to_min(grad: Any, self: Any, min: Any, max: Any) -> Any:
        taken = self < min
        return where(taken if max is None else taken.logical_and(min < max), grad, 0)

    def to_max(grad: Any, self: Any, min: Any, max: Any) -> Any:
        taken = self > max
        return where(taken if min is None else taken.logical_or(max < min), grad, 0)

    value = in_order_of(value, *[each._array for each in (input, low, high) if each is not None])
    to_self = lambda grad, self, min, max: _inside(grad, self, min, max)  # noqa: E731
    ways: list[Any] = [(input, to_self, input, low, high)]
    if low is not None or both:
        ways.append((low, to_min, input, low, high))
    if high is not None or both:
        ways.append((high, to_max, input, low, high))
    return record(name, value, *ways, dtype=kind)


def _as_tensor(value: Any, like: Tensor) -> Any:
    if value is None or isinstance(value, Tensor):
        return value
    from .factories import scalar_tensor

    return scalar_tensor(value)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    for each in (end, weight):
        if isinstance(each, Tensor) and each._dtype is not input._dtype:
            raise RuntimeError(
                f"expected dtype {errors.name_in_c(input._dtype)} for `{'end' if each is end else 'weight'}` but got "
                f"dtype {errors.name_in_c(each._dtype)}"
            )
    a, b = input._array, end._array
    w = weight._array if isinstance(weight, Tensor) else weight
    broadcast_shape(a.shape, b.shape, np.shape(w))
    value = in_order_of(np.where(np.abs(w) < 0.5, a + w * (b - a), b - (b - a) * (1 - w)), a, b, w)
    kind = input._dtype
    if not isinstance(weight, Tensor):
        return record(
            "LerpBackward0", value, (input, lambda grad: grad * conj(1 - weight)),
            (end, lambda grad: grad * conj(weight)), dtype=kind,
        )  # fmt: skip
    return record(
        "LerpBackward1", value, (input, lambda grad, weight: grad * conj(1 - weight), weight),
        (end, lambda grad, weight: grad * conj(weight), weight),
        (weight, lambda grad, end, self: grad * conj(end - self), end, input), dtype=kind,
    )  # fmt: skip


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    kind = result_type(input, tensor1, tensor2)
    a, b, c = (converted(each, kind) for each in (input, tensor1, tensor2))
    broadcast_shape(a.shape, b.shape, c.shape)
    product = b * c
    made = a + (product if value == 1 else scalar_for(value, kind) * product)
    return record(
        "AddcmulBackward0", in_order_of(made, a, b, c),
        (input, lambda grad: grad),
        (tensor1, lambda grad, tensor2: grad * conj(tensor2 * value), tensor2),
        (tensor2, lambda grad, tensor1: grad * conj(tensor1 * value), tensor1), dtype=kind,
    )  # fmt: skip


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    kind = result_type(input, tensor1, tensor2)
    if tensor1._dtype.category < FLOATING and tensor2._dtype.category < FLOATING:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
            "true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value "
            "* torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
            "tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + value "
            "* tensor1 / tensor2), for all dtypes."
        )
    a, b, c = (converted(each, kind) for each in (input, tensor1, tensor2))
    broadcast_shape(a.shape, b.shape, c.shape)
    return record(
        "AddcdivBackward0", in_order_of(a + value * b / c, a, b, c),
        (input, lambda grad: grad),
        (tensor1, lambda grad, tensor2: grad * conj(value / tensor2), tensor2),
        (tensor2, lambda grad, tensor1, tensor2: -grad * conj((value * tensor1) / (tensor2 * tensor2)), tensor1, tensor2),
        dtype=kind,
    )  # fmt: skip


def _comparison(name: str, function: Any) -> Any:
    def operator(input: Tensor, other: Any) -> Tensor:
        a, b, kind = operands(input, other, name)
        if kind.category == COMPLEX and name not in ("eq", "ne"):
            raise RuntimeError(f"\"{name}_cpu\" not implemented for '{kind.short}'")
        return plain(applied(function, a, b))

    def in_place(input: Tensor, other: Any) -> Tensor:
        """The result takes the place of a value that may have a history, and so is differentiable: flat everywhere."""
        made = operator(input, other)
        kind = input._dtype
        if kind.category < FLOATING:
            return made
        ways: list[Any] = [(input, _flat(input))]
        if isinstance(other, Tensor):
            ways.append((other, _flat(other)))
        return record(f"{name.title()}Backward{len(ways) - 1}", cast(made._array, made._dtype, kind), *ways, dtype=kind)

    operator.__name__ = operator.__qualname__ = in_place.__name__ = name
    FORMS[operator] = in_place
    return operator


def _flat(tensor: Tensor) -> Any:
    """The way back of what is flat everywhere; it keeps no tensor alive."""
    shape, kind = tensor._array.shape, tensor._dtype
    return lambda grad: plain(np.zeros(shape, kind.numpy), dtype=kind)


eq = _comparison("eq", np.equal)
ne = _comparison("ne", np.not_equal)
lt = _comparison("lt", np.less)
le = _comparison("le", np.less_equal)
gt = _comparison("gt", np.greater)
ge = _comparison("ge", np.greater_equal)


def _logical(name: str, function: Any) -> Any:
    def operator(input: Tensor, other: Tensor) -> Tensor:
        if not isinstance(other, Tensor):
            raise errors.not_a_tensor(name, "other", 2, other)
        broadcast_shape(input._array.shape, other._array.shape)
        return written(plain(applied(function, input._array, other._array)), input, other)

    operator.__name__ = operator.__qualname__ = name
    return operator


logical_and = _logical("logical_and", np.logical_and)
logical_or = _logical("logical_or", np.logical_or)
logical_xor = _logical("logical_xor", np.logical_xor)


def _bitwise(name: str, function: Any) -> Any:
    def operator(input: Any, other: Any) -> Tensor:
        a, b, kind = operands(input, other, name)
        if kind.category >= FLOATING:
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{kind.short}'")
        return plain(applied(function, a, b), dtype=kind)

    operator.__name__ = operator.__qualname__ = name
    return operator


def _left_shift(a: Any, b: Any) -> Any:
    bits = np.asarray(a).dtype.itemsize * 8
    return np.where((b >= bits) | (b < 0), 0, np.left_shift(a, np.clip(b, 0, bits - 1)))


def _right_shift(a: Any, b: Any) -> Any:
    bits = np.asarray(a).dtype.itemsize * 8
    return np.right_shift(a, np.where((b >= bits) | (b < 0), bits - 1, b))


bitwise_and = _bitwise("bitwise_and", np.bitwise_and)
bitwise_or = _bitwise("bitwise_or", np.bitwise_or)
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor)
bitwise_left_shift = _bitwise("bitwise_left_shift", _left_shift)
bitwise_right_shift = _bitwise("bitwise_right_shift", _right_shift)
gcd = _bitwise("gcd", np.gcd)
lcm = _bitwise("lcm", np.lcm)


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    if input._dtype is not other._dtype:
        raise RuntimeError(f"{input._dtype.short} did not match {other._dtype.short}")
    a, b = input._array, other._array
    broadcast_shape(a.shape, b.shape)
    close = a == b
    if equal_nan and a.dtype.kind in "fc":
        close = close | ((a != a) & (b != b))
    if rtol or atol:
        wide = np.float64 if a.dtype.kind in "iub" else a.dtype
        x, y = a.astype(wide), b.astype(wide)
        gap = np.abs(x - y)
        close = close | (np.isfinite(gap) & (gap <= atol + np.abs(rtol * y)))
    return written(plain(close), input, other)


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


def equal(input: Tensor, other: Tensor) -> bool:
    if not isinstance(other, Tensor):
        raise errors.not_a_tensor("equal", "other", 2, other)
    a, b = input._array, other._array
    return a.shape == b.shape and bool((a == b).all())


def number_of(value: Any, function: str, name: str, position: int) -> Any:
    """A number given as a number or as a zero-dimensional tensor."""
    if isinstance(value, Tensor):
        return value.item()
    return value if isinstance(value, int | float | complex) else as_number(value, function, name, position)
