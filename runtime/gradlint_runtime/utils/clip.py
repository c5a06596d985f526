"""`torch.nn.utils`: clipping gradients, and parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..modes import grad_mode
from ..ops.data import tensor
from ..ops.joining import cat, stack
from ..ops.reduce import vector_norm
from ..tensor import Tensor


def _gradients(parameters: Any) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [each._meta.grad for each in listed if each._meta is not None and each._meta.grad is not None]


def get_total_norm(
    tensors: Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Tensor:
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not listed:
        return tensor(0.0)
    total = vector_norm(stack([vector_norm(each, float(norm_type)) for each in listed]), float(norm_type))
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Tensor, foreach: Any = None) -> None:
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for grad in _gradients(parameters):
        grad.mul_(factor)


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Tensor:
    with grad_mode(False):
        listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite)
        clip_grads_with_norm_(listed, max_norm, total)
        return total


def clip_grad_value_(parameters: Any, clip_value: float, foreach: Any = None) -> None:
    with grad_mode(False):
        for grad in _gradients(parameters):
            grad.clamp_(min=-float(clip_value), max=float(clip_value))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    return cat([each.view(-1) for each in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    start = 0
    for each in parameters:
        count = each.numel()
        each.data = vec[start : start + count].view_as(each).data
        start += count
