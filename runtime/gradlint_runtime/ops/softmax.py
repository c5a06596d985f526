"""Softmax and its kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..apply import record
from ..dtypes import FLOATING, as_dtype
from ..tensor import Tensor
from .common import OUT, dim_of, widened


def _prepared(input: Tensor, dim: int | None, dtype: Any, function: str) -> tuple[Tensor, np.ndarray, int]:
    if dtype is not None:
        input = input.to(as_dtype(dtype))
    if input._dtype.category < FLOATING:
        raise NotImplementedError(f"\"{function}\" not implemented for '{input._dtype.short}'")
    array = widened(input._array)
    at = dim_of(_implicit_dim(array.ndim) if dim is None else dim, array.ndim)
    return input, array, at


def _implicit_dim(ndim: int) -> int:
    return 0 if ndim in (0, 1, 3) else 1


def _shifted(array: np.ndarray, at: int) -> np.ndarray:
    if not array.ndim or not array.size:
        return array - array
    return array - np.max(array, axis=at, keepdims=True)


def _total(array: np.ndarray, at: int) -> np.ndarray:
    return np.sum(array, axis=at, keepdims=True) if array.ndim else array


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    input, array, at = _prepared(input, dim, dtype, "softmax_lastdim_kernel_impl")
    weights = np.exp(_shifted(array, at))
    value = weights / _total(weights, at)
    return record(
        "SoftmaxBackward0", value, (input, lambda grad, result: softmax_backward(grad, result, at), OUT),
        dtype=input._dtype,
    )  # fmt: skip


def softmax_backward(grad: Tensor, output: Tensor, at: int) -> Tensor:
    g, y = widened(grad._array), widened(output._array)
    product = g * y
    value = product - y * _total(product, at)

    def to_output(again: Any, output: Any, grad_output: Any) -> Any:
        inner = (again * output).sum(at, True)
        return again * grad_output - grad_output * inner - again * (grad_output * output).sum(at, True)

    return record(
        "SoftmaxBackwardDataBackward0", value, (grad, lambda again, output: softmax_backward(again, output, at), output),
        (output, to_output, output, grad), dtype=grad._dtype,
    )  # fmt: skip


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    input, array, at = _prepared(input, dim, dtype, "log_softmax_lastdim_kernel_impl")
    shifted = _shifted(array, at)
    value = shifted - np.log(_total(np.exp(shifted), at)) if array.size else array.copy()
    return record(
        "LogSoftmaxBackward0", value, (input, lambda grad, result: log_softmax_backward(grad, result, at), OUT),
        dtype=input._dtype,
    )  # fmt: skip


def log_softmax_backward(grad: Tensor, output: Tensor, at: int) -> Tensor:
    g, y = widened(grad._array), widened(output._array)
    value = g - np.exp(y) * _total(g, at)

    def to_grad(again: Any, output: Any) -> Any:
        return again - (again * output.exp()).sum(at, True)

    def to_output(again: Any, output: Any, grad_output: Any) -> Any:
        return -(again * output.exp() * grad_output.sum(at, True))

    return record(
        "LogSoftmaxBackwardDataBackward0", value, (grad, to_grad, output), (output, to_output, output, grad),
        dtype=grad._dtype,
    )  # fmt: skip


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    from .factories import zeros_like
    from .sampling import exponential_

    gumbels = -exponential_(zeros_like(logits)).log()
    soft = softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    return zeros_like(logits).scatter_(dim, index, 1.0) - soft.detach() + soft
