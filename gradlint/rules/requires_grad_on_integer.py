"""A tensor of integers or booleans is asked to require grad: it raises."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradlint.analysis.events import GradInput, RequiresGradSet
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, made_line, made_note, shown, tell

NUMBERS = re.compile(r"\w+\.(tensor\([][(),.\s\d+-]*,\s*requires_grad=True\s*\))")
TEXT = "nly Tensors of floating point"


def check(event: RequiresGradSet | GradInput, report: Report) -> Iterator[Finding]:
    target = event.target
    if not fails(target.floating) or isinstance(event, RequiresGradSet) and not holds(event.value):
        return
    yield tell(
        RULE, report, event,
        f"{called(target)}{made_line(report, event, target)} holds integers or booleans, and only floating-point "
        "and complex tensors can require grad, so this raises; write the numbers as floats (`1.0`), or convert "
        "with `.float()` first",
        facts=[target], flags=[target.floating], because=made_note(report, event, target),
        evidence=_evidence(event, report),
    )  # fmt: skip


def _evidence(event: RequiresGradSet | GradInput, report: Report) -> Evidence:
    """Numbers that are written out are shown as they stand: no tensor was made of them before they were refused."""
    written = NUMBERS.fullmatch(report.text(event.where))
    if written:
        return Evidence(f"torch.{written[1]}", raises="RuntimeError", text=TEXT)
    subject = shown(report, event.target.origin)
    return Evidence("{0}.requires_grad_()", subject, raises="RuntimeError", text=TEXT)


RULE = Rule(
    "GRD113",
    "requires-grad-on-integer",
    Severity.ERROR,
    (RequiresGradSet, GradInput),
    (b"requires_grad", b"Parameter"),
    check,
)
