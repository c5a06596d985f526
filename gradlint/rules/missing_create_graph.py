"""The result of a derivative taken without `create_graph` is differentiated again, or is a term of a loss that is.

Differentiated alone it raises; as a term it is a constant, and the penalty silently does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import PenaltyWithoutGraph
from gradlint.findings import Edit, Evidence, Finding, Fix, Severity
from gradlint.rules.mode_wording import unsafe
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.snippets import with_argument
from gradlint.rules.wording import called, line_of, shown, tell


def check(event: PenaltyWithoutGraph, report: Report) -> Iterator[Finding]:
    line = line_of(report, event.grad_call, event) if event.grad_call else ""
    made = f"{called(event.value)} comes from a derivative taken without `create_graph=True`{line}"
    notes = (
        [note(report, event.grad_call, "the derivative is taken here", report.path(event.where))]
        if event.grad_call
        else []
    )
    if event.how == "backward":
        message = f"{made}, so it has no graph and cannot be differentiated again; give that call `create_graph=True`"
        evidence = Evidence(
            "{0}.sum().backward()",
            shown(report, event.value.origin),
            raises="RuntimeError",
            text="does not require grad",
        )
    else:
        message = (
            f"{made}, so it is a constant in this loss and trains nothing; "
            "give that call `create_graph=True`, or `detach()` it if it is meant as a constant"
        )
        evidence = Evidence("term = {0}", shown(report, event.value.origin), text="not term.requires_grad")
    yield tell(
        RULE, report, event, message, facts=[event.value], flags=[event.value.rg], because=notes, evidence=evidence,
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: PenaltyWithoutGraph, report: Report) -> Fix | None:
    """`create_graph=True` for the call that takes the derivative, in the same file."""
    call = event.grad_call
    if call is None or not call.at or report.path(call) != report.path(event.where):
        return None
    made = with_argument(report.text(call), "create_graph=True")
    return unsafe("Record the derivative", [Edit(report.span(call), made)] if made else [])


RULE = Rule("GRD105", "missing-create-graph", Severity.ERROR, (PenaltyWithoutGraph,), (b"grad", b"backward"), check)
