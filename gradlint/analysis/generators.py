"""Generators, coroutines and lazy iterables: their bodies run when and where they are consumed.

A `for` loop over a generator runs the generator's body with the loop's body called at each `yield`, so that the
mode in which either side runs is the one that Python would see: a `with torch.no_grad(): yield` leaves the consumer
with grad off, a decorator's mode is taken back at each yield.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import contexts, events
from gradlint.analysis.calls import run_generator_body
from gradlint.analysis.classes import underlying
from gradlint.analysis.joins import anonymous, map_values
from gradlint.analysis.machine import Activation, Call, Machine, join_all
from gradlint.analysis.state import Mode, State
from gradlint.analysis.values import (
    FALSE,
    NONE,
    UNKNOWN,
    Frame,
    Func,
    Generator,
    Instance,
    ModeSpec,
    Phi,
    Ref,
    Sequence,
    Tensor,
    any_of,
    is_false,
    is_true,
)
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.walk import walk

Consumer = Callable[[Any], Any]
_AT = (1 << 32) - 1
NATIVE = frozenset({"zip", "enumerate", "map", "filter", "islice"})
"""Lazy iterators of Python itself: `func` holds (callable or None, sources)."""


class Tally:
    """Counts what lazy code computes and records itself; what its consumer does at each value is left out."""

    def __init__(self, m: Machine) -> None:
        self.m, self.mode = m, m.state.mode
        self._start, self._outside = self._now(), (0, 0, 0)

    def _now(self) -> tuple[int, int, int]:
        return (self.m.computed, *self.m.recordings())

    def apart(self, consume: Consumer) -> Consumer:
        """The consumer, its own work left out of the count."""

        def outside(value: Any) -> Any:
            before = self._now()
            try:
                return consume(value)
            finally:
                self._outside = tuple(o + b - a for o, a, b in zip(self._outside, before, self._now()))  # type: ignore[assignment]

        return outside

    def counts(self) -> tuple[int, int, int]:
        """Operations computed, surely recorded, and perhaps recorded."""
        computed, sure, maybe = (b - a - o for a, b, o in zip(self._start, self._now(), self._outside))
        return computed, sure, maybe


def run(m: Machine, ref: Ref, consume: Consumer) -> Any:
    """Run a generator to its end, `consume(value)` at each yield; gives what it returns."""
    thing = m.get(ref)
    assert isinstance(thing, Generator)
    m.put(ref, replace(thing, started=True))
    tally = Tally(m)
    consume = tally.apart(consume)
    result = _run(m, ref, thing, consume)
    _report_lazy(m, thing, tally)
    return result


def _run(m: Machine, ref: Ref, thing: Generator, consume: Consumer) -> Any:
    if thing.kind == "lazy":
        return _run_lazy(m, ref, thing, consume)
    if thing.kind in NATIVE:
        return _run_native(m, thing, consume)
    consumer = (m.stack, m.context, m.exits)
    with m.within(("generator", ref.addr)):
        if thing.mode is None:
            return run_generator_body(m, thing, consume, consumer)
        return _run_moded(m, thing, thing.mode, consume, consumer)


def _run_moded(m: Machine, thing: Generator, mode: ModeSpec, consume: Consumer, consumer: Any) -> Any:
    """Under a decorator: its mode is entered anew at each resumption, and left at each `yield`. What the body itself has
    entered holds on: a decorator that sets grad mode does not leave inference mode."""

    def resume(value: Any) -> Any:
        inside = m.state.mode
        m.held_inside |= len(inside.stack) > len(own.stack)
        m.state.mode = contexts.left(mode, inside, outside[0])
        sent = consume(value)
        outside[0] = m.state.mode
        again = contexts.entered(m, mode, mode.at)
        m.state.mode = Mode(again.grad, again.inference, inside.stack)
        for state, _ in m.thrown:
            state.mode = m.state.mode
        return sent

    outside = [m.state.mode]
    own = m.state.mode = contexts.entered(m, mode, mode.at)
    result = run_generator_body(m, thing, resume, consumer)
    m.state.mode = contexts.left(mode, m.state.mode, outside[0])
    return result


def collect(m: Machine, ref: Any, at: int) -> tuple[list[Any], Any]:
    """Run a generator and gather what it yields: (items, rest). Exact where each yield runs once and for certain."""
    thing = m.get(ref)
    if not isinstance(thing, Generator):
        return [], m.opaque(at)
    straight = _is_straight(thing)
    exact = straight or _is_exact(m, thing)
    if thing.started and (straight or not exact):
        return [], m.opaque(at, tag="resumed")
    found: list[Any] = []
    # What was yielded is held on the heap, where the sweep after each round sees it.
    slot = m.alloc(at, Sequence("results"), "collected")

    def consume(value: Any) -> Any:
        found.append(value)
        held = m.get(slot)
        assert isinstance(held, Sequence)
        joined = value if held.rest is None else anonymous([held.rest, value])
        m.put(slot, replace(held, rest=joined))
        return NONE

    run(m, ref, consume)
    if exact and not m.dead():
        return found, None
    held = m.state.heap.get(slot.addr)
    return [], held.rest if isinstance(held, Sequence) and held.rest is not None else m.opaque(at, tag="empty")


def _is_exact(m: Machine, thing: Generator) -> bool:
    node = thing.func
    if thing.kind == "map":
        source = m.get(node[1][0])
        return len(node[1]) == 1 and isinstance(source, Sequence) and source.exact and len(source.items) <= 8
    return (
        isinstance(node, ir.Comprehension)
        and getattr(thing, "mode", None) is None
        and _one_exact_clause(m, thing, node)
    )


def _is_straight(thing: Generator) -> bool:
    """Whether a generator function yields one value after the other, each once and for certain."""
    func = underlying(thing.func) if thing.kind == "generator" else None
    return func is not None and not func.code.is_async and _in_order(func.code.body)


def _in_order(body: tuple[ir.Stmt, ...]) -> bool:
    for node in body:
        inside = list(walk(node))
        if not any(isinstance(one, ir.Yield) for one in inside):
            if any(isinstance(one, ir.Return) for one in inside):
                return False
        elif isinstance(node, ir.With):
            if not _in_order(node.body) or any(isinstance(one, ir.Yield) for one in walk(node.items)):
                return False
        elif not isinstance(node, (ir.Assign, ir.Augment, ir.Evaluate)) or not _yields_plainly(inside):
            return False
    return True


def _yields_plainly(nodes: list[object]) -> bool:
    """Whether no expression that yields decides whether or how often it does."""
    branching = (ir.Comprehension, ir.Choose, ir.Logic, ir.Compare)
    return not any(isinstance(one, branching) or isinstance(one, ir.Yield) and one.delegate for one in nodes)


def _one_exact_clause(m: Machine, thing: Generator, node: ir.Comprehension) -> bool:
    frame = m.state.heap.get(thing.frame)
    return isinstance(frame, Frame) and frame.names.get(".exact") is True


def _run_lazy(m: Machine, ref: Ref, thing: Generator, consume: Consumer) -> Any:
    from gradlint.analysis.comprehensions import run_clauses

    saved_stack = m.stack
    unit = thing.at >> 32
    with m.within(("lazy", ref.addr)):
        act = Activation(thing.frame, unit, entry_mode=m.state.mode, site=0, loops=len(m.rounds))
        m.stack = [*saved_stack, act]
        context = m.context
        try:
            run_clauses(m, thing.func, lambda value: _outside(m, saved_stack, context, consume, value))
        finally:
            m.stack = saved_stack
    return NONE


def _run_native(m: Machine, thing: Generator, consume: Consumer) -> Any:
    """`zip`, `enumerate`, `map` and `filter`: one source drives, the others give any of their items."""
    from gradlint.analysis.loops import over

    func, sources = thing.func
    at = thing.at & _AT
    driver = next((n for n, s in enumerate(sources) if isinstance(m.get(s), Generator)), 0)

    def each(item: Any) -> Any:
        row = [item if n == driver else _any_item(m, source, at, n) for n, source in enumerate(sources)]
        if thing.kind == "map":
            value = m.services["call"](m, func, tuple(row), {}, at, False)
        elif thing.kind == "filter":
            value = _filtered(m, func, item, at)
        elif thing.kind == "islice":
            value = item
        else:
            if thing.kind == "enumerate":
                row.insert(0, m.opaque(at, FALSE, "number", tag="index"))
            value = m.alloc(at, Sequence("tuple", tuple(row)), "row")
        return NONE if m.dead() else consume(value)

    if isinstance(m.get(sources[driver]), Generator):
        run(m, sources[driver], each)
    else:
        over(m, at, sources[driver], each, tag=thing.kind)
    return NONE


def _filtered(m: Machine, func: Any, item: Any, at: int) -> Any:
    if func != NONE:
        m.services["call"](m, func, (item,), {}, at, False)
    return item


def _any_item(m: Machine, source: Any, at: int, number: int) -> Any:
    items, rest = m.services["iterate"](m, source, at)
    every = [*items, *([] if rest is None else [rest])]
    return anonymous(every) if every else m.opaque(at, tag=f"column{number}")


def _outside(m: Machine, stack: list[Activation], context: int, consume: Consumer, value: Any) -> Any:
    inner, m.stack = m.stack, stack
    try:
        return consume(value)
    finally:
        m.stack = inner


def _report_lazy(m: Machine, thing: Generator, tally: Tally) -> None:
    """Made under one mode, run under another, computing with tensors: the mode where it was made does nothing."""
    computed, sure, maybe = tally.counts()
    if (
        thing.mode is not None
        or thing.made_mode is None
        or not computed
        or thing.kind not in ("generator", "lazy", "map")
    ):
        return
    made, now = Mode(*thing.made_mode), tally.mode
    if is_false(made.grad) and is_true(m.simplified(now.grad)) or is_true(made.inference) and is_false(now.inference):
        m.emit_at(
            events.RanLazily, thing.at, made=m.place(thing.at), made_mode=m.mode_fact(made), kind=thing.kind,
            recorded=any_of(sure, maybe),
        )  # fmt: skip


def run_coroutine(m: Machine, value: Any, at: int) -> Any:
    """`await value`: the coroutine's body runs here; of anything else, an unknown result."""
    thing = m.get(value)
    if isinstance(thing, Generator) and thing.kind == "coroutine":
        if thing.started:
            return m.opaque(at, tag="awaited")
        return run(m, value, lambda v: NONE)
    return m.opaque(at, tag="await")


def method(m: Machine, ref: Ref, name: str, call: Call) -> Any:
    """`gen.send(v)`, `gen.close()`, `__next__`."""
    if name in ("__next__", "send"):
        return next_item(m, ref, call.at)
    if name == "__iter__":
        return ref
    if name in ("close", "throw", "aclose"):
        contexts.dropped(m, ref)
        return NONE
    return m.opaque(call.at)


def next_item(m: Machine, ref: Ref, at: int, default: tuple[Any, ...] = ()) -> Any:
    """`next(gen)`: one of the values that it yields; it is taken to run on later from where it stands. `default`: what is
    given where there is none."""
    thing = m.get(ref)
    if not isinstance(thing, Generator):
        return m.opaque(at, tag="next")
    if thing.started:
        contexts.dropped(m, ref)
        _resumed(m, thing)
        return m.opaque(at, tag="next") if thing.later is None else anonymous([thing.later, *default])
    before = m.state.mode
    m.held_inside = False
    first: list[State] = []
    ways: list[State] = []
    facts, certain = m.state.facts, thing.kind not in ("filter", "islice")
    found: list[Any] = []
    modes: list[Mode] = []

    quiet = m.quiet

    def consume(value: Any) -> Any:
        found.append(value)
        modes.append(m.state.mode)
        ways.append(m.state.fork())
        if not first:
            first.append(m.state.fork())
            m.quiet += 1
        return NONE

    try:
        run(m, ref, consume)
    finally:
        m.quiet = quiet
    if not first:
        return m.opaque(at, tag="next")
    # It stays where its first `yield` is; the rest was run only to see what it yields and changes later.
    certain = certain and first[0].facts == facts
    ended, m.state = m.state, first[0] if certain else join_all([*ways, m.state]).fork()
    held = m.get(ref)
    if isinstance(held, Generator):
        entered = m.held_inside or any(len(mode.stack) != len(before.stack) for mode in modes)
        switched = entered or any(mode != before for mode in (*modes, ended.mode))
        later = anonymous(found[1:]) if len(found) > 1 else None
        _bring(m.state, ended, later)
        m.put(ref, replace(held, later=later, switched=switched, changes=_changes(m.state, ended)))
    return found[0] if certain else anonymous([*found, *default])


def _bring(state: State, other: State, value: Any) -> Any:
    """Make known in a state what a value of another one refers to."""
    if type(value) is Ref:
        thing = other.heap.get(value.addr)
        if value.addr not in state.heap and thing is not None:
            state.put(value.addr, thing)
            if isinstance(thing, Tensor) and thing.storage not in state.heap and thing.storage in other.heap:
                state.put(thing.storage, other.heap[thing.storage])
            map_values(thing, lambda part: _bring(state, other, part))
    elif isinstance(value, (tuple, Phi)) or type(value) is dict:
        map_values(value, lambda part: _bring(state, other, part))
    return value


def _changes(start: State, ended: State) -> frozenset[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    for address in () if ended.dead else ended.changed_since(start):
        old, new = start.heap.get(address), ended.heap.get(address)
        if isinstance(old, Tensor) and old != new:
            found.add((address, ""))
        elif isinstance(old, Instance) and isinstance(new, Instance):
            names = {**old.attrs, **new.attrs}
            found |= {(address, name) for name in names if old.attrs.get(name) != new.attrs.get(name)}
    return frozenset(found)


def _resumed(m: Machine, thing: Generator) -> None:
    """It runs on: which of its later steps this is, is not known, so that what any of them changes may be changed now."""
    for address, name in sorted(thing.changes):
        held = m.state.heap.get(address)
        if isinstance(held, Tensor):
            m.state.put(address, replace(held, rg=UNKNOWN, leaf=UNKNOWN, sure=False))
        elif isinstance(held, Instance):
            unknown = m.opaque(thing.at & _AT, tag=f"resumed.{name}")
            m.state.put(address, replace(held, attrs={**held.attrs, name: unknown}))


def is_generator_function(func: Any) -> bool:
    return isinstance(func, Func) and func.code.made.is_generator
