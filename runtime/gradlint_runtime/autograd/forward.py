"""Forward-mode differentiation: tensors that carry a tangent, one level deep.

The tangent of a result follows from the ways back of its operator. Each way is linear in the gradient, so that its
transpose, which is what the tangent needs, is the gradient of the way itself. Grad mode plays no part in this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .. import errors
from ..backward import fit_dtype, run
from ..graph import names_of
from ..modes import mode
from ..saved import Output
from ..tensor import Tensor, Version, _new, edge_of, meta_of, needs_grad, sharing, wrap


class UnpackedDualTensor(NamedTuple):
    primal: Tensor
    tangent: Tensor | None


class Duals:
    """The tangents of one level, by tensor. The tensors are kept, so that no number is used twice."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[Tensor, Tensor]] = {}

    def of(self, tensor: Any) -> Tensor | None:
        found = self.held.get(id(tensor))
        return None if found is None else found[1]

    def put(self, tensor: Tensor, tangent: Tensor) -> None:
        self.held[id(tensor)] = (tensor, tangent)

    def result(self, outputs: Sequence[Tensor], ways: Sequence[Any]) -> None:
        """Give the outputs of an operator their tangents."""
        for way in ways:
            sources = way[0] if type(way[0]) is tuple else (way[0],)
            if any(source is not None and id(source) in self.held for source in sources):
                break
        else:
            return
        if mode.forward_busy:
            return
        mode.forward_busy = True
        before = (mode.grad, mode.inference)
        # Tangents have a graph of their own where the values have one.
        recorded = before[0] and not before[1] and any(needs_grad(output) for output in outputs)
        mode.grad, mode.inference = True, False
        try:
            for output, tangent in zip(outputs, self._tangents(outputs, ways, recorded), strict=True):
                if tangent is not None:
                    self.put(output, tangent)
        finally:
            mode.grad, mode.inference = before
            mode.forward_busy = False

    def _tangents(self, outputs: Sequence[Tensor], ways: Sequence[Any], recorded: bool) -> list[Any]:
        starts = [_leaf(np.zeros(each._array.shape, each._array.dtype), each) for each in outputs]
        grad: Any = starts[0] if len(starts) == 1 else starts
        ends: list[Tensor] = []
        tangents: list[Tensor] = []
        for way in ways:
            joint = type(way[0]) is tuple
            sources = way[0] if joint else (way[0],)
            found = [None if source is None else self.of(source) for source in sources]
            if all(each is None for each in found):
                continue
            values = [outputs[each.nr] if isinstance(each, Output) else each for each in way[2:]]
            values = values if recorded else [_plain(each) for each in values]
            names = names_of(way[1])
            assert len(names) == len(values) + joint
            made = way[1](grad, tuple(each is not None for each in found), *values) if joint else (
                way[1](grad, *values),
            )  # fmt: skip
            for source, tangent, result in zip(sources, found, made, strict=True):
                if tangent is not None and result is not None:
                    ends.append(_fitted(result, source))
                    tangents.append(tangent)
        live = [(end, tangent) for end, tangent in zip(ends, tangents, strict=True) if needs_grad(end)]
        if not live:
            return [None] * len(outputs)
        wanted = [edge_of(each) for each in starts]
        roots = [edge_of(end) for end, _ in live]
        return run(roots, [tangent for _, tangent in live], keep=recorded, create=recorded, wanted=wanted)  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return sharing(value) if value._counter is not None else wrap(value._array, value._dtype)
    return tuple(_plain(each) for each in value) if isinstance(value, tuple) else value


def _leaf(array: np.ndarray, like: Tensor) -> Tensor:
    made = _new(Tensor)
    made._array, made._dtype, made._counter, made._meta = array, like._dtype, Version(), None
    if like._dtype.category >= 2:
        meta_of(made).flag = True
    return made


def _fitted(result: Tensor, source: Tensor) -> Tensor:
    if result._array.shape != source._array.shape:
        result = result.sum_to_size(source._array.shape)
    return result if result._dtype is source._dtype else fit_dtype(result, source._dtype)


@contextmanager
def dual_level() -> Iterator[Duals]:
    """`torch.autograd.forward_ad.dual_level`"""
    if mode.forward is not None:
        raise errors.unsupported("nested levels of forward-mode differentiation")
    mode.forward = Duals()
    try:
        yield mode.forward
    finally:
        mode.forward = None


def make_dual(tensor: Tensor, tangent: Tensor, *, level: Any = None) -> Tensor:
    if mode.forward is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    if tensor._dtype.category < 2:
        raise ValueError(f"Expected primal to be floating point or complex, but got: {tensor._dtype}")
    if tangent._array.shape != tensor._array.shape:
        raise RuntimeError("Expected tangent to have the same shape as the primal")
    from ..ops.shape import alias

    made = alias(tensor)
    mode.forward.put(made, tangent)
    return made


def unpack_dual(tensor: Tensor, *, level: Any = None) -> UnpackedDualTensor:
    if mode.forward is None:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(sharing(tensor), mode.forward.of(tensor))
