"""The dict of an object's attributes, `obj.__dict__` or `vars(obj)`: what is written into it is written into the object."""

from __future__ import annotations

from typing import Any

from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Machine
from gradlint.analysis.values import Const, Instance, Opaque, Ref, Table
from gradlint.records import replace


def table_of(m: Machine, ref: Any, at: int, tag: str) -> Ref:
    """The attributes of an object as a dict, of which not all need be known."""
    thing = m.get(ref)
    entries = dict(thing.attrs) if isinstance(thing, Instance) else {}
    return m.alloc(at, Table(entries, m.opaque(at, tag=tag), owner=ref), tag)


def written(m: Machine, before: Table, table: Any) -> None:
    """Something was done to a dict: where it is that of an object, the object has changed in the same way."""
    thing, now = m.get(before.owner), m.get(table)
    if not isinstance(thing, Instance) or not isinstance(now, Table) or now is before:
        return
    changed = {k: v for k, v in now.entries.items() if k not in before.entries or before.entries[k] is not v}
    attrs = {k: v for k, v in thing.attrs.items() if k in now.entries or k not in before.entries}
    m.put(before.owner, replace(thing, attrs={**attrs, **{k: v for k, v in changed.items() if isinstance(k, str)}}))
    if now.rest is not before.rest:
        unsettle(m, before.owner)


def unsettle(m: Machine, ref: Any) -> None:
    """Attributes whose names are not known are set: those that hold plain constants may hold anything."""
    thing = m.get(ref)
    if not isinstance(thing, Instance):
        return
    attrs = dict(thing.attrs)
    for name, value in thing.attrs.items():
        if isinstance(value, Const) and name[0] != ":":
            attrs[name] = anonymous([value, Opaque(("attr", ("ref", ref.addr), name))])
    m.put(ref, replace(thing, attrs=attrs, complete=False))
