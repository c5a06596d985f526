"""An optimizer is built over a computed tensor: it raises.

Tensors that retain their gradient are allowed, and all are with `differentiable=True`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import OptimizerBuilt
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import called, made_line, made_note, shown, tell

TEXT = "can't optimize a non-leaf Tensor"


def check(event: OptimizerBuilt, report: Report) -> Iterator[Finding]:
    if event.differentiable:
        return
    for given in event.params:
        if holds(given.rg) and fails(given.leaf) and not given.retains:
            line = made_line(report, event, given)
            yield tell(
                RULE, report, event,
                f"{called(given, 'a tensor given to the optimizer')} is no leaf but the result of a computation{line}, so "
                "the optimizer refuses it; compute first and call `requires_grad_()` on the detached result last, or wrap it "
                "in `nn.Parameter`",
                facts=[given], flags=[given.rg, given.leaf], because=made_note(report, event, given),
                evidence=Evidence(
                    "torch.optim.SGD([{0}], lr=0.1)", shown(report, given.origin), raises="ValueError", text=TEXT
                ),
            )  # fmt: skip
            return


RULE = Rule("GRD118", "optimising-nonleaf", Severity.ERROR, (OptimizerBuilt,), (b"optim", b"param"), check)
