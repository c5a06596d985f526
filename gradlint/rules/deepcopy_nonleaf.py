"""`copy.deepcopy` of a computed tensor that requires grad, or of an object that holds one: it raises."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import Copied
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, made_line, made_note, shown, tell

TEXT = "Only Tensors created explicitly by the user"


def check(event: Copied, report: Report) -> Iterator[Finding]:
    target = event.target
    if event.how != "deepcopy" or not (holds(target.rg) and fails(target.leaf)):
        return
    line = made_line(report, event, target)
    subject = f"`{event.holder}` holds {called(target, 'a tensor')}, which" if event.holder else called(target)
    yield tell(
        RULE, report, event,
        f"{subject} was computed from tensors that require grad{line}, so `copy.deepcopy` raises; "
        "store `detach()`ed tensors, or copy a `detach().clone()`",
        facts=[target], flags=[target.rg, target.leaf], because=made_note(report, event, target),
        evidence=Evidence(
            "copy.deepcopy({0})", shown(report, target.origin), raises="RuntimeError", text=TEXT, setup="import copy"
        ),
    )  # fmt: skip


RULE = Rule("GRD116", "deepcopy-nonleaf", Severity.ERROR, (Copied,), (b"deepcopy",), check)
