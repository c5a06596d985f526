"""An inference tensor is asked to require grad outside of inference mode: it raises."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import GradInput, RequiresGradSet
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.tokens import INFERENCE
from gradlint.rules.wording import called, cause_notes, made_line, modes, shown, tell

TEXT = "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed"


def check(event: RequiresGradSet | GradInput, report: Report) -> Iterator[Finding]:
    target = event.target
    if not (holds(target.inference) and fails(event.mode.inference)):
        return
    if isinstance(event, RequiresGradSet) and not holds(event.value):
        return
    line = made_line(report, event, target)
    yield tell(
        RULE, report, event,
        f"{called(target)} was made in inference mode{line} and can never require grad outside of it, so this raises; "
        "`clone()` it here first, or make it under `torch.no_grad()` instead",
        facts=[target], flags=[target.inference, event.mode.inference], because=cause_notes(report, event, target),
        evidence=Evidence(
            "{0}.requires_grad_()", shown(report, target.origin), modes(event), raises="RuntimeError", text=TEXT
        ),
    )  # fmt: skip


RULE = Rule("GRD123", "inference-tensor-requires-grad", Severity.ERROR, (RequiresGradSet, GradInput), INFERENCE, check)
