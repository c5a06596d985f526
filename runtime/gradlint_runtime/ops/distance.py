"""Distances and similarities, and the losses made of them."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import errors
from ..apply import plain, record
from ..dtypes import FLOATING, default_float, promote
from ..modes import mode
from ..tensor import Tensor, needs_grad
from .activations import logsigmoid
from .arithmetic import xlogy
from .blend import where
from .common import OUT, broadcast_shape, conj, dim_of, widened
from .index import index_add, index_select
from .losses import _reduction, reduced
from .reduce import norm_backward, norm_with_p, vector_norm
from .shape import expand


def scalar_add(input: Tensor, number: float) -> Tensor:
    """Adding a number, by the name that torch's own code gives it."""
    value = input._array + input._array.dtype.type(number)
    return record("AddBackward1", value, (input, lambda grad: grad), dtype=input._dtype)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    kind = promote(x1._dtype, x2._dtype)
    if kind.category < FLOATING:
        raise RuntimeError("expected common dtype to be floating point, yet common dtype is " + kind.short)
    shape = broadcast_shape(x1._array.shape, x2._array.shape)
    a, b = x1.to(kind), x2.to(kind)
    if a._array.shape != b._array.shape:
        a, b = expand(a, shape), expand(b, shape)
    return (_unit(a, dim, eps) * _unit(b, dim, eps)).sum(dim)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    """x over its norm, where a norm below eps counts as eps, unseen by the gradient."""
    norm = vector_norm(x, 2, dim, True)
    held = norm.clone()
    small = held._array < eps
    if small.any():
        held._array[small] = eps
    return x / held


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    difference = x1 - x2
    if difference._dtype.category < FLOATING:
        difference = difference.to(default_float())
    difference = scalar_add(difference, eps)
    return norm_with_p(difference, p, difference._array.ndim - 1, keepdim)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    for each, name in ((x1, "X1"), (x2, "X2")):
        if each._array.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {each._array.ndim}D")
        if each._dtype.category != FLOATING:
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {each._dtype.short}")
    a, b = x1._array, x2._array
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {a.shape[-1]} X2: {b.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    batch = broadcast_shape(a.shape[:-2], b.shape[:-2])
    large = a.shape[-2] > 25 or b.shape[-2] > 25
    if p == 2 and (compute_mode == "use_mm_for_euclid_dist" or (compute_mode in (
        None, "use_mm_for_euclid_dist_if_necessary") and large)):  # fmt: skip
        return _euclidean(x1, x2, batch)
    difference = widened(a)[..., :, None, :] - widened(b)[..., None, :, :]
    value = _p_norm(np.abs(difference), float(p))

    def way(sign: int) -> Any:
        def back(grad: Any, x1: Any, x2: Any, result: Any) -> Any:
            return _cdist_way(grad, x1, x2, result, float(p), sign)

        return back

    kept = (x1, x2, OUT)
    return record("CdistBackward0", value, (x1, way(1), *kept), (x2, way(-1), *kept), dtype=x1._dtype)


def _p_norm(size: np.ndarray, p: float) -> np.ndarray:
    if p == 0:
        return (size != 0).sum(-1).astype(size.dtype)
    if p == 1:
        return size.sum(-1)
    if p == 2:
        return np.sqrt((size * size).sum(-1))
    if p == math.inf:
        return size.max(-1, initial=0)
    return (size**p).sum(-1) ** (1 / p)


def _cdist_way(grad: Tensor, x1: Tensor, x2: Tensor, result: Tensor, p: float, sign: int) -> Tensor:
    """The gradient of one side of the distances, by tensor operators: no second derivative is lost."""
    difference = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    wide, distance = grad.unsqueeze(-1), result.unsqueeze(-1)
    slope = _norm_slope(difference, distance, p)
    pieces = (wide * slope).sum(-2 if sign > 0 else -3)
    return pieces if sign > 0 else -pieces


def _norm_slope(difference: Tensor, distance: Tensor, p: float) -> Tensor:
    nothing = distance == 0
    if p == 0:
        return difference * 0
    if p == 1:
        return difference.sign()
    if p == math.inf:
        return difference.sign() * (difference.abs() == distance)
    if p == 2:
        return (difference / distance).masked_fill(nothing, 0)
    size = difference.abs()
    power = size.pow(p - 1).masked_fill(size == 0, 0)
    return (difference.sign() * power / distance.pow(p - 1)).masked_fill(nothing, 0)


def _euclidean(x1: Tensor, x2: Tensor, batch: tuple[int, ...]) -> Tensor:
    """By way of a matrix product, as torch does it for many rows."""
    a, b = widened(x1._array), widened(x2._array)
    squares = (a * a).sum(-1)[..., :, None] + (b * b).sum(-1)[..., None, :] - 2 * (a @ np.swapaxes(b, -1, -2))
    value = np.sqrt(np.maximum(squares, 0))

    def to_x1(grad: Any, x1: Any, x2: Any, result: Any) -> Any:
        ratio = grad / result
        ratio = ratio.masked_fill(result == 0, 0)
        return x1 * ratio.sum(-1, True) - ratio.matmul(x2)

    def to_x2(grad: Any, x1: Any, x2: Any, result: Any) -> Any:
        ratio = (grad / result).masked_fill(result == 0, 0).mT
        return x2 * ratio.sum(-1, True) - ratio.matmul(x1)

    kept = (x1, x2, OUT)
    return record("EuclideanDistBackward0", value, (x1, to_x1, *kept), (x2, to_x2, *kept), dtype=x1._dtype)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    array = widened(input._array)
    if array.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {array.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    rows, columns = np.triu_indices(array.shape[0], 1)
    value = _p_norm(np.abs(array[rows] - array[columns]), float(p))

    def way(grad: Any, self: Any, result: Any) -> Any:
        first, second = plain(rows.astype(np.int64)), plain(columns.astype(np.int64))
        difference = index_select(self, 0, first) - index_select(self, 0, second)
        pieces = grad.unsqueeze(-1) * _norm_slope(difference, result.unsqueeze(-1), float(p))
        nothing = self.new_zeros(self._array.shape)
        return index_add(index_add(nothing, 0, first, pieces), 0, second, -pieces)

    return record("PdistBackward0", value, (input, way, input, OUT), dtype=input._dtype)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    array = input._array
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if array.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {array.ndim} dimensions")
    if maxnorm < 0:
        raise RuntimeError("renorm: expected maxnorm to be >= 0")
    at = dim_of(dim, array.ndim)
    dims = [each for each in range(array.ndim) if each != at]

    def factor(norm: Any) -> Any:
        return maxnorm / (norm + 1e-7)

    norms = _p_norm_over(np.abs(widened(array)), float(p), tuple(dims))
    value = array * np.where(norms > maxnorm, factor(norms), 1).astype(norms.dtype)

    def way(grad: Any, self: Any) -> Any:
        norm = vector_norm(self, p, dims, True)
        product = (conj(self) * grad).sum(dims, True)
        product = product.real if product._dtype.is_complex else product
        through_norm = norm_backward(product, self, norm, float(p), dims, True)
        inverse = 1 / (norm + 1e-7)
        return where(norm > maxnorm, maxnorm * (grad * inverse - through_norm * inverse * inverse), grad)

    return record("RenormBackward0", value, (input, way, input), dtype=input._dtype)


def _p_norm_over(size: np.ndarray, p: float, dims: tuple[int, ...]) -> np.ndarray:
    if p == math.inf:
        return size.max(axis=dims, keepdims=True)
    return (size**p).sum(axis=dims, keepdims=True) ** (1 / p)


# losses


def kl_div(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:  # fmt: skip
    if size_average is None and reduce is None and reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the "
            "same as 'batchmean' in the next major release.",
            UserWarning,
            stacklevel=2,
        )
    inner = "sum" if reduction == "batchmean" else _reduction(size_average, reduce, reduction)
    if input._dtype.category < FLOATING or target._dtype.category < FLOATING:
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = xlogy(target, target) - target * input
    made = reduced(loss, inner)
    if reduction == "batchmean" and input._array.ndim:
        made = made / input._array.shape[0]
    return made


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: Any = None,
    eps: float = 1e-8, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduced(loss, reduction)


def _same_but_one(sizes: tuple[int, ...], others: tuple[int, ...]) -> bool:
    """Whether two shapes are the same but for one size, which is 1 in the second."""
    return len(sizes) == len(others) and sum(b for a, b in zip(sizes, others, strict=True) if a != b) == 1


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * input.new_full(input._array.shape, 1.0)
    elif (var._array < 0).any():
        raise ValueError("var has negative entry/entries")
    if var._array.shape != input._array.shape:
        if input._array.shape[:-1] == var._array.shape:
            var = var.unsqueeze(-1)
        elif not _same_but_one(input._array.shape, var._array.shape):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    held = var.clone()
    held._array[held._array < eps] = eps
    loss = 0.5 * (held.log() + (input - target) ** 2 / held)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    room = (margin - input).clamp_min(0)
    apart = where(target != 1, room, 0.0)
    together = where(target != -1, input, 0.0)
    return reduced(apart + together, reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: {input1.size()}, "
            f"input2: {input2.size()}, target: {target.size()} "
        )
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    if input1._dtype.name == "bool":
        raise errors.unsupported("torch.nn.functional.cosine_embedding_loss of booleans")
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    dim = target.dim()
    product = (input1 * input2).sum(dim)
    first, second = scalar_add((input1 * input1).sum(dim), 1e-12), scalar_add((input2 * input2).sum(dim), 1e-12)
    cosine = product / (first * second).sqrt()
    nothing = cosine * 0
    together = where(target == 1, 1 - cosine, nothing.detach())
    apart = where(target == -1, (cosine - margin).clamp_min(0), nothing.detach())
    return reduced(together + apart, reduction)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced(scalar_add(near - far, margin).clamp_min(0), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *, distance_function: Any = None, margin: float = 1.0,
    swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    measure = pairwise_distance if distance_function is None else distance_function
    near, far = measure(anchor, positive), measure(anchor, negative)
    if swap:
        far = far.minimum(measure(positive, negative))
    return reduced((margin + near - far).clamp_min(0), _reduction(None, None, reduction))


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    reduction = _reduction(size_average, reduce, reduction)
    seen = input._counter is not None or target._counter is not None
    if seen and mode.grad and not mode.inference and needs_grad(target):
        raise RuntimeError(
            "The function 'soft_margin_loss' is not differentiable with respect to argument 'target'. This input cannot "
            "have requires_grad True."
        )
    wide = broadcast_shape(input._array.shape, target._array.shape)
    if wide != input._array.shape:
        raise RuntimeError(
            f"output with shape {list(input._array.shape)} doesn't match the broadcast shape {list(wide)}"
        )
    value = np.log1p(np.exp(-target._array * input._array))
    count = value.size

    def way(grad: Any, self: Any, target: Any) -> Any:
        z = (-target * self).exp()
        share = grad / count if reduction == "mean" else grad
        return share * (-target * z / (z + 1))

    made = value if reduction == "none" else value.mean() if reduction == "mean" else value.sum()
    return record("SoftMarginLossBackward0", made, (input, way, input, target), dtype=input._dtype)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(input.dim() - 1) / input.size(input.dim() - 1), reduction)


def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
    size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    reduction = _reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise RuntimeError("only p == 1 and p == 2 supported")
    x = np.atleast_2d(input._array)
    classes = np.atleast_1d(target._array)
    rows, count = x.shape
    if classes.size and (classes.min() < 0 or classes.max() >= count):
        raise RuntimeError("target out of range")
    own = np.zeros(x.shape, bool)
    own[np.arange(rows), classes] = True
    z = margin - x[np.arange(rows), classes][:, None] + x
    active = (z > 0) & ~own
    factor = np.ones(rows, x.dtype) if weight is None else weight._array[classes]
    losses = (np.where(active, z**p, 0) * factor[:, None]).sum(1) / count
    single = input._array.ndim < 2
    value = losses.sum() if reduction == "sum" else losses.mean() if reduction == "mean" else (
        losses[0] if single and target._array.ndim == 0 else losses
    )  # fmt: skip

    def way(grad: Any, self: Any) -> Any:
        wide = self.reshape((rows, count))
        picked = wide.gather(1, plain(classes[:, None].astype(np.int64)))
        room = margin - picked + wide
        each = room * 2 if p == 2 else room * 0 + 1
        each = each * plain((active * factor[:, None] / count).astype(x.dtype))
        share = grad / rows if reduction == "mean" else grad
        share = share.reshape((rows, 1)) if share._array.ndim else share
        total = each - plain(own.astype(x.dtype)) * each.sum(1, True)
        return (share * total).reshape(self._array.shape)

    return record("MultiMarginLossBackward0", value, (input, way, input), dtype=input._dtype)


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    reduction = _reduction(size_average, reduce, reduction)
    x, labels = np.atleast_2d(input._array), np.atleast_2d(target._array)
    rows, count = x.shape
    # Labels count up to the first -1.
    listed = np.cumsum(labels < 0, axis=1) == 0
    is_target = np.zeros(x.shape, bool)
    row = np.broadcast_to(np.arange(rows)[:, None], labels.shape)
    is_target[row[listed], labels[listed]] = True
    picked = np.take_along_axis(x, np.where(listed, labels, 0), 1)
    z = 1 - picked[:, :, None] + x[:, None, :]
    active = (z > 0) & listed[:, :, None] & ~is_target[:, None, :]
    losses = np.where(active, z, 0).sum((1, 2)) / count
    single = input._array.ndim < 2
    value = losses.sum() if reduction == "sum" else losses.mean() if reduction == "mean" else (
        losses[0] if single else losses
    )  # fmt: skip
    slope = active.sum(1).astype(x.dtype)
    np.subtract.at(slope, (row, np.where(listed, labels, 0)), active.sum(2) * listed)
    slope = slope / count

    def way(grad: Any) -> Any:
        share = grad / rows if reduction == "mean" else grad
        share = share.reshape((rows, 1)) if share._array.ndim else share
        return (share * plain(slope.astype(x.dtype))).reshape(shape)

    shape = input._array.shape
    return record("MultilabelMarginLossBackward0", value, (input, way), dtype=input._dtype)
