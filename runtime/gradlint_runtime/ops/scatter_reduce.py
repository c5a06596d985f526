"""Scattering with a reduction: sums, products, means and extremes of what falls on the same place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..apply import plain, record
from ..graph import node_class
from ..tensor import Tensor
from .blend import where
from .common import OUT, dim_of
from .index import _along, _check_source, _flat_index, _grid, _padded, gather, scatter_add
from .shape import expand

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")
_START = {"sum": 0, "mean": 0, "prod": 1}


def _neutral(reduce: str, kind: np.dtype) -> Any:
    if reduce in _START:
        return _START[reduce]
    if kind.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    if kind.kind == "b":
        return reduce == "amin"
    info = np.iinfo(kind)
    return info.min if reduce == "amax" else info.max


_UFUNCS = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _reduced(array: np.ndarray, grid: Any, piece: np.ndarray, reduce: str, include_self: bool) -> tuple[Any, Any]:
    """The result and, for each place, how many values it is made of."""
    made = array.copy()
    counts = np.full(array.shape, int(include_self), np.int64)
    if not piece.size:
        return made, np.ones(array.shape, np.int64)
    if not include_self:
        made[grid] = _neutral(reduce, array.dtype)
    np.add.at(counts, grid, 1)
    ufunc = _UFUNCS[reduce] if array.dtype != np.bool_ or reduce != "prod" else np.logical_and
    ufunc.at(made, grid, piece)
    if reduce == "mean":
        counts = np.maximum(counts, 1)
        made = made // counts if array.dtype.kind in "iu" else (made / counts).astype(array.dtype)
    return made, counts


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    if reduce not in REDUCTIONS:
        raise RuntimeError("reduce argument must be either sum, prod, mean, amax or amin, got " + reduce + ".")
    at, places = _along("scatter_reduce", input, dim, index)
    _check_source("scatter", input, src, places, at)
    array = input._array
    flat = array if array.ndim else array.reshape(1)
    grid = _grid(places if places.ndim else places.reshape(1), at)
    values = src._array if src._array.ndim else src._array.reshape(1)
    piece = values[tuple(slice(size) for size in places.shape)] if places.ndim else values[:1]
    made, counts = _reduced(flat, grid, piece, reduce, include_self)
    made, counts = made.reshape(array.shape), counts.reshape(array.shape)
    shape = src._array.shape
    kept = (input, index, src, OUT)

    def to_self(grad: Any, self: Any, index: Any, src: Any, result: Any) -> Any:
        slope = _slope_of_self(grad, self, at, index, src, result, reduce, include_self, counts)
        return slope if include_self else slope.scatter(at, index, 0)

    def to_src(grad: Any, self: Any, index: Any, src: Any, result: Any) -> Any:
        return _padded(_slope_of_source(grad, self, at, index, src, result, reduce, include_self, counts), shape)

    return record("ScatterReduceBackward0", made, (input, to_self, *kept), (src, to_src, *kept), dtype=input._dtype)


def _covered(src: Tensor, index: Tensor) -> Tensor:
    """The part of the source that the index speaks of."""
    for at, size in enumerate(index._array.shape):
        if src._array.shape[at] != size:
            src = src.narrow(at, 0, size)
    return src


def _tied(self: Tensor, at: int, index: Tensor, src: Tensor, result: Tensor) -> tuple[Any, Any, Any]:
    """Who holds the extreme, and how many of them there are at each place."""
    own = self == result
    value = gather(result, at, index)
    theirs = _covered(src, index) == value
    many = scatter_add(own.to(self._dtype), at, index, theirs.to(self._dtype))
    return own, theirs, many


def _slope_of_self(
    grad: Tensor, self: Tensor, at: int, index: Tensor, src: Tensor, result: Tensor, reduce: str, include_self: bool,
    counts: np.ndarray,
) -> Tensor:  # fmt: skip
    if reduce == "sum":
        return grad
    if reduce == "mean":
        return grad / plain(counts.astype(grad._array.dtype), dtype=grad._dtype)
    if reduce == "prod":
        # The product of all that fell on the place, without the value itself.
        ones = self.new_ones(self.shape)
        return grad * scatter_reduce(ones, at, index, src, "prod", include_self=True)
    own, _, many = _tied(self, at, index, src, result)
    return grad / many.masked_fill(many == 0, 1) * own.to(grad._dtype)


def _slope_of_source(
    grad: Tensor, self: Tensor, at: int, index: Tensor, src: Tensor, result: Tensor, reduce: str, include_self: bool,
    counts: np.ndarray,
) -> Tensor:  # fmt: skip
    if reduce == "sum":
        return gather(grad, at, index)
    if reduce == "mean":
        return gather(grad / plain(counts.astype(grad._array.dtype), dtype=grad._dtype), at, index)
    if reduce == "prod":
        own = _covered(src, index)
        zeros = own == 0
        nothing = self.new_zeros(self.shape)
        many = gather(scatter_add(nothing, at, index, zeros.to(self._dtype)), at, index)
        whole = gather(grad * result, at, index) / own.masked_fill(zeros, 1)
        # At a lone zero the others' product is what counts; elsewhere beside a zero there is nothing.
        filled = scatter_reduce(self, at, index, own.masked_fill(zeros, 1), "prod", include_self=include_self)
        alone = gather(grad * filled, at, index)
        return where(zeros.logical_and(many == 1), alone, whole.masked_fill(zeros, 0))
    _, theirs, many = _tied(self, at, index, src, result)
    return gather(grad / many.masked_fill(many == 0, 1), at, index) * theirs.to(grad._dtype)


def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    array = input._array
    at = dim_of(dim, array.ndim)
    _flat_index(index, "index_reduce")
    if source._dtype is not input._dtype:
        raise RuntimeError(
            "index_reduce(): self and source expected to have the same dtype, but got (self) "
            f"{input._dtype.short} and (source) {source._dtype.short}"
        )
    if not array.ndim:
        wide_source = source.reshape(())
        return _renamed(scatter_reduce(input, 0, index.reshape(()), wide_source, reduce, include_self=include_self))
    shape = [1] * array.ndim
    shape[at] = -1
    wide = expand(index.reshape(-1).view(shape), source._array.shape)
    return _renamed(scatter_reduce(input, at, wide, source, reduce, include_self=include_self))


def _renamed(made: Tensor) -> Tensor:
    """The node of a scatter by the name of the operator that was asked for."""
    node = None if made._meta is None else made._meta.node
    if node is not None:
        node.__class__ = node_class("IndexReduceBackward0")
    return made
