"""Elementwise operators of one tensor."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from ..apply import copied, plain, record, written
from ..dtypes import BOOL, COMPLEX, default_float
from ..tensor import Tensor
from ..views import densely
from . import special_values as values
from .blend import where
from .common import OUT, SELF, conj, floating, in_order_of, unary, zeros_of

TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


@unary("AbsBackward0", integers=True)
def abs(a: Any) -> Any:
    return np.abs(a), (lambda grad, self: grad * self.sgn(), SELF)


@unary("NegBackward0", integers=True)
def neg(a: Any) -> Any:
    if a.dtype == np.bool_:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )
    return np.negative(a), (lambda grad: -grad,)


@unary("ExpBackward0")
def exp(a: Any) -> Any:
    return np.exp(a), (lambda grad, result: grad * conj(result), OUT)


@unary("Exp2Backward0")
def exp2(a: Any) -> Any:
    return np.exp2(a), (lambda grad, result: grad * conj(result) * math.log(2), OUT)


@unary("Expm1Backward0")
def expm1(a: Any) -> Any:
    return np.expm1(a), (lambda grad, result: grad * (conj(result) + 1), OUT)


@unary("LogBackward0")
def log(a: Any) -> Any:
    return np.log(a), (lambda grad, self: grad / conj(self), SELF)


@unary("Log2Backward0")
def log2(a: Any) -> Any:
    return np.log2(a), (lambda grad, self: grad / (conj(self) * math.log(2)), SELF)


@unary("Log10Backward0")
def log10(a: Any) -> Any:
    return np.log10(a), (lambda grad, self: grad / (conj(self) * math.log(10)), SELF)


@unary("Log1PBackward0")
def log1p(a: Any) -> Any:
    return np.log1p(a), (lambda grad, self: grad / (conj(self) + 1), SELF)


@unary("SqrtBackward0")
def sqrt(a: Any) -> Any:
    return np.sqrt(a), (lambda grad, result: grad / (2 * conj(result)), OUT)


@unary("RsqrtBackward0")
def rsqrt(a: Any) -> Any:
    return 1 / np.sqrt(a), (lambda grad, result: -0.5 * grad * conj(result) ** 3, OUT)


@unary("SinBackward0")
def sin(a: Any) -> Any:
    return np.sin(a), (lambda grad, self: grad * conj(self.cos()), SELF)


@unary("CosBackward0")
def cos(a: Any) -> Any:
    return np.cos(a), (lambda grad, self: grad * -conj(self.sin()), SELF)


@unary("TanBackward0")
def tan(a: Any) -> Any:
    return np.tan(a), (lambda grad, result: grad * (1 + conj(result) ** 2), OUT)


@unary("AsinBackward0")
def asin(a: Any) -> Any:
    return np.arcsin(a), (lambda grad, self: grad * conj((1 - self * self).rsqrt()), SELF)


@unary("AcosBackward0")
def acos(a: Any) -> Any:
    return np.arccos(a), (lambda grad, self: grad * -conj((1 - self * self).rsqrt()), SELF)


@unary("AtanBackward0")
def atan(a: Any) -> Any:
    return np.arctan(a), (lambda grad, self: grad / conj(self * self + 1), SELF)


@unary("SinhBackward0")
def sinh(a: Any) -> Any:
    return np.sinh(a), (lambda grad, self: grad * conj(self.cosh()), SELF)


@unary("CoshBackward0")
def cosh(a: Any) -> Any:
    return np.cosh(a), (lambda grad, self: grad * conj(self.sinh()), SELF)


@unary("TanhBackward0")
def tanh(a: Any) -> Any:
    return np.tanh(a), (lambda grad, result: tanh_backward(grad, result), OUT)


def tanh_backward(grad: Tensor, output: Tensor) -> Tensor:
    g, y = grad._array, output._array
    slope = 1 - y * y
    if slope.dtype.kind == "c":
        slope = np.conj(slope)
    return record(
        "TanhBackwardBackward0", g * slope,
        (grad, lambda g, output: tanh_backward(g, conj(output)), output),
        (output, lambda g, output, grad_output: g * conj(-2 * output * conj(grad_output)), output, grad),
    )  # fmt: skip


@unary("AsinhBackward0")
def asinh(a: Any) -> Any:
    return np.arcsinh(a), (lambda grad, self: grad * conj((self * self + 1).rsqrt()), SELF)


@unary("AcoshBackward0")
def acosh(a: Any) -> Any:
    return np.arccosh(a), (lambda grad, self: grad * conj((self - 1).rsqrt() * (self + 1).rsqrt()), SELF)


@unary("AtanhBackward0")
def atanh(a: Any) -> Any:
    return np.arctanh(a), (lambda grad, self: grad / conj(1 - self * self), SELF)


@unary("SigmoidBackward0")
def sigmoid(a: Any) -> Any:
    return _logistic(a), (lambda grad, result: sigmoid_backward(grad, result), OUT)


def _logistic(a: Any) -> Any:
    if a.dtype.kind == "c":
        return 1 / (1 + np.exp(-a))
    small = np.exp(-np.abs(a))
    return np.where(a >= 0, 1 / (1 + small), small / (1 + small)).astype(a.dtype, copy=False)


def sigmoid_backward(grad: Tensor, output: Tensor) -> Tensor:
    y = output._array
    return record(
        "SigmoidBackwardBackward0", grad._array * np.conj((1 - y) * y),
        (grad, lambda g, output: sigmoid_backward(g, conj(output)), output),
        (output, lambda g, output, grad_output: conj(g) * grad_output * (1 - 2 * conj(output)), output, grad),
    )  # fmt: skip


@unary("ReciprocalBackward0")
def reciprocal(a: Any) -> Any:
    return 1 / a, (lambda grad, result: -grad * conj(result * result), OUT)


@unary("ErfBackward0")
def erf(a: Any) -> Any:
    return values.erf(a), (lambda grad, self: TWO_OVER_SQRT_PI * (-(self * self)).exp() * grad, SELF)


@unary("ErfcBackward0")
def erfc(a: Any) -> Any:
    return values.erfc(a), (lambda grad, self: -TWO_OVER_SQRT_PI * (-(self * self)).exp() * grad, SELF)


@unary("ErfinvBackward0")
def erfinv(a: Any) -> Any:
    half_root = math.sqrt(math.pi) / 2
    return values.erfinv(a), (lambda grad, self: half_root * (self.erfinv() ** 2).exp() * grad, SELF)


@unary("LgammaBackward0")
def lgamma(a: Any) -> Any:
    return values.lgamma(a), (lambda grad, self: grad * self.digamma(), SELF)


@unary("DigammaBackward0")
def digamma(a: Any) -> Any:
    return values.digamma(a), (lambda grad, self: grad * polygamma(1, self), SELF)


def polygamma(n: int, input: Tensor) -> Tensor:
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return record(
        "PolygammaBackward0", values.polygamma(n, floating(input)),
        (input, lambda grad, self: grad * polygamma(n + 1, self), input),
    )  # fmt: skip


@unary("I0Backward0")
def i0(a: Any) -> Any:
    return values.i0(a), (_i0_way, SELF)


def _i0_way(grad: Any, self: Any) -> Any:
    from .special import i1

    return grad * i1(self)


def sinc(input: Tensor) -> Tensor:
    a = floating(input)
    return record("SincBackward0", np.sinc(a).astype(a.dtype), (input, _sinc_way, input))


def _sinc_way(grad: Any, self: Any) -> Any:
    scaled = self * math.pi
    slope = (scaled * scaled.cos() - scaled.sin()) / (scaled * self)
    return grad * conj(slope).masked_fill(scaled == 0, 0)


@unary("SgnBackward0", integers=True)
def sgn(a: Any) -> Any:
    if a.dtype.kind != "c":
        return (a.copy() if a.dtype == np.bool_ else np.sign(a)), (zeros_of,)
    size = np.abs(a)
    return np.where(size == 0, 0, a / np.where(size == 0, 1, size)).astype(a.dtype), (_sgn_way, SELF, OUT)


def _sgn_way(grad: Any, self: Any, result: Any) -> Any:
    size = self.abs()
    slope = grad / size - (conj(result) * grad / size).real * result
    return slope.masked_fill(size == 0, 0)


@unary("SignBackward0", integers=True)
def sign(a: Any) -> Any:
    if a.dtype == np.bool_:
        return densely(a).copy("K")
    signs = np.sign(a)
    return signs if a.dtype.kind != "f" or not (nans := np.isnan(a)).any() else np.where(nans, a.dtype.type(0), signs)


def _rounding(name: str, function: Any) -> Any:
    def operator(input: Tensor) -> Tensor:
        a = input._array
        if a.dtype.kind in "iub":
            return copied(name, densely(a).copy("K"), input, zeros_of)
        return record(name, function(a), (input, zeros_of))

    operator.__name__ = operator.__qualname__ = function.__name__
    operator.node = name  # type: ignore[attr-defined]
    return operator


floor = _rounding("FloorBackward0", np.floor)


ceil = _rounding("CeilBackward0", np.ceil)


trunc = _rounding("TruncBackward0", np.trunc)


@unary("FracBackward0", integers=True)
def frac(a: Any) -> Any:
    return a - np.trunc(a), (lambda grad: grad,)


def round(input: Tensor, *, decimals: int | None = None) -> Tensor:
    a = input._array
    if a.dtype.kind in "iub":
        return copied("RoundBackward0", densely(a).copy("K"), input, zeros_of)
    name = "RoundBackward0" if decimals is None else "RoundBackward1"
    if not decimals:
        value = np.rint(a)
    else:
        scale = a.dtype.type(10.0) ** builtins.abs(decimals)
        value = np.rint(a * scale) / scale if decimals > 0 else np.rint(a / scale) * scale
    return record(name, value, (input, zeros_of))


@unary("Deg2RadBackward0")
def deg2rad(a: Any) -> Any:
    return a * a.dtype.type(math.pi / 180), (lambda grad: grad * (math.pi / 180),)


@unary("Rad2DegBackward0")
def rad2deg(a: Any) -> Any:
    return a * a.dtype.type(180 / math.pi), (lambda grad: grad * (180 / math.pi),)


def square(input: Tensor) -> Tensor:
    return input**2


def positive(input: Tensor) -> Tensor:
    if input._dtype.category == BOOL:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    a = floating(input)
    kept = a if eps is None else np.clip(a, eps, 1 - eps)

    def way(grad: Any, self: Any) -> Any:
        slope = grad / (self * (1 - self))
        low, high = (0.0, 1.0) if eps is None else (eps, 1 - eps)
        outside = (self < low).logical_or(self > high)
        return where(outside, math.nan if eps is None else 0.0, slope)

    return record("LogitBackward0", np.log(kept / (1 - kept)), (input, way, input))


def angle(input: Tensor) -> Tensor:
    a = input._array
    if input._dtype.category == COMPLEX:
        return record("AngleBackward0", np.angle(a), (input, _complex_angle_way, input))
    if a.dtype.kind in "iub":
        a = a.astype(default_float().numpy)
    value = np.where(np.isnan(a), a, np.where(a < 0, a.dtype.type(math.pi), a.dtype.type(0)))
    return record("AngleBackward0", value, (input, zeros_of))


def _complex_angle_way(grad: Any, self: Any) -> Any:
    from .complex import complex as make_complex

    size = self.abs() ** 2
    re, im = self.real, self.imag
    slope = make_complex(-im * grad / size, re * grad / size)
    return slope.masked_fill(size == 0, 0)


def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    a = input._array
    if a.dtype.kind in "iub":
        return copied("NanToNumBackward0", densely(a).copy("K"), input, zeros_of)
    a = np.ascontiguousarray(a) if 0 in a.strides and a.ndim else a
    value = np.nan_to_num(a, nan=nan or 0.0, posinf=posinf, neginf=neginf)
    return record(
        "NanToNumBackward0", value,
        (input, lambda grad, self: grad * (self.isinf() | self.isnan()).logical_not(), input),
    )  # fmt: skip


def bitwise_not(input: Tensor) -> Tensor:
    if input._array.dtype.kind not in "iub":
        raise RuntimeError(f"\"bitwise_not_cpu\" not implemented for '{input._dtype.short}'")
    return plain(np.invert(input._array))


def logical_not(input: Tensor) -> Tensor:
    return written(plain(np.logical_not(input._array)), input)


def isnan(input: Tensor) -> Tensor:
    return plain(input._array != input._array)


def isinf(input: Tensor) -> Tensor:
    return plain(np.isinf(input._array))


def isfinite(input: Tensor) -> Tensor:
    return plain(np.isfinite(input._array))


def isposinf(input: Tensor) -> Tensor:
    if input._dtype.category == COMPLEX:
        raise RuntimeError("isposinf does not support complex inputs.")
    return plain(np.isposinf(input._array))


def isneginf(input: Tensor) -> Tensor:
    if input._dtype.category == COMPLEX:
        raise RuntimeError("isneginf does not support complex inputs.")
    return plain(np.isneginf(input._array))


def isreal(input: Tensor) -> Tensor:
    return written(plain(np.isreal(input._array)), input)


def signbit(input: Tensor) -> Tensor:
    a = input._array
    return plain(a < 0 if a.dtype.kind in "iub" else np.signbit(a))


def relu(input: Tensor) -> Tensor:
    if input._dtype.category in (BOOL, COMPLEX):
        raise RuntimeError("Boolean inputs not supported for relu")
    a = input._array
    # A negative zero stays what it is, and so does nan.
    value = np.maximum(a, 0) if a.all() else np.where(a < 0, a.dtype.type(0), a)
    return record("ReluBackward0", in_order_of(value, a), (input, relu_way, OUT))


def relu_way(grad: Any, result: Any) -> Any:
    return threshold_backward(grad, result, 0)


def threshold_backward(grad: Tensor, self: Tensor, threshold: float) -> Tensor:
    """The gradient where `self` is above the threshold, and zero elsewhere."""
    return record(
        "ThresholdBackwardBackward0", np.where(self._array <= threshold, grad._array.dtype.type(0), grad._array),
        (grad, lambda g, self: threshold_backward(g, self, threshold), self),
        (self, lambda g: zeros_of(g)),
    )  # fmt: skip
