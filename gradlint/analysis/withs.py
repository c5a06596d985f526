"""`with` statements: grad modes, `@contextmanager` functions, exit stacks, user objects, unknown ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import classes, contexts, events, generators, torch_advice, torch_autocast
from gradlint.analysis.machine import Exits, Machine, join_all
from gradlint.analysis.state import State
from gradlint.analysis.values import (
    NONE,
    UNKNOWN,
    Context,
    Extern,
    Generator,
    Instance,
    Opaque,
    Ref,
    Sequence,
    Truth,
    summary,
)
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.walk import walk

Leave = Callable[[], None]


def run_with(m: Machine, node: ir.With, index: int) -> None:
    """Run a with statement from its `index`-th item on."""
    from gradlint.analysis.expressions import evaluate, suspended
    from gradlint.analysis.statements import run_block

    if index == len(node.items):
        run_block(m, node.body)
        return
    item = node.items[index]
    value = evaluate(m, item.context)
    if m.dead():
        return
    if node.is_async:
        suspended(m, "await", node.at)
    m.split(value, lambda leaf: _enter(m, node, index, leaf) or NONE)


def _enter(m: Machine, node: ir.With, index: int, value: Any) -> Any:
    from gradlint.analysis.statements import assign

    item = node.items[index]
    thing = m.get(value)

    def body(bound: Any) -> None:
        if item.target is not None:
            assign(m, item.target, bound)
        run_with(m, node, index + 1)

    kind = contexts.kind_of(value)
    if kind:
        m.event(events.ContextNotCalled, item.at or node.at, kind=kind, how="with")
        m.may_raise()
        body(m.opaque(item.at))
    elif isinstance(thing, Context):
        _grad_mode(m, item, value, body)
    elif isinstance(thing, Generator) and thing.kind == "contextmanager":
        run_contextmanager(m, value, body, node.at)
    elif isinstance(thing, Instance):
        _instance(m, value, thing, body, item.at or node.at)
    else:
        body(value if isinstance(value, Opaque) else m.opaque(item.at, tag="entered"))
    return NONE


def guarded_body(m: Machine, body: Callable[[], None], leave: Leave, watch_raises: bool = False) -> None:
    """Run a body, then `leave` on every state that comes out of it, whichever way."""
    outer, m.exits = m.exits, Exits()
    m.guarded += watch_raises
    try:
        body()
    finally:
        m.guarded -= watch_raises
        inner, m.exits = m.exits, outer

    def left(state: State) -> State:
        m.state = state
        leave()
        return m.state

    normal = m.state
    outer.breaks += [left(s) for s in inner.breaks]
    outer.continues += [left(s) for s in inner.continues]
    outer.returns += [(left(s), v) for s, v in inner.returns]
    outer.raises += [(left(s), v) for s, v in inner.raises]
    m.state = normal
    if not m.dead():
        leave()


def _grad_mode(m: Machine, item: ir.WithItem, ref: Ref, body: Callable[[Any], None]) -> None:
    thing = m.get(ref)
    assert isinstance(thing, Context)
    act = m.stack[-1]
    at = item.at
    before, outside, first = (m.computed, m.touched, m.unseen + m.deferred), m.mode_fact(), thing.entered == 0
    watch = contexts.Watch(m, m.here(at))
    fresh = isinstance(item.context, ir.Call) and thing.spec.at == m.here(item.context.at)
    literal = fresh and all(isinstance(a.value, ir.Const) for a in item.context.args)  # type: ignore[union-attr]
    contexts.enter_object(m, ref, at)
    flag = summary(m.simplified(thing.spec.flag))
    # What a switch that depends on something does in this one call does not make it redundant.
    fixed = flag if literal or thing.spec.kind in ("no_grad", "enable_grad") else UNKNOWN
    within = torch_advice.inside(m, act, thing.spec.kind, fixed)
    torch_advice.entering(act, thing.spec.text, m.here(at), thing.spec.kind, fixed)
    act.entered.append((thing.spec.kind, m.here(at)))
    m.services["computing"](m)
    guarded_body(m, lambda: body(NONE), lambda: contexts.leave_object(m, ref))
    act.entered.pop()
    act.modes.pop()
    if first and not m.quiet:
        computed, touched, unseen = before
        quiet = m.computed == computed and m.touched == touched
        computes = Truth(True) if not quiet else Truth(None) if m.unseen + m.deferred != unseen else Truth(False)
        event = events.ContextEntered(
            m.place(m.here(at)), outside, tuple(m.place(a.site) for a in m.stack if a.site), kind=thing.spec.kind,
            flag=flag, fresh=literal, first=m.place(thing.spec.at), computes=computes, inside=within, **watch.seen(m),
        )  # fmt: skip
        m.publish(event)
        if computes.value is False and not m.dead():
            act.pending.append(event)


def run_contextmanager(m: Machine, ref: Ref, body: Callable[[Any], None], at: int) -> None:
    """`with` over a function decorated with @contextmanager: its generator runs around the body, the body at its yield.

    Ways out of the body (return, break, continue) resume the generator as the normal end does and go on after it;
    what is raised in the body is raised at the yield.
    """
    ways: list[tuple[str, Any]] = []
    thing = m.get(ref)
    assert isinstance(thing, Generator)
    m.put(ref, replace(thing, kind="generator", made_mode=None))
    outer = m.exits

    def consume(value: Any) -> Any:
        mine, m.exits = m.exits, Exits()
        try:
            body(value)
        finally:
            inner, m.exits = m.exits, mine
        states = _tag(m, inner, ways, at)
        m.state = join_all(states)
        m.thrown = inner.raises
        if inner.raises and _catches(thing) and not any(kind == "next" for kind, _ in ways):
            ways.append(("next", ((), NONE)))  # the generator may swallow what is raised
        return NONE

    generators.run(m, ref, consume)
    _dispatch(m, outer, ways)


def _catches(thing: Generator) -> bool:
    """Whether a generator waits where it may catch what is raised."""
    func = classes.underlying(thing.func)
    return func is None or any(
        isinstance(node, ir.Try) and node.handlers or isinstance(node, ir.With) and len(node.items) > 0
        for node in walk(func.code.body)
    )


def _tag(m: Machine, inner: Exits, ways: list[tuple[str, Any]], at: int) -> list[State]:
    """Mark each way out of a body with a condition of its own, so that it can be told from the joined state."""
    found: list[tuple[str, State, Any]] = [("next", m.state, NONE)] if not m.dead() else []
    found += [("break", s, NONE) for s in inner.breaks] + [("continue", s, NONE) for s in inner.continues]
    found += [("return", s, v) for s, v in inner.returns]
    if not found:
        return [m.state]
    if len(found) == 1:
        ways.append((found[0][0], ((), found[0][2])))
        return [found[0][1]]
    states = []
    for number, (kind, state, value) in enumerate(found):
        state = state.fork()
        facts = []
        for other in range(min(number + 1, len(found) - 1)):
            cond = ("truth", m.symbol(at, f"way{other}"))
            facts.append((cond, other == number))
            state.assume(cond, other == number)
        ways.append((kind, (tuple(facts), value)))
        states.append(state)
    return states


def _dispatch(m: Machine, exits: Exits, ways: list[tuple[str, Any]]) -> None:
    end = m.state
    if end.dead:
        return
    normal: list[State] = []
    for kind, (facts, value) in ways:
        state = end.fork()
        for cond, holds in facts:
            state.assume(cond, holds)
        if kind == "next":
            normal.append(state)
        elif kind == "break":
            exits.breaks.append(state)
        elif kind == "continue":
            exits.continues.append(state)
        else:
            exits.returns.append((state, value))
    m.state = join_all(normal) if normal else end
    if not normal:
        m.kill()


def _instance(m: Machine, ref: Ref, thing: Instance, body: Callable[[Any], None], at: int) -> None:
    from gradlint.analysis.attributes import find_method

    enter, leave = find_method(m, ref, "__enter__", at), find_method(m, ref, "__exit__", at)
    if enter is None:
        enter, leave = find_method(m, ref, "__aenter__", at), find_method(m, ref, "__aexit__", at)
    if isinstance(thing.cls, Extern):
        _extern(m, ref, thing, body, at)
        return
    bound = m.services["call"](m, enter, (), {}, at, False) if enter is not None else ref
    if m.dead():
        return

    def exit_call() -> None:
        if leave is not None:
            m.services["call"](m, leave, (NONE, NONE, NONE), {}, at, False)

    guarded_body(m, lambda: body(bound), exit_call, watch_raises=True)


def _extern(m: Machine, ref: Ref, thing: Instance, body: Callable[[Any], None], at: int) -> None:
    """Objects of external classes: nullcontext gives what it holds, an exit stack leaves what was entered on it."""
    from gradlint.analysis.testing import EXPECTED

    bound = thing.attrs.get("enter_result", ref)

    def leave() -> None:
        now = m.get(ref)
        entered = m.get(now.attrs["_entered"]) if isinstance(now, Instance) and "_entered" in now.attrs else None
        if isinstance(entered, Sequence):
            for value in reversed(entered.items):
                leave_any(m, value)

    if torch_autocast.is_autocast(thing):
        torch_autocast.entered(m, ref)
        guarded_body(m, lambda: body(bound), leave)
        torch_autocast.left(m)
        return
    if isinstance(thing.cls, Extern) and thing.cls.name in REPACKING:
        m.repacked += 1
        try:
            guarded_body(m, lambda: body(bound), leave)
        finally:
            m.repacked -= 1
        return
    if not isinstance(thing.cls, Extern) or thing.cls.name not in ("contextlib.suppress", EXPECTED):
        guarded_body(m, lambda: body(bound), leave)
        return
    outer, m.exits = m.exits, Exits()
    expected = thing.cls.name == EXPECTED
    m.guarded += 1
    m.quiet += expected  # what goes wrong here is what the test is about
    body(bound)
    m.quiet -= expected
    m.guarded -= 1
    inner, m.exits = m.exits, outer
    raised, inner.raises = inner.raises, []
    outer.absorb(inner)
    m.state = join_all([m.state, *(state for state, _ in raised)])


REPACKING = frozenset(
    f"torch.autograd.graph.{name}" for name in ("saved_tensors_hooks", "save_on_cpu", "allow_mutation_on_saved_tensors")
)
"""Contexts in which hooks decide what is saved for backward."""


def enter_any(m: Machine, value: Any, at: int) -> Any:
    """Enter a context by hand (`stack.enter_context(value)`); gives what `as` would bind."""

    def enter(leaf: Any) -> Any:
        thing = m.get(leaf)
        if isinstance(thing, Context):
            contexts.enter_object(m, leaf, at)
            return NONE
        if isinstance(thing, Instance) and isinstance(thing.cls, Extern):
            m.repacked += thing.cls.name in REPACKING
            return thing.attrs.get("enter_result", leaf)
        if isinstance(thing, Generator) and thing.kind == "contextmanager":
            bound = generators.next_item(m, leaf, at)
            return bound
        from gradlint.analysis.attributes import find_method

        method = find_method(m, leaf, "__enter__", at)
        return m.services["call"](m, method, (), {}, at, False) if method is not None else m.opaque(at, tag="entered")

    return m.split(value, enter)


def leave_any(m: Machine, value: Any) -> None:
    """Leave what `enter_any` entered."""

    def leave(leaf: Any) -> Any:
        thing = m.get(leaf)
        if isinstance(thing, Context) and thing.entered:
            contexts.leave_object(m, leaf)
            return NONE
        if isinstance(thing, Instance) and isinstance(thing.cls, Extern):
            m.repacked = max(m.repacked - (thing.cls.name in REPACKING), 0)
        if isinstance(thing, Generator) and thing.kind == "contextmanager":
            generators.next_item(m, leaf, 0)
            return NONE
        from gradlint.analysis.attributes import find_method

        method = find_method(m, leaf, "__exit__", 0)
        if method is not None:
            m.services["call"](m, method, (NONE, NONE, NONE), {}, 0, False)
        return NONE

    m.split(value, leave)
