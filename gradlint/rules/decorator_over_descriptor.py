"""A grad mode stands above `@property`, `@classmethod` or `@staticmethod`: it wraps the descriptor, not the function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradlint.analysis.events import ModeDecorated
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import tell

SETUP = """\
class Thing:
    @torch.no_grad()
    @{decorator}
    def double({arguments}):
        return x * 2
"""
BEFORE = "import functools\n\n"


@dataclass(frozen=True)
class Case:
    """What becomes of one kind of descriptor, and how a witness shows it."""

    decorator: str
    harm: str
    evidence: Evidence


def _shown(decorator: str, arguments: str, action: str, raises: str = "", text: str = "", before: str = "") -> Evidence:
    return Evidence(
        action, raises=raises, text=text, setup=before + SETUP.format(decorator=decorator, arguments=arguments)
    )


CASES = {
    "property": Case(
        "property", "reading it gives a bound method and the property never runs",
        _shown("property", "self, x=1", "seen = Thing().double", text="callable(seen)"),
    ),
    "cached": Case(
        "cached_property", "reading it gives a bound method and the property never runs",
        _shown("functools.cached_property", "self, x=1", "seen = Thing().double", text="callable(seen)", before=BEFORE),
    ),
    "static": Case(
        "staticmethod", "calling it on an object raises, as the object becomes its first argument",
        _shown("staticmethod", "x", "Thing().double(1)", "TypeError", "positional argument"),
    ),
    "class-method": Case(
        "classmethod", "calling it raises", _shown("classmethod", "cls, x", "Thing.double(1)", "TypeError", "not callable")
    ),
}  # fmt: skip
"""By `ModeDecorated.target`."""


def check(event: ModeDecorated, report: Report) -> Iterator[Finding]:
    case = CASES.get(event.target)
    if case is None:
        return
    name = f" of `{event.name}`" if event.name else ""
    because = []
    if event.descriptor is not None:
        because.append(note(report, event.descriptor, "the mode belongs below this line", report.path(event.where)))
    yield tell(
        RULE, report, event,
        f"`torch.{event.kind}` stands above `@{case.decorator}`{name} and wraps the descriptor instead of the function: "
        f"{case.harm}; put it below `@{case.decorator}`",
        because=because, evidence=case.evidence, fix=_fix(event, report),
    )  # fmt: skip


def _fix(event: ModeDecorated, report: Report) -> Fix | None:
    """The two decorators change places."""
    if event.descriptor is None:
        return None
    mode, descriptor = report.text(event.where), report.text(event.descriptor)
    edits = (Edit(report.span(event.where), descriptor), Edit(report.span(event.descriptor), mode))
    return Fix("Put the mode below the descriptor", edits, Safety.SAFE)


RULE = Rule(
    "GRD132", "decorator-over-descriptor", Severity.ERROR, (ModeDecorated,),
    (b"property", b"classmethod", b"staticmethod"), check,
)  # fmt: skip
