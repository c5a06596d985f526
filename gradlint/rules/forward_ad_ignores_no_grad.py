"""`no_grad` as a stop-gradient in something that is differentiated with forward mode, which does not heed it."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ForwardModeDifferentiated
from gradlint.findings import Finding, Severity
from gradlint.rules.mode_wording import place_notes, show, warn, written
from gradlint.rules.rule import Report, Rule
from gradlint.rules.wording import line_of

SETUP = """import torch.autograd.forward_ad as forward


def scaled(x):
    with torch.no_grad():
        scale = x * 3
    return x * scale"""
ACTION = """with forward.dual_level():
    out = scaled(forward.make_dual(torch.ones(2), torch.ones(2)))
    slope = forward.unpack_dual(out).tangent"""
EFFECT = "slope.tolist() == [6.0, 6.0]"
"""Without the block's part the slope is 3."""


def check(event: ForwardModeDifferentiated, report: Report) -> Iterator[Finding]:
    transform = event.transform.rpartition(".")[2] or "forward mode"
    line = line_of(report, event.call, event) if event.call else ""
    yield warn(
        RULE, report, event,
        f"`{written(event.kind)}` does not stop forward-mode differentiation: `{transform}`{line} differentiates what "
        "is computed here all the same; use `.detach()`, which stops both modes",
        because=place_notes(report, event, event.call, "it is differentiated here"),
        evidence=show(ACTION, EFFECT, setup=SETUP),
    )  # fmt: skip


RULE = Rule(
    "GRD216", "forward-ad-ignores-no-grad", Severity.WARNING, (ForwardModeDifferentiated,),
    (b"jacfwd", b"jvp", b"hessian", b"dual_level", b"make_dual", b"linearize", b"forward-mode"), check,
)  # fmt: skip
