"""`.grad` of a computed tensor is read: it is None, for gradients stay with leaves only.

A conversion on the line that makes a leaf gives another tensor: `torch.zeros(3, requires_grad=True).to(dtype)` is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import GradRead, TensorFact
from gradlint.analysis.values import LIKELY_TRUE, Truth
from gradlint.findings import Evidence, Finding, Note, Origin, Severity
from gradlint.rules.rule import Report, Rule, fails, holds, note
from gradlint.rules.wording import called, line_of, shown, tell

MOVES = ("to", "cuda", "float", "double", "half", "bfloat16", "type", "type_as")


def check(event: GradRead, report: Report) -> Iterator[Finding]:
    target = event.target
    if event.retained or target.retains or not holds(target.rg):
        return
    if fails(target.leaf):
        yield _found(event, report, "is computed, not a leaf", [target], [target.rg, target.leaf])
    elif target.leaf.value is None and _moved(target.origin):
        moved = f"`.{target.origin.op.rpartition('.')[2]}(…)`"
        assumed = TensorFact(assumes=f"{moved} makes a copy")
        yield _found(event, report, f"is no leaf where {moved} copies it", [assumed], [LIKELY_TRUE, target.rg])


def _found(event: GradRead, report: Report, what: str, facts: list[TensorFact], flags: list[Truth]) -> Finding:
    target = event.target
    made = f"{line_of(report, target.made, event)}" if target.made else ""
    return tell(
        RULE, report, event,
        f"{called(target)} {what}{made}, so its `.grad` is None; call `retain_grad()` on it before `backward()`, "
        "or ask the leaf it was made from",
        facts=facts, flags=flags, because=_notes(event, report), evidence=_evidence(event, report),
    )  # fmt: skip


def _notes(event: GradRead, report: Report) -> list[Note]:
    made = event.target.made
    if made is None or made == event.where:
        return []
    return [note(report, made, f"{called(event.target)} is computed here", report.path(event.where))]


def _evidence(event: GradRead, report: Report) -> Evidence | None:
    if not fails(event.target.leaf):
        return Evidence(
            "z = torch.zeros(2, requires_grad=True).to(torch.float64)\nz.sum().backward()", text="z.grad is None"
        )
    return Evidence("{0}.sum().backward()", shown(report, event.target.origin), text="{0}.grad is None")


def _moved(origin: Origin) -> bool:
    """Whether the tensor is a leaf that was converted where it was made."""
    kind, _, name = origin.op.rpartition(".")
    if kind != "torch.Tensor" or name not in MOVES or not origin.args or origin.requires_grad is not True:
        return False
    made = origin.args[0]
    return isinstance(made, Origin) and made.op in ("leaf", "parameter") and made.requires_grad is True


RULE = Rule("GRD306", "grad-of-nonleaf", Severity.WARNING, (GradRead,), (b".grad",), check)
