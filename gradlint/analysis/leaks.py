"""What a function, module or constructor leaves behind when it ends: modes that it switched and did not restore.

A switch that is not undone by the function itself may be undone by its caller. So it waits with the caller until that
one ends, and is told when nobody in view has restored the mode, or when an exception left the function on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradlint.analysis import events, torch_rebinding
from gradlint.analysis.events import ModeLeft
from gradlint.analysis.machine import Activation, Exits, Machine
from gradlint.analysis.state import Mode, State
from gradlint.analysis.values import REFUSED, Truth, is_false, is_true
from gradlint.records import replace


@dataclass
class Leak:
    """A switch that a callee left behind. `computed`: how much had been computed when it ended. `jumped`: another call of
    its function has switched further, so that this one seems to have left before it switched back."""

    event: ModeLeft
    here: int
    computed: int
    jumped: bool = False


def function_ended(m: Machine, act: Activation, exits: Exits, ends: Sequence[State] = ()) -> None:
    """Look at the mode on the ways out of a function, of a module's code, or of a constructor. `ends`: the states of its
    ordinary ways out; the machine's state covers them all."""
    torch_rebinding.ended(m, act)
    name = act.code.qualname if act.code is not None else ""
    caller = m.stack[-2] if len(m.stack) > 1 else None
    for state, value in exits.raises:
        # What torch refuses in the mode is told itself: with that mended, nothing is raised.
        if not state.dead and (value != REFUSED or m.guarded):
            _raised(m, state, act, name)
    if m.dead():
        _handed_on(m, act, caller, exits)
        return
    where = _switch_left(m, act, m.state)
    kept = [leak for leak in act.leaks if leak.here == where]
    if not where:
        _some_way(m, act, ends, name)
        return
    how = "init" if name.endswith("__init__") else "return" if act.code is not None else "import"
    leak = kept[0] if kept else _new(m, act, where, how, name)
    if leak is None:
        return
    if caller is not None and caller.code is not None or caller is not None and act.code is not None and m.runs_main:
        caller.leaks.append(replace_leak(leak, m.computed if not kept else leak.computed))
        return
    _told(m, act, leak)


def _handed_on(m: Machine, act: Activation, caller: Activation | None, exits: Exits) -> None:
    """A function that only ends by raising: what its callees left stands for whoever catches."""
    state = next((state for state, _ in exits.raises if not state.dead), None)
    if state is not None and caller is not None and (caller.code is not None or m.runs_main):
        caller.leaks += [leak for leak in act.leaks if _switch_left(m, act, state) == leak.here]


def _some_way(m: Machine, act: Activation, ends: Sequence[State], name: str) -> None:
    """A return that jumps over the switch back: on one way out the function's own switch stands, on another it does not."""
    found = [(state, _switch_left(m, act, state)) for state in ends if not state.dead]
    switched = [(state, where) for state, where in found if where in act.switched]
    if not switched or len(switched) == len(found) or len(set(act.switched)) < 2:
        return
    joined, (m.state, where) = m.state, switched[0]
    leak = _new(m, act, where, "return", name)
    if leak is not None:
        m.emit(leak.event)
    m.state = joined


def replace_leak(leak: Leak, computed: int) -> Leak:
    return Leak(leak.event, leak.here, computed, leak.jumped)


def _new(m: Machine, act: Activation, where: int, how: str, name: str) -> Leak | None:
    if m.quiet:
        return None
    event = ModeLeft(
        m.place(where), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site), how=how, function=name,
        after=m.mode_fact(), switch=m.switches.get(where, "set_grad_enabled"), before=m.mode_fact(act.entry_mode),
        computes=Truth(m.computed != act.computed_at_switch.get(where, m.computed)), thread=m.thread_base == len(m.stack),
    )  # fmt: skip
    jumped = act.code is not None and bool(m.switches_in.get((act.unit, act.code.at), set()) - set(act.switched))
    return Leak(event, where, m.computed, jumped)


def _told(m: Machine, act: Activation, leak: Leak) -> None:
    """Nobody in view restores the mode: emit it, with what is known of the time after."""
    later = Truth(True) if m.computed > leak.computed else Truth(None)
    if act.code is None and m.runs_main and m.computed == leak.computed:
        later = Truth(None if leak.jumped else False)
    m.emit(replace(leak.event, later=later))


def program_ended(m: Machine, act: Activation) -> None:
    """The end of the checked file's own code: leaks of the functions it called that are still there, where it runs to its
    end as where it raises."""
    state = m.state
    if m.dead() and m.exits.raises:
        state = m.exits.raises[-1][0]
    for leak in act.leaks:
        if not state.dead and _switch_left(m, act, state) == leak.here:
            later = Truth(True if m.computed > leak.computed else None if leak.jumped else False)
            m.publish(replace(leak.event, later=later))
    act.leaks = []


def switched(m: Machine, before: Mode, after: Mode) -> bool:
    """Whether two modes differ for certain (unknown against itself is no difference)."""
    if before.grad == after.grad and before.inference == after.inference:
        return False
    for a, b in ((before.grad, after.grad), (before.inference, after.inference)):
        a, b = m.simplified(a), m.simplified(b)
        if is_true(a) and is_false(b) or is_false(a) and is_true(b):
            return True
    return False


def _switch_left(m: Machine, act: Activation, state: State) -> int:
    """The place of the switch by which a state's mode differs from the one at entry; 0 where it does not differ, or by no
    switch (an object entered twice is told in another way)."""
    before, m.state = m.state, state
    differs = switched(m, act.entry_mode, state.mode)
    m.state = before
    if not differs:
        return 0
    # A switch that an earlier call made and switched back stands in both: what counts is what came on top.
    entered, now = act.entry_mode.stack, state.mode.stack
    shared = next((n for n, (a, b) in enumerate(zip(entered, now)) if a != b), min(len(entered), len(now)))
    added = [here for _, here in now[shared:] if here in m.switches]
    return added[-1] if added else 0


def _raised(m: Machine, state: State, act: Activation, name: str) -> None:
    where = _switch_left(m, act, state)
    if not where or where not in act.switched:
        return
    before, m.state = m.state, state
    m.emit(
        ModeLeft(
            m.place(where), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site), how="raise", function=name,
            after=m.mode_fact(), switch=m.switches.get(where, "set_grad_enabled"), before=m.mode_fact(act.entry_mode),
            computes=Truth(True), caught=m.guarded > 0, thread=m.thread_base == len(m.stack),
        )
    )  # fmt: skip
    m.state = before


__all__ = ["events", "function_ended", "program_ended"]
