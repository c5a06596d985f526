"""A `no_grad` block whose results never meet autograd again: `inference_mode` is cheaper and does the same."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextEntered
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity
from gradlint.rules.mode_wording import LEAF
from gradlint.rules.rule import Report, Rule, holds
from gradlint.rules.wording import tell

OLD, NEW = "no_grad", "inference_mode"
SINCE = (1, 9)


def check(event: ContextEntered, report: Report) -> Iterator[Finding]:
    if event.kind != OLD or event.how not in ("with", "decorator") or report.target_torch < SINCE:
        return
    if not (holds(event.stays_out) and holds(event.computes)) or holds(event.mode.inference) or event.inside:
        return
    yield tell(
        RULE, report, event,
        "nothing that is computed here meets autograd again, so `torch.inference_mode()` does the same with less "
        "bookkeeping",
        flags=[event.stays_out],
        evidence=Evidence(
            "with torch.inference_mode():\n    y = x * 2", text="y.is_inference() and not y.requires_grad", setup=LEAF
        ),
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: ContextEntered, report: Report) -> Fix | None:
    text = report.text(event.where)
    if text.count(OLD) != 1 or f".{OLD}" not in text:
        return None
    edit = Edit(report.span(event.where), text.replace(OLD, NEW))
    return Fix("Use inference mode", (edit,), Safety.UNSAFE)


RULE = Rule(
    "GRD405", "no-grad-could-be-inference-mode", Severity.ADVICE, (ContextEntered,), (b"no_grad",), check, default=False
)
