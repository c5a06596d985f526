"""The walk back through the graph: `backward` and `grad` come down to `run`.

Nodes are taken in the order of a heap, latest first, each when all gradients that reach it have been added up; nothing
recurses, so that the depth of a graph is bounded by memory only. The walk itself is recorded when `create_graph` asks.
"""

from __future__ import annotations

import heapq
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import errors
from .dtypes import bfloat16, dtype
from .graph import Edge, Node, evaluating, everything
from .hooks import HookDict, hook_name
from .modes import grad_mode, mode
from .tensor import Tensor, meta_of, needs_grad, sharing, wrap
from .views import is_dense, view


class _Walk:
    """One call of the engine."""

    def __init__(self, keep: bool, wanted: Sequence[Edge | None] | None, accumulate: bool) -> None:
        self.keep = keep
        self.accumulates = accumulate
        self.pending: dict[Node, int] = {}
        self.buffers: dict[Node, list[Any]] = {}
        self.ready: list[tuple[int, int, Node]] = []
        self.count = 0
        self.captures: dict[Node, list[tuple[int, int]]] = {}
        self.captured: list[Any] = [None] * len(wanted or ())
        self.needed: set[Node] | None = None
        self.wanted = wanted
        self.at_end: list[Any] = []

    def reaches(self, node: Node) -> bool:
        """Whether a node lies in what is walked over; a root that is alone is not counted, as in torch."""
        if self.needed is not None:
            return node in self.needed
        return node in self.pending or (len(self.roots) > 1 and node in self.roots)

    def will_execute(self, node: Node) -> bool:
        """What `register_multi_grad_hook` asks."""
        if not self.reaches(node):
            return False
        if self.needed is not None and node.variable is not None and node in self.captures and not self.accumulates:
            if node in self.roots:
                return False
            raise RuntimeError(errors.LEAF_IN_GRAD)
        return True

    def prepare(self, roots: list[Node]) -> None:
        """Count what each node has to wait for, and find the nodes on the way to what is wanted."""
        pending = self.pending
        self.roots = set(roots)
        seen = set(roots)
        stack = list(seen)
        while stack:
            for edge in stack.pop().edges:
                if edge is not None:
                    node = edge[0]
                    pending[node] = pending.get(node, 0) + 1
                    if node not in seen:
                        seen.add(node)
                        stack.append(node)
        if self.wanted is not None:
            for index, edge in enumerate(self.wanted):
                if edge is not None:
                    self.captures.setdefault(edge[0], []).append((edge[1], index))
            self.needed = _leading_to(set(self.captures), roots)

    def push(self, node: Node) -> None:
        self.count += 1
        heapq.heappush(self.ready, (-node.sequence, self.count, node))

    def add(self, node: Node, nr: int, grad: Any) -> None:
        buffer = self.buffers.get(node)
        if buffer is None:
            buffer = self.buffers[node] = [None] * len(node.outputs)
            buffer[nr] = grad
            return
        if grad is None:
            return
        held = buffer[nr]
        if held is None:
            buffer[nr] = grad
        elif _may_be_added_to(buffer, nr, held, grad):
            held.add_(grad)
        else:
            buffer[nr] = held + grad

    def run(self) -> None:
        pending = self.pending
        while self.ready:
            node = heapq.heappop(self.ready)[2]
            # Nothing of what was evaluated is held on to, so that the end of a way may keep what reaches it.
            results = self.evaluate(node, self.buffers.pop(node))
            position = 0
            for edge in node.edges:
                if edge is not None:
                    after, nr = edge
                    if position < len(results):
                        grad, results[position] = results[position], None
                        self.add(after, nr, grad)
                        grad = None
                    else:
                        self.add(after, nr, None)
                    left = pending[after] = pending[after] - 1
                    if not left:
                        self.push(after)
                position += 1
            del results

    def evaluate(self, node: Node, grads: list[Any]) -> list[Any]:
        """The gradients of the node's inputs; hooks see and may replace what goes in and what comes out."""
        if self.needed is not None and node not in self.needed and node not in self.captures:
            alone = len(self.roots) == 1 and node in self.roots  # then torch goes there without asking
            if not alone:
                return []
        if node.tensor_hooks is not None:
            for nr, hooks in list(node.tensor_hooks.items()):
                grads[nr] = run_tensor_hooks(hooks, grads[nr])
        variable = node.variable
        if variable is not None and variable._meta is not None and variable._meta.hooks:
            grads[0] = run_tensor_hooks(variable._meta.hooks, grads[0])
        if node.retained is not None:
            _retain(node.retained, grads)
        if self.captures and (variable is None or not self.accumulates):
            for nr, index in self.captures.get(node, ()):
                self.captured[index] = grads[nr]
        if self.needed is not None and not self._goes_on(node, self.needed):
            return []
        before, evaluating.node = evaluating.node, node
        try:
            results = self._call(node, grads)
        finally:
            evaluating.node = before
        if not self.keep:
            node.free()
        return results

    def _goes_on(self, node: Node, needed: set[Node]) -> bool:
        """Whether a node is evaluated though only some gradients are wanted."""
        if node.variable is not None:
            return self.accumulates and node in self.captures
        if self.accumulates and node in self.captures:
            return True  # as torch does it, though nothing comes of it
        return any(edge is not None and edge[0] in needed for edge in node.edges)

    def _call(self, node: Node, grads: list[Any]) -> list[Any]:
        if node.pre_hooks:
            for hook in list(node.pre_hooks.values()):
                grads = _replaced(hook, grads, hook(tuple(grads)))
        if node.variable is not None:
            accumulate_into(node.variable, grads)
            return self._post(node, [], grads) if node.post_hooks else []
        results: list[Any]
        if self.needed is None:
            needed = everything
        else:
            edges, on_the_way = node.edges, self.needed

            def needed(position: int) -> bool:
                edge = edges[position]
                return edge is not None and edge[0] in on_the_way

        if grads[0] is not None or node.takes_nothing or any(grad is not None for grad in grads):
            try:
                results = node.apply(grads, needed)
            except Exception:
                if node.trace is not None:
                    _tell_origin(node)
                raise
        else:
            node.check_saved()
            results = [None] * len(node.edges)
        validate(node, results)
        if mode.anomaly and mode.check_nan:
            _check_nan(node, results)
        return self._post(node, results, grads) if node.post_hooks else results

    def _post(self, node: Node, results: list[Any], grads: list[Any]) -> list[Any]:
        assert node.post_hooks is not None
        for hook in list(node.post_hooks.values()):
            results = _replaced(hook, results, hook(tuple(results), tuple(grads)))
        return results


def _may_be_added_to(buffer: list[Any], nr: int, held: Tensor, grad: Tensor) -> bool:
    """Whether a sum may be made in the memory of its first part: nobody else holds that, the tensor or its array.

    The buffer, the two names and the count itself hold the tensor; the tensor, a name and the count hold the array.
    """
    array = held._array
    return (
        not mode.grad and array.base is None and sys.getrefcount(held) <= 4 and sys.getrefcount(array) <= 3
        and held._dtype is grad._dtype and array.shape == grad._array.shape and is_dense(array)
    )  # fmt: skip


class _Running(threading.local):
    """The walks of this thread, the innermost last: hooks and backwards may start others."""

    walks: tuple[_Walk, ...] = ()


_running = _Running()


def current_walk() -> Any:
    return _running.walks[-1]


def _leading_to(targets: set[Node], roots: list[Node]) -> set[Node]:
    """The nodes on some way from a root to a target, targets among them."""
    needed: set[Node] = set()
    done: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False) for root in roots]
    while stack:
        node, left = stack.pop()
        if left:
            if node in targets or any(edge is not None and edge[0] in needed for edge in node.edges):
                needed.add(node)
        elif node not in done:
            done.add(node)
            stack.append((node, True))
            stack.extend((edge[0], False) for edge in node.edges if edge is not None and edge[0] not in done)
    return needed


def run_tensor_hooks(hooks: HookDict, grad: Any) -> Any:
    for hook in list(hooks.values()):
        result = hook(grad)
        if result is None:
            continue
        if grad is None:
            raise RuntimeError("can't replace a None gradient with a non-None value")
        if not isinstance(result, Tensor):
            raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
        _check_hook(hook, grad, result)
        grad = result
    return grad


def _replaced(hook: Any, before: list[Any], after: Any) -> list[Any]:
    """What a hook of a node makes of the gradients that go in or come out."""
    if after is None:
        return before
    if not isinstance(after, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(after).__name__}'")
    if len(after) != len(before):
        raise RuntimeError(
            f"hook '{hook_name(hook)}' has returned an incorrect number of values (got {len(after)}, but expected "
            f"{len(before)})"
        )
    for old, new in zip(before, after, strict=True):
        if old is not None and new is not None:
            _check_hook(hook, old, new)
    return list(after)


def _check_hook(hook: Any, before: Tensor, after: Tensor) -> None:
    if before._dtype is not after._dtype:
        raise RuntimeError(
            f"hook '{hook_name(hook)}' has changed the type of value (was torch.{before._dtype.short}Tensor got "
            f"torch.{after._dtype.short}Tensor)"
        )
    if before._array.shape != after._array.shape:
        raise RuntimeError(f"hook '{hook_name(hook)}' has changed the size of value")


def _retain(retained: dict[int, Any], grads: list[Any]) -> None:
    for nr, reference in retained.items():
        tensor, grad = reference(), grads[nr]
        if tensor is None or grad is None:
            continue
        held = meta_of(tensor)
        held.grad = grad.clone() if held.grad is None else held.grad + grad


def validate(node: Node, results: list[Any]) -> None:
    """Bring each gradient to the shape and dtype of what it belongs to; raise where that cannot be."""
    edges = node.edges
    for position, grad in enumerate(results):
        edge = edges[position] if grad is not None and position < len(edges) else None
        if edge is None:
            continue
        shape, kind = edge[0].outputs[edge[1]]
        if grad._array.shape != shape:
            if not _expands(shape, grad._array.shape):
                raise RuntimeError(
                    f"Function {node.name()} returned an invalid gradient at index {position} - got "
                    f"{list(grad._array.shape)} but expected shape compatible with {list(shape)}"
                )
            results[position] = grad = _summed(grad, shape)
        if grad._dtype is not kind:
            results[position] = fit_dtype(grad, kind)


def _summed(grad: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`grad.sum_to_size(shape)`, in short where only its values matter and a row is left."""
    array = grad._array
    if mode.grad or mode.forward is not None or array.dtype.kind != "f" or array.dtype.itemsize < 4:
        return grad.sum_to_size(shape)
    lead = array.ndim - len(shape)
    if not lead or array.shape[lead:] != shape or grad._dtype is bfloat16:
        return grad.sum_to_size(shape)
    whole = wrap(np.add.reduce(array, tuple(range(lead)), keepdims=True), grad._dtype)
    return view("ViewBackward0", whole, whole._array.reshape(shape), None)


def fit_dtype(grad: Tensor, kind: dtype) -> Tensor:
    if grad._dtype.is_complex and not kind.is_complex:
        grad = grad.real
    return grad.to(kind)


def _expands(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether a tensor of `shape` can be broadcast to the other shape."""
    if len(shape) > len(to):
        return False
    return all(a == b or a == 1 for a, b in zip(reversed(shape), reversed(to), strict=False))


def accumulate_into(variable: Tensor, grads: list[Any]) -> None:
    """Add a gradient to that of a leaf, in place where the walk is not recorded."""
    grad = grads[0]
    if grad is None or not needs_grad(variable):
        return
    meta = meta_of(variable)
    held = meta.grad
    if held is None:
        # What nobody else holds (the list, the name and the count itself do) is kept without a copy.
        alone = not mode.grad and sys.getrefcount(grad) <= 3
        meta.grad = sharing(grad) if alone and _laid_out_like(grad, variable) else _copied(grad, variable)
    elif mode.grad:
        meta.grad = held + grad
    else:
        held.add_(grad)
    if meta.post_hooks:
        for hook in list(meta.post_hooks.values()):
            if hook(variable) is not None:
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def _laid_out_like(grad: Tensor, variable: Tensor) -> bool:
    a, b = grad._array, variable._array
    if a.strides == b.strides and b.flags.c_contiguous:
        return True
    if is_dense(b):
        return all(x == y or size == 1 for x, y, size in zip(a.strides, b.strides, a.shape, strict=True))
    return a.flags.c_contiguous


def _copied(grad: Tensor, variable: Tensor) -> Tensor:
    """A copy in the layout of the leaf, which counts as a write to it, or in the usual layout."""
    like = variable._array
    if not is_dense(like):
        return wrap(grad._array.copy("C"), grad._dtype)
    return wrap(np.empty_like(like, grad._array.dtype), grad._dtype).copy_(grad)


def _tell_origin(node: Node) -> None:
    assert node.trace is not None
    warnings.warn(
        f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n{''.join(node.trace)}",
        UserWarning,
        stacklevel=2,
    )
    parent = node.parent
    while parent is not None and parent.trace is not None:
        warnings.warn(
            f"\n\nPrevious calculation was induced by {parent.name()}. Traceback of forward call that induced the "
            f"previous calculation:\n{''.join(parent.trace)}",
            UserWarning,
            stacklevel=2,
        )
        parent = parent.parent


def _check_nan(node: Node, results: Sequence[Any]) -> None:
    for position, result in enumerate(results):
        if result is not None and bool((result._array != result._array).any()):
            if node.trace is not None:
                _tell_origin(node)
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {position}th output.")


def run(
    roots: Sequence[Edge], grads: Sequence[Any], *, keep: bool, create: bool,
    wanted: Sequence[Edge | None] | None = None, accumulate: bool = False,
) -> list[Any]:  # fmt: skip
    """Walk back from the roots, and add the gradients to the leaves.

    With `wanted` the gradients at these places are returned, and only those leaves among them get theirs, if at all,
    that `accumulate` asks for.
    """
    walk = _Walk(keep, wanted, accumulate)
    walk.prepare([node for node, _ in roots])
    _running.walks = (*_running.walks, walk)
    try:
        with grad_mode(create):
            starts = [
                grad if grad is None or grad._dtype is node.outputs[nr][1] else fit_dtype(grad, node.outputs[nr][1])
                for (node, nr), grad in zip(roots, grads, strict=True)
            ]
            for (node, nr), start in zip(roots, starts, strict=True):
                walk.add(node, nr, start)
            for node in dict.fromkeys(node for node, _ in roots):
                if not walk.pending.get(node):
                    walk.push(node)
            walk.run()
    finally:
        _running.walks = _running.walks[:-1]
        for each in walk.at_end:
            each()
    return walk.captured
