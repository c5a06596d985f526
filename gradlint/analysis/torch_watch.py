"""Looks on while programs run: what only shows when several moments are held together.

Called by the models at their moments (a module is called, a name is bound again, an optimizer steps); keeps what it
needs in the ledger or on the heap and emits the events that speak of more than one place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradlint.analysis import events, torch_cuts, torch_modules
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.torch_values import known, tensors_in
from gradlint.analysis.values import (
    Class,
    Const,
    Extern,
    Instance,
    Opaque,
    Ref,
    Sequence,
    Table,
    Tensor,
    is_false,
    is_true,
    leaves,
)
from gradlint.analysis.ledger import ReleafRecord
from gradlint.findings import Origin

# -- modules


def module_called(m: Machine, ref: Ref, call: Call) -> None:
    """A module is called."""


def training_set(m: Machine, ref: Ref, value: Any, at: int) -> None:
    """`train()` or `eval()` of a module: of one put to `eval()` on its own, parameters may be left alone on purpose."""
    if value == Const(False):
        m.ledger.quiet |= torch_cuts.identities(m, torch_modules.sources(m, ref))


def named(m: Machine, ref: Any, name: str) -> None:
    """The source calls a module or parameter by this name."""
    thing = m.get(ref)
    if isinstance(thing, Tensor) and thing.parameter:
        m.ledger.name(torch_cuts.identities(m, [ref.addr]), name)
    elif isinstance(thing, Instance) and torch_modules.is_module(m, ref):
        m.ledger.name(torch_cuts.identities(m, torch_modules.sources(m, ref)), name)


def stored_on_module(m: Machine, ref: Ref, name: str, value: Any, at: int) -> None:
    """`module.name = value`: names what it is, and sees parameters that the module does not register."""
    for leaf in leaves(m.simplified(value)):
        named(m, leaf, f"self.{name}")
        _unregistered(m, ref, name, leaf, at)


def _unregistered(m: Machine, ref: Ref, name: str, value: Any, at: int) -> None:
    thing = m.get(value)
    if isinstance(thing, Tensor) and not thing.parameter:
        made = _of_parameter(thing.origin)
        if made is not None and not is_false(m.simplified(thing.rg)):
            m.event(
                events.ParameterNotRegistered, at, attribute=name, how="computed", value=m.fact(value),
                op="." + made.op.rpartition(".")[2],
            )  # fmt: skip


CONVERSIONS = ("to", "cuda", "cpu", "float", "double", "half", "bfloat16", "type", "mul", "div", "add", "sub", "neg", "abs",
               "exp", "t", "unsqueeze", "view", "reshape", "transpose", "clone", "expand", "repeat")  # fmt: skip


def _of_parameter(origin: Origin) -> Origin | None:
    """The operation on a fresh `nn.Parameter` that an origin is, None where it is something else."""
    first = origin.args[0] if origin.args else None
    if isinstance(first, Origin) and first.op == "parameter" and origin.op.rpartition(".")[2] in CONVERSIONS:
        others = [a for a in origin.args[1:] if isinstance(a, Origin) and a.op != "python"]
        if not first.name and not others:
            return origin
    return None


# -- names bound again


def rebinding(m: Machine, old: Any, value: Any, name: str, at: int) -> None:
    """A name that held a leaf which requires grad is bound to a tensor computed from it and from its gradient."""
    old, value = known(m, m.simplified(old)), m.simplified(value)
    before, after = m.get(old), m.get(value)
    if not isinstance(before, Tensor) or not isinstance(after, Tensor) or old == value:
        return
    if not (is_true(m.simplified(before.rg)) and is_true(m.simplified(before.leaf))) or not is_false(m.simplified(after.rg)):
        return
    if not computed_from(after.origin, before.origin) or not uses_gradient(after.origin):
        return
    m.event(events.Rebound, at, target=m.fact(old, name), value=m.fact(value, name), how="name", op=_operator(after.origin))


def computed_from(origin: Any, target: Origin, depth: int = 0) -> bool:
    """Whether a value was computed from another one."""
    if origin is target:
        return True
    if not isinstance(origin, Origin) or depth > 6:
        return False
    return any(computed_from(a, target, depth + 1) for a in origin.args)


def uses_gradient(origin: Any, depth: int = 0) -> bool:
    if not isinstance(origin, Origin) or depth > 8:
        return False
    if origin.op in ("torch.Tensor.grad", "torch.autograd.grad"):
        return True
    return any(uses_gradient(a, depth + 1) for a in origin.args)


def _operator(origin: Origin) -> str:
    return {"torch.sub": "-", "torch.add": "+", "torch.mul": "*", "torch.div": "/"}.get(origin.op, "")


# -- leaves that are asked to require grad too late


def releafed(m: Machine, ref: Ref, before: Tensor, at: int, how: str) -> None:
    """A computed tensor without graph was asked to require grad: what backward() through it would have trained is lost."""
    m.ledger.releafs.append(
        ReleafRecord(m.here(at), m.contexts.identity(ref.addr), fact_of(m, ref, before), how, before.lost, m.mode_fact())
    )


def fact_of(m: Machine, ref: Ref, before: Tensor) -> Any:
    """The fact of a tensor as it was before a change."""
    now = m.get(ref)
    m.put(ref, before)
    fact = m.fact(ref)
    if isinstance(now, Tensor):
        m.put(ref, now)
    return fact


def was_used(m: Machine, ref: Ref, thing: Tensor) -> bool:
    """Whether a tensor took part in a recorded operation while it did not require grad."""
    return thing.used != 0


def differentiated(m: Machine, ref: Ref, at: int) -> None:
    """backward() ran on something that requires grad."""


def stepped(m: Machine, optimizer: Any, at: int) -> None:
    """An optimizer steps: the tensors it holds are written in place."""
    from gradlint.analysis.torch_inplace import touch
    from gradlint.analysis.torch_optim import held_by

    for address in sorted(held_by(m, optimizer)):
        held = m.state.heap.get(address)
        if isinstance(held, Tensor) and not is_false(m.simplified(held.rg)):
            touch(m, held.storage, at)
        elif isinstance(held, Instance) and torch_modules.OWN in held.attrs:
            touch(m, layer_storage(m, address), at)


def layer_storage(m: Machine, address: int) -> int:
    """The storage that stands for the parameters of a layer which are not on the heap."""
    from gradlint.analysis.values import Storage

    storage = m.contexts.address(m.contexts.context_of(address), "layerstorage", address)
    if storage not in m.state.heap:
        m.state.alloc(storage, Storage())
    return storage


def escaped(m: Machine, value: Any) -> None:
    """Unknown code gets hold of a value: what it holds may be trained there."""
    for leaf in leaves(m.simplified(value)):
        thing = m.get(leaf)
        if isinstance(thing, Instance) and torch_modules.is_module(m, leaf):
            m.ledger.escaped |= torch_cuts.identities(m, torch_modules.sources(m, leaf))
        elif isinstance(thing, (Sequence, Table)):
            m.ledger.escaped |= torch_cuts.identities(m, [r.addr for r in tensors_in(m, leaf)])


__all__ = ["Class", "Extern", "Opaque", "replace"]
