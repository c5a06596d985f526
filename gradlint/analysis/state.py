"""The abstract state: heap, grad mode and what is known of conditions; forks and joins.

A state is forked where control splits and joined where it meets. The heap is copied on the first write after a
fork; objects are frozen. Each state knows what it has changed since it was last forked (`Mark`), so that a join looks
only at what either side has changed since they parted.

Addresses and symbols are made from a *context* (the chain of calls and loops that leads here) and a place in the
code, so that the second round of a loop allocates where the first one did. Before each further round the loop
renames what its last round made (see `aging`): the address of today's object stays strong, older ones fall together
in one summary object (`many`), whose updates are weak.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from gradlint.analysis.joins import join_flags, join_objects
from gradlint.analysis.values import FALSE, TRUE, Flag, Object, Phi, Ref, Symbol, resolve
from gradlint.records import record, replace


@record
class Mode:
    """Grad mode and inference mode. `stack` lists the contexts in force, outermost first, as (source text, place)."""

    grad: Flag = TRUE
    inference: Flag = FALSE
    stack: tuple[tuple[str, int], ...] = field(default=(), compare=False)


class Contexts:
    """Interned contexts, addresses and their family tree; shared by all states of one analysis."""

    def __init__(self) -> None:
        self.parents: list[int] = [-1]
        self._contexts: dict[tuple[int, Any], int] = {}
        self._addresses: dict[tuple[Any, ...], int] = {}
        self._context_of: list[int] = [0]
        self._keys: list[tuple[Any, ...]] = [()]
        self._identities: dict[int, Any] = {}
        self._calls: dict[int, tuple[int, bool]] = {}
        self._building: dict[int, tuple[int, ...]] = {}
        self._old: dict[int, int] = {}
        self.below_cache: dict[tuple[Any, int], bool] = {}
        self.homes: dict[Symbol, tuple[int, int]] = {}
        """The addresses that belong to unknown values: (of the tensor, of the module) that each may turn out to be."""

    def enter(self, parent: int, key: Any) -> int:
        """The context of `key` (a call site, a loop, an iteration) below `parent`."""
        found = self._contexts.get((parent, key))
        if found is None:
            found = self._contexts[parent, key] = len(self.parents)
            self.parents.append(parent)
        return found

    def calls(self, context: int, site: int, constructs: bool) -> None:
        """Say that a context is that of a call, and whether of a constructor."""
        self._calls[context] = site, constructs

    def building(self, context: int) -> tuple[int, ...]:
        """The calls from the outermost constructor that a context runs in, down to the context; none outside of any."""
        found = self._building.get(context)
        if found is None:
            found = self.building(self.parents[context]) if context else ()
            site, constructs = self._calls.get(context, (0, False))
            if site and (found or constructs):
                found = (*found, site)
            self._building[context] = found
        return found

    def address(self, context: int, *key: Any) -> int:
        """The address that belongs to a place in a context; never 0."""
        full = (context, *key)
        found = self._addresses.get(full)
        if found is None:
            found = self._addresses[full] = len(self._context_of)
            self._context_of.append(context)
            self._keys.append(key)
        return found

    def identity(self, address: int) -> Any:
        """What an address has in common with those that the same code gives out in other calls and rounds: the place, and
        for parts of objects the calls that built the object, so that two objects of one class are two."""
        found = self._identities.get(address)
        if found is None:
            key = self._keys[address]
            # The parameters of one layer are one: they are made, trained and frozen together.
            if key and key[0] in ("old", "param"):
                found = self.identity(key[1])
            else:
                building = self.building(self._context_of[address])
                found = (*key, building) if building else key
            self._identities[address] = found
        return found

    def old(self, address: int) -> int:
        """The summary address of what earlier rounds allocated at `address`; its own for a summary address."""
        found = self._old.get(address)
        if found is None:
            found = self.address(self._context_of[address], "old", address)
            self._old[address] = found
            self._old[found] = found
        return found

    def is_old(self, address: int) -> bool:
        """Whether an address is the summary of earlier rounds."""
        return self._old.get(address) == address

    def context_of(self, address: int) -> int:
        return self._context_of[address]

    def below(self, context: int, ancestor: int) -> bool:
        """Whether `context` is `ancestor` or was entered from it. Contexts are numbered parents first."""
        while context > ancestor:
            context = self.parents[context]
        return context == ancestor


def symbol_below(symbol: Any, contexts: Contexts, ancestor: int) -> bool:
    """Whether a symbol was made in a context below `ancestor`: fresh ones are ("new", context, …)."""
    if not isinstance(symbol, tuple) or not symbol:
        return False
    if symbol[0] == "new":
        return contexts.below(symbol[1], ancestor)
    known = contexts.below_cache.get((symbol, ancestor))
    if known is None:
        known = any(symbol_below(part, contexts, ancestor) for part in symbol[1:])
        contexts.below_cache[symbol, ancestor] = known
    return known


class Mark:
    """A point at which a state was forked: the mark before it, and the addresses changed between the two."""

    __slots__ = ("before", "changed", "depth")

    def __init__(self, before: Mark | None, changed: set[int]) -> None:
        self.before, self.changed = before, changed
        self.depth: int = 0 if before is None else before.depth + 1


class State:
    """One abstract state. `dead` means: control never gets here. Fields are read freely, the heap is written
    through `put` only."""

    __slots__ = ("contexts", "heap", "mode", "facts", "dead", "_shared", "_mark", "_changed")

    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts
        self.heap: dict[int, Object] = {}
        self.mode = Mode()
        self.facts: dict[Symbol, bool] = {}
        self.dead = False
        self._shared = False
        self._mark = Mark(None, set())
        self._changed: set[int] = set()

    def fork(self) -> State:
        """An independent copy; costs nothing until one of the two is written to."""
        made = State.__new__(State)
        made.contexts, made.heap, made.mode, made.facts = self.contexts, self.heap, self.mode, self.facts
        made.dead, made._shared = self.dead, True
        self._shared = True
        if self._changed:
            self._mark, self._changed = Mark(self._mark, self._changed), set()
        made._mark, made._changed = self._mark, set()
        return made

    def _write(self, address: int, thing: Object) -> None:
        if self._shared:
            self.heap = dict(self.heap)
            self._shared = False
        self.heap[address] = thing
        self._changed.add(address)

    def get(self, address: int) -> Object:
        return self.heap[address]

    def put(self, address: int, thing: Object) -> None:
        """Replace the object at an address; a summary object is joined with the new one instead."""
        old = self.heap.get(address)
        if old is thing:
            return
        if old is not None and getattr(old, "many", False):
            thing = join_objects(None, old, thing)
            if thing == old:
                return
        self._write(address, thing)

    def alloc(self, address: int, thing: Object) -> Ref:
        """Place a new object. An address still in use (recursion, a re-run body) becomes a summary."""
        old = self.heap.get(address)
        if old is not None and old != thing:
            thing = join_objects(None, old, thing)
            if hasattr(thing, "many"):
                thing = replace(thing, many=True)
        self._write(address, thing)
        return Ref(address)

    def replace(self, address: int, thing: Object) -> None:
        """Put an object at an address whatever stands there."""
        if self.heap.get(address) is not thing:
            self._write(address, thing)

    def drop(self, address: int) -> None:
        if address in self.heap:
            if self._shared:
                self.heap = dict(self.heap)
                self._shared = False
            del self.heap[address]
            self._changed.add(address)

    def parted(self, other: State) -> tuple[Mark | None, set[int]]:
        """The last mark that two states share (None for none), and the addresses that either has changed since."""
        changed = self._changed | other._changed
        a: Mark | None = self._mark
        b: Mark | None = other._mark
        while a is not b:
            if b is None or a is not None and a.depth >= b.depth:
                assert a is not None
                changed |= a.changed
                a = a.before
            else:
                changed |= b.changed
                b = b.before
        return a, changed

    def mark(self) -> Mark:
        """A point to which `changed_after` can be asked to look back."""
        if self._changed:
            self._mark, self._changed = Mark(self._mark, self._changed), set()
        return self._mark

    def changed_after(self, mark: Mark) -> set[int] | None:
        """The addresses changed since a mark of this state's past; None where it is no part of it."""
        changed = set(self._changed)
        point: Mark | None = self._mark
        while point is not mark:
            if point is None or point.depth < mark.depth:
                return None
            changed |= point.changed
            point = point.before
        return changed

    def changed_since(self, before: State) -> set[int]:
        """The addresses at which this state may differ from an earlier one; all of them where the two share nothing."""
        mark, changed = self.parted(before)
        return changed if mark is not None else set(self.heap) | set(before.heap)

    def assume(self, cond: Symbol, value: bool) -> None:
        """Learn that a condition holds or not; anonymous conditions are never learnt."""
        if cond[0] != "any":
            self.facts = {**self.facts, cond: value}

    def simplify(self, tree: Any) -> Any:
        """A flag or value as it stands under the known facts."""
        return resolve(tree, self.facts) if type(tree) is Phi else tree

    # -- joins

    def join(self, other: State) -> State:
        """The state that covers both; either may be dead."""
        if self.dead or other is self:
            return other
        if other.dead:
            return self
        cond = self._difference(other)
        first, second = (self, other) if cond is None or self.facts[cond] else (other, self)
        return first._join(second, cond)

    def _difference(self, other: State) -> Symbol | None:
        """The first condition on which two states disagree."""
        if self.facts is not other.facts:
            for cond, value in self.facts.items():
                if other.facts.get(cond, value) is not value:
                    return cond
        return None

    def _join(self, other: State, cond: Symbol | None) -> State:
        made = self.fork()
        if self.facts is not other.facts:
            made.facts = {c: v for c, v in self.facts.items() if other.facts.get(c) is v}
        a, b = self.mode, other.mode
        if a is not b:
            stack = a.stack if a.stack == b.stack else _common(a.stack, b.stack)
            made.mode = Mode(join_flags(cond, a.grad, b.grad), join_flags(cond, a.inference, b.inference), stack)
        if self.heap is other.heap:
            return made
        mark, changed = self.parted(other)
        if mark is None:
            changed = set(other.heap)
        heap, theirs = dict(self.heap), other.heap
        for address in changed:
            their, mine = theirs.get(address), heap.get(address)
            if their is None or mine is their:
                continue
            heap[address] = their if mine is None else join_objects(cond, mine, their)
        made.heap, made._shared = heap, False
        if mark is not None:
            made._mark, made._changed = mark, changed
        else:
            made._changed = changed
        return made

    def same(self, other: State) -> bool:
        """Whether two states say the same (explanations apart)."""
        if self.dead or other.dead:
            return self.dead == other.dead
        if self.mode != other.mode or self.facts != other.facts:
            return False
        if self.heap is other.heap:
            return True
        for address in self.changed_since(other):
            mine, their = self.heap.get(address), other.heap.get(address)
            if mine is not their and mine != their:
                return False
        return True


def _common(a: tuple[tuple[str, int], ...], b: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    count = 0
    for x, y in zip(a, b):
        if x != y:
            break
        count += 1
    return a[:count]


def join_all(states: list[State]) -> State:
    """Join many states, those that parted last first, so that the choices nest as the branches did."""
    alive = [s for s in states if not s.dead]
    if not alive:
        return states[0] if states else _dead()
    while len(alive) > CLOSEST:
        last = alive.pop()
        alive[-1] = alive[-1].join(last)
    while len(alive) > 1:
        alive.sort(key=lambda s: len(s.facts))
        last = alive.pop()
        best = max(range(len(alive)), key=lambda i: _shared_facts(alive[i], last))
        alive[best] = alive[best].join(last)
    return alive[0]


CLOSEST = 8
"""How many states are compared to find those that parted last; beyond that neighbours are joined."""


def _shared_facts(a: State, b: State) -> int:
    return sum(1 for c, v in a.facts.items() if b.facts.get(c) is v)


def _dead() -> State:
    state = State(Contexts())
    state.dead = True
    return state
