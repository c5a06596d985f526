"""Which planted mistakes do harm, and which of those gradlint finds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gradlint import pipeline
from gradlint.findings import Finding
from gradlint.sources.settings import Settings

from .kinds import KINDS, Planting
from .run import GRADIENT_ERROR, Outcome, run

Fingerprint = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Original:
    """A script that works, what it does, and what gradlint says of it as it is."""

    path: str
    text: str
    outcome: Outcome
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Verdict:
    """What came of one planting. `harm` says what it does, and is empty where it does none. `found`: gradlint says
    something of it that it does not say of the original; `fits`: with a code that names this mistake or its consequence."""

    path: str
    planting: Planting
    harm: str = ""
    line: int = 0
    findings: tuple[str, ...] = ()
    fits: bool = False

    @property
    def found(self) -> bool:
        return bool(self.findings)


def original(path: str) -> Original:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return Original(path, text, run(text, os.path.abspath(path)), findings_of(path, text))


def findings_of(path: str, text: str) -> tuple[Finding, ...]:
    """What `gradlint check` would report, default rules, witnesses run."""
    result = pipeline.check_bytes(path, text.encode(), Settings())
    if result.failure:
        raise AssertionError(f"gradlint fails on {path}: {result.failure.message}")
    return pipeline.standing(pipeline.confirm(result.findings))


def harm(before: Outcome, after: Outcome) -> str:
    """What a mistake did: a gradient error that was not there, or parameters that do not train any more."""
    if not after.ended or after.error == before.error != "":
        return ""
    if after.error:
        return after.error.splitlines()[0] if GRADIENT_ERROR.search(after.error) else ""
    if still := sorted(before.changed - after.changed):
        return f"silent: {', '.join(still)} not changed by training any more"
    if lost := sorted(before.graded - after.graded):
        return f"silent: {', '.join(lost)} without gradient"
    return ""


def judged(script: Original, planting: Planting) -> Verdict:
    outcome = run(planting.text, os.path.abspath(script.path))
    told = harm(script.outcome, outcome)
    if not told:
        return Verdict(script.path, planting)
    new = fresh(script, planting.text, findings_of(script.path, planting.text))
    codes = next(kind.codes for kind in KINDS if kind.name == planting.kind)
    shown = tuple(f"{finding.code}:{finding.span.line}" for finding in new)
    return Verdict(script.path, planting, told, outcome.line, shown, any(f.code in codes for f in new))


def fresh(script: Original, text: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that the original does not have: with another code, or on a line of another text."""
    known = _fingerprint(script.text, script.findings)
    new = []
    for finding in findings:
        mark = _mark(text, finding)
        if known[mark]:
            known[mark] -= 1
        else:
            new.append(finding)
    return new


def _fingerprint(text: str, findings: Sequence[Finding]) -> Fingerprint:
    return Counter(_mark(text, finding) for finding in findings)


def _mark(text: str, finding: Finding) -> tuple[str, str]:
    lines = text.splitlines()
    inside = finding.span.line <= len(lines)
    return finding.code, lines[finding.span.line - 1].strip() if inside else ""
