"""An inference tensor is an operand that autograd has to save for backward: it raises.

Integer tensors count too: an index, a mask or a target made in inference mode is saved like any other operand.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import SavedInference
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, holds
from gradlint.rules.tokens import INFERENCE
from gradlint.rules.wording import called, cause_notes, made_line, modes, shown, tell

TEXT = "Inference tensors cannot be saved for backward"
ANY_PRODUCT = "torch.ones_like({0}, dtype=torch.float32, requires_grad=True) * {0}"
"""What a witness does with the tensor where the operation itself is not known whole."""


def check(event: SavedInference, report: Report) -> Iterator[Finding]:
    target = event.target
    if not holds(target.inference):
        return
    operation = f"`{event.op.rpartition('.')[2]}`" if event.op else "this operation"
    action, subject = ("{0}", event.result) if event.result else (ANY_PRODUCT, target.origin)
    line = made_line(report, event, target)
    yield tell(
        RULE, report, event,
        f"{called(target)} was made in inference mode{line}, and {operation} has to save it for backward, which raises; "
        "`clone()` it outside of inference mode, or make it under `torch.no_grad()` instead",
        facts=[target], flags=[target.inference, event.mode.grad], because=cause_notes(report, event, target),
        evidence=Evidence(action, shown(report, subject), modes(event), raises="RuntimeError", text=TEXT),
    )  # fmt: skip


RULE = Rule("GRD121", "inference-tensor-saved", Severity.ERROR, (SavedInference,), INFERENCE, check)
