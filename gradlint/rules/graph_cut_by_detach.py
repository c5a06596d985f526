"""A detach makes a constant of something that a loss should teach.

Detaching is how one stops a gradient on purpose, so this is told only where it is proved that a term of the loss, or
what an optimizer of its own holds, gets nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import Detached
from gradlint.findings import Edit, Finding, Fix, Safety, Severity, Span
from gradlint.rules.cuts import cut_finding
from gradlint.rules.rule import Report, Rule

CALL = ".detach()"


def check(event: Detached, report: Report) -> Iterator[Finding]:
    yield cut_finding(
        RULE, report, event, f"`{event.how}` ends the graph here", "detach only what is a fixed target",
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: Detached, report: Report) -> Fix | None:
    if not report.text(event.where).endswith(CALL):
        return None
    end = report.span(event.where)
    call = Span(end.end_line, end.end_column - len(CALL), end.end_line, end.end_column)
    return Fix("Leave the detach away", (Edit(call, ""),), Safety.UNSAFE) if call.column > 0 else None


RULE = Rule("GRD308", "graph-cut-by-detach", Severity.WARNING, (Detached,), (b"detach",), check)
