"""`backward()` without a gradient on a value that has more than one element: it raises."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import BackwardCalled, GradCalled
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, made_line, made_note, shown, tell

TEXT = "grad can be implicitly created only for scalar outputs"


def check(event: BackwardCalled | GradCalled, report: Report) -> Iterator[Finding]:
    if event.has_gradient:
        return
    walk, action = "`backward()`", "{0}.backward()"
    roots = (event.root,) if isinstance(event, BackwardCalled) else event.outputs
    if isinstance(event, GradCalled):
        walk, action = "`autograd.grad`", "torch.autograd.grad({0}, leaf)"
    for root in roots:
        if fails(root.single) and holds(root.rg):
            yield tell(
                RULE, report, event,
                f"{called(root)}{made_line(report, event, root)} has more than one element, so {walk} without a gradient "
                "raises; reduce it first (`.mean()`, `.sum()`), or say with what to weight its elements",
                facts=[root], flags=[root.single, root.rg], because=made_note(report, event, root),
                evidence=Evidence(
                    action, shown(report, root.origin), raises="RuntimeError", text=TEXT,
                    setup="leaf = torch.ones(3, requires_grad=True)" if isinstance(event, GradCalled) else "",
                ),
            )  # fmt: skip
            return


RULE = Rule(
    "GRD107", "non-scalar-backward", Severity.ERROR, (BackwardCalled, GradCalled), (b"backward", b"grad("), check
)
