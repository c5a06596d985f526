"""A forward pass under `no_grad` inside autocast before the real one: an old torch kept the weights cast there."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import AutocastReused
from gradlint.findings import Finding, Severity
from gradlint.rules.mode_wording import place_notes, under, warn
from gradlint.rules.rule import Report, Rule
from gradlint.rules.wording import line_of

FIXED = (2, 11)
"""Measured: with 2.10.0 the weight gets no gradient, with 2.11.0 it does."""


def check(event: AutocastReused, report: Report) -> Iterator[Finding]:
    if report.target_torch >= FIXED:
        return
    module = f"`{event.module}`" if event.module else "this module"
    again = line_of(report, event.again, event) if event.again else ""
    version = ".".join(map(str, FIXED))
    yield warn(
        RULE, report, event,
        f"before torch {version} autocast keeps the weights of {module} that it casts here, under "
        f"{under(report, event, event.mode)}, without a graph, and the call with gradients on{again} uses them again: "
        "they get no gradient; give this call an autocast block of its own, or `cache_enabled=False`",
        because=place_notes(report, event, event.again, "the cached weights are used here"),
    )  # fmt: skip


RULE = Rule("GRD217", "autocast-cache", Severity.WARNING, (AutocastReused,), (b"autocast",), check)
