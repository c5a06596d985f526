"""One mistake gives one finding: the most telling one stays, and what follows from it becomes a note of it.

In: findings, each with the events that gave it. Out: findings. Three things tie two findings together:

    the same place     both speak of one expression, and the one in `BEFORE` says why
    the same cause     a note of the one is the place (or a note) of the other: `backward()` fails on a loss whose notes
                       name the switch that another finding reports as never taken back
    the same run       the one raises before the other is reached, in one activation and for one cause
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gradlint.analysis.events import Event, Place
from gradlint.findings import Finding, Note

WITHOUT_GRAPH = frozenset({"GRD101", "GRD102", "GRD114"})
"""What raises for want of a graph."""

LOSSES = frozenset({"GRD302", "GRD303", "GRD307", "GRD308", "GRD309"})
"""What tells of a graph that was cut silently."""

MODES = frozenset({
    "GRD202", "GRD204", "GRD206", "GRD207", "GRD210", "GRD211", "GRD212", "GRD214", "GRD215", "GRD217",
})  # fmt: skip
"""What leaves gradients off where nobody meant it."""

AT_ONE_PLACE: dict[str, frozenset[str]] = {
    "GRD101": frozenset({"GRD105", "GRD107", "GRD302"}),
    "GRD102": frozenset({"GRD105"}),
    "GRD103": frozenset({"GRD102", "GRD105"}),
    "GRD106": frozenset({"GRD104"}),
    "GRD112": frozenset({"GRD123", "GRD302"}),
    "GRD305": frozenset({"GRD106"}),
    "GRD310": frozenset({"GRD112", "GRD113", "GRD123", "GRD302"}),
    "GRD404": frozenset({"GRD303", "GRD305"}),
}
"""Follower: what explains it, where both stand at one place."""

BY_CAUSE: dict[str, frozenset[str]] = {
    **dict.fromkeys(WITHOUT_GRAPH, MODES | {"GRD133", "GRD301"}),
    **dict.fromkeys(LOSSES, MODES | WITHOUT_GRAPH),
    "GRD103": MODES | {"GRD102"},
    "GRD213": frozenset({"GRD202"}),
    "GRD403": MODES,
}
"""Follower: what explains it, where a note of the one leads to the other."""

Where = tuple[str, int]
"""A line of a file."""


@dataclass(frozen=True)
class Sighting:
    """A finding, the events that it was made of, and the lines of the calls that led to them."""

    finding: Finding
    events: tuple[Event, ...] = ()
    calls: frozenset[Where] = frozenset()

    @property
    def line(self) -> Where:
        return self.finding.path, self.finding.span.line

    @property
    def causes(self) -> set[Where]:
        """The lines that its notes name, those of mere calls left out."""
        notes = {(n.path or self.finding.path, n.span.line) for n in self.finding.because}
        return notes - self.calls

    @property
    def activations(self) -> set[tuple[int, tuple[Place, ...]]]:
        return {(event.where.unit, event.path) for event in self.events}


def settle(sightings: Iterable[Sighting]) -> tuple[Finding, ...]:
    """The findings that stay, with notes of those that follow from them."""
    todo = list(sightings)
    reasons: dict[int, int] = {}
    for number, follower in enumerate(todo):
        for other, winner in enumerate(todo):
            if other != number and explains(winner, follower) and _root(other, reasons) != number:
                reasons[number] = other
                break
    told: dict[int, list[Finding]] = {}
    for number in reasons:
        told.setdefault(_root(number, reasons), []).append(todo[number].finding)
    return tuple(
        _with_notes(sighting.finding, told.get(number, []))
        for number, sighting in enumerate(todo)
        if number not in reasons
    )


def _root(number: int, reasons: dict[int, int]) -> int:
    while number in reasons:
        number = reasons[number]
    return number


def explains(winner: Sighting, follower: Sighting) -> bool:
    """Whether the follower is but a consequence of the winner, or says less about the same thing."""
    first, second = winner.finding.code, follower.finding.code
    if first in AT_ONE_PLACE.get(second, ()) and winner.line == follower.line:
        return True
    if first in BY_CAUSE.get(second, ()) and _one_cause(winner, follower):
        return True
    return {first, second} <= WITHOUT_GRAPH and _first_of_run(winner, follower)


def _one_cause(winner: Sighting, follower: Sighting) -> bool:
    if winner.finding.code == "GRD214" and winner.line in follower.calls:
        return True
    return bool(follower.causes & ({winner.line} | winner.causes)) or follower.line in winner.causes


def _first_of_run(winner: Sighting, follower: Sighting) -> bool:
    """Whether the winner raises earlier in an activation that both are seen in, for the same cause."""
    first, second = winner.finding, follower.finding
    return (
        first.code != second.code
        and first.path == second.path
        and first.span < second.span
        and bool(winner.causes & follower.causes)
        and bool(winner.activations & follower.activations)
    )


def _with_notes(finding: Finding, followers: list[Finding]) -> Finding:
    if not followers:
        return finding
    notes = [Note(f"what follows: {f.message}", f.span, None if f.path == finding.path else f.path) for f in followers]
    return replace(finding, because=tuple(dict.fromkeys([*finding.because, *notes])))
