"""Predictions from what each way into a program saw.

A name in a function holds whatever its callers in view make it hold. So each way into the program, the code of a module
or a function that is run as if called from outside, keeps what it saw to itself. A function that some other way calls is
known by that caller, in whatever file it stands; what was seen when it was run with unknown arguments counts only
where nobody in view calls it. That it starts with grad on is an assumption, and not even that where a method of its name
is called on something unknown. What is said of a function is *likely* where such calls are in view besides others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from gradlint.analysis.machine import Machine, Record
from gradlint.analysis.reasons import explain
from gradlint.analysis.testing import TESTS
from gradlint.analysis.values import UNKNOWN, Truth, join_truths
from gradlint.findings import Certainty, Prediction, Sighting, View
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.unit import Unit

Function = tuple[str, int]
Key = tuple[str, int, int]


def views_of(m: Machine, units: Sequence[Unit]) -> tuple[View, ...]:
    """What the machine's ways into the program saw, as plain data."""
    paths = [os.path.abspath(unit.path) for unit in units]
    made: dict[Sighting, Sighting] = {}
    views = []
    for way in m.ways:
        seen: dict[str, list[Sighting]] = {}
        for (number, at), record in way.records.items():
            if record.rg:
                one = _sighting(units[number], at, record)
                if way.at and not way.name.startswith(TESTS):
                    one = _assuming(one)
                seen.setdefault(paths[number], []).append(made.setdefault(one, one))
        calls = frozenset((paths[number], units[number].line_of(at)) for number, at in way.calls if at)
        line = units[0].line_of(way.at) if way.at else 0
        held = {path: tuple(some) for path, some in seen.items()}
        functions = () if way.at else tuple(_extent(units[0], code) for code in units[0].functions())
        names = frozenset(way.open), frozenset(way.lost)
        views.append(View(paths[0], line, way.name, calls, *names, held, functions, way.runner, way.doubted))
    return tuple(views)


def _extent(unit: Unit, code: ir.Code) -> tuple[str, int, int]:
    line = unit.line_table.line(code.start)
    return code.name, line, line + code.text.count(b"\n")


def _sighting(unit: Unit, at: int, record: Record) -> Sighting:
    span = unit.span(at)
    return Sighting(
        span.line,
        span.column,
        record.name,
        frozenset((t.value, t.assumed) for t in record.rg),
        frozenset(t.value for t in record.grad),
        frozenset(t.value for t in record.inference),
        why(record),
        record.off_outside,
    )


def _assuming(one: Sighting) -> Sighting:
    """The same seen with the mode assumed: what requires grad does so if grad is on."""
    flags = frozenset((value, assumed or value is True) for value, assumed in one.requires_grad)
    return one if flags == one.requires_grad else replace(one, requires_grad=flags)


def _in_any_mode(view: View) -> View:
    """The same seen in whatever mode: what requires grad may not."""

    def part(one: Sighting) -> Sighting:
        if not any(value for value, _ in one.requires_grad):
            return one
        flags = frozenset((None, False) if value else (value, assumed) for value, assumed in one.requires_grad)
        return replace(one, requires_grad=flags, why="the mode in which it is called is not known")

    return replace(view, seen={path: tuple(map(part, some)) for path, some in view.seen.items()})


def why(record: Record) -> str:
    """One phrase for what was seen."""
    flag = join_truths(record.rg)
    if record.why is None:
        return "" if flag.value is not None else "nothing is known of it"
    if flag.value is False:
        return explain(record.why).phrase or "nothing it was computed from requires grad"
    if flag.value is True:
        return f"made by `{record.why.op}`" if record.why.op not in ("input", "unknown") else "it requires grad"
    return DEPENDS if len({t.value for t in record.rg}) > 1 else "what it is computed from is not known"


NOTHING = frozenset({(None, False)})
FORWARD = "forward"
CALLED = (FORWARD, "__call__")
"""Methods that are called without being named."""
DEPENDS = "it depends on the call"


def predictions_of(views: Sequence[View], paths: Mapping[str, str]) -> tuple[Prediction, ...]:
    """What every name bound in some files holds in every call in view. `paths`: absolute path of each file, and what to
    call it."""
    standing, fallen = divide(views)
    names = {name for view in standing for name in view.open}
    several = len(paths) > 1
    unsure = {id(v) for v in views if v.line and (v.name in names or several and v.name in CALLED)}
    standing = [_in_any_mode(v) if id(v) in unsure else v for v in standing]
    found = _gather(standing, paths)
    whole = _gather((v for v in standing if not v.doubted), paths)
    perhaps = _gather(
        (view for view in fallen if view.name in names or view.name in CALLED and FORWARD in names), paths
    )
    apart = _gather(fallen, paths)
    for key, some in apart.items():
        found.setdefault(key, some)
    for key in _doubtful(views, found):
        # Calls of this function may have been cut off.
        perhaps.setdefault(key, apart.get(key) or [replace(found[key][0], requires_grad=NOTHING)])
    made = [_prediction(paths[key[0]], some, perhaps.get(key, ()), whole.get(key, ())) for key, some in found.items()]
    return tuple(sorted(made, key=lambda p: (p.path, p.line, p.column, p.name)))


def _doubtful(views: Sequence[View], found: Iterable[Key]) -> list[Key]:
    """The places in functions whose names occur in what was cut off."""
    lost = {name for view in views for name in view.lost}
    doubtful: dict[str, list[tuple[int, int]]] = {}
    for view in views:
        for name, first, last in view.functions:
            if name in lost and not name.startswith(TESTS):
                doubtful.setdefault(view.path, []).append((first, last))
    return [key for key in found if any(first <= key[1] <= last for first, last in doubtful.get(key[0], ()))]


def divide(views: Sequence[View]) -> tuple[list[View], list[View]]:
    """Views that count, and those of functions that others in view call."""
    standing = [view for view in views if not view.line or view.runner]
    called = {one for view in standing for one in view.calls}
    waiting = [view for view in views if view.line and not view.runner]
    while waiting:
        waiting = [view for view in waiting if (view.path, view.line) not in called]
        if not waiting:
            break
        users: dict[Function, int] = {}
        for view in waiting:
            for one in view.calls:
                users[one] = users.get(one, 0) + 1
        first = [v for v in waiting if users.get((v.path, v.line), 0) <= ((v.path, v.line) in v.calls)]
        chosen = first or waiting[:1]  # functions that only call each other: one of them is the first
        standing += chosen
        called |= {one for view in chosen for one in view.calls if one != (view.path, view.line)}
        done = {id(view) for view in chosen}
        waiting = [view for view in waiting if id(view) not in done]
    kept = {id(view) for view in standing}
    return standing, [view for view in views if id(view) not in kept]


def _gather(views: Iterable[View], paths: Mapping[str, str]) -> dict[Key, list[Sighting]]:
    found: dict[Key, list[Sighting]] = {}
    for view in views:
        for path, some in view.seen.items():
            if path in paths:
                for one in some:
                    found.setdefault((path, one.line, one.column), []).append(one)
    return found


def _prediction(
    path: str, some: Sequence[Sighting], perhaps: Sequence[Sighting], whole: Sequence[Sighting]
) -> Prediction:
    """What all ways in view agree on; `perhaps`: what is seen in calls of which nobody knows whether they are made. `whole`:
    what those saw that were followed to their ends; what the others do not know says nothing against it."""
    first = some[0]
    flag = _joined(some)
    if flag.value is None:
        known = _joined(whole).likely()
        against = {value for one in some for value, _ in one.requires_grad} - {None, known.value}
        flag = flag if against else known
    off = all(one.off_outside and one.grad_mode == {False} for one in some)
    if flag.value is False and perhaps and off:
        # Where all calls in view are under no_grad, those that are not in view need not be.
        flag = join_truths({flag, *(Truth(value, assumed) for one in perhaps for value, assumed in one.requires_grad)})
    whys = [one.why for one in some if flag.value is not None or None in {v for v, _ in one.requires_grad}]
    return Prediction(
        path,
        first.line,
        first.column,
        first.name,
        flag.value,
        Certainty.LIKELY if flag.assumed or perhaps and flag.value is not None else Certainty.CERTAIN,
        _one({value for one in some for value in one.grad_mode}),
        _one({value for one in some for value in one.inference_mode}),
        whys[0] if whys else DEPENDS,
    )


def _joined(some: Sequence[Sighting]) -> Truth:
    return join_truths({Truth(value, assumed) for one in some for value, assumed in one.requires_grad} or {UNKNOWN})


def _one(values: set[bool | None]) -> bool | None:
    return values.pop() if len(values) == 1 else None
