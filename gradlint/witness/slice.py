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
from gradlint.witness.layers import layer_of
from gradlint.witness.ops import Kind

MOST_STEPS = 120
DEEPEST = 60
TRAINABLE = "module"
"""The keyword under which the origin of a layer's result says whether the layer's own parameters require grad."""
REDUCTION = "reduction"
"""The keyword under which the origin of what a loss module gives says how the module was built."""


class NoScript(Exception):
    """No script can be printed, and why."""


@dataclass(frozen=True)
class Use:
    """The value of a step as an operand."""

    step: int


@dataclass(frozen=True)
class Some:
    """An operand that is no tensor. text: how it is written, "" where it is not known."""

    text: str = ""


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
    trainable: bool | None = None
    """Of a layer: whether its own parameters require grad, where this is known."""

    @property
    def made_up(self) -> bool:
        """Whether the printer chooses the value; a parameter or leaf over another tensor is made from that."""
        return self.kind in (Kind.INPUT, Kind.UNFOLLOWED, Kind.LEAF, Kind.PARAMETER) and not self.args

    @property
    def is_module(self) -> bool:
        """Whether the value is a module itself, not what it computes."""
        applied = any(True for _ in uses_in(self.args)) or any(isinstance(arg, Some) for arg in self.args)
        return self.kind is Kind.LAYER and not applied

    @property
    def is_definition(self) -> bool:
        """Whether the value is made up before anything is computed. What comes into being in inference mode is not: it
        is an inference tensor. Nor is what a call gave that was not followed and ran with gradients off."""
        if self.kind is Kind.INPUT and self.origin.requires_grad is None:
            return True
        if self.kind is Kind.UNFOLLOWED and not self.origin.requires_grad and self.origin.floating is not False:
            return ops.records(self.origin.modes)
        return self.made_up and not ops.infers(self.origin.modes)

    @property
    def is_computed(self) -> bool:
        """Whether a statement computes the value."""
        return not self.is_definition and not self.is_module

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

    def empty(self, silent: bool) -> str:
        """Why a script would show nothing although it runs as predicted; "" where it shows something.

        A subject that is made up is what the printer made it. For an effect that is `silent` the first subject has to
        be computed from the others, or nothing is shown about the way between them.
        """
        for number in self.subjects:
            step = self.steps[number]
            if step.kind is Kind.UNFOLLOWED and ops.records(step.origin.modes):
                return "it speaks of a value of which nothing is known"
            if step.kind is Kind.INPUT and step.origin.requires_grad is None:
                return "it speaks of an input of which it is not known whether it requires grad"
        if silent and len(self.subjects) > 1:
            below = _ancestors(self)[self.subjects[0]]
            if not below.issuperset(self.subjects[1:]):
                return "what it speaks of is not connected in what was followed"
        return ""

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
        self._by_key: dict[tuple[Any, ...], list[int]] = {}

    def add(self, origin: Origin, depth: int = 0) -> int:
        if id(origin) in self._by_id:
            return self._by_id[id(origin)]
        if depth > DEEPEST or len(self.steps) > MOST_STEPS:
            raise NoScript("too many steps lead to it")
        kind = ops.kind_of(origin.op)
        follow = kind in (Kind.CALL, Kind.LAYER, Kind.PARAMETER, Kind.LEAF)
        numbers = ops.short(origin.op) in ops.NUMBERS_BEHIND
        given = tuple((key, arg) for key, arg in origin.kwargs if key != TRAINABLE or kind is not Kind.LAYER)
        args: tuple[Operand, ...] = ()
        kwargs: tuple[tuple[str, Operand], ...] = ()
        if follow:
            args = tuple(self._operand(arg, depth, numbers and at > 0) for at, arg in enumerate(origin.args))
            args = self._with_tensors(origin, args) if kind is Kind.CALL else args
            kwargs = tuple((key, self._operand(arg, depth, numbers)) for key, arg in given)
        if kind in (Kind.PARAMETER, Kind.LEAF):
            args, kwargs = tuple(arg for arg in args[:1] if isinstance(arg, Use)), ()
        if kind is Kind.CALL and not _has_operands(origin.op, args):
            kind, args, kwargs = Kind.UNFOLLOWED, (), ()
        trainable = dict(origin.kwargs).get(TRAINABLE) if kind is Kind.LAYER else None
        guess = _guess(origin, kind, args, kwargs)
        number = self._number(Step(origin, kind, args, kwargs, guess=guess, trainable=trainable))
        self._by_id[id(origin)] = number
        return number

    def _number(self, step: Step) -> int:
        """The number of a step: that of an equal one, if there is one. The same value may be met before and after it has
        got its name."""
        origin = step.origin
        # Parameters of two objects are made at one place: what tells them apart is which object each is of.
        of = origin.kwargs if step.kind is Kind.PARAMETER else ()
        plain = replace(origin, name="", args=(), kwargs=(), depth=1, mode_line=0)
        key = (plain, _key(of), _key(step.args), _key(step.kwargs))
        equal = self._by_key.setdefault(key, []) if origin.line else []
        for number in equal:
            name = self.steps[number].origin.name
            if not name or not origin.name or name == origin.name:
                self.steps[number].origin = origin if not name else self.steps[number].origin
                return number
        equal.append(len(self.steps))
        self.steps.append(step)
        return len(self.steps) - 1

    def _operand(self, value: Any, depth: int, number: bool = False) -> Operand:
        """An operand; one that must be a `number` is no tensor whatever is known of it."""
        if isinstance(value, Origin):
            if value.op == "python":
                return Some(value.name if value.name in ops.DTYPES else ":" if value.name == "slice" else "")
            unknown = number and ops.kind_of(value.op) in (Kind.INPUT, Kind.UNFOLLOWED)
            return Some() if unknown else Use(self.add(value, depth + 1))
        if isinstance(value, (list, tuple)) and depth < DEEPEST:
            return type(value)(self._operand(item, depth + 1, number) for item in value)
        elsewhere = isinstance(value, str) and ops.is_other_device(value)
        return value if is_plain(value) and not elsewhere else Some()

    def _with_tensors(self, origin: Origin, args: tuple[Operand, ...]) -> tuple[Operand, ...]:
        """Operands of which nothing is known as tensors, where a function takes nothing else."""
        places = {0} if not ops.is_method(origin.op) and not ops.is_factory(origin.op) else set()
        places |= {1} if ops.short(origin.op) in ops.LOSSES else set()
        return tuple(Use(self._unknown()) if n in places and isinstance(a, Some) else a for n, a in enumerate(args))

    def _unknown(self) -> int:
        step = Step(Origin("unknown"), Kind.UNFOLLOWED)
        step.guess = _guess(step.origin, step.kind, (), ())
        self.steps.append(step)
        return len(self.steps) - 1


def uses_in(values: Any) -> Iterator[int]:
    """The steps that an operand, or a collection of operands, uses."""
    if isinstance(values, Use):
        yield values.step
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from uses_in(value)


def _has_operands(op: str, args: tuple[Operand, ...]) -> bool:
    """Whether an operation has the operands without which it cannot be written: a receiver, an index."""
    least = 2 if op in (ops.INDEXING, ops.INDEX_WRITE, ops.GRADIENT) else 1 if ops.is_method(op) else 0
    return len(args) >= least and (not least or isinstance(args[0], Use))


def _key(value: Any) -> Any:
    """Operands as something hashable in which 1, 1.0 and True differ."""
    if isinstance(value, (list, tuple)):
        return (type(value), *map(_key, value))
    return value if isinstance(value, (Use, Some)) else (type(value), repr(value))


def _guess(origin: Origin, kind: Kind, args: Any, kwargs: Any) -> str:
    """What a script has to make up about this value, "" for nothing."""
    if not all(map(ops.is_plain_mode, origin.modes)):
        return "a mode is not known"
    if kind is Kind.UNFOLLOWED:
        return "a call was not followed"
    if kind is Kind.INPUT:
        return "an input is made up"
    if origin.op == "module":
        return "a module is made up"
    if kind is Kind.LAYER and origin.op.endswith("Loss") and REDUCTION not in dict(kwargs):
        return "how the loss was built is not known"
    if origin.requires_grad is None and kind in (Kind.LEAF, Kind.PARAMETER):
        return "it is not known whether it requires grad"
    if origin.requires_grad and kind in (Kind.CALL, Kind.LAYER) and not ops.records(origin.modes):
        return "its modes do not explain that it requires grad"
    if _has_some(args) or _has_some(kwargs):
        return "an operand is not known"
    if origin.op == ops.INDEX_WRITE:
        return "the index is not known"
    return ""


def _has_some(value: Any) -> bool:
    return value == Some() or (isinstance(value, (list, tuple)) and any(map(_has_some, value)))


def _say_wants(steps: list[Step], step: Step) -> None:
    """Tell the operands of a step what they must be, so that inputs can be chosen to fit."""
    if step.origin.op == ops.INDEXING and step.kind is Kind.CALL:
        for used in uses_in(step.args[1:]):
            unknown = steps[used].kind in (Kind.INPUT, Kind.UNFOLLOWED)
            steps[used].wants = steps[used].wants or ("number" if unknown else "vector index")
        return
    for position, operand in enumerate(step.args):
        if not isinstance(operand, Use) or steps[operand.step].wants:
            continue
        if step.kind is Kind.LAYER:
            layer = layer_of(step.origin.op)
            steps[operand.step].wants = {0: layer.first, 1: layer.target}.get(position, "")
        else:
            steps[operand.step].wants = ops.operand_kind(step.origin.op, position)


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
