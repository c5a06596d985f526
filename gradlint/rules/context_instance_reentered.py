"""One context object entered again before it is left: it remembers one mode only, and forgets the outer one."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextEntered
from gradlint.findings import Edit, Evidence, Finding, Fix, Severity
from gradlint.rules.mode_wording import LEAF, TRACKED, place_notes, show, turns_on, unsafe, warn, written
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import line_of

NESTED = "with guard:\n    with guard:\n        pass"


def check(event: ContextEntered, report: Report) -> Iterator[Finding]:
    if not event.again or _same_outside(event):
        return
    made = written(event.kind, event.flag)
    line = f", made{line_of(report, event.first, event).replace(' (', ' at ').rstrip(')')}," if event.first else ""
    yield warn(
        RULE, report, event,
        f"this `{made}` object{line} is entered again before it is left: {_consequence(event)}; "
        f"write `with {made}:`, a new object for each block",
        because=place_notes(report, event, event.first, "the object is made here"),
        evidence=_evidence(event), fix=_fix(event, report),
    )  # fmt: skip


def _same_outside(event: ContextEntered) -> bool:
    """Whether the mode that is forgotten is the one that stands inside, so that nothing is lost."""
    if event.saved is None:
        return False
    if event.kind == "inference_mode":
        return holds(event.saved.inference) and holds(event.flag)
    if event.kind == "set_grad_enabled":
        return event.saved.grad.value is not None and event.saved.grad.value == event.flag.value
    return fails(event.saved.grad) if event.kind == "no_grad" else holds(event.saved.grad)


def _consequence(event: ContextEntered) -> str:
    if event.kind == "set_grad_enabled":
        return "leaving the inner block already restores the mode from outside the outer one"
    if event.kind == "inference_mode" and not fails(event.flag):
        return "it forgets what to restore, and the program stays in inference mode after the outer block"
    state = "on" if turns_on(event.kind, event.flag) or event.kind == "inference_mode" else "off"
    return f"it forgets what to restore, and gradients stay {state} after the outer block"


def _evidence(event: ContextEntered) -> Evidence:
    if event.kind == "set_grad_enabled":
        setup = f"{LEAF}\nguard = torch.set_grad_enabled(False)"
        return show("with guard:\n    with guard:\n        pass\n    y = x * 2", TRACKED, setup=setup)
    if event.kind == "inference_mode":
        return show(NESTED, "torch.is_inference_mode_enabled()", setup="guard = torch.inference_mode()")
    if event.kind == "no_grad":
        return show(NESTED, "not torch.is_grad_enabled()", setup="guard = torch.no_grad()")
    return show(NESTED, "torch.is_grad_enabled()", setup="guard = torch.enable_grad()", modes=("torch.no_grad()",))


def _fix(event: ContextEntered, report: Report) -> Fix | None:
    """A new object in place of the shared one, written as the shared one is made."""
    if event.first is None or not event.first.at or event.how != "with" or event.manual:
        return None
    if report.path(event.first) != report.path(event.where):
        return None
    text = report.text(event.first)
    if not text.endswith("()") or report.text(event.where).endswith(")"):
        return None
    return unsafe("make a new object for this block", [Edit(report.span(event.where), text)])


RULE = Rule(
    "GRD211", "context-instance-reentered", Severity.WARNING, (ContextEntered,),
    (b"no_grad", b"enable_grad", b"inference_mode", b"set_grad_enabled"), check,
)  # fmt: skip
