"""One mistake gives one finding: the most telling one stays, and what follows from it becomes a note of it.

In: findings, each with how it was reached. Out: findings. Three things tie two findings together:

    the same place     both speak of one expression, and the one that `AT_ONE_PLACE` names says why
    the same cause     a note of the one is the place (or a note) of the other, or the one was computed by the other:
                       `backward()` fails on a loss whose notes name a switch that is reported as never taken back
    the same run       the one raises before the other is reached, on one way and for one cause
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gradlint.findings import Finding, Note, Span

WITHOUT_GRAPH = frozenset({"GRD101", "GRD102", "GRD114"})
"""What raises for want of a graph."""

RAISING = "GRD1"
"""How the codes of what raises begin."""

LOSSES = frozenset({"GRD302", "GRD303", "GRD307", "GRD308", "GRD309"})
"""What tells of a graph that was cut silently."""

MODES = frozenset({
    "GRD202", "GRD204", "GRD206", "GRD207", "GRD210", "GRD211", "GRD212", "GRD214", "GRD215", "GRD217",
})  # fmt: skip
"""What leaves gradients off where nobody meant it."""

AT_ONE_PLACE: dict[str, frozenset[str]] = {
    "GRD101": frozenset({"GRD105", "GRD107", "GRD302", "GRD303"}),
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
    **dict.fromkeys(LOSSES, MODES | WITHOUT_GRAPH | {"GRD302"}),
    "GRD103": MODES | {"GRD102"},
    "GRD210": frozenset({"GRD206", "GRD207", "GRD211", "GRD212"}),
    "GRD213": frozenset({"GRD202"}),
    "GRD403": MODES,
}
"""Follower: what explains it, where a note of the one leads to the other."""

BY_ACTIVATION: dict[str, frozenset[str]] = {"GRD214": frozenset({"GRD214"}), "GRD402": frozenset({"GRD401"})}
"""Follower: what explains it, where it comes earlier in one activation of a function, and for no other cause."""

Line = tuple[str, int]
"""A line of a file."""
Way = tuple[int, tuple[tuple[str, Span], ...]]
"""How a place is reached: the function that was entered first, the calls, outermost first, and last the place itself."""


@dataclass(frozen=True)
class Sighting:
    """A finding, the ways on which it was reached, the lines that its value was computed on, and those of the modes that
    were in force."""

    finding: Finding
    ways: frozenset[Way] = frozenset()
    origins: frozenset[Line] = frozenset()
    modes: frozenset[Line] = frozenset()

    @property
    def line(self) -> Line:
        return self.finding.path, self.finding.span.line

    @property
    def calls(self) -> set[Line]:
        return {(path, span.line) for _, places in self.ways for path, span in places[:-1]}

    @property
    def causes(self) -> set[Line]:
        """The lines that its notes name, those of mere calls left out."""
        return {(n.path or self.finding.path, n.span.line) for n in self.finding.because} - self.calls


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
    kept = [(number, sighting.finding) for number, sighting in enumerate(todo) if number not in reasons]
    return tuple(_with_notes(finding, told.get(number, [])) for number, finding in kept)


def _root(number: int, reasons: dict[int, int]) -> int:
    while number in reasons:
        number = reasons[number]
    return number


def explains(winner: Sighting, follower: Sighting) -> bool:
    """Whether the follower is but a consequence of the winner, or says less about the same thing."""
    first, second = winner.finding, follower.finding
    if first.code in BY_ACTIVATION.get(second.code, ()):
        return _earlier_in_activation(winner, follower) and follower.causes <= winner.causes
    if first.code == second.code:
        return False
    if first.code in AT_ONE_PLACE.get(second.code, ()) and winner.line == follower.line:
        return True
    if first.code in BY_CAUSE.get(second.code, ()) and _one_cause(winner, follower):
        return True
    raising = first.code.startswith(RAISING) and second.code.startswith(RAISING)
    return raising and _runs_first(winner, follower) and _one_value(winner, follower)


def _one_cause(winner: Sighting, follower: Sighting) -> bool:
    if winner.finding.code == "GRD214" and winner.line in follower.calls:
        return True
    if winner.finding.code == "GRD211" and winner.modes & follower.causes:
        return True
    if winner.line in follower.causes | follower.origins or follower.line in winner.causes:
        return True
    return bool(follower.causes & winner.causes)


def _one_value(winner: Sighting, follower: Sighting) -> bool:
    return winner.line in follower.origins or bool(winner.causes & follower.causes)


def _runs_first(winner: Sighting, follower: Sighting) -> bool:
    """Whether on some way that leads to the follower the winner comes first."""
    return any(_before(a, b) for a in winner.ways for b in follower.ways)


def _earlier_in_activation(winner: Sighting, follower: Sighting) -> bool:
    return any(a[0] == b[0] and a[1][:-1] == b[1][:-1] and _before(a, b) for a in winner.ways for b in follower.ways)


def _before(a: Way, b: Way) -> bool:
    """Whether one place is passed before another. They are compared where their ways part, in one piece of code."""
    if a[0] != b[0]:
        return False
    for (path, first), (other, second) in zip(a[1], b[1]):
        if (path, first) == (other, second):
            continue
        if path != other:
            return False
        if _within(first, second) or _within(second, first):
            return _within(first, second)
        return first < second
    return False


def _within(inner: Span, outer: Span) -> bool:
    return (outer.line, outer.column) <= (inner.line, inner.column) and (inner.end_line, inner.end_column) <= (
        outer.end_line, outer.end_column,
    )  # fmt: skip


def _with_notes(finding: Finding, followers: list[Finding]) -> Finding:
    if not followers:
        return finding
    notes = [Note(f"what follows: {f.message}", f.span, None if f.path == finding.path else f.path) for f in followers]
    return replace(finding, because=tuple(dict.fromkeys([*finding.because, *notes])))
