"""Lazy code made under a mode and consumed outside of it: it runs in the mode of its consumer."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import RanLazily
from gradlint.findings import Edit, Finding, Fix, Severity
from gradlint.rules.mode_wording import TRACKED, is_off, mode_notes, place_notes, show, under, unsafe, warn
from gradlint.rules.rule import Report, Rule, fails
from gradlint.rules.wording import line_of

NAMES = {
    "lazy": "this generator expression", "map": "this `map`", "filter": "this `filter`", "generator": "this generator",
}  # fmt: skip

SETUP = """def doubled(x):
    yield x * 2


x = torch.ones(2, requires_grad=True)"""
ACTION = """with torch.no_grad():
    lazy = {lazy}
y = next(lazy)"""
MADE = {
    "lazy": "(x * k for k in (1, 2))", "map": "map(lambda k: x * k, (1, 2))", "filter": "map(lambda k: x * k, (1, 2))",
}  # fmt: skip


def check(event: RanLazily, report: Report) -> Iterator[Finding]:
    if not is_off(event.made_mode) or fails(event.recorded):
        return
    mode = under(report, event, event.made_mode, otherwise="a mode that turns gradients off")
    consumed = f"{line_of(report, event.consumed, event)}" if event.consumed else ""
    yield warn(
        RULE, report, event,
        f"{NAMES.get(event.kind, 'this')} is made under {mode} but runs where it is consumed{consumed}, with gradients "
        "on; make a list of it inside the block, or consume it there",
        because=[
            *mode_notes(report, event, event.made_mode),
            *place_notes(report, event, event.consumed, "it runs here"),
        ],
        evidence=show(ACTION.format(lazy=MADE.get(event.kind, "doubled(x)")), TRACKED, setup=SETUP),
        fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: RanLazily, report: Report) -> Fix | None:
    text, span = report.text(event.where), report.span(event.where)
    if event.kind not in NAMES or span.line != span.end_line:
        return None
    new = f"list{text}" if event.kind == "lazy" and text.startswith("(") else f"list({text})"
    return unsafe("make a list of it inside the block", [Edit(span, new)])


RULE = Rule(
    "GRD209", "lazy-under-mode", Severity.WARNING, (RanLazily,),
    (b"no_grad", b"inference_mode", b"set_grad_enabled"), check,
)  # fmt: skip
