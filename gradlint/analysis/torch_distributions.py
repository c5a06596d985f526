"""Distributions: what they are made from decides whether densities require grad; samples never do, except by `rsample`."""

from __future__ import annotations

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
    Tensor,
    both,
    is_false,
    is_true,
    negate,
)

ARGS = ":args"
SAMPLED = frozenset({"sample", "sample_n", "enumerate_support"})
COMPUTED = frozenset({"log_prob", "rsample", "rsample_n", "cdf", "icdf", "entropy", "perplexity"})
PROPERTIES = frozenset({"mean", "variance", "stddev", "mode", "probs", "logits", "loc", "scale", "concentration", "rate",
                        "covariance_matrix", "param"})  # fmt: skip
DISCRETE = frozenset({"Categorical", "Bernoulli", "Binomial", "Geometric", "Multinomial", "Poisson", "OneHotCategorical", "NegativeBinomial"})


def make(m: Machine, call: Call) -> Any:
    """`Categorical(logits=…)`: keeps its arguments."""
    from gradlint.analysis.values import Sequence

    args = m.alloc(call.at, Sequence("tuple", call.all_args), "args")
    return m.alloc(call.at, Instance(Extern(call.name), {ARGS: args}), "distribution")


def attribute(m: Machine, ref: Any, name: str, at: int) -> Any:
    """A method or property of a distribution; None where no model knows it."""
    if name in PROPERTIES:
        return _computed(m, ref, f"torch.distributions.{name}", (), at)
    return Builtin(ref, name)


def method(m: Machine, call: Call) -> Any:
    if call.name in SAMPLED:
        origin = m.origin("input", call.at, (), FALSE)
        thing = m.get(call.self)
        discrete = isinstance(thing, Instance) and isinstance(thing.cls, Extern) and thing.cls.name.rpartition(".")[2] in ("Categorical", "Multinomial")
        made = Tensor(
            rg=FALSE, leaf=TRUE, floating=FALSE if discrete else TRUE, inference=m.simplified(m.state.mode.inference), sure=True,
            lost=_lost(m, call.self), origin=origin,
        )  # fmt: skip
        return m.tensor(call.at, made)
    if call.name in COMPUTED:
        _check_inference(m, call)
        return _computed(m, call.self, f"torch.distributions.{call.name}", call.args, call.at)
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


def _arguments(m: Machine, ref: Any) -> tuple[Any, ...]:
    from gradlint.analysis.values import Sequence

    thing = m.get(ref)
    held = m.get(thing.attrs.get(ARGS)) if isinstance(thing, Instance) else None
    return held.items if isinstance(held, Sequence) else ()


def _flag(m: Machine, ref: Any) -> Flag:
    return any_of(m, _arguments(m, ref))


def _lost(m: Machine, ref: Any) -> frozenset[int]:
    from gradlint.analysis.torch_values import tensors_in

    return frozenset().union(frozenset(), *(m.get(t).lost for v in _arguments(m, ref) for t in tensors_in(m, v)))  # type: ignore[union-attr]


def _computed(m: Machine, ref: Any, name: str, args: tuple[Any, ...], at: int) -> Any:
    from gradlint.analysis.torch_ops import carried, note_recorded, sources_of
    from gradlint.analysis.torch_values import tensors_in
    from gradlint.analysis.values import Node

    m.compute()
    operands = [*_arguments(m, ref), *args]
    flag = both(m.recording, any_of(m, operands))
    nodes: frozenset[int] = frozenset()
    if not is_false(flag):
        note_recorded(m, flag, at)
        inputs: set[int] = set()
        below: set[int] = set()
        for value in operands:
            for one in tensors_in(m, value):
                thing = m.get(one)
                if isinstance(thing, Tensor) and not is_false(m.simplified(thing.rg)):
                    inputs |= thing.nodes
                    below |= sources_of(m, one, thing)
        nodes = frozenset({m.alloc(at, Node(name, frozenset(inputs), sources=frozenset(below), at=m.here(at)), "node").addr})
    lost = carried(m, operands, operands, flag, "mode", name, at)
    made = Tensor(
        rg=flag, leaf=negate(flag), floating=TRUE, inference=m.simplified(m.state.mode.inference), nodes=nodes,
        sure=is_true(flag) and is_true(m.recording), lost=lost, origin=m.origin(name, at, operands, flag),
    )  # fmt: skip
    return m.tensor(at, made, name)
