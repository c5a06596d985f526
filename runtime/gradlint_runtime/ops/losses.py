"""Losses, by torch's functional names."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import errors
from ..apply import counted, plain, record, written
from ..dtypes import FLOATING, can_cast, default_float, dtype, int64, promote
from ..graph import node_class
from ..modes import mode
from ..tensor import Tensor
from ..things import Size
from .autocast import full_precision
from .common import converted, widened, zeros_of
from .joining import broadcast_tensors
from .reduce import divided
from .softmax import log_softmax

REDUCTIONS = ("none", "mean", "sum")


def _reduction(size_average: Any, reduce: Any, reduction: str) -> str:
    if size_average is not None or reduce is not None:
        average = True if size_average is None else size_average
        wanted = True if reduce is None else reduce
        reduction = ("mean" if average else "sum") if wanted else "none"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            UserWarning,
            stacklevel=3,
        )
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def _fold(value: np.ndarray, reduction: str) -> Any:
    if reduction == "none":
        return value
    return value.mean() if reduction == "mean" else value.sum()


def _share(grad: Tensor, count: int, reduction: str) -> Tensor:
    """The gradient of each element from that of the reduced loss."""
    return grad / count if reduction == "mean" else grad


def _warn_of_sizes(input: Tensor, target: Tensor, level: int = 3) -> None:
    if input._array.shape != target._array.shape:
        warnings.warn(
            f"Using a target size ({Size(target._array.shape)}) that is different to the input size "
            f"({Size(input._array.shape)}). This will likely lead to incorrect results due to broadcasting. Please "
            "ensure they have the same size.",
            UserWarning,
            stacklevel=level,
        )


def _check_weight(input: Tensor, weight: Tensor) -> None:
    if weight._array.shape != input._array.shape:
        raise ValueError("Weights and input must have the same size.")


def _not_for(kernel: str, kind: dtype) -> NotImplementedError:
    return NotImplementedError(f"\"{kernel}\" not implemented for '{kind.short}'")


def _same_dtype(input: Tensor, target: Tensor) -> None:
    if target._dtype is not input._dtype:
        raise RuntimeError(f"Found dtype {target._dtype.short} but expected {input._dtype.short}")


def _pair(
    name: str, input: Tensor, target: Tensor, reduction: str, value: Any, slope: Any, curve: Any, *, kernel: str,
    into: dtype | None = None,
) -> Tensor:  # fmt: skip
    """A loss of the difference d = input - target: its value and slope on arrays, its curvature on tensors.

    `kernel` is how errors call what computes it. Its results have the dtype `into`; where none is told, the kernel
    reduces the loss in the memory of the losses of the elements.
    """
    # Both are broadcast first, so that one without dimensions counts as much as the other.
    input, target = broadcast_tensors(input, target)
    shape, inside = input._array.shape, into is None
    kind = promote(input._dtype, target._dtype)
    if into is not None and not can_cast(kind, into):
        raise errors.cannot_cast(kind, into)
    if kind.category < FLOATING:
        raise _not_for(kernel, kind)
    d = widened(converted(input, kind)) - widened(converted(target, kind))
    count = math.prod(shape)

    def back(sign: int) -> Any:
        def way(grad: Any, self: Any, target: Any) -> Any:
            if into is not None:
                _same_dtype(self, target)
            made = _pair_way(name, _share(grad, count, reduction), self, target, slope, curve)
            return made if sign > 0 else -made

        return way

    losses = value(d) if into is None else value(d).astype(into.numpy)
    folded = _fold(losses, reduction)
    if inside and reduction != "none" and losses.ndim:
        folded = _in_memory_of(losses, folded)
    made = record(name, folded, (input, back(1), input, target), (target, back(-1), input, target), dtype=into or kind)
    return written(made, input, target, writes=2 if losses.ndim else 1) if inside and reduction != "none" else made


def _in_memory_of(losses: np.ndarray, folded: Any) -> np.ndarray:
    """A number that lies where the losses of the elements did."""
    if not losses.size:
        return np.asarray(folded)
    memory = np.ascontiguousarray(losses).reshape(-1)
    memory[0] = folded
    return memory[:1].reshape(())


def _pair_way(name: str, grad: Tensor, self: Tensor, target: Tensor, slope: Any, curve: Any) -> Tensor:
    d = self._array - target._array

    def to_grad(g: Any, self: Any, target: Any) -> Any:
        return _pair_way(name, g, self, target, slope, curve)

    def bent(g: Any, self: Any, target: Any, grad_output: Any) -> Any:
        return g * grad_output * curve(self - target)

    value = widened(grad._array) * slope(d)
    value = np.ascontiguousarray(value) if value.ndim > 1 else value
    return record(
        name.replace("Backward0", "BackwardBackward0"), value, (grad, to_grad, self, target),
        (self, bent, self, target, grad),
        (target, lambda g, self, target, grad_output: -bent(g, self, target, grad_output), self, target, grad),
        dtype=grad._dtype,
    )  # fmt: skip


@full_precision
def mse_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    _warn_of_sizes(input, target)
    reduction = _reduction(size_average, reduce, reduction)
    if weight is not None:
        _check_weight(input, weight)
        loss = weight * (input - target) ** 2
        if reduction == "mean":
            return loss.sum() / weight.expand(loss.shape).sum()
        return reduced(loss, reduction)
    return _pair(
        "MseLossBackward0", input, target, reduction, lambda d: d * d, lambda d: 2 * d, lambda d: 2, kernel="mse_cpu"
    )


@full_precision
def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:  # fmt: skip
    _warn_of_sizes(input, target)
    reduction = _reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)

    def value(d: Any) -> Any:
        size = np.abs(d)
        return np.where(size < beta, 0.5 * d * d / beta, size - 0.5 * beta)

    return _pair(
        "SmoothL1LossBackward0", input, target, reduction, value, lambda d: np.clip(d / beta, -1, 1),
        lambda d: (d.abs() < beta).to(d.dtype) / beta, kernel="smooth_l1_cpu",
    )  # fmt: skip


@full_precision
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    _warn_of_sizes(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is not None:
        _check_weight(input, weight)
    inner = "none" if weight is not None else _reduction(None, None, reduction)

    def value(d: Any) -> Any:
        size = np.abs(d)
        return np.where(size < delta, 0.5 * d * d, delta * (size - 0.5 * delta))

    loss = _pair(
        "HuberLossBackward0", input, target, inner, value, lambda d: np.clip(d, -delta, delta),
        lambda d: (d.abs() < delta).to(d.dtype), kernel="huber_cpu", into=input._dtype,
    )  # fmt: skip
    if weight is None:
        return loss
    weighted = loss * weight
    return weighted.sum() / weight.expand(weighted.shape).sum() if reduction == "mean" else reduced(weighted, reduction)


@full_precision
def l1_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    _warn_of_sizes(input, target)
    reduction = _reduction(size_average, reduce, reduction)
    if weight is not None:
        _check_weight(input, weight)
    input, target = broadcast_tensors(input, target)
    loss = (input - target).abs()
    if weight is not None:
        loss = loss * weight
        return loss.sum() / weight.expand(loss.shape).sum() if reduction == "mean" else reduced(loss, reduction)
    return reduced(loss, reduction)


# classification


@full_precision
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    array = input._array
    if array.ndim == 0:
        raise ValueError(
            f"Expected input batch_size ({array.shape}) to match target batch_size ({target._array.shape})."
        )
    if array.ndim > 4 or array.ndim == 3:
        return _nll_deep(input, target, weight, ignore_index, reduction)
    if array.ndim <= 2:
        _check_nll(input, target)
    elif target._array.shape != array.shape[:1] + array.shape[2:]:
        raise RuntimeError(f"size mismatch (got input: {list(array.shape)} , target: {list(target._array.shape)}")
    name = "NllLoss2DBackward0" if array.ndim > 2 else "NllLossBackward0"
    return _nll(name, input, target, weight, ignore_index, reduction)


def _check_nll(input: Tensor, target: Tensor) -> None:
    a, t = input._array, target._array
    if t.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if a.ndim == 2 and (t.ndim == 0 or a.shape[0] != t.shape[0]):
        count = 1 if t.ndim == 0 else t.shape[0]
        raise ValueError(f"Expected input batch_size ({a.shape[0]}) to match target batch_size ({count}).")
    if a.ndim == 1 and t.ndim == 1 and t.shape[0] != 1:
        raise ValueError(f"Expected input batch_size ({a.shape[0]}) to match target batch_size ({t.shape[0]}).")


def _nll_deep(input: Tensor, target: Tensor, weight: Any, ignore_index: int, reduction: str) -> Tensor:
    """Losses over more than two places at once are computed as if there were two dimensions of them."""
    n, c, *rest = input._array.shape
    if list(target._array.shape[1:]) != rest or target._array.shape[0] != n:
        raise ValueError(f"Expected target size {[n, *rest]}, got {list(target._array.shape)}")
    flat = input.contiguous().view(n, c, 1, -1) if input._array.size else input.contiguous().view(n, c, 0, 0)
    wanted = target.contiguous().view(n, 1, -1) if target._array.size else target.contiguous().view(n, 0, 0)
    loss = _nll("NllLoss2DBackward0", flat, wanted, weight, ignore_index, reduction)
    return loss.view([n, *rest]) if reduction == "none" else loss


def _nll(name: str, input: Tensor, target: Tensor, weight: Any, ignore_index: int, reduction: str) -> Tensor:
    array, classes = input._array, target._array
    at = 1 if array.ndim > 1 else 0
    if target._dtype is not int64 and target._dtype.name != "uint8":
        raise RuntimeError(f"expected scalar type Long but found {target._dtype.short}")
    count = array.shape[at]
    kept = classes != ignore_index
    wrong = kept & ((classes < 0) | (classes >= count))
    if wrong.any():
        raise IndexError(f"Target {int(classes[wrong].reshape(-1)[0])} is out of bounds.")
    chosen = np.where(kept, classes, 0).astype(np.int64)
    single = array.ndim == 1 and classes.ndim == 1
    place = chosen.reshape(()) if single else chosen
    picked = np.take_along_axis(array, np.expand_dims(place, at), at).squeeze(at)
    factors = np.ones(place.shape, array.dtype) if weight is None else weight._array[place]
    factors = np.where(kept.reshape(place.shape), factors, 0).astype(array.dtype)
    losses = np.where(factors == 0, 0, -picked * factors).astype(array.dtype)
    total = factors.sum(dtype=array.dtype)
    value: Any = losses if reduction == "none" else losses.sum(dtype=array.dtype)
    if reduction == "mean":
        value = value / total

    def way(grad: Any, self: Any, target: Any, weight: Any) -> Any:
        return _nll_way(name, grad, self, at, place, factors, total, reduction)

    return record(name, value, (input, way, input, target, weight), dtype=input._dtype)


def _nll_way(
    name: str, grad: Tensor, self: Tensor, at: int, place: np.ndarray, factors: np.ndarray, total: Any,
    reduction: str,
) -> Tensor:  # fmt: skip
    scale = -factors / total if reduction == "mean" else -factors
    made = np.zeros(self._array.shape, grad._array.dtype)
    np.put_along_axis(made, np.expand_dims(place, at), np.expand_dims(grad._array * scale, at), at)

    def again(g: Any) -> Any:
        index = plain(np.expand_dims(place, at))
        picked = g.gather(at, index).squeeze(at) * plain(scale, dtype=g._dtype)
        return picked if reduction == "none" else picked.sum()

    return record(
        name.replace("Backward0", "BackwardBackward0"), made, (grad, again), (self, zeros_of), dtype=grad._dtype
    )


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    at = 0 if input._array.ndim == 1 else 1
    if input._array.shape == target._array.shape:
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing, at)
    if target._dtype.category == FLOATING:
        raise RuntimeError(f"expected scalar type Long but found {target._dtype.short}")
    logs = log_softmax(input, at)
    if not label_smoothing:
        return nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    return _smoothed(logs, target, weight, ignore_index, reduction, label_smoothing, at)


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Any, reduction: str, smoothing: float, at: int
) -> Tensor:
    if target._dtype.category != FLOATING:
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got " + target._dtype.short
        )
    logs = log_softmax(input, at)
    count = input._array.shape[at]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / count
    product = logs * target
    if weight is not None:
        shape = [1] * input._array.ndim
        shape[at] = -1
        product = product * weight.view(shape)
    loss = -product.sum(at) if reduction == "none" else -product.sum()
    if reduction == "mean":
        loss = scalar_div(loss, max(input._array.size // count, 1) if count else 0)
    return loss


def _floating(input: Tensor) -> Tensor:
    return input if input._dtype.category >= FLOATING else input.to(default_float())


def scalar_div(input: Tensor, number: float) -> Tensor:
    return divided(_floating(input), number)


def scalar_mul(input: Tensor, number: float) -> Tensor:
    input = _floating(input) if isinstance(number, float) else input
    kind = input._dtype
    value = input._array * kind.numpy.type(number)
    return record("MulBackward1", value, (input, lambda grad: scalar_mul(grad, number)), dtype=kind)


def _smoothed(
    logs: Tensor, target: Tensor, weight: Any, ignore_index: int, reduction: str, smoothing: float, at: int
) -> Tensor:
    count = logs._array.shape[at]
    plain_loss = nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if weight is not None:
        shape = [1] * logs._array.ndim
        shape[at] = -1
        smooth = -(logs * weight.view(shape)).sum(at)
    else:
        smooth = -logs.sum(at)
    ignored = target == ignore_index
    smooth = smooth.masked_fill(ignored, 0.0)
    if reduction == "sum":
        smooth = smooth.sum()
    elif reduction == "mean":
        if weight is not None:
            kept = target.masked_fill(ignored, 0)
            factors = weight.gather(0, kept.flatten()).masked_fill(ignored.flatten(), 0)
            smooth = smooth.sum() / factors.sum()
        else:
            smooth = smooth.sum() / ignored.logical_not().sum().to(logs._dtype)
    return scalar_mul(plain_loss, 1 - smoothing) + scalar_mul(smooth, smoothing / count)


@full_precision
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    x, y = input._array, target._array
    if x.shape != y.shape:
        raise ValueError(
            f"Using a target size ({Size(y.shape)}) that is different to the input size ({Size(x.shape)}) is "
            "deprecated. Please ensure they have the same size."
        )
    _same_dtype(input, target)
    if input._dtype.category < FLOATING:
        raise _not_for("binary_cross_entropy", input._dtype)
    if x.size and ((x < 0) | (x > 1)).any():
        raise RuntimeError("all elements of input should be between 0 and 1")
    if y.size and ((y < 0) | (y > 1)).any():
        raise RuntimeError("all elements of target should be between 0 and 1")
    w = None if weight is None else weight.expand(x.shape) if weight._array.shape != x.shape else weight
    losses = (y - 1) * np.maximum(np.log1p(-x), -100) - y * np.maximum(np.log(x), -100)
    if w is not None:
        losses = losses * w._array
    count = x.size

    def to_self(grad: Any, self: Any, target: Any, weight: Any) -> Any:
        made = _share(grad, count, reduction) * (self - target) / ((1 - self) * self).clamp(min=1e-12)
        return made if weight is None else made * weight

    def to_target(grad: Any, self: Any, target: Any, weight: Any) -> Any:
        logs = (-self).log1p().clamp(min=-100) - self.log().clamp(min=-100)
        made = _share(grad, count, reduction) * logs
        return made if weight is None else made * weight

    return record(
        "BinaryCrossEntropyBackward0", _fold(losses, reduction), (input, to_self, input, target, w),
        (target, to_target, input, target, w), dtype=input._dtype,
    )  # fmt: skip


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    x, y = input._array, target._array
    if x.shape != y.shape:
        raise ValueError(f"Target size ({Size(y.shape)}) must be the same as input size ({Size(x.shape)})")
    if input._dtype.category < FLOATING:
        raise _not_for("log_sigmoid_cpu", input._dtype)
    if target._dtype.category < FLOATING:  # the losses are put where `1 - target` was
        rest = 1 - target  # which raises for booleans
        raise errors.cannot_cast(input._dtype, rest._dtype)
    soft = np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0)
    if pos_weight is None:
        losses = (1 - y) * x + soft
    else:
        losses = (1 - y) * x + ((pos_weight._array - 1) * y + 1) * soft
    if weight is not None:
        losses = losses * weight._array
    count = losses.size

    def weighted(grad: Any, made: Any, weight: Any) -> Any:
        share = made * grad
        if weight is not None:
            share = share * weight
        if reduction == "mean":
            share = share.div_(count)
            if share._meta is not None and share._meta.node is not None:
                share._meta.node.__class__ = node_class("DivBackward1")
        # The kernel multiplies in place as well where nothing is recorded.
        return share if mode.grad else counted(share, 3 if reduction == "mean" else 2)

    def to_self(grad: Any, self: Any, target: Any, weight: Any, pos_weight: Any) -> Any:
        if pos_weight is None:
            return weighted(grad, self.sigmoid() - target, weight)
        t = pos_weight * target
        return weighted(grad, (t + 1 - target) * self.sigmoid() - t, weight)

    def to_target(grad: Any, self: Any, target: Any, weight: Any, pos_weight: Any) -> Any:
        if pos_weight is None:
            return weighted(grad, -self, weight)
        from .activations import logsigmoid

        return weighted(grad, logsigmoid(-self) - pos_weight * logsigmoid(self), weight)

    kept = (input, target, weight, pos_weight)
    return record(
        "BinaryCrossEntropyWithLogitsBackward0", _fold(losses, reduction), (input, to_self, *kept),
        (target, to_target, *kept), dtype=target._dtype,
    )  # fmt: skip
