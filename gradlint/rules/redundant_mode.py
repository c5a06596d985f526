"""A mode is entered where the same function has already entered one of the same effect."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ContextEntered
from gradlint.findings import Evidence, Finding, Fix, Safety, Severity
from gradlint.rules.indenting import block_without_with
from gradlint.rules.mode_wording import LEAF, TRACKED, UNTRACKED, turns_off, written
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import line_of, tell


def check(event: ContextEntered, report: Report) -> Iterator[Finding]:
    if event.inside is None or event.manual:
        return
    text, place = event.inside
    made = written(event.kind, event.flag)
    yield tell(
        RULE, report, event,
        f"`{made}` changes nothing inside `{text}`{line_of(report, place, event)}; one of the two is enough",
        because=[note(report, place, "this mode is in force already", report.path(event.where))],
        evidence=_evidence(event, text, made), fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: ContextEntered, report: Report) -> Fix | None:
    """The inner `with` goes, and its block moves out. What it restores at its end must be what it found."""
    if event.how != "with" or event.likely:
        return None
    edits = block_without_with(report.lines(event.where), report.span(event.where))
    span = report.span(event.where)
    lines = report.lines(event.where)[span.line : edits[-1].span.line] if edits else []
    if not edits or any("set_grad_enabled" in line or "__enter__" in line for line in lines):
        return None
    return Fix("Take the inner mode away", edits, Safety.SAFE)


def _evidence(event: ContextEntered, outer: str, made: str) -> Evidence | None:
    if "…" in outer + made:
        return None
    off = turns_off(event.kind, event.flag)
    action = f"with {outer}:\n    y = x * 2\n    with {made}:\n        z = x * 2"
    return Evidence(action, text=f"y.requires_grad == z.requires_grad and {UNTRACKED if off else TRACKED}", setup=LEAF)


RULE = Rule(
    "GRD403", "redundant-mode", Severity.ADVICE, (ContextEntered,),
    (b"no_grad", b"enable_grad", b"set_grad_enabled", b"inference_mode", b"InferenceMode"), check, default=False,
)  # fmt: skip
