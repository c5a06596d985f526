"""Grad-mode objects that are made and never entered: dropped at once, kept in a name that nothing reads, or entered by
hand and collected at once."""

from __future__ import annotations

import re
from typing import Any

from gradlint.analysis import events
from gradlint.analysis.machine import Machine
from gradlint.analysis.state import Mode
from gradlint.analysis.values import Context
from gradlint.syntax import ir


def dropped(m: Machine, node: ir.Evaluate, value: Any, before: Mode) -> None:
    """A statement that is an expression has ended. `before`: the mode that stood when it began."""
    call = node.value
    if not isinstance(call, ir.Call):
        return
    thing = m.get(value)
    if isinstance(thing, Context):
        if not thing.ever and thing.spec.kind != "set_grad_enabled" and thing.spec.at == m.here(call.at):
            m.event(events.ContextMade, call.at, kind=thing.spec.kind, dropped=True)
    elif isinstance(call.func, ir.Attr) and call.func.name == "__enter__" and isinstance(call.func.obj, ir.Call):
        _collected(m, call.func.obj, before)


def _collected(m: Machine, made: ir.Call, before: Mode) -> None:
    """`torch.inference_mode().__enter__()`: nothing holds the guard that it makes, so that the mode is left when the
    statement ends. The other modes have no guard, and stay."""
    here = m.here(made.at)
    found = [o for o in m.state.heap.values() if isinstance(o, Context) and o.spec.at == here]
    if len(found) == 1 and found[0].spec.kind == "inference_mode":
        m.state.mode = before
        m.event(events.ContextMade, made.at, kind="inference_mode", dropped=False, collected=True)


def kept(m: Machine, node: ir.Assign, value: Any) -> None:
    """`guard = torch.no_grad()` where the name is written nowhere else: in the function for a local name, in the file for
    an attribute of `self`."""
    thing = m.get(value)
    if not isinstance(thing, Context) or thing.ever or thing.spec.kind == "set_grad_enabled" or len(node.targets) != 1:
        return
    if not isinstance(node.value, ir.Call) or thing.spec.at != m.here(node.value.at):
        return
    target, act = node.targets[0], m.stack[-1]
    if isinstance(target, ir.Name) and act.code is not None:
        name, word, text = target.id, target.id, act.code.text
    elif isinstance(target, ir.Attr) and isinstance(target.obj, ir.Name) and target.obj.id == "self":
        name, word, text = f"self.{target.name}", target.name, m.services["units"][act.unit].data
    else:
        return
    if len(re.findall(rb"\b%s\b" % re.escape(word.encode()), text)) == 1:
        m.event(events.ContextMade, node.value.at, kind=thing.spec.kind, dropped=False, name=name)
