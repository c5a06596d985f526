"""A bootstrapped target is differentiated together with the prediction: the loss also pulls the target towards it."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import TargetDifferentiated
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import called, line_of, tell


def check(event: TargetDifferentiated, report: Report) -> Iterator[Finding]:
    made = line_of(report, event.target.made, event) if event.target.made else ""
    network = f"`{event.network}`" if event.network else "the network"
    home = report.path(event.where)
    yield tell(
        RULE, report, event,
        f"{called(event.target, 'the target')}{made} is computed by {network}, which this loss trains, and has its "
        "graph: the target is pulled towards the prediction, too; compute it under `torch.no_grad()` or detach it",
        facts=[event.target], flags=[event.target.rg],
        because=[note(report, event.backward, "both are differentiated here", home)] if event.backward else [],
        evidence=Evidence(
            "target = 1.0 + 0.9 * net(2 * x)\nloss = torch.nn.functional.mse_loss(net(x), target)\nloss.backward()",
            text="target.requires_grad", setup="net = torch.nn.Linear(1, 1)\nx = torch.ones(1, 1)",
        ),
    )  # fmt: skip


RULE = Rule(
    "GRD406", "target-not-detached", Severity.ADVICE, (TargetDifferentiated,), (b"loss", b"Loss"), check, default=False
)
