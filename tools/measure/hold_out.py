"""Judges the committed operator rows on calls that mostly took no part in making them.

Every sample call in the bank is made, with all its operands requiring grad and with each alone, and compared with what
the row says of it through `tables.refined`: what comes back, what requires grad with grad on and off, what is shared,
what is 0-d.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gradlint.torch_model import tables
from gradlint.torch_model.tables import Operator
from tools.measure import conditions, observe, operators, words
from tools.measure.bank import Call
from tools.measure.observe import Run, Sample

MOST = 120
"""Calls of one function that are judged."""
COVERS = {
    "fresh": {"fresh"}, "self": {"self"}, "view": {"view"}, "shares": {"self", "view"}, "maybe-self": {"self", "fresh"},
    "maybe-view": {"self", "view", "fresh"},
}  # fmt: skip


def samples(bank: dict[str, list[Call]], only: str) -> Iterator[tuple[operators.Target, Sample]]:
    for target in (*operators.functions(), *operators.methods()):
        if only not in target.name or tables.operator(target.name) is None:
            continue
        sign = operators.signature(target.function, target.last)
        for call in operators.candidates(target, bank)[:MOST]:
            values = [*call[0], *call[1].values()]
            if all(t.numel() for t in observe.tensors_of(values)) and not any(
                isinstance(v, torch.dtype) for v in values
            ):
                yield target, operators.as_sample(target, sign, call)


def row_for(sample: Sample, name: str) -> Operator:
    kinds: dict[str, str] = {}
    for slot in sample.slots:
        kinds.setdefault(slot.names[0], conditions.kind(slot.value))
    row = tables.operator(name)
    assert row is not None
    return tables.refined(row, kinds)


def wrong(bank: dict[str, list[Call]], only: str = "") -> tuple[int, list[str]]:
    """How many runs were judged, and what rows said wrongly: a line for each name and column."""
    judged, found = 0, {}
    for target, sample in samples(bank, only):
        row = row_for(sample, target.name)
        free = {i for i, s in enumerate(sample.slots) if observe.differentiable(s)}
        for wanting in (free, *([{i} for i in free] if len(free) > 1 else [])):
            try:
                on, off = observe.run(sample, wanting, leaf=not target.inplace), observe.run(sample, wanting, "no_grad")
            except words.ERRORS:
                continue
            judged += 1
            names = {n for i in wanting for n in sample.slots[i].names}
            for column, detail in disagreements(row, sample, names, on, off):
                found.setdefault((target.name, column), f"{target.name}: {column} {detail}")
    return judged, list(found.values())


def disagreements(row: Operator, sample: Sample, wanting: set[str], on: Run, off: Run) -> Iterator[tuple[str, str]]:
    shape, outs = observe.outputs(on.result)
    if row.returns not in ("depends", "t*", "self") and shape != row.returns and len(shape) <= words.SHORT:
        yield "returns", f"{row.returns}, not {shape}"
    for k, (out, still) in enumerate(zip(outs, observe.outputs(off.result)[1], strict=False)):
        if not row.grad:
            yield "returns", f"{row.returns}, not a tensor"
            continue
        expected = requires_grad(row, k, wanting)
        if expected is not None and expected != out.requires_grad and (observe.can_require_grad(out) or not expected):
            yield "grad", f"of output {k} is {out.requires_grad} where {sorted(wanting)} require grad"
        keeps = row.off[min(k, len(row.off) - 1)]
        if (
            out.requires_grad
            and keeps != "?"
            and still.requires_grad != (keeps == "keeps" and bool(wanting & set(row.of)))
        ):
            yield "off", f"of output {k} is not {keeps}"
        word = observe.alias_of(still, off, sample)[0]
        if word not in COVERS[row.alias[min(k, len(row.alias) - 1)]]:
            yield "alias", f"of output {k} is {word}"
    if outs and size(row, sample) not in (None, outs[0].dim() == 0):
        yield "scalar", f"is not {row.scalar}"


def requires_grad(row: Operator, output: int, wanting: set[str]) -> bool | None:
    word = row.grad[min(output, len(row.grad) - 1)]
    if word != "diff":
        return False if word == "never" else None
    if wanting & set(row.diffargs):
        return True
    return None if wanting & set(row.maybe_diffargs) else False


def size(row: Operator, sample: Sample) -> bool | None:
    """Whether the row says that the first output is 0-d."""
    tensors: list[Tensor] = [t for s in sample.slots for t in observe.tensors_of(s.value)]
    if row.scalar == "broadcast":
        return all(t.dim() == 0 for t in tensors)
    return {"always": True, "never": False}.get(row.scalar)
