"""Looks on while programs run: what only shows when several moments are held together.

Called by the models at their moments (a module is called, a name is bound again, an optimizer steps); keeps what it
needs in the ledger or on the heap and emits the events that speak of more than one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import events, torch_cuts, torch_modules, torch_unregistered
from gradlint.analysis.ledger import ReleafRecord
from gradlint.analysis.machine import Machine
from gradlint.analysis.torch_ops import sources_of
from gradlint.analysis.torch_values import tensors_in
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
    leaves,
)
from gradlint.findings import Origin
from gradlint.records import replace

# -- modules


def training_set(m: Machine, ref: Ref, value: Any, at: int) -> None:
    """`train()` or `eval()` of a module: of one put to `eval()` on its own, and never to `train()`, parameters may be left
    alone on purpose."""
    module = m.contexts.identity(ref.addr)
    if value == Const(False):
        m.stack[-1].evals[ref.addr] = m.here(at)
        below = torch_cuts.identities(m, torch_modules.sources(m, ref))
        m.ledger.evaluated[module] = m.ledger.evaluated.get(module, frozenset()) | below
    elif value == Const(True):
        m.ledger.trains.add(module)


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
        torch_unregistered.stored(m, ref, name, leaf)
        _unregistered(m, ref, name, leaf, at)
    replaced(m, ref, name, value, at)


def replaced(m: Machine, ref: Any, name: str, value: Any, at: int) -> None:
    """An attribute that held a module or parameter gets another one."""
    thing = m.get(ref)
    _replaced(m, thing.attrs.get(name) if isinstance(thing, Instance) else None, value, name, at, "attribute")


def replaced_item(m: Machine, old: Any, value: Any, at: int) -> None:
    """`container[index] = module`."""
    _replaced(m, old, value, "", at, "attribute")


def replaced_name(m: Machine, old: Any, value: Any, name: str, at: int) -> None:
    """A name that held a module or parameter is bound to another one."""
    _replaced(m, old, value, name, at, "name")


def _replaced(m: Machine, old: Any, value: Any, name: str, at: int, how: str) -> None:
    before, after = (_leaves_below(m, v) for v in (old, value))
    if before and after and not before & after:
        event = events.ModuleReplaced(
            m.place(m.here(at)),
            m.mode_fact(),
            tuple(m.place(a.site) for a in m.stack if a.site),
            attribute=name,
            how=how,
        )
        m.ledger.replace_module(event, before, after)


def _leaves_below(m: Machine, value: Any) -> frozenset[Any]:
    value = m.simplified(value) if value is not None else None
    thing = m.get(value)
    if isinstance(thing, Tensor) and thing.parameter:
        return torch_cuts.identities(m, [value.addr])
    if isinstance(thing, Instance) and torch_modules.is_module(m, value):
        return torch_cuts.identities(m, torch_modules.sources(m, value))
    return frozenset()


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


# -- closures of optimizers


def watching_closure(m: Machine, name: str, func: Any, at: int, run: Callable[[], Any]) -> Any:
    """A call by name; one of a parameter in a method of an optimizer is that of its closure."""
    act = m.stack[-1]
    params = {p.name for p in act.code.params} if act.code is not None else set()
    if name not in params or not act.owner or not _is_optimizer(m, act.receiver):
        return run()
    func = m.simplified(func)
    if isinstance(func, Opaque) and "closure" not in name and "loss" not in name:
        return run()
    event = events.ClosureCalled(
        m.place(m.here(at)), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site),
        optimizer=_class_name(m, act.receiver),
        name=name,
    )  # fmt: skip
    result = run()
    if not m.quiet:
        m.publish(event if m.dead() else replace(event, computed=m.fact(result)))
    return result


def _is_optimizer(m: Machine, receiver: Any) -> bool:
    from gradlint.analysis.classes import externs
    from gradlint.analysis.torch_optim import is_optimizer_class

    thing = m.get(receiver)
    return isinstance(thing, Instance) and any(is_optimizer_class(name) for name in externs(m, thing.cls))


def _class_name(m: Machine, receiver: Any) -> str:
    thing = m.get(receiver)
    cls = m.get(thing.cls) if isinstance(thing, Instance) else None
    return cls.name if isinstance(cls, Class) else ""


# -- leaves that are asked to require grad too late


def releafed(m: Machine, ref: Ref, before: Tensor, at: int, how: str) -> None:
    """A computed tensor without graph was asked to require grad: what backward() through it would have trained is lost."""
    m.ledger.releafs.append(
        ReleafRecord(
            m.here(at), m.contexts.identity(ref.addr), fact_of(m, ref, before), how, before.lost, m.mode_fact()
        )
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
    """backward() ran on something that requires grad: leaves that were flagged too late get nothing from it."""
    if m.ledger.late:
        thing = m.get(ref)
        assert isinstance(thing, Tensor)
        reached = sources_of(m, ref, thing)
        for address, (where, used, backward, likely) in list(m.ledger.late.items()):
            if address in reached:
                del m.ledger.late[address]
            elif not backward:
                m.ledger.late[address] = (where, used, m.here(at), likely)


def stepped(m: Machine, optimizer: Any, at: int) -> None:
    """An optimizer steps: of the tensors it holds those that have a gradient are written in place."""
    from gradlint.analysis import torch_autograd, torch_steps
    from gradlint.analysis.torch_inplace import touch
    from gradlint.analysis.torch_optim import held_by

    m.touched += 1
    addresses = held_by(m, optimizer)
    m.ledger.step(m.here(at), torch_cuts.identities(m, addresses))
    torch_steps.stepped(m, optimizer, at)
    for address in sorted(addresses):
        held = m.state.heap.get(address)
        if not torch_autograd.may_have_gradient(m, address):
            continue
        if isinstance(held, Tensor) and not is_false(m.simplified(held.rg)):
            touch(m, held.storage, at)
        elif isinstance(held, Instance) and torch_modules.OWN in held.attrs:
            touch(m, torch_modules.layer_storage(m, address), at)


def escaped(m: Machine, value: Any) -> None:
    """Unknown code gets hold of a value: what it holds may be trained there."""
    from gradlint.analysis import torch_steps

    torch_steps.shown(m, value)
    for leaf in leaves(m.simplified(value)):
        thing = m.get(leaf)
        if isinstance(thing, Instance) and torch_modules.is_module(m, leaf):
            m.ledger.escaped |= torch_cuts.identities(m, torch_modules.sources(m, leaf))
        elif isinstance(thing, (Sequence, Table)):
            m.ledger.escaped |= torch_cuts.identities(m, [r.addr for r in tensors_in(m, leaf)])


__all__ = ["Class", "Extern", "Opaque", "replace"]
