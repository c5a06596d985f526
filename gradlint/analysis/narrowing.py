"""What a condition teaches about the tensors that it asks: behind `if x.requires_grad:` the flag is known."""

from __future__ import annotations

from gradlint.analysis import frames
from gradlint.analysis.machine import Machine
from gradlint.analysis.torch_values import known
from gradlint.analysis.values import FALSE, TRUE, Opaque, Tensor
from gradlint.records import replace
from gradlint.syntax import ir


def narrow(m: Machine, test: ir.Expr, holds: bool) -> None:
    """The condition `test` is true (or false) on the way that runs now."""
    if isinstance(test, ir.Op) and test.op == "not":
        narrow(m, test.operands[0], not holds)
    elif isinstance(test, ir.Logic) and (test.op == "and") == holds:
        for part in test.operands:
            narrow(m, part, holds)
    elif isinstance(test, ir.Attr) and test.name == "requires_grad" and isinstance(test.obj, ir.Name):
        _flag(m, test.obj.id, holds)


def _flag(m: Machine, name: str, holds: bool) -> None:
    value = m.simplified(frames.lookup(m, name))
    flag = TRUE if holds else FALSE
    ref = known(m, value)
    thing = m.get(ref)
    if isinstance(thing, Tensor):
        if m.simplified(thing.rg) != flag and not thing.many:
            m.put(ref, replace(thing, rg=flag, origin=replace(thing.origin, requires_grad=holds)))
    elif isinstance(value, Opaque) and value.kind == "":
        frames.bind(m, name, replace(value, rg=flag))
