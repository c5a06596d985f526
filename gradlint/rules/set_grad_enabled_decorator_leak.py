"""`@torch.set_grad_enabled(False)` before torch 2.2: the switch made by building the decorator was never taken back."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ModeDecorated
from gradlint.findings import Edit, Finding, Fix, Safety, Severity
from gradlint.rules.mode_wording import warn
from gradlint.rules.rule import Report, Rule, fails, holds

FIXED = (2, 2)
"""Measured: 2.1.2 leaves the mode switched, 2.2.0 does not."""


def check(event: ModeDecorated, report: Report) -> Iterator[Finding]:
    if event.kind != "set_grad_enabled" or report.target_torch >= FIXED:
        return
    if not fails(event.flag) and not (holds(event.flag) and fails(event.mode.grad)):
        return
    state, other = ("on", "enable_grad") if holds(event.flag) else ("off", "no_grad")
    yield warn(
        RULE, report, event,
        f"before torch 2.2 `@torch.set_grad_enabled({holds(event.flag)})` switches gradients {state} for the whole "
        f"program, from the `def` on; use `@torch.{other}()`",
        fix=_fix(event, report, other),
    )  # fmt: skip


def _fix(event: ModeDecorated, report: Report, other: str) -> Fix | None:
    text, old = report.text(event.where), f"set_grad_enabled({holds(event.flag)})"
    if not text.endswith(f".{old}"):
        return None
    new = text.removesuffix(old) + f"{other}()"
    return Fix(f"use `{other}()` as the decorator", (Edit(report.span(event.where), new),), Safety.SAFE)


RULE = Rule(
    "GRD212", "set-grad-enabled-decorator-leak", Severity.WARNING, (ModeDecorated,), (b"set_grad_enabled",), check
)
