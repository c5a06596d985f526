"""Activation functions, by torch's functional names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..apply import record
from ..dtypes import BOOL, FLOATING
from ..inplace import become
from ..tensor import Tensor
from .arithmetic import underived
from .blend import where
from .common import dim_of, in_order_of, widened, zeros_of
from .elementwise import sigmoid, threshold_backward
from .pieces import narrow
from .special_values import erf

Array = Any


def _float_only(input: Tensor, function: str) -> Array:
    if input._dtype.category != FLOATING:
        raise NotImplementedError(f"\"{function}\" not implemented for '{input._dtype.short}'")
    return input._array


def _bent(name: str, input: Tensor, value: Array, slope: Callable[[Array], Array], *, second: bool = True) -> Tensor:
    """A function that is made of straight pieces: its slope is a constant wherever it has one."""
    title = name.replace("Backward0", "BackwardBackward0") if second else "NotImplemented"
    return record(
        name, value, (input, lambda grad, self: _bent_way(title, grad, self, slope), input), dtype=input._dtype
    )


def _bent_way(name: str, grad: Tensor, self: Tensor, slope: Callable[[Array], Array]) -> Tensor:
    value = grad._array * slope(self._array).astype(grad._array.dtype)
    if name == "NotImplemented":
        ways: Any = ((grad, underived("hardsigmoid_backward")), (self, underived("hardsigmoid_backward")))
    else:
        ways = ((grad, lambda g, self: _bent_way(name, g, self, slope), self), (self, zeros_of))
    return record(name, value, *ways, dtype=grad._dtype)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    a = input._array
    made = np.where(a <= threshold, a.dtype.type(value), a)
    back = lambda grad, self: threshold_backward(grad, self, threshold)  # noqa: E731
    return record("ThresholdBackward0", made, (input, back, input), dtype=input._dtype)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    a = _float_only(input, "leaky_relu_cpu")
    value = np.where(a > 0, a, a * a.dtype.type(negative_slope))
    return _bent("LeakyReluBackward0", input, value, lambda x: np.where(x > 0, 1.0, negative_slope))


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    a = input._array
    if input._dtype.category == BOOL:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    value = np.clip(a, min_val, max_val).astype(a.dtype)
    return _bent("HardtanhBackward0", input, value, lambda x: ~((x <= min_val) | (x >= max_val)))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    return hardtanh(input, 0.0, 6.0)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    a = _float_only(input, "hardsigmoid_cpu")
    value = np.clip(a + 3, 0, 6) / a.dtype.type(6)
    return _bent("HardsigmoidBackward0", input, value, lambda x: np.where((x > -3) & (x < 3), 1 / 6, 0), second=False)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    a = _float_only(input, "hardshrink_cpu")

    def outside(x: Any) -> Any:
        return ~((x >= -lambd) & (x <= lambd))

    return _bent("HardshrinkBackward0", input, np.where(outside(a), a, a.dtype.type(0)), outside)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    a = _float_only(input, "softshrink_cpu")
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd:g}.")
    value = np.where(a > lambd, a - a.dtype.type(lambd), np.where(a < -lambd, a + a.dtype.type(lambd), a * 0))
    return _bent("SoftshrinkBackward0", input, value, lambda x: ~((x >= -lambd) & (x <= lambd)))


def elu(
    input: Tensor, alpha: float = 1.0, inplace: bool = False, *, scale: float = 1.0, input_scale: float = 1.0,
    node: str = "EluBackward0",
) -> Tensor:  # fmt: skip
    a = _float_only(input, "elu_cpu")
    wide = widened(a)
    value = np.where(
        wide > 0,
        wide * wide.dtype.type(scale),
        np.expm1(wide * wide.dtype.type(input_scale)) * wide.dtype.type(alpha * scale),
    )
    return record(
        node,
        value,
        (input, lambda grad, self: _elu_way(grad, self, alpha, scale, input_scale), input),
        dtype=input._dtype,
    )


def _elu_way(grad: Tensor, self: Tensor, alpha: float, scale: float, input_scale: float) -> Tensor:
    x = widened(self._array)
    curve = np.exp(x * x.dtype.type(input_scale)) * x.dtype.type(alpha * scale * input_scale)
    slope = np.where(x <= 0, curve, x.dtype.type(scale))

    def to_self(g: Any, self: Any, grad_output: Any) -> Any:
        bent = ((self * input_scale).exp() * (alpha * scale * input_scale * input_scale)).masked_fill(self >= 0, 0)
        return g * grad_output * bent

    return record(
        "EluBackwardBackward0", widened(grad._array) * slope,
        (grad, lambda g, self: _elu_way(g, self, alpha, scale, input_scale), self), (self, to_self, self, grad),
        dtype=grad._dtype,
    )  # fmt: skip


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    return elu(input, _SELU_ALPHA, scale=_SELU_SCALE)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return elu(input, alpha, input_scale=1.0 / alpha, node="CeluBackward0")


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    a = widened(_float_only(input, "GeluKernelImpl"))
    value = a * _phi(a) if approximate == "none" else 0.5 * a * (1 + np.tanh(_gelu_inner(a)))
    back = lambda grad, self: _gelu_way(grad, self, approximate)  # noqa: E731
    return record("GeluBackward0", value, (input, back, input), dtype=input._dtype)


def _phi(a: Array) -> Array:
    """The distribution function of the normal distribution."""
    return 0.5 * (1 + erf(a * a.dtype.type(math.sqrt(0.5))))


def _gelu_inner(a: Any) -> Any:
    return math.sqrt(2 / math.pi) * (a + 0.044715 * a * a * a)


def _gelu_slope(a: Array, approximate: str) -> Array:
    if approximate == "none":
        return _phi(a) + a * np.exp(-0.5 * a * a) * a.dtype.type(1 / math.sqrt(2 * math.pi))
    t = np.tanh(_gelu_inner(a))
    return 0.5 * (1 + t) + 0.5 * a * (1 - t * t) * (math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * a * a))


def _gelu_way(grad: Tensor, self: Tensor, approximate: str) -> Tensor:
    def to_self(g: Any, self: Any, grad_output: Any) -> Any:
        if approximate == "none":
            curve = (2 - self * self) * (-0.5 * self * self).exp() * (1 / math.sqrt(2 * math.pi))
            return g * grad_output * curve
        root = math.sqrt(2 / math.pi)
        t = (root * (self + 0.044715 * self * self * self)).tanh()
        first, second = root * (1 + 3 * 0.044715 * self * self), root * 6 * 0.044715 * self
        bell = 1 - t * t
        return g * grad_output * (bell * first + 0.5 * self * bell * (second - 2 * t * first * first))

    value = widened(grad._array) * _gelu_slope(widened(self._array), approximate)
    return record(
        "GeluBackwardBackward0", value, (grad, lambda g, self: _gelu_way(g, self, approximate), self),
        (self, to_self, self, grad), dtype=grad._dtype,
    )  # fmt: skip


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    a = widened(input._array)
    if input._dtype.category < FLOATING:
        raise NotImplementedError(f"\"silu_cpu\" not implemented for '{input._dtype.short}'")
    return record("SiluBackward0", a / (1 + np.exp(-a)), (input, _silu_way, input), dtype=input._dtype)


def _silu_way(grad: Any, self: Any) -> Any:
    s = sigmoid(self)
    return grad * (s * (1 + self * (1 - s))) if not self._dtype.is_complex else grad * (s * (1 + self * (1 - s))).conj()


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    a = widened(_float_only(input, "mish_cpu"))
    return record("MishBackward0", a * np.tanh(np.logaddexp(a, 0)), (input, _mish_way, input), dtype=input._dtype)


def _mish_way(grad: Any, self: Any) -> Any:
    s, t = sigmoid(self), softplus(self).tanh()
    return grad * (t + self * s * (1 - t * t))


def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    a = widened(_float_only(input, "softplus_cpu"))
    scaled = a * a.dtype.type(beta)
    value = np.where(scaled > threshold, a, np.log1p(np.exp(np.minimum(scaled, threshold))) / a.dtype.type(beta))
    back = lambda grad, self: _softplus_way(grad, self, beta, threshold)  # noqa: E731
    return record("SoftplusBackward0", value, (input, back, input), dtype=input._dtype)


def _softplus_way(grad: Tensor, self: Tensor, beta: float, threshold: float) -> Tensor:
    x = widened(self._array) * beta
    slope = np.where(x > threshold, 1, 1 / (1 + np.exp(-np.minimum(x, threshold))))

    def to_self(g: Any, self: Any, grad_output: Any) -> Any:
        s = sigmoid(self * beta)
        return (g * grad_output * (s * (1 - s) * beta)).masked_fill(self * beta > threshold, 0)

    return record(
        "SoftplusBackwardBackward0", widened(grad._array) * slope,
        (grad, lambda g, self: _softplus_way(g, self, beta, threshold), self), (self, to_self, self, grad),
        dtype=grad._dtype,
    )  # fmt: skip


def logsigmoid(input: Tensor) -> Tensor:
    a = widened(_float_only(input, "log_sigmoid_cpu"))
    value = np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))
    return record("LogSigmoidBackward0", value, (input, _logsigmoid_way, input), dtype=input._dtype)


def _logsigmoid_way(grad: Any, self: Any) -> Any:
    return grad * sigmoid(-self)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    array = widened(input._array)
    if not array.ndim:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    at = dim_of(dim, array.ndim)
    size = array.shape[at]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {at} is size {size}")
    a, b = np.split(array, 2, axis=at)

    def way(grad: Any, self: Any) -> Any:
        from .joining import cat

        first, second = narrow(self, at, 0, size // 2), narrow(self, at, size // 2, size // 2)
        s = sigmoid(second)
        return cat([grad * s, grad * first * s * (1 - s)], at)

    return record("GluBackward0", a / (1 + np.exp(-b)), (input, way, input), dtype=input._dtype)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    w = weight._array
    if input._dtype is not weight._dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input._dtype.short} and {weight._dtype.short}")
    ndim = input._array.ndim
    if w.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}")
    if w.size != 1:
        if not ndim:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input._array.shape[1] if ndim >= 2 else 1
        if channels != w.size:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {w.size} and channel "
                f"size = {channels}."
            )
    if w.ndim:
        shape = [1] * ndim
        if ndim >= 2 and w.size:
            shape[1] = w.size
        weight = weight.view(shape) if ndim >= 2 else weight if ndim == 1 else weight.view(())
    return _prelu_kernel(input, weight)


def _prelu_kernel(input: Tensor, weight: Tensor) -> Tensor:
    a, w = input._array, weight._array

    def to_self(grad: Any, self: Any, weight: Any) -> Any:
        return _prelu_slope(grad, self, weight)

    def to_weight(grad: Any, self: Any, weight: Any) -> Any:
        return where(self > 0, 0, grad * self)

    return record(
        "PreluKernelBackward0", in_order_of(np.where(a > 0, a, a * w), a), (input, to_self, input, weight),
        (weight, to_weight, input, weight), dtype=input._dtype,
    )  # fmt: skip


def _prelu_slope(grad: Tensor, self: Tensor, weight: Tensor) -> Tensor:
    g, a, w = grad._array, self._array, weight._array
    return record(
        "PreluKernelBackwardBackward0", in_order_of(np.where(a > 0, g, g * w), a, g),
        (grad, lambda again, self, weight: _prelu_slope(again, self, weight), self, weight), (self, zeros_of),
        (weight, lambda again, self, grad_output: where(self > 0, 0, again * grad_output), self, grad),
        dtype=grad._dtype,
    )  # fmt: skip


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    if inplace:
        return become(input, rrelu, (), lower, upper, training)
    if not training:
        a = input._array
        middle = (lower + upper) / 2
        value = np.where(a > 0, a, a * a.dtype.type(middle))
        made = _bent("RreluWithNoiseBackward0", input, value, lambda x: np.where(x > 0, 1.0, middle))
        return made
    from ..random import default_generator

    a = input._array
    draws = default_generator.double(int((a <= 0).sum())) * (upper - lower) + lower
    slope = np.ones_like(a)
    slope[a <= 0] = draws
    return _bent("RreluWithNoiseBackward0", input, np.where(a <= 0, a * slope, a), lambda x: slope)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    a = widened(_float_only(input, "hardswish_cpu"))
    value = a * np.clip(a + 3, 0, 6) / 6
    return record("HardswishBackward0", value, (input, _hardswish_way, input), dtype=input._dtype)


def _hardswish_way(grad: Tensor, self: Tensor) -> Tensor:
    x = widened(self._array)
    slope = np.where(x <= -3, 0, np.where(x < 3, x / 3 + 0.5, 1))

    def to_self(g: Any, self: Any, grad_output: Any) -> Any:
        inside = (self > -3).logical_and(self < 3)
        return (g * grad_output / 3).masked_fill(inside.logical_not(), 0)

    return record(
        "HardswishBackwardBackward0", widened(grad._array) * slope, (grad, lambda g, self: _hardswish_way(g, self), self),
        (self, to_self, self, grad), dtype=grad._dtype,
    )  # fmt: skip


def softsign(input: Tensor) -> Tensor:
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    return input - input.tanh()
