"""Analyse one file: run its module body, then every function that nothing in view calls, and gather what was seen."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradlint.analysis import (
    attributes,
    calls,
    classes,
    contexts,
    generators,
    imports,
    items,
    iteration,
    ledger,
    operators,
    patience,
    testing,
    torch_advice,
    torch_cuts,
    torch_modules,
    withs,
)
from gradlint.analysis.entries import Entry, entries_of, isolated
from gradlint.analysis.events import Event, Place
from gradlint.analysis.imports import Project
from gradlint.analysis.machine import Activation, Budget, Exhausted, Exits, Machine, Way
from gradlint.analysis.state import Mode, State
from gradlint.analysis.statements import run_block
from gradlint.analysis.triggers import EVERYTHING, Around, is_hot
from gradlint.analysis.views import views_of
from gradlint.findings import Cut, Origin, Span, View
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.unit import Unit

RECURSION = 15_000
PATIENT = Budget(steps=240_000, entry_steps=45_000)
"""The bounds for predictions: what is cut off in one function makes names in many others unknown."""
STACK_BYTES = 512 * 1024 * 1024
_AT = (1 << 32) - 1
MANY_STATEMENTS = 256
"""So often the state of a module's own code is kept, in case that it takes too many steps: keeping one costs a copy of it."""


@dataclass
class Report:
    """What the interpretation of a file showed. `units[0]` is the file itself, the others were imported."""

    units: list[Unit]
    events: tuple[Event, ...] = ()
    views: tuple[View, ...] = ()
    cuts: tuple[Cut, ...] = ()
    machine: Machine | None = field(default=None, repr=False)
    target_torch: tuple[int, int] = (2, 13)
    """The torch release that the code is written for: what older ones do otherwise is told by a few rules only."""

    def path(self, place: Place) -> str:
        return self.units[place.unit].path

    def span(self, place: Place) -> Span:
        """Lines and columns of a place."""
        return self.units[place.unit].span(place.at)

    def line(self, place: Place) -> int:
        return self.units[place.unit].line_of(place.at)

    def text(self, place: Place) -> str:
        """The source text of a place."""
        return self.units[place.unit].text(self.span(place))

    def lines(self, place: Place) -> list[str]:
        """The lines of the file that holds a place, without their ends."""
        return re.split(r"\r\n?|\n", self.units[place.unit].data.decode("utf-8"))

    def origin(self, origin: Origin) -> Origin:
        """The same origin with its places turned into line numbers."""
        return _located(self, origin, {})


def _located(report: Report, origin: Origin, seen: dict[int, Origin]) -> Origin:
    if id(origin) in seen:
        return seen[id(origin)]

    def part(value: Any) -> Any:
        if isinstance(value, Origin):
            return _located(report, value, seen)
        return type(value)(part(v) for v in value) if isinstance(value, (list, tuple)) else value

    def line(here: int) -> int:
        return report.line(Machine.place(here)) if here else 0

    path = report.units[origin.line >> 32].path if origin.line >> 32 else None
    made = replace(
        origin,
        args=tuple(part(a) for a in origin.args),
        kwargs=tuple((k, part(v)) for k, v in origin.kwargs),
        line=line(origin.line),
        mode_line=line(origin.mode_line),
        path=path,
    )
    seen[id(origin)] = made
    return made


def analyse(
    unit: Unit, project: Project | None = None, *, predict: bool = False, advice: bool = True, budget: Budget | None = None,
    around: Around = EVERYTHING,
) -> Report:  # fmt: skip
    """Interpret one file. `predict`: every function of it; else those that can have a finding, with `advice` also a piece
    of advice; `around` tells what is known of the files it imports. Raises SourceError where it does not parse; never raises
    for what it cannot follow."""
    result: list[Report | BaseException] = []

    def work() -> None:
        try:
            result.append(
                _analyse(unit, project, predict, advice, budget or (PATIENT if predict else Budget()), around)
            )
        except BaseException as error:  # handed on to the caller's thread
            result.append(error)

    before = threading.stack_size(STACK_BYTES)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION))
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(limit)
    made = result[0]
    if isinstance(made, BaseException):
        raise made
    return made


def _analyse(
    unit: Unit, project: Project | None, predict: bool, advice: bool, budget: Budget, around: Around
) -> Report:  # fmt: skip
    m = Machine(budget)
    units = [unit]
    if not predict and not worth(unit, advice, around):
        return Report(units)
    m.book = torch_advice.Book()
    wire(m, units, project)
    m.patient = predict
    base = _run_main(m, unit)
    todo = entries_of(m, unit, everything=predict, advice=advice, around=around)
    if predict:
        m.state = base.fork()
        todo += [Entry(func.code, cls) for cls, func in testing.inherited(m)]
    for number, entry in enumerate(todo):
        spent = m.steps >= budget.steps
        if spent and not predict or m.steps >= 2 * budget.steps:
            m.ledger.incomplete = True
            m.cuts.append((Place(0, entry.code.at), "the file takes too many steps"))
            for left in todo[number:]:
                m.ways[0].lost |= patience.names_in(left.code.text)
            break
        if entry.code.at and not entry.cls and (0, entry.code.at) in (m.called_recording if predict else m.called):
            continue
        m.hasty = spent
        _run_entry(m, base, entry)
    found = {*(_cut(units, place, why) for place, why in m.cuts), *_outsize(unit)}
    cuts = tuple(sorted(found, key=lambda c: (c.path, c.line, c.reason)))
    views = views_of(m, units) if predict else ()
    m.events += ledger.settle(m.ledger)
    torch_advice.settle(m)
    return Report(units, tuple(m.events), views, cuts, m)


def worth(unit: Unit, advice: bool, around: Around = EVERYTHING) -> bool:
    """Whether any function of a file, or its own code, can have a finding, as far as words tell."""
    lines = unit.scan
    if lines is None:
        return True
    if not is_hot(unit, unit.data, advice, around):
        return False
    outside = _IMPORT.sub(b"", unit.outside())
    return is_hot(unit, outside, advice, around) or any(is_hot(unit, c.text, advice, around) for c in unit.functions())


_IMPORT = re.compile(rb"^[ \t]*(?:import|from)[ \t][^\n(]*(?:\([^)]*\))?", re.MULTILINE)


def _outsize(unit: Unit) -> list[Cut]:
    """The statements of a file that are left out since they are too long."""
    lines = unit.scan
    starts = [] if lines is None else [lines.starts[line] for line in lines.outsize]
    return [Cut(unit.path, unit.data.count(b"\n", 0, start) + 1, "a statement is too long") for start in starts]


def _cut(units: list[Unit], place: Place, why: str) -> Cut:
    unit = units[place.unit]
    return Cut(unit.path, unit.line_of(place.at) if place.at else 0, why)


def wire(m: Machine, units: list[Unit], project: Project | None) -> None:
    """Late bindings, for models that cannot import what imports them."""
    m.services.update(
        units=units,
        project=project,
        call=calls.call,
        get_attr=attributes.get_attr,
        set_attr=attributes.set_attr,
        binary=operators.binary,
        truth=operators.truth_of,
        iterate=iteration.iterate,
        escape=calls.escape,
        mro=classes.mro,
        enter=withs.enter_any,
        run_generator=generators.run,
        item=items.get_item,
        run_coroutine=generators.run_coroutine,
        enter_mode=contexts.entered,
        leave_mode=contexts.left,
        under_mode=contexts.under,
        computing=lambda machine: None,
        cut=torch_cuts.cut,
        stand_in=torch_modules.stand_in,
        before_main=lambda machine, body: None,
    )


def _run_main(m: Machine, unit: Unit) -> State:
    """Run the module's body as a script; gives the state that functions find when they are called from outside."""
    held: list[State] = []

    def body_of(machine: Machine, body: tuple[ir.Stmt, ...]) -> None:
        guarded = any(_is_main_guard(node) for node in body)
        every = 1 + len(body) // MANY_STATEMENTS
        for number, node in enumerate(body, 1):
            if machine.dead():
                return
            if _is_main_guard(node) and not held:
                held.append(machine.state.fork())
            before = machine.state.fork() if machine.patient else None
            run_block(machine, (node,))
            if machine.dead() and before is not None and not machine.exited:
                machine.state = before
                _disbelieve(machine)
                run_block(machine, (node,))
                machine.disbelief = False
            if not machine.dead() and not guarded and (number % every == 0 or number == len(body)):
                held[:] = [machine.state.fork()]

    m.services["before_main"] = body_of
    m.limit = m.steps + m.budget.entry_steps * 3
    m.runs_main = True
    try:
        imports.run_module(m, unit, 0, imports.module_name(unit.path), as_main=True)
    except (Exhausted, RecursionError):
        m.ledger.incomplete = True
        m.cuts.append((Place(0, 0), "the module's own code takes too many steps"))
        _cut_off(m)
    _settle(m)
    m.runs_main = m.hasty = m.disbelief = False
    m.grace = 0
    if m.ways[0].doubted:
        _doubt(m)
    if held:
        return held[0]
    return m.state


def _cut_off(m: Machine) -> None:
    """What runs is given up."""
    patience.give_up(m, m.running)


def _settle(m: Machine) -> None:
    m.stack, m.context, m.exits, m.guarded = [], 0, Exits(), 0


def _is_main_guard(node: ir.Stmt) -> bool:
    return (
        isinstance(node, ir.If)
        and isinstance(node.test, ir.Compare)
        and any(isinstance(o, ir.Name) and o.id == "__name__" for o in node.test.operands)
    )


def _run_entry(m: Machine, base: State, entry: Entry) -> None:
    """Run one function as if called from outside, with unknown arguments, grad enabled."""
    m.entry_number += 1
    m.ways.append(Way(0 if entry.cls else entry.code.at, entry.code.name))
    _call_entry(m, base, entry)
    if m.patient and m.dead():
        _disbelieve(m)
        m.hasty = m.steps >= m.budget.steps
        _call_entry(m, base, entry)
        m.disbelief = False
    if m.ways[-1].doubted:
        _doubt(m)


def _call_entry(m: Machine, base: State, entry: Entry) -> None:
    m.state = base.fork()
    m.state.dead = False
    m.state.mode = Mode()
    m.state.facts = {}
    m.limit = m.steps + (HASTE if m.hasty else m.budget.entry_steps)
    m.limit, m.grace = m.limit if m.patient else min(m.limit, m.budget.steps), 0
    frame = m.contexts.address(0, "moduleframe", 0)
    m.stack, m.exits, m.guarded = [Activation(frame, 0)], Exits(), 0
    m.context = m.contexts.enter(0, ("entry", entry.code.at))
    try:
        isolated(m, entry)
    except (Exhausted, RecursionError):
        m.ledger.incomplete = True
        m.cuts.append((Place(0, entry.code.at), f"`{entry.code.qualname}` takes too many steps"))
        _cut_off(m)
        m.state.dead = False
    _settle(m)
    m.hasty, m.grace = False, 0


def _disbelieve(m: Machine) -> None:
    """From here on nothing ends for certain by an exception. What was seen before stands, unless more is seen."""
    way, m.disbelief = m.ways[-1], True
    if way.firm is None:
        way.firm = {} if way.doubted else {key: set(record.rg) for key, record in way.records.items()}


def _doubt(m: Machine) -> None:
    """All that the last way into the program saw behind what is doubted is likely, at most."""
    firm = m.ways[-1].firm or {}
    for key, record in m.ways[-1].records.items():
        if firm.get(key) != record.rg:
            record.rg = {t.likely() for t in record.rg}


HASTE = 5_000
"""Steps for each function that comes after the steps of the file are spent."""
Work = Callable[[], None]
