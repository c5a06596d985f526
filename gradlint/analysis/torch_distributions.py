"""Distributions: what they are made from decides whether densities require grad; samples never do, except by `rsample`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.torch_values import any_of
from gradlint.analysis.values import (
    FALSE,
    TRUE,
    UNKNOWN,
    Builtin,
    Extern,
    Flag,
    Instance,
    Ref,
    Sequence,
    Table,
    Tensor,
    both,
    either,
    is_false,
    is_true,
    negate,
)
from gradlint.records import replace
from gradlint.torch_model import distributions

ARGS = ":args"
BASE = ":distribution"
SAMPLED = frozenset({"sample", "sample_n", "enumerate_support"})
COMPUTED = frozenset({"log_prob", "rsample", "rsample_n", "cdf", "icdf", "entropy", "perplexity"})
OTHERS = frozenset({"mean", "variance", "stddev", "mode", "probs", "logits", "loc", "scale", "concentration", "rate",
                    "covariance_matrix"})  # fmt: skip
"""Attributes that are tensors, of distributions that nothing was measured of."""


def make(m: Machine, call: Call) -> Any:
    """`Categorical(logits=…)`: keeps its arguments."""
    return m.alloc(call.at, Instance(Extern(call.name), {ARGS: _kept(m, call.name, call)}), "distribution")


def is_measured(name: str) -> bool:
    return distributions.distribution(name) is not None


def initialised(m: Machine, ref: Ref, base: str, call: Call) -> None:
    """`super().__init__(…)` in a class of the project that derives from a distribution."""
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    m.put(ref, replace(thing, attrs={**thing.attrs, ARGS: _kept(m, base, call), BASE: Extern(base)}))


def _kept(m: Machine, name: str, call: Call) -> Ref:
    row = distributions.distribution(name)
    entries = {**dict(zip(row.args if row is not None else map(str, range(9)), call.args)), **call.kwargs}
    given = {key: _with_parts(m, key, value, call.at) for key, value in entries.items()}
    return m.alloc(call.at, Table(given), "args")


def _with_parts(m: Machine, key: Any, value: Any, at: int) -> Any:
    """An argument; for a distribution, a transform, or a list of them, what these were made from."""
    value = m.simplified(value)
    if not isinstance(m.get(value), (Instance, Sequence)):
        return value
    return m.alloc(at, Sequence("tuple", tuple(_parts(m, value))), f"parts {key}")


def _parts(m: Machine, value: Any) -> Iterator[Any]:
    value = m.simplified(value)
    thing = m.get(value)
    if isinstance(thing, Instance):
        yield from _arguments(m, value).values()
    elif isinstance(thing, Sequence):
        for one in (*thing.items, *([] if thing.rest is None else [thing.rest])):
            yield from _parts(m, one)
    else:
        yield value


def attribute(m: Machine, ref: Any, name: str, at: int) -> Any:
    """A method or property of a distribution; None where no model knows it."""
    found = _member(m, ref, name)
    if name in METHODS:
        return Builtin(ref, name)
    if found is not None or name in OTHERS:
        return _computed(m, ref, name, (), at)
    return Builtin(ref, name)


METHODS = SAMPLED | COMPUTED | {"expand", "cdf", "icdf", "enumerate_support"}


def _member(m: Machine, ref: Any, name: str) -> distributions.Member | None:
    base = _base(m, ref)
    return distributions.member(base, name) if base else None


def _base(m: Machine, ref: Any) -> str:
    """The distribution of torch that an instance is, or was initialised as; empty where it is not known."""
    thing = m.get(ref)
    if not isinstance(thing, Instance) or _table(m, thing) is None:
        return ""
    cls = thing.attrs.get(BASE, thing.cls)
    return cls.name if isinstance(cls, Extern) else ""


def _table(m: Machine, thing: Instance) -> Table | None:
    held = m.get(m.simplified(thing.attrs.get(ARGS)))
    return held if isinstance(held, Table) else None


def method(m: Machine, call: Call) -> Any:
    if call.name in SAMPLED:
        origin = m.origin("input", call.at, (), FALSE)
        base = _base(m, call.self)
        floating = FALSE if base.rpartition(".")[2] in ("Categorical", "Multinomial") else TRUE if base else UNKNOWN
        made = Tensor(
            rg=FALSE, leaf=TRUE, floating=floating, inference=m.simplified(m.state.mode.inference),
            sure=True,
            lost=_lost(m, call.self), origin=origin,
        )  # fmt: skip
        return m.tensor(call.at, made)
    if call.name in COMPUTED:
        _check_inference(m, call)
        return _computed(m, call.self, call.name, call.args, call.at)
    if call.name == "expand":
        return call.self
    return m.opaque(call.at, FALSE if is_false(m.recording) else UNKNOWN, tag=call.name)


def _check_inference(m: Machine, call: Call) -> None:
    """`log_prob` gathers by its argument, which it saves."""
    from gradlint.analysis import events
    from gradlint.analysis.torch_values import flag_of, tensors_in

    if call.name != "log_prob" or not is_true(m.recording) or not is_true(_flag(m, call.self)):
        return
    for value in call.args:
        for ref in tensors_in(m, value):
            if is_true(flag_of(m, ref, "inference")):
                m.event(events.SavedInference, call.at, target=m.fact(ref), op="log_prob")


def _arguments(m: Machine, ref: Any) -> dict[Any, Any]:
    """What a distribution was made from; something unknown where no constructor in view has said it."""
    thing = m.get(ref)
    held = _table(m, thing) if isinstance(thing, Instance) else None
    return dict(held.entries) if held is not None else {"": m.opaque(0, tag="made from")}


def _flag(m: Machine, ref: Any) -> Flag:
    return any_of(m, _arguments(m, ref).values())


def _lost(m: Machine, ref: Any) -> frozenset[int]:
    from gradlint.analysis.torch_values import tensors_in

    given = [m.get(t) for v in _arguments(m, ref).values() for t in tensors_in(m, v)]
    return frozenset[int]().union(*(t.lost for t in given if isinstance(t, Tensor)))


def divergence(m: Machine, call: Call) -> Any:
    """`kl_divergence(p, q)`: computed from the parameters of both."""
    both_given = [_arguments(m, m.simplified(value)) for value in (*call.args, *call.kwargs.values())]
    if len(both_given) != 2 or not all(both_given):
        m.compute()
        return m.opaque(call.at, FALSE if is_false(m.recording) else UNKNOWN, tag=call.name)
    m.compute()
    flow = [value for given in both_given for value in given.values()]
    flag = both(m.recording, any_of(m, flow))
    return _result(m, "torch.distributions.kl_divergence", flow, flow, flag, call.at, "unknown")


def _computed(m: Machine, ref: Any, name: str, args: tuple[Any, ...], at: int) -> Any:
    m.compute()
    given, member = _arguments(m, ref), _member(m, ref, name)
    name = f"torch.distributions.{name}"
    operands = [*given.values(), *args]
    flow = operands
    if member is not None:
        flow = [v for k, v in given.items() if k in (*member.flows, *member.maybe_flows)]
        flow += args if "value" in member.flows else ()
    flag = both(m.recording, any_of(m, flow))
    if member is not None and member.off != "drops" and not is_true(m.recording):
        flag = either(flag, UNKNOWN if not is_false(any_of(m, flow)) else FALSE)
    return _result(m, name, operands, flow, flag, at, name, handed=member is not None and member.off != "drops")


def _result(
    m: Machine, name: str, operands: list[Any], flow: list[Any], flag: Flag, at: int, op: str, handed: bool = False
) -> Any:
    """A tensor computed from operands, of which those in `flow` have derivatives. `op`: what its origin calls it. `handed`:
    it may be one of them."""
    from gradlint.analysis import torch_advice
    from gradlint.analysis.torch_ops import carried, is_vague, note_recorded, sources_of
    from gradlint.analysis.torch_values import tensors_in
    from gradlint.analysis.values import Node

    nodes: frozenset[int] = frozenset()
    if not is_false(flag):
        note_recorded(m, flag, at)
        for one in [t for value in operands for t in tensors_in(m, value)]:
            torch_advice.meets(m, m.get(one))  # type: ignore[arg-type]
        inputs: set[int] = set()
        below: set[int] = set()
        for value in flow:
            for one in tensors_in(m, value):
                thing = m.get(one)
                if isinstance(thing, Tensor) and not is_false(m.simplified(thing.rg)):
                    inputs |= thing.nodes
                    below |= sources_of(m, one, thing)
        nodes = frozenset(
            {
                m.alloc(
                    at,
                    Node(name, frozenset(inputs), sources=frozenset(below), vague=is_vague(m, flow), at=m.here(at)),
                    "node",
                ).addr
            }
        )
    lost = carried(m, operands, flow, flag, "mode", name, at)
    made = Tensor(
        rg=flag, leaf=UNKNOWN if handed and not is_false(flag) else negate(flag), floating=TRUE,
        inference=UNKNOWN if handed else m.simplified(m.state.mode.inference), nodes=nodes,
        sure=is_true(flag) and is_true(m.recording), lost=lost, origin=m.origin(op, at, operands, flag),
    )  # fmt: skip
    return m.tensor(at, made, name)
