"""Evaluation of expressions: one function a node kind, in a table; order is the IR's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import events, frames, torch_rebinding
from gradlint.analysis.attributes import get_attr
from gradlint.analysis.calls import call, expand_arguments
from gradlint.analysis.comprehensions import comprehension
from gradlint.analysis.items import get_item
from gradlint.analysis.iteration import iterate
from gradlint.analysis.machine import Machine
from gradlint.analysis.operators import binary, compare, flag_value, truth_of, unary
from gradlint.analysis.values import (
    NONE,
    TRUE,
    UNKNOWN,
    Builtin,
    Class,
    Const,
    Extern,
    Func,
    Generator,
    Instance,
    Ref,
    Sequence,
    Super,
    Table,
    both,
)
from gradlint.syntax import ir


def evaluate(m: Machine, node: ir.Expr) -> Any:
    """The value of an expression in the current state."""
    m.step()
    return _EVALUATE[type(node)](m, node)


def _const(m: Machine, node: ir.Const) -> Any:
    return Const(node.value)


def _name(m: Machine, node: ir.Name) -> Any:
    if m.stack[-1].rebound:
        torch_rebinding.read(m, node.id)
    return m.simplified(frames.lookup(m, node.id))


def _attr(m: Machine, node: ir.Attr) -> Any:
    return get_attr(m, evaluate(m, node.obj), node.name, node.at)


def _item(m: Machine, node: ir.Item) -> Any:
    obj = evaluate(m, node.obj)
    index = evaluate(m, node.index)
    return m.split(obj, lambda leaf: get_item(m, leaf, index, node.at))


def _slice(m: Machine, node: ir.Slice) -> Any:
    parts = [NONE if p is None else evaluate(m, p) for p in (node.lower, node.upper, node.step)]
    return m.alloc(node.at, Sequence("slice", tuple(parts)), "slice")


def _star(m: Machine, node: ir.Star) -> Any:
    return evaluate(m, node.value)


def _call(m: Machine, node: ir.Call) -> Any:
    if isinstance(node.func, ir.Name) and node.func.id == "super" and not node.args:
        return _zero_argument_super(m, node)
    func = evaluate(m, node.func)
    args, kwargs, rest = expand_arguments(m, node)
    if isinstance(node.func, ir.Name) and m.stack[-1].receiver is not None:
        from gradlint.analysis import torch_watch

        return torch_watch.watching_closure(
            m, node.func.id, func, node.at, lambda: call(m, func, args, kwargs, node.at, rest)
        )
    return call(m, func, args, kwargs, node.at, rest)


def _zero_argument_super(m: Machine, node: ir.Call) -> Any:
    for act in reversed(m.stack):
        if act.owner and act.receiver is not None:
            return Super(act.owner, act.receiver)
    return m.opaque(node.at, tag="super")


def _op(m: Machine, node: ir.Op) -> Any:
    values = [evaluate(m, o) for o in node.operands]
    if len(values) == 1:
        return m.split(values[0], lambda leaf: unary(m, node.op, leaf, node.at))
    first, second = values
    return m.split_both(first, second, lambda a, b: binary(m, node.op, a, b, node.at))


def _compared(m: Machine, op: str, a: Any, b: Any, at: int) -> Any:
    return m.split_both(a, b, lambda x, y: compare(m, op, x, y, at))


def _compare(m: Machine, node: ir.Compare) -> Any:
    values = [evaluate(m, o) for o in node.operands]
    result: Any = None
    for op, a, b in zip(node.ops, values, values[1:]):
        one = _compared(m, op, a, b, node.at)
        if result is None:
            result = one
        else:
            result = flag_value(m, both(truth_of(m, result), truth_of(m, one)), node.at)
    return result


def _logic(m: Machine, node: ir.Logic) -> Any:
    return _logic_from(m, node, 0)


def _logic_from(m: Machine, node: ir.Logic, index: int) -> Any:
    value = evaluate(m, node.operands[index])
    if index == len(node.operands) - 1:
        return value
    test = truth_of(m, value)

    def further() -> Any:
        return _logic_from(m, node, index + 1)

    def this() -> Any:
        return m.simplified(value)

    if node.op == "and":
        return m.under(test, further, this, node.at)
    return m.under(test, this, further, node.at)


def _choose(m: Machine, node: ir.Choose) -> Any:
    test = m.asked(truth_of(m, evaluate(m, node.test)), node.test.at, node.at)
    return m.under(test, lambda: evaluate(m, node.then), lambda: evaluate(m, node.other), node.at)


def _display(m: Machine, node: ir.Display) -> Any:
    items: list[Any] = []
    rests: list[Any] = []
    for part in node.items:
        value = evaluate(m, part.value if isinstance(part, ir.Star) else part)
        if isinstance(part, ir.Star):
            known, more = iterate(m, value, node.at)
            items += known
            rests += [] if more is None else [more]
        else:
            items.append(value)
    if rests:
        from gradlint.analysis.joins import anonymous

        return m.alloc(node.at, Sequence(node.kind, (), anonymous([*items, *rests])), "display")
    return m.alloc(node.at, Sequence(node.kind, tuple(items)), "display")


def _dict(m: Machine, node: ir.Dict) -> Any:
    entries: dict[Any, Any] = {}
    rests: list[Any] = []
    for key_node, value_node in node.items:
        key = None if key_node is None else m.simplified(evaluate(m, key_node))
        value = evaluate(m, value_node)
        if key is None:
            table = m.get(value)
            if isinstance(table, Table):
                entries.update(table.entries)
                rests += [] if table.rest is None else [table.rest]
            else:
                rests.append(m.opaque(value_node.at if hasattr(value_node, "at") else node.at, tag="spread"))
        elif isinstance(key, Const):
            entries[key.value] = value
        else:
            rests.append(value)
    from gradlint.analysis.joins import anonymous

    return m.alloc(node.at, Table(entries, anonymous(rests) if rests else None), "dict")


def _format(m: Machine, node: ir.Format) -> Any:
    for part in node.parts:
        evaluate(m, part)
    return m.opaque(node.at, kind="number", tag="str")


def _function(m: Machine, node: ir.Function) -> Any:
    return make_function(m, node.code)


def make_function(m: Machine, code: ir.Code) -> Func:
    """A function object of the running scope, its defaults evaluated now."""
    from gradlint.analysis.classes import _scope
    from gradlint.analysis.values import Frame

    act = m.stack[-1]
    defaults = tuple((p.name, evaluate(m, p.default)) for p in code.params if p.default is not None)
    frame = m.state.heap[act.frame]
    assert isinstance(frame, Frame)
    owner = act.owner if act.code is None else 0
    func = Func(code, (act.unit, code.at), _scope(m, act), frame.module or act.frame, defaults, owner)
    m.defs[func.key] = func
    return func


def _bind(m: Machine, node: ir.Bind) -> Any:
    value = evaluate(m, node.value)
    frames.bind(m, node.name, value)
    m.bound(node.name, node.at, value)
    return value


def _await(m: Machine, node: ir.Await) -> Any:
    from gradlint.analysis import generators

    value = evaluate(m, node.value)
    thing = m.get(m.simplified(value))
    inner = isinstance(thing, Generator) and thing.kind == "coroutine" and not thing.started
    before, entered = m.real_waits, list(m.stack[-1].entered)
    result = m.split(value, lambda leaf: generators.run_coroutine(m, leaf, node.at))
    if inner and m.real_waits == before:
        return result
    m.real_waits += 1
    if entered:
        suspended(m, "await", node.at)
    return result


def suspended(m: Machine, how: str, at: int) -> None:
    """Say that the running body gives up control here while a mode that it entered is in force."""
    act = m.stack[-1]
    if not act.entered:
        return
    m.waits += 1
    kind, here = act.entered[-1]
    names = m.decorations.get((act.unit, act.code.at), ()) if act.code is not None else ()
    m.event(
        events.Suspended, at, how=how, kind=kind, entered=m.place(here), decorators=names,
        function=act.code.name if act.code is not None else "", outside=m.mode_fact(act.entry_mode), suspends=TRUE,
        in_contextmanager=any(n.endswith("contextmanager") for n in names),
        in_fixture=any("fixture" in n for n in names),
    )  # fmt: skip


def _yield(m: Machine, node: ir.Yield) -> Any:
    value = NONE if node.value is None else evaluate(m, node.value)
    act = m.stack[-1]
    suspended(m, "yield", node.at)
    if act.on_yield is None:
        return m.opaque(node.at, UNKNOWN, tag="sent")
    if node.delegate:
        return _delegate(m, value, node.at)
    sent = act.on_yield(value)
    return m.opaque(node.at, tag="sent") if sent is NONE else sent


def _delegate(m: Machine, value: Any, at: int) -> Any:
    from gradlint.analysis import generators
    from gradlint.analysis.loops import over

    act = m.stack[-1]
    assert act.on_yield is not None
    if isinstance(m.get(value), Generator):
        return m.split(value, lambda leaf: generators.run(m, leaf, lambda v: act.on_yield(v)))  # type: ignore[misc]
    over(m, at, value, lambda item: act.on_yield(item))  # type: ignore[misc]
    return m.opaque(at, tag="delegated")


def _opaque(m: Machine, node: ir.Opaque) -> Any:
    for part in node.parts:
        evaluate(m, part)
    return m.opaque(node.at, tag="opaque")


def module_like(m: Machine, value: Any) -> bool:
    """Whether a value is an instance (for callers that only need to know that)."""
    return isinstance(m.get(value), (Instance, Class)) or isinstance(value, (Extern, Builtin, Ref))


_EVALUATE: dict[type, Callable[[Machine, Any], Any]] = {
    ir.Const: _const,
    ir.Name: _name,
    ir.Attr: _attr,
    ir.Item: _item,
    ir.Slice: _slice,
    ir.Star: _star,
    ir.Call: _call,
    ir.Op: _op,
    ir.Compare: _compare,
    ir.Logic: _logic,
    ir.Choose: _choose,
    ir.Display: _display,
    ir.Dict: _dict,
    ir.Format: _format,
    ir.Comprehension: comprehension,
    ir.Function: _function,
    ir.Bind: _bind,
    ir.Await: _await,
    ir.Yield: _yield,
    ir.Opaque: _opaque,
}
