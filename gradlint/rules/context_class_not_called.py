"""A grad mode is named where it has to be called: `with torch.no_grad:`, or a bare decorator that torch does not take.

`@torch.no_grad`, `@torch.enable_grad` and `@torch.inference_mode` without parentheses work since torch 2.0; they are
reported for older targets only. `@torch.set_grad_enabled` never works bare, as it takes the function for its flag.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextNotCalled
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity, Span
from gradlint.rules.rule import Report, Rule
from gradlint.rules.wording import tell

BARE_SINCE = (2, 0)
WITH = "try:\n    with torch.{kind}:\n        pass\nexcept (TypeError, AttributeError) as error:\n    refused = error"
DECORATED = "@torch.set_grad_enabled\ndef double(x):\n    return x * 2"


def check(event: ContextNotCalled, report: Report) -> Iterator[Finding]:
    flagged = event.kind == "set_grad_enabled"
    if event.how == "with":
        what = f"`torch.{event.kind}` is a class and no context manager, so this `with` raises"
        evidence = Evidence(WITH.format(kind=event.kind), text="isinstance(refused, Exception)", setup="refused = None")
    elif flagged:
        what = "`@torch.set_grad_enabled` takes the function for its flag and raises"
        evidence = Evidence(DECORATED, raises="TypeError", text="must be bool")
    elif report.target_torch < BARE_SINCE:
        what = f"`@torch.{event.kind}` without parentheses raises before torch 2.0"
        evidence = None
    else:
        return
    call = "set_grad_enabled(False)" if flagged else f"{event.kind}()"
    yield tell(
        RULE, report, event, f"{what}; call it: `torch.{call}`", evidence=evidence, fix=None if flagged else _fix(event, report)
    )  # fmt: skip


def _fix(event: ContextNotCalled, report: Report) -> Fix | None:
    """The parentheses, behind the name; none where the place is more than a name."""
    text = report.text(event.where)
    if not text.replace("_", "").replace(".", "").isalnum():
        return None
    span = report.span(event.where)
    end = Span(span.end_line, span.end_column, span.end_line, span.end_column)
    return Fix("Call the context", (Edit(end, "()"),), Safety.SAFE)


RULE = Rule(
    "GRD131", "context-class-not-called", Severity.ERROR, (ContextNotCalled,),
    (b"no_grad", b"enable_grad", b"set_grad_enabled", b"inference_mode"), check,
)  # fmt: skip
