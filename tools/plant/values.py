"""Mistakes about values: what cuts a graph, and what should have been cut and is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from .script import Change, Line, Script, assigned, expression, method_call, receiver, several, statement, target_of


def _computed(script: Script) -> Iterator[tuple[Line, cst.Assign]]:
    """Assignments of something computed to one name."""
    for line in script.all(Line):
        assign = assigned(line)
        if assign and target_of(assign) and not isinstance(assign.value, (cst.Tuple, cst.List, cst.BaseNumber)):
            if any(script.within(assign.value, cst.Call)) or isinstance(assign.value, cst.BinaryOperation):
                yield line, assign


def made(suffix: str) -> Callable[[Script], Iterator[Change]]:
    """What is bound to a name, or returned, ends in `.detach()` or the like."""
    return through("{}" + suffix)


def through(form: str) -> Callable[[Script], Iterator[Change]]:
    """What is bound to a name, or returned, goes through an expression of that form."""

    def plant(script: Script) -> Iterator[Change]:
        for _, assign in _computed(script):
            yield script.change(assign.value, _form(script, form, assign.value))
        for returned in script.all(cst.Return):
            if isinstance(returned.value, (cst.Call, cst.BinaryOperation)):
                yield script.change(returned.value, _form(script, form, returned.value))

    return plant


def _form(script: Script, form: str, value: cst.BaseExpression) -> cst.BaseExpression:
    code = script.code(value)
    simple = isinstance(value, (cst.Name, cst.Call, cst.Attribute, cst.Subscript))
    return expression(form.format(code if simple else f"({code})"))


def argument_detached(script: Script) -> Iterator[Change]:
    for call in script.all(cst.Call):
        for arg in call.args:
            if isinstance(arg.value, cst.Name) and not arg.star:
                yield script.change(arg.value, expression(f"{arg.value.value}.detach()"))


def item_of_term(script: Script) -> Iterator[Change]:
    """One term of a sum, or one factor, becomes a number."""
    for operation in script.all(cst.BinaryOperation):
        for side in (operation.left, operation.right):
            if isinstance(side, (cst.Name, cst.Call)):
                yield script.change(side, expression(f"{script.code(side)}.item()"))


def _backwards(script: Script) -> Iterator[tuple[Line, str]]:
    """Statements that call `backward` on a name."""
    for line in script.all(Line):
        call = method_call(line, "backward")
        if call and isinstance(receiver(call), cst.Name):
            yield line, script.code(receiver(call))


def loss_rebuilt(form: str) -> Callable[[Script], Iterator[Change]]:
    def plant(script: Script) -> Iterator[Change]:
        for line, name in _backwards(script):
            yield script.change(line, several(statement(f"{name} = {form.format(name)}\n"), line))

    return plant


def loss_released(script: Script) -> Iterator[Change]:
    """The loss is cut off and then asked to require grad, which hides that nothing leads back from it."""
    for line, name in _backwards(script):
        cut, release = statement(f"{name} = {name}.detach()\n"), statement(f"{name}.requires_grad_()\n")
        yield script.change(line, several(cut, release, line))


def detach_dropped(script: Script) -> Iterator[Change]:
    for call in script.all(cst.Call):
        if method_call(call, "detach", "detach_") and not call.args:
            yield script.change(call, receiver(call))
    for attribute in script.all(cst.Attribute):
        if attribute.attr.value == "data" and script.code(attribute.value) != "self":
            yield script.change(attribute, attribute.value)


def requires_grad_dropped(script: Script) -> Iterator[Change]:
    for call in script.all(cst.Call):
        if method_call(call, "requires_grad_"):
            yield script.change(call, receiver(call))
        kept = [arg for arg in call.args if not (arg.keyword and arg.keyword.value == "requires_grad")]
        if len(kept) < len(call.args):
            yield script.change(call, call.with_changes(args=kept))
    for line in script.all(Line):
        assign = assigned(line)
        if assign and isinstance(assign.targets[0].target, cst.Attribute):
            if assign.targets[0].target.attr.value == "requires_grad":
                yield script.change(line, statement("pass\n"))
