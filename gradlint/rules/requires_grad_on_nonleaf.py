"""The flag `requires_grad` of a computed tensor is changed: it raises.

Assigning raises whatever the value; the method `requires_grad_()` only where it would switch the flag off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradlint.analysis.events import RequiresGradSet
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity, Span
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, made_line, made_note, shown, tell

SWITCH = re.compile(r"\s*([\w.]+)(\.requires_grad(?:_\((?:requires_grad=)?False\)|\s*=\s*False))\s*(?:#.*)?")
TEXT = "you can only change requires_grad flags of leaf variables"


def check(event: RequiresGradSet, report: Report) -> Iterator[Finding]:
    target = event.target
    if not (holds(target.rg) and fails(target.leaf)) or event.how not in ("attribute", "method"):
        return
    if event.how == "method" and not fails(event.value):
        return
    on = holds(event.value)
    if on:
        way_out = "it requires grad as it is; for its gradient call `retain_grad()`"
    else:
        way_out = "use a `detach()`ed copy where gradients are to stop"
    action = f"{{0}}.requires_grad = {on}" if event.how == "attribute" else "{0}.requires_grad_(False)"
    yield tell(
        RULE, report, event,
        f"{called(target)} was computed from tensors that require grad{made_line(report, event, target)}, "
        f"and only the flag of a leaf can be changed, so this raises; {way_out}",
        facts=[target], flags=[target.rg, target.leaf], because=made_note(report, event, target),
        evidence=Evidence(action, shown(report, target.origin), raises="RuntimeError", text=TEXT),
        fix=None if on else _fix(event, report),
    )  # fmt: skip


def _fix(event: RequiresGradSet, report: Report) -> Fix | None:
    """`h = h.detach()` for a statement that switches the flag of a name off."""
    span = report.span(event.where)
    row = report.lines(event.where)[span.line - 1]
    found = SWITCH.fullmatch(row)
    if found is None or span.line != span.end_line:
        return None
    edit = Edit(Span(span.line, found.start(1) + 1, span.line, found.end(2) + 1), f"{found[1]} = {found[1]}.detach()")
    return Fix("Detach it instead", (edit,), Safety.UNSAFE)


RULE = Rule("GRD112", "requires-grad-on-nonleaf", Severity.ERROR, (RequiresGradSet,), (b"requires_grad",), check)
