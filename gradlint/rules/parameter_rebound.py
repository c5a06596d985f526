"""A step of gradient descent binds the name to a new tensor instead of changing the parameter.

`w = w - lr * w.grad` under `no_grad` leaves `w` a plain tensor; in a loop over parameters only the loop variable
changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradlint.analysis.events import Rebound, TensorFact
from gradlint.findings import Edit, Evidence, Finding, Fix, Note, Safety, Severity
from gradlint.rules.rule import Report, Rule, fails, note
from gradlint.rules.wording import line_of, tell

OPERATORS = ("+", "-", "*", "/")
LEAF = "w = torch.ones(2, requires_grad=True)\nw.sum().backward()"


def check(event: Rebound, report: Report) -> Iterator[Finding]:
    if event.how != "loop" and event.later is None and not (event.how == "attribute" and event.likely):
        return
    name = f"`{event.target.name}`" if event.target.name else "this"
    if event.how == "loop":
        said = (
            f"this binds the loop variable {name} to a new tensor and the parameter keeps its value; change it in "
            f"place under `torch.no_grad()`{_in_place(event)}"
        )
    else:
        said = (
            f"this binds {name} to a new tensor that does not require grad and has no `.grad`{_later(event, report)}; "
            f"change it in place under `torch.no_grad()`{_in_place(event)}"
        )
    again = [TensorFact(assumes="the method is called again")] if event.how == "attribute" and event.likely else []
    yield tell(
        RULE, report, event, said, facts=[*again, event.target], flags=[event.target.rg], because=_notes(event, report),
        evidence=_evidence(event), fix=_fix(event, report),
    )  # fmt: skip


def _in_place(event: Rebound) -> str:
    return f": `{event.target.name} {event.op}= …`" if event.op in OPERATORS and event.target.name else ""


def _later(event: Rebound, report: Report) -> str:
    if event.later is None:
        return ", so that the next call trains nothing"
    return f", which is missed{line_of(report, event.later, event)}"


def _notes(event: Rebound, report: Report) -> list[Note]:
    if event.later is None:
        return []
    return [note(report, event.later, "the gradient is missed here", report.path(event.where))]


def _evidence(event: Rebound) -> Evidence:
    if event.how == "loop":
        action = "before = w.detach().clone()\nwith torch.no_grad():\n    for p in [w]:\n        p = p - 0.5 * p.grad"
        return Evidence(action, text="torch.equal(w, before)", setup=LEAF)
    return Evidence(
        "with torch.no_grad():\n    w = w - 0.5 * w.grad", text="not w.requires_grad and w.grad is None", setup=LEAF
    )  # fmt: skip


def _fix(event: Rebound, report: Report) -> Fix | None:
    """`w -= lr * w.grad`, where gradients are off; a tensor that was passed in would change under its owner's hands."""
    if event.statement is None or event.op not in OPERATORS or not fails(event.mode.grad):
        return None
    target = report.text(event.where)
    name, op = re.escape(target), re.escape(event.op)
    pattern = re.compile(rf"{name}(\s*)=(\s*){name}\s*{op}\s*(.+)", re.DOTALL)
    found = pattern.fullmatch(report.text(event.statement))
    if found is None:
        return None
    made = f"{target}{found[1]}{event.op}={found[2]}{found[3]}"
    safety = Safety.SAFE if event.how != "name" or event.made_here else Safety.UNSAFE
    return Fix("Change it in place", (Edit(report.span(event.statement), made),), safety)


RULE = Rule("GRD301", "parameter-rebound", Severity.WARNING, (Rebound,), (b"grad",), check)
