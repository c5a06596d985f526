"""A tensor of integers or booleans is asked to require grad: it raises."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import GradInput, RequiresGradSet
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, shown, tell

TEXT = "nly Tensors of floating point"


def check(event: RequiresGradSet | GradInput, report: Report) -> Iterator[Finding]:
    target = event.target
    if not fails(target.floating) or isinstance(event, RequiresGradSet) and not holds(event.value):
        return
    yield tell(
        RULE, report, event,
        f"{called(target)} holds integers or booleans, and only floating-point and complex tensors can require grad, so this "
        "raises; write the numbers as floats (`1.0`), or convert with `.float()` first",
        facts=[target], flags=[target.floating],
        evidence=Evidence("{0}.requires_grad_()", shown(report, target.origin), raises="RuntimeError", text=TEXT),
    )  # fmt: skip


RULE = Rule(
    "GRD113",
    "requires-grad-on-integer",
    Severity.ERROR,
    (RequiresGradSet, GradInput),
    (b"requires_grad", b"Parameter"),
    check,
)
