"""`.data` is used where `detach()` or `no_grad` says the same under autograd's eyes.

What is changed through `.data` escapes the check of saved tensors: a gradient may be wrong and nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import DataUsed
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity, Span
from gradlint.rules.rule import Report, Rule
from gradlint.rules.wording import tell

NAME = "data"


def check(event: DataUsed, report: Report) -> Iterator[Finding]:
    name = event.target.name or "x"
    ways = {
        "read": f"`{name}.detach()` gives the same values",
        "inplace": f"change `{name}` itself under `torch.no_grad()`",
        "assign": f"`{name}.copy_(…)` under `torch.no_grad()` keeps the tensor and is counted",
    }
    yield tell(
        RULE, report, event,
        f"`{name}.data` is hidden from autograd's check of saved tensors, so a wrong gradient goes unnoticed; "
        f"{ways[event.how]}",
        evidence=Evidence(
            "loss = (x * w).sum()\nw.data.mul_(3)\nloss.backward()", text="torch.equal(x.grad, torch.full((2,), 3.0))",
            setup="x = torch.ones(2, requires_grad=True)\nw = torch.ones(2, requires_grad=True)",
        ),
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: DataUsed, report: Report) -> Fix | None:
    if event.how != "read" or not report.text(event.where).endswith(f".{NAME}"):
        return None
    span = report.span(event.where)
    if span.end_column <= len(NAME):
        return None
    edit = Edit(Span(span.end_line, span.end_column - len(NAME), span.end_line, span.end_column), "detach()")
    return Fix("Detach instead", (edit,), Safety.UNSAFE)


RULE = Rule("GRD404", "data-attribute", Severity.ADVICE, (DataUsed,), (b".data",), check, default=False)
