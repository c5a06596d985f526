"""Normalisation over batches, layers, groups and instances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import errors
from ..apply import ABSENT, record
from ..dtypes import FLOATING
from ..graph import node_class
from ..modes import grad_mode
from ..tensor import Tensor
from ..things import Size
from .common import summed_with, widened


def _needs_float(input: Tensor, function: str) -> None:
    if input._dtype.category != FLOATING:
        raise NotImplementedError(f"\"{function}\" not implemented for '{input._dtype.short}'")


def _normalised_way(grad: Any, centred: Any, rstd: Any, weight: Any, dims: Any, count: int) -> Any:
    """The gradient through x -> (x - mean) * rstd, where mean and rstd come from the same x."""
    g = grad if weight is None else grad * weight
    xhat = centred * rstd
    return rstd * (g - g.sum(dims, True) / count - xhat * (g * xhat).sum(dims, True) / count)


class Normalised:
    """x normalised over some dimensions, scaled and shifted. `affine` is the shape in which weight and bias act."""

    def __init__(self, name: str, dims: tuple[int, ...], affine: tuple[int, ...], eps: float) -> None:
        self.name, self.dims, self.affine, self.eps = name, dims, affine, eps

    def __call__(self, input: Tensor, weight: Any, bias: Any) -> Tensor:
        x = widened(input._array)
        mean = x.mean(axis=self.dims, keepdims=True) if x.size else x.sum(axis=self.dims, keepdims=True)
        centred = x - mean
        variance = (centred * centred).mean(axis=self.dims, keepdims=True) if x.size else mean
        value = centred / np.sqrt(variance + x.dtype.type(self.eps))
        if weight is not None:
            value = value * weight._array.reshape(self.affine)
        if bias is not None:
            value = value + bias._array.reshape(self.affine)
        if self.name == "NativeLayerNormBackward0":
            value = np.ascontiguousarray(value)
        affine, dims, eps = self.affine, self.dims, self.eps
        shape = None if weight is None else weight._array.shape
        count = math.prod([x.shape[dim] for dim in dims])
        # Over these dimensions gradients of weight and bias are summed.
        over = [dim for dim in range(x.ndim) if affine[dim] == 1]

        def statistics(input: Any) -> tuple[Any, Any]:
            centred = input - input.mean(dims, True)
            return centred, ((centred * centred).mean(dims, True) + eps).rsqrt()

        def to_input(grad: Any, input: Any, weight: Any) -> Any:
            centred, rstd = statistics(input)
            wide = None if weight is None else weight.reshape(affine)
            made = _normalised_way(grad, centred, rstd, wide, dims, count)
            if inner == "NativeLayerNormBackwardBackward0" and made._meta is not None:
                made._meta.node.__class__ = node_class(inner)
            return made

        def to_weight(grad: Any, input: Any, weight: Any) -> Any:
            centred, rstd = statistics(input)
            return _summed(grad * centred * rstd, over, shape)

        bias_shape = () if bias is None else bias._array.shape
        inner = self.name.replace("Backward0", "BackwardBackward0")

        def to_bias(grad: Any, input: Any, weight: Any) -> Any:
            return summed_with(inner, grad, over, bias_shape, affine, (input, weight))

        return record(
            self.name, value, (input, to_input, input, weight),
            (ABSENT if weight is None else weight, to_weight, input, weight),
            (ABSENT if bias is None else bias, to_bias, input, weight), dtype=input._dtype,
        )  # fmt: skip


def _summed(grad: Any, over: list[int], shape: Any) -> Any:
    return (grad.sum(over) if over else grad).reshape(shape)


def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-05
) -> Tensor:
    shape, wanted = input._array.shape, tuple(normalized_shape)
    _needs_float(input, "LayerNormKernelImpl")
    if not wanted:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, each in (("weight", weight), ("bias", bias)):
        if each is not None and each._array.shape != wanted:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(each._array.shape)} and normalized_shape = {list(wanted)}"
            )
    if shape[len(shape) - len(wanted) :] != wanted or len(shape) < len(wanted):
        stars = "".join(f", {size}" for size in wanted)
        raise RuntimeError(
            f"Given normalized_shape={list(wanted)}, expected input with shape [*{stars}], but got input of "
            f"size{list(shape)}"
        )
    lead = len(shape) - len(wanted)
    dims = tuple(range(lead, len(shape)))
    return Normalised("NativeLayerNormBackward0", dims, (1,) * lead + wanted, eps)(input, weight, bias)


def group_norm(input: Tensor, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Tensor:
    array = input._array
    if array.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {array.ndim}")
    n, c = array.shape[:2]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if c % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(array.shape)} and num_groups={num_groups}"
        )
    for name, each in (("weight", weight), ("bias", bias)):
        if each is not None and each._array.shape != (c,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(each._array.shape)} and input of shape {list(array.shape)}"
            )
    if n * math.prod(array.shape[2:]) * (c // num_groups) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {Size((1, num_groups) + array.shape[2:])}"
        )
    _needs_float(input, "GroupNormKernelImpl")
    return _group_norm(input, num_groups, weight, bias, eps)


def _group_norm(input: Tensor, groups: int, weight: Any, bias: Any, eps: float) -> Tensor:
    shape = input._array.shape
    n, c = shape[:2]
    split = (n, groups, c // groups, -1) if input._array.size else (n, groups, c // groups, 0)
    affine = (1, groups, c // groups, 1)
    x = widened(input._array).reshape(split)

    def normalised(source: Any) -> tuple[Any, Any]:
        wide = source.reshape(split)
        centred = wide - wide.mean((2, 3), True)
        return centred, ((centred * centred).mean((2, 3), True) + eps).rsqrt()

    centred = x - x.mean(axis=(2, 3), keepdims=True) if x.size else x
    variance = (centred * centred).mean(axis=(2, 3), keepdims=True) if x.size else np.ones((n, groups, 1, 1), x.dtype)
    value = centred / np.sqrt(variance + x.dtype.type(eps))
    if weight is not None:
        value = value * weight._array.reshape(affine)
    if bias is not None:
        value = value + bias._array.reshape(affine)
    count = (c // groups) * math.prod(shape[2:])

    def to_input(grad: Any, input: Any, weight: Any) -> Any:
        centred, rstd = normalised(input)
        scale = None if weight is None else weight.reshape(affine)
        return _normalised_way(grad.reshape(split), centred, rstd, scale, (2, 3), count).reshape(shape)

    def to_weight(grad: Any, input: Any, weight: Any) -> Any:
        centred, rstd = normalised(input)
        return (grad.reshape(split) * centred * rstd).sum((0, 3)).reshape((c,))

    return record(
        "NativeGroupNormBackward0", value.reshape(shape), (input, to_input, input, weight),
        (weight, to_weight, input, weight), (bias, lambda grad: grad.reshape(split).sum((0, 3)).reshape((c,))),
        dtype=input._dtype,
    )  # fmt: skip


def batch_norm(
    input: Tensor, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-05,
) -> Tensor:  # fmt: skip
    array = input._array
    if training:
        _check_size(array.shape)
    if array.ndim < 2:
        raise errors.unsupported("torch.nn.functional.batch_norm of a tensor with fewer than two dimensions")
    for name, each in (
        ("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias),
    ):  # fmt: skip
        if each is not None and each._array.size != array.shape[1]:
            raise RuntimeError(f"{name} should contain {array.shape[1]} elements not {each._array.size}")
    if not training and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
    _needs_float(input, "batch_norm")
    dims = (0, *range(2, array.ndim))
    affine = (1, array.shape[1], *([1] * (array.ndim - 2)))
    if not array.size:
        return _nothing_to_norm(input, weight, bias)
    if not training:
        return _fixed_norm(input, running_mean, running_var, weight, bias, eps, dims, affine)
    if running_mean is not None:
        _update_statistics(array, running_mean, running_var, momentum, dims)
    return Normalised("NativeBatchNormBackward0", dims, affine, eps)(input, weight, bias)


def _nothing_to_norm(input: Tensor, weight: Any, bias: Any) -> Tensor:
    """What there is nothing of, so connected to the parameters that they get gradients of zero."""
    made = input.clone()
    made = made if weight is None else made * weight[0]
    return made if bias is None else made + bias[0]


def _check_size(shape: tuple[int, ...]) -> None:
    if len(shape) >= 2 and math.prod(shape) // max(shape[1], 1) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {Size(shape)}")


def _update_statistics(array: np.ndarray, mean: Any, variance: Any, momentum: Any, dims: Any) -> None:
    """Move the running statistics, unseen by autograd; torch counts the write all the same."""
    x = widened(array)
    count = x.size // max(x.shape[1], 1)
    now = x.mean(axis=dims)
    spread = x.var(axis=dims) * (count / max(count - 1, 1))
    with grad_mode(False):
        for held, value in ((mean, now), (variance, spread)):
            if held is None:
                continue
            held._array[...] = (1 - momentum) * held._array + momentum * value
            if held._counter is not None:
                held._counter.n += 1


def _fixed_norm(
    input: Tensor, mean: Any, variance: Any, weight: Any, bias: Any, eps: float, dims: Any, affine: Any
) -> Tensor:
    x = widened(input._array)
    rstd = 1 / np.sqrt(variance._array.reshape(affine) + eps)
    value = (x - mean._array.reshape(affine)) * rstd.astype(x.dtype)
    if weight is not None:
        value = value * weight._array.reshape(affine)
    if bias is not None:
        value = value + bias._array.reshape(affine)

    def scale(running_var: Any) -> Any:
        return (running_var.reshape(affine) + eps).rsqrt()

    def to_input(grad: Any, input: Any, weight: Any, running_mean: Any, running_var: Any) -> Any:
        made = grad * scale(running_var)
        return made if weight is None else made * weight.reshape(affine)

    def to_weight(grad: Any, input: Any, weight: Any, running_mean: Any, running_var: Any) -> Any:
        return (grad * (input - running_mean.reshape(affine)) * scale(running_var)).sum(dims)

    def to_bias(grad: Any, input: Any, weight: Any, running_mean: Any, running_var: Any) -> Any:
        shape = (grad._array.shape[1],)
        return summed_with("NativeBatchNormBackwardBackward0", grad, dims, shape, affine, (input, weight))

    kept = (input, weight, mean.detach(), variance.detach())
    return record(
        "NativeBatchNormBackward0", value, (input, to_input, *kept), (weight, to_weight, *kept),
        (bias, to_bias, *kept), dtype=input._dtype,
    )  # fmt: skip


def instance_norm(
    input: Tensor, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-05,
) -> Tensor:  # fmt: skip
    shape = input._array.shape
    if use_input_stats and math.prod(shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {Size(shape)}")
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    n, c = shape[:2]
    wide = [None if each is None else each.repeat(n) for each in (weight, bias, running_mean, running_var)]
    flat = input.contiguous().view(1, n * c, *shape[2:])
    made = batch_norm(flat, wide[2], wide[3], wide[0], wide[1], use_input_stats, momentum, eps)
    with grad_mode(False):
        for held, moved in ((running_mean, wide[2]), (running_var, wide[3])):
            if held is not None and moved is not None and use_input_stats:
                held.copy_(moved.view(n, c).mean(0))
    return made.view(shape)


def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Tensor:
    shape, wanted = input._array.shape, tuple(normalized_shape)
    if shape[len(shape) - len(wanted) :] != wanted:
        stars = "".join(f", {size}" for size in wanted)
        raise RuntimeError(
            f"Given normalized_shape={list(wanted)}, expected input with shape [*{stars}], but got input of "
            f"size{list(shape)}"
        )
    dims = tuple(range(-len(wanted), 0))
    small = eps if eps is not None else float(np.finfo(widened(input._array).dtype).eps)
    made = input * ((input.pow(2)).mean(dims, True) + small).rsqrt()
    return made if weight is None else made * weight


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    from .padding import pad
    from .pooling import avg_pool2d, avg_pool3d

    ndim = input._array.ndim
    if ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {ndim} dimensions)")
    if not input._array.size:
        return input
    squares = input.mul(input)
    if ndim == 3:
        squares = pad(squares.unsqueeze(1), (0, 0, size // 2, (size - 1) // 2))
        squares = avg_pool2d(squares, (size, 1), stride=1).squeeze(1)
    else:
        shape = input._array.shape
        flat = squares.view(shape[0], 1, shape[1], shape[2], -1)
        flat = pad(flat, (0, 0, 0, 0, size // 2, (size - 1) // 2))
        squares = avg_pool3d(flat, (size, 1, 1), stride=1).squeeze(1).view(shape)
    return input / squares.mul(alpha).add(k).pow(beta)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None) -> Tensor:
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
