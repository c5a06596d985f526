"""What is to be trained runs where nothing is recorded, and the loss that it feeds teaches it nothing.

The rest of the graph is intact, so `backward()` passes: a text head inside the block that was meant for the frozen
encoder, an encoder whose optimizer steps in vain, a generated image that reaches a perceptual loss without its graph.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import TrainedUnderNoGrad
from gradlint.findings import Finding, Severity
from gradlint.rules.cuts import cut_finding
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import line_of

TOKENS = (b"no_grad", b"set_grad_enabled", b"inference_mode", b"InferenceMode")


def check(event: TrainedUnderNoGrad, report: Report) -> Iterator[Finding]:
    text, place = event.mode.stack[-1] if event.mode.stack else ("a disabled mode", event.blamed)
    place = event.blamed or place
    line = line_of(report, place, event) if place else ""
    because = [note(report, place, "gradients are switched off here", report.path(event.where))] if place else []
    yield cut_finding(
        RULE, report, event, f"nothing is recorded here, under `{text}`{line}", _way_out(event), because=because
    )  # fmt: skip


def _way_out(event: TrainedUnderNoGrad) -> str:
    if event.proof == "constant":
        return "compute the term with gradients on (frozen parameters let gradients through)"
    return "compute this with gradients on, or freeze it and leave it out of the optimizer"


RULE = Rule("GRD307", "trained-module-under-no-grad", Severity.WARNING, (TrainedUnderNoGrad,), TOKENS, check)
