"""From many observations of one function to the words of its row. Where samples disagree the word says so; it never guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from tools.measure import observe
from tools.measure.observe import Out, Sample, Seen, Slot

ERRORS = (
    RuntimeError,
    TypeError,
    ValueError,
    NotImplementedError,
    IndexError,
    AssertionError,
    AttributeError,
    KeyError,
)
SHORT = 5
"""Tuples up to this length have a shape of their own; longer ones count as "t*"."""


def shape_word(shapes: Iterable[str]) -> str:
    shapes = set(shapes)
    if len(shapes) == 1:
        only = shapes.pop()
        if only.startswith("*"):
            return "t*"
        return "t*" if set(only) == {"t"} and len(only) > SHORT else only
    if all(s.startswith("*") or len(s) > 1 and set(s) == {"t"} for s in shapes):
        return "t*"
    return "depends"


def grad_word(outs: list[Out]) -> str:
    """ "diff" where an argument always makes this output require grad, "?" where arguments do so sometimes."""
    reached: dict[str, set[bool]] = {}
    for out in outs:
        for name, flows in out.flows.items():
            reached.setdefault(name, set()).update(flows)
    if {True} in reached.values():
        return "diff"
    return "?" if {True, False} in reached.values() else "never"


def alias_word(found: set[str]) -> str:
    if len(found) == 1:
        return next(iter(found))
    if "fresh" not in found:
        return "shares" if found else "?"
    return "maybe-self" if found == {"fresh", "self"} else "maybe-view"


def off_word(kept: set[bool]) -> str:
    return "?" if len(kept) > 1 else "keeps" if kept == {True} else "drops"


def given(sample: Sample) -> dict[str, Any]:
    return {name: slot.value for slot in sample.slots for name in slot.names}


# -- dtype


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex)) and not isinstance(value, bool)


def numeric(value: Any) -> bool:
    """Whether a value can be floating or not: a tensor, a number, a list of them."""
    if isinstance(value, (list, tuple)) and value and not isinstance(value, torch.Size):
        return all(isinstance(v, Tensor) or numeric(v) for v in value)
    return isinstance(value, Tensor) or is_number(value)


def as_kind(value: Any, floating: bool) -> Any:
    """The value as integers, or as floats."""
    if isinstance(value, Tensor):
        if floating:
            return value if observe.can_require_grad(value) else value.to(torch.float32)
        return value if not observe.can_require_grad(value) else torch.ones_like(value, dtype=torch.int64)
    if isinstance(value, (list, tuple)):
        return type(value)(as_kind(v, floating) for v in value)
    if floating:
        return float(value) if not isinstance(value, complex) else value
    return max(1, int(value.real)) if abs(value.real) < 1e9 else 1


def has_dtype(sample: Sample) -> bool:
    return any(isinstance(s.value, torch.dtype) for s in sample.slots)


Kinds = tuple[dict[str, str], tuple[str, ...]]
"""The kinds of a call's operands, and those of its outputs."""


def kind_runs(sample: Sample) -> list[Kinds]:
    """The kinds of the outputs with all operands integers, each alone floating, and as they are."""
    if has_dtype(sample) or any(t.is_quantized for s in sample.slots for t in observe.tensors_of(s.value)):
        return []
    places = [i for i, s in enumerate(sample.slots) if numeric(s.value)]
    found = []
    for floating in [None, *places]:
        values = [s.value for s in sample.slots]
        try:
            for i in places:
                values[i] = as_kind(values[i], i == floating)
        except ERRORS:  # no such tensor: sparse ones of some dtypes
            continue
        made = _kinds(sample.with_values(values))
        if made is not None:
            found.append(made)
    made = _kinds(sample)
    return found + ([made] if made is not None else [])


def _kinds(sample: Sample) -> Kinds | None:
    try:
        ran = observe.run(sample, set())
    except ERRORS:
        return None
    kinds: dict[str, str] = {}
    for slot in sample.slots:
        if numeric(slot.value) and kinds.get(slot.names[0]) != "float":
            kinds[slot.names[0]] = kind_of(slot.value)
    return kinds, tuple(observe.kind_of(t) for t in observe.outputs(ran.result)[1])


def kind_of(value: Any) -> str:
    """ "float" where anything in the value is floating or complex, else "int"."""
    if isinstance(value, (list, tuple)):
        return "float" if any(kind_of(v) == "float" for v in value) else "int"
    if isinstance(value, Tensor):
        return "float" if observe.can_require_grad(value) else "int"
    return "float" if isinstance(value, (float, complex)) else "int"


def dtype_word(runs: list[tuple[dict[str, str], str]]) -> str:
    """ "same:a,b" (floating iff one of these operands is), or a fixed kind, or "?"."""
    made = {kind for _, kind in runs}
    if not runs:
        return "?"
    if made == {"complex"}:
        return "complex"
    if made <= {"float", "complex"}:
        return "float"
    if made <= {"int", "bool"}:
        return "bool" if made == {"bool"} else "int"
    floating = {"float", "complex"}
    reaches = {n for kinds, kind in runs if kind in floating for n in kinds if kinds[n] == "float"}
    reaches -= {n for kinds, kind in runs if kind not in floating for n in kinds if kinds[n] == "float"}
    made_by = [{n for n in kinds if kinds[n] == "float"} for kinds, kind in runs if kind in floating]
    alone = {n for n in reaches if {n} in made_by}
    for names in (alone, reaches):
        if all(names & made for made in made_by):
            return "same:" + ",".join(sorted(names))
    return "?"


# -- 0-d results


def size_runs(sample: Sample, vary: bool = True) -> list[tuple[Sample, bool, bool]]:
    """Whether the result is 0-d: as given, and with 0-d tensors and 1-d ones."""
    variants = [sample]
    if vary and all(
        t.layout == torch.strided and not t.is_nested for s in sample.slots for t in observe.tensors_of(s.value)
    ):
        for change in (lambda t: t.reshape(-1)[0] if t.numel() else t, lambda t: t.reshape(-1)):
            variants.append(sample.with_values([observe.rebuild(s.value, change) for s in sample.slots]))
    found = []
    for variant in variants:
        try:
            made = observe.outputs(observe.run(variant, set()).result)[1]
        except ERRORS:
            continue
        tensors = [t for s in variant.slots for t in observe.tensors_of(s.value)]
        if made:
            found.append((variant, all(t.dim() == 0 for t in tensors), made[0].dim() == 0))
    return found


def with_keyword(sample: Sample, name: str, value: Any) -> Sample:
    slots = [s for s in sample.slots if name not in s.names]
    return Sample(sample.function, (*slots, Slot((name,), value, name)))


DIMENSIONS = ("dim", "axis", "keepdim", "dims")


def scalar_word(runs: list[tuple[Sample, bool, bool]]) -> str:
    if not runs:
        return "?"
    results = {zero for _, _, zero in runs}
    if len(results) == 1:
        return "always" if results == {True} else "never"
    if all(zero == all_zero for _, all_zero, zero in runs):
        return "broadcast"
    reduced = [(given(s).get("reduction", "mean"), zero) for s, _, zero in runs]
    if len({word for word, _ in reduced}) > 1 and all(zero for word, zero in reduced if word != "none"):
        return "reduction"
    without = [zero for s, _, zero in runs if not any(d in given(s) and given(s)[d] is not None for d in DIMENSIONS)]
    if without and all(without):
        return "dim"
    return "?"


# -- arguments


def flow_words(samples: list[Seen]) -> tuple[str, ...]:
    """The arguments through which gradient reaches the outputs that it reaches at all; "name?" where it does so only
    in some calls, or only to some of them."""
    found: dict[str, set[bool]] = {}
    for seen in samples:
        reached = [out for out in seen.outs if any(True in flows for flows in out.flows.values())] or seen.outs
        for name in {n for out in reached for n in out.flows}:
            found.setdefault(name, set()).update(*(out.flows.get(name, set()) for out in reached))
    return tuple(sorted(n + ("?" if len(v) > 1 else "") for n, v in found.items() if True in v))


def save_words(samples: list[Seen]) -> tuple[str, ...]:
    """What is saved: "x:y" (saved whenever y requires grad), "x?" (in some samples only). Complex operands,
    of which copies are often saved, are left aside."""
    things = sorted({n for s in samples for n in s.saves})
    words = []
    real = [s for s in samples if not s.complex]
    for thing in things:
        causes, sometimes = [], False
        names = sorted({n for s in samples for n in s.tried})
        for cause in names:
            cases = {cause in s.saves.get(thing, ()) for s in real if cause in s.tried and _has(s, thing)}
            if cases == {True}:
                causes.append(cause)
            elif True in cases:
                sometimes = True
        if causes:
            words.append(f"{thing}:{'+'.join(causes)}")
        if sometimes:
            words.append(f"{thing}?")
    return tuple(words)


def _has(seen: Seen, thing: str) -> bool:
    return seen.full if thing == "result" else thing in seen.present


def each(samples: list[Seen], pick: Callable[[Seen], set[str]]) -> tuple[str, ...]:
    """Names that hold in every sample that has them; "name?" where in some only."""
    names = sorted({n for s in samples for n in pick(s)})
    return tuple(n if all(n in pick(s) for s in samples if n in s.present) else f"{n}?" for n in names)


def refusals(samples: list[Seen]) -> tuple[str, ...]:
    """Arguments that must not require grad; "name?" where only some calls refuse them."""
    names = sorted({n for s in samples for n in s.refused})
    return tuple(n if not any(n in s.tried for s in samples) else f"{n}?" for n in names)


def write_word(found: list[set[str]]) -> str:
    """What calls write, where they agree: "input", "nothing"."""
    return "?" if len({frozenset(f) for f in found}) > 1 else ",".join(sorted(found[0])) or "nothing"


def one_to_one(samples: list[Seen]) -> bool:
    """Whether each output requires grad iff the operand of the same number does."""
    found = {s.each for s in samples if s.each is not None}
    return found == {True}
