"""Losses are added up or collected over a loop with their graphs, and never differentiated: memory grows."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import GraphKept
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity
from gradlint.rules.rule import Report, Rule
from gradlint.rules.snippets import with_method
from gradlint.rules.wording import called, tell


def check(event: GraphKept, report: Report) -> Iterator[Finding]:
    kept = f"`{event.kept}`" if event.kept else "what collects it"
    yield tell(
        RULE, report, event,
        f"{kept} keeps the graph of {called(event.target, 'every value')} from every round, and nothing differentiates "
        "it; collect `.detach()`, or `.item()` for a number",
        facts=[event.target], flags=[event.target.rg],
        evidence=Evidence(
            "total = 0.0\nfor _ in range(3):\n    total += (w * 2).sum()", text="total.grad_fn is not None",
            setup="w = torch.ones(2, requires_grad=True)",
        ),
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: GraphKept, report: Report) -> Fix | None:
    if event.value is None:
        return None
    edit = Edit(report.span(event.value), with_method(report.text(event.value), "detach()"))
    return Fix("Collect it without its graph", (edit,), Safety.SAFE)


RULE = Rule(
    "GRD402", "loss-accumulation-keeps-graph", Severity.ADVICE, (GraphKept,),
    (b"+", b"append", b"extend", b"insert", b"] =", b"]=", b"setdefault", b"update"), check, default=False,
)  # fmt: skip
