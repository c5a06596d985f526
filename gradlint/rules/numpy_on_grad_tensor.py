"""A tensor that requires grad is turned into a numpy array while gradients are on: it raises.

Directly (`.numpy()`, `np.asarray`), or inside a library that takes arrays (plotting, scikit-learn). Under `no_grad`
the same call passes.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import NumpyTaken
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity, Span
from gradlint.rules.arguments import find_argument
from gradlint.rules.rule import Report, Rule, holds
from gradlint.rules.wording import called, made_line, made_note, modes, shown, tell

CALL = ".numpy()"
TOKENS = (b"numpy", b"np.", b"plt", b"matplotlib", b"pylab", b"sklearn", b"scipy", b"pandas", b"seaborn", b"__array__")


def check(event: NumpyTaken, report: Report) -> Iterator[Finding]:
    target = event.target
    if not (holds(target.rg) and holds(event.mode.grad)):
        return
    conversion = "`.numpy()`" if event.how == CALL else f"`{event.how}`"
    yield tell(
        RULE, report, event,
        f"{called(target)}{made_line(report, event, target)} requires grad, so {conversion} raises while gradients are on; "
        "take `.detach()` first, or compute it under `torch.no_grad()`",
        facts=[target], flags=[target.rg, event.mode.grad], because=made_note(report, event, target),
        evidence=Evidence(
            "{0}.numpy()", shown(report, target.origin), modes(event), raises="RuntimeError",
            text="Can't call numpy() on Tensor that requires grad",
        ),
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: NumpyTaken, report: Report) -> Fix | None:
    """A `.detach()` before the conversion: it shares the memory as `.numpy()` does."""
    if event.how != CALL:
        found = find_argument(report, event.where, lambda text: text == event.target.name)
        if found is None:
            return None
        end = found[0]
        edit = Edit(Span(end.end_line, end.end_column, end.end_line, end.end_column), ".detach()")
    else:
        whole = report.text(event.where)
        if not whole.endswith(CALL):
            return None
        end = report.span(event.where)
        column = end.end_column - len(CALL)
        edit = Edit(Span(end.end_line, column, end.end_line, column), ".detach()")
    return Fix("Detach before the conversion", (edit,), Safety.SAFE)


RULE = Rule("GRD115", "numpy-on-grad-tensor", Severity.ERROR, (NumpyTaken,), TOKENS, check)
