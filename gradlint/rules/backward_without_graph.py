"""`backward()` of a value that no graph leads to: it raises.

The mode in which `backward()` is *called* plays no part; what counts is how its root was computed.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import BackwardCalled
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails
from gradlint.rules.wording import called, cause_notes, shown, tell, way_out, why


def check(event: BackwardCalled, report: Report) -> Iterator[Finding]:
    root = event.root
    if not fails(root.rg):
        return
    action = "torch.autograd.backward({0})" if event.how == "autograd" else "{0}.backward()"
    yield tell(
        RULE, report, event,
        f"{called(root)} does not require grad, so `backward()` raises{why(report, event, root)}; {way_out(root)}",
        facts=[root], flags=[root.rg], because=cause_notes(report, event, root),
        evidence=Evidence(
            action, shown(report, root.origin), raises="RuntimeError", text="does not require grad and does not have a grad_fn"
        ),
    )  # fmt: skip


RULE = Rule("GRD101", "backward-without-graph", Severity.ERROR, (BackwardCalled,), (b"backward",), check)
