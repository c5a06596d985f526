"""The special functions of `torch.special` that no other module has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..apply import plain, record
from ..dtypes import FLOATING
from ..tensor import Tensor
from . import special_values as values
from .common import OUT, SELF, floating, unary
from .distance import scalar_add
from .elementwise import digamma, lgamma
from .losses import scalar_mul


@unary("SpecialI0EBackward0")
def i0e(a: Any) -> Any:
    return values.i0e(a), (lambda grad, self, result: grad * (i1e(self) - self.sgn() * result), SELF, OUT)


@unary("SpecialI1Backward0")
def i1(a: Any) -> Any:
    return values.i1(a), (_i1_way, SELF, OUT)


def _i1_way(grad: Any, self: Any, result: Any) -> Any:
    # I1' = I0 - I1 / x, which tends to one half at zero.
    nothing = self == 0
    slope = self.i0() - result / self.masked_fill(nothing, 1)
    return grad * slope.masked_fill(nothing, 0.5)


@unary("SpecialI1EBackward0")
def i1e(a: Any) -> Any:
    return values.i1e(a), (_i1e_way, SELF, OUT)


def _i1e_way(grad: Any, self: Any, result: Any) -> Any:
    nothing = self == 0
    slope = i0e(self) - result * (self.sgn() + 1 / self.masked_fill(nothing, 1))
    return grad * slope.masked_fill(nothing, 0.5)


@unary("SpecialErfcxBackward0")
def erfcx(a: Any) -> Any:
    return values.erfcx(a), (
        lambda grad, self, result: grad * (2 * self * result - 2 / math.sqrt(math.pi)), SELF, OUT,
    )  # fmt: skip


@unary("SpecialNdtriBackward0")
def ndtri(a: Any) -> Any:
    return values.ndtri(a), (
        lambda grad, result: grad * math.sqrt(2 * math.pi) * (result * result / 2).exp(), OUT,
    )  # fmt: skip


@unary("SpecialLogNdtrBackward0")
def log_ndtr(a: Any) -> Any:
    return values.log_ndtr(a), (_log_ndtr_way, SELF, OUT)


def _log_ndtr_way(grad: Any, self: Any, result: Any) -> Any:
    return grad / (erfcx(-self / math.sqrt(2)) * math.sqrt(math.pi / 2))


def ndtr(input: Tensor) -> Tensor:
    source = input if input._dtype.category >= FLOATING else input.to(plain(floating(input))._dtype)
    return scalar_mul(scalar_add(scalar_mul(source, math.sqrt(0.5)).erf(), 1), 0.5)


@unary("SpecialEntrBackward0")
def entr(a: Any) -> Any:
    value = np.where(a > 0, -a * np.log(np.where(a > 0, a, 1)), np.where(a == 0, 0, -np.inf))
    return np.where(np.isnan(a), a, value).astype(a.dtype), (_entr_way, SELF)


def _entr_way(grad: Any, self: Any) -> Any:
    return grad * (-(self.log()) - 1)


def mvlgamma(input: Tensor, p: int) -> Tensor:
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    a = floating(input)
    if (a <= (p - 1) / 2).any():
        raise RuntimeError("All elements must be greater than (p-1)/2")
    shifts = np.arange(p) / -2.0
    total = values.lgamma(np.asarray(a[..., None] + shifts.astype(a.dtype))).sum(-1)
    constant = p * (p - 1) / 4 * math.log(math.pi)

    def way(grad: Any, self: Any) -> Any:
        wide = self.unsqueeze(-1) + plain(shifts.astype(a.dtype))
        return grad * digamma(wide).sum(-1)

    return record("MvlgammaBackward0", (total + constant).astype(a.dtype), (input, way, input))


multigammaln = mvlgamma


def gammaln(input: Tensor) -> Tensor:
    return lgamma(input)


# orthogonal polynomials and Bessel functions: torch has no derivatives of these either


def _recurrence(x: Any, n: Any, first: Any, second: Any, step: Any) -> Tensor:
    """p_n(x) for whole numbers n, by a recurrence from p_0 and p_1."""
    a = floating(x) if isinstance(x, Tensor) else np.asarray(x, np.float32)
    degree = n._array if isinstance(n, Tensor) else np.asarray(n)
    if isinstance(n, Tensor) and not isinstance(x, Tensor):
        a = a.astype(floating(n).dtype)
    a, degree = np.broadcast_arrays(a, np.trunc(degree).astype(np.int64))
    previous, current = first(a) * np.ones_like(a), second(a)
    result = np.where(degree < 0, 0, np.where(degree == 0, previous, current)).astype(a.dtype)
    for k in range(2, int(degree.max(initial=0)) + 1):
        previous, current = current, step(a, k, current, previous).astype(a.dtype)
        result = np.where(degree == k, current, result)
    return plain(result)


def _chebyshev(second: Any) -> Any:
    def operator(input: Any, n: Any) -> Tensor:
        return _recurrence(input, n, lambda x: 1, second, lambda x, k, p, q: 2 * x * p - q)

    return operator


def _shifted(second: Any) -> Any:
    def operator(input: Any, n: Any) -> Tensor:
        return _recurrence(input, n, lambda x: 1, second, lambda x, k, p, q: 2 * (2 * x - 1) * p - q)

    return operator


chebyshev_polynomial_t = _chebyshev(lambda x: x)
chebyshev_polynomial_u = _chebyshev(lambda x: 2 * x)
chebyshev_polynomial_v = _chebyshev(lambda x: 2 * x - 1)
chebyshev_polynomial_w = _chebyshev(lambda x: 2 * x + 1)
shifted_chebyshev_polynomial_t = _shifted(lambda x: 2 * x - 1)
shifted_chebyshev_polynomial_u = _shifted(lambda x: 2 * (2 * x - 1))
shifted_chebyshev_polynomial_v = _shifted(lambda x: 2 * (2 * x - 1) - 1)
shifted_chebyshev_polynomial_w = _shifted(lambda x: 2 * (2 * x - 1) + 1)


def hermite_polynomial_h(input: Any, n: Any) -> Tensor:
    return _recurrence(input, n, lambda x: 1, lambda x: 2 * x, lambda x, k, p, q: 2 * x * p - 2 * (k - 1) * q)


def hermite_polynomial_he(input: Any, n: Any) -> Tensor:
    return _recurrence(input, n, lambda x: 1, lambda x: x, lambda x, k, p, q: x * p - (k - 1) * q)


def laguerre_polynomial_l(input: Any, n: Any) -> Tensor:
    step = lambda x, k, p, q: ((2 * (k - 1) + 1 - x) * p - (k - 1) * q) / k  # noqa: E731
    return _recurrence(input, n, lambda x: 1, lambda x: 1 - x, step)


def legendre_polynomial_p(input: Any, n: Any) -> Tensor:
    step = lambda x, k, p, q: ((2 * (k - 1) + 1) * x * p - (k - 1) * q) / k  # noqa: E731
    return _recurrence(input, n, lambda x: 1, lambda x: x, step)


def modified_bessel_i0(input: Tensor) -> Tensor:
    return plain(values.i0(floating(input)))


def modified_bessel_i1(input: Tensor) -> Tensor:
    return plain(values.i1(floating(input)))


def spherical_bessel_j0(input: Tensor) -> Tensor:
    a = floating(input)
    wide = np.asarray(a, np.float64)
    small = 1 - wide**2 / 6 + wide**4 / 120 - wide**6 / 5040
    value = np.where(np.abs(wide) < 0.5, small, np.sin(wide) / np.where(wide == 0, 1, wide))
    return plain(np.where(np.isinf(wide), 0, value).astype(a.dtype))
