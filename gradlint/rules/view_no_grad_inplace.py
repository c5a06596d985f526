"""A view made with gradients off is changed in place with gradients on, and something in it requires grad: it raises."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import InPlaceWrite
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.tokens import IN_PLACE
from gradlint.rules.wording import called, cause_notes, made_line, modes, shown, tell

MODES = {
    "no_grad": ("under `torch.no_grad()`", "A view was created in no_grad mode"),
    "inference": ("in inference mode", "A view was created in inference mode"),
}
"""By `TensorFact.view_mode`."""


def check(event: InPlaceWrite, report: Report) -> Iterator[Finding]:
    target, value = event.target, event.value
    recording = holds(event.mode.grad) and fails(event.mode.inference)
    if not target.view or target.view_mode not in MODES or not recording or holds(target.inference):
        return
    if holds(event.base_rg):
        flag, base = event.base_rg, f"what {called(target)} is a view of requires grad"
    elif value is not None and holds(value.rg):
        flag, base = value.rg, f"{called(value, 'what is written')} requires grad"
    else:
        return
    mode, text = MODES[target.view_mode]
    write = "{0}.mul_(2)" if flag is event.base_rg else "{0}.add_(torch.ones_like({0}, requires_grad=True))"
    line = made_line(report, event, target)
    yield tell(
        RULE, report, event,
        f"{called(target)} is a view made {mode}{line} and changed in place with gradients on, while {base}, so this raises; "
        "make the view and change it in the same mode",
        facts=[target], flags=[flag, event.mode.grad], because=cause_notes(report, event, target),
        evidence=Evidence(write, shown(report, target.origin), modes(event), raises="RuntimeError", text=text),
    )  # fmt: skip


RULE = Rule("GRD119", "view-no-grad-inplace", Severity.ERROR, (InPlaceWrite,), IN_PLACE, check)
