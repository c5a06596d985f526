"""A graph is walked that an earlier `backward()` has freed: it raises.

A walk frees what the graph has saved, unless `retain_graph=True` is given; graphs that save nothing can be walked again.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import BackwardCalled, GradCalled
from gradlint.findings import Evidence, Finding, Origin, Severity
from gradlint.rules.rule import Report, Rule, fails, note
from gradlint.rules.wording import called, line_of, shown, tell

TEXT = "Trying to backward through the graph a second time"


def check(event: BackwardCalled | GradCalled, report: Report) -> Iterator[Finding]:
    roots = event.outputs if isinstance(event, GradCalled) else (event.root,)
    if not event.freed or not roots or any(fails(root.rg) for root in roots):
        return
    first, root = event.freed[0], roots[0]
    if first == event.where:
        cause = "the same line freed in an earlier round; cut it between the rounds with `detach()`, or walk once at the end"
    else:
        cause = (
            f"an earlier `backward()`{line_of(report, first, event)} freed; add the losses and walk once, "
            "`detach()` what is carried over, or give the earlier call `retain_graph=True`"
        )
    home = report.path(event.where)
    yield tell(
        RULE, report, event, f"{called(root)} leads into a graph that {cause}", facts=[root], flags=[root.rg],
        because=[note(report, place, "the graph is freed here", home) for place in event.freed if place != event.where],
        evidence=_evidence(event, report, root.origin),
    )  # fmt: skip


def _evidence(event: BackwardCalled | GradCalled, report: Report, root: Origin) -> Evidence:
    """Both walks; where the root of the earlier one is not known, the root is walked twice."""
    earlier = [fact.origin for fact in event.earlier[:1] if fact.known]
    first = "{1}" if earlier else "{0}"
    return Evidence(
        f"{first}.sum().backward()\n{{0}}.sum().backward()",
        shown(report, root, *earlier),
        raises="RuntimeError",
        text=TEXT,
    )


RULE = Rule(
    "GRD104",
    "backward-through-freed-graph",
    Severity.ERROR,
    (BackwardCalled, GradCalled),
    (b"backward", b"grad("),
    check,
)
