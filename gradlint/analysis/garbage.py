"""What nobody can reach any more: objects made in a round or a call that has ended, and that nothing outside refers to.

Left on the heap they would be joined, compared and aged for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from gradlint.analysis.state import State
from gradlint.analysis.values import (
    Builtin,
    Const,
    Extern,
    Frame,
    Func,
    Generator,
    Instance,
    Method,
    Module,
    Node,
    Opaque,
    Pending,
    Phi,
    Ref,
    Sequence,
    Storage,
    Super,
    Symbol,
    Table,
    Tensor,
    Truth,
)

_FIELDS: dict[type, tuple[str, ...]] = {}
Homes = Mapping[Symbol, tuple[int, int]]


class _Found(list[int]):
    """Addresses that were come upon. `homes`: where unknown values live that have turned out to be something."""

    __slots__ = ("homes",)

    def __init__(self, homes: Homes) -> None:
        super().__init__()
        self.homes = homes


def sweep(state: State, young: Iterable[int], roots: Iterable[Any]) -> set[int]:
    """Drop those of the young addresses that neither the roots (values or objects) nor what they lead to refers to; gives
    those that are left. What is older and has not changed refers to nothing young."""
    left = set(young)
    alive: set[int] = set()
    todo = _Found(state.contexts.homes)
    for root in roots:
        _gather(root, todo)
    while todo:
        address = todo.pop()
        if address not in left or address in alive:
            continue
        alive.add(address)
        thing = state.heap.get(address)
        if thing is not None:
            _gather(thing, todo)
    for address in left - alive:
        state.drop(address)
    return alive


def references(thing: Any) -> list[int]:
    """The addresses that a value or object leads to. The leaves of a graph node are known by their places alone."""
    found = _Found({})
    _gather(thing, found)
    return found


def _gather(thing: Any, found: _Found) -> None:
    kind = type(thing)
    if kind is Ref:
        found.append(thing.addr)
    elif kind in _NONE:
        return
    elif kind is Opaque:
        _of_symbol(thing.symbol, found)
    elif kind is Frame:
        found += (thing.parent, thing.module)
        _all(thing.names.values(), found)
    elif kind is Tensor:
        found += (thing.storage, thing.base, *thing.bases, *thing.nodes)
        _gather(thing.grad, found)
    elif kind is Node:
        found += thing.inputs
        found += thing.maybe
        found += [saved[0] for saved in thing.saved]
    elif kind is Instance:
        _gather(thing.cls, found)
        _all(thing.attrs.values(), found)
    elif kind is Sequence:
        _all(thing.items, found)
        _gather(thing.rest, found)
    elif kind is Table:
        _all(thing.entries.values(), found)
        _gather(thing.rest, found)
        _gather(thing.last, found)
        _gather(thing.owner, found)
    elif kind is Phi:
        _gather(thing.then, found)
        _gather(thing.other, found)
    elif kind is Method:
        _gather(thing.func, found)
        _gather(thing.self, found)
    elif kind is Builtin:
        _gather(thing.self, found)
    elif kind is tuple or kind is list:
        _all(thing, found)
    elif kind is frozenset:
        found += [part for part in thing if type(part) is int]
    elif hasattr(thing, "items") and hasattr(thing, "keys"):
        _all(thing.values(), found)
    elif hasattr(thing, "__dataclass_fields__"):
        _of_fields(thing, kind, found)


def _of_symbol(symbol: Symbol, found: _Found) -> None:
    for part in _parts(symbol):
        home = found.homes.get(part)
        if home is not None:
            found += home
        if part and part[0] in ("params", "modules"):
            found += [address for address in part[1] if type(address) is int]


@lru_cache(maxsize=1 << 14)
def _parts(symbol: Symbol) -> tuple[Symbol, ...]:
    """A symbol and those that it is made of."""
    return (symbol, *(below for part in symbol if isinstance(part, tuple) and part for below in _parts(part)))


def _all(things: Iterable[Any], found: _Found) -> None:
    for thing in things:
        kind = type(thing)
        if kind is Ref:
            found.append(thing.addr)
        elif kind not in _NONE:
            _gather(thing, found)


_NONE = frozenset({str, int, bool, bytes, float, type(None), Const, Extern, Pending, Storage, Truth})
"""What leads nowhere."""
_BARE = {
    Func: ("frame", "owner"),
    Generator: ("frame",),
    Module: ("frame",),
    Super: ("cls",),
}
"""Fields that are addresses as they stand."""
_IGNORED = frozenset({"origin", "code", "symbol", "lost", "key", "at"})


def _of_fields(thing: Any, kind: type, found: _Found) -> None:
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(f.name for f in fields(thing) if f.name not in _IGNORED)
    for name in _BARE.get(kind, ()):
        found.append(getattr(thing, name))
    for name in names:
        _gather(getattr(thing, name), found)
