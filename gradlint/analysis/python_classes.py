"""Classes that Python fills itself: dataclasses and named tuples."""

from __future__ import annotations

from typing import Any

from gradlint.analysis.classes import externs, mro
from gradlint.analysis.iteration import iterate
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.values import NONE, Class, Const, Descriptor, Extern, Instance, Ref, Sequence, Table
from gradlint.records import replace

FIELDS = "__annotations__"
TRANSPARENT = frozenset({
    "builtins.object", "typing.NamedTuple", "typing.Generic", "typing.Protocol", "abc.ABC", "collections.namedtuple()",
})  # fmt: skip
"""Bases that have no `__init__` of their own."""
TUPLE = "__tuple__"


def construct(m: Machine, obj: Ref, cls: Ref, call: Call) -> bool:
    """Fill an instance of a class without an `__init__` of its own from its annotated fields. False where the class
    has none: then there is nothing to fill, or its external base does it."""
    names = fields(m, cls)
    if not names or any(base not in TRANSPARENT for base in externs(m, cls)):
        return False
    thing = m.get(obj)
    assert isinstance(thing, Instance)
    attrs = dict(thing.attrs)
    left = list(call.args)
    for name in names:
        if left:
            attrs[name] = left.pop(0)
        elif name in call.kwargs:
            attrs[name] = call.kwargs[name]
        else:
            attrs[name] = _made(m, _default(m, cls, name), name, call.at)
    if "typing.NamedTuple" in externs(m, cls) or _is_named_tuple(m, cls):
        attrs[TUPLE] = m.alloc(call.at, Sequence("tuple", tuple(attrs[n] for n in names)), "fields")
    m.put(obj, replace(thing, attrs=attrs))
    _post_init(m, obj, call.at)
    return True


def _made(m: Machine, default: Any, name: str, at: int) -> Any:
    """The value of a field that was not given: its default, made anew by a `default_factory`."""
    if default is None:
        return m.opaque(at, tag=name)
    if isinstance(default, Descriptor) and default.kind == "factory":
        with m.within((m.here(at), "field", name)):
            return m.services["call"](m, default.func, (), {}, at, False)
    return default


def _post_init(m: Machine, obj: Ref, at: int) -> None:
    from gradlint.analysis.attributes import find_method

    method = find_method(m, obj, "__post_init__", at)
    if method is not None:
        m.services["call"](m, method, (), {}, at, False)


def fields(m: Machine, cls: Ref) -> list[str]:
    """Names of the annotated fields of a class and its bases, bases first."""
    found: list[str] = []
    for entry in reversed(mro(m, cls)):
        thing = m.get(entry)
        table = m.get(thing.attrs.get(FIELDS)) if isinstance(thing, Class) else None
        if isinstance(table, Table):
            found += [name for name in table.entries if name not in found]
    return found


def _default(m: Machine, cls: Ref, name: str) -> Any:
    for entry in mro(m, cls):
        thing = m.get(entry)
        if isinstance(thing, Class) and name in thing.attrs:
            return thing.attrs[name]
    return None


def _is_named_tuple(m: Machine, cls: Ref) -> bool:
    thing = m.get(cls)
    return isinstance(thing, Class) and Extern("collections.namedtuple()") in thing.bases


def named_tuple(m: Machine, call: Call) -> Any:
    """`namedtuple("Point", "x y")`: a class with these fields."""
    given = m.simplified(call.arg(1, "field_names", NONE))
    if isinstance(given, Const) and isinstance(given.value, str):
        names = given.value.replace(",", " ").split()
    else:
        items, rest = iterate(m, given, call.at)
        names = [i.value for i in items if isinstance(i, Const) and isinstance(i.value, str)]
        if rest is not None or len(names) != len(items):
            return m.opaque(call.at, tag="namedtuple")
    name = call.constant(0, "typename", "namedtuple")
    table = m.alloc(call.at, Table(dict.fromkeys(names, NONE)), "fields")
    made = Class(str(name), str(name), (Extern("collections.namedtuple()"),), {FIELDS: table}, 0, m.here(call.at))
    return m.alloc(call.at, made, "class")
