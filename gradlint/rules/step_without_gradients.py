"""An optimizer steps, and none of its parameters has a gradient: the step changes nothing.

They were cleared between `backward()` and `step()`, or are frozen, or are those of a model that no loss is made with.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import SteppedInVain, TensorFact
from gradlint.analysis.values import LIKELY_TRUE
from gradlint.findings import Evidence, Finding, Note, Severity
from gradlint.rules.cuts import listed
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import line_of, tell

LAYER = "layer = torch.nn.Linear(2, 1)\noptimizer = torch.optim.SGD(layer.parameters(), lr=0.5)"
SAME = "torch.equal(layer.weight, before)"
STEPS = {
    "cleared": "layer(torch.ones(1, 2)).sum().backward()\noptimizer.zero_grad()\noptimizer.step()",
    "frozen": "layer.requires_grad_(False)\noptimizer.step()",
    "unreached": "torch.nn.Linear(2, 1)(torch.ones(1, 2)).sum().backward()\noptimizer.step()",
}


def check(event: SteppedInVain, report: Report) -> Iterator[Finding]:
    facts, flags = [], []
    if event.cause == "unreached":
        facts, flags = [TensorFact(assumes="nothing else trains them")], [LIKELY_TRUE]
    yield tell(
        RULE, report, event, f"`step()` changes nothing: {_cause(event, report)}", facts=facts, flags=flags,
        because=_notes(event, report),
        evidence=Evidence("before = layer.weight.detach().clone()\n" + STEPS[event.cause], text=SAME, setup=LAYER),
    )  # fmt: skip


def _cause(event: SteppedInVain, report: Report) -> str:
    held = listed(event.held, "all that the optimizer holds")
    if event.cause == "cleared":
        where = line_of(report, event.cleared, event) if event.cleared else ""
        made = line_of(report, event.backward, event) if event.backward else ""
        return f"the gradients of `backward()`{made} are cleared before it{where}; clear them before `backward()`, or after"
    built = line_of(report, event.optimizer, event) if event.optimizer else ""
    if event.cause == "frozen":
        return f"{held} of the optimizer{built} is frozen; unfreeze it, or leave the optimizer away"
    return f"no loss leads to {held}, which the optimizer{built} was given; give it the parameters that are trained"


def _notes(event: SteppedInVain, report: Report) -> list[Note]:
    home = report.path(event.where)
    told = (
        (event.backward, "the gradients are made here"),
        (event.cleared, "they are cleared here"),
        (event.optimizer, "the optimizer is built here"),
    )
    return [note(report, place, what, home) for place, what in told if place]


RULE = Rule("GRD313", "step-without-gradients", Severity.WARNING, (SteppedInVain,), (b"step",), check)
