"""What an optimizer finds when it steps: the gradients of its parameters, as `backward` made and `zero_grad` cleared them.

Kept with the optimizer on the heap, so that it is joined where paths meet: `GRADED` is the place of the backward() that
last gave one of its parameters a gradient, `CLEARED` the place where all of them were cleared after that.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gradlint.analysis import events, torch_cuts
from gradlint.analysis.machine import Machine
from gradlint.analysis.torch_autograd import is_assumed_flag
from gradlint.analysis.torch_modules import INFERENCE, OWN, flag_in, has_rest, own_parameters
from gradlint.analysis.torch_ops import sources_of
from gradlint.analysis.torch_optim import held_by
from gradlint.analysis.values import FALSE, NONE, TRUE, Const, Instance, Ref, Tensor, is_false, is_true, leaves
from gradlint.records import replace

GRADED, CLEARED = ":graded", ":cleared"


def graded(m: Machine, sources: Collection[int], vague: bool, at: int) -> None:
    """backward() gave gradients to `sources`; `vague`: perhaps to others, too."""
    for ref, thing in _optimizers(m):
        if not held_by(m, ref).isdisjoint(sources):
            _note(m, ref, thing, Const(m.here(at)), NONE)
        elif vague:
            _note(m, ref, thing, NONE, NONE)


def cleared(m: Machine, addresses: Collection[int], at: int) -> None:
    """`zero_grad()` of an optimizer or a module: those gradients are gone."""
    for ref, thing in _optimizers(m):
        held = {address for address in held_by(m, ref) if not _frozen(m, address)}
        if held and held <= set(addresses) and _places(m, thing, GRADED):
            _note(m, ref, thing, thing.attrs[GRADED], Const(m.here(at)))


def given(m: Machine, addresses: Collection[int] | None) -> None:
    """`.grad` of those leaves is assigned by hand; None: of unknown ones."""
    if addresses is None:
        m.ledger.any_given = True
    else:
        m.ledger.given |= torch_cuts.identities(m, addresses)
    for ref, thing in _optimizers(m):
        if addresses is None or not held_by(m, ref).isdisjoint(addresses):
            _note(m, ref, thing, NONE, NONE)


def shown(m: Machine, value: Any) -> None:
    """Unknown code gets hold of a value and may differentiate it, or what it leads to."""
    for leaf in leaves(m.simplified(value)):
        thing = m.get(leaf)
        if isinstance(thing, Tensor) and not is_false(m.simplified(thing.rg)):
            m.ledger.shown |= torch_cuts.identities(m, sources_of(m, leaf, thing))
        elif not isinstance(thing, (Tensor, Instance)):
            continue
        for ref, optimizer in _optimizers(m):
            _note(m, ref, optimizer, NONE, NONE)


def stepped(m: Machine, optimizer: Any, at: int) -> None:
    """An optimizer steps. Whether it ever does anything is known when the run is over; where it would change an inference
    tensor, it raises."""
    held = held_by(m, optimizer)
    thing = m.get(optimizer)
    if not held or not isinstance(thing, Instance):
        return
    if _places(m, thing, GRADED) and is_false(m.simplified(m.state.mode.inference)):
        refused = next(filter(None, (_inference(m, address, at) for address in sorted(held))), None)
        if refused is not None:
            m.event(events.InPlaceWrite, at, target=refused, how="step")
            m.stop()
            return
    if any(_computed(m, address) for address in held):
        return  # the optimizer refuses it, and another rule says so
    m.ledger.frozen_steps.setdefault(m.here(at), set()).add(all(_frozen(m, address) for address in held))
    places = _places(m, thing, CLEARED)
    if places and not thing.many:
        backward = _places(m, thing, GRADED)
        m.event(
            events.SteppedInVain, at, cause="cleared", cleared=m.place(places[0]),
            backward=m.place(backward[0]) if backward else None,
        )  # fmt: skip


def _inference(m: Machine, address: int, at: int) -> events.TensorFact | None:
    """What is known of a parameter that was made in inference mode and has got a gradient."""
    thing = m.state.heap.get(address)
    name = m.ledger.names.get(m.contexts.identity(address), "")
    if isinstance(thing, Tensor):
        made = is_true(m.simplified(thing.inference)) and isinstance(m.get(thing.grad), Tensor)
        return replace(m.fact(Ref(address)), parameter=True) if made else None
    if not isinstance(thing, Instance) or not is_true(m.simplified(flag_in(thing.attrs.get(INFERENCE, FALSE)))):
        return None
    if m.contexts.identity(address) not in m.ledger.trained or not has_rest(m, thing):
        return None
    origin = replace(m.origin("parameter", at, (), TRUE), modes=("torch.inference_mode()",))
    return events.TensorFact(name, TRUE, inference=TRUE, parameter=True, origin=origin, known=True)


def _optimizers(m: Machine) -> list[tuple[Ref, Instance]]:
    found = []
    for address in sorted(m.ledger.built):
        thing = m.state.heap.get(address)
        if isinstance(thing, Instance):
            found.append((Ref(address), thing))
    return found


def _note(m: Machine, ref: Ref, thing: Instance, graded: Any, cleared: Any) -> None:
    if thing.attrs.get(GRADED, NONE) != graded or thing.attrs.get(CLEARED, NONE) != cleared:
        m.put(ref, replace(thing, attrs={**thing.attrs, GRADED: graded, CLEARED: cleared}))


def _places(m: Machine, thing: Instance, name: str) -> list[int]:
    """The places that an attribute names on every path; none where a path has none."""
    value = m.simplified(thing.attrs.get(name, NONE))
    found = [leaf.value if isinstance(leaf, Const) else None for leaf in leaves(value)]
    return [place for place in found if isinstance(place, int)] if None not in found else []


def _frozen(m: Machine, address: int) -> bool:
    """Whether what an address stands for requires no grad, for certain."""
    thing = m.state.heap.get(address)
    if isinstance(thing, Tensor):
        return _certainly_not(m, thing.rg)
    if isinstance(thing, Instance) and OWN in thing.attrs:
        own = not has_rest(m, thing) or _certainly_not(m, flag_in(thing.attrs[OWN]))
        parameters = [m.get(ref) for ref in own_parameters(m, Ref(address))]
        return own and all(isinstance(held, Tensor) and _certainly_not(m, held.rg) for held in parameters)
    return False


def _computed(m: Machine, address: int) -> bool:
    thing = m.state.heap.get(address)
    return isinstance(thing, Tensor) and is_false(m.simplified(thing.leaf))


def _certainly_not(m: Machine, flag: Any) -> bool:
    flag = m.simplified(flag)
    return is_false(flag) and not is_assumed_flag(flag)
