"""A loss without graph is asked to require grad, so that `backward()` passes and nothing learns.

The flag makes a new leaf of the loss. `backward()` then puts 1 into `loss.grad` and reaches nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import Releafed, TensorFact
from gradlint.analysis.values import LIKELY_TRUE
from gradlint.findings import Evidence, Finding, Note, Severity
from gradlint.rules.cuts import listed
from gradlint.rules.rule import Report, Rule, fails, note
from gradlint.rules.wording import called, cause_notes, line_of, shown, tell, way_out, why

ASKED = {
    "attribute": "`requires_grad = True`",
    "method": "`requires_grad_()`",
    "argument": "`requires_grad=True`",
}


def check(event: Releafed, report: Report) -> Iterator[Finding]:
    if not fails(event.target.rg):
        yield from _either_way(event, report)
        return
    target = event.target
    yield tell(
        RULE, report, event,
        f"{called(target, 'this loss')} has no graph{why(report, event, target)}; {ASKED[event.how]} only lets "
        f"`backward()`{_line(event, report)} pass, and {listed(event.lost, 'what it was computed from')} "
        f"{'get' if len(event.lost) > 1 else 'gets'} no gradient; drop the flag, and {way_out(target)}",
        facts=[target], flags=[target.rg], because=_notes(event, report), evidence=_evidence(event, report),
    )  # fmt: skip


def _either_way(event: Releafed, report: Report) -> Iterator[Finding]:
    """The attribute is set on a computed value of which nothing is known: it raises or it hides a missing graph."""
    if event.how != "attribute" or event.target.rg.value is not None:
        return
    name = called(event.target, "this loss")
    yield tell(
        RULE, report, event,
        f"{name} is computed, so `requires_grad = True` either raises (it has a graph) or hides from "
        f"`backward()`{_line(event, report)} that it has none, and nothing learns; drop the flag and let `backward()` "
        "tell",
        facts=[TensorFact(assumes="what made it gave no new leaf")], flags=[LIKELY_TRUE], because=_notes(event, report),
    )  # fmt: skip


def _line(event: Releafed, report: Report) -> str:
    return line_of(report, event.backward, event) if event.backward else ""


def _notes(event: Releafed, report: Report) -> list[Note]:
    made = cause_notes(report, event, event.target)
    if event.backward:
        what = "`backward()` passes here and reaches nothing"
        made.append(note(report, event.backward, what, report.path(event.where)))
    return made


def _evidence(event: Releafed, report: Report) -> Evidence:
    (target,) = shown(report, event.target.origin)
    return Evidence(
        "has_graph = {0}.requires_grad\nloss = {0}.requires_grad_()\nloss.sum().backward()", (target,),
        text="not has_graph and loss.grad_fn is None and loss.grad is not None",
    )  # fmt: skip


RULE = Rule("GRD302", "releaf-hides-missing-graph", Severity.WARNING, (Releafed,), (b"requires_grad",), check)
