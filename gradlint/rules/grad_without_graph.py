"""`torch.autograd.grad` of outputs that no graph leads to: it raises.

Met above all where code that differentiates for itself (forces, penalties, saliency) is called by an evaluation that
has gradients off, and in the body of an autograd Function, which runs without them.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import GradCalled
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails
from gradlint.rules.wording import called, cause_notes, shown, tell, way_out, why

SETUP = "leaf = torch.ones(3, requires_grad=True)"


def check(event: GradCalled, report: Report) -> Iterator[Finding]:
    for output in event.outputs:
        if fails(output.rg):
            yield tell(
                RULE, report, event,
                f"{called(output, 'the output')} does not require grad, so `autograd.grad` raises"
                f"{why(report, event, output)}; {way_out(output)}",
                facts=[output], flags=[output.rg], because=cause_notes(report, event, output),
                evidence=Evidence(
                    "torch.autograd.grad({0}, leaf)", shown(report, output.origin), raises="RuntimeError",
                    text="does not require grad and does not have a grad_fn", setup=SETUP,
                ),
            )  # fmt: skip
            return


RULE = Rule("GRD102", "grad-without-graph", Severity.ERROR, (GradCalled,), (b"grad",), check)
