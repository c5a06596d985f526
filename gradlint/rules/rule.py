"""The shape of a rule, and how it makes a finding of an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from gradlint.analysis.events import Event, Place
from gradlint.analysis.values import Truth
from gradlint.findings import Certainty, Evidence, Finding, Fix, Note, Origin, Severity, Span


class Report(Protocol):
    """What a rule may ask of the analysis that produced an event (see `analysis.run.Report`)."""

    @property
    def target_torch(self) -> tuple[int, int]: ...
    @property
    def events(self) -> tuple[Event, ...]: ...
    def path(self, place: Place) -> str: ...
    def span(self, place: Place) -> Span: ...
    def line(self, place: Place) -> int: ...
    def text(self, place: Place) -> str: ...
    def lines(self, place: Place) -> list[str]: ...
    def origin(self, origin: Origin) -> Origin: ...


@dataclass(frozen=True)
class Rule:
    """One misuse.

    events: the kinds of event that `check` is called with, as `check(event, report)`. The rule itself is the module's
    `RULE`; `table.py` lists them all.
    tokens: a source that holds none of these bytes can have no finding of this rule.
    default: False for a rule that must be asked for by code.
    """

    code: str
    name: str
    severity: Severity
    events: tuple[type[Event], ...]
    tokens: tuple[bytes, ...]
    check: Callable[..., Iterable[Finding]]
    default: bool = True

    def found(
        self, report: Report, where: Place, message: str, *, likely: bool = False, because: Iterable[Note] = (),
        evidence: Evidence | None = None, fix: Fix | None = None,
    ) -> Finding:  # fmt: skip
        """A finding of this rule at a place."""
        certainty = Certainty.LIKELY if likely else Certainty.CERTAIN
        return Finding(
            self.code, self.name, report.path(where), report.span(where), message, self.severity, certainty,
            tuple(because), fix, evidence,
        )  # fmt: skip


def holds(flag: Truth) -> bool:
    """Whether a flag is true, for certain or by assumption."""
    return flag.value is True


def fails(flag: Truth) -> bool:
    """Whether a flag is false, for certain or by assumption."""
    return flag.value is False


def note(report: Report, place: Place, message: str, home: str = "") -> Note:
    """A related place; its path is left out where it is that of the finding (`home`)."""
    path = report.path(place)
    return Note(message, report.span(place), None if path == home else path)
