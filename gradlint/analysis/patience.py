"""What predictions do where the analysis would give up: a bound is reached, or control is believed to end for certain.

A finding may stay silent about what comes behind such a place; a prediction is asked for all that a program binds, and code
that ran is proof that it was reached. So a call that takes too many steps is cut off, its caller goes on; and what seems to
end by an exception is run once more without that belief. All that such a way into the program sees is likely, at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gradlint.analysis.entries import assigned_in, loosen
from gradlint.analysis.machine import Exhausted, Machine, Record, join_all
from gradlint.analysis.state import State
from gradlint.analysis.values import UNKNOWN, Func, Instance
from gradlint.findings import Origin
from gradlint.records import replace

DEEPEST = 6
"""Calls nested deeper than that are not cut off on their own."""
GRACE, PART = 12_000, 2 / 3
"""Steps for what comes behind the first call that was cut off, and how much of them each caller leaves to its own caller;
each call after that takes no more than what `PART` leaves over of the steps that its caller has."""
_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")


def followed(m: Machine, func: Func, args: tuple[Any, ...], at: int, work: Callable[[], Any]) -> Any:
    """The result of `work`, which runs a function of the project; unknown where it is cut off, or is not believed to raise."""
    before, known = m.state.fork(), len(m.exits.raises)
    result = _bounded(m, func, args, at, work, before)
    if m.dead() and m.disbelief:
        return _revived(m, before, args, m.exits.raises[known:], at)
    return result


def _bounded(m: Machine, func: Func, args: tuple[Any, ...], at: int, work: Callable[[], Any], before: State) -> Any:
    depth = len(m.stack)
    if depth > DEEPEST or depth == 1 and not m.runs_main and func.key == (0, m.ways[-1].at):
        return work()
    hasty, limit, stack, exits, arriving = m.hasty, m.limit, m.stack, m.exits, list(m.arriving)
    held = m.guarded, m.quiet, m.forwards, m.thread_base, m.decorator
    own = limit if hasty else limit + int(GRACE * PART**depth)
    if hasty:
        m.limit = min(limit, m.steps - m.grace + int((limit + m.grace - m.steps) * (1 - PART)))
    try:
        return work()
    except Exhausted:
        if m.steps > own + m.grace:
            raise
        m.hasty = True
        del stack[depth:]
        m.stack, m.exits, m.arriving, m.state = stack, exits, arriving, before
        m.guarded, m.quiet, m.forwards, m.thread_base, m.decorator = held
        m.cut(at, f"`{func.code.qualname}` takes too many steps")
        running = tuple(one for one in m.running[depth:] if one[1] is not None)
        give_up(m, running)
        _may_have_changed(m, args, {unit for unit, _, _ in running})
        return m.opaque(at, tag="cut")
    finally:
        m.limit = own if m.hasty else limit


def give_up(m: Machine, running: tuple[tuple[int, Any, int], ...]) -> None:
    """Functions are cut off: they may go on to bind and call anything that they name, and what a loop binds may be another
    thing in its next round."""
    way, units = m.ways[-1], m.services["units"]
    for unit, code, _ in running:
        way.lost |= names_in(units[unit].outside() if code is None else code.text)
    loops = {id(code): units[unit].line_of(at) for unit, code, at in running if at >= 0}
    for (unit, at), record in way.records.items():
        if (
            id(record.code) in loops
            and units[unit].line_of(at) >= loops[id(record.code)]
            and not _same_each_round(record)
        ):
            record.rg.add(UNKNOWN)
    way.doubted, way.firm = True, {}


def _same_each_round(record: Record) -> bool:
    """Whether what a place holds requires grad in no round: it is computed while gradients are off, or from nothing."""
    made = record.why
    if made is None or made.op in ("input", "unknown", "python") or {t.value for t in record.rg} != {False}:
        return False
    from_nothing = not any(isinstance(part, Origin) for part in (*made.args, *(value for _, value in made.kwargs)))
    return from_nothing or {t.value for t in record.grad} == {False}


def names_in(text: bytes) -> set[str]:
    return {name.decode("utf-8", "replace") for name in _IDENTIFIER.findall(text)}


def _may_have_changed(m: Machine, args: tuple[Any, ...], units: set[int]) -> None:
    """What was cut off may have set any attribute that is assigned in the files that it ran through."""
    names = {name for unit in units for name in assigned_in(m.services["units"][unit].data)}
    m.services["escape"](m, args)
    for value in args:
        if isinstance(m.get(value), Instance):
            loosen(m, value, frozenset(names), 0)


def _revived(m: Machine, before: State, args: tuple[Any, ...], raises: list[tuple[State, Any]], at: int) -> Any:
    """A call of a function of the project that seems to end by an exception comes back all the same."""
    m.ways[-1].doubted = True
    m.state = join_all([state for state, _ in raises[-1:]]) if raises else before.fork()
    m.state.dead = False
    m.services["escape"](m, args)
    thing = m.get(args[0]) if args else None
    if isinstance(thing, Instance):
        m.put(args[0], replace(thing, complete=False))
    return m.opaque(at, tag="revived")
