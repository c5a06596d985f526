"""Iteration: what `for`, unpacking and `*` get out of a value."""

from __future__ import annotations

from typing import Any

from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Machine
from gradlint.analysis.values import (
    FALSE,
    Const,
    Extern,
    Generator,
    Instance,
    Opaque,
    Phi,
    Sequence,
    Table,
    Tensor,
    leaves,
)
from gradlint.records import replace

MAX_STRING = 32
Items = tuple[list[Any], Any]
"""The items known in order, and the join of further ones (None where there are none)."""


def iterate(m: Machine, value: Any, at: int) -> Items:
    """What iterating a value yields. An iterator is used up by it."""
    value = m.simplified(value)
    if isinstance(value, Phi):
        return _choice(m, value, at)
    thing = m.get(value)
    if isinstance(thing, Sequence):
        if thing.kind == "iterator" and thing.items and not thing.many:
            m.put(value, replace(thing, items=()))
        return list(thing.items), thing.rest
    if isinstance(thing, Table):
        keys = [Const(key) for key in thing.entries]
        return keys, None if thing.rest is None else m.opaque(at, FALSE, "number", tag="key")
    if isinstance(thing, Tensor):
        from gradlint.analysis import torch_index

        return torch_index.tensor_rows(m, value, at)
    if isinstance(thing, Generator):
        from gradlint.analysis import generators

        return generators.collect(m, value, at)
    if isinstance(thing, Instance):
        return _instance(m, value, thing, at)
    if isinstance(value, Const) and isinstance(value.value, str) and len(value.value) <= MAX_STRING:
        return [Const(char) for char in value.value], None
    if isinstance(value, Const):
        return [], m.opaque(at, FALSE, "number", tag="item")
    if isinstance(value, Opaque):
        return [], item_of(value)
    return [], m.opaque(at, tag="item")


def _choice(m: Machine, value: Phi, at: int) -> Items:
    parts = [iterate(m, leaf, at) for leaf in leaves(value)]
    if all(rest is None for _, rest in parts) and len({len(items) for items, _ in parts}) == 1:
        return [anonymous(list(column)) for column in zip(*(items for items, _ in parts))], None
    every = [item for items, rest in parts for item in (*items, *([] if rest is None else [rest]))]
    return [], anonymous(every) if every else m.opaque(at, tag="item")


def item_of(value: Opaque) -> Opaque:
    """An item of something unknown: what is believed of it is believed of its items."""
    kind = "" if value.kind in ("loader", "module") else value.kind
    symbol = value.symbol if value.symbol[0] in ("wide", "params") else ("item", value.symbol)
    return Opaque(symbol, value.rg, kind, value.origin)


def _instance(m: Machine, ref: Any, thing: Instance, at: int) -> Items:
    from gradlint.analysis import torch_models
    from gradlint.analysis.attributes import find_method

    if "__tuple__" in thing.attrs:
        return iterate(m, thing.attrs["__tuple__"], at)
    method = find_method(m, ref, "__iter__", at)
    if method is not None:
        made = m.services["call"](m, method, (), {}, at, False)
        return ([], m.opaque(at, tag="item")) if made == ref else iterate(m, made, at)
    known = torch_models.items_of(m, ref, at)
    if known is not None:
        return known
    method = find_method(m, ref, "__getitem__", at)
    if method is not None:
        return [], m.services["call"](m, method, (m.opaque(at, FALSE, "number", tag="index"),), {}, at, False)
    if isinstance(thing.cls, Extern) and "items" in thing.attrs:
        return iterate(m, thing.attrs["items"], at)
    return [], Opaque(("item", ("ref", ref.addr)))
