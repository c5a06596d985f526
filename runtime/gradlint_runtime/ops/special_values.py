"""Special functions on arrays, which numpy lacks.

Values are computed in float64 and come back in the dtype that went in. Smooth parts are Chebyshev series that are fitted
once, when first needed, to values from `math` or to an integral; the rest are asymptotic series with recurrences.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

Array = Any


def keeps_dtype(function: Callable[..., Array]) -> Callable[..., Array]:
    """Compute in float64, give back what came in."""

    @functools.wraps(function)
    def kept(a: Array, *rest: Any) -> Array:
        # Places that share memory get memory of their own, in the usual order.
        wide = np.array(a, np.float64, order="C") if 0 in a.strides else np.asarray(a, np.float64)
        return np.asarray(function(wide, *rest)).astype(a.dtype)

    return kept


def _fit(function: Callable[[Array], Array], low: float, high: float, degree: int) -> Array:
    nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    return chebyshev.chebfit(nodes, function((nodes + 1) * (high - low) / 2 + low), degree)


def _series(coefficients: Array, a: Array, low: float, high: float) -> Array:
    return chebyshev.chebval(2 * (a - low) / (high - low) - 1, coefficients)


@functools.cache
def _erf_fit() -> Array:
    """erf(x) / x over x*x in [0, 1]."""
    return _fit(lambda s: np.array([math.erf(math.sqrt(each)) / math.sqrt(each) for each in s]), 0.0, 1.0, 18)


@functools.cache
def _erfcx_fit() -> Array:
    """exp(x*x) erfc(x) (2 + x) over t = (x - 2) / (x + 2), x > 0."""

    def value(t: float) -> float:
        x = 2 * (1 + t) / (1 - t)
        if x < 20:
            scaled = math.exp(x * x) * math.erfc(x) if x < 5 else _erfcx_fraction(x)
        else:
            scaled = _erfcx_fraction(x)
        return scaled * (2 + x)

    return _fit(lambda nodes: np.array([value(each) for each in nodes]), -1.0, 1.0, 40)


def _erfcx_fraction(x: float) -> float:
    """exp(x*x) erfc(x) by its continued fraction, for large x."""
    tail = 0.0
    for n in range(60, 0, -1):
        tail = n / 2 / (x + tail)
    return 1 / (math.sqrt(math.pi) * (x + tail))


def _erfcx_positive(a: Array) -> Array:
    return _series(_erfcx_fit(), (a - 2) / (a + 2), -1.0, 1.0) / (2 + a)


def _erf(a: Array) -> Array:
    size = np.abs(a)
    near = a * _series(_erf_fit(), np.minimum(size, 1) ** 2, 0.0, 1.0)
    capped = np.minimum(size, 30)
    far = np.sign(a) * (1 - np.exp(-capped * capped) * _erfcx_positive(capped))
    return np.where(np.isnan(a), a, np.where(size <= 1, near, far))


def _erfc(a: Array) -> Array:
    size = np.minimum(np.abs(a), 30)
    tail = _exp_minus_square(size) * _erfcx_positive(size)
    value = np.where(np.abs(a) <= 0.5, 1 - _erf(a), np.where(a > 0, tail, 2 - tail))
    return np.where(np.isnan(a), a, value)


def _exp_minus_square(a: Array) -> Array:
    """exp(-a*a) with the rounding of the square made good."""
    head = np.round(a * 1024) / 1024
    return np.exp(-head * head) * np.exp(-(a - head) * (a + head))


@keeps_dtype
def erf(a: Array) -> Array:
    return _erf(a)


@keeps_dtype
def erfc(a: Array) -> Array:
    return _erfc(a)


@keeps_dtype
def erfcx(a: Array) -> Array:
    size = np.abs(a)
    positive = _erfcx_positive(np.where(np.isinf(size), 1e300, size))
    return np.where(np.isnan(a), a, np.where(a >= 0, positive, 2 * np.exp(a * a) - positive))


@keeps_dtype
def erfinv(a: Array) -> Array:
    return _erfinv(a)


def _erfinv(a: Array) -> Array:
    inside = np.clip(a, -1 + 1e-16, 1 - 1e-16)
    tail = np.log1p(-inside * inside)
    first = 2 / (np.pi * 0.147) + tail / 2
    x = np.sign(inside) * np.sqrt(np.maximum(np.sqrt(first * first - tail / 0.147) - first, 0))
    for _ in range(3):
        # The error is taken from the side on which no digits cancel.
        error = np.where(np.abs(inside) < 0.5, _erf(x) - inside, np.sign(x) * ((1 - np.abs(inside)) - _erfc(np.abs(x))))
        step = error / (2 / math.sqrt(math.pi) * np.exp(-x * x))
        x = x - step / (1 + x * step)
    x = np.where(a == 1, np.inf, np.where(a == -1, -np.inf, x))
    return np.where(np.abs(a) > 1, np.nan, np.where(np.isnan(a), a, x))


def ndtri(a: Array) -> Array:
    """The quantiles of the normal distribution."""
    p = np.asarray(a, np.float64)
    x = -math.sqrt(2) * _erfcinv(2 * p)
    return x.astype(a.dtype)


def _erfcinv(p: Array) -> Array:
    small = np.minimum(p, 2 - p)
    capped = np.clip(small, 1e-300, 1.0)
    root = np.sqrt(-2 * np.log(capped / 2))
    x = np.where(small > 0.2, _erfinv(1 - np.clip(small, 0, 2)), (root - (2.30753 + root * 0.27061) / (
        1 + root * (0.99229 + root * 0.04481))) / math.sqrt(2))  # fmt: skip
    for _ in range(3):
        step = (_erfc(x) - capped) / (-2 / math.sqrt(math.pi) * _exp_minus_square(np.abs(x)))
        x = x - step / (1 + x * step)
    x = np.where(small == 0, np.inf, np.where(small < 0, np.nan, x))
    return np.where(p > 1, -x, x)


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
_SHIFT = 12


def _lgamma_positive(a: Array) -> Array:
    # Near 1 and 2 the function has zeros, where the shifted series would lose its digits.
    product, x = np.ones_like(a), a
    for _ in range(_SHIFT):
        low = x < _SHIFT
        product = np.where(low, product * x, product)
        x = np.where(low, x + 1, x)
    inverse = 1 / x
    tail, power = np.zeros_like(a), inverse
    for k, number in enumerate(_BERNOULLI[:8], start=1):
        tail = tail + number / (2 * k * (2 * k - 1)) * power
        power = power * inverse * inverse
    return (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + tail - np.log(product)


@functools.cache
def _lgamma_fit() -> Array:
    """lgamma(x) / ((x - 1)(x - 2)) over [0.8, 2.3]."""

    def value(x: Array) -> Array:
        return np.array([math.lgamma(each) / ((each - 1) * (each - 2)) for each in x])

    return _fit(value, 0.8, 2.3, 32)


@keeps_dtype
def lgamma(a: Array) -> Array:
    return _lgamma(a)


def _lgamma(a: Array) -> Array:
    positive = np.where(a > 0, a, 1 - a)
    value = _lgamma_positive(np.where(np.isinf(positive), 1.0, positive))
    near = (positive > 0.8) & (positive < 2.3)
    inside = np.where(near, positive, 1.5)
    value = np.where(near, _series(_lgamma_fit(), inside, 0.8, 2.3) * (inside - 1) * (inside - 2), value)
    reflected = np.log(np.pi / np.abs(np.sin(np.pi * (a - np.floor(a))))) - value
    value = np.where(a > 0, value, reflected)
    value = np.where((a <= 0) & (a == np.floor(a)), np.inf, value)
    return np.where(np.isinf(a), np.inf, np.where(np.isnan(a), a, value))


@keeps_dtype
def digamma(a: Array) -> Array:
    positive = np.where(a > 0, a, 1 - a)
    value, x = np.zeros_like(positive), np.where(np.isinf(positive), 1.0, positive)
    for _ in range(_SHIFT):
        low = x < _SHIFT
        value = np.where(low, value - 1 / x, value)
        x = np.where(low, x + 1, x)
    square = 1 / (x * x)
    tail, power = np.zeros_like(x), square
    for k, number in enumerate(_BERNOULLI[:8], start=1):
        tail = tail + number / (2 * k) * power
        power = power * square
    value = value + np.log(x) - 0.5 / x - tail
    fraction = a - np.floor(a)
    value = np.where(a > 0, value, value - np.pi / np.tan(np.pi * fraction))
    value = np.where((a < 0) & (fraction == 0), np.nan, np.where(a == 0, np.copysign(np.inf, -a), value))
    return np.where(a == np.inf, np.inf, np.where(a == -np.inf, np.nan, value))


def zeta(s: Array, q: Array) -> Array:
    """The Hurwitz zeta function, as torch extends it: nan for s < 1 and for non-integer s at negative q."""
    kind = np.result_type(s, q)
    s, q = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(q, np.float64))
    total, x = np.zeros(q.shape), q
    for _ in range(_SHIFT + 1):
        total = total + np.where(x < _SHIFT, x**-s, 0)
        x = np.where(x < _SHIFT, x + 1, x)
    low = x < _SHIFT
    while low.any():
        total = total + np.where(low, x**-s, 0)
        x = np.where(low, x + 1, x)
        low = x < _SHIFT
    total = total + x ** (1 - s) / (s - 1) + 0.5 * x**-s
    factor, power = s, x ** (-s - 1)
    for k, number in enumerate(_BERNOULLI, start=1):
        total = total + number / math.factorial(2 * k) * factor * power
        factor = factor * (s + 2 * k - 1) * (s + 2 * k)
        power = power / (x * x)
    total = np.where(s == 1, np.inf, np.where(s < 1, np.nan, total))
    pole = (q <= 0) & (q == np.floor(q))
    total = np.where((s > 1) & (q <= 0), np.where(pole, np.inf, np.where(s != np.floor(s), np.nan, total)), total)
    return total.astype(kind)


def polygamma(n: int, a: Array) -> Array:
    if n == 0:
        return digamma(a)
    sign = 1.0 if n % 2 else -1.0
    x = np.asarray(a, np.float64)
    return (sign * math.factorial(n) * zeta(np.float64(n + 1), x)).astype(a.dtype)


@functools.cache
def _bessel_fit(order: int) -> tuple[Array, Array]:
    """exp(-x) I_n(x) / x**n over [0, 8], and exp(-x) I_n(x) sqrt(x) over 8 / x in [0, 1], for n of 0 and 1."""
    theta = np.pi * (np.arange(2000) + 0.5) / 2000

    def value(x: Array) -> Array:
        weights = np.exp(x[:, None] * (np.cos(theta) - 1)) * np.cos(order * theta)
        return weights.mean(axis=1)

    return _fit(lambda x: value(x) / x**order, 0.0, 8.0, 40), _fit(
        lambda t: value(8 / t) * np.sqrt(8 / t), 0.002, 1.0, 34
    )


def _scaled_bessel(order: int, a: Array) -> Array:
    size = np.abs(a)
    near, far = _bessel_fit(order)
    small = _series(near, np.minimum(size, 8.0), 0.0, 8.0) * size**order
    inverse = np.where(size > 8, 8 / np.maximum(size, 8.0), 1.0)
    asymptote = 1 / np.sqrt(2 * np.pi * np.maximum(size, 8.0))
    large = np.where(
        inverse < 0.002,
        asymptote * (1 - (4 * order * order - 1) / (8 * np.maximum(size, 8.0))),
        _series(far, np.clip(inverse, 0.002, 1.0), 0.002, 1.0) / np.sqrt(np.maximum(size, 8.0)),
    )
    value = np.where(size <= 8, small, large)
    return np.where(np.isnan(a), a, np.sign(a) * value if order else value)


@keeps_dtype
def i0(a: Array) -> Array:
    return np.exp(np.abs(a)) * _scaled_bessel(0, a)


@keeps_dtype
def i0e(a: Array) -> Array:
    return _scaled_bessel(0, a)


@keeps_dtype
def i1(a: Array) -> Array:
    return np.exp(np.abs(a)) * _scaled_bessel(1, a)


@keeps_dtype
def i1e(a: Array) -> Array:
    return _scaled_bessel(1, a)


@keeps_dtype
def ndtr(a: Array) -> Array:
    return (1 + _erf(a / math.sqrt(2))) * 0.5


@keeps_dtype
def log_ndtr(a: Array) -> Array:
    x = a / math.sqrt(2)
    negative = np.minimum(x, 0)
    low = np.log(_erfcx_positive(-negative) / 2) - negative * negative
    return np.where(x < -1, low, np.log1p(-_erfc(np.maximum(x, -1)) / 2))
