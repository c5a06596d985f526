"""Names and attributes that held a leaf which requires grad and are bound to a value computed from it: an update in place
was meant. See `events.Rebound` for what has to be known before it is told."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import events, torch_modules
from gradlint.analysis.events import TensorFact
from gradlint.analysis.ledger import CutRecord
from gradlint.analysis.machine import Activation, Machine
from gradlint.analysis.torch_values import known
from gradlint.analysis.values import LIKELY_TRUE, TRUE, Opaque, Ref, Tensor, is_false, is_true, summary
from gradlint.findings import Origin
from gradlint.records import replace

OPERATORS = {"torch.sub": "-", "torch.add": "+", "torch.mul": "*", "torch.div": "/"}


def loop_names(m: Machine, names: list[str]) -> None:
    """The next round of a `for` begins: its variables are bound anew, what was bound to them is gone unread."""
    act = m.stack[-1]
    for name in names:
        _tell(m, act, name)
        act.loop_names.add(name)


def read(m: Machine, name: str) -> None:
    """A name is read: what it was bound to is of use."""
    m.stack[-1].rebound.pop(name, None)


def ended(m: Machine, act: Activation) -> None:
    """The function ends."""
    for name in list(act.rebound):
        _tell(m, act, name)


def _tell(m: Machine, act: Activation, name: str) -> None:
    event = act.rebound.pop(name, None)
    if event is not None and not m.quiet:
        m.publish(event)


def bound(m: Machine, old: Any, value: Any, name: str, at: int, how: str) -> Any:
    """A name or attribute that held `old` is bound to `value`; gives the value to bind."""
    old, value = known(m, m.simplified(old)), m.simplified(value)
    act = m.stack[-1]
    act.rebound.pop(name, None)
    if old == value:
        return value
    target = _leaf(m, old, name)
    if target is None:
        return value
    if how == "name" and name in act.loop_names:
        if _from(m, value, old):
            act.rebound[name] = _event(m, target, value, old, name, at, "loop")
        return value
    after = m.get(value)
    if not isinstance(after, Tensor) or not is_false(m.simplified(after.rg)) or not isinstance(old, Ref):
        return value
    if not _from(m, value, old) or not uses_gradient(after.origin):
        return value
    return _marked(m, old, value, after, target, name, at, how)


def _leaf(m: Machine, old: Any, name: str) -> TensorFact | None:
    """What is known of a value that is a leaf which requires grad; None where it is not known to be one."""
    thing = m.get(old)
    if isinstance(thing, Tensor):
        if is_true(m.simplified(thing.rg)) and is_true(m.simplified(thing.leaf)):
            return m.fact(old, name)
        return None
    if isinstance(old, Opaque) and (torch_modules.members(old.symbol) or _of_unknown_module(old.symbol)):
        rg = m.simplified(old.rg)
        if not is_false(rg):
            return TensorFact(
                name, summary(LIKELY_TRUE), TRUE, TRUE, parameter=True, origin=Origin("parameter"), known=True
            )
    return None


def _of_unknown_module(symbol: Any) -> bool:
    if not isinstance(symbol, tuple) or not symbol:
        return False
    return symbol[0] in ("unknown-params", "group-params") or any(_of_unknown_module(part) for part in symbol[1:])


def _from(m: Machine, value: Any, old: Any) -> bool:
    """Whether a value was computed from another one."""
    if isinstance(value, Opaque):
        return isinstance(old, Opaque) and value.symbol[0] == "op" and _within(old.symbol, value.symbol)
    after, before = m.get(value), m.get(old)
    if isinstance(after, Tensor) and isinstance(old, Opaque):
        return _mentions_parameter(after.origin)
    return isinstance(after, Tensor) and isinstance(before, Tensor) and _computed_from(after.origin, before.origin)


def _mentions_parameter(origin: Any, depth: int = 0) -> bool:
    if not isinstance(origin, Origin) or depth > 6:
        return False
    return origin.op == "parameter" or any(_mentions_parameter(a, depth + 1) for a in origin.args)


def _within(part: Any, symbol: Any) -> bool:
    return part == symbol or isinstance(symbol, tuple) and any(_within(part, s) for s in symbol)


def _computed_from(origin: Any, target: Origin, depth: int = 0) -> bool:
    if (
        origin is target
        or origin == target
        and isinstance(origin, Origin)
        and origin.line == target.line
        and origin.op == target.op
        and depth
    ):
        return True
    return isinstance(origin, Origin) and depth <= 6 and any(_computed_from(a, target, depth + 1) for a in origin.args)


def uses_gradient(origin: Any, depth: int = 0) -> bool:
    """Whether a value was computed from a gradient."""
    if not isinstance(origin, Origin) or depth > 8:
        return False
    return origin.op in ("torch.Tensor.grad", "torch.autograd.grad") or any(
        uses_gradient(a, depth + 1) for a in origin.args
    )


def _event(m: Machine, target: TensorFact, value: Any, old: Any, name: str, at: int, how: str) -> events.Rebound:
    thing, before = m.get(value), m.get(old)
    origin = thing.origin if isinstance(thing, Tensor) else None
    if origin is not None:
        first = origin.args[0] if origin.args else None
        op = (
            OPERATORS.get(origin.op, "")
            if isinstance(before, Tensor) and _computed_from(first, before.origin, 1)
            else ""
        )
    else:
        op = (
            value.symbol[1]
            if isinstance(value, Opaque)
            and value.symbol[0] == "op"
            and value.symbol[2:3] == (getattr(old, "symbol", None),)
            else ""
        )
    return events.Rebound(
        m.place(m.here(at)), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site), target=target,
        value=m.fact(value, name), how=how, op=op, statement=m.place(m.statement) if m.statement else None,
        made_here=isinstance(before, Tensor) and before.origin.op == "leaf" and bool(before.origin.line),
    )  # fmt: skip


def _marked(m: Machine, old: Ref, value: Ref, after: Tensor, target: TensorFact, name: str, at: int, how: str) -> Any:
    """The new value carries a cut, so that what misses the gradient later finds its way back here."""
    event = _event(m, target, value, old, name, at, how)
    identity = m.contexts.identity(old.addr)
    record = CutRecord(
        "rebound", name, m.here(at), frozenset({identity}), target, m.mode_fact(), event.path, entry=m.entry
    )
    number = m.ledger.cut(record)
    m.ledger.rebounds.setdefault(number, (event, m.contexts.identity(value.addr)))
    m.put(value, replace(after, lost=after.lost | {number}))
    return value


def missed(m: Machine, thing: Tensor, at: int, ref: Ref | None = None) -> bool:
    """Whether a value without graph misses the one that a rebound name had (`ref`: its own `.grad` is read); tells it."""
    told = False
    for number in sorted(thing.lost):
        found = m.ledger.rebounds.get(number)
        if found is None or ref is not None and found[1] != m.contexts.identity(ref.addr):
            continue
        event, _ = found
        if not m.quiet:
            m.publish(replace(event, later=m.place(m.here(at))))
            m.ledger.told.add(number)
        told = True
    return told
