"""Mistakes about parameters: frozen, not held by the optimizer, or not held by the module."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .script import Change, Line, Script, assigned, expression, method_call, receiver, several, statement, target_of


def _optimizers(script: Script) -> Iterator[tuple[Line, cst.Assign, str]]:
    """Statements that make an optimizer, and the model whose parameters it holds."""
    for line in script.all(Line):
        assign = assigned(line)
        if assign and isinstance(assign.value, cst.Call) and assign.value.args:
            call = method_call(assign.value.args[0].value, "parameters")
            if call and "optim" in script.code(assign.value.func):
                yield line, assign, script.code(receiver(call))


def all_frozen(script: Script) -> Iterator[Change]:
    for line, _, model in _optimizers(script):
        loop = statement(f"for p in {model}.parameters():\n    p.requires_grad = False\n")
        for freeze in (statement(f"{model}.requires_grad_(False)\n"), loop):
            yield script.change(line, several(freeze, line))
            yield script.change(line, several(line, freeze))


def other_parameters(script: Script) -> Iterator[Change]:
    """An optimizer is made of the other model's parameters."""
    models = sorted({model for _, _, model in _optimizers(script)} | _made_models(script))
    for _, assign, model in _optimizers(script):
        assert isinstance(assign.value, cst.Call)
        for other in models:
            if other != model:
                yield script.change(assign.value.args[0].value, expression(f"{other}.parameters()"))


def _classes(script: Script) -> set[str]:
    return {node.name.value for node in script.all(cst.ClassDef)}


def _made_models(script: Script) -> set[str]:
    return {target_of(assign) for line in script.all(Line) if (assign := assigned(line)) and _makes(script, assign)}


def _makes(script: Script, assign: cst.Assign) -> bool:
    """Whether an assignment binds a name to a model made of a class of the script, or of layers."""
    value = assign.value
    if not (target_of(assign) and isinstance(value, cst.Call)):
        return False
    name = script.code(value.func)
    return name in _classes(script) or name in ("nn.Sequential", "nn.Linear")


def made_anew(script: Script) -> Iterator[Change]:
    """A model is made a second time after its optimizer."""
    for line, _, model in _optimizers(script):
        block = script.block(line)
        for earlier in block[: block.index(line)]:
            assign = assigned(earlier)
            if assign and target_of(assign) == model and _makes(script, assign):
                yield script.change(line, several(line, earlier.deep_clone()))


def layer_replaced(script: Script) -> Iterator[Change]:
    """A layer of a model is replaced by a new one after the optimizer was made."""
    layers = [found for line in script.all(Line) if (found := _layer(script, line))]
    for line, _, model in _optimizers(script):
        for name, code in layers:
            if model != "self":
                yield script.change(line, several(line, statement(f"{model}.{name} = {code}\n")))


def _layer(script: Script, line: Line) -> tuple[str, str] | None:
    """Name and constructor of a layer that a class makes for itself."""
    assign = assigned(line)
    target = assign.targets[0].target if assign else None
    if assign and isinstance(target, cst.Attribute) and script.code(target.value) == "self":
        code = script.code(assign.value)
        if code.startswith("nn.") and isinstance(assign.value, cst.Call):
            return target.attr.value, code
    return None


def parameter_computed(script: Script) -> Iterator[Change]:
    """`nn.Parameter(...)` is scaled, and no parameter any more."""
    for call in script.all(cst.Call):
        if method_call(call, "Parameter"):
            yield script.change(call, expression(f"{script.code(call)} * 0.1"))


def plain_list(script: Script) -> Iterator[Change]:
    """Layers stand in a plain list, where the module does not see them."""
    for call in script.all(cst.Call):
        if method_call(call, "ModuleList") and call.args:
            yield script.change(call, call.args[0].value)
