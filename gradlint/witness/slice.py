"""From an evidence to the steps that a script has to make: the origin graph, in an order in which it can be run.

Equal origins of one place are one step, so that a value used twice is made once. Operations that are not followed end
there: their operands are no part of the slice. What had to be guessed is noted with the step; a slice with guesses
can confirm a finding but not refute it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Union

from gradlint.findings import Evidence, Origin
from gradlint.witness import ops
from gradlint.witness.constants import is_plain
from gradlint.witness.ops import Kind

MOST_STEPS = 120
DEEPEST = 60


class NoScript(Exception):
    """No script can be printed, and why."""


@dataclass(frozen=True)
class Use:
    """The value of a step as an operand."""

    step: int


@dataclass(frozen=True)
class Some:
    """An operand that is no tensor and not known."""


Operand = Union[Use, Some, "list[Any]", "tuple[Any, ...]", Any]


@dataclass
class Step:
    """One value: what made it, with operands as uses of other steps. wants: what it must be for those that use it."""

    origin: Origin
    kind: Kind
    args: tuple[Operand, ...] = ()
    kwargs: tuple[tuple[str, Operand], ...] = ()
    users: list[int] = field(default_factory=list)
    wants: str = ""
    guess: str = ""

    @property
    def in_place(self) -> bool:
        return self.target is not None

    @property
    def target(self) -> int | None:
        """The step whose tensor this one changes in place."""
        first = self.args[0] if self.args and self.kind is Kind.CALL else None
        return first.step if isinstance(first, Use) and ops.in_place(self.origin.op) else None


@dataclass
class Slice:
    """steps by number; order: numbers in the order of running; subjects: the steps that the evidence speaks of."""

    steps: list[Step]
    order: list[int]
    subjects: tuple[int, ...]

    def uses(self, number: int) -> list[int]:
        step = self.steps[number]
        return list(uses_in((*step.args, *(value for _, value in step.kwargs))))


def slice_of(evidence: Evidence) -> Slice:
    """The steps behind the subjects of an evidence. Raises NoScript where there are too many."""
    building = _Building()
    subjects = tuple(building.add(origin) for origin in evidence.subjects)
    for number, step in enumerate(building.steps):
        for used in dict.fromkeys(uses_in((*step.args, *(v for _, v in step.kwargs)))):
            building.steps[used].users.append(number)
        _say_wants(building.steps, step)
    made = Slice(building.steps, [], subjects)
    made.order = _order(made)
    return made


class _Building:
    """Turns origins into steps, each one once."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._by_id: dict[int, int] = {}
        self._by_key: dict[tuple[Any, ...], int] = {}

    def add(self, origin: Origin, depth: int = 0) -> int:
        if id(origin) in self._by_id:
            return self._by_id[id(origin)]
        if depth > DEEPEST or len(self.steps) > MOST_STEPS:
            raise NoScript("too many steps lead to it")
        kind = ops.kind_of(origin.op)
        follow = kind is Kind.CALL or kind is Kind.LAYER
        args = tuple(self._operand(arg, depth) for arg in origin.args) if follow else ()
        kwargs = tuple((key, self._operand(arg, depth)) for key, arg in origin.kwargs) if follow else ()
        if kind is Kind.CALL and ops.is_method(origin.op) and not any(True for _ in uses_in(args[:1])):
            kind, args, kwargs = Kind.UNFOLLOWED, (), ()
        bare = replace(origin, args=(), kwargs=(), depth=1, mode_line=0)
        key = (bare, _key(args), _key(kwargs))
        number = self._by_key.get(key) if origin.line else None
        if number is None:
            number = len(self.steps)
            self.steps.append(Step(origin, kind, args, kwargs, guess=_guess(origin, kind, args, kwargs)))
            if origin.line:
                self._by_key[key] = number
        self._by_id[id(origin)] = number
        return number

    def _operand(self, value: Any, depth: int) -> Operand:
        if isinstance(value, Origin):
            return Some() if value.op == "python" else Use(self.add(value, depth + 1))
        if isinstance(value, (list, tuple)) and depth < DEEPEST:
            return type(value)(self._operand(item, depth + 1) for item in value)
        return value if is_plain(value) else Some()


def uses_in(values: Any) -> Iterator[int]:
    """The steps that an operand, or a collection of operands, uses."""
    if isinstance(values, Use):
        yield values.step
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from uses_in(value)


def _key(value: Any) -> Any:
    """Operands as something hashable in which 1, 1.0 and True differ."""
    if isinstance(value, (list, tuple)):
        return (type(value), *map(_key, value))
    return value if isinstance(value, (Use, Some)) else (type(value), repr(value))


def _guess(origin: Origin, kind: Kind, args: Any, kwargs: Any) -> str:
    """What a script has to make up about this value, "" for nothing."""
    if any("…" in mode for mode in origin.modes):
        return "a mode is not known"
    if kind is Kind.UNFOLLOWED:
        return "it comes from a call that was not followed"
    if origin.requires_grad is None and (kind in (Kind.INPUT, Kind.LEAF, Kind.PARAMETER) or origin.op == "module"):
        return "it is not known whether it requires grad"
    if _has_some(args) or _has_some(kwargs):
        return "an operand is not known"
    if origin.op == ops.INDEX_WRITE:
        return "the index is not known"
    if origin.op == ops.INDEXING and any(isinstance(arg, list) for arg in args[1:]):
        return "the index is not known"
    return ""


def _has_some(value: Any) -> bool:
    return isinstance(value, Some) or (isinstance(value, (list, tuple)) and any(map(_has_some, value)))


def _say_wants(steps: list[Step], step: Step) -> None:
    """Tell the operands of a step what they must be, so that inputs can be chosen to fit."""
    from gradlint.witness.layers import layer_of

    for position, operand in enumerate(step.args):
        if not isinstance(operand, Use):
            continue
        want = ops.operand_kind(step.origin.op, position) if step.kind is Kind.CALL else ""
        if step.kind is Kind.LAYER:
            layer = layer_of(step.origin.op)
            want = {0: layer.first, 1: layer.target}.get(position, "")
        if want and not steps[operand.step].wants:
            steps[operand.step].wants = want


def _order(made: Slice) -> list[int]:
    """Operands before what uses them; what reads a tensor before what changes it in place."""
    below = _ancestors(made)
    order: list[int] = []
    seen: set[int] = set()

    def visit(number: int) -> None:
        if number in seen:
            return
        seen.add(number)
        for used in made.uses(number):
            visit(used)
        step = made.steps[number]
        if step.target is not None:
            for reader in made.steps[step.target].users:
                if reader != number and number not in below[reader]:
                    visit(reader)
        order.append(number)

    for number in range(len(made.steps)):
        visit(number)
    return order


def _ancestors(made: Slice) -> list[set[int]]:
    """For each step all steps that its value rests on. Operands have smaller numbers than what uses them."""
    below: list[set[int]] = []
    for number in range(len(made.steps)):
        used = made.uses(number)
        below.append(set(used).union(*(below[u] for u in used)))
    return below
