"""A leaf that requires grad, or a view of one, is changed in place while operations are recorded: it raises.

Views that were made with gradients off are another rule's (`view-no-grad-inplace`), inference tensors as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import InPlaceWrite
from gradlint.analysis.values import Truth
from gradlint.findings import Evidence, Finding, Fix, Severity
from gradlint.rules.indenting import statement_under_with
from gradlint.rules.mode_wording import unsafe
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.snippets import torch_name
from gradlint.rules.tokens import IN_PLACE
from gradlint.rules.wording import called, made_line, made_note, modes, shown, tell

TEXT = "leaf Variable that requires grad is being used in an in-place operation"


def check(event: InPlaceWrite, report: Report) -> Iterator[Finding]:
    target = event.target
    if event.through_data or holds(target.inference) or not (holds(event.mode.grad) and fails(event.mode.inference)):
        return
    flags = _leaf(event) or _view_of_leaf(event)
    if not flags:
        return
    what = "a parameter" if target.parameter else "a leaf that requires grad"
    if target.view:
        what = f"a view of {what}"
    yield tell(
        RULE, report, event,
        f"{called(target)}{made_line(report, event, target)} is {what}, and changing it in place raises while gradients are "
        "on; wrap the update in `torch.no_grad()`, or work on a `clone()` if it belongs to the forward pass",
        facts=[target], flags=[*flags, event.mode.grad, event.mode.inference], because=made_note(report, event, target),
        evidence=Evidence(
            "{0}[...] = 0" if event.how == "index" else "{0}.mul_(1)", shown(report, target.origin), modes(event),
            raises="RuntimeError", text=TEXT,
        ),
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: InPlaceWrite, report: Report) -> Fix | None:
    """`with torch.no_grad():` over the statement, where it looks like an update: it changes a parameter, or reads `.grad`.

    A change of another leaf may belong to the forward pass, which the block would hide from autograd.
    """
    lines, span = report.lines(event.where), report.span(event.where)
    torch = torch_name(lines)
    reads_grad = any(".grad" in line for line in lines[span.line - 1 : span.end_line])
    if not torch or not (event.target.parameter or reads_grad):
        return None
    return unsafe("Change it under `no_grad`", statement_under_with(lines, span, f"{torch}.no_grad()"))


def _leaf(event: InPlaceWrite) -> tuple[Truth, ...]:
    """What it rests on that the target itself is a leaf requiring grad; nothing where it is not known to be one."""
    target = event.target
    if holds(target.rg) and holds(target.leaf) and not target.view_mode:
        return target.rg, target.leaf
    return ()


def _view_of_leaf(event: InPlaceWrite) -> tuple[Truth, ...]:
    target = event.target
    if target.view and not target.view_mode and holds(event.view_of_leaf):
        return (event.view_of_leaf,)
    return ()


RULE = Rule("GRD111", "inplace-on-leaf", Severity.ERROR, (InPlaceWrite,), IN_PLACE, check)
