"""A model is evaluated with gradients on: every batch records a graph that nobody differentiates.

`model.eval()` changes dropout and batch norm; it does not switch gradients off.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import EvaluatedWithGrad, TensorFact
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import line_of, tell


def check(event: EvaluatedWithGrad, report: Report) -> Iterator[Finding]:
    name = f"`{event.module}`" if event.module else "this module"
    switched = event.switched
    after = f" (`eval()`{line_of(report, switched, event)} does not switch it off)" if switched else ""
    each = " on every round" if event.in_loop else ""
    home = report.path(event.where)
    yield tell(
        RULE, report, event,
        f"{name} records a graph here{each} that nothing differentiates{after}: it costs time and memory; put the "
        "evaluation under `torch.no_grad()` or `torch.inference_mode()`",
        facts=[TensorFact(assumes="nobody who gets the result differentiates it")],
        because=[note(report, switched, "`eval()` leaves gradients on", home)] if switched else [],
        evidence=Evidence(
            "y = model(x)", text="y.requires_grad", setup="model = torch.nn.Linear(2, 1).eval()\nx = torch.ones(1, 2)"
        ),
    )  # fmt: skip


RULE = Rule(
    "GRD401", "eval-without-no-grad", Severity.ADVICE, (EvaluatedWithGrad,), (b"nn", b"model", b"eval"), check,
    default=False,
)  # fmt: skip
