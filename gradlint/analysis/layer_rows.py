"""What the interpreter needs to know of a torch layer as it was built, from its measured row."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from gradlint.records import record
from gradlint.torch_model import modules

OWN = "self."


@record
class LayerRow:
    """See `apply_layer`. flows: the inputs that gradient flows through; learns: whether parameters make the result require
    grad; saves: what is kept for backward ("result", an input, "weight") -> what must require grad for it: inputs, "own"."""

    arguments: tuple[str, ...] = ()
    parameters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    buffers: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("input",)
    flows: tuple[str, ...] = ()
    maybe_flows: tuple[str, ...] = ()
    learns: bool = False
    returns: str = "t"
    grad: tuple[str, ...] = ("diff",)
    alias: tuple[str, ...] = ("fresh",)
    off: tuple[str, ...] = ("drops",)
    scalar: str = "never"
    floating: str = "float"
    saves: tuple[tuple[str, tuple[str, ...]], ...] = ()
    writes_input: bool = False
    has_children: bool = False


def exists(name: str) -> bool:
    """Whether a qualified name is that of a layer of torch."""
    return modules.module(name) is not None


@cache
def layer(name: str) -> LayerRow | None:
    """The row of a layer as its class says, whatever it is built with; None for what is no layer of torch."""
    row = modules.module(name)
    return None if row is None else _row(row)


@cache
def _built(name: str, kinds: tuple[tuple[str, str], ...], training: bool | None) -> LayerRow:
    row = modules.module(name)
    assert row is not None
    return _row(modules.refined(row, dict(kinds), training))


def built(name: str, options: Mapping[str, Any], training: bool | None) -> LayerRow:
    """The row of an instance: built with these arguments (constants where known, None-kind "?" where not)."""
    return _built(name, tuple(sorted((k, kind_of(v)) for k, v in options.items())), training)


UNSEEN = object()
"""Stands for an argument of which nothing is known."""


def kind_of(value: Any) -> str:
    """The word of the tables for a constant argument."""
    if value is UNSEEN:
        return "?"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, complex)):
        return "number"
    return value if isinstance(value, str) else "?"


def has_parameter(row: LayerRow, name: str, options: Mapping[str, Any], default: Mapping[str, str]) -> bool:
    """Whether a layer built with these arguments has a parameter."""
    for parameter, switches in row.parameters:
        if parameter == name:
            return all(_is_on(options.get(s, UNSEEN), default.get(s, "True")) for s in switches if s)
    return False


def _is_on(given: Any, default: str) -> bool:
    return default not in ("False", "None") if given is UNSEEN else bool(given)


def defaults(name: str) -> Mapping[str, str]:
    """The defaults of a layer's switches."""
    row = modules.module(name)
    return {} if row is None else row.defaults


def _row(row: modules.Module) -> LayerRow:
    inputs = tuple(row.forward)
    flows = tuple(f for f in row.diffargs if not f.startswith(OWN))
    saves = tuple(
        (_thing(k), tuple(dict.fromkeys(_thing(c, "own") for c in causes if c))) for k, causes in row.saves_when.items()
    )
    return LayerRow(
        arguments=row.args, parameters=tuple(row.params.items()), buffers=tuple(row.buffers), inputs=inputs, flows=flows,
        maybe_flows=tuple(f for f in row.maybe_diffargs if not f.startswith(OWN)),
        learns=any(f.startswith(OWN) for f in (*row.diffargs, *row.maybe_diffargs)), returns=row.returns,
        grad=row.grad or ("?",), alias=row.alias or ("fresh",), off=row.off or ("drops",), scalar=row.scalar,
        floating=row.dtype[0] if row.dtype else "?", saves=saves, writes_input=bool(set(inputs[:1]) & set(row.writes)),
        has_children=bool(row.children),
    )  # fmt: skip


def _thing(name: str, own: str = "weight") -> str:
    """`self.weight` in a row, as one word: the layer's own."""
    return own if name.startswith(OWN) else name
