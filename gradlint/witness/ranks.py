"""How many dimensions values must have, worked out backwards from the operations that insist on it.

`torch.outer` wants vectors, a convolution wants images; what is made up on the way to them is made with as many
dimensions as come out right. Where nothing insists, the layout decides.
"""

from __future__ import annotations

from typing import Any

from gradlint.witness import ops
from gradlint.witness.layers import layer_of
from gradlint.witness.ops import Kind
from gradlint.witness.slice import Slice, Step, Use

HIGHEST = 5
LAYER_DEFAULT = 2
"""Layers of this rank take others too: they insist on nothing."""


def demanded(made: Slice) -> dict[int, int]:
    """The ranks that steps must have, by number."""
    ranks: dict[int, int] = {}
    for step in made.steps:
        for operand, rank in _demands(step):
            _demand(made, operand, rank, ranks)
    return ranks


def _demands(step: Step) -> list[tuple[int, int]]:
    """What an operation insists on: (operand, rank)."""
    if step.kind is Kind.LAYER:
        rank = layer_of(step.origin.op).rank
        first = next((arg.step for arg in step.args if isinstance(arg, Use)), None)
        return [(first, rank)] if first is not None and rank != LAYER_DEFAULT else []
    if step.kind is not Kind.CALL or not step.args or not isinstance(step.args[0], Use):
        return []
    name = ops.short(step.origin.op)
    wanted = ops.RANKS.get(name)
    if wanted is not None:
        pairs = zip(step.args, wanted, strict=False)
        return [(arg.step, rank) for arg, rank in pairs if isinstance(arg, Use) and rank]
    rank = _least_rank(step, name)
    return [(step.args[0].step, rank)] if rank > LAYER_DEFAULT else []


def _least_rank(step: Step, name: str) -> int:
    """The rank that the dimensions named by an operation need."""
    numbers = _integers([*step.args[1:], *(value for key, value in step.kwargs if key in ("dim", "axis", "dims"))])
    if name == "permute":
        return len(numbers)
    if name in ops.DIMS:
        return max((n + 1 if n >= 0 else -n for n in numbers if abs(n) < HIGHEST), default=0)
    if step.origin.op == ops.INDEXING:
        return min(_consumed(step), HIGHEST)
    return 0


def _integers(values: Any) -> list[int]:
    if isinstance(values, (list, tuple)):
        return [number for value in values for number in _integers(value)]
    return [values] if type(values) is int else []


def _index_parts(step: Step) -> list[Any]:
    index = step.args[1] if len(step.args) == 2 else step.args[1:]
    return list(index) if isinstance(index, tuple) else [index]


def _consumed(step: Step) -> int:
    """How many dimensions a subscript speaks of."""
    return len([part for part in _index_parts(step) if part is not None and part is not ...])


def _demand(made: Slice, number: int, rank: int, ranks: dict[int, int]) -> None:
    """Hand a demand down to what the value is computed from; the first demand holds."""
    while 0 <= rank <= HIGHEST and number not in ranks:
        ranks[number] = rank
        step = made.steps[number]
        change = _change(step)
        operands = [operand for operand in made.uses(number) if made.steps[operand].wants in ("", "mask")]
        if change is None or not operands:
            return
        rank += change
        for operand in operands[1:]:
            if step.origin.op in ops.INFIX or ops.short(step.origin.op) in ("cat", "stack", "where"):
                _demand(made, operand, rank, ranks)
        number = operands[0]


def _change(step: Step) -> int | None:
    """By how much the rank of the first operand is above that of the result; None where that is not known."""
    name = ops.short(step.origin.op)
    if step.kind is Kind.LAYER:
        return {"Flatten": None, "Unflatten": None, "Embedding": -1, "CrossEntropyLoss": None}.get(name, 0)
    if step.kind is not Kind.CALL or ops.is_factory(step.origin.op) or name in ops.RANKS or name in ops.RESHAPES:
        return None
    if step.origin.op == ops.INDEXING:
        parts = _index_parts(step)
        return len([p for p in parts if type(p) is int]) - len([p for p in parts if p is None])
    if name in ("unsqueeze", "stack", "one_hot", "embedding"):
        return -1
    if name in ("squeeze", "select", "unbind", "diagonal"):
        return 1 if len(step.args) > 1 else None
    if name in ops.REDUCTIONS:
        keywords = dict(step.kwargs)
        kept = keywords.get("keepdim") is True or True in [arg for arg in step.args[2:] if type(arg) is bool]
        dims = _integers([*step.args[1:2], keywords.get("dim"), keywords.get("axis")])
        return (0 if kept else len(dims)) if dims else None
    return None if name in ("flatten", "unflatten", "matmul", "einsum") or "loss" in name else 0
