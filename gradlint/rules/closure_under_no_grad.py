"""An optimizer's `step` that calls its closure with gradients off: what the closure computes has no graph."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ClosureCalled
from gradlint.findings import Finding, Fix, Severity
from gradlint.rules.indenting import statement_under_with
from gradlint.rules.mode_wording import innermost, is_off, mode_notes, show, sibling, under, unsafe, warn
from gradlint.rules.rule import Report, Rule, holds

SETUP = """w = torch.ones(2, requires_grad=True)


def closure():
    return (w * w).sum()"""


def check(event: ClosureCalled, report: Report) -> Iterator[Finding]:
    if not is_off(event.mode) or holds(event.computed.rg):
        return
    known = event.computed.known and not event.computed.rg.assumed
    mode = under(report, event, event.mode, otherwise="the mode of `step`")
    yield warn(
        RULE, report, event,
        f"`{event.name}()` runs with gradients off, under {mode}: its forward pass is not recorded, so that it cannot "
        "call `backward()`; call it under `torch.enable_grad()`",
        assuming="" if known else "the closure computes the loss and calls `backward()`, as `Optimizer.step` promises",
        because=mode_notes(report, event, event.mode, what="gradients are turned off here"),
        evidence=show("loss = closure()", "not loss.requires_grad", setup=SETUP, modes=("torch.no_grad()",)),
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: ClosureCalled, report: Report) -> Fix | None:
    """`with torch.enable_grad():` over the statement, in the words in which the source has the mode."""
    found = innermost(event.mode)
    if found is None or not found[1].at or holds(event.mode.inference):
        return None
    if report.path(found[1]) != report.path(event.where):
        return None
    header = sibling(report.text(found[1]), "enable_grad")
    if not header:
        return None
    edits = statement_under_with(report.lines(event.where), report.span(event.where), header)
    return unsafe("call the closure with gradients on", edits)


RULE = Rule("GRD214", "closure-under-no-grad", Severity.WARNING, (ClosureCalled,), (b"closure", b"Optimizer"), check)
