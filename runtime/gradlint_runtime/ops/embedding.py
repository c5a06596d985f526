"""Look-up tables: embedding, embedding_bag, one_hot."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors
from ..apply import plain, record
from ..dtypes import INTEGRAL, int64
from ..modes import grad_mode
from ..tensor import Tensor
from .common import widened


def _check_indices(indices: Tensor, rows: int) -> None:
    if indices._dtype.name not in ("int64", "int32"):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{indices._dtype.short}Tensor instead (while checking arguments for embedding)"
        )
    array = indices._array
    if array.size and (array.min() < 0 or array.max() >= rows):
        raise IndexError("index out of range in self")


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    if not isinstance(input, Tensor):
        raise errors.not_a_tensor("embedding", "indices", 2, input)
    rows = weight._array.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx = padding_idx + rows if padding_idx < 0 else padding_idx
    if max_norm is not None:
        _renorm_rows(weight, input, max_norm, norm_type)
    if weight._array.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    _check_indices(input, rows)
    if sparse:
        raise errors.unsupported("torch.nn.functional.embedding(sparse=True)")
    back = lambda grad, indices: _table_gradient(grad, indices, rows, padding_idx, scale_grad_by_freq)  # noqa: E731
    return record("EmbeddingBackward0", weight._array[input._array], (weight, back, input), dtype=weight._dtype)


def _renorm_rows(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Shorten the rows that are looked up, in place and unseen by autograd."""
    rows = np.unique(indices._array)
    with grad_mode(False):
        picked = weight._array[rows]
        size = np.linalg.norm(picked.astype(np.float64), ord=norm_type, axis=1)
        long = size > max_norm
        scale = np.where(long, max_norm / (size + 1e-7), 1)
        weight._array[rows] = (picked * scale[:, None]).astype(picked.dtype)
        if weight._counter is not None:
            weight._counter.n += 1


def _table_gradient(grad: Tensor, indices: Tensor, rows: int, padding_idx: int | None, by_freq: bool) -> Tensor:
    width = grad._array.shape[-1]
    flat = indices._array.reshape(-1)
    g = widened(grad._array).reshape(-1, width)
    kept = flat != padding_idx if padding_idx is not None else np.ones(flat.shape, bool)
    scale = np.where(kept, 1.0, 0.0)
    if by_freq:
        counts = np.bincount(flat, minlength=rows)
        scale = scale / counts[flat]
    value = np.zeros((rows, width), g.dtype)
    np.add.at(value, flat, g * scale[:, None].astype(g.dtype))

    def again(g: Any, indices: Any) -> Any:
        picked = g.index_select(0, indices.reshape((-1,))) * plain(
            scale[:, None].astype(g._array.dtype), dtype=g._dtype
        )
        return picked.reshape(shape)

    shape = grad._array.shape
    return record("EmbeddingDenseBackwardBackward0", value, (grad, again, indices), dtype=grad._dtype)


def embedding_bag(
    input: Tensor, weight: Tensor, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    if sparse:
        raise errors.unsupported("torch.nn.functional.embedding_bag(sparse=True)")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )
    if weight._dtype.category == INTEGRAL and input._dtype.category != INTEGRAL:
        input, weight = weight, input
    rows = weight._array.shape[0]
    if padding_idx is not None and padding_idx < 0:
        padding_idx += rows
    if input._array.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                "length sequences. However, found offsets of type " + str(type(offsets))
            )
        bags = np.repeat(np.arange(input._array.shape[0]), input._array.shape[1])
        count = input._array.shape[0]
    elif input._array.ndim == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        starts = offsets._array[:-1] if include_last_offset else offsets._array
        if starts.size and starts[0] != 0:
            raise ValueError(
                "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position "
                f"0. However, got {int(starts[0])}"
            )
        count = len(starts)
        bags = np.searchsorted(starts, np.arange(input._array.size), side="right") - 1
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input._array.ndim}")
    if max_norm is not None:
        _renorm_rows(weight, input, max_norm, norm_type)
    _check_indices(input, rows)
    return _bagged(input, weight, bags, count, mode, per_sample_weights, padding_idx, scale_grad_by_freq)


def _bagged(
    input: Tensor, weight: Tensor, bags: np.ndarray, count: int, mode: str, per_sample: Any, padding_idx: Any,
    by_freq: bool,
) -> Tensor:  # fmt: skip
    flat = input._array.reshape(-1)
    kept = flat != padding_idx if padding_idx is not None else np.ones(flat.shape, bool)
    flat, bags = flat[kept], bags[kept]
    table = widened(weight._array)
    width = table.shape[1]
    rows = table.shape[0]
    picked = table[flat]
    if mode == "max":
        return _bag_max(weight, flat, bags, count, picked)
    factors = np.ones(len(flat), table.dtype)
    if mode == "mean":
        factors = factors / np.maximum(np.bincount(bags, minlength=count), 1)[bags].astype(table.dtype)
    given = None if per_sample is None else per_sample._array.reshape(-1)[kept]
    value = np.zeros((count, width), table.dtype)
    np.add.at(value, bags, picked * (factors if given is None else given)[:, None])

    def to_weight(grad: Any, indices: Any, per_sample_weights: Any) -> Any:
        each = grad.index_select(0, plain(bags)) * plain(factors[:, None], dtype=grad._dtype)
        if per_sample_weights is not None:
            each = each * per_sample_weights.reshape((-1,))[plain(kept)].unsqueeze(1)
        if by_freq:
            frequency = np.bincount(flat, minlength=rows)[flat].astype(table.dtype)
            each = each / plain(frequency[:, None], dtype=grad._dtype)
        return grad.new_zeros((rows, width)).index_add(0, plain(flat.astype(np.int64)), each)

    def to_samples(grad: Any, indices: Any, weight: Any) -> Any:
        each = (grad.index_select(0, plain(bags)) * weight.index_select(0, plain(flat.astype(np.int64)))).sum(1)
        whole = grad.new_zeros(per_sample._array.size).index_add(0, plain(np.nonzero(kept)[0]), each)
        return whole.reshape(per_sample._array.shape)

    return record(
        "EmbeddingBagBackward0", value, (weight, to_weight, input, per_sample), (per_sample, to_samples, input, weight),
        dtype=weight._dtype,
    )  # fmt: skip


def _bag_max(weight: Tensor, flat: np.ndarray, bags: np.ndarray, count: int, picked: np.ndarray) -> Tensor:
    width = picked.shape[1]
    best = np.full((count, width), -np.inf, picked.dtype)
    np.maximum.at(best, bags, picked)
    filled = np.bincount(bags, minlength=count) > 0
    value = np.where(filled[:, None], best, 0)
    # The first of the rows that reach the maximum is the one that was picked.
    reached = picked == best[bags]
    order = np.arange(len(flat))[:, None]
    first = np.full((count, width), len(flat), np.int64)
    np.minimum.at(first, bags, np.where(reached, order, len(flat)))
    rows = weight._array.shape[0]
    taken = flat[np.minimum(first, max(len(flat) - 1, 0))] if len(flat) else np.zeros((count, width), np.int64)
    index = plain(taken.astype(np.int64))
    mask = plain(np.broadcast_to(filled[:, None], taken.shape).copy())

    def to_weight(grad: Any) -> Any:
        return grad.new_zeros((rows, width)).scatter_add(0, index, grad * mask)

    return record("EmbeddingBagBackward0", value, (weight, to_weight), (None,), dtype=weight._dtype)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    if tensor._dtype is not int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    array = tensor._array
    if not array.size:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return plain(np.zeros((*array.shape, num_classes), np.int64))
    if array.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(array.max()) + 1
    elif num_classes <= array.max():
        raise RuntimeError("Class values must be smaller than num_classes.")
    return plain((array[..., None] == np.arange(num_classes)).astype(np.int64))
