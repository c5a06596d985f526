"""An inference tensor is changed in place outside of inference mode: it raises.

Directly, or by what changes tensors for the user: clipping, `zero_grad`, accumulation in `backward()`, an optimizer
whose state was first made in inference mode.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import InPlaceWrite
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.tokens import INFERENCE
from gradlint.rules.wording import called, cause_notes, made_line, modes, shown, tell

TEXT = "Inplace update to inference tensor outside InferenceMode is not allowed"
BY_OTHERS = {
    "backward": "`backward()` adds to it in place",
    "step": "the optimizer changes it in place",
    "clip_grad_norm_": "clipping changes it in place",
    "clip_grad_value_": "clipping changes it in place",
    "zero_grad": "`zero_grad` clears it in place",
    "buffer": "the module updates it in place",
}
"""By `how`: what changes the tensor where it is not the line itself."""


def check(event: InPlaceWrite, report: Report) -> Iterator[Finding]:
    target = event.target
    if not (holds(target.inference) and fails(event.mode.inference)):
        return
    change = BY_OTHERS.get(event.how, "this changes it in place outside of it")
    line = made_line(report, event, target)
    by_optimizer = event.how == "step" and target.parameter
    action = "with torch.no_grad():\n    {0}.zero_()" if by_optimizer else "{0}.zero_()"
    otherwise = "what the optimizer keeps" if event.how == "step" and not target.parameter else "this value"
    yield tell(
        RULE, report, event,
        f"{called(target, otherwise)} was made in "
        f"inference mode{line}, and {change}, which raises; "
        "`clone()` it first, or make it under `torch.no_grad()` instead",
        facts=[target], flags=[target.inference, event.mode.inference], because=cause_notes(report, event, target),
        evidence=Evidence(action, shown(report, target.origin), modes(event), raises="RuntimeError", text=TEXT),
    )  # fmt: skip


RULE = Rule("GRD122", "inference-tensor-inplace", Severity.ERROR, (InPlaceWrite,), INFERENCE, check)
