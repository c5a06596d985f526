"""What a function, module or constructor leaves behind when it ends: modes that it switched and did not restore."""

from __future__ import annotations

from gradlint.analysis import events
from gradlint.analysis.machine import Activation, Exits, Machine
from gradlint.analysis.state import Mode, State
from gradlint.analysis.values import is_false, is_true


def function_ended(m: Machine, act: Activation, exits: Exits) -> None:
    """Report a mode that differs from the one at entry, on the normal way out and on raised ones."""
    name = act.code.qualname if act.code is not None else ""
    if not m.dead():
        _report(m, m.state, act, "init" if name.endswith("__init__") else "return", name)
    for state, _ in exits.raises:
        if not state.dead:
            before, m.state = m.state, state
            _report(m, state, act, "raise", name)
            m.state = before


def switched(m: Machine, before: Mode, after: Mode) -> bool:
    """Whether two modes differ for certain (unknown against itself is no difference)."""
    if before.grad == after.grad and before.inference == after.inference:
        return False
    for a, b in ((before.grad, after.grad), (before.inference, after.inference)):
        a, b = m.simplified(a), m.simplified(b)
        if is_true(a) and is_false(b) or is_false(a) and is_true(b):
            return True
    return False


def _report(m: Machine, state: State, act: Activation, how: str, name: str) -> None:
    if not switched(m, act.entry_mode, state.mode):
        return
    added = [here for _, here in state.mode.stack if here not in {h for _, h in act.entry_mode.stack}]
    where = added[-1] if added else (state.mode.stack[-1][1] if state.mode.stack else act.site)
    if not where or where >> 32 != act.unit:
        return
    m.emit_at(events.ModeLeft, where, how=how, function=name, after=m.mode_fact(state.mode))
