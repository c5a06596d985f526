"""A tensor that was saved for backward is changed in place before the graph is walked: it raises.

An optimizer step between forward and backward is such a change, and `no_grad` around the change makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import BackwardCalled, GradCalled
from gradlint.findings import Evidence, Finding, Origin, Severity
from gradlint.rules.rule import Report, Rule, fails, note
from gradlint.rules.wording import ancestors, called, line_of, quoted, shown, tell

TEXT = "modified by an inplace operation"


def check(event: BackwardCalled | GradCalled, report: Report) -> Iterator[Finding]:
    roots = event.outputs if isinstance(event, GradCalled) else (event.root,)
    if not event.modified or not roots or any(fails(root.rg) for root in roots):
        return
    what, place = event.modified[0]
    home = report.path(event.where)
    yield tell(
        RULE, report, event,
        f"{quoted(what, 'a tensor')} was saved for the derivative of {called(roots[0])} and changed in place since"
        f"{line_of(report, place, event)}, so the walk raises; "
        "change a copy, or change it after the walk",
        facts=roots, flags=[roots[0].rg],
        because=[note(report, where, f"{quoted(name, 'it')} is changed in place here", home) for name, where in event.modified],
        evidence=_evidence(event, report, roots[0].origin),
    )  # fmt: skip


def _evidence(event: BackwardCalled | GradCalled, report: Report, root: Origin) -> Evidence | None:
    """The change and the walk; None where the tensor is none that the root is written from (a layer's weight)."""
    made = event.changed[0].origin if event.changed else Origin("unknown")
    if made.op == "unknown":
        found = next((part for part in ancestors(root) if part.name == event.modified[0][0]), None)
        if found is None:
            return None
        made = found
    return Evidence(
        "with torch.no_grad():\n    {1}.mul_(2)\n{0}.sum().backward()",
        shown(report, root, made),
        raises="RuntimeError",
        text=TEXT,
    )


RULE = Rule(
    "GRD106", "saved-tensor-modified", Severity.ERROR, (BackwardCalled, GradCalled), (b"backward", b"grad("), check
)
