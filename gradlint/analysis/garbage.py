"""What nobody can reach any more: objects made in a round or a call that has ended, and that nothing outside refers to.

Left on the heap they would be joined, compared and aged for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from gradlint.analysis.state import State
from gradlint.analysis.values import Frame, Func, Generator, Module, Node, Ref, Super, Tensor

_FIELDS: dict[type, tuple[str, ...]] = {}
_PLAIN = (str, int, bool, bytes, float, type(None))


def sweep(state: State, young: Iterable[int], roots: Iterable[Any]) -> set[int]:
    """Drop those of the young addresses that neither the roots (values or objects) nor what they lead to refers to; gives
    those that are left. What is older and has not changed refers to nothing young."""
    left = set(young)
    alive: set[int] = set()
    todo = [address for root in roots for address in references(root) if address in left]
    while todo:
        address = todo.pop()
        if address in alive:
            continue
        alive.add(address)
        thing = state.heap.get(address)
        if thing is not None:
            todo += [a for a in references(thing) if a in left and a not in alive]
    for address in left - alive:
        state.drop(address)
    return alive


def references(thing: Any) -> Iterator[int]:
    """The addresses that a value or object leads to. The leaves of a graph node are known by their places alone."""
    kind = type(thing)
    if kind is Ref:
        yield thing.addr
    elif kind in _PLAIN:
        return
    elif kind is Tensor:
        yield thing.storage
        yield thing.base
        yield from thing.nodes
        if type(thing.grad) is Ref:
            yield thing.grad.addr
        elif thing.grad is not None:
            yield from references(thing.grad)
    elif kind is Node:
        yield from thing.inputs
        yield from thing.maybe
        for saved in thing.saved:
            yield saved[0]
    elif kind is tuple or kind is list:
        for part in thing:
            yield from references(part)
    elif kind is frozenset:
        for part in thing:
            if type(part) is int:
                yield part
    elif hasattr(thing, "items") and hasattr(thing, "keys"):
        for part in thing.values():
            yield from references(part)
    elif hasattr(thing, "__dataclass_fields__"):
        yield from _of_fields(thing, kind)


_BARE = {
    Func: ("frame", "owner"),
    Frame: ("parent", "module"),
    Generator: ("frame",),
    Module: ("frame",),
    Super: ("cls",),
}
"""Fields that are addresses as they stand."""
_IGNORED = frozenset({"origin", "code", "symbol", "lost", "key", "at"})


def _of_fields(thing: Any, kind: type) -> Iterator[int]:
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(f.name for f in fields(thing) if f.name not in _IGNORED)
    for name in _BARE.get(kind, ()):
        yield getattr(thing, name)
    for name in names:
        yield from references(getattr(thing, name))
