"""Writing to tensors: the checks, the version counter, and how history follows a write.

An in-place operator is its out-of-place form whose result then *becomes* the tensor: `x.mul_(y)` computes `x * y` with
the node of that, writes the values into the storage of `x`, and puts the node behind `x`, or, where `x` is a view,
behind its base by way of `CopySlices`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from . import errors, graph
from .apply import recording
from .dtypes import FLOATING, bfloat16, can_cast, cast, round_to_bfloat16
from .graph import Node, next_sequence
from .modes import grad_mode, mode
from .saved import SavedOutput, SavedTensor
from .tensor import Tensor, alias, edge_of, meta_of, needs_grad, node_of, own_version, sharing
from .views import address, check_creation, is_dense, replayed, storage_of, strided_like

_new = object.__new__


def check(target: Tensor, others: Any = (), number: bool = False, copying: bool = False) -> bool:
    """Raise if autograd forbids to write to `target` now; say whether the write is recorded.

    Autograd looks at an inference tensor only where a normal one comes with it: a number that is made a tensor counts.
    """
    if not mode.grad or mode.inference:
        return False
    if target._dtype.category < FLOATING:
        if not copying and target._meta is not None and target._meta.view is not None and recording(target, *others):
            check_creation(target)
        return False
    if target._counter is None and needs_grad(target) and node_of(target) is None:
        if number or any(each._counter is not None for each in others):
            raise RuntimeError(errors.LEAF_INPLACE)
        return False
    seen_by_number = number and target._counter is None and needs_grad(target)
    if not recording(target, *others) and not seen_by_number:
        return False
    meta = target._meta
    if meta is not None and meta.view is not None:
        check_creation(target)
        if needs_grad(target) and node_of(meta.view.base) is None:
            raise RuntimeError(errors.LEAF_VIEW_INPLACE)
    if needs_grad(target) and node_of(target) is None:
        raise RuntimeError(errors.LEAF_INPLACE)
    return True


def check_overlap(array: np.ndarray) -> None:
    if (
        array.size
        and 0 in array.strides
        and any(stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True))
    ):
        raise RuntimeError(errors.INTERNAL_OVERLAP)


def put(target: Tensor, values: Any, kind: Any = None, *, one_value: bool = False) -> None:
    """Write values into the storage, as they are, and count the write. One value may be written to overlapping places."""
    array = target._array
    if not one_value:
        check_overlap(array)
    if kind is not None and kind is not target._dtype:
        if not can_cast(kind, target._dtype):
            raise errors.cannot_cast(kind, target._dtype)
        values = cast(values, kind, target._dtype)
    elif target._dtype is bfloat16:
        values = round_to_bfloat16(values)
    if target._counter is not None and target._counter.copies is not None:
        target._counter.check_copies()
    if one_value and 0 in array.strides:
        # Each place counts where the value is written through one of its elements.
        changed = np.asarray(values != array)
        array[changed] = values[changed]
    else:
        array[...] = values
    count_write(target)


# Operators whose form in place has a derivative of its own, and so a node of another number.
NAMES = {
    "LeakyReluBackward0": "LeakyReluBackward1", "AsStridedBackward0": "AsStridedBackward1",
    "PolygammaBackward0": "PolygammaBackward1", "CeluBackward0": "CeluBackward1",
    "ConjPhysicalBackward0": "ConjPhysicalBackward1", "RreluWithNoiseBackward0": "RreluWithNoiseBackward1",
    "EluBackward0": "EluBackward1", "ThresholdBackward0": "ThresholdBackward1",
}  # fmt: skip


def count_write(target: Tensor) -> None:
    """Count a write that has been done. An inference tensor refuses it outside its mode, but only now, as in torch."""
    if target._counter is not None:
        target._counter.n += 1
    elif not mode.inference:
        own = own_version(target)
        if own is None:
            raise RuntimeError(errors.INFERENCE_INPLACE)
        own.n += 1


def check_partial_overlap(target: Tensor, others: Any) -> None:
    """Raise if an operand shares some of the target's memory without being the same places of it."""
    array = target._array
    for each in others:
        other = each._array
        if each is target or not np.may_share_memory(array, other) or not (is_dense(array) and is_dense(other)):
            continue
        same_place = address(other) == address(array) and other.nbytes == array.nbytes
        if not (same_place and other.strides == array.strides) and storage_of(other) is storage_of(array):
            raise RuntimeError(errors.PARTIAL_OVERLAP)


# The operators that make a tensor of a number they are given.
WRAPPING = frozenset({"add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "floor_divide"})

# The operators whose bounds are numbers: what they say of dtypes names them as C++ does.
BOUNDING = frozenset({"clamp", "clamp_min", "clamp_max", "clip"})

# What `copy_` is to an integer tensor is no matter of autograd; `ops.writes` names its operator.
COPYING: set[Any] = set()

# What is not its operator's result in place, by the operator; the modules of operators name them.
FORMS: dict[Any, Callable[..., Any]] = {}

# The operators that copy what they share with the target before they write; `ops.writes` names them.
READING_FIRST: set[Any] = set()

# The operators that write one value everywhere; `ops.writes` names them.
FILLING: set[Any] = set()


def become(target: Tensor, operator: Callable[..., Any], others: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Run `operator(target, *args, **kwargs)` and let its result become `target`.

    `others` are the other tensors among the arguments, whose history would become the target's.
    """
    if mode.forward is not None and any(mode.forward.of(each) is not None for each in (target, *others)):
        raise errors.unsupported("an in-place operator on a tensor with a tangent")
    recorded = mode.grad and not mode.inference
    if recorded:
        number = getattr(operator, "__name__", "") in WRAPPING and bool(args) and not isinstance(args[0], Tensor)
        recorded = check(target, others, number, operator in COPYING)
    if recorded and target._counter is None:
        if own_version(target) is not None:
            raise errors.unsupported("a recorded write to an inference tensor that was detached")
        recorded = False
    if others and operator not in READING_FIRST:
        check_partial_overlap(target, others)
    if not recorded:
        with grad_mode(False):
            result = operator(target, *args, **kwargs)
        _check_shape(target, result)
        _put_result(target, operator, result, others)
        return target
    source = alias(target)
    result = operator(source, *args, **kwargs)
    _check_shape(target, result)
    if result is source:
        return target
    node = result._meta.node if result._meta is not None else None
    if node is not None:
        _keep_original(node, source)
        renamed = NAMES.get(type(node).__name__)
        if renamed is not None:
            node.__class__ = graph.node_class(renamed)
    _put_result(target, operator, result, others)
    if node is not None:
        _saved_outputs_are(node, target)
        rebase(target, node)
        _name_view(node, target)
    return target


def _put_result(target: Tensor, operator: Callable[..., Any], result: Tensor, others: Any) -> None:
    function = getattr(operator, "__wrapped__", operator)
    filling = function in FILLING
    if function.__name__ in BOUNDING and not others and not can_cast(result._dtype, target._dtype):
        check_overlap(target._array)
        raise errors.cannot_cast(result._dtype, target._dtype, in_c=True)
    put(target, result._array, result._dtype, one_value=filling)


def _check_shape(target: Tensor, result: Tensor) -> None:
    if result._array.shape != target._array.shape:
        raise RuntimeError(
            f"output with shape {list(target._array.shape)} doesn't match the broadcast shape "
            f"{list(result._array.shape)}"
        )


def _keep_original(node: Node, source: Tensor) -> None:
    """Where the node saved the tensor that is about to be overwritten, let it save a copy instead."""
    for saved in (node.saved or {}).values():
        if isinstance(saved, SavedTensor) and saved.tensor is source:
            copy = source.clone()
            saved.tensor, saved.version = copy, copy._version


def _saved_outputs_are(node: Node, target: Tensor) -> None:
    """Where the node saved its result, that is now what stands in the target's storage."""
    for saved in (node.saved or {}).values():
        if isinstance(saved, SavedOutput) and saved.tensor is not None:
            assert target._counter is not None
            saved.tensor = sharing(target)
            saved.version = target._counter.n


def _name_view(node: Node, target: Tensor) -> None:
    """A saved result that is a view has its history from the node of the view, which names it in errors as well."""
    if meta_of(target).view is None:
        return
    for saved in (node.saved or {}).values():
        if isinstance(saved, SavedOutput):
            after = node_of(target)
            # Held weakly: that node leads back to the one that saves this.
            saved.view_node = None if after is None else weakref.ref(after)


def rebase(target: Tensor, node: Node) -> None:
    """Put `node` behind a tensor that was just written."""
    meta = meta_of(target)
    if meta.view is None:
        _put_behind(target, node)
        return
    base = meta.view.base
    _put_behind(base, copy_slices(base, target, node))
    # The node of a view speaks of the version that it was made for.
    meta.view.version = -1
    node_of(target)


def put_behind_alone(target: Tensor, node: Node) -> None:
    """Put `node` behind a tensor that got another geometry; where it is a view, its base has not changed."""
    _put_behind(target, node)
    view = meta_of(target).view
    if view is not None and target._counter is not None:
        view.version = target._counter.n


def _put_behind(target: Tensor, node: Node) -> None:
    """Make `node` the grad_fn; `retain_grad` follows the tensor, while hooks stay with the value they were put on."""
    meta = meta_of(target)
    if meta.retains and meta.node is not None and meta.node.retained is not None:
        meta.node.retained.pop(meta.nr, None)
    meta.node, meta.nr = node, 0
    node.outputs = [(target._array.shape, target._dtype)]
    if meta.retains:
        graph.retain(target)


class CopySlices(Node):
    """A write to a part of the base: the gradient of that part goes back through `written`, the rest to the base."""

    base: Any
    part: Tensor
    written: Node
    replayable = False

    def apply(self, grads: list[Any], needed: graph.Needed) -> list[Any]:
        if self.freed:
            raise RuntimeError(errors.FREED)
        from .ops.strided import laid_out_like

        rest = laid_out_like(grads[0], self.base._array)
        results: list[Any] = [None] * len(self.edges)
        part = replayed(self.part, rest) if self.replayable else strided_like(rest, self.part._array, self.base._array)
        inner = self.written.apply([part.clone()], lambda position: position == 0 or needed(position))
        for position, result in enumerate(inner):
            if position:
                results[position] = result
            elif result is None:
                part.zero_()
            else:
                part.copy_(result)
        if self.edges[0] is not None:
            results[0] = rest
        return results

    def check_saved(self) -> None:
        """Nothing is looked at where no gradient comes."""

    def free(self) -> None:
        self.written.free()
        self.freed = True


CopySlices.__module__ = "builtins"


def copy_slices(base: Tensor, part: Tensor, written: Node) -> CopySlices:
    node: CopySlices = _new(CopySlices)
    node.sequence = next_sequence()
    node.base, node.part, node.written = sharing(base), sharing(part), written
    meta = meta_of(part)
    node.replayable = meta.view is not None and meta.view.replay is not None
    if node.replayable:
        node.part._meta = meta
    node.edges = [edge_of(base), *list(written.edges)[1:]]
    node.outputs = [(base._array.shape, base._dtype)]
    return node
