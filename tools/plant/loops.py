"""Mistakes in a step of training: the graph, what it saved, gradients, and the update."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from .script import Change, Line, Script, assigned, expression, method_call, receiver, several, statement, target_of

OPERATORS = {"AddAssign": "+", "SubtractAssign": "-", "MultiplyAssign": "*", "DivideAssign": "/"}


def argument_dropped(keyword: str) -> Callable[[Script], Iterator[Change]]:
    def plant(script: Script) -> Iterator[Change]:
        for call in script.all(cst.Call):
            kept = [arg for arg in call.args if not (arg.keyword and arg.keyword.value == keyword)]
            if len(kept) < len(call.args):
                yield script.change(call, call.with_changes(args=kept))

    return plant


def backward_twice(script: Script) -> Iterator[Change]:
    for line in script.all(Line):
        if method_call(line, "backward"):
            yield script.change(line, several(line, line.deep_clone()))


def saved_changed(script: Script) -> Iterator[Change]:
    """A value of the block is changed in place just before `backward`, or just after it was made."""
    for line in script.all(Line):
        block = script.block(line)
        call = method_call(line, "backward")
        if call is None:
            continue
        for earlier in block[: block.index(line)]:
            assign = assigned(earlier)
            name = target_of(assign) if assign else ""
            if name and name != script.code(receiver(call)):
                yield script.change(line, several(statement(f"{name}.mul_(0.5)\n"), line))
    for function in script.all(cst.FunctionDef):
        for line in function.body.body if function.name.value == "forward" else ():
            assign = assigned(line)
            if assign and target_of(assign):
                yield script.change(line, several(line, statement(f"{target_of(assign)} += 1\n")))


def leaf_changed(script: Script) -> Iterator[Change]:
    """Parameters are scaled down by hand with gradients on."""
    for line in script.all(Line):
        assign = assigned(line)
        held = _held(script, assign.value) if assign else None
        if held:
            edit = statement(f"for p in {held}.parameters():\n    p.mul_(0.9)\n")
            yield script.change(line, several(line, edit))
    for block in script.all(cst.With):
        if script.code(block.items[0].item) == "torch.no_grad()":
            for line in script.within(block.body, Line):
                if len(line.body) == 1 and isinstance(line.body[0], cst.AugAssign):
                    yield script.change(block, several(line, block))


def _held(script: Script, value: cst.BaseExpression) -> str:
    """The model whose parameters an optimizer is made of."""
    if isinstance(value, cst.Call) and value.args and "optim." in script.code(value.func) + ".":
        call = method_call(value.args[0].value, "parameters")
        return script.code(receiver(call)) if call else ""
    return ""


def cleared_early(script: Script) -> Iterator[Change]:
    """Gradients are set to zero between `backward` and the step."""
    for line in script.all(Line):
        call = method_call(line, "step")
        if call and not call.args and "optim" in script.code(receiver(call)):
            clear = statement(f"{script.code(receiver(call))}.zero_grad()\n")
            yield script.change(line, several(clear, line))


def rebound(script: Script) -> Iterator[Change]:
    """`w -= step` becomes `w = w - step`."""
    for block in script.all(cst.With):
        for change in script.within(block.body, cst.AugAssign):
            sign = OPERATORS.get(type(change.operator).__name__)
            if sign:
                target, value = script.code(change.target), script.code(change.value)
                new = cst.Assign([cst.AssignTarget(change.target)], expression(f"{target} {sign} {value}"))
                yield script.change(change, new)
