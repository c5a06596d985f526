"""A module is replaced after its optimizer was built: the optimizer goes on with parameters that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ModuleReplaced, TensorFact
from gradlint.findings import Evidence, Finding, Note, Severity
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import line_of, tell


def check(event: ModuleReplaced, report: Report) -> Iterator[Finding]:
    built = line_of(report, event.optimizer, event) if event.optimizer else ""
    step = line_of(report, event.step, event) if event.step else ""
    what = f"`{event.attribute}`" if event.attribute else "module"
    yield tell(
        RULE, report, event,
        f"the optimizer{built} holds the parameters of the old {what}: `step()`{step} never changes the new ones; build "
        "the optimizer afterwards, or hand them over with `add_param_group`",
        facts=[TensorFact(assumes="training goes on with the same optimizer")], because=_notes(event, report),
        evidence=Evidence(
            "layer = torch.nn.Linear(2, 1)\nbefore = layer.weight.detach().clone()\n"
            "layer(torch.ones(1, 2)).sum().backward()\noptimizer.step()",
            text="layer.weight.grad is not None and torch.equal(layer.weight, before)",
            setup="layer = torch.nn.Linear(2, 1)\noptimizer = torch.optim.SGD(layer.parameters(), lr=0.5)",
        ),
    )  # fmt: skip


def _notes(event: ModuleReplaced, report: Report) -> list[Note]:
    home = report.path(event.where)
    told = ((event.optimizer, "the optimizer is built here, over the old one"), (event.step, "it steps here"))
    return [note(report, place, what, home) for place, what in told if place]


RULE = Rule(
    "GRD312",
    "optimizer-holds-old-parameters",
    Severity.WARNING,
    (ModuleReplaced,),
    (b"optim", b"Optim", b"step"),
    check,
)
