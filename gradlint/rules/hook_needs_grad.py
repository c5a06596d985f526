"""`register_hook`, `retain_grad` and their like on a tensor that does not require grad: it raises.

Met above all in Grad-CAM and saliency code that an evaluation calls under `no_grad`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import HookOnTensor
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails
from gradlint.rules.wording import called, cause_notes, shown, tell, way_out, why

NEVER_CALLED = "cannot register a hook on a tensor that doesn't require gradient"
FORMS = {
    "retain_grad": ("{0}.retain_grad()", "can't retain_grad on Tensor that has requires_grad=False"),
    "register_hook": ("{0}.register_hook(print)", NEVER_CALLED),
    "register_post_accumulate_grad_hook": ("{0}.register_post_accumulate_grad_hook(print)", NEVER_CALLED),
}
"""By method: how a witness calls it, and what torch says."""


def check(event: HookOnTensor, report: Report) -> Iterator[Finding]:
    target = event.target
    if not fails(target.rg) or event.how not in FORMS:
        return
    action, text = FORMS[event.how]
    yield tell(
        RULE, report, event,
        f"{called(target)} does not require grad, so `{event.how}` raises{why(report, event, target)}; {way_out(target)}",
        facts=[target], flags=[target.rg], because=cause_notes(report, event, target),
        evidence=Evidence(action, shown(report, target.origin), raises="RuntimeError", text=text),
    )  # fmt: skip


RULE = Rule("GRD114", "hook-needs-grad", Severity.ERROR, (HookOnTensor,), (b"hook", b"retain_grad"), check)
