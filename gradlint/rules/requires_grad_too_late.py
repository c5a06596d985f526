"""A tensor is asked to require grad after the forward pass that should have recorded it: its `.grad` stays None."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import RequiresGradLate
from gradlint.findings import Evidence, Finding, Note, Severity
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import called, line_of, tell


def check(event: RequiresGradLate, report: Report) -> Iterator[Finding]:
    target = event.target
    used = line_of(report, event.used, event) if event.used else ""
    backward = line_of(report, event.backward, event) if event.backward else ""
    read = line_of(report, event.read, event) if event.read else ""
    yield tell(
        RULE, report, event,
        f"the forward pass{used} ran before {called(target, 'its input')} required grad, so `backward()`{backward} does "
        f"not reach it and its `.grad`{read} is None; ask for it before the forward pass",
        facts=[target], because=_notes(event, report),
        evidence=Evidence(
            "loss = (x * w).sum()\nx.requires_grad_()\nloss.backward()", text="x.grad is None",
            setup="x = torch.ones(2)\nw = torch.ones(2, requires_grad=True)",
        ),
    )  # fmt: skip


def _notes(event: RequiresGradLate, report: Report) -> list[Note]:
    home = report.path(event.where)
    told = ((event.used, "it is used here, without grad"), (event.read, "its `.grad` is read here"))
    return [note(report, place, what, home) for place, what in told if place]


RULE = Rule("GRD310", "requires-grad-too-late", Severity.WARNING, (RequiresGradLate,), (b"requires_grad",), check)
