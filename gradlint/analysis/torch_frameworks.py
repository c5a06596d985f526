"""Frameworks built on torch: the modes in which they call user code, and their ways to say backward()."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import torch_autograd
from gradlint.analysis.classes import externs
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.state import Mode
from gradlint.analysis.values import FALSE, LIKELY_FALSE, NONE, TRUE, UNKNOWN, Builtin, Extern, Instance, Opaque, Ref
from gradlint.records import replace
from gradlint.torch_model import frameworks


def entry_mode(m: Machine, holder: Ref, name: str) -> Mode | None:
    """The mode in which a framework calls a method of a user class; None for grad mode and for what is unknown."""
    for base in externs(m, holder):
        hook = frameworks.hook_mode(base, name)
        if hook == "inference":
            return Mode(FALSE, TRUE, ((f"the {base.rpartition('.')[2]} hook `{name}`", 0),))
        if hook == "off":
            return Mode(FALSE, UNKNOWN, ((f"the {base.rpartition('.')[2]} hook `{name}`", 0),))
        if hook == "no_grad":
            return Mode(FALSE, FALSE, ((f"the {base.rpartition('.')[2]} hook `{name}`", 0),))
    return None


BATCHES = frozenset({"training_step", "validation_step", "test_step", "predict_step"})


def gets_batch(m: Machine, holder: Ref, name: str) -> bool:
    """Whether a framework calls a method of a user class with what a loader yields as its first argument."""
    return name in BATCHES and any(frameworks.hook_mode(base, name) is not None for base in externs(m, holder))


def call(m: Machine, made: Call) -> Any:
    """A function or class of a framework; None where nothing is known of it."""
    if frameworks.is_class(made.name):
        return m.alloc(made.at, Instance(Extern(made.name), {}), "framework")
    mode = frameworks.call_mode(made.name)
    if mode in ("no_grad", "inference"):
        m.services["escape"](m, made.all_args)
        return m.opaque(made.at, LIKELY_FALSE, tag="call", origin=m.origin("unknown", made.at, made.all_args, FALSE))
    return None


def call_opaque(m: Machine, func: Opaque, made: Call) -> Any:
    """`accelerator.backward(loss)` where nothing says what `accelerator` is but its name and the method's."""
    symbol = func.symbol
    if symbol[0] != "attr" or symbol[2] not in ("backward", "manual_backward") or not made.args:
        return None
    if symbol[2] == "manual_backward" or _is_called(symbol[1], ("accelerator", "fabric", "engine", "model_engine")):
        return torch_autograd.backward(m, [made.args[0]], made, "accelerator")
    return None


def _is_called(symbol: Any, names: tuple[str, ...]) -> bool:
    return isinstance(symbol, tuple) and isinstance(symbol[-1], str) and symbol[-1] in names


def attribute(m: Machine, ref: Ref, base: str, name: str, at: int) -> Any:
    """A method that a framework's base class gives."""
    if name == "manual_backward" or frameworks.backward_call(base, name) is not None:
        return Builtin(ref, name)
    return None


def method(m: Machine, made: Call) -> Any:
    """A method of an instance of a framework's class; None where nothing is known of it."""
    thing = m.get(made.self)
    if not isinstance(thing, Instance):
        return None
    bases = [thing.cls.name] if isinstance(thing.cls, Extern) else externs(m, thing.cls)
    for base in bases:
        index = frameworks.backward_call(base, made.name)
        if index is not None:
            value = made.arg(index, "loss", NONE)
            return torch_autograd.backward(m, [value], replace(made, args=made.args[index:]), "accelerator")
    return None


__all__ = ["TRUE", "call", "entry_mode"]
