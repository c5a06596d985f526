"""What a `torch.func` transform does to its arguments and results.

Each argument to differentiate becomes a fresh tensor that requires grad, still tied to the graph outside where there is
one. What comes out keeps the graph only as far as it leads outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..dtypes import FLOATING
from ..graph import Boundary, attach
from ..modes import mode
from ..saved import keep_tangent
from ..tensor import Tensor, Version, _new, edge_of, meta_of, needs_grad, sharing


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """Apply a function to every tensor in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[map_tensors(function, each) for each in value])
    if isinstance(value, list | tuple):
        return type(value)([map_tensors(function, each) for each in value])
    if isinstance(value, dict):
        return type(value)((key, map_tensors(function, each)) for key, each in value.items())
    return value


def tensors_in(value: Any) -> list[Tensor]:
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(note, value)
    return found


@contextmanager
def level() -> Iterator[bool]:
    """A transform records whatever the mode outside is; says whether that mode records as well."""
    if mode.saved_hooks:
        raise RuntimeError(
            "torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. Please open an issue with your "
            "use case."
        )
    before = (mode.grad, mode.inference)
    mode.grad, mode.inference = True, False
    try:
        yield before[0] and not before[1]
    finally:
        mode.grad, mode.inference = before


def tracked(tensor: Tensor, outside: bool) -> Tensor:
    """The tensor as the function to differentiate sees it."""
    if tensor._dtype.category < FLOATING:
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    if outside and needs_grad(tensor):
        made = sharing(tensor)
        made._counter = made._counter or Version()  # what a transform sees is no inference tensor
        node = attach("AliasBackward0", (made,), ((tensor, lambda grad: grad),))
        node.__class__, node.source = Boundary, tensor  # type: ignore[attr-defined]
        return made
    made = _new(Tensor)
    made._array, made._dtype, made._counter, made._meta = tensor._array, tensor._dtype, Version(), None
    meta_of(made).flag = True
    keep_tangent(tensor, made)
    return made


def leaving(tensor: Tensor, inputs: list[Tensor], outside: bool) -> Tensor:
    """A result as it is outside the transform: without a graph that only leads to the transform's own inputs."""
    if needs_grad(tensor) and (not outside or not _leads_outside(tensor, inputs)):
        made = tensor.detach()
        keep_tangent(tensor, made)
        return made
    return tensor


def _leads_outside(tensor: Tensor, inputs: list[Tensor]) -> bool:
    own = {id(each) for each in inputs if meta_of(each).flag}
    edge = edge_of(tensor)
    stack, seen = [edge[0]] if edge is not None else [], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Boundary) or (node.variable is not None and id(node.variable) not in own):
            return True
        stack.extend(each[0] for each in node.edges if each is not None)
    return False
