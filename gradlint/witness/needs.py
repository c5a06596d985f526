"""What a slice asks of the unknown: ranks and lengths of shapes, and which flags are left open."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from gradlint.witness import ops
from gradlint.witness.layout import Needs
from gradlint.witness.ops import Kind
from gradlint.witness.ranks import demanded
from gradlint.witness.slice import Slice, Step

MOST_ELEMENTS = 4096
LONGEST = 64


def needs_of(made: Slice) -> Needs:
    """What the operations of the slice ask of shapes."""
    ranks = demanded(made)
    sizes = [index + 1 for step in made.steps for index in _indices(step) if index < LONGEST]
    shapes = {shape for step in made.steps if (shape := stated_shape(step)) is not None}
    stated = shapes.pop() if len(shapes) == 1 else None
    sized = any(stated_shape(step) is not None or _states_sizes(step) for step in made.steps)
    return Needs(max([2, *sizes]), stated, sized, tuple(sorted(ranks.items())))


def _indices(step: Step) -> Iterator[int]:
    """Positions that a subscript reaches."""
    if step.origin.op == ops.INDEXING:
        for value in _flat(step.args[1:]):
            if type(value) is int:
                yield value if value >= 0 else -value - 1


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from _flat(value)
    elif isinstance(values, slice):
        yield from (part for part in (values.start, values.stop) if type(part) is int)
    else:
        yield values


def stated_shape(step: Step) -> tuple[int, ...] | None:
    """The shape of a tensor that the source builds, where it is written there and small."""
    if step.kind is not Kind.CALL or not ops.is_factory(step.origin.op) or not step.args:
        return None
    name, args = ops.short(step.origin.op), step.args
    if name in ("tensor", "as_tensor", "asarray", "FloatTensor"):
        return _shape_of_data(args[0])
    sizes: tuple[Any, ...] = ()
    if name in ops.SHAPED:
        sizes = tuple(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else tuple(args)
    elif name == "full" and isinstance(args[0], (list, tuple)):
        sizes = tuple(args[0])
    else:
        return None
    known = all(type(size) is int and size >= 0 for size in sizes)
    return sizes if known and math.prod(sizes) <= MOST_ELEMENTS else None


def _shape_of_data(data: Any) -> tuple[int, ...] | None:
    if isinstance(data, (list, tuple)):
        inner = _shape_of_data(data[0]) if data else ()
        return None if inner is None else (len(data), *inner)
    return () if isinstance(data, (int, float, complex)) else None


def _states_sizes(step: Step) -> bool:
    return (
        step.kind is Kind.CALL
        and ops.short(step.origin.op) in ops.RESHAPES
        and any(type(value) is int and value > 1 for value in _flat(step.args[1:]))
    )


def flags_to_try(made: Slice) -> tuple[bool, ...]:
    """Whether the flags of tensors of which they are not known are turned round, in the order of trying.

    Both have to show the fault: the analyser claims it whatever they are, and a script in which nothing requires grad
    because the printer made it so would show nothing.
    """
    return (False, True) if any(is_open(step) for step in made.steps) else (False,)


def is_open(step: Step) -> bool:
    """Whether it is not known if this tensor, which the script makes up, requires grad. What is believed of a call that
    was not followed is no knowledge."""
    unknown = step.origin.requires_grad is None or step.kind is Kind.UNFOLLOWED
    return unknown and step.made_up and step.is_definition and step.origin.floating is not False and not step.wants


def modes_to_try(made: Slice, modes: Iterable[str]) -> tuple[bool, ...]:
    """What modes of unknown flag are taken to be."""
    texts = [*modes, *(mode for step in made.steps for mode in step.origin.modes)]
    return (False, True) if any(not ops.is_plain_mode(text) for text in texts) else (False,)
