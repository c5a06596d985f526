"""What single arguments decide: where a column has no specific word, the words that hold under a condition on arguments.

A condition names arguments and their kinds: "training is false", "dim is number", "input is absent",
"return_inverse is true & return_counts is absent". An argument counts where its kinds explain every sample; a flag
also where only some of its kinds do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tools.measure.observe import Sample

Facts = list[tuple[Sample, Any]]
Join = Callable[[list[Any]], str]
FLAGS = frozenset({"true", "false", "absent"})
ENOUGH = 2
"""Samples that a condition needs to count; for the shape of what is returned, one tells enough."""


def specific(column: str, word: str) -> bool:
    return word not in ("depends", "?") and not (column == "alias" and word.startswith("maybe"))


def kind(value: Any) -> str:
    """What a condition can say of an argument: its type, or its value where that is a flag or a word."""
    if isinstance(value, bool):
        return "true" if value else "false"
    for name, types in (("tensor", Tensor), ("number", (int, float)), ("dtype", torch.dtype), ("list", (list, tuple))):
        if isinstance(value, types):
            return name
    return value if isinstance(value, str) else "none" if value is None else "other"


def kind_in(sample: Sample, name: str) -> str:
    return next((kind(s.value) for s in sample.slots if name in s.names), "absent")


def cases(column: str, found: Facts, join: Join) -> list[str]:
    """ "training is false:alias self": what arguments, or else pairs of flags, decide about a column."""
    if not found or specific(column, join([fact for _, fact in found])):
        return []
    names = list(dict.fromkeys(n for sample, _ in found for s in sample.slots for n in s.names[:1]))
    kinds = {name: [kind_in(sample, name) for sample, _ in found] for name in names}
    flags = [n for n in names if set(kinds[n]) <= FLAGS and len(set(kinds[n])) > 1]
    singles = {n: _decided(column, (n,), kinds, found, join) for n in names}
    texts = [text for made, full in singles.values() if full for text in made]
    for pair in itertools.combinations(flags, 2) if not texts else ():
        made, full = _decided(column, pair, kinds, found, join)
        texts += made if full else []
    return texts or [text for n in flags for text in singles[n][0]]


Kinds = dict[str, list[str]]
"""The kind of each argument in each sample."""


def _decided(column: str, names: tuple[str, ...], kinds: Kinds, found: Facts, join: Join) -> tuple[list[str], bool]:
    """What the kinds of these arguments decide, and whether they decide every sample."""
    groups: dict[tuple[str, ...], list[Any]] = {}
    for key, (_, fact) in zip(zip(*(kinds[n] for n in names), strict=True), found, strict=True):
        groups.setdefault(key, []).append(fact)
    enough = 1 if column == "returns" else ENOUGH
    made = {key: join(facts) for key, facts in groups.items() if len(facts) >= enough}
    made = {key: word for key, word in made.items() if specific(column, word)}
    conditions = {key: " & ".join(f"{n} is {k}" for n, k in zip(names, key, strict=True)) for key in made}
    texts = [f"{conditions[key]}:{column} {made[key]}" for key in sorted(made)]
    return texts, 1 < len(groups) == len(made)


def where(text: str, found: Facts) -> Facts:
    """The samples in which the condition of a case's text holds."""
    pairs = [condition.partition(" is ") for condition in text.partition(":")[0].split(" & ")]
    return [(sample, fact) for sample, fact in found if all(kind_in(sample, name) == word for name, _, word in pairs)]
