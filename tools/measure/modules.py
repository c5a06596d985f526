"""Measures the classes of `torch.nn`: their parameters and buffers, and what calling them does, in training and in eval mode.

A module is measured as the function of its parameters, buffers and inputs that it is (`torch.func.functional_call`), so that
observe.py can let each of them require grad alone.
"""

from __future__ import annotations

import inspect
import itertools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.testing._internal.common_modules import module_db

from tools.measure import conditions, observe, words
from tools.measure.module_probes import NOT_MEASURED, Built, Named, built
from tools.measure.observe import Sample, Seen, Slot
from tools.measure.operators import dtype_column, output_columns

KEPT = 10
"""Ways of building and calling a class that are looked at."""


def classes() -> Iterator[type[nn.Module]]:
    for name in sorted(dir(nn)):
        found = getattr(nn, name)
        if inspect.isclass(found) and issubclass(found, nn.Module) and name not in NOT_MEASURED:
            yield found


def from_database(cls: type[nn.Module], training: bool) -> list[Built]:
    """The calls of a class in torch's module database, each with the arguments by position as given."""
    found: list[Built] = []
    for info in module_db:
        if info.module_cls is not cls:
            continue
        observe.seed()
        inputs = info.module_inputs_func(
            info, device="cpu", dtype=torch.float32, requires_grad=False, training=training
        )
        for one in inputs:
            build, call = one.constructor_input, one.forward_input
            if call is not None and all(t.numel() for t in observe.tensors_of([*call.args, *call.kwargs.values()])):
                values = (*call.args, *(Named(k, v) for k, v in call.kwargs.items()))
                found.append((tuple(build.args), dict(build.kwargs), values))
    return found


def make(cls: type[nn.Module], way: Built, training: bool) -> nn.Module:
    observe.seed()
    module = cls(*way[0], **way[1])
    state = itertools.chain(module.parameters(), module.buffers())
    if any(isinstance(t, (nn.UninitializedParameter, nn.UninitializedBuffer)) for t in state):
        module(*(v for v in way[2] if not isinstance(v, Named)))
    return module.train(training)


def state_groups(module: nn.Module) -> dict[str, list[str]]:
    """The names of parameters and buffers by what rows call them: own ones without their layer's number, "children"."""
    groups: dict[str, list[str]] = {}
    for name in dict(itertools.chain(module.named_parameters(), module.named_buffers())):
        stem = "self.children" if "." in name else "self." + re.sub(r"_l\d+(_reverse)?$", "", name)
        groups.setdefault(stem, []).append(name)
    return groups


def as_sample(cls: type[nn.Module], way: Built, training: bool) -> Sample:
    """The call of a module as a function of its inputs and its state."""
    module = make(cls, way, training)
    forward = forward_names(cls)
    given = [v.value if isinstance(v, Named) else v for v in way[2]]
    named = [v.name if isinstance(v, Named) else "" for v in way[2]]
    slots = [
        Slot((n or forward[min(k, len(forward) - 1)],), v) for k, (n, v) in enumerate(zip(named, given, strict=True))
    ]
    state = {n: v.detach() for n, v in itertools.chain(module.named_parameters(), module.named_buffers())}
    groups = state_groups(module)
    slots += [
        Slot((stem,), [state[n] for n in names] if len(names) > 1 else state[names[0]])
        for stem, names in groups.items()
    ]
    order = [n for names in groups.values() for n in names]

    def call(*values: Any) -> Any:
        args = [v for v, n in zip(values, named, strict=False) if not n]
        kwargs = {n: v for v, n in zip(values, named, strict=False) if n}
        tensors = [t for v in values[len(named) :] for t in (v if isinstance(v, list) else [v])]
        return torch.func.functional_call(module, dict(zip(order, tensors, strict=True)), tuple(args), kwargs)

    return _Optioned(call, tuple(slots), tuple(Slot((n,), v, n) for n, v in options(cls, way).items()))


def forward_names(cls: type[nn.Module]) -> list[str]:
    found = inspect.signature(cls.forward).parameters.values()
    return [p.name for p in found if p.name != "self" and p.kind is not p.VAR_KEYWORD]


def constructor(cls: type[nn.Module]) -> inspect.Signature:
    """The constructor's signature; recurrent networks hand theirs on to their base class."""
    if not issubclass(cls, nn.RNNBase):
        return inspect.signature(cls)
    base = inspect.signature(nn.RNNBase)
    return base.replace(parameters=[p for p in base.parameters.values() if p.name != "mode"])


@dataclass(frozen=True)
class _Optioned(Sample):
    """A sample that also remembers the constructor's options, for conditions to speak of."""

    options: tuple[Slot, ...] = ()


def options(cls: type[nn.Module], way: Built) -> dict[str, Any]:
    """The constructor's arguments by name, as given."""
    try:
        return dict(constructor(cls).bind(*way[0], **way[1]).arguments)
    except TypeError:
        return dict(way[1])


def flags(cls: type[nn.Module]) -> dict[str, bool]:
    """The constructor's switches and their defaults."""
    return {n: p.default for n, p in constructor(cls).parameters.items() if isinstance(p.default, bool)}


def ways_of(cls: type[nn.Module], training: bool) -> list[Built]:
    """How a class is built and called: by hand, with each switch flipped, as torch's database does."""
    known = [*built().get(cls.__name__, ()), *from_database(cls, training)]
    plain = [w for w in known if not set(options(cls, w)) & set(flags(cls))][:2] or known[:1]
    flipped = [(w[0], {**w[1], n: not default}, w[2]) for w in plain for n, default in flags(cls).items()]
    if "reduction" in constructor(cls).parameters:
        flipped += [(w[0], {**w[1], "reduction": r}, w[2]) for w in plain for r in ("none", "sum")]
    return [*known[:KEPT], *flipped, *known[KEPT:]]


def observed(cls: type[nn.Module], training: bool) -> list[tuple[Sample, Seen]]:
    found: list[tuple[Sample, Seen]] = []
    for way in ways_of(cls, training):
        try:
            sample = as_sample(cls, way, training)
            found.append((sample, observe.observe(sample, way[1].get("inplace") is True)))
        except words.ERRORS:
            continue
        if len(found) >= 3 * KEPT:
            break
    return found


def call_columns(found: list[tuple[Sample, Seen]]) -> dict[str, str]:
    """What a call does: the columns that training and eval mode may differ in."""
    seen = [s for _, s in found]
    main = found[0][0].slots[0].names[0]
    returns = words.shape_word(s.shape for s in seen)
    count = 0 if returns == "t*" else 1 if returns == "depends" else max(len(s.outs) for s in seen)
    columns = {"returns": returns}
    facts = [(_for_conditions(sample), s) for sample, s in found]
    cases = conditions.cases("returns", [(p, s.shape) for p, s in facts], words.shape_word)
    if any(s.outs for s in seen):
        columns |= output_columns(seen, count, main)
        outs = [(p, s.outs[0]) for p, s in facts if s.outs]
        cases += conditions.cases("alias", outs, lambda found: words.alias_word({w for o in found for w in o.alias}))
        kinds = [r for sample, _ in found[:4] for r in words.kind_runs(sample)]
        columns["dtype"] = dtype_column(kinds, count)
        sizes = [(_for_conditions(s), all_zero, zero) for sample, _ in found for s, all_zero, zero in size_runs(sample)]
        columns["scalar"] = words.scalar_word(sizes)
    cases += conditions.cases("writes", [(p, s.writes) for p, s in facts], words.write_word)
    columns["flows"] = ",".join(words.flow_words(seen))
    columns["saves"] = ",".join(w for w in words.save_words(seen) if not w.startswith("self.children"))
    columns["writes"] = ",".join(words.each(seen, lambda s: s.writes))
    columns["refuses"] = ",".join(words.refusals(seen))
    columns["cases"] = "; ".join(cases)
    return columns


def _for_conditions(sample: Sample) -> Sample:
    """The constructor's options in the place of the call's values, and what the call gives by keyword that is no tensor."""
    given = [s for s in sample.slots if not observe.tensors_of(s.value) and not s.names[0].startswith("self.")]
    return Sample(sample.function, (*(sample.options if isinstance(sample, _Optioned) else ()), *given))


def size_runs(sample: Sample) -> list[tuple[Sample, bool, bool]]:
    """As for operators, but only the inputs change their size; parameters stay."""
    made = words.size_runs(sample, vary=False)
    inputs = [i for i, s in enumerate(sample.slots) if not s.names[0].startswith("self.")]
    for change in (lambda t: t.reshape(-1)[0] if t.numel() else t, lambda t: t.reshape(-1)):
        values = [observe.rebuild(s.value, change) if i in inputs else s.value for i, s in enumerate(sample.slots)]
        made += words.size_runs(sample.with_values(values), vary=False)
    return [
        (sample, all(t.dim() == 0 for i in inputs for t in observe.tensors_of(s.slots[i].value)), zero)
        for s, _, zero in made
    ]


def state_words(cls: type[nn.Module], ways: list[Built], kind: str) -> list[str]:
    """Own parameters or buffers: "weight", "bias:bias" (there only where that switch of the constructor is on)."""
    found: dict[str, str] = {}
    for way in ways:
        for name in _own(cls, way, kind) or ():
            without = {n: _own(cls, (way[0], {**way[1], n: False}, way[2]), kind) for n in flags(cls)}
            switches = [n for n, names in without.items() if names is not None and name not in names]
            found.setdefault(name, ":".join([name, "+".join(switches)]) if switches else name)
    return list(found.values())


def _own(cls: type[nn.Module], way: Built, kind: str) -> list[str] | None:
    """The names that a way of building gives; None where it cannot be built."""
    try:
        module = cls(*way[0], **way[1])
    except words.ERRORS:
        return None
    found = module._parameters if kind == "parameters" else module._buffers
    return [n for n, v in found.items() if v is not None]


def shown_parameter(p: inspect.Parameter) -> str:
    """A constructor's argument, with the default of a switch or a word."""
    star = "*" if p.kind is p.VAR_POSITIONAL else ""
    return f"{star}{p.name}" + (f"={p.default}" if isinstance(p.default, (bool, str)) else "")


def children(cls: type[nn.Module], way: Built) -> str:
    if cls is nn.Sequential:
        return ""
    return ",".join(f"{n}:{type(m).__name__}" for n, m in make(cls, way, True).named_children())


def row(cls: type[nn.Module]) -> str | None:
    """The line of a class; None where no way of building it is known."""
    train, still = observed(cls, True), observed(cls, False)
    if not train or not still:
        return None
    known = ways_of(cls, True)
    simple = [w for w in known if set(options(cls, w)) & set(flags(cls)) or not w[1]][:12]
    simple = known[:1] if issubclass(cls, nn.RNNBase) else simple
    columns, eval_columns = call_columns(train), call_columns(still)
    names = [shown_parameter(p) for p in constructor(cls).parameters.values() if p.kind is not p.VAR_KEYWORD]
    returns = columns.pop("returns")
    differing = [k for k in columns if k not in ("saves", "cases", "dtype") and eval_columns.get(k, "") != columns[k]]
    shown = {
        "params": ",".join(state_words(cls, simple, "parameters")),
        "buffers": ",".join(state_words(cls, simple, "buffers")),
        "children": children(cls, known[0]),
        **columns,
        "eval": "; ".join(f"{k} {eval_columns.get(k) or 'nothing'}" for k in differing),
    }
    head = f"torch.nn.{cls.__name__}({', '.join(names)})({', '.join(forward_names(cls))}) -> {returns}"
    return "  ".join([head, *(f"{k}={v}" for k, v in shown.items() if v)])


def table(only: str = "") -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [row(cls) for cls in classes() if only in f"torch.nn.{cls.__name__}"]
    return [line for line in made if line is not None]
