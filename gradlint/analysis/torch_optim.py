"""Optimizers, schedulers and gradient scalers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import contexts, events, torch_autograd, torch_cuts, torch_modules
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import truth_of
from gradlint.analysis.torch_values import known
from gradlint.analysis.values import (
    FALSE,
    NONE,
    TRUE,
    Builtin,
    Const,
    Extern,
    Instance,
    ModeSpec,
    Opaque,
    Ref,
    Sequence,
    Table,
    Tensor,
    is_true,
    leaves,
)
from gradlint.records import replace

GROUPS, HELD, BUILT = "param_groups", ":held", ":built"
BASE = "torch.optim.Optimizer"


def is_optimizer_class(name: str) -> bool:
    return name.startswith("torch.optim.") and name.count(".") == 2 and name.rpartition(".")[2][:1].isupper()


def build(m: Machine, ref: Ref, call: Call, params: Any, name: str) -> Ref:
    """Give an optimizer its parameters: groups to look at, and the leaves it holds."""
    groups = _groups(m, params, call)
    held: set[int] = set()
    sets: list[frozenset[int]] = []
    facts = []
    rows = []
    for number, (values, options) in enumerate(groups):
        mine = frozenset().union(frozenset(), *(_addresses(m, v) for v in values))
        held |= mine
        sets.append(mine)
        facts += [m.fact(v) for v in values if isinstance(m.get(known(m, m.simplified(v))), Tensor)]
        inexact = any(isinstance(leaf, Opaque) for v in values for leaf in leaves(m.simplified(v)))
        listed = Sequence("list", (), anonymous(values)) if inexact and values else Sequence("list", tuple(values))
        params_ref = m.alloc(call.at, listed, f"params{number}")
        rows.append(
            m.alloc(
                call.at,
                Table({**options, "params": params_ref}, m.opaque(call.at, FALSE, "number", tag="option")),
                f"group{number}",
            )
        )
    different = call.kwargs.get("differentiable")
    m.event(
        events.OptimizerBuilt, call.at, params=tuple(facts), optimizer=name.rpartition(".")[2],
        differentiable=different is not None and is_true(truth_of(m, different)),
    )  # fmt: skip
    torch_cuts.optimizer(m, call.at, frozenset(held), sets)
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    attrs = {
        **thing.attrs, GROUPS: m.alloc(call.at, Sequence("list", tuple(rows)), "groups"),
        HELD: frozenset(held), BUILT: Const(m.here(call.at)),
        "state": m.alloc(call.at, Table({}, m.opaque(call.at, FALSE, tag="state")), "state"),
        "defaults": m.alloc(call.at, Table({}, m.opaque(call.at, FALSE, "number")), "defaults"),
    }  # fmt: skip
    m.put(ref, replace(thing, attrs=attrs))
    m.ledger.built.add(ref.addr)
    return ref


def _groups(m: Machine, params: Any, call: Call) -> list[tuple[list[Any], dict[Any, Any]]]:
    """The parameter groups in the first argument: (parameters, options)."""
    params = m.simplified(params)
    if isinstance(m.get(params), Tensor):
        return [([params], {})]
    items, rest = iterate(m, params, call.at)
    found: list[tuple[list[Any], dict[Any, Any]]] = []
    plain: list[Any] = []
    for item in [*items, *([] if rest is None else [rest])]:
        table = m.get(m.simplified(item))
        if isinstance(table, Table):
            inner, more = (
                iterate(m, m.simplified(table.entries.get("params", NONE)), call.at)
                if "params" in table.entries
                else ([], None)
            )
            if "params" in table.entries and isinstance(m.get(m.simplified(table.entries["params"])), Tensor):
                inner, more = [table.entries["params"]], None
            options = {k: v for k, v in table.entries.items() if k != "params"}
            found.append(([*inner, *([] if more is None else [more])], options))
        elif isinstance(m.get(m.simplified(item)), Sequence):
            pair = m.get(m.simplified(item))
            assert isinstance(pair, Sequence)
            plain.append(pair.items[1] if len(pair.items) == 2 else item)
        else:
            plain.append(item)
    return ([(plain, {})] if plain or not found else []) + found


def _addresses(m: Machine, value: Any) -> frozenset[int]:
    """Addresses of the leaves that a value given to an optimizer stands for."""
    found: set[int] = set()
    for leaf in leaves(m.simplified(value)):
        leaf = known(m, leaf)
        if isinstance(leaf, Ref) and isinstance(m.get(leaf), Tensor):
            found.add(leaf.addr)
        elif isinstance(leaf, Opaque):
            symbol = leaf.symbol[1] if leaf.symbol[0] == "some" else leaf.symbol
            members = torch_modules.members(symbol)
            if members is not None:
                found |= set(members[1])
            elif _unknown_module(leaf.symbol):
                found.add(_unknown_module(leaf.symbol))
    return frozenset(found)


def _unknown_module(symbol: Any) -> int:
    if isinstance(symbol, tuple) and symbol:
        if symbol[0] == "unknown-params":
            return int(symbol[1])
        for part in symbol[1:]:
            found = _unknown_module(part)
            if found:
                return found
    return 0


def make(m: Machine, call: Call) -> Any:
    """`torch.optim.SGD(params, …)`."""
    ref = m.alloc(call.at, Instance(Extern(call.name), {}), "optimizer")
    return build(m, ref, call, call.arg(0, "params", NONE), call.name)


def method(m: Machine, call: Call) -> Any:
    """A method of an optimizer; None where no model knows it."""
    model = METHODS.get(call.name)
    return None if model is None else model(m, call)


def _step(m: Machine, call: Call) -> Any:
    """The built-in optimizers run the closure with grad enabled, whatever mode is outside."""
    closure = m.simplified(call.arg(0, "closure", NONE))
    result: Any = NONE
    if closure != NONE and not isinstance(closure, Opaque):
        spec = ModeSpec("enable_grad", TRUE, m.here(call.at))
        result = contexts.under(m, spec, lambda: m.services["call"](m, closure, (), {}, call.at, False), call.at)
        if m.dead():
            return NONE
    from gradlint.analysis import torch_watch

    _state_changed(m, call)
    if not m.dead():
        torch_watch.stepped(m, call.self, call.at)
    return result


STATE = ":state"
STATELESS = frozenset({"SGD"})
"""Optimizers that keep tensors between steps only where they are asked to."""


def _state_changed(m: Machine, call: Call) -> None:
    """The averages that an optimizer keeps are made in its first step, as inference tensors in inference mode, and changed
    in place in every later one."""
    from gradlint.analysis.torch_inplace import changed

    thing = m.get(call.self)
    if not isinstance(thing, Instance) or not isinstance(thing.cls, Extern):
        return
    held = thing.attrs.get(STATE)
    if held is not None:
        for leaf in leaves(m.simplified(held)):
            if isinstance(m.get(leaf), Tensor):
                changed(m, leaf, [], call.at, "step")
    elif is_true(m.simplified(m.state.mode.inference)) and thing.cls.name.rpartition(".")[2] not in STATELESS:
        origin = m.origin("leaf", call.at, (), FALSE)
        made = m.tensor(
            call.at, Tensor(rg=FALSE, leaf=TRUE, floating=TRUE, inference=TRUE, sure=True, origin=origin), "state"
        )
        m.put(call.self, replace(thing, attrs={**thing.attrs, STATE: made}))


def held_by(m: Machine, ref: Any) -> frozenset[int]:
    """Addresses of the leaves that an optimizer holds."""
    thing = m.get(ref)
    held = thing.attrs.get(HELD) if isinstance(thing, Instance) else None
    return frozenset().union(frozenset(), *(leaf for leaf in leaves(held) if isinstance(leaf, frozenset)))


def _zero_grad(m: Machine, call: Call) -> Any:
    torch_autograd.clear_grads(m, frozenset(held_by(m, call.self)), call.at)
    return NONE


def _add_group(m: Machine, call: Call) -> Any:
    thing = m.get(call.self)
    if isinstance(thing, Instance):
        values = _groups(m, m.alloc(call.at, Sequence("list", (call.arg(0, "param_group", NONE),)), "added"), call)
        more = frozenset().union(frozenset(), *(_addresses(m, v) for inner, _ in values for v in inner))
        m.put(call.self, replace(thing, attrs={**thing.attrs, HELD: frozenset({*held_by(m, call.self), *more})}))
        torch_cuts.optimizer(m, call.at, more, [more])
    return NONE


def _nothing(m: Machine, call: Call) -> Any:
    return m.opaque(call.at, FALSE, "number", tag=call.name)


METHODS: dict[str, Callable[[Machine, Call], Any]] = {
    "step": _step,
    "zero_grad": _zero_grad,
    "add_param_group": _add_group,
    "state_dict": _nothing,
    "load_state_dict": _nothing,
    "register_step_pre_hook": _nothing,
    "register_step_post_hook": _nothing,
}


def attribute(m: Machine, ref: Ref, name: str) -> Any:
    return Builtin(ref, name) if name in METHODS else None


# -- gradient scalers


def make_scaler(m: Machine, call: Call) -> Any:
    return m.alloc(call.at, Instance(Extern("torch.amp.GradScaler"), {}), "scaler")


def scaler_method(m: Machine, call: Call) -> Any:
    """`scaler.scale(loss)` is the loss times a number; `scaler.step(optimizer)` steps it."""
    if call.name == "scale":
        value = call.arg(0, "outputs", NONE)
        return m.split(
            value,
            lambda leaf: m.services["binary"](m, "*", leaf, m.opaque(call.at, FALSE, "number", tag="scale"), call.at),
        )
    if call.name == "step":
        optimizer = m.simplified(call.arg(0, "optimizer", NONE))
        thing = m.get(optimizer)
        if isinstance(thing, Instance):
            return m.services["call"](
                m, m.services["get_attr"](m, optimizer, "step", call.at), call.args[1:], call.kwargs, call.at, False
            )
        return NONE
    return m.opaque(call.at, FALSE, "number", tag=call.name)
