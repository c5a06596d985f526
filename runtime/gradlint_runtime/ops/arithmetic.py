"""Elementwise operators of two or three tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import errors
from ..apply import record
from ..dtypes import (
    BOOL,
    COMPLEX,
    FLOATING,
    INTEGRAL,
    bfloat16,
    bool_,
    complex128,
    default_float,
    dtype,
    float64,
    result_type,
    round_to_bfloat16,
)  # fmt: skip
from ..inplace import become
from ..modes import mode
from ..tensor import Tensor
from ..views import densely
from . import special_values as special
from .blend import where
from .common import (
    OTHER,
    OUT,
    SELF,
    applied,
    as_number,
    binary,
    broadcast_shape,
    conj,
    floating,
    in_order_of,
    operands,
    scalar_for,
    shapes_differ,
    zeros_of,
)


def scaled(value: Any, alpha: Any) -> Any:
    return value if alpha == 1 else value * alpha


def _check_alpha(alpha: Any, kind: dtype) -> None:
    if isinstance(alpha, float) and kind.category < FLOATING:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if isinstance(alpha, bool) and kind.category != BOOL:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")


def _number_or_tensor(value: Any) -> Any:
    return value if isinstance(value, Tensor) else None


def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    a, b, kind = operands(input, other, "add")
    if alpha != 1:
        _check_alpha(alpha, kind)
        b = b * scalar_for(alpha, kind)
    return _linear("AddBackward0", np.add, input, other, a, b, kind, lambda grad: scaled(grad, _conj_number(alpha)))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    a, b, kind = operands(input, other, "sub")
    _check_sub(input, other, kind)
    if alpha != 1:
        _check_alpha(alpha, kind)
        b = b * scalar_for(alpha, kind)
    return _linear(
        "SubBackward0", np.subtract, input, other, a, b, kind, lambda grad: scaled(-grad, _conj_number(alpha))
    )


def _check_sub(input: Any, other: Any, kind: dtype) -> None:
    if kind.category == BOOL:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator "
            "instead."
        )
    if any(isinstance(each, bool) or getattr(each, "dtype", None) is bool_ for each in (input, other)):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )


def _conj_number(number: Any) -> Any:
    return number.conjugate() if isinstance(number, complex) else number


def _linear(name: str, function: Any, input: Any, other: Any, a: Any, b: Any, kind: dtype, to_other: Any) -> Tensor:
    return record(
        name,
        applied(function, a, b),
        (_number_or_tensor(input), _same),
        (_number_or_tensor(other), to_other),
        dtype=kind,
    )


def _same(grad: Any) -> Any:
    return grad


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    a, b, kind = operands(input, other, "rsub")
    _check_sub(input, other, kind)
    value = applied(np.subtract, b, a if alpha == 1 else a * scalar_for(alpha, kind))
    to_self = lambda grad: scaled(-grad, _conj_number(alpha))  # noqa: E731
    if isinstance(other, Tensor):
        return record("RsubBackward0", value, (input, to_self), (other, _same), dtype=kind)
    if input._counter is None:  # autograd sees that of the number, which becomes a tensor
        return record("SubBackward0", value, (None,), (input, to_self), dtype=kind)
    return record("RsubBackward1", value, (input, to_self), dtype=kind)


@binary("MulBackward0")
def mul(a: Any, b: Any) -> Any:
    return np.multiply(a, b), (_times_other, OTHER), (_times_self, SELF)


def _times_other(grad: Any, other: Any) -> Any:
    return grad * conj(other)


def _times_self(grad: Any, self: Any) -> Any:
    return grad * conj(self)


@binary("DivBackward0", floats=True)
def true_divide(a: Any, b: Any) -> Any:
    return np.divide(a, b), (lambda grad, other: grad / conj(other), OTHER), (
        lambda grad, self, other: -grad * conj((self / other) / other), SELF, OTHER,
    )  # fmt: skip


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    a, b, kind = operands(input, other, "div")
    if kind.category < FLOATING and np.any(np.asarray(b) == 0):
        raise RuntimeError("ZeroDivisionError")
    value = floor_values(a, b) if rounding_mode == "floor" else trunc_values(a, b, kind)
    no_slope = zeros_of
    return record(
        "DivBackward2", value, (_number_or_tensor(input), no_slope), (_number_or_tensor(other), no_slope), dtype=kind
    )


def floor_values(a: Any, b: Any) -> Any:
    if np.result_type(a, b).kind in "iub":
        return np.floor_divide(a, b)
    quotient = np.floor_divide(a, b)
    return np.where(np.asarray(b) == 0, np.divide(a, b), quotient)


def trunc_values(a: Any, b: Any, kind: dtype) -> Any:
    if np.result_type(a, b).kind in "iub":
        quotient = np.floor_divide(a, b)
        return quotient + ((quotient < 0) & (np.multiply(quotient, b) != a))
    quotient = np.divide(a, b)
    return np.trunc(round_to_bfloat16(quotient) if kind is bfloat16 else quotient)


def floor_divide(input: Any, other: Any, *, name: str = "floor_divide") -> Tensor:
    a, b, kind = operands(input, other, "floor_divide")
    if kind.category < FLOATING and np.any(np.asarray(b) == 0):
        raise RuntimeError("ZeroDivisionError")
    ways: list[Any] = [(each, underived(name)) for each in (input, other) if isinstance(each, Tensor)]
    if len(ways) == 1 and ways[0][0]._counter is None:  # autograd sees the number, which becomes a tensor
        ways.append((None,))
    return record("NotImplemented", applied(floor_values, a, b), *ways, dtype=kind)


def floor_divide_(input: Tensor, other: Any) -> Tensor:
    others = (other,) if isinstance(other, Tensor) else ()
    return become(input, floor_divide, others, other, name="floor_divide_")


def underived(name: str) -> Any:
    """The way back of what torch has no derivative of."""

    def way(grad: Any) -> Any:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")

    return way


def remainder(input: Any, other: Any) -> Tensor:
    a, b, kind = operands(input, other, "remainder")
    if kind.category < FLOATING and np.any(np.asarray(b) == 0):
        raise RuntimeError("ZeroDivisionError")
    value = applied(np.mod, a, b)
    if not isinstance(input, Tensor):
        return record("NotImplemented", value, (other, underived("remainder")), dtype=kind)
    if not isinstance(other, Tensor):
        if input._counter is None:  # autograd sees that of the number, which becomes a tensor
            return record("RemainderBackward1", value, (input, _same), (None,), dtype=kind)
        return record("RemainderBackward0", value, (input, _same), dtype=kind)
    return record(
        "RemainderBackward1", value, (input, _same),
        (other, lambda grad, self, other: -grad * self.div(other, rounding_mode="floor"), input, other), dtype=kind,
    )  # fmt: skip


def fmod(input: Tensor, other: Any) -> Tensor:
    a, b, kind = operands(input, other, "fmod")
    if kind.category < FLOATING and np.any(np.asarray(b) == 0):
        raise RuntimeError("ZeroDivisionError")
    value = applied(np.fmod, a, b)
    if not isinstance(other, Tensor):
        if input._counter is None:  # autograd sees that of the number, which becomes a tensor
            return record("FmodBackward1", value, (input, _same), (None,), dtype=kind)
        return record("FmodBackward0", value, (input, _same), dtype=kind)
    return record(
        "FmodBackward1", value, (input, _same),
        (other, lambda grad, self, other: -grad * self.div(other, rounding_mode="trunc"), input, other), dtype=kind,
    )  # fmt: skip


def pow(input: Any, exponent: Any) -> Tensor:
    a, b, kind = operands(input, exponent, "pow")
    if kind.category == INTEGRAL and not isinstance(exponent, Tensor) and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    try:
        value = in_order_of(_power(a, b, kind), a, b) if np.ndim(b) else _power(a, b, kind)
    except ValueError as error:
        raise shapes_differ(a, b) or error from None
    if not isinstance(exponent, Tensor):
        return record("PowBackward0", value, (input, power_way(exponent), input), dtype=kind)
    if not isinstance(input, Tensor):
        return record(
            "PowBackward2", value, (exponent, _exponent_way_of(input), exponent, OUT), dtype=kind
        )  # fmt: skip
    return record(
        "PowBackward1", value, (input, _base_way, input, exponent),
        (exponent, _exponent_way, input, exponent, OUT), dtype=kind,
    )  # fmt: skip


def _power(a: Any, b: Any, kind: dtype) -> Any:
    if type(b) in (int, float):
        if b == 2:
            return np.multiply(a, a)
        if b == 1:
            return np.array(a)
        if b == 0.5:
            return np.sqrt(a)
        if b == 3:
            return a * a * a
        if b == -1:
            return 1 / a
    if kind.category == INTEGRAL:
        return _integer_power(np.asarray(a), np.asarray(b))
    if kind.category == BOOL:
        return np.power(np.asarray(a, np.uint8), np.asarray(b, np.uint8)).astype(bool)
    return np.power(a, b)


def _integer_power(a: Any, b: Any) -> Any:
    """Negative exponents leave 1, -1 or 0, as in torch."""
    positive = np.power(a, np.maximum(b, 0))
    sign = np.where(b % 2 == 0, 1, a)
    return np.where(b < 0, np.where(np.abs(a) == 1, sign, 0), positive)


def power_way(exponent: Any) -> Any:
    def way(grad: Any, self: Any) -> Any:
        if exponent == 0:
            return zeros_of(grad)
        # A first power is one too, which saves its input where it is recorded.
        factor = conj(self) if exponent == 2 and not mode.grad else conj(self ** (exponent - 1))
        return grad * times_number(factor, _conj_number(exponent))

    return way


def times_number(value: Tensor, number: Any) -> Tensor:
    """A product as torch's own C++ writes it: with the node of a number that does not become a tensor."""
    array = value._array * scalar_for(number, value._dtype)
    return record(
        "MulBackward1", array, (value, lambda grad: times_number(grad, _conj_number(number))), dtype=value._dtype
    )


def _base_way(grad: Any, self: Any, exponent: Any) -> Any:
    slope = grad * conj(exponent * self ** (exponent - 1))
    return where(exponent == 0, 0.0, slope)


def _exponent_way(grad: Any, self: Any, exponent: Any, result: Any) -> Any:
    still = (self == 0).logical_and(exponent.real >= 0 if exponent._dtype.is_complex else exponent >= 0)
    return (grad * conj(result * self.log())).masked_fill(still, 0)


def _exponent_way_of(base: Any) -> Any:
    def way(grad: Any, exponent: Any, result: Any) -> Any:
        if base == 0:
            still = exponent.real >= 0 if exponent._dtype.is_complex else exponent >= 0
            return (grad * conj(result * -math.inf)).masked_fill(still, 0)
        return grad * conj(result * _log(base))

    return way


def _log(number: Any) -> Any:
    value = np.log(np.asarray(number, complex)) if isinstance(number, complex) else np.log(np.float64(number))
    return value.item()


def float_power(input: Any, exponent: Any) -> Tensor:
    kind = result_type(input, exponent)
    wide = float64 if kind.category < COMPLEX else complex128
    first = input.to(wide) if isinstance(input, Tensor) else input
    second = exponent.to(wide) if isinstance(exponent, Tensor) else exponent
    return pow(first, second)


def two_tensors(function: str, input: Any, other: Any) -> tuple[Any, Any, dtype]:
    """The operands of an operator that takes no numbers."""
    if not isinstance(input, Tensor):
        raise errors.not_a_tensor(function, "input", 1, input)
    if not isinstance(other, Tensor):
        raise errors.not_a_tensor(function, "other", 2, other)
    return operands(input, other, function)


def _choice(function: Any, node: str, to_self: Any, to_other: Any) -> Any:
    name = function.__name__

    def operator(input: Tensor, other: Tensor) -> Tensor:
        a, b, kind = two_tensors(name, input, other)
        if kind.category == COMPLEX:
            raise RuntimeError(f"{name} not implemented for complex tensors.")
        value = applied(function, a, b)
        return record(node, value, (input, to_self, input, other), (other, to_other, input, other), dtype=kind)

    operator.__name__ = name
    return operator


def _shared(grad: Any, equal: Any, left: Any) -> Any:
    """Nothing to what was left, half to each of two equals."""
    return where(equal, grad / 2, grad).masked_fill_(left, 0)


maximum = _choice(
    np.maximum, "MaximumBackward0",
    lambda grad, self, other: _shared(grad, self == other, self < other),
    lambda grad, self, other: _shared(grad, self == other, self > other),
)  # fmt: skip
minimum = _choice(
    np.minimum, "MinimumBackward0",
    lambda grad, self, other: _shared(grad, self == other, self > other),
    lambda grad, self, other: _shared(grad, self == other, self < other),
)  # fmt: skip
fmax = _choice(
    np.fmax, "FmaxBackward0",
    lambda grad, self, other: grad.masked_fill((self >= other).logical_or(other.isnan()).logical_not(), 0),
    lambda grad, self, other: grad.masked_fill((self >= other).logical_or(other.isnan()), 0),
)  # fmt: skip
fmin = _choice(
    np.fmin, "FminBackward0",
    lambda grad, self, other: grad.masked_fill((self <= other).logical_or(other.isnan()).logical_not(), 0),
    lambda grad, self, other: grad.masked_fill((self <= other).logical_or(other.isnan()), 0),
)  # fmt: skip


def atan2(input: Tensor, other: Tensor) -> Tensor:
    two_tensors("atan2", input, other)
    return _atan2(input, other)


@binary("Atan2Backward0", floats=True)
def _atan2(a: Any, b: Any) -> Any:
    return np.arctan2(a, b), (lambda grad, self, other: grad * _turn(self, other, other), SELF, OTHER), (
        lambda grad, self, other: grad * -_turn(self, other, self), SELF, OTHER,
    )  # fmt: skip


def _turn(y: Any, x: Any, over: Any) -> Any:
    square = x * x + y * y
    return (over / square).masked_fill(square == 0, 0)


def hypot(input: Tensor, other: Tensor) -> Tensor:
    two_tensors("hypot", input, other)
    return _hypot(input, other)


@binary("HypotBackward0")
def _hypot(a: Any, b: Any) -> Any:
    return np.hypot(a, b), (lambda grad, self, result: grad * (self / result), SELF, OUT), (
        lambda grad, other, result: grad * (other / result), OTHER, OUT,
    )  # fmt: skip


def copysign(input: Tensor, other: Any) -> Tensor:
    a = floating(input)
    number = isinstance(other, bool | int | float)
    b = other._array if isinstance(other, Tensor) else other if number else as_number(other, "copysign", "other", 2)
    kind = result_type(input, other)
    kind = kind if kind.category >= FLOATING else default_float()
    value = np.copysign(a, np.asarray(b, dtype=kind.numpy) if np.ndim(b) == 0 or b.dtype != a.dtype else b)

    def way(grad: Any, self: Any, result: Any) -> Any:
        return (grad * (result / self)).masked_fill(self == 0, 0)

    if not isinstance(other, Tensor):
        return record("CopysignBackward1", value, (input, way, input, OUT), dtype=kind)
    return record("CopysignBackward0", value, (input, way, input, OUT), (other, zeros_of), dtype=kind)


def _xlog(a: Any, b: Any, log: Any) -> Any:
    value = np.where(np.asarray(a) == 0, 0, a * log(b))
    return np.where(np.isnan(b), b, value).astype(np.result_type(a, b))


def xlogy(input: Any, other: Any) -> Tensor:
    a, b, kind = _float_operands(input, other, "xlogy")
    value = applied(lambda x, y: _xlog(x, y, np.log), a, b)
    to_self = lambda grad, self, other: grad * _log_unless_zero(self, other)  # noqa: E731
    to_other = lambda grad, self, other: grad * (self / other)  # noqa: E731
    if not isinstance(other, Tensor):
        return record("XlogyBackward2", value, (input, to_self, input, other), dtype=kind)
    if not isinstance(input, Tensor):
        return record("XlogyBackward1", value, (other, to_other, input, other), dtype=kind)
    return record("XlogyBackward0", value, (input, to_self, input, other), (other, to_other, input, other), dtype=kind)


def _log_unless_zero(self: Any, other: Any) -> Any:
    if not isinstance(other, Tensor):
        slope = math.log(other) if other > 0 else (-math.inf if other == 0 else math.nan)
        return self.new_full(self.shape, slope).masked_fill((self == 0) & (slope <= 0 if slope == slope else False), 0)
    return other.log().masked_fill((self == 0).logical_and(other <= 0), 0)


def xlog1py(input: Any, other: Any) -> Tensor:
    a, b, kind = _float_operands(input, other, "xlog1py")
    value = _xlog(a, b, np.log1p)

    def to_self(grad: Any, self: Any, other: Any) -> Any:
        if not isinstance(other, Tensor):
            other = self.new_tensor(other)
        return grad * other.log1p().masked_fill((self == 0).logical_and(other <= -1), 0)

    to_other = lambda grad, self, other: grad * (self / (other + 1))  # noqa: E731
    if not isinstance(other, Tensor):
        return record("SpecialXlog1PyBackward2", value, (input, to_self, input, other), dtype=kind)
    if not isinstance(input, Tensor):
        return record("SpecialXlog1PyBackward1", value, (other, to_other, input, other), dtype=kind)
    return record(
        "SpecialXlog1PyBackward0", value, (input, to_self, input, other), (other, to_other, input, other), dtype=kind
    )


def _float_operands(input: Any, other: Any, function: str) -> tuple[Any, Any, dtype]:
    a, b, kind = operands(input, other, function)
    if kind.category < FLOATING:
        kind = default_float()
    return np.asarray(a, kind.numpy), np.asarray(b, kind.numpy), kind


def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    two_tensors("logaddexp", input, other)
    return _logaddexp(input, other)


@binary("LogaddexpBackward0")
def _logaddexp(a: Any, b: Any) -> Any:
    if np.result_type(a, b).kind == "c":
        raise errors.unsupported("torch.logaddexp of complex tensors")
    return np.logaddexp(a, b), (lambda grad, self, other: grad / (1 + (other - self).exp()), SELF, OTHER), (
        lambda grad, self, other: grad / (1 + (self - other).exp()), SELF, OTHER,
    )  # fmt: skip


def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    two_tensors("logaddexp2", input, other)
    return _logaddexp2(input, other)


@binary("Logaddexp2Backward0")
def _logaddexp2(a: Any, b: Any) -> Any:
    return np.logaddexp2(a, b), (lambda grad, self, other: grad / (1 + 2 ** (other - self)), SELF, OTHER), (
        lambda grad, self, other: grad / (1 + 2 ** (self - other)), SELF, OTHER,
    )  # fmt: skip


def ldexp(input: Tensor, other: Tensor) -> Tensor:
    two_tensors("ldexp", input, other)
    broadcast_shape(input._array.shape, other._array.shape)
    a, b = input._array, other._array
    kind = result_type(input, other)
    kind = kind if kind.category >= FLOATING else default_float()
    power = np.power(kind.numpy.type(2), densely(b).astype(kind.numpy))
    return record(
        "LdexpBackward0", densely(a).astype(kind.numpy) * power, (input, _ldexp_way, other),
        (other, lambda grad, result: grad * conj(result * math.log(2)), OUT), dtype=kind,
    )  # fmt: skip


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    if not isinstance(values, Tensor):
        raise errors.not_a_tensor("heaviside", "values", 2, values)
    if input._dtype is not values._dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    a = input._array
    value = np.where(a == 0, values._array, (a > 0).astype(a.dtype))
    return record(
        "NotImplemented", value, (input, underived("heaviside")), (values, underived("heaviside")), dtype=input._dtype
    )


def _ldexp_way(grad: Any, other: Any) -> Any:
    """Whole exponents raise a whole number, so that a negative one gives zero, as in torch."""
    return grad * conj(pow(2.0 if other._dtype.category >= FLOATING else 2, other))


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    two_tensors("nextafter", input, other)
    return _nextafter(input, other)


@binary("NextafterBackward0")
def _nextafter(a: Any, b: Any) -> Any:
    return np.nextafter(a, b), (lambda grad, self, other: grad * (self != other), SELF, OTHER), (
        lambda grad, self, other: grad * (self == other), SELF, OTHER,
    )  # fmt: skip


def zeta(input: Any, other: Any) -> Tensor:
    a, b, kind = _float_operands(input, other, "zeta")
    way = underived("special_zeta")
    to_other = lambda grad, self, other: grad * -self * zeta(self + 1, other)  # noqa: E731
    if not isinstance(other, Tensor):
        return record("NotImplemented", special.zeta(a, b), (input, way), dtype=kind)
    if not isinstance(input, Tensor):
        return record("SpecialZetaBackward1", special.zeta(a, b), (other, to_other, input, other), dtype=kind)
    return record("SpecialZetaBackward0", special.zeta(a, b), (input, way), (other, to_other, input, other), dtype=kind)
