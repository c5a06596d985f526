"""Comprehensions: eager ones fill a container on the heap, generator expressions wait for their consumer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Activation, Machine
from gradlint.analysis.narrowing import narrow
from gradlint.analysis.operators import truth_of
from gradlint.analysis.values import NONE, UNKNOWN, Const, Frame, Generator, Ref, Sequence, Table
from gradlint.records import replace
from gradlint.syntax import ir

MAX_ITEMS = 64
_FIRST = ".0"


def comprehension(m: Machine, node: ir.Comprehension) -> Any:
    """The value of a comprehension; the first iterable is evaluated here, as Python does."""
    from gradlint.analysis.expressions import evaluate

    first = evaluate(m, node.clauses[0].iter)
    act = m.stack[-1]
    outer = m.state.heap[act.frame]
    assert isinstance(outer, Frame)
    from gradlint.analysis.classes import _scope

    names: dict[str, Any] = {_FIRST: first, ".exact": _exact(m, node, first)}
    frame = m.alloc(
        node.at,
        Frame(names, _scope(m, act) if act.code is None else act.frame, outer.module or act.frame),
        "comprehension",
    )
    if node.kind == "generator":
        mode = m.state.mode
        m.deferred += 1
        thing = Generator("lazy", node, frame.addr, made_mode=(mode.grad, mode.inference), at=m.here(node.at))
        return m.alloc(node.at, thing, "lazy")
    made: Any = Table({}) if node.kind == "dict" else Sequence(node.kind)
    result = m.alloc(node.at, made, "result")
    inner = Activation(frame.addr, act.unit, owner=act.owner, receiver=act.receiver, entry_mode=m.state.mode)
    inner.loops = len(m.rounds)
    m.stack.append(inner)
    try:
        if node.kind == "dict":
            run_clauses(m, node, lambda value: _add_entry(m, result, node, value))
        else:
            run_clauses(m, node, lambda value: append(m, result, value))
    finally:
        # A comprehension is no function: what its calls leave behind stands in the code around it.
        act.leaks += m.stack.pop().leaks
    return result


def _exact(m: Machine, node: ir.Comprehension, first: Any) -> bool:
    thing = m.get(first)
    if len(node.clauses) != 1 or node.clauses[0].tests:
        return False
    return isinstance(thing, Sequence) and thing.exact and len(thing.items) <= 8


def run_clauses(m: Machine, node: ir.Comprehension, consume: Callable[[Any], Any]) -> None:
    """Run the clauses in the current frame (which holds the first iterable), `consume` each element. For a dict the
    element is the value; its key is evaluated by the consumer."""
    _clause(m, node, 0, consume)


def _clause(m: Machine, node: ir.Comprehension, index: int, consume: Callable[[Any], Any]) -> None:
    from gradlint.analysis import frames
    from gradlint.analysis.expressions import evaluate
    from gradlint.analysis.loops import over
    from gradlint.analysis.statements import assign

    if index == len(node.clauses):
        consume(evaluate(m, node.value))
        return
    clause = node.clauses[index]
    iterable = frames.lookup(m, _FIRST) if index == 0 else evaluate(m, clause.iter)

    def tests(number: int) -> Any:
        if number == len(clause.tests):
            _clause(m, node, index + 1, consume)
            return NONE
        test = clause.tests[number]

        def passed() -> Any:
            narrow(m, test, True)
            return tests(number + 1)

        return m.under(truth_of(m, evaluate(m, test)), passed, lambda: NONE, node.at)

    def each(item: Any) -> Any:
        assign(m, clause.target, item, record=False)
        return tests(0)

    over(m, node.at, iterable, each, tag=f"clause{index}")


def _add_entry(m: Machine, result: Ref, node: ir.Comprehension, value: Any) -> Any:
    from gradlint.analysis.expressions import evaluate

    assert node.key is not None
    key = m.simplified(evaluate(m, node.key))
    table = m.get(result)
    assert isinstance(table, Table)
    if isinstance(key, Const) and len(table.entries) < MAX_ITEMS:
        m.put(result, replace(table, entries={**table.entries, key.value: value}))
    else:
        m.put(result, replace(table, rest=value if table.rest is None else anonymous([table.rest, value])))
    return NONE


def append(m: Machine, ref: Ref, value: Any) -> Any:
    """`list.append` on a sequence of the heap."""
    thing = m.get(ref)
    if isinstance(thing, Sequence):
        if thing.exact and len(thing.items) < MAX_ITEMS and not thing.many:
            m.put(ref, replace(thing, items=(*thing.items, value)))
        else:
            parts = [*thing.items, value] if thing.rest is None else [thing.rest, *thing.items, value]
            m.put(ref, replace(thing, items=(), rest=anonymous(parts)))
    return NONE


__all__ = ["UNKNOWN", "append", "comprehension", "run_clauses"]
