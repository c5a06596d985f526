"""What a node keeps for the way back: tensors with the version they must still have, or what a pack hook made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import errors
from .modes import mode
from .tensor import Meta, Tensor, edge_of, needs_grad, node_of

_new = object.__new__


class Output:
    """Stands among the values to save for an output of the very operator, which is not there yet."""

    def __init__(self, nr: int) -> None:
        self.nr = nr


OUT, OUT1, OUT2, OUT3, OUT4 = (Output(nr) for nr in range(5))


class SavedTensor:
    """A saved input: the tensor itself, and the version it must still have."""

    __slots__ = ("tensor", "version", "packed", "unpack_hook", "edge", "wanted", "leaf")

    def __init__(self, tensor: Tensor) -> None:
        if tensor._counter is None:
            raise RuntimeError(errors.INFERENCE_SAVED)
        self.tensor: Tensor | None = tensor
        self.version = tensor._counter.n
        self.leaf = tensor._meta is None or tensor._meta.node is None
        self.unpack_hook: Any = None
        if mode.saved_hooks:
            self.register_hooks(*mode.saved_hooks[-1])

    def register_hooks(self, pack: Callable[..., Any], unpack: Callable[..., Any]) -> None:
        if self.unpack_hook is not None:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of "
                "hooks is allowed at a time."
            )
        tensor = self.tensor
        if tensor is None:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
                "to backward through the graph a second time or if you need to access saved variables after calling "
                "backward."
            )
        assert tensor._counter is not None
        before = tensor._counter.n
        self.packed = pack(tensor)
        if tensor._counter.n != before:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
                "cannot be modified by in-place operations as this can lead to unexpected side-effects. Please open an "
                "issue if you need to perform in-place operations on the input to a pack hook."
            )
        self.unpack_hook = unpack
        self.edge, self.wanted = edge_of(tensor), needs_grad(tensor)
        self.tensor = None

    def clear(self) -> None:
        self.tensor = None
        self.packed = None

    def unpack(self, node: Any) -> Tensor:
        if self.unpack_hook is not None:
            return with_edge(self._from_hook(), self.edge, self.wanted) if self.wanted else self._from_hook()
        tensor = self.tensor
        assert tensor is not None and tensor._counter is not None
        if not self.leaf and (tensor._meta is None or tensor._meta.node is None):
            raise RuntimeError(errors.SAVED_DETACHED)
        if tensor._counter.n != self.version:
            meta, node = tensor._meta, node_of(tensor)
            name = None if meta is None or node is None else node.name()
            raise errors.modified(
                tensor._dtype,
                tensor._array.shape,
                name,
                0 if meta is None else meta.nr,
                tensor._counter.n,
                self.version,
            )
        return tensor

    def _from_hook(self) -> Tensor:
        result = self.unpack_hook(self.packed)
        if not isinstance(result, Tensor):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(result)}"
            )
        return result


SavedTensor.__module__ = "torch._C._autograd"


class SavedOutput(SavedTensor):
    """A saved output. It is kept without its history, which is the node that saves it, and gets it back from there."""

    __slots__ = ("nr", "view_node")

    def __init__(self, tensor: Tensor, nr: int) -> None:
        self.nr = nr
        self.view_node: Any = None  # weak reference to the node behind a result that is a view
        super().__init__(tensor)
        if self.tensor is not None:
            bare = self.tensor = _new(Tensor)
            bare._array, bare._dtype, bare._counter, bare._meta = tensor._array, tensor._dtype, tensor._counter, None
            keep_tangent(tensor, bare)

    def unpack(self, node: Any) -> Tensor:
        if self.unpack_hook is not None:
            return with_edge(self._from_hook(), (node, self.nr), True)
        tensor = self.tensor
        assert tensor is not None and tensor._counter is not None
        node = (None if self.view_node is None else self.view_node()) or node
        if tensor._counter.n != self.version:
            raise errors.modified(
                tensor._dtype, tensor._array.shape, node.name(), self.nr, tensor._counter.n, self.version
            )
        return with_edge(tensor, (node, self.nr), True)


SavedOutput.__module__ = "torch._C._autograd"
SavedOutput.__name__ = SavedOutput.__qualname__ = "SavedTensor"


def keep_tangent(tensor: Tensor, again: Tensor) -> None:
    """Let another object for the same values have the same tangent."""
    if mode.forward is not None:
        tangent = mode.forward.of(tensor)
        if tangent is not None:
            mode.forward.put(again, tangent)


def with_edge(tensor: Tensor, edge: Any, wanted: bool) -> Tensor:
    """The same values behind another edge of the graph."""
    again = _new(Tensor)
    again._array, again._dtype = tensor._array, tensor._dtype
    again._counter, again._meta = tensor._counter, Meta()
    keep_tangent(tensor, again)
    if edge is not None and edge[0].variable is not None:
        again._meta.flag = wanted
        again._meta.accumulator = lambda: edge[0]
    elif edge is not None:
        again._meta.node, again._meta.nr = edge
    return again


def save(value: Any, outputs: Sequence[Tensor]) -> Any:
    """A value as a node keeps it: tensors guarded, everything else as it is."""
    if isinstance(value, Tensor):
        return SavedTensor(value)
    if isinstance(value, Output):
        return SavedOutput(outputs[value.nr], value.nr)
    if isinstance(value, tuple):
        return tuple([save(each, outputs) for each in value])
    return value


def unpacked(value: Any, node: Any) -> Any:
    """What was saved, checked."""
    if isinstance(value, SavedTensor):
        return value.unpack(node)
    if type(value) is tuple:
        return tuple([unpacked(each, node) for each in value])
    return value


def cleared(value: Any) -> None:
    if isinstance(value, SavedTensor):
        value.clear()
    elif type(value) is tuple:
        for each in value:
            cleared(each)
