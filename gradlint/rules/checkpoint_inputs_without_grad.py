"""A reentrant checkpoint whose inputs do not require grad: its result has no graph, and nothing inside is trained.

`checkpoint` is reentrant unless `use_reentrant=False` says otherwise. Silent where gradients are off anyway.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import CheckpointCalled
from gradlint.findings import Edit, Evidence, Finding, Fix, Origin, Safety, Severity, Span
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import shown, tell

BEHIND = "checkpoint(lambda t: t * torch.ones(1, requires_grad=True), {0}, use_reentrant=True)"
"""A segment with a parameter of its own."""


def check(event: CheckpointCalled, report: Report) -> Iterator[Finding]:
    recording = holds(event.mode.grad) and fails(event.mode.inference)
    if not (fails(event.any_input) and holds(event.reentrant) and holds(event.trainable) and recording):
        return
    default = "" if event.explicit else ", which is reentrant by default,"
    yield tell(
        RULE, report, event,
        f"no input of this checkpoint{default} requires grad, so its result does not either and the parameters inside get no "
        "gradient; give `use_reentrant=False`, or let an input require grad",
        facts=event.inputs, flags=[event.any_input, event.trainable, event.mode.grad],
        evidence=Evidence(
            f"out = {BEHIND}", shown(report, _input(event)), text="not out.requires_grad",
            setup="from torch.utils.checkpoint import checkpoint",
        ),
        fix=_fix(event, report),
    )  # fmt: skip


def _input(event: CheckpointCalled) -> Origin:
    return event.inputs[0].origin if event.inputs else Origin("input", name="x", requires_grad=False)


def _fix(event: CheckpointCalled, report: Report) -> Fix | None:
    """`use_reentrant=False`, put in where the argument is not written."""
    text = report.text(event.where)
    span = report.span(event.where)
    if event.explicit or "use_reentrant" in text or not text.endswith(")") or text[:-1].rstrip()[-1:] in ("", ",", "("):
        return None
    end = Span(span.end_line, span.end_column - 1, span.end_line, span.end_column - 1)
    return Fix("Use the non-reentrant checkpoint", (Edit(end, ", use_reentrant=False"),), Safety.UNSAFE)


RULE = Rule("GRD133", "checkpoint-inputs-without-grad", Severity.ERROR, (CheckpointCalled,), (b"checkpoint",), check)
