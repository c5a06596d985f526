"""The abstract state: heap, grad mode and what is known of conditions; forks, joins and the recency of loops.

A state is forked where control splits and joined where it meets. The heap is copied on the first write after a
fork; objects are frozen, so that a join looks only at the addresses where the two heaps differ by identity.

Addresses and symbols are made from a *context* (the chain of calls and loops that leads here) and a place in the
code, so that the second round of a loop allocates where the first one did. Before each further round the loop
renames what its last round made (`State.age`): the address of today's object stays strong, older ones fall together
in one summary object (`many`), whose updates are weak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from gradlint.analysis.values import (
    FALSE,
    MAX_LEAVES,
    TRUE,
    UNKNOWN,
    Class,
    Const,
    Context,
    Flag,
    Frame,
    Func,
    Generator,
    Instance,
    Module,
    Node,
    Object,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Storage,
    Symbol,
    Table,
    Tensor,
    Truth,
    choose,
    count_leaves,
    join_truths,
    leaves,
    lift,
    resolve,
)


@dataclass(frozen=True, slots=True)
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
        self._old: dict[int, int] = {}

    def enter(self, parent: int, key: Any) -> int:
        """The context of `key` (a call site, a loop, an iteration) below `parent`."""
        found = self._contexts.get((parent, key))
        if found is None:
            found = self._contexts[parent, key] = len(self.parents)
            self.parents.append(parent)
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
        """What an address has in common with those that the same code gives out in other calls and rounds: the place."""
        found = self._identities.get(address)
        if found is None:
            key = self._keys[address]
            # The parameters of one layer are one: they are made, trained and frozen together.
            found = self.identity(key[1]) if key and key[0] in ("old", "param") else key
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
    return any(symbol_below(part, contexts, ancestor) for part in symbol[1:])


def anonymous(values: list[Any]) -> Any:
    """One of several values, nothing said of which; unknown where there are too many."""
    unique: list[Any] = []
    for value in values:
        for leaf in leaves(value):
            if leaf not in unique:
                unique.append(leaf)
    numbers = [v for v in unique if _is_number(v)]
    if len(numbers) > 1:
        unique = [v for v in unique if not _is_number(v)]
        unique.append(_any_number(numbers))
    if len(unique) > MAX_LEAVES:
        return widen(unique)
    result = unique[-1]
    for number in range(len(unique) - 2, -1, -1):
        result = Phi(("any", number), unique[number], result)
    return result


def _is_number(value: Any) -> bool:
    if isinstance(value, Const):
        return type(value.value) in (int, float)
    return isinstance(value, Opaque) and value.kind == "number"


def _any_number(numbers: list[Any]) -> Opaque:
    """One of several numbers: which one is of no interest, what they carry is."""
    opaque = [n for n in numbers if isinstance(n, Opaque)]
    origin = next((n.origin for n in reversed(opaque) if n.origin is not None), None)
    lost = frozenset().union(*(n.lost for n in opaque))
    return Opaque(("wide",), FALSE, "number", origin, lost)


def widen(values: list[Any]) -> Opaque:
    """The unknown value that covers all of these."""
    flags = [v.rg if isinstance(v, Opaque) else UNKNOWN for v in values]
    return Opaque(("wide",), join_truths([t for f in flags for t in leaves(f)]))


def join_flags(cond: Symbol | None, a: Flag, b: Flag) -> Flag:
    if a == b:
        return a
    if cond is None:
        return join_truths([*leaves(a), *leaves(b)])
    joined = choose(cond, a, b)
    return joined if count_leaves(joined) <= MAX_LEAVES else join_truths(list(leaves(joined)))


def join_values(cond: Symbol | None, a: Any, b: Any) -> Any:
    if a == b:
        return a
    if cond is None:
        return anonymous([a, b])
    joined = choose(cond, a, b)
    return joined if count_leaves(joined) <= MAX_LEAVES else anonymous([joined])


def _join_maps(cond: Symbol | None, a: Mapping[Any, Any], b: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Names set on one side only keep that side's value: who reads them came along that way."""
    if a is b:
        return a
    out = dict(a)
    for key, value in b.items():
        if key not in out:
            out[key] = value
        elif out[key] is not value:
            out[key] = join_values(cond, out[key], value)
    return out


def _join_tensors(cond: Symbol | None, a: Tensor, b: Tensor) -> Tensor:
    return replace(
        a,
        rg=join_flags(cond, a.rg, b.rg),
        leaf=join_flags(cond, a.leaf, b.leaf),
        floating=join_flags(cond, a.floating, b.floating),
        inference=join_flags(cond, a.inference, b.inference),
        scalar=join_flags(cond, a.scalar, b.scalar),
        single=join_flags(cond, a.single, b.single),
        plain=join_flags(cond, a.plain, b.plain),
        storage=a.storage if a.storage == b.storage else 0,
        base=a.base if a.base == b.base else 0,
        view_mode=a.view_mode if a.view_mode == b.view_mode else "",
        nodes=a.nodes | b.nodes,
        sure=a.sure and b.sure and a.nodes == b.nodes,
        parameter=a.parameter and b.parameter,
        grad=a.grad if a.grad == b.grad else _join_optional(cond, a.grad, b.grad),
        retains=a.retains or b.retains,
        many=a.many or b.many,
        lost=a.lost | b.lost,
        dead=a.dead | b.dead if a.rg != FALSE and b.rg != FALSE else a.dead or b.dead,
        used=a.used or b.used,
        made_from=a.made_from | b.made_from,
        origin=a.origin if a.origin is b.origin else replace(a.origin, requires_grad=None),
    )


def _join_optional(cond: Symbol | None, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return join_values(cond, a, b)


def _join_sequences(cond: Symbol | None, a: Sequence, b: Sequence) -> Sequence:
    many = a.many or b.many
    if a.exact and b.exact and len(a.items) == len(b.items):
        return Sequence(a.kind, tuple(join_values(cond, x, y) for x, y in zip(a.items, b.items)), None, many)
    items = [*a.items, *b.items, *(r for r in (a.rest, b.rest) if r is not None)]
    return Sequence(a.kind, (), anonymous(items), many)


def join_objects(cond: Symbol | None, a: Object, b: Object) -> Object:
    """The least object that covers both, which were found at one address."""
    if a is b or a == b:
        return a
    if type(a) is not type(b):
        return Instance(Opaque(("wide",)), {}, complete=False)
    if isinstance(a, Frame) and isinstance(b, Frame):
        return Frame(_join_maps(cond, a.names, b.names), a.parent, a.module)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _join_tensors(cond, a, b)
    if isinstance(a, Instance) and isinstance(b, Instance):
        cls = a.cls if a.cls == b.cls else join_values(cond, a.cls, b.cls)
        return Instance(cls, _join_maps(cond, a.attrs, b.attrs), a.complete and b.complete, a.many or b.many)
    if isinstance(a, Sequence) and isinstance(b, Sequence):
        return _join_sequences(cond, a, b)
    if isinstance(a, Table) and isinstance(b, Table):
        return Table(_join_maps(cond, a.entries, b.entries), _join_optional(cond, a.rest, b.rest), a.many or b.many)
    if isinstance(a, Class) and isinstance(b, Class):
        return replace(a, attrs=_join_maps(cond, a.attrs, b.attrs))
    if isinstance(a, Storage) and isinstance(b, Storage):
        same = a.version == b.version and a.hidden == b.hidden
        return a if same else Storage(-1, False, -1, a.writes or b.writes)
    if isinstance(a, Node) and isinstance(b, Node):
        freed = join_flags(cond, a.freed, b.freed)
        saved = a.saved if a.saved == b.saved else ()
        keeps, sources = a.keeps and b.keeps, a.sources | b.sources
        sure = a.inputs & b.inputs
        maybe = a.maybe | b.maybe | (a.inputs ^ b.inputs)
        return Node(a.op, sure, maybe, a.leaves | b.leaves, saved, keeps, freed, a.freed_at or b.freed_at, sources, a.at)
    if isinstance(a, Context) and isinstance(b, Context):
        return replace(a, entered=min(a.entered, b.entered), ever=a.ever or b.ever, saved=a.saved or b.saved)
    if isinstance(a, Generator) and isinstance(b, Generator):
        return replace(a, started=a.started or b.started)
    return a


def map_values(thing: Any, function: Callable[[Any], Any]) -> Any:
    """A copy of an object or value with `function` applied to each Ref, Opaque, Phi, Func … directly in it."""
    kind = type(thing)
    if kind is tuple:
        made = tuple(function(part) for part in thing)
        return made if any(x is not y for x, y in zip(made, thing)) else thing
    if kind is dict:
        made_dict = {key: function(value) for key, value in thing.items()}
        return made_dict if any(made_dict[k] is not thing[k] for k in thing) else thing
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(f.name for f in fields(thing))
    changed = {}
    for name in names:
        old = getattr(thing, name)
        if type(old) in _PLAIN:
            continue
        new = function(old)
        if new is not old:
            changed[name] = new
    return replace(thing, **changed) if changed else thing


_FIELDS: dict[type, tuple[str, ...]] = {}
_PLAIN = frozenset({str, int, bool, type(None), Truth})


class State:
    """One abstract state. `dead` means: control never gets here. Fields are read freely, the heap is written
    through `put` only."""

    __slots__ = ("contexts", "heap", "mode", "facts", "dead", "_shared")

    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts
        self.heap: dict[int, Object] = {}
        self.mode = Mode()
        self.facts: dict[Symbol, bool] = {}
        self.dead = False
        self._shared = False

    def fork(self) -> State:
        """An independent copy; costs nothing until one of the two is written to."""
        made = State.__new__(State)
        made.contexts, made.heap, made.mode, made.facts = self.contexts, self.heap, self.mode, self.facts
        made.dead, made._shared = self.dead, True
        self._shared = True
        return made

    def _own(self) -> dict[int, Object]:
        if self._shared:
            self.heap = dict(self.heap)
            self._shared = False
        return self.heap

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
        self._own()[address] = thing

    def alloc(self, address: int, thing: Object) -> Ref:
        """Place a new object. An address still in use (recursion, a re-run body) becomes a summary."""
        old = self.heap.get(address)
        if old is not None and old != thing:
            thing = join_objects(None, old, thing)
            if hasattr(thing, "many"):
                thing = replace(thing, many=True)  # type: ignore[arg-type]
        self._own()[address] = thing
        return Ref(address)

    def drop(self, address: int) -> None:
        if address in self.heap:
            del self._own()[address]

    def assume(self, cond: Symbol, value: bool) -> None:
        """Learn that a condition holds or not; anonymous conditions are never learnt."""
        if cond[0] != "any":
            self.facts = {**self.facts, cond: value}

    def simplify(self, tree: Any) -> Any:
        """A flag or value as it stands under the known facts."""
        return resolve(tree, self.facts) if isinstance(tree, Phi) else tree

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
        if self.heap is not other.heap:
            heap = dict(self.heap)
            for address, thing in other.heap.items():
                mine = heap.get(address)
                if mine is None:
                    heap[address] = thing
                elif mine is not thing:
                    heap[address] = join_objects(cond, mine, thing)
            made.heap, made._shared = heap, False
        return made

    def same(self, other: State) -> bool:
        """Whether two states say the same (explanations apart)."""
        if self.dead or other.dead:
            return self.dead == other.dead
        if self.mode != other.mode or self.facts != other.facts:
            return False
        if self.heap is other.heap:
            return True
        if len(self.heap) != len(other.heap):
            return False
        for address, thing in self.heap.items():
            their = other.heap.get(address)
            if their is not thing and their != thing:
                return False
        return True

    # -- loops

    def age(self, loop: int, before: State) -> None:
        """Rename what was made below the context `loop` since `before` to its summary of earlier rounds, and forget
        which way the conditions of that round went."""
        contexts = self.contexts
        young = {
            a for a in self.heap if contexts.below(contexts.context_of(a), loop) and self.heap[a] is not before.heap.get(a)
        }
        self.facts = {c: v for c, v in self.facts.items() if not symbol_below(c, contexts, loop)}
        aging = _Aging(contexts, loop, young)
        self.mode = map_values(self.mode, aging)
        heap: dict[int, Object] = {}
        aged: list[tuple[int, Object]] = []
        for address, thing in self.heap.items():
            if thing is before.heap.get(address):
                heap[address] = thing
                continue
            renamed = aging.thing(thing)
            if address in young:
                aged.append((contexts.old(address), renamed))
            else:
                heap[address] = renamed
        for address, thing in aged:
            there = heap.get(address)
            if there is not None:
                thing = join_objects(None, there, thing)
                if hasattr(thing, "many"):
                    thing = replace(thing, many=True)  # type: ignore[arg-type]
            heap[address] = thing
        self.heap, self._shared = heap, False


class _Aging:
    """Applied to values: young addresses become old ones, choices over the round's conditions become anonymous."""

    def __init__(self, contexts: Contexts, loop: int, young: set[int]) -> None:
        self.contexts, self.loop, self.young = contexts, loop, young

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
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
        if type(thing) is Node and any(s[0] in self.young for s in thing.saved):
            saved = tuple((self.contexts.old(a) if a in self.young else a, *rest) for a, *rest in thing.saved)
            thing = replace(thing, saved=saved)
        return thing

    def _phi(self, tree: Phi) -> Any:
        then, other = self(tree.then), self(tree.other)
        if tree.cond[0] == "any" or symbol_below(tree.cond, self.contexts, self.loop):
            if all(isinstance(leaf, Truth) for leaf in leaves(tree)):
                return join_truths([*leaves(then), *leaves(other)])
            return anonymous([then, other])
        if then == other:
            return then
        return tree if then is tree.then and other is tree.other else Phi(tree.cond, then, other)


def _compound() -> frozenset[type]:
    from gradlint.analysis import values

    return frozenset({values.Method, values.Builtin, values.Partial, values.Moded, values.Descriptor, values.Super, values.ModeSpec})


_COMPOUND = _compound()

_ADDRESSES: dict[type, tuple[str, ...]] = {
    Tensor: ("storage", "base"),
    Frame: ("parent", "module"),
    Generator: ("frame",),
    Module: ("frame",),
}


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
    while len(alive) > 1:
        alive.sort(key=lambda s: len(s.facts))
        last = alive.pop()
        best = max(range(len(alive)), key=lambda i: _shared_facts(alive[i], last))
        alive[best] = alive[best].join(last)
    return alive[0]


def _shared_facts(a: State, b: State) -> int:
    return sum(1 for c, v in a.facts.items() if b.facts.get(c) is v)


def _dead() -> State:
    state = State(Contexts())
    state.dead = True
    return state


__all__ = [
    "Contexts", "Mode", "State", "anonymous", "join_all", "join_flags", "join_objects", "join_values", "lift",
    "map_values", "widen",
]  # fmt: skip
