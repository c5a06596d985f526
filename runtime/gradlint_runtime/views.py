"""Views: tensors that share the storage of a base, and what happens to their history when it is written.

`view` makes one. A view of a view has the same base as the first. When the storage is written with recording on, the
base gets a `CopySlices` node (see `inplace`), and each view makes its own node anew when it is next asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import errors, graph
from .dtypes import dtype
from .modes import grad_mode, mode
from .tensor import Meta, Tensor, meta_of, needs_grad, node_of, sharing

Replay = Callable[[Tensor], Tensor]

# How a view came to be: in recording mode, without, or in a way that forbids writing to it while recording.
DEFAULT, NO_GRAD, INFERENCE, MULTIPLE, FUNCTION = "", "no_grad", "inference", "multiple", "function"


class View:
    """What a view knows: its base, how it was made, and the version of the storage that its node speaks of."""

    __slots__ = ("base", "creation", "version", "replay")

    def __init__(self, base: Tensor, creation: str, version: int, replay: Replay | None) -> None:
        self.base = base
        self.creation = creation
        self.version = version
        # Makes the view from its base again; None where the geometry of the arrays says it all.
        self.replay = replay

    def reshaped(self, before: np.ndarray, tensor: Tensor) -> None:
        """Take note that the view got another geometry: what remakes it has to take that step too."""
        if self.replay is not None:
            first, after = self.replay, tensor._array
            self.replay = lambda root: strided_like(first(root), after, before)

    def refresh(self, tensor: Tensor, version: int) -> None:
        """Give a view a node that leads to what its base has become."""
        meta = meta_of(tensor)
        if meta.node is None and not needs_grad(self.base):
            return
        check_creation(tensor, indirect=True)
        with grad_mode(True):
            again = replayed(tensor, self.base)
        if meta.retains and meta.node is not None and meta.node.retained is not None:
            meta.node.retained.pop(meta.nr, None)
        meta.node, meta.nr = node_of(again) or graph.dead_end("AsStridedBackward0", tensor), 0
        if meta.retains:
            graph.retain(tensor)
        self.version = version


def replayed(tensor: Tensor, base: Tensor) -> Tensor:
    """The view `tensor` made from a tensor that is laid out like its base."""
    assert tensor._meta is not None and tensor._meta.view is not None
    view = tensor._meta.view
    if view.replay is not None:
        return view.replay(base)
    return strided_like(base, tensor._array, view.base._array)


def strided_like(source: Tensor, array: np.ndarray, within: np.ndarray) -> Tensor:
    """`as_strided` on `source` with the geometry that `array` has within another array."""
    from .ops.strided import as_strided  # the one operator that views are remade with

    step = array.dtype.itemsize
    offset = storage_offset(array)
    if storage_of(array) is storage_of(within):  # `.data` may have given it other memory since
        offset += storage_offset(source._array) - storage_offset(within)
    return as_strided(source, array.shape, tuple(stride // step for stride in array.strides), offset)


def laid_out_like(value: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The values in the memory layout of another array of their shape, where that one has no gaps."""
    if like.flags.c_contiguous or value.ndim < 2 or not is_dense(like):
        return value
    made = np.empty_like(like, value.dtype)
    made[...] = value
    return made


def address(array: np.ndarray) -> int:
    place: int = array.__array_interface__["data"][0]
    return place


def is_dense(array: np.ndarray) -> bool:
    """Whether each place of a block of memory is one element, in some order of the dimensions."""
    if array.flags.c_contiguous:
        return True
    expected = array.dtype.itemsize
    for stride, size in sorted(
        (stride, size) for stride, size in zip(array.strides, array.shape, strict=True) if size != 1
    ):
        if stride != expected:
            return not array.size
        expected *= size
    return True


def densely(array: np.ndarray) -> np.ndarray:
    """The values without gaps, in the order of dimensions that torch finds in strides: one of zero says nothing."""
    if array.ndim < 2 or is_dense(array):
        return array
    order = list(range(array.ndim))[::-1]  # the fastest dimension first
    for at in range(1, array.ndim):
        for before in range(at - 1, -1, -1):
            here, there = order[before], order[at]
            fast, slow = array.strides[here], array.strides[there]
            if not fast or not slow or (fast == slow and array.shape[here] <= array.shape[there]):
                continue
            if fast < slow:
                break
            order[before], order[at], at = there, here, before
    order.reverse()
    return np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))


def storage_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory."""
    while True:
        # A view made by `ops.strided` hangs on an object that names the array it was made from.
        base = getattr(array.base, "owner", array.base)
        if not isinstance(base, np.ndarray):
            return array
        array = base


def storage_offset(array: np.ndarray) -> int:
    return (address(array) - address(storage_of(array))) // array.dtype.itemsize


def view(
    name: str,
    source: Tensor,
    array: np.ndarray,
    backward: Callable[..., Any] | None,
    *,
    kind: dtype | None = None,
    replay: Replay | None = None,
) -> Tensor:
    """A view of `source` over `array`. `replay` is needed where the dtype differs from that of the source."""
    tensor = sharing(source, array, kind)
    if source._counter is not None:
        _as_view(tensor, source, DEFAULT, replay)
        if mode.grad and not mode.inference and backward is not None and needs_grad(source):
            graph.attach(name, (tensor,), ((source, backward),))
    if mode.forward is not None:
        mode.forward.result((tensor,), ((source, backward),))
    return tensor


def views(name: str, source: Tensor, arrays: list[np.ndarray], backward: Callable[..., Any]) -> tuple[Tensor, ...]:
    """Several views that one node makes: none of them may be written while recording."""
    tensors = tuple(sharing(source, array) for array in arrays)
    if source._counter is not None:
        for tensor in tensors:
            _as_view(tensor, source, MULTIPLE, None)
        if tensors and mode.grad and not mode.inference and needs_grad(source):
            graph.attach(name, tensors, ((source, backward),))
    if mode.forward is not None and tensors:
        mode.forward.result(tensors, ((source, backward),))
    return tensors


def _as_view(tensor: Tensor, source: Tensor, creation: str, replay: Replay | None) -> None:
    assert source._counter is not None
    if mode.inference:
        creation = INFERENCE
    elif not mode.grad:
        creation = NO_GRAD
    base, parent = source, source._meta
    if parent is not None and parent.view is not None:
        base = parent.view.base
        if not creation or parent.view.creation == INFERENCE:
            creation = parent.view.creation
        replay = _chain(tensor, source, parent.view.replay, replay)
    meta = tensor._meta = Meta()
    meta.view = View(base, creation, source._counter.n, replay)


def _chain(tensor: Tensor, source: Tensor, first: Replay | None, then: Replay | None) -> Replay | None:
    """How to come from the base of `source` to `tensor`; None while arrays of one dtype say it all."""
    if first is None and then is None:
        return None
    array, within = tensor._array, source._array
    assert source._meta is not None and source._meta.view is not None
    base = source._meta.view.base._array
    to_source = first or (lambda root: strided_like(root, within, base))
    to_tensor = then or (lambda middle: strided_like(middle, array, within))
    return lambda root: to_tensor(to_source(root))


def check_creation(tensor: Tensor, *, indirect: bool = False) -> None:
    """Raise if this view was made in a way that forbids what was done to its storage while recording."""
    meta = tensor._meta
    assert meta is not None and meta.view is not None
    creation = meta.view.creation
    if creation == DEFAULT:
        return
    done = " and its base or another view of its base has been modified inplace" if indirect else (
        " and is being modified inplace"
    )  # fmt: skip
    name = None if meta.node is None else f"Output {meta.nr} of {errors.plain_name(meta.node.name())} is a view"
    what = "A view was created in" if name is None else f"{name} of a view which was created in"
    if creation == INFERENCE:
        what += f" inference mode{done} in normal mode."
    elif creation == NO_GRAD or name is None:
        what += f" no_grad mode{done} with grad mode enabled."
    else:
        what = f"{name}{done}."
    raise RuntimeError(what + errors.VIEW_REASONS[creation])
