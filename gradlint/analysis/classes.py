"""User classes: bodies, inheritance, instances."""

from __future__ import annotations

import re
from typing import Any

from gradlint.analysis.machine import Activation, Exits, Machine
from gradlint.analysis.values import Class, Const, Descriptor, Extern, Frame, Func, Instance, Moded, Ref, Table
from gradlint.records import replace
from gradlint.syntax import ir

MAX_MRO = 64


def define(m: Machine, node: ir.Class) -> Any:
    """Run a class statement: its body in a frame of its own, then the class object, decorators applied."""
    from gradlint.analysis.calls import call
    from gradlint.analysis.expressions import evaluate
    from gradlint.analysis.statements import run_block

    decorators = [evaluate(m, d) for d in node.decorators]
    bases = tuple(evaluate(m, a.value) for a in node.bases if a.keyword is None and a.star == 0)
    act = m.stack[-1]
    address = m.contexts.address(m.context, m.here(node.at), "class")
    frame = m.contexts.address(m.context, m.here(node.at), "classbody")
    m.state.alloc(address, Class(node.name, node.qualname, bases, {}, act.frame, m.here(node.at)))
    parent = _scope(m, act)
    m.state.put(
        frame, Frame({"__module__": Const("module"), "__qualname__": Const(node.qualname)}, parent, _module(m, act))
    )
    outer, m.exits = m.exits, Exits()
    m.stack.append(Activation(frame, act.unit, owner=address, entry_mode=m.state.mode, loops=len(m.rounds)))
    run_block(m, node.body)
    m.stack.pop()
    outer.raises += m.exits.raises
    m.exits = outer
    if m.dead():
        return Const(None)
    body = m.state.get(frame)
    assert isinstance(body, Frame)
    names = {k: v for k, v in body.names.items() if k not in ("__module__", "__qualname__")}
    if node.annotations:
        names["__annotations__"] = m.alloc(
            node.at, Table({name: Const(None) for name, _ in node.annotations}), "fields"
        )
    made = m.state.get(address)
    assert isinstance(made, Class)
    m.state.put(address, replace(made, attrs=names))
    value: Any = Ref(address)
    for decorator in reversed(list(zip(decorators, node.decorators))):
        value = call(m, decorator[0], (value,), {}, getattr(decorator[1], "at", node.at) or node.at)
    return value


def _scope(m: Machine, act: Activation) -> int:
    """The frame that functions of this body close over: a class body is no scope of its own for them."""
    if act.owner and act.code is None:
        frame = m.state.get(act.frame)
        assert isinstance(frame, Frame)
        return frame.parent
    return act.frame


def _module(m: Machine, act: Activation) -> int:
    frame = m.state.get(act.frame)
    assert isinstance(frame, Frame)
    return frame.module


def mro(m: Machine, cls: Any) -> list[Any]:
    """The classes of a class, itself first: Refs to user classes, Externs, unknown values; depth first, each once."""
    found: list[Any] = []
    todo = [cls]
    while todo and len(found) < MAX_MRO:
        value = m.simplified(todo.pop(0))
        if value in found:
            found.remove(value)
        found.append(value)
        thing = m.get(value)
        if isinstance(thing, Class):
            todo = [*thing.bases, *todo]
    return found


def class_of(m: Machine, value: Any) -> Any:
    """The class of an instance, None where the value is no instance."""
    thing = m.get(value)
    return thing.cls if isinstance(thing, Instance) else None


def externs(m: Machine, cls: Any) -> list[str]:
    """Names of the external classes among a class and its bases."""
    return [c.name for c in mro(m, cls) if isinstance(c, Extern)]


def has_unknown_base(m: Machine, cls: Any) -> bool:
    """Whether some base is neither a class in view nor a known external one (`object`, torch, the standard library)."""
    return any(not isinstance(c, Extern) and not isinstance(m.get(c), Class) for c in mro(m, cls))


def find(m: Machine, cls: Any, name: str, after: int = 0) -> tuple[Any, Any] | None:
    """The attribute `name` of a class as (value, class that holds it), looking behind the class at address `after`
    where given. An external class that may hold it is returned as (None, Extern)."""
    skip = bool(after)
    for entry in mro(m, cls):
        if skip:
            skip = not (isinstance(entry, Ref) and entry.addr == after)
            continue
        thing = m.get(entry)
        if isinstance(thing, Class):
            if name in thing.attrs:
                return thing.attrs[name], entry
        elif isinstance(entry, Extern) and _may_hold(entry.name, name):
            return None, entry
    return None


BARE = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
"""Classes whose attributes no program asks for: a class behind them is not hidden by them."""
CASES = frozenset({"unittest.TestCase", "unittest.case.TestCase", "unittest.IsolatedAsyncioTestCase"})
_OF_CASES = re.compile(
    "_|assert|fail|add|enter|do(Class)?Cleanups|asyncSetUp|asyncTearDown|countTestCases|debug|defaultTestResult|id$|"
    "longMessage|maxDiff|run$|setUp|shortDescription|skipTest|subTest|tearDown"
)


def _may_hold(cls: str, name: str) -> bool:
    return cls not in BARE and (cls not in CASES or _OF_CASES.match(name) is not None)


def lookup(m: Machine, instance: Any, name: str) -> Any:
    """A user-defined class attribute of an instance, unbound; None where no class in view has it."""
    cls = class_of(m, instance)
    if cls is None:
        return None
    found = find(m, cls, name)
    return found[0] if found else None


def underlying(value: Any) -> Func | None:
    """The function below decorators, descriptors and modes."""
    while isinstance(value, (Moded, Descriptor)):
        value = value.func
    return value if isinstance(value, Func) else None
