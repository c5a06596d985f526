"""A tensor that the graph saved is changed through `.data` before `backward()`: the gradients are wrong, silently.

The same change without `.data` raises, since autograd counts the versions of what it saved (GRD106).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gradlint.analysis.events import BackwardCalled, Place
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import called, line_of, tell


def check(event: BackwardCalled, report: Report) -> Iterator[Finding]:
    for name, place in event.hidden:
        yield _found(event, report, name, place)


def _found(event: BackwardCalled, report: Report, name: str, place: Place) -> Finding:
    edit = replace(event, where=place, path=())
    what = f"`{name}`" if name else "a tensor"
    home = report.path(place)
    return tell(
        RULE, report, edit,
        f"{what} is changed through `.data` between the forward pass that saved it and "
        f"`backward()`{line_of(report, event.where, edit)}, unseen by autograd's check: the gradients are computed with "
        "the new values; change it after `backward()`, under `torch.no_grad()` instead of `.data`",
        facts=[event.root], flags=[event.root.rg],
        because=[note(report, event.where, f"{called(event.root, 'the loss')} is differentiated here", home)],
        evidence=Evidence(
            "loss = (x * w).sum()\nw.data.mul_(3)\nloss.backward()", text="torch.equal(x.grad, torch.full((2,), 3.0))",
            setup="x = torch.ones(2, requires_grad=True)\nw = torch.ones(2, requires_grad=True)",
        ),
    )  # fmt: skip


RULE = Rule("GRD305", "data-edit-bypasses-check", Severity.WARNING, (BackwardCalled,), (b".data",), check)
