"""Execution of statements: one function a node kind, in a table. A statement leaves the machine in the state after
it, or dead where control never gets there; abrupt ways out go to `m.exits`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import (
    classes,
    contexts,
    frames,
    imports,
    torch_advice,
    torch_rebinding,
    torch_watch,
    unentered,
)
from gradlint.analysis.attributes import del_attr, get_attr, set_attr
from gradlint.analysis.calls import call
from gradlint.analysis.expressions import evaluate, make_function
from gradlint.analysis.items import del_item, get_item, set_item
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.loops import run_for, run_while
from gradlint.analysis.machine import Exits, Machine, join_all
from gradlint.analysis.narrowing import narrow
from gradlint.analysis.operators import binary, compare_flag, truth_of
from gradlint.analysis.values import (
    NONE,
    Const,
    Context,
    Descriptor,
    Extern,
    Frame,
    Instance,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Tensor,
)
from gradlint.analysis.withs import run_with
from gradlint.records import replace
from gradlint.syntax import ir


def run_block(m: Machine, body: tuple[ir.Stmt, ...]) -> None:
    """Run statements in order, as long as control goes on."""
    for node in body:
        if m.state.dead:
            return
        m.step()
        _RUN[type(node)](m, node)


# -- binding


def assign(m: Machine, target: ir.Expr, value: Any, record: bool = True) -> None:
    """Store a value to a target of any kind."""
    if isinstance(target, ir.Name):
        old = frames.lookup(m, target.id)
        value = torch_rebinding.bound(m, old, value, target.id, target.at, "name")
        if isinstance(m.get(old), Instance) and isinstance(m.get(value), Instance) and not _is_param(m, target.id):
            torch_watch.replaced_name(m, old, value, target.id, target.at)
        value = named(m, value, target.id)
        frames.bind(m, target.id, value)
        if type(old) in (Ref, Phi) and old != value:
            contexts.dropped(m, old)
        if record:
            m.bound(target.id, target.at, value)
    elif isinstance(target, ir.Attr):
        obj = evaluate(m, target.obj)
        m.assigned = (dotted(target.obj), m.assigned[1])
        holder = m.get(obj)
        if isinstance(holder, Instance) and target.name in holder.attrs:
            name = f"{dotted(target.obj)}.{target.name}"
            value = torch_rebinding.bound(m, holder.attrs[target.name], value, name, target.at, "attribute")
        set_attr(m, obj, target.name, named(m, value, target.name), target.at)
    elif isinstance(target, ir.Item):
        obj = evaluate(m, target.obj)
        index = evaluate(m, target.index)
        _set_item(m, obj, index, value, target.at)
    elif isinstance(target, ir.Display):
        _unpack(m, target, value, record)
    elif isinstance(target, ir.Star):
        assign(m, target.value, value, record)


def _set_item(m: Machine, obj: Any, index: Any, value: Any, at: int) -> None:
    def one(leaf: Any) -> Any:
        set_item(m, leaf, index, value, at)
        return NONE

    m.split(obj, one)


def _is_param(m: Machine, name: str) -> bool:
    """Whether a name is a parameter of the running function: the caller goes on holding what it was given."""
    code = m.stack[-1].code
    return code is not None and any(p.name == name for p in code.params)


def named(m: Machine, value: Any, name: str) -> Any:
    """Remember in a tensor's origin how the source calls it; the first name wins."""
    thing = m.get(value)
    if isinstance(thing, Tensor) and not thing.origin.name:
        m.put(value, replace(thing, origin=replace(thing.origin, name=name)))
    elif isinstance(value, Opaque) and value.origin is not None and not value.origin.name:
        return replace(value, origin=replace(value.origin, name=name))
    elif isinstance(thing, Instance):
        torch_watch.named(m, value, name)
    return value


def _unpack(m: Machine, target: ir.Display, value: Any, record: bool) -> None:
    m.split(value, lambda leaf: _unpack_leaf(m, target, leaf, record))


def _unpack_leaf(m: Machine, target: ir.Display, value: Any, record: bool) -> Any:
    items, rest = iterate(m, value, target.at)
    stars = [i for i, t in enumerate(target.items) if isinstance(t, ir.Star)]
    wanted = len(target.items)
    if rest is None and (len(items) == wanted or stars and len(items) >= wanted - 1):
        if stars:
            before = stars[0]
            after = wanted - before - 1
            middle = items[before : len(items) - after]
            star = m.alloc(target.at, Sequence("list", tuple(middle)), "star")
            items = [*items[:before], star, *items[len(items) - after :]] if after else [*items[:before], star]
        for part, item in zip(target.items, items):
            assign(m, part, item, record)
        return NONE
    if rest is None and not stars and items:
        m.may_raise()
    joined = (
        anonymous([*items, *([] if rest is None else [rest])]) if items or rest is not None else m.opaque(target.at)
    )
    for number, part in enumerate(target.items):
        if isinstance(part, ir.Star):
            assign(m, part, m.alloc(target.at, Sequence("list", (), joined), "star"), record)
        else:
            assign(m, part, _part(m, value, joined, number), record)
    return NONE


def _part(m: Machine, value: Any, joined: Any, number: int) -> Any:
    """The item at a position of something unknown: told apart from the items beside it."""
    if isinstance(value, Opaque) and isinstance(joined, Opaque) and joined.symbol[0] != "wide":
        return replace(joined, symbol=("item", value.symbol, ("const", "int", number)))
    return joined


def _assign(m: Machine, node: ir.Assign) -> None:
    value = evaluate(m, node.value)
    if m.dead():
        return
    m.statement = m.here(node.at) if len(node.targets) == 1 else 0
    m.assigned = ("", getattr(node.value, "at", 0) if len(node.targets) == 1 else 0)
    for target in node.targets:
        assign(m, target, value)
    m.statement = 0
    unentered.kept(m, node, value)


def _augment(m: Machine, node: ir.Augment) -> None:
    from gradlint.analysis import torch_tensors

    def update(current: Any) -> Any:
        value = evaluate(m, node.value)

        def leafwise(leaf: Any) -> Any:
            member = m.services["stand_in"](m, leaf, node.at)
            if member is not leaf:
                torch_tensors.augmented(m, node.op, member, value, node.at)
                return leaf
            thing = m.get(leaf)
            if isinstance(thing, Tensor):
                made = torch_tensors.augmented(m, node.op, leaf, value, node.at)
                _collected(m, node, leaf, value, made)
                return made
            if isinstance(thing, Sequence) and thing.kind == "list" and node.op == "+":
                from gradlint.analysis import python_methods

                python_methods.extend(m, leaf, value, node.at)
                return leaf
            made = m.split(value, lambda v: binary(m, node.op, leaf, v, node.at))
            made = torch_tensors.perhaps_in_place(m, leaf, made)
            _collected(m, node, leaf, value, made)
            return made

        return m.split(current, leafwise)

    target = node.target
    if isinstance(target, ir.Name):
        value = update(frames.lookup(m, target.id))
        frames.bind(m, target.id, named(m, value, target.id))
        m.bound(target.id, target.at, value)
    elif isinstance(target, ir.Attr):
        obj = evaluate(m, target.obj)
        value = update(get_attr(m, obj, target.name, target.at))
        set_attr(m, obj, target.name, value, target.at)
    elif isinstance(target, ir.Item):
        obj = evaluate(m, target.obj)
        index = evaluate(m, target.index)
        current = m.split(obj, lambda leaf: get_item(m, leaf, index, target.at))
        value = update(current)
        _set_item(m, obj, index, value, target.at)


def _collected(m: Machine, node: ir.Augment, old: Any, value: Any, made: Any) -> None:
    """`total += loss` over the rounds of a loop."""
    if node.op == "+" and m.rounds:
        torch_advice.collected(m, "sum", dotted(node.target), old, value, made, node.at, getattr(node.value, "at", 0))


def _evaluate(m: Machine, node: ir.Evaluate) -> None:
    before = m.state.mode
    value = evaluate(m, node.value)
    if not m.dead():
        unentered.dropped(m, node, value, before)


def _delete(m: Machine, node: ir.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ir.Name):
            contexts.dropped(m, frames.lookup(m, target.id))
            frames.unbind(m, target.id)
        elif isinstance(target, ir.Attr):
            del_attr(m, evaluate(m, target.obj), target.name)
        elif isinstance(target, ir.Item):
            obj, index = evaluate(m, target.obj), evaluate(m, target.index)
            m.split(obj, lambda leaf, index=index, at=target.at: del_item(m, leaf, index, at) or NONE)  # type: ignore[misc]


# -- control


def _if(m: Machine, node: ir.If) -> None:
    test = truth_of(m, evaluate(m, node.test))
    if m.dead():
        return

    def branch(holds: bool, body: tuple[ir.Stmt, ...]) -> None:
        narrow(m, node.test, holds)
        run_block(m, body)

    test = m.asked(test, node.test.at, node.at)
    m.under(test, lambda: branch(True, node.body), lambda: branch(False, node.orelse), node.at)


def _match(m: Machine, node: ir.Match) -> None:
    subject = m.simplified(evaluate(m, node.subject))
    _case(m, node, subject, 0)


def _case(m: Machine, node: ir.Match, subject: Any, index: int) -> None:
    if index == len(node.cases) or m.dead():
        return
    case = node.cases[index]

    def matched() -> Any:
        for name in case.pattern.names:
            frames.bind(m, name, subject if case.pattern.kind == "capture" else m.opaque(node.at, tag=name))
        if case.guard is None:
            run_block(m, case.body)
            return None
        flag = truth_of(m, evaluate(m, case.guard))
        return m.under(flag, lambda: run_block(m, case.body), lambda: _case(m, node, subject, index + 1), node.at)

    if case.pattern.kind in ("capture", "wildcard"):
        matched()
        return
    value = evaluate(m, case.pattern.expr) if case.pattern.expr is not None else None
    if case.pattern.kind == "value" and value is not None:
        # Python compares with these three by identity.
        how = "is" if isinstance(value, Const) and isinstance(value.value, (bool, type(None))) else "=="
        flag = m.split_both(subject, value, lambda s, v: compare_flag(m, how, s, v, node.at))
        m.under(flag, matched, lambda: _case(m, node, subject, index + 1), node.at)
        return
    from gradlint.analysis.values import UNKNOWN

    m.under(UNKNOWN, matched, lambda: _case(m, node, subject, index + 1), node.at + index)


def _return(m: Machine, node: ir.Return) -> None:
    value = NONE if node.value is None else evaluate(m, node.value)
    if m.dead():
        return
    m.exits.returns.append((m.state.fork(), value))
    m.kill()


def _raise(m: Machine, node: ir.Raise) -> None:
    value = NONE if node.exception is None else evaluate(m, node.exception)
    if node.cause is not None:
        evaluate(m, node.cause)
    if m.dead():
        return
    m.exits.raises.append((m.state.fork(), value))
    m.kill()


def _assert(m: Machine, node: ir.Assert) -> None:
    from gradlint.analysis.values import Phi

    flag = m.simplified(truth_of(m, evaluate(m, node.test)))
    narrow(m, node.test, True)
    if isinstance(flag, Phi) and not m.dead():
        if getattr(flag.other, "value", None) is False:
            m.state.assume(flag.cond, True)
        elif getattr(flag.then, "value", None) is False:
            m.state.assume(flag.cond, False)


def _jump(m: Machine, node: ir.Jump) -> None:
    if node.kind == "break":
        m.exits.breaks.append(m.state.fork())
        m.kill()
    elif node.kind == "continue":
        m.exits.continues.append(m.state.fork())
        m.kill()


def _try(m: Machine, node: ir.Try) -> None:
    outer, m.exits = m.exits, Exits()
    m.guarded += 1
    try:
        run_block(m, node.body)
        inner = m.exits
        if node.handlers:
            _handlers(m, node, inner)
        elif node.orelse and not m.dead():
            run_block(m, node.orelse)
    finally:
        m.guarded -= 1
        inner, m.exits = m.exits, outer
    if node.final:
        _finally(m, node, inner)
    else:
        outer.absorb(inner)


def _handlers(m: Machine, node: ir.Try, inner: Exits) -> None:
    raised, inner.raises = inner.raises, []
    ends: list[Any] = []
    if not m.dead():
        run_block(m, node.orelse)
    ends.append(m.state)
    if raised:
        entry = join_all([state for state, _ in raised])
        value = raised[0][1] if len(raised) == 1 else NONE
        caught = False
        for handler in node.handlers:
            m.state = entry.fork()
            if handler.type is not None:
                kind = evaluate(m, handler.type)
                caught = caught or getattr(kind, "name", "") in ("builtins.Exception", "builtins.BaseException")
            else:
                caught = True
            if handler.name:
                frames.bind(m, handler.name, m.opaque(handler.at, tag="error"))
            run_block(m, handler.body)
            ends.append(m.state)
        if not caught:
            inner.raises.append((entry.fork(), value))
    m.state = join_all(ends)


def _finally(m: Machine, node: ir.Try, inner: Exits) -> None:
    """Run the `finally` body once for each kind of way out, on the join of the states that leave by it."""
    slot = m.contexts.address(m.context, m.here(node.at), "finally")
    normal = m.state

    def through(states: list[Any]) -> Any:
        m.state = join_all(states).fork() if states else normal
        if not m.dead():
            run_block(m, node.final)
        return m.state

    def held(pairs: list[tuple[Any, Any]]) -> list[Any]:
        states = []
        for state, value in pairs:
            state = state.fork()
            state.put(slot, Frame({"value": value}))
            states.append(state)
        return states

    outer = m.exits
    if inner.breaks:
        outer.breaks.append(through(inner.breaks))
    if inner.continues:
        outer.continues.append(through(inner.continues))
    for pairs, sink in ((inner.returns, outer.returns), (inner.raises, outer.raises)):
        if pairs:
            state = through(held(pairs))
            frame = state.heap.get(slot)
            sink.append((state, frame.names["value"] if isinstance(frame, Frame) else NONE))
    m.state = normal.fork()
    if not m.dead():
        run_block(m, node.final)


# -- definitions


def _def(m: Machine, node: ir.Def) -> None:
    decorators = [evaluate(m, d) for d in node.decorators]
    func = make_function(m, node.code)
    m.decorations[func.key] = tuple(_name_of(m, d, value) for d, value in zip(node.decorators, decorators))
    value: Any = func
    for number, decorator in reversed(list(enumerate(decorators))):
        before, expr = value, node.decorators[number]
        m.below = m.here(node.decorators[number + 1].at) if number + 1 < len(decorators) else 0
        value = call(m, decorator, (value,), {}, expr.at or node.at)
        if not _is_callable(m, value):
            # An unknown decorator is taken to give the function back as it is.
            value = before
    m.below = 0
    if isinstance(value, Descriptor) and value.kind == "setter":
        frames.bind(m, f"{node.code.name}#set", value.func)
        return
    frames.bind(m, node.code.name, value)


def _is_callable(m: Machine, value: Any) -> bool:
    return not isinstance(value, Opaque) and value is not NONE or isinstance(m.get(value), Instance)


def _name_of(m: Machine, node: ir.Expr, value: Any) -> str:
    """The name of a decorator: its own where it is one of Python's or torch's, whatever the file calls it."""
    value = m.simplified(value)
    if isinstance(value, Extern):
        return value.name
    thing = m.get(value)
    return f"torch.{thing.spec.kind}" if isinstance(thing, Context) else dotted(node)


def dotted(node: ir.Expr) -> str:
    """`a.b.c` of a decorator expression, arguments left away; "" where it is no dotted name."""
    if isinstance(node, ir.Call):
        return dotted(node.func)
    if isinstance(node, ir.Attr):
        return f"{dotted(node.obj)}.{node.name}"
    return node.id if isinstance(node, ir.Name) else ""


def _class(m: Machine, node: ir.Class) -> None:
    value = classes.define(m, node)
    if not m.dead():
        frames.bind(m, node.name, value)


def _import(m: Machine, node: ir.Import) -> None:
    frames.bind(m, node.name, imports.import_module(m, node.module, node.aliased, node.at))


def _import_from(m: Machine, node: ir.ImportFrom) -> None:
    for name, alias in node.names:
        if name == "*":
            imports.import_star(m, node)
        else:
            frames.bind(m, alias, imports.import_name(m, node, name))


def _unknown(m: Machine, node: ir.Unknown) -> None:
    for name in node.names:
        frames.bind(m, name, m.opaque(node.at, tag=name))


def _run_with(m: Machine, node: ir.With) -> None:
    run_with(m, node, 0)


def ref_or_none(value: Any) -> Ref | None:
    return value if isinstance(value, Ref) else None


_RUN: dict[type, Callable[[Machine, Any], None]] = {
    ir.Assign: _assign,
    ir.Augment: _augment,
    ir.Evaluate: _evaluate,
    ir.Delete: _delete,
    ir.If: _if,
    ir.While: run_while,
    ir.For: run_for,
    ir.With: _run_with,
    ir.Try: _try,
    ir.Match: _match,
    ir.Return: _return,
    ir.Raise: _raise,
    ir.Assert: _assert,
    ir.Jump: _jump,
    ir.Import: _import,
    ir.ImportFrom: _import_from,
    ir.Def: _def,
    ir.Class: _class,
    ir.Unknown: _unknown,
}

__all__ = ["assign", "contexts", "named", "run_block"]
