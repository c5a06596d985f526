"""A mode that is made and never entered: `torch.no_grad()` as a statement, or kept in a name that no `with` uses."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextMade
from gradlint.findings import Evidence, Finding, Fix, Severity
from gradlint.rules.indenting import rest_under_with
from gradlint.rules.mode_wording import TRACKED, UNTRACKED, is_off, show, unsafe, warn, written
from gradlint.rules.rule import Report, Rule


def check(event: ContextMade, report: Report) -> Iterator[Finding]:
    made = written(event.kind)
    if event.collected:
        said = (
            f"`{made}.__enter__()` ends at once: nothing keeps the object, and the mode is left when it is collected; "
            f"write `with {made}:` around what it should cover"
        )
    elif event.dropped:
        said = (
            f"`{made}` as a statement is never entered and does nothing: {_consequence(event)}; "
            f"write `with {made}:` and indent what it should cover"
        )
    else:
        name = event.name or "the object"
        said = (
            f"`{name}` holds `{made}` and is never entered: {_consequence(event)}; "
            f"write `with {event.name or made}:` around what it should cover"
        )
    yield warn(RULE, report, event, said, evidence=_evidence(event), fix=_fix(event, report))


def _consequence(event: ContextMade) -> str:
    if event.kind == "enable_grad":
        return "what follows runs in the mode that stood before"
    return "what follows runs as before" if is_off(event.mode) else "what follows is still recorded"


def _evidence(event: ContextMade) -> Evidence:
    made = written(event.kind)
    action = f"{made}.__enter__()" if event.collected else made if event.dropped else f"guard = {made}"
    if event.kind == "enable_grad":
        return show(f"{action}\ny = x * 2", UNTRACKED, modes=("torch.no_grad()",))
    return show(f"{action}\ny = x * 2", TRACKED)


def _fix(event: ContextMade, report: Report) -> Fix | None:
    if not event.dropped or event.collected:
        return None
    edits = rest_under_with(report.lines(event.where), report.span(event.where))
    return unsafe("enter it over the rest of the block", edits)


RULE = Rule(
    "GRD201", "context-not-entered", Severity.WARNING, (ContextMade,),
    (b"no_grad", b"enable_grad", b"inference_mode"), check,
)  # fmt: skip
