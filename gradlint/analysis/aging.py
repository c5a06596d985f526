"""Recency in loops: what a round has made becomes what earlier rounds have made, before the next one begins."""

from __future__ import annotations

from typing import Any

from gradlint.analysis.garbage import sweep
from gradlint.analysis.joins import PLAIN, anonymous, join_objects, map_values, one_of
from gradlint.analysis.state import Contexts, State, symbol_below
from gradlint.analysis.values import (
    Builtin,
    Descriptor,
    Frame,
    Func,
    Generator,
    Method,
    Moded,
    ModeSpec,
    Module,
    Node,
    Object,
    Opaque,
    Partial,
    Phi,
    Ref,
    Super,
    Tensor,
    Truth,
    join_truths,
    leaves,
)
from gradlint.records import replace


def age(state: State, loop: int, before: State) -> None:
    """Rename what was made below the context `loop` since `before` to its summary of earlier rounds, and forget which way
    the conditions of that round went."""
    contexts, heap = state.contexts, state.heap
    changed = [a for a in state.changed_since(before) if a in heap and heap[a] is not before.heap.get(a)]
    young = {a for a in changed if contexts.below(contexts.context_of(a), loop)}
    alive = sweep(state, young, [heap[a] for a in changed if a not in young])
    changed = [a for a in changed if a not in young or a in alive]
    young, heap = alive, state.heap
    state.facts = {c: v for c, v in state.facts.items() if not symbol_below(c, contexts, loop)}
    aging = _Aging(contexts, loop, young)
    state.mode = map_values(state.mode, aging)
    renamed = {address: aging.thing(heap[address]) for address in changed}
    for address in sorted(young):
        state.drop(address)
    for address in changed:
        if address not in young:
            state.replace(address, renamed[address])
    for address in sorted(young):
        old = contexts.old(address)
        there = state.heap.get(old)
        thing = renamed[address]
        if there is not None:
            thing = join_objects(None, there, thing)
        if hasattr(thing, "many"):
            thing = replace(thing, many=True)
        state.replace(old, thing)


class _Aging:
    """Applied to values: young addresses become old ones, choices over the round's conditions become anonymous."""

    def __init__(self, contexts: Contexts, loop: int, young: set[int]) -> None:
        self.contexts, self.loop, self.young = contexts, loop, young

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is Ref:
            return Ref(self.contexts.old(value.addr)) if value.addr in self.young else value
        if kind is Phi:
            return self._phi(value)
        if kind is Opaque:
            if value.symbol[0] != "old" and symbol_below(value.symbol, self.contexts, self.loop):
                return replace(value, symbol=("old", value.symbol))
            return value
        if kind is frozenset:
            made = frozenset(self.contexts.old(a) if a in self.young else a for a in value)
            return value if made == value else made
        if kind is Func:
            return replace(value, frame=self.contexts.old(value.frame)) if value.frame in self.young else value
        if kind is tuple or kind is dict or kind in _COMPOUND:
            return map_values(value, self)
        return value

    def thing(self, thing: Object) -> Object:
        """An object of the heap: its values, and the fields that are bare addresses."""
        thing = map_values(thing, self)
        for name in _ADDRESSES.get(type(thing), ()):
            if getattr(thing, name) in self.young:
                thing = replace(thing, **{name: self.contexts.old(getattr(thing, name))})
        if type(thing) is Tensor and not self.young.isdisjoint(thing.bases):
            thing = replace(thing, bases=tuple(self.contexts.old(a) if a in self.young else a for a in thing.bases))
        if type(thing) is Node and any(s[0] in self.young for s in thing.saved):
            saved = tuple((self.contexts.old(a) if a in self.young else a, *rest) for a, *rest in thing.saved)
            thing = replace(thing, saved=saved)
        return thing

    def _phi(self, tree: Phi) -> Any:
        parts = one_of(tree)
        if parts is not None and not all(isinstance(part, Truth) for part in parts):
            made = [self(part) for part in parts]
            return tree if all(x is y for x, y in zip(made, parts)) else anonymous(made)
        then, other = self(tree.then), self(tree.other)
        if tree.cond[0] == "any" or symbol_below(tree.cond, self.contexts, self.loop):
            if all(isinstance(leaf, Truth) for leaf in leaves(tree)):
                return join_truths([*leaves(then), *leaves(other)])
            return anonymous([then, other])
        if then == other:
            return then
        return tree if then is tree.then and other is tree.other else Phi(tree.cond, then, other)


_COMPOUND = frozenset({Method, Builtin, Partial, Moded, Descriptor, Super, ModeSpec})
_ADDRESSES: dict[type, tuple[str, ...]] = {
    Tensor: ("storage", "base"),
    Frame: ("parent", "module"),
    Generator: ("frame",),
    Module: ("frame",),
}
