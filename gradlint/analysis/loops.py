"""Loops: literal ones are unrolled, others run round by round to a fixpoint.

The first round is run apart from the later ones (what holds before the loop is strong there); each further round
starts from the join of all rounds before it, after what they made has been aged (`State.age`). A loop over
something unknown is taken to run at least once: what its body made is then likely, not certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gradlint.analysis import generators, torch_rebinding
from gradlint.analysis.aging import age
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Exits, Machine, join_all
from gradlint.analysis.operators import truth_of
from gradlint.analysis.state import State
from gradlint.analysis.values import (
    FALSE,
    NONE,
    UNKNOWN,
    Const,
    Frame,
    Generator,
    Instance,
    Opaque,
    Phi,
    Ref,
    Tensor,
    is_assumed,
    leaves,
    lift,
)
from gradlint.records import replace
from gradlint.syntax import ir

UNROLL = 8
UNROLL_TENSORS = 24
"""A loop over so many tensors is unrolled, too: `for p in params: p.requires_grad_()` speaks of each of them."""
MAX_ROUNDS, MIN_ROUNDS = 5, 3
"""Rounds of an outermost loop; one less for each loop around it."""


def over(
    m: Machine, at: int, iterable: Any, each: Callable[[Any], Any], tag: str = "loop", sink: Exits | None = None
) -> None:
    """Run `each(item)` for what an iterable yields; `sink` collects the breaks of a `for` statement."""
    m.split(iterable, lambda leaf: _over(m, at, leaf, each, tag, sink))


def _over(m: Machine, at: int, leaf: Any, each: Callable[[Any], Any], tag: str, sink: Exits | None) -> Any:
    leaf, fresh = _iterator_of(m, leaf, at)
    if isinstance(m.get(leaf), Generator):
        _over_generator(m, at, leaf, each, tag, sink, fresh)
        return NONE
    items, rest = iterate(m, leaf, at)
    tensors = len(items) > UNROLL and all(isinstance(m.get(item), Tensor) for item in items)
    if len(items) <= (UNROLL_TENSORS if tensors else UNROLL) and (rest is None or items):
        _unrolled(m, at, items, each, tag, sink)
        if rest is not None and not m.dead():
            repeat(m, at, tag, lambda: each(_item(m, rest, at)), sink, certain=True)
    else:
        from gradlint.analysis.joins import anonymous

        value = rest if not items else anonymous([*items, *([] if rest is None else [rest])])
        if isinstance(value, Opaque):  # what is done to an item is not seen at the item itself
            _forget_flags(m, items)
        repeat(m, at, tag, lambda: each(_item(m, value, at)), sink, certain=bool(items))
    return NONE


def _forget_flags(m: Machine, items: Iterable[Any]) -> None:
    """Whether these tensors require grad is not known any more."""
    for item in items:
        thing = m.get(item)
        if isinstance(thing, Tensor):
            m.put(item, replace(thing, rg=UNKNOWN, sure=False))


def _iterator_of(m: Machine, leaf: Any, at: int) -> tuple[Any, bool]:
    """The generator behind an instance whose `__iter__` is a generator function; whether nobody else holds it."""
    thing = m.get(leaf)
    if isinstance(thing, Instance):
        from gradlint.analysis.attributes import find_method

        method = find_method(m, leaf, "__iter__", at)
        if method is not None:
            made = m.services["call"](m, method, (), {}, at, False)
            if isinstance(m.get(made), Generator):
                return made, True
    if isinstance(thing, Generator):
        return leaf, thing.at >> 32 == m.unit and not _held(m, leaf)
    return leaf, False


def _held(m: Machine, ref: Any) -> bool:
    """Whether a name or attribute refers to this object, so that it outlives the loop."""
    for thing in m.state.heap.values():
        names = thing.names if isinstance(thing, Frame) else thing.attrs if isinstance(thing, Instance) else None
        if names is not None and any(value == ref for key, value in names.items() if key != ".0"):
            return True
    return False


def _item(m: Machine, value: Any, at: int) -> Any:
    """The item of this round: an unknown one is another unknown in each round."""

    def fresh(leaf: Any) -> Any:
        if isinstance(leaf, Opaque) and leaf.symbol[0] != "wide":
            return replace(leaf, symbol=("new", m.context, m.here(at), "item", leaf.symbol))
        return leaf

    return lift(fresh, m.simplified(value))


def _unrolled(m: Machine, at: int, items: list[Any], each: Callable[[Any], Any], tag: str, sink: Exits | None) -> None:
    for number, item in enumerate(items):
        if m.dead():
            return
        with m.within((m.here(at), tag, number)):
            _round(m, at, lambda item=item: each(item), sink)  # type: ignore[misc]


def _round(m: Machine, at: int, body: Callable[[], Any], sink: Exits | None) -> None:
    """One run of a loop's body: `continue` falls through, `break` goes to the sink, the rest passes."""
    outer, m.exits = m.exits, Exits()
    m.round_count += 1
    m.rounds.append(m.round_count)
    m.round_contexts.append(m.context)
    m.round_places.append(at)
    try:
        body()
    finally:
        m.rounds.pop()
        m.round_contexts.pop()
        m.round_places.pop()
        inner, m.exits = m.exits, outer
        outer.returns += inner.returns
        outer.raises += inner.raises
        if sink is None:
            outer.breaks += inner.breaks
            outer.continues += inner.continues
    if sink is not None:
        sink.breaks += inner.breaks
        if inner.continues:
            m.state = join_all([m.state, *inner.continues])


def repeat(
    m: Machine, at: int, tag: str, body: Callable[[], Any], sink: Exits | None, *, certain: bool = False,
    test: Callable[[], Any] | None = None,
) -> None:  # fmt: skip
    """Run a body until nothing new is learnt. `test` gives the flag that lets a round begin (while loops).
    `certain`: the loop runs at least once for sure."""
    start = m.state
    ends: list[State] = []
    with m.within((m.here(at), tag)) as context:
        head = start
        rounds = max(MAX_ROUNDS - len(m.rounds), MIN_ROUNDS)
        for number in range(rounds):
            m.state = head.fork()
            m.step(2)
            more = _begin(m, test, ends, number > 0 or certain)
            if not more:
                break
            _round(m, at, body, sink)
            after = m.state
            if after.dead:
                break
            age(after, context, start)
            if test is None:
                ends = [after]
            joined = after if number == 0 else head.join(after)
            if number > 0 and joined.same(head) or number == 0 and joined.same(start):
                ends.append(after)
                break
            head = joined
            if number == rounds - 1:
                m.cut(at, "a loop did not settle")
                _widen(head, start)
                ends.append(head)
    if test is None and not certain and ends:
        _likely(ends, start)
    m.state = join_all(ends) if ends else _none(start)


def _begin(m: Machine, test: Callable[[], Any] | None, ends: list[State], leaves: bool) -> bool:
    """Evaluate a while loop's test: keeps the state that leaves; False where no round begins."""
    if test is None:
        return True
    flag = m.simplified(test())
    if m.dead():
        return False
    values = [flag] if not isinstance(flag, Phi) else []
    if values and values[0].value is False:
        ends.append(m.state)
        return False
    if values and values[0].value is True:
        return True
    if leaves:
        out = m.state.fork()
        if isinstance(flag, Phi):
            out.assume(flag.cond, _leaving(flag))
        ends.append(out)
    if isinstance(flag, Phi):
        m.state.assume(flag.cond, not _leaving(flag))
    return True


def _leaving(flag: Phi) -> bool:
    """The value of the condition under which the test fails."""
    return getattr(flag.other, "value", None) is not False


def _none(start: State) -> State:
    state = start.fork()
    state.dead = True
    return state


def _likely(ends: list[State], start: State) -> None:
    """What only came into being in the loop rests on the loop having run."""
    for state in ends:
        for address in sorted(state.changed_since(start)):
            thing = state.heap.get(address)
            if isinstance(thing, Tensor) and address not in start.heap and not is_assumed(thing.rg):
                state.put(address, replace(thing, rg=lift(lambda t: t.likely(), thing.rg)))


def _widen(head: State, start: State) -> None:
    """Names that changed in a loop that does not settle hold anything."""
    for address in sorted(head.changed_since(start)):
        thing, before = head.heap.get(address), start.heap.get(address)
        if isinstance(thing, Frame) and isinstance(before, Frame) and thing is not before:
            names = {k: v if before.names.get(k) == v else _any(v) for k, v in thing.names.items()}
            head.put(address, replace(thing, names=names))


def _any(value: Any) -> Any:
    """Anything of the sort that a value is."""
    parts = [leaf for leaf in leaves(value) if not (isinstance(leaf, Const) and type(leaf.value) in (int, float))]
    if all(isinstance(leaf, Opaque) and leaf.kind == "number" for leaf in parts):
        return anonymous([value, Opaque(("wide",), FALSE, "number")])
    if all(isinstance(leaf, Ref) for leaf in parts):
        return value
    return Opaque(("wide",))


def _over_generator(
    m: Machine, at: int, ref: Any, each: Callable[[Any], Any], tag: str, sink: Exits | None, fresh: bool
) -> None:
    """Run a generator with the loop's body at each yield; a break closes a generator that nobody else holds."""
    thing = m.get(ref)
    assert isinstance(thing, Generator)
    if thing.started:
        repeat(m, at, tag, lambda: each(m.opaque(at, tag="resumed")), sink)
        return
    start, mode = m.state, m.state.mode
    m.state = start.fork()
    mine = Exits()
    rounds = 0
    context = m.contexts.enter(m.context, (m.here(at), tag))

    def consume(value: Any) -> Any:
        nonlocal rounds
        if rounds:
            age(m.state, context, start)
        rounds += 1
        with m.within((m.here(at), tag)):
            _round(m, at, lambda: each(_item(m, value, at)), mine if sink is not None else None)
        return NONE

    generators.run(m, ref, consume)
    if sink is not None:
        for state in mine.breaks:
            if fresh:
                state.mode = mode
            sink.breaks.append(state)


def run_for(m: Machine, node: ir.For) -> None:
    """A `for` statement."""
    from gradlint.analysis.expressions import evaluate, suspended
    from gradlint.analysis.statements import assign, run_block

    iterable = evaluate(m, node.iter)
    if node.is_async:
        suspended(m, "await", node.at)

    names = [node.target.id] if isinstance(node.target, ir.Name) else []

    def each(item: Any) -> Any:
        torch_rebinding.loop_names(m, names)
        assign(m, node.target, item)
        run_block(m, node.body)
        return NONE

    sink = Exits()
    over(m, node.at, iterable, each, sink=sink)
    if node.orelse and not m.dead():
        run_block(m, node.orelse)
    m.state = join_all([m.state, *sink.breaks])


def run_while(m: Machine, node: ir.While) -> None:
    """A `while` statement."""
    from gradlint.analysis.expressions import evaluate
    from gradlint.analysis.statements import run_block

    sink = Exits()
    endless = isinstance(node.test, ir.Const) and bool(node.test.value)
    repeat(
        m, node.at, "while", lambda: run_block(m, node.body), sink,
        test=lambda: truth_of(m, evaluate(m, node.test)), certain=endless,
    )  # fmt: skip
    if node.orelse and not m.dead():
        run_block(m, node.orelse)
    m.state = join_all([m.state, *sink.breaks])


__all__ = ["Const", "over", "repeat", "run_for", "run_while"]
