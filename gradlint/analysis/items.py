"""Subscripts: `obj[index]`, read, stored and deleted."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import attribute_tables
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Machine
from gradlint.analysis.operators import MAX_SYMBOL, depth, symbol_of
from gradlint.analysis.values import (
    FALSE,
    NONE,
    Class,
    Const,
    Extern,
    Instance,
    Opaque,
    Sequence,
    Table,
    Tensor,
)
from gradlint.records import replace


def get_item(m: Machine, obj: Any, index: Any, at: int) -> Any:
    """`obj[index]` for a leaf `obj`."""
    thing = m.get(obj)
    if isinstance(thing, Tensor):
        from gradlint.analysis import torch_index

        return torch_index.index(m, obj, index, at)
    if isinstance(thing, Sequence):
        return m.split(index, lambda leaf: _of_sequence(m, thing, leaf, at))
    if isinstance(thing, Table):
        return m.split(index, lambda leaf: _of_table(m, obj, thing, leaf, at))
    if isinstance(thing, Instance):
        return _of_instance(m, obj, thing, index, at)
    if isinstance(thing, Class):
        return obj
    if isinstance(obj, Extern):
        return _of_modules(m, m.simplified(index), at) if obj.name == "sys.modules" else obj
    if isinstance(obj, Const):
        return _of_constant(m, obj, m.simplified(index), at)
    if isinstance(obj, Opaque):
        return _of_opaque(m, obj, m.simplified(index), at)
    return m.opaque(at, tag="item")


def _of_modules(m: Machine, name: Any, at: int) -> Any:
    """`sys.modules[name]`: a module in view, most often the one that asks."""
    from gradlint.analysis.imports import loaded

    return (loaded(m, name.value) if isinstance(name, Const) else None) or m.opaque(at, tag="item")


def _of_sequence(m: Machine, thing: Sequence, index: Any, at: int) -> Any:
    if isinstance(index, Const) and isinstance(index.value, int) and thing.exact:
        if -len(thing.items) <= index.value < len(thing.items):
            return thing.items[index.value]
        m.may_raise()
        return m.opaque(at, tag="item")
    bounds = m.get(index)
    if isinstance(bounds, Sequence) and bounds.kind == "slice":
        return _slice(m, thing, bounds, at)
    every = [*thing.items, *([] if thing.rest is None else [thing.rest])]
    return anonymous(every) if every else m.opaque(at, tag="item")


def _slice(m: Machine, thing: Sequence, bounds: Sequence, at: int) -> Any:
    parts = [m.simplified(part) for part in bounds.items]
    kind = thing.kind if thing.kind in ("list", "tuple") else "list"
    if thing.exact and all(isinstance(p, Const) and isinstance(p.value, (int, type(None))) for p in parts):
        lower, upper, step = (p.value for p in parts)
        if step != 0:
            return m.alloc(at, Sequence(kind, thing.items[lower:upper:step]), "slice")
    every = [*thing.items, *([] if thing.rest is None else [thing.rest])]
    return m.alloc(at, Sequence(kind, (), anonymous(every) if every else m.opaque(at, tag="item")), "slice")


def _of_table(m: Machine, ref: Any, thing: Table, key: Any, at: int) -> Any:
    if isinstance(key, Const):
        if key.value in thing.entries:
            return thing.entries[key.value]
        m.may_raise()
        if thing.rest is not None:
            return thing.rest
        return Opaque(("item", ("ref", ref.addr), symbol_of(key) or ("key",)))
    if thing.last is not None and thing.last[0] == key:
        return thing.last[1]
    every = [*thing.entries.values(), *([] if thing.rest is None else [thing.rest])]
    m.may_raise()
    return anonymous(every) if every else m.opaque(at, tag="item")


def _of_instance(m: Machine, ref: Any, thing: Instance, index: Any, at: int) -> Any:
    from gradlint.analysis import torch_models
    from gradlint.analysis.attributes import find_method

    if "__tuple__" in thing.attrs:
        return get_item(m, thing.attrs["__tuple__"], index, at)
    method = find_method(m, ref, "__getitem__", at)
    if method is not None:
        return m.services["call"](m, method, (index,), {}, at, False)
    known = torch_models.item_of(m, ref, index, at)
    if known is not None:
        return known
    name = symbol_of(m.simplified(index))
    if name is None:
        return m.opaque(at, tag="item")
    return Opaque(("item", ("ref", ref.addr), name))


def _of_constant(m: Machine, obj: Const, index: Any, at: int) -> Any:
    if isinstance(index, Const) and isinstance(index.value, int) and isinstance(obj.value, (str, bytes)):
        try:
            return Const(obj.value[index.value])
        except IndexError:
            m.may_raise()
    return m.opaque(at, FALSE, "number", tag="item")


def _of_opaque(m: Machine, obj: Opaque, index: Any, at: int) -> Any:
    from gradlint.analysis.torch_values import known

    value = known(m, obj)
    if value is not obj and isinstance(m.get(value), Tensor):
        from gradlint.analysis import torch_index

        return torch_index.index(m, value, index, at)
    if obj.kind in ("number", "array"):
        return replace(m.opaque(at, FALSE, obj.kind, tag="item"), lost=obj.lost)
    name = symbol_of(index)
    if name is None or obj.symbol[0] == "wide" or depth(obj.symbol) > MAX_SYMBOL:
        return replace(
            m.opaque(at, obj.rg, "" if obj.kind in ("loader", "module") else obj.kind, tag="item"),
            origin=obj.origin,
            lost=obj.lost,
        )
    kind = "" if obj.kind == "loader" else obj.kind
    return Opaque(("item", obj.symbol, name), obj.rg, kind, obj.origin, obj.lost)


def set_item(m: Machine, obj: Any, index: Any, value: Any, at: int) -> None:
    """`obj[index] = value` for a leaf `obj`."""
    thing = m.get(obj)
    if isinstance(thing, Tensor):
        from gradlint.analysis import torch_index

        torch_index.set_index(m, obj, index, value, at)
    elif isinstance(thing, Sequence):
        _into_sequence(m, obj, thing, m.simplified(index), value, at)
    elif isinstance(thing, Table):
        _into_table(m, obj, thing, m.simplified(index), value)
        if thing.owner is not None:
            attribute_tables.written(m, thing, obj)
    elif isinstance(thing, Instance):
        from gradlint.analysis import torch_models
        from gradlint.analysis.attributes import find_method

        method = find_method(m, obj, "__setitem__", at)
        if method is not None:
            m.services["call"](m, method, (index, value), {}, at, False)
        elif not torch_models.store_item(m, obj, index, value, at):
            m.services["escape"](m, (value,))
    elif isinstance(obj, Opaque):
        from gradlint.analysis import torch_tensors

        torch_tensors.set_opaque_item(m, obj, index, value, at)


def _into_sequence(m: Machine, ref: Any, thing: Sequence, index: Any, value: Any, at: int) -> None:
    if (
        isinstance(index, Const) and isinstance(index.value, int) and thing.exact
        and -len(thing.items) <= index.value < len(thing.items)
    ):  # fmt: skip
        items = list(thing.items)
        items[index.value] = value
        m.put(ref, replace(thing, items=tuple(items)))
        return
    bounds = m.get(index)
    if isinstance(bounds, Sequence) and bounds.kind == "slice":
        more, rest = iterate(m, value, at)
        every = [*thing.items, *more, *(r for r in (thing.rest, rest) if r is not None)]
    else:
        every = [*thing.items, value, *([] if thing.rest is None else [thing.rest])]
    m.put(ref, replace(thing, items=(), rest=anonymous(every)))


def _into_table(m: Machine, ref: Any, thing: Table, key: Any, value: Any) -> None:
    if isinstance(key, Const) and _is_key(key.value):
        m.put(ref, replace(thing, entries={**thing.entries, key.value: value}, last=None))
        return
    # An unknown key may be any of the known ones.
    entries = {k: anonymous([v, value]) for k, v in thing.entries.items()}
    rest = value if thing.rest is None else anonymous([thing.rest, value])
    last = (key, value) if _is_one(m, key) and not thing.many else None
    m.put(ref, replace(thing, entries=entries, rest=rest, last=last))


def _is_one(m: Machine, key: Any) -> bool:
    """Whether an unknown key is the same value wherever it stands: not one of many, nor one of an earlier round."""
    thing = m.get(key)
    if isinstance(thing, (Tensor, Instance)):
        return not thing.many
    return isinstance(key, Opaque) and key.symbol[0] not in ("wide", "old")


def _is_key(value: Any) -> bool:
    return isinstance(value, (str, bytes, int, float, bool, type(None)))


def _is_whole_slice(m: Machine, index: Any) -> bool:
    """Whether an index is `[:]`."""
    bounds = m.get(index)
    return (
        isinstance(bounds, Sequence) and bounds.kind == "slice" and all(m.simplified(b) == NONE for b in bounds.items)
    )


def del_item(m: Machine, obj: Any, index: Any, at: int) -> Any:
    """`del obj[index]` for a leaf `obj`."""
    thing, index = m.get(obj), m.simplified(index)
    if isinstance(thing, Table) and isinstance(index, Const) and index.value in thing.entries:
        m.put(obj, replace(thing, entries={k: v for k, v in thing.entries.items() if k != index.value}, last=None))
        if thing.owner is not None:
            attribute_tables.written(m, thing, obj)
    elif isinstance(thing, Sequence) and _is_whole_slice(m, index):
        m.put(obj, replace(thing, items=(), rest=None))
    elif isinstance(thing, Sequence) and thing.exact:
        if (
            isinstance(index, Const)
            and isinstance(index.value, int)
            and -len(thing.items) <= index.value < len(thing.items)
        ):
            items = list(thing.items)
            del items[index.value]
            m.put(obj, replace(thing, items=tuple(items)))
        elif thing.items:
            m.put(obj, replace(thing, items=(), rest=anonymous(list(thing.items))))
    return NONE
