"""What shapes the values of a script have in one layout, as far as this is easily said.

It only serves to give layers as many inputs as they get, behind a `torch.cat` or a `flatten`. Where a shape is not
known the layout's size is taken; a wrong guess makes the set-up fail, and the next layout is tried.
"""

from __future__ import annotations

import math
from typing import Any

from gradlint.witness import ops
from gradlint.witness.layers import class_of, layer_of
from gradlint.witness.layout import Layout
from gradlint.witness.needs import stated_shape
from gradlint.witness.ops import Kind
from gradlint.witness.slice import Slice, Step, Use

Shape = tuple[int, ...]
_UNSAID = frozenset({
    "squeeze", "expand", "permute", "chunk", "split", "unbind", "matmul", "mm", "bmm", "einsum", "repeat", "linear",
})  # fmt: skip
"""Operations behind which no shape is worked out."""
_LOSSES = ("Loss", "_loss", "cross_entropy", "kl_div")


def shapes_in(made: Slice, layout: Layout) -> dict[int, Shape]:
    """The shapes that are known, by step."""
    shapes: dict[int, Shape] = {}
    for number, step in enumerate(made.steps):
        shape = _shape(step, number, layout, shapes)
        if shape is not None:
            shapes[number] = shape
    return shapes


def inputs_of(step: Step, shapes: dict[int, Shape], otherwise: int) -> int:
    """How many features, or channels, a layer gets."""
    first = next((arg.step for arg in step.args if isinstance(arg, Use) and arg.step in shapes), None)
    if first is None:
        return otherwise
    shape, channels = shapes[first], layer_of(step.origin.op).channels
    if channels:
        return shape[1] if len(shape) > 1 else otherwise
    return shape[-1] if shape else otherwise


def _shape(step: Step, number: int, layout: Layout, shapes: dict[int, Shape]) -> Shape | None:
    if step.made_up:
        return layout.shape_of(number)
    if ops.is_factory(step.origin.op) and step.kind is Kind.CALL:
        stated = stated_shape(step)
        return stated if layout.exact and stated is not None else layout.shape_of(number)
    if step.origin.op.endswith(_LOSSES):
        return ()
    if step.kind is Kind.LAYER:
        first = next((shapes.get(arg.step) for arg in step.args if isinstance(arg, Use)), None)
        return None if first is None else _behind_layer(step, first, layout.size)
    return _behind_call(step, layout, shapes)


def _behind_layer(step: Step, shape: Shape, n: int) -> Shape | None:
    name = class_of(step.origin.op)
    if name.startswith("Conv"):
        return (*shape[:1], n, *shape[2:])
    if name.startswith("Adaptive"):
        return (*shape[:2], *(1 for _ in shape[2:]))
    if name == "Flatten":
        return (*shape[:1], math.prod(shape[1:]))
    if name.startswith("Embedding"):
        return (*shape, n)
    if name in ("", "Linear", "LazyLinear", "Bilinear", "Sequential", "RNN", "LSTM", "GRU"):
        return (*shape[:-1], n)
    return shape


def _behind_call(step: Step, layout: Layout, shapes: dict[int, Shape]) -> Shape | None:
    name, op = ops.short(step.origin.op), step.origin.op
    operands = [shapes.get(arg.step) if isinstance(arg, Use) else None for arg in step.args]
    first = operands[0] if operands else None
    if name in ("cat", "concat", "stack", "hstack") and step.args and isinstance(step.args[0], (list, tuple)):
        return _joined(step, name, shapes)
    if op in ops.INFIX and op != "torch.matmul":
        return _broadcast([shape for shape in operands if shape is not None])
    if first is None:
        return None
    dims = [arg for arg in _numbers(step) if type(arg) is int]
    if name in ops.REDUCTIONS:
        return _reduced(step, first, dims)
    if name == "flatten":
        start = dims[0] if dims else 0
        return (*first[:start], math.prod(first[start:]))
    if name in ("view", "reshape"):
        return None
    if name == "unsqueeze" and dims:
        at = dims[0] if dims[0] >= 0 else len(first) + 1 + dims[0]
        return (*first[:at], 1, *first[at:])
    if name in ("transpose", "swapaxes") and len(dims) == 2 and max(map(abs, dims)) <= len(first):
        order = list(first)
        order[dims[0]], order[dims[1]] = order[dims[1]], order[dims[0]]
        return tuple(order)
    if op == ops.INDEXING or name in _UNSAID:
        return None
    return first


def _numbers(step: Step) -> list[Any]:
    keywords = dict(step.kwargs)
    given = list(step.args[1:2]) if isinstance(step.args[1:2], tuple) else []
    flat = [part for arg in given for part in (arg if isinstance(arg, (list, tuple)) else [arg])]
    if step.origin.op.endswith(("transpose", "swapaxes")):
        flat = list(step.args[1:3])
    return flat or [value for key, value in keywords.items() if key in ("dim", "axis", "start_dim")]


def _reduced(step: Step, shape: Shape, dims: list[int]) -> Shape | None:
    if not dims:
        return () if len(step.args) == 1 and not step.kwargs else None
    kept = dict(step.kwargs).get("keepdim") is True or (len(step.args) > 2 and step.args[2] is True)
    gone = {dim % len(shape) for dim in dims} if shape else set()
    return tuple(1 if at in gone else size for at, size in enumerate(shape) if kept or at not in gone)


def _broadcast(shapes: list[Shape]) -> Shape | None:
    if not shapes:
        return None
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))


def _joined(step: Step, name: str, shapes: dict[int, Shape]) -> Shape | None:
    listed: Any = step.args[0]
    parts = [shapes.get(part.step) if isinstance(part, Use) else None for part in listed]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or not known:
        return None
    given = step.args[1] if len(step.args) > 1 else dict(step.kwargs).get("dim", -1 if name == "hstack" else 0)
    first = known[0]
    if type(given) is not int or not -len(first) <= given <= len(first):
        return None
    if name == "stack":
        at = given if given >= 0 else len(first) + 1 + given
        return (*first[:at], len(known), *first[at:])
    if not first or any(len(part) != len(first) for part in known):
        return None
    at = given % len(first)
    return (*first[:at], sum(part[at] for part in known), *first[at + 1 :])
