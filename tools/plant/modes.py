"""Mistakes about the mode: code that runs without gradients, or with them, and should not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from .script import Change, Line, Script, assigned, expression, method_call, several, statement, wrapped

NOT_DECORATED = {"__init__", "__len__", "main"}


def under(mode: str) -> Callable[[Script], Iterator[Change]]:
    """An assignment of something computed, alone under the mode."""

    def plant(script: Script) -> Iterator[Change]:
        for line in script.all(Line):
            assign = assigned(line)
            if assign and any(script.within(assign.value, cst.Call)) or _accumulates(line):
                yield script.change(line, wrapped(line, mode))

    return plant


def _accumulates(line: Line) -> bool:
    return len(line.body) == 1 and isinstance(line.body[0], cst.AugAssign)


def decorated(mode: str) -> Callable[[Script], Iterator[Change]]:
    """A function or a method, decorated with the mode."""

    def plant(script: Script) -> Iterator[Change]:
        for function in script.all(cst.FunctionDef):
            if function.name.value not in NOT_DECORATED:
                decorators = [*function.decorators, cst.Decorator(expression(mode))]
                yield script.change(function, function.with_changes(decorators=decorators))

    return plant


def left_off(script: Script) -> Iterator[Change]:
    """Gradients are switched off before a loop, for good."""
    for loop in script.all(cst.For):
        if not script.around(loop, cst.ClassDef):
            yield script.change(loop, several(statement("torch.set_grad_enabled(False)\n"), loop))


def switched(script: Script) -> Iterator[Change]:
    """`with torch.no_grad():` becomes a switch that nobody turns back."""
    for block in _withs(script, "torch.no_grad()"):
        yield script.change(block, several(statement("torch.set_grad_enabled(False)\n"), *block.body.body))


def enable_dropped(script: Script) -> Iterator[Change]:
    for block in _withs(script, "torch.enable_grad()"):
        yield script.change(block, several(*block.body.body))


def no_grad_dropped(script: Script) -> Iterator[Change]:
    for block in _withs(script, "torch.no_grad()"):
        yield script.change(block, several(*block.body.body))
    for function in script.all(cst.FunctionDef):
        if function.decorators and script.code(function.decorators[0].decorator) == "torch.no_grad()":
            yield script.change(function, function.with_changes(decorators=function.decorators[1:]))


def not_restored(script: Script) -> Iterator[Change]:
    for line in script.all(Line):
        if script.code(line).strip() == "torch.set_grad_enabled(True)":
            yield script.change(line, cst.RemoveFromParent())


def turned_round(script: Script) -> Iterator[Change]:
    """`set_grad_enabled(condition)` gets the opposite condition, or a constant."""
    for call in script.all(cst.Call):
        if method_call(call, "set_grad_enabled") and len(call.args) == 1:
            condition = script.code(call.args[0].value)
            if condition not in ("True", "False"):
                for other in (f"not ({condition})", "False"):
                    yield script.change(call, call.with_changes(args=[cst.Arg(expression(other))]))


def _withs(script: Script, mode: str) -> Iterator[cst.With]:
    for block in script.all(cst.With):
        if len(block.items) == 1 and script.code(block.items[0].item) == mode:
            if isinstance(block.body, cst.IndentedBlock):
                yield block
