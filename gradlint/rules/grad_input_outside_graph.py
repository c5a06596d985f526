"""`torch.autograd.grad` with respect to a tensor that does not require grad, or that the outputs do not depend on.

Silent where an output has no graph at all (that is `grad-without-graph`) and where the graph is not known whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import GradCalled, TensorFact
from gradlint.analysis.values import Truth
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, cause_notes, shown, tell, why

NO_FLAG = "One of the differentiated Tensors does not require grad"
NOT_USED = "appears to not have been used in the graph"


def check(event: GradCalled, report: Report) -> Iterator[Finding]:
    if any(fails(output.rg) for output in event.outputs):
        return
    for number, given in enumerate(event.inputs):
        outside = number < len(event.outside) and event.outside[number]
        if fails(given.rg):
            message = (
                f"{called(given, 'the input')} does not require grad, so `autograd.grad` raises{why(report, event, given)}; "
                "call `requires_grad_()` on it before the outputs are computed from it"
            )
            yield _told(event, report, given, message, NO_FLAG, [given.rg])
            return
        if outside and holds(given.rg) and not event.allow_unused:
            message = (
                f"{called(given, 'the input')} is not in the graph of {_outputs(event)}, so `autograd.grad` raises; "
                "differentiate with respect to the very tensor that the outputs were computed from, or give `allow_unused=True`"
            )
            yield _told(event, report, given, message, NOT_USED, [given.rg])
            return


def _told(event: GradCalled, report: Report, given: TensorFact, message: str, text: str, flags: list[Truth]) -> Finding:
    roots = [output.origin for output in event.outputs[:1]]
    subjects = shown(report, given.origin, *roots)
    root = "{1}.sum()" if roots else "leaf.sum()"
    return tell(
        RULE, report, event, message, facts=[given], flags=flags, because=cause_notes(report, event, given),
        evidence=Evidence(
            f"torch.autograd.grad({root}, {{0}})", subjects, raises="RuntimeError", text=text,
            setup="" if roots else "leaf = torch.ones(3, requires_grad=True)",
        ),
    )  # fmt: skip


def _outputs(event: GradCalled) -> str:
    return called(event.outputs[0], "the outputs") if len(event.outputs) == 1 else "the outputs"


RULE = Rule("GRD103", "grad-input-outside-graph", Severity.ERROR, (GradCalled,), (b"grad",), check)
