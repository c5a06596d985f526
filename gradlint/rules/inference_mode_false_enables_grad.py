"""`inference_mode(False)` under `no_grad`: it does not leave the mode as it is, it turns gradients on."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextEntered
from gradlint.findings import Finding, Severity
from gradlint.rules.mode_wording import TRACKED, assumed, by_call, mode_notes, show, under, warn
from gradlint.rules.rule import Report, Rule, fails, holds


def check(event: ContextEntered, report: Report) -> Iterator[Finding]:
    if event.kind != "inference_mode" or not fails(event.flag) or event.again or event.differentiated:
        return
    if not fails(event.mode.grad) or not fails(event.mode.inference) or not holds(event.recorded):
        return
    when = by_call(report, event, event.name) if event.how == "decorator" else ""
    assuming = ""
    if assumed(event.flag, event.mode.grad, event.mode.inference, event.recorded):
        assuming = "what is computed in it involves tensors that require grad"
    yield warn(
        RULE, report, event,
        f"`torch.inference_mode(False)` turns gradients on{when} inside {under(report, event, event.mode)}: what it "
        "covers is recorded; where inference mode is not wanted enter nothing, or `contextlib.nullcontext()`",
        assuming=assuming, because=mode_notes(report, event, event.mode, what="gradients are turned off here"),
        evidence=show("with torch.inference_mode(False):\n    y = x * 2", TRACKED, modes=("torch.no_grad()",)),
    )  # fmt: skip


RULE = Rule(
    "GRD213", "inference-mode-false-enables-grad", Severity.WARNING, (ContextEntered,), (b"inference_mode",), check
)
