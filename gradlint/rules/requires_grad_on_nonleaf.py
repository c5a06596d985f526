"""The flag `requires_grad` of a computed tensor is changed: it raises.

Assigning raises whatever the value; the method `requires_grad_()` only where it would switch the flag off.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import RequiresGradSet
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, shown, tell

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
        f"{called(target)} was computed from tensors that require grad, and only the flag of a leaf can be changed, so this "
        f"raises; {way_out}",
        facts=[target], flags=[target.rg, target.leaf],
        evidence=Evidence(action, shown(report, target.origin), raises="RuntimeError", text=TEXT),
    )  # fmt: skip


RULE = Rule("GRD112", "requires-grad-on-nonleaf", Severity.ERROR, (RequiresGradSet,), (b"requires_grad",), check)
