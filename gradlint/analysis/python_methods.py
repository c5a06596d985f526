"""Methods of Python's own objects: lists, dicts, sets, strings and what behaves like them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import attribute_tables, torch_advice
from gradlint.analysis.comprehensions import append
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.values import FALSE, NONE, Const, Opaque, Sequence, Table
from gradlint.records import replace

STRING = frozenset({
    "lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "replace", "startswith", "endswith",
    "isdigit", "count", "find", "removeprefix", "removesuffix", "zfill", "isupper", "islower",
})  # fmt: skip
"""Methods of strings that are worked out where everything is known."""


def call_method(m: Machine, call: Call) -> Any:
    """A method of something that is neither a tensor nor an instance of a class in view."""
    owner = m.simplified(call.self)
    thing = m.get(owner)
    if isinstance(thing, Sequence):
        if call.name in SEQUENCE:
            return SEQUENCE[call.name](m, owner, thing, call)
    elif isinstance(thing, Table):
        if call.name in TABLE:
            made = TABLE[call.name](m, owner, thing, call)
            if thing.owner is not None:
                attribute_tables.written(m, thing, owner)
            return made
    elif isinstance(owner, Const):
        return _of_constant(m, owner, call)
    m.services["escape"](m, call.all_args)
    return m.opaque(call.at, tag=call.name)


def _of_constant(m: Machine, owner: Const, call: Call) -> Any:
    if owner.value is None:
        # What stands here as None has most likely been set from out of view: Python would have raised.
        m.may_raise()
        return m.opaque(call.at, tag=call.name)
    if call.name in STRING and isinstance(owner.value, str) and not call.kwargs and not call.rest:
        given = [m.simplified(a) for a in call.args]
        if all(isinstance(a, Const) for a in given):
            try:
                return Const(getattr(owner.value, call.name)(*(a.value for a in given)))
            except (TypeError, ValueError):
                m.may_raise()
    if call.name in ("split", "rsplit", "splitlines", "partition"):
        return m.alloc(call.at, Sequence("list", (), m.opaque(call.at, FALSE, "number")), "split")
    if call.name == "backward" and isinstance(owner.value, (int, float)):
        from gradlint.analysis import torch_autograd

        return torch_autograd.number_backward(m, owner, call)
    return m.opaque(call.at, FALSE, "number", tag=call.name)


def extend(m: Machine, ref: Any, value: Any, at: int) -> None:
    """`list += value` and `list.extend(value)`."""
    items, rest = iterate(m, m.simplified(value), at)
    for item in items:
        append(m, ref, item)
    if rest is not None:
        thing = m.get(ref)
        if isinstance(thing, Sequence):
            every = [*thing.items, *(r for r in (thing.rest, rest) if r is not None)]
            m.put(ref, replace(thing, items=(), rest=anonymous(every)))


# -- lists, tuples, sets, deques


def _append(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    value = call.arg(0, "object", NONE)
    if m.rounds:
        torch_advice.collected(m, "list", "", ref, value, value, call.at, 0)
    append(m, ref, value)
    return NONE


def _extend(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    for value in call.args:
        extend(m, ref, value, call.at)
    return NONE


def _insert(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    index, value = m.simplified(call.arg(0, "index", NONE)), call.arg(1, "object", NONE)
    if thing.exact and isinstance(index, Const) and isinstance(index.value, int) and len(thing.items) < 64:
        items = list(thing.items)
        items.insert(index.value, value)
        m.put(ref, replace(thing, items=tuple(items)))
    else:
        every = [*thing.items, value, *([] if thing.rest is None else [thing.rest])]
        m.put(ref, replace(thing, items=(), rest=anonymous(every)))
    return NONE


def _appendleft(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    return _insert(m, ref, thing, Call("insert", (Const(0), call.arg(0, "x", NONE)), {}, call.at))


def _pop(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    index = m.simplified(call.arg(0, "index", Const(0 if call.name == "popleft" else -1)))
    if thing.exact and isinstance(index, Const) and isinstance(index.value, int):
        if -len(thing.items) <= index.value < len(thing.items):
            items = list(thing.items)
            value = items.pop(index.value)
            m.put(ref, replace(thing, items=tuple(items)))
            return value
        m.may_raise()
        return m.opaque(call.at, tag="pop")
    every = [*thing.items, *([] if thing.rest is None else [thing.rest])]
    value = anonymous(every) if every else m.opaque(call.at, tag="pop")
    if thing.items:
        m.put(ref, replace(thing, items=(), rest=value))
    return value


def _clear(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    m.put(ref, replace(thing, items=(), rest=None))
    return NONE


def _copy(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    return m.alloc(call.at, replace(thing, many=False), "copy")


def _shuffle(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    """`sort`, `reverse` and what else changes the order only."""
    if call.name == "reverse" and thing.exact:
        m.put(ref, replace(thing, items=tuple(reversed(thing.items))))
    elif thing.exact and len(thing.items) > 1:
        m.put(ref, replace(thing, items=(), rest=anonymous(list(thing.items))))
    return NONE


def _remove(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    if thing.exact and thing.items:
        value = m.simplified(call.arg(0, "value", NONE))
        if thing.kind != "set" and value in thing.items:
            items = list(thing.items)
            items.remove(value)
            m.put(ref, replace(thing, items=tuple(items)))
        else:
            m.put(ref, replace(thing, items=(), rest=anonymous(list(thing.items))))
    return NONE


def _number(m: Machine, ref: Any, thing: Any, call: Call) -> Any:
    return m.opaque(call.at, FALSE, "number", tag=call.name)


def _union(m: Machine, ref: Any, thing: Sequence, call: Call) -> Any:
    made = m.alloc(call.at, replace(thing, many=False), call.name)
    for value in call.args:
        extend(m, made, value, call.at)
    return made


SEQUENCE: dict[str, Callable[[Machine, Any, Sequence, Call], Any]] = {
    "append": _append,
    "add": _append,
    "put": _append,
    "put_nowait": _append,
    "appendleft": _appendleft,
    "extend": _extend,
    "update": _extend,
    "insert": _insert,
    "pop": _pop,
    "popleft": _pop,
    "clear": _clear,
    "copy": _copy,
    "__copy__": _copy,
    "sort": _shuffle,
    "reverse": _shuffle,
    "rotate": _shuffle,
    "remove": _remove,
    "discard": _remove,
    "index": _number,
    "count": _number,
    "__len__": _number,
    "issubset": _number,
    "issuperset": _number,
    "isdisjoint": _number,
    "union": _union,
    "intersection": _union,
    "difference": _copy,
}


# -- dicts


def _get(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    from gradlint.analysis.items import get_item

    key, default = m.simplified(call.arg(0, "key", NONE)), call.arg(1, "default", NONE)
    if isinstance(key, Const):
        if key.value in thing.entries:
            return thing.entries[key.value]
        return default if thing.rest is None else anonymous([thing.rest, default])
    return anonymous([get_item(m, ref, key, call.at), default])


def _values(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    values = tuple(thing.entries.values())
    if thing.rest is None:
        return m.alloc(call.at, Sequence("list", values), "values")
    return m.alloc(call.at, Sequence("list", (), anonymous([*values, thing.rest])), "values")


def _keys(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    items, rest = iterate(m, ref, call.at)
    return m.alloc(
        call.at, Sequence("list", tuple(items) if rest is None else (), rest and anonymous([*items, rest])), "keys"
    )


def _items(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    pairs = [
        m.alloc(call.at, Sequence("tuple", (Const(k), v)), f"pair{n}") for n, (k, v) in enumerate(thing.entries.items())
    ]
    if thing.rest is None:
        return m.alloc(call.at, Sequence("list", tuple(pairs)), "items")
    key = m.opaque(call.at, FALSE, "number", tag="key")
    value = anonymous([*thing.entries.values(), thing.rest])
    pair = m.alloc(call.at, Sequence("tuple", (key, value)), "pair")
    return m.alloc(call.at, Sequence("list", (), pair), "items")


def _pop_key(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    value = _get(m, ref, thing, call)
    key = m.simplified(call.arg(0, "key", NONE))
    if isinstance(key, Const) and key.value in thing.entries:
        m.put(ref, replace(thing, entries={k: v for k, v in thing.entries.items() if k != key.value}, last=None))
    return value


def _update(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    entries, rest = dict(thing.entries), thing.rest
    for value in call.args:
        other = m.get(m.simplified(value))
        if isinstance(other, Table):
            entries.update(other.entries)
            rest = other.rest if rest is None else rest if other.rest is None else anonymous([rest, other.rest])
        else:
            more = Opaque(("wide",), value.rg) if isinstance(value, Opaque) else Opaque(("wide",))
            rest = more if rest is None else anonymous([rest, more])
    entries.update(call.kwargs)
    m.put(ref, replace(thing, entries=entries, rest=rest, last=None))
    return NONE


def _setdefault(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    key, default = m.simplified(call.arg(0, "key", NONE)), call.arg(1, "default", NONE)
    if isinstance(key, Const):
        if key.value in thing.entries:
            return thing.entries[key.value]
        value = default if thing.rest is None else anonymous([thing.rest, default])
        m.put(ref, replace(thing, entries={**thing.entries, key.value: value}, last=None))
        return value
    value = anonymous([*thing.entries.values(), default, *([] if thing.rest is None else [thing.rest])])
    m.put(ref, replace(thing, rest=value, last=None))
    return value


def _copy_table(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    return m.alloc(call.at, replace(thing, many=False, owner=None), "copy")


def _clear_table(m: Machine, ref: Any, thing: Table, call: Call) -> Any:
    m.put(ref, replace(thing, entries={}, rest=None, last=None))
    return NONE


TABLE: dict[str, Callable[[Machine, Any, Table, Call], Any]] = {
    "get": _get,
    "values": _values,
    "keys": _keys,
    "items": _items,
    "pop": _pop_key,
    "update": _update,
    "setdefault": _setdefault,
    "copy": _copy_table,
    "clear": _clear_table,
    "__len__": _number,
    "move_to_end": lambda m, ref, thing, call: NONE,
}
