"""`enable_grad`, `set_grad_enabled(True)` or a derivative inside inference mode: nothing is recorded there."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextEntered, DerivativeInInference, Event, Place
from gradlint.findings import Edit, Evidence, Finding, Fix, Severity
from gradlint.rules.mode_wording import (
    UNTRACKED,
    assumed,
    by_call,
    mode_notes,
    show,
    sibling,
    turns_on,
    under,
    unsafe,
    warn,
    written,
)
from gradlint.rules.rule import Report, Rule, fails, holds

INFERENCE = "inference_mode"
FUNCTIONALS = {
    "jacobian": "{f}",
    "hessian": "{f}",
    "vjp": "{f}[1]",
    "jvp": "{f}[1]",
    "hvp": "{f}[1]",
    "vhp": "{f}[1]",
}
"""How the derivative is taken out of what each function of `torch.autograd.functional` gives."""


def check(event: ContextEntered | DerivativeInInference, report: Report) -> Iterator[Finding]:
    if not holds(event.mode.inference):
        return
    if isinstance(event, DerivativeInInference):
        yield _told(event, report, _derivative(event, report), _zeros(event.function))
    elif turns_on(event.kind, event.flag) and not event.again and not event.manual and not fails(event.computes):
        yield _told(event, report, _entered(event, report), _powerless(event))


def _told(event: Event, report: Report, message: str, evidence: Evidence | None) -> Finding:
    assuming = ""
    if assumed(event.mode.inference):
        assuming = f"it runs under {under(report, event, event.mode, INFERENCE, 'inference mode')}"
    return warn(
        RULE, report, event, message, assuming=assuming, evidence=evidence, fix=_fix(event, report),
        because=mode_notes(report, event, event.mode, INFERENCE, "inference mode is entered here"),
    )  # fmt: skip


def _entered(event: ContextEntered, report: Report) -> str:
    made = written(event.kind, event.flag)
    what = f"`@{made}` on `{event.name}`" if event.how == "decorator" and event.name else f"`{made}`"
    when = by_call(report, event, event.name) if event.how == "decorator" else ""
    return (
        f"{what} records nothing{when} inside {_outer(event, report)}: what it covers does not require grad; "
        "enter `torch.no_grad()` out there instead, or `torch.inference_mode(False)` here, on clones of what was made "
        "inside"
    )


def _derivative(event: DerivativeInInference, report: Report) -> str:
    return (
        f"`{event.function}` gives zeros inside {_outer(event, report)}: it needs gradients, and none are recorded "
        "there; enter `torch.no_grad()` out there instead, or use `torch.func`"
    )


def _outer(event: Event, report: Report) -> str:
    return under(report, event, event.mode, INFERENCE, "inference mode")


def _powerless(event: ContextEntered) -> Evidence:
    return show(f"with {written(event.kind, event.flag)}:\n    y = x * 2", UNTRACKED, modes=("torch.inference_mode()",))


def _zeros(function: str) -> Evidence | None:
    taken = FUNCTIONALS.get(function)
    if taken is None:
        return None
    more = "" if function in ("jacobian", "hessian", "vjp") else ", torch.ones(2)"
    called = f"torch.autograd.functional.{function}(square, torch.ones(2){more})"
    return show(
        f"slope = {taken.format(f=called)}", "slope.abs().sum() == 0",
        setup="def square(t):\n    return (t * t).sum()", modes=("torch.inference_mode()",),
    )  # fmt: skip


def _fix(event: Event, report: Report) -> Fix | None:
    """`no_grad` for the one inference mode in force: inside it `enable_grad` works."""
    found = [place for text, place in event.mode.stack if text.startswith(f"torch.{INFERENCE}(")]
    if len(found) != 1 or not _is_here(found[0], event, report):
        return None
    text = report.text(found[0])
    new = sibling(text, "no_grad")
    return unsafe("use `no_grad` instead of `inference_mode`", [Edit(report.span(found[0]), new)] if new else [])


def _is_here(place: Place, event: Event, report: Report) -> bool:
    return place.at != 0 and report.path(place) == report.path(event.where)


RULE = Rule(
    "GRD202", "enable-grad-in-inference-mode", Severity.WARNING, (ContextEntered, DerivativeInInference),
    (b"enable_grad", b"set_grad_enabled", *(name.encode() for name in FUNCTIONALS)), check,
)  # fmt: skip
