"""The graph: nodes, and how a node is put behind tensors.

A node turns the gradients of its outputs into those of its inputs. Each *way* back that `attach` is given is
`(input, function, *saved)`: the function takes the gradient and then, by name, what was saved. It is written with
the engine's own operators, so that a backward can be recorded as well.
"""

from __future__ import annotations

import itertools
import traceback
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from . import errors
from .dtypes import dtype
from .hooks import HookDict, add_hook
from .modes import mode
from .saved import Output, cleared, save, unpacked
from .tensor import _ACCUMULATE, Meta, Tensor, edge_of, needs_grad, node_of

Edge = tuple["Node", int]
Needed = Callable[[int], bool]
_new = object.__new__
# Nodes that are no operator's: torch calls them by their full name in C++.
_OF_THE_ENGINE = frozenset({"AccumulateGrad", "CopyBackwards", "CopySlices"})
_sequence = itertools.count()
_names: dict[int, tuple[tuple[str, ...], Any]] = {}


def everything(position: int) -> bool:
    """What is needed where the gradients of all inputs are."""
    return True


class Node:
    """One recorded operation. The class attributes are what most nodes leave as it is."""

    edges: Sequence[Edge | None] = ()
    outputs: Sequence[tuple[tuple[int, ...], dtype]] = ()  # shape and dtype of each output
    ways: Sequence[tuple[Any, Callable[..., Any], tuple[str, ...]]] = ()
    saved: dict[str, Any] | None = None
    freed = False
    takes_nothing = False  # whether it is evaluated even if no gradient reaches it
    sequence = 0
    tensor_hooks: dict[int, HookDict] | None = None  # by output: hooks of the tensor that it is
    retained: dict[int, Any] | None = None  # by output: weak references to tensors that retain their gradient
    pre_hooks: HookDict | None = None
    post_hooks: HookDict | None = None
    variable: Tensor | None = None  # of an accumulator: the leaf
    trace: list[str] | None = None
    parent: Node | None = None
    _metadata: dict[Any, Any] | None = None

    def name(self) -> str:
        name = type(self).__name__
        return f"torch::autograd::{name}" if name in _OF_THE_ENGINE else name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"

    def __call__(self, *grads: Any) -> Any:
        if len(grads) != len(self.outputs):
            raise TypeError(f"expected {len(self.outputs)} arguments, got {len(grads)} instead")
        results = self.apply(list(grads), everything)
        return results[0] if len(results) == 1 else tuple(results)

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple(_shown(edge) for edge in self.edges)

    @property
    def metadata(self) -> dict[Any, Any]:
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    @property
    def requires_grad(self) -> bool:
        return True

    @property
    def _input_metadata(self) -> list[InputMetadata]:
        return [InputMetadata(shape, kind) for shape, kind in self.outputs]

    def _sequence_nr(self) -> int:
        return self.sequence

    def _set_sequence_nr(self, nr: int) -> None:
        self.sequence = nr

    def register_hook(self, hook: Callable[..., Any]) -> Any:
        if self.post_hooks is None:
            self.post_hooks = HookDict()
        return add_hook(self.post_hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> Any:
        if self.pre_hooks is None:
            self.pre_hooks = HookDict()
        return add_hook(self.pre_hooks, hook)

    def __getattr__(self, name: str) -> Any:
        kept = self.saved or {}
        if name.startswith("_saved_") and (self.freed or name[7:] in kept):
            if self.freed:
                raise RuntimeError(errors.FREED)
            return unpacked(kept[name[7:]], self)
        if name.startswith("_raw_saved_") and name[11:] in kept:
            return kept[name[11:]]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def apply(self, grads: list[Any], needed: Needed) -> list[Any]:
        """The gradients of the inputs from those of the outputs, at least one of which is there."""
        if self.freed:
            raise RuntimeError(errors.FREED)
        grad = grads[0] if len(self.outputs) == 1 else grads
        results: list[Any] = [None] * len(self.edges)
        values = {}
        saved = self.saved
        if saved is not None:
            # In the order of their names, as torch does: hooks and errors tell.
            for name in sorted(saved) if len(saved) > 1 else saved:
                values[name] = unpacked(saved[name], self)
        for position, function, names in self.ways:
            if type(position) is int:
                if needed is everything or needed(position):
                    results[position] = function(grad, *[values[name] for name in names])
                continue
            wanted = tuple([at is not None and needed(at) for at in position])
            if True in wanted:
                made = function(grad, wanted, *[values[name] for name in names])
                for at, result in zip(position, made, strict=True):
                    if at is not None:
                        results[at] = result
        return results

    def check_saved(self) -> None:
        """What is saved is looked at even where no gradient comes."""
        if self.freed:
            raise RuntimeError(errors.FREED)
        for name in sorted(self.saved or ()):
            unpacked(self.saved[name], self)  # type: ignore[index]

    def free(self) -> None:
        """Drop what was saved, as a walk does that does not keep the graph."""
        if self.saved is not None and not self.freed:
            self.freed = True
            for value in self.saved.values():
                cleared(value)


class Boundary(Node):
    """Between the graph outside a `torch.func` transform and that inside. It is not to be seen."""

    source: Tensor

    def name(self) -> str:
        node = node_of(self.source)
        return "AliasBackward0" if node is None else node.name()


def _shown(edge: Edge | None) -> tuple[Node | None, int]:
    while edge is not None and isinstance(edge[0], Boundary):
        edge = edge[0].edges[0]
    return (None, 0) if edge is None else edge


class InputMetadata:
    """An item of `grad_fn._input_metadata`: the shape and dtype of an output of the node."""

    def __init__(self, shape: tuple[int, ...], kind: dtype) -> None:
        self.shape = shape
        self.dtype = kind
        self.is_nested_tensor = False


class Accumulate(Node):
    """`AccumulateGrad`: the end of every way, which adds to `.grad` of a leaf. It runs as soon as it can."""

    sequence = 2**63 - 1

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.outputs = ((variable._array.shape, variable._dtype),)


Accumulate.__name__ = Accumulate.__qualname__ = "AccumulateGrad"
Accumulate.__module__ = "builtins"
_ACCUMULATE.append(Accumulate)


class NotImplementedNode(Node):
    """The node of what has no derivative: it is evaluated, and so raises, before any other."""

    sequence = property(lambda self: Accumulate.sequence, lambda self, nr: None)
    refusal: Any = None  # what raises where no way leads back

    def apply(self, grads: list[Any], needed: Needed) -> list[Any]:
        refusal = self.refusal or next((function for _, function, names in self.ways if not names), None)
        if refusal is not None:
            refusal(grads[0])
        return super().apply(grads, needed)


NotImplementedNode.__name__ = NotImplementedNode.__qualname__ = "NotImplemented"
NotImplementedNode.__module__ = "builtins"

_node_classes: dict[str, type[Node]] = {"NotImplemented": NotImplementedNode}


def node_class(name: str) -> type[Node]:
    """The class of the nodes of that name: torch too has one for each."""
    found = _node_classes.get(name)
    if found is None:
        found = _node_classes[name] = type(name, (Node,), {"__module__": "builtins"})
    return found


def names_of(function: Any) -> tuple[str, ...]:
    """What a way back takes after the gradient: the names of its parameters."""
    code = function.__code__
    found = _names.get(id(code))
    if found is None:
        # The code is kept with the names, so that its place in memory stays its own.
        found = _names[id(code)] = (code.co_varnames[1 : code.co_argcount], code)
    return found[0]


def next_sequence() -> int:
    return next(_sequence)


def attach(name: str, outputs: Sequence[Tensor], ways: Sequence[Any], shared: Sequence[bool] | None = None) -> Node:
    """Put a node behind `outputs`. An input that requires no grad gets no way back, and nothing is saved for it.

    The input of a way is a tensor, or None for a number in a tensor's place, or ABSENT, or a tuple of these: then its function
    gets, after the gradient, which of them are needed, and returns as many. `shared` says which outputs are differentiable.
    """
    node: Node = _new(_node_classes.get(name) or node_class(name))
    node.sequence = next(_sequence)
    edges: list[Edge | None] = []
    taken: list[Any] = []
    values: dict[str, Any] = {}
    for way in ways:
        source = way[0]
        if source is None:
            edges.append(None)
            continue
        function = way[1]
        if type(source) is tuple:
            if not source:
                edges.append(None)
                continue
            position: Any = []
            for each in source:
                wanted = each is not None and needs_grad(each)
                position.append(len(edges) if wanted else None)
                edges.append(edge_of(each) if wanted else None)
            if not any(at is not None for at in position):
                continue
            names = names_of(function)[1:]
        else:
            # A view made with grad off may require grad and lead nowhere: then nothing is saved for it either.
            position, edge, names = len(edges), edge_of(source), names_of(function)
            edges.append(edge)
            if edge is None:
                if isinstance(node, NotImplementedNode) and needs_grad(source):
                    node.refusal = function
                for key, value in zip(names, way[2:], strict=True):
                    if isinstance(value, Output) or (needs_grad(source) and _shared(key, ways)):
                        values.setdefault(key, value)
                continue
        at = 2
        for key in names:
            if key not in values:
                values[key] = way[at]
            at += 1
        taken.append((position, function, names))
    node.edges = edges
    node.ways = taken
    put_behind(node, outputs if shared is None else [out for out, each in zip(outputs, shared, strict=True) if each])
    if values:
        node.saved = {key: save(value, outputs) for key, value in values.items()}
    return node


def _shared(name: str, ways: Sequence[Any]) -> bool:
    """Whether more than one way takes it: torch saves such, and results, whoever needs them."""
    return sum(len(way) > 1 and name in names_of(way[1]) for way in ways) > 1


def dead_end(name: str, tensor: Tensor) -> Node:
    """A node that leads nowhere: that of a view whose base has come to need no gradient."""
    node: Node = _new(node_class(name))
    node.sequence = next(_sequence)
    node.edges = (None,)
    node.outputs = [(tensor._array.shape, tensor._dtype)]
    return node


def put_behind(node: Node, outputs: Sequence[Tensor]) -> None:
    """Make `node` the grad_fn of the outputs."""
    described = node.outputs = []
    for tensor in outputs:
        meta = tensor._meta
        if meta is None:
            meta = tensor._meta = Meta()
        meta.node = node
        if described:  # the number is zero otherwise, unless it was another
            meta.nr = len(described)
        elif meta.nr:
            meta.nr = 0
        described.append((tensor._array.shape, tensor._dtype))
    if mode.anomaly:
        node.trace = traceback.format_stack()[:-3]
        node.parent = evaluating.node


class _Evaluating:
    """The node that is being evaluated, so that anomaly mode can tell which backward recorded a node."""

    node: Node | None = None


evaluating = _Evaluating()


def tensor_hooks(tensor: Tensor) -> HookDict:
    """The hooks of a tensor that requires grad: a leaf has its own, others have them at their node."""
    meta = tensor._meta
    assert meta is not None
    if meta.node is None and meta.hooks is not None:
        known: HookDict = meta.hooks
        return known
    if meta.node is not None and meta.node.tensor_hooks is not None and meta.nr in meta.node.tensor_hooks:
        return meta.node.tensor_hooks[meta.nr]
    before = meta.hooks
    if before is None:
        meta.hooks = HookDict()  # which stays where the node of a view may not be made anew
    hooks: HookDict = meta.hooks
    node = node_of(tensor)
    if node is None:
        return hooks
    meta.hooks = before
    if node.tensor_hooks is None:
        node.tensor_hooks = {}
    return node.tensor_hooks.setdefault(meta.nr, HookDict())


def retain(tensor: Tensor) -> None:
    """`retain_grad`: put the gradient of a non-leaf into its `.grad` as well."""
    meta = tensor._meta
    assert meta is not None and meta.node is not None
    if meta.node.retained is None:
        meta.node.retained = {}
    meta.node.retained[meta.nr] = weakref.ref(tensor)
    meta.retains = True
