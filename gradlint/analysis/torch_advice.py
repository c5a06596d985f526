"""What costs memory or speed, or says more than it means: evaluations that are recorded, graphs that are kept, modes that
change nothing or could be stricter, targets that are trained. Nothing of it raises.

Kept while the run goes on, told when it has ended: only then is it known that nobody differentiates a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gradlint.analysis import events, torch_modules
from gradlint.analysis.events import ContextEntered, Event, Place
from gradlint.analysis.machine import Activation, Call, Machine
from gradlint.analysis.torch_values import made_under, tensors_in
from gradlint.analysis.values import Instance, Node, Ref, Tensor, Truth, is_true
from gradlint.findings import Origin
from gradlint.records import replace


@dataclass
class Called:
    """A trainable module was called where operations are recorded."""

    event: events.EvaluatedWithGrad
    key: Any
    nodes: frozenset[int]
    handed: bool = False
    differentiated: bool = False


@dataclass
class Kept:
    """A tensor with a graph was added to something that outlives its round. `walked`: its own graph was walked there."""

    event: events.GraphKept
    nodes: frozenset[int]
    round: int
    whole: bool
    foreign: bool
    walked: bool = False
    differentiated: bool = False


@dataclass
class Target:
    """A loss between a prediction and a bootstrapped target that has a graph."""

    event: events.TargetDifferentiated
    nodes: frozenset[int]
    backward: int = 0


@dataclass
class Book:
    """What is kept until the run has ended. met: places of modes whose results met autograd again."""

    called: list[Called] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    met: set[int] = field(default_factory=set)


# -- modules called for nothing


def module_called(m: Machine, ref: Ref, call: Call, result: Any) -> None:
    """A module was called, from outside of any other module's forward, and gave `result`."""
    if m.quiet or m.dead() or not is_true(m.recording) or not is_true(torch_modules.trainable(m, ref)):
        return
    nodes = _nodes(m, result)
    if not nodes:
        return
    act = m.stack[-1]
    name = m.ledger.names.get(m.contexts.identity(ref.addr), "") or _name_in(m, act, ref)
    switched = act.evals.get(ref.addr, 0)
    event = events.EvaluatedWithGrad(
        m.place(m.here(call.at)), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site), module=name,
        after_eval=bool(switched), in_loop=bool(m.rounds), switched=m.place(switched) if switched else None,
    )  # fmt: skip
    key = (m.contexts.identity(ref.addr), act.code.at if act.code is not None else 0, act.unit)
    m.book.called.append(Called(replace(event, entry=m.entry_number), key, nodes, bool(m.entry_number)))


def _name_in(m: Machine, act: Activation, ref: Ref) -> str:
    """The name by which the running body knows a module: a variable, or an attribute of `self`."""
    frame = m.state.heap.get(act.frame)
    for name, value in getattr(frame, "names", {}).items():
        if value == ref:
            return str(name)
    holder = m.get(act.receiver) if act.receiver is not None else None
    if isinstance(holder, Instance):
        for name, value in holder.attrs.items():
            if value == ref and name[0] != ":":
                return f"self.{name}"
    return ""


def _nodes(m: Machine, value: Any) -> frozenset[int]:
    found: set[int] = set()
    for ref in tensors_in(m, value):
        thing = m.get(ref)
        if isinstance(thing, Tensor) and is_true(m.simplified(thing.rg)):
            found |= thing.nodes
    return frozenset(found)


def handed_on(m: Machine, values: Iterable[Any]) -> None:
    """Unknown code, or an unknown caller, gets values with their graphs."""
    for value in values:
        nodes = _nodes(m, value)
        if nodes:
            below = _below(m, nodes)
            for record in m.book.called:
                record.handed = record.handed or bool(record.nodes & below)


def _below(m: Machine, nodes: Iterable[int]) -> set[int]:
    seen: set[int] = set()
    todo = list(nodes)
    while todo and len(seen) < 2000:
        address = todo.pop()
        if address not in seen:
            seen.add(address)
            node = m.state.heap.get(address)
            if isinstance(node, Node):
                todo += [*node.inputs, *node.maybe]
    return seen


# -- graphs kept over rounds


def collected(m: Machine, how: str, kept: str, holder: Any, value: Any, made: Any, at: int, written: int) -> None:
    """In a loop, `value` was added to what outlives the round (`holder`): to a sum (`made` is the new one), a list."""
    if not m.rounds or m.quiet or m.dead() or _of_this_round(m, holder):
        return
    refs = [r for r in tensors_in(m, value) if is_true(m.simplified(m.get(r).rg)) and m.get(r).nodes]  # type: ignore[union-attr]
    if not refs:
        return
    nodes = _nodes(m, made) if how == "sum" else _nodes(m, value)
    event = events.GraphKept(
        m.place(m.here(at)), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site), target=m.fact(refs[0]), how=how,
        kept=kept, value=m.place(m.here(written)) if written and value == refs[0] else None, entry=m.entry_number,
    )  # fmt: skip
    walked = all(is_true(_freed(m, n)) for n in _nodes(m, value))
    m.book.kept.append(Kept(event, nodes, m.rounds[-1], how == "sum", bool(m.entry_number), walked))


def _of_this_round(m: Machine, holder: Any) -> bool:
    if not isinstance(holder, Ref) or m.contexts.is_old(holder.addr):
        return False
    return m.contexts.below(m.contexts.context_of(holder.addr), m.round_contexts[-1])


def _freed(m: Machine, address: int) -> Any:
    node = m.state.heap.get(address)
    return node.freed if isinstance(node, Node) else Truth(False)


# -- what is differentiated


def differentiated(m: Machine, reached: set[int], at: int) -> None:
    """backward() walks these nodes."""
    old = {m.contexts.old(a) for a in reached}
    for called in m.book.called:
        called.differentiated = called.differentiated or bool(called.nodes & reached)
    for kept in m.book.kept:
        aged = {m.contexts.old(a) for a in kept.nodes}
        meets = bool(kept.nodes & reached or aged & (reached | old))
        if not meets:
            continue
        if kept.whole or kept.round not in m.rounds:
            kept.differentiated = True
        else:
            kept.walked = True
    for target in m.book.targets:
        if target.nodes & reached and not target.backward:
            target.backward = m.here(at)


# -- targets


def regression(m: Machine, name: str, values: list[Any], result: Any, at: int) -> None:
    """A regression loss over two operands: is one a bootstrapped target that is trained, too?"""
    refs = [tensors_in(m, v) for v in values[:2]]
    if m.quiet or len(refs) < 2 or not all(refs):
        return
    things = [m.get(r[0]) for r in refs]
    if not all(isinstance(t, Tensor) and is_true(m.simplified(t.rg)) for t in things):
        return
    first, second = (_sources(m, t) for t in things)  # type: ignore[arg-type]
    for ref, thing in ((refs[1][0], things[1]), (refs[0][0], things[0])):
        if isinstance(thing, Tensor) and first & second and _bootstrapped(thing.origin):
            event = events.TargetDifferentiated(
                m.place(m.here(at)), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site),
                loss=name.rpartition(".")[2], target=m.fact(ref), network=_network(m, first & second), entry=m.entry_number,
            )  # fmt: skip
            m.book.targets.append(Target(event, _nodes(m, result)))
            return


LOSSES = frozenset(
    {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"}
)


def _sources(m: Machine, thing: Tensor) -> frozenset[Any]:
    found: set[int] = set()
    for address in thing.nodes:
        node = m.state.heap.get(address)
        if isinstance(node, Node):
            found |= node.sources
    return frozenset(m.contexts.identity(a) for a in found)


def _network(m: Machine, leaves: frozenset[Any]) -> str:
    names = sorted({m.ledger.names.get(leaf, "") for leaf in leaves} - {""})
    return names[0] if names else ""


def _bootstrapped(origin: Origin) -> bool:
    """`reward + gamma * net(state)`: a sum of something without grad and a multiple of something with it."""
    if origin.op.rpartition(".")[2] not in ("add", "sub"):
        return (
            any(_bootstrapped(a) for a in origin.args if isinstance(a, Origin) and a.requires_grad)
            if _shape_only(origin)
            else False
        )
    tensors = [a for a in origin.args if isinstance(a, Origin)]
    constant = [a for a in tensors if a.requires_grad is False]
    scaled = [a for a in tensors if a.requires_grad and a.op.rpartition(".")[2] == "mul"]
    return bool(constant and scaled)


def _shape_only(origin: Origin) -> bool:
    return origin.op.rpartition(".")[2] in ("unsqueeze", "squeeze", "view", "reshape", "float", "to")


# -- modes


def inside(m: Machine, act: Activation, kind: str, flag: Truth) -> tuple[str, Place] | None:
    """A mode of the same effect that the same body has entered already."""
    effect = _effect(kind, flag)
    if effect is None:
        return None
    for text, here, other in reversed(act.modes):
        if other == effect or effect == "off" and other == "inference":
            return text, m.place(here)
        return None
    for text, here in m.state.mode.stack:
        if (
            here
            and here == act.decorated_at
            and _DECORATED.get(text) in (effect, "inference" if effect == "off" else effect)
        ):
            return text, m.place(here)
    return None


_DECORATED = {
    "torch.no_grad()": "off", "torch.set_grad_enabled(False)": "off", "torch.inference_mode()": "inference",
    "torch.inference_mode(True)": "inference", "torch.enable_grad()": "on", "torch.set_grad_enabled(True)": "on",
}  # fmt: skip
"""The effect of a mode that decorates a function, by its text."""


def _effect(kind: str, flag: Truth) -> str | None:
    if kind == "inference_mode":
        return {True: "inference", False: "on"}.get(flag.value) if flag.value is not None else None
    if kind == "set_grad_enabled":
        return {True: "on", False: "off"}.get(flag.value) if flag.value is not None else None
    return "on" if kind == "enable_grad" else "off"


def entering(act: Activation, text: str, here: int, kind: str, flag: Truth) -> None:
    act.modes.append((text, here, _effect(kind, flag)))


def meets(m: Machine, thing: Tensor) -> None:
    """A tensor made under a mode meets autograd: what was computed there has to stay an ordinary tensor."""
    m.book.met |= made_under(thing.origin)


def writes_outside(m: Machine) -> None:
    """Something happens in the modes in force that inference mode would not allow, or that outlives them."""
    m.book.met |= {here for _, here in m.state.mode.stack if here}


# -- at the end


def settle(m: Machine) -> None:
    """The events of all that was kept, and what the run has shown of the modes."""
    told: set[Any] = set()
    for called in m.book.called:
        if called.differentiated or called.key in told:
            continue
        event = called.event
        if called.handed and not (event.after_eval and event.in_loop):
            continue
        told.add(called.key)
        m.events.append(replace(event, likely=called.handed))
    seen: set[Place] = set()
    for place in {k.event.where for k in m.book.kept}:
        records = [k for k in m.book.kept if k.event.where == place]
        if any(k.differentiated or k.foreign and not k.walked for k in records) or place in seen:
            continue
        seen.add(place)
        m.events.append(records[0].event)
    m.events += [replace(t.event, backward=m.place(t.backward)) for t in m.book.targets if t.backward]
    busy = {e.where for e in m.events if isinstance(e, ContextEntered) and e.computes.value is not False}
    opened = {place for e in m.events if _records(e) for _, place in e.mode.stack}
    m.events[:] = [_at_any_time(_with_stay(m, event, opened), busy) for event in m.events]


def _records(event: Event) -> bool:
    """Whether a mode is entered that turns gradients on, or may: inside inference mode it would not."""
    return isinstance(event, ContextEntered) and _effect(event.kind, event.flag) in ("on", None)


def _at_any_time(event: Event, busy: set[Place]) -> Event:
    """A block that computes something in another round or call is not one that covers nothing."""
    if isinstance(event, ContextEntered) and event.computes.value is False and event.where in busy:
        return replace(event, computes=Truth(None))
    return event


def _with_stay(m: Machine, event: Event, opened: set[Place]) -> Event:
    if isinstance(event, ContextEntered) and event.kind == "no_grad":
        here = event.where.unit << 32 | event.where.at
        return replace(event, stays_out=Truth(here not in m.book.met and event.where not in opened))
    return event
