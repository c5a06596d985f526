"""Grad-mode contexts: making, entering and leaving them, as objects, functions and decorators.

The behaviour follows torch/autograd/grad_mode.py as measured: `no_grad`, `enable_grad` and `set_grad_enabled`
restore only the grad mode that they remembered, `inference_mode` restores both modes; an object remembers one mode,
so that entering it twice forgets the first; `set_grad_enabled(x)` takes effect when it is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import events
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import truth_of
from gradlint.analysis.state import Mode
from gradlint.analysis.values import (
    FALSE,
    TRUE,
    UNKNOWN,
    Class,
    Const,
    Context,
    Descriptor,
    Extern,
    Flag,
    Func,
    Generator,
    Moded,
    ModeSpec,
    Phi,
    Ref,
    Truth,
    both,
    either,
    leaves,
    negate,
    summary,
)
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.walk import walk

KINDS = {
    "torch.no_grad": "no_grad",
    "torch.enable_grad": "enable_grad",
    "torch.set_grad_enabled": "set_grad_enabled",
    "torch.inference_mode": "inference_mode",
}


def kind_of(value: Any) -> str:
    """The kind of mode that an Extern names; "" where it is no grad mode."""
    return KINDS.get(value.name, "") if isinstance(value, Extern) else ""


def make(m: Machine, kind: str, call: Call) -> Any:
    """`torch.no_grad()` and its like: a Context, or the decorated function where the argument is one."""
    first = call.arg(0, "mode", call.arg(0, "orig_func"))
    if kind in ("no_grad", "enable_grad"):
        if first is not None and not call.rest:
            m.event(events.ContextNotCalled, call.at, kind=kind, how="decorator")
            return decorate(m, ModeSpec(kind, truth_flag(kind), m.here(call.at)), first, call.at)
        return m.alloc(call.at, Context(ModeSpec(kind, truth_flag(kind), m.here(call.at))), "context")
    if kind == "inference_mode" and is_callable(m, first):
        m.event(events.ContextNotCalled, call.at, kind=kind, how="decorator")
        return decorate(m, ModeSpec(kind, TRUE, m.here(call.at)), first, call.at)
    if kind == "set_grad_enabled" and first is None and not call.rest:
        m.may_raise()
        return m.opaque(call.at)
    if kind == "set_grad_enabled" and is_callable(m, first):
        m.event(events.ContextNotCalled, call.at, kind=kind, how="decorator")
        m.stop()
        return m.opaque(call.at)
    flag = TRUE if first is None else truth_of(m, first)
    spec = ModeSpec(kind, flag, m.here(call.at))
    if kind == "set_grad_enabled":
        before = m.state.mode
        m.state.mode = Mode(flag, before.inference, (*before.stack, (spec.text, spec.at)))
        switched(m, spec.at, kind)
        m.event(
            events.ContextEntered, call.at, kind=kind, flag=summary(m.simplified(flag)), first=m.place(spec.at), how="call",
            fresh=isinstance(m.simplified(first), Const),
        )  # fmt: skip
        return m.alloc(call.at, Context(spec, saved=before), "context")
    return m.alloc(call.at, Context(spec), "context")


def switched(m: Machine, here: int, how: str) -> None:
    """The mode is switched by a statement of the running body."""
    act = m.stack[-1]
    act.switched.append(here)
    act.computed_at_switch.setdefault(here, m.computed)
    m.switches[here] = how
    m.switches_in.setdefault((act.unit, act.code.at if act.code is not None else 0), set()).add(here)


def truth_flag(kind: str) -> Flag:
    return TRUE if kind == "enable_grad" else FALSE


def is_callable(m: Machine, value: Any) -> bool:
    thing = m.get(value)
    return isinstance(value, (Func, Moded, Descriptor)) or isinstance(thing, Class)


def entered(m: Machine, spec: ModeSpec, here: int) -> Mode:
    """The mode inside a context of this kind, from the current one."""
    mode = m.state.mode
    stack = (*mode.stack, (spec.text, here))
    flag = m.simplified(spec.flag)
    if spec.kind == "inference_mode":
        # inference_mode(False) leaves inference mode and switches grad on; with True both are decided.
        return Mode(negate(flag), flag, stack)
    return Mode(flag, mode.inference, stack)


def left(spec: ModeSpec, now: Mode, saved: Mode) -> Mode:
    """The mode after leaving a context that remembered `saved`."""
    if spec.kind == "inference_mode":
        return saved
    return Mode(saved.grad, now.inference, saved.stack)


def enter_object(m: Machine, ref: Ref, at: int, manual: bool = False) -> None:
    """`with ctx:` or `ctx.__enter__()` on a Context object."""
    thing = m.get(ref)
    assert isinstance(thing, Context)
    here = m.here(at)
    if manual:
        switched(m, here, "__enter__")
    if thing.entered > 0 or manual:
        m.event(
            events.ContextEntered, at, kind=thing.spec.kind, flag=summary(thing.spec.flag), again=thing.entered > 0,
            manual=manual, first=m.place(thing.spec.at), saved=m.mode_fact(thing.saved) if thing.saved is not None else None,
        )  # fmt: skip
    if thing.spec.kind == "set_grad_enabled":
        # Built means switched: what entering restores later is what stood before the object was built.
        saved = thing.saved
        mode = m.state.mode
        stack = (
            mode.stack if mode.stack and mode.stack[-1][1] == thing.spec.at else (*mode.stack, (thing.spec.text, here))
        )
        m.state.mode = Mode(m.simplified(thing.spec.flag), mode.inference, stack)
    elif thing.spec.kind == "inference_mode" and thing.entered > 0 and thing.saved is not None:
        # The object holds one guard: the new one is made first, then the old one is dropped, which restores its mode.
        saved = m.state.mode
        m.state.mode = thing.saved
    else:
        saved = m.state.mode
        m.state.mode = entered(m, thing.spec, here)
    m.put(ref, replace(thing, entered=thing.entered + 1, ever=True, saved=saved))


def leave_object(m: Machine, ref: Ref) -> None:
    """The end of `with ctx:` on the current path."""
    thing = m.get(ref)
    if not isinstance(thing, Context) or thing.saved is None:
        return
    m.state.mode = left(thing.spec, m.state.mode, thing.saved)
    # What inference_mode held is gone with the first exit; a second one finds nothing to restore.
    gone = thing.spec.kind == "inference_mode" and thing.entered > 1
    m.put(ref, replace(thing, entered=max(thing.entered - 1, 0), saved=None if gone else thing.saved))


class Watch:
    """Looks on while a mode is in force: what was recorded in it, whether anything was differentiated."""

    def __init__(self, m: Machine, here: int) -> None:
        self.here, self.recorded, self.differentiations = here, m.recorded.get(here, (0, 0)), m.differentiations

    def seen(self, m: Machine) -> dict[str, Any]:
        """The fields of `ContextEntered` that only the end of the block can tell."""
        return {
            "recorded": m.recorded_since(self.here, self.recorded),
            "differentiated": m.differentiations != self.differentiations,
        }


def under(m: Machine, spec: ModeSpec, run: Callable[[], Any], at: int, name: str = "") -> Any:
    """Run something with a fresh context of this kind entered around it, as a decorated call does. `name`: the function
    that is decorated."""
    saved = m.state.mode
    outside, before = m.mode_fact(), m.computed
    path = tuple(m.place(a.site) for a in m.stack if a.site)
    watch = Watch(m, spec.at or m.here(at))
    m.state.mode = entered(m, spec, spec.at or m.here(at))
    m.decorator = spec.at
    raised = len(m.exits.raises)
    result = run()
    m.state.mode = left(spec, m.state.mode, saved)
    for state, _ in m.exits.raises[raised:]:
        state.mode = left(spec, state.mode, saved)
    if name and not m.quiet:
        flag = summary(m.simplified(spec.flag))
        m.publish(
            events.ContextEntered(
                m.place(spec.at), outside, path, kind=spec.kind, flag=flag, first=m.place(spec.at),
                computes=Truth(m.computed != before), how="decorator", name=name, **watch.seen(m),
            )
        )  # fmt: skip
    return result


def decorate(m: Machine, spec: ModeSpec, target: Any, at: int) -> Any:
    """A grad mode used as a decorator on `target`; says in an event what it was put on."""
    kind, name, result = "function", "", Moded(target, spec)
    below = isinstance(target, Func) and any(n.endswith("contextmanager") for n in m.decorations.get(target.key, ()))
    func = target
    if isinstance(target, Descriptor):
        kind = {"property": "property", "static": "static", "class": "class-method"}.get(target.kind, target.kind)
        func = target.func
    while isinstance(func, (Moded, Descriptor)):
        func = func.func
    made: Any = result
    if isinstance(func, Func):
        name = func.code.name
        if kind == "function" and func.code.is_async:
            kind = "asyncgen" if func.code.made.is_generator else "async"
            made = target
        elif kind == "function" and func.code.made.is_generator:
            kind = "generator"
        if below:
            kind = "contextmanager"
    thing = m.get(target)
    if isinstance(thing, Class):
        kind, name = "class", thing.name
    if isinstance(target, Phi):
        made = m.split(target, lambda leaf: Moded(leaf, spec))
    computes = _computes(func.code) if kind == "contextmanager" and isinstance(func, Func) else Truth(None)
    m.event(
        events.ModeDecorated, at, kind=spec.kind, target=kind, flag=summary(spec.flag), below=below, name=name,
        descriptor=m.place(m.below) if m.below and isinstance(target, Descriptor) else None, computes=computes,
    )  # fmt: skip
    return made


QUIET = frozenset({
    "eval", "train", "requires_grad_", "parameters", "named_parameters", "modules", "named_modules", "children", "buffers",
    "named_children", "print", "len", "zip", "list", "tuple", "isinstance", "getattr", "setattr", "hasattr", "perf_counter",
    "time", "append", "info", "debug", "warning",
})  # fmt: skip
"""Calls that compute nothing with tensors."""


def _computes(code: ir.Code) -> Truth:
    """Whether the body of a function computes with tensors, as far as its text tells: never a sure yes."""
    for node in walk(code.body):
        if isinstance(node, ir.Call):
            func = node.func
            name = func.name if isinstance(func, ir.Attr) else func.id if isinstance(func, ir.Name) else ""
            if name not in QUIET:
                return Truth(None)
        elif isinstance(node, ir.Op) and node.op == "@" or isinstance(node, ir.Assign) and _stores_item(node):
            return Truth(None)
    return Truth(False)


def _stores_item(node: ir.Assign) -> bool:
    return any(
        isinstance(target, ir.Item) or isinstance(target, ir.Attr) and target.name == "data" for target in node.targets
    )


def call_context(m: Machine, ref: Ref, call: Call) -> Any:
    """`ctx(f)`: a Context object used as a decorator; it is cloned for each call."""
    thing = m.get(ref)
    assert isinstance(thing, Context)
    target = call.arg(0)
    if target is None:
        return m.opaque(call.at)
    if thing.spec.kind == "set_grad_enabled" and thing.saved is not None:
        # Used as a decorator, the switch made by building it is taken back (torch 2.1 and later).
        m.state.mode = Mode(thing.saved.grad, m.state.mode.inference, thing.saved.stack)
    m.put(ref, replace(thing, ever=True))
    return decorate(m, thing.spec, target, call.at)


def method(m: Machine, ref: Ref, name: str, call: Call) -> Any:
    """`ctx.__enter__()`, `ctx.__exit__(…)` by hand, `ctx.clone()`."""
    thing = m.get(ref)
    assert isinstance(thing, Context)
    if name == "__enter__":
        enter_object(m, ref, call.at, manual=True)
        return Const(None)
    if name == "__exit__":
        leave_object(m, ref)
        return Const(None)
    if name == "clone":
        return m.alloc(call.at, Context(thing.spec), "clone")
    return m.opaque(call.at)


def grad_off(m: Machine) -> Flag:
    """Whether nothing would be recorded now."""
    mode = m.state.mode
    return either(negate(m.simplified(mode.grad)), m.simplified(mode.inference))


def dropped(m: Machine, value: Any) -> None:
    """A suspended generator is resumed, closed or collected: the mode it had entered is left, now or later. What
    `inference_mode` has entered by hand ends with the object, too."""
    for leaf in leaves(m.simplified(value)):
        thing = m.get(leaf)
        if isinstance(thing, Context) and thing.entered and thing.spec.kind == "inference_mode":
            m.state.mode = Mode(UNKNOWN, UNKNOWN, m.state.mode.stack)
        if isinstance(thing, Generator) and thing.switched:
            m.state.mode = Mode(UNKNOWN, UNKNOWN, m.state.mode.stack)
            m.put(leaf, replace(thing, switched=False))


__all__ = [
    "both",
    "call_context",
    "decorate",
    "dropped",
    "enter_object",
    "entered",
    "kind_of",
    "leave_object",
    "left",
    "make",
    "method",
    "under",
]
