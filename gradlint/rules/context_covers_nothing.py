"""A mode around statements that compute nothing, while the computation stands behind the block."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextEntered
from gradlint.findings import Finding, Severity
from gradlint.rules.mode_wording import TRACKED, place_notes, show, turns_off, warn, written
from gradlint.rules.rule import Report, Rule, fails
from gradlint.rules.wording import line_of


def check(event: ContextEntered, report: Report) -> Iterator[Finding]:
    if event.how != "with" or event.again or event.manual or event.after is None:
        return
    if not turns_off(event.kind, event.flag) or not fails(event.computes):
        return
    made = written(event.kind, event.flag)
    yield warn(
        RULE, report, event,
        f"nothing is computed inside `{made}`: the computation stands behind the block"
        f"{line_of(report, event.after, event)} and is recorded; indent it into the block",
        because=place_notes(report, event, event.after, "this is recorded"),
        evidence=show(f"with {made.replace('…', 'False')}:\n    count = 0\ny = x * 2", TRACKED),
    )  # fmt: skip


RULE = Rule(
    "GRD215", "context-covers-nothing", Severity.WARNING, (ContextEntered,),
    (b"no_grad", b"inference_mode", b"set_grad_enabled"), check,
)  # fmt: skip
