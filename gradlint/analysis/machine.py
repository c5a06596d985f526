"""The abstract machine: one current state, and what every part of the interpreter does to it.

The other modules of this package are functions over a Machine, one family a file:
expressions, statements, loops, calls, classes, contexts (grad modes), generators, python_* (builtins and the
standard library), torch_* (tensors, modules, autograd, optimisers). They read and write `m.state`; where control
splits they fork it and join again (`m.branch`, `m.split`).

The machine never fails on strange programs: what it cannot follow is `Opaque`. It stops early (`Exhausted`) where a
bound is reached; what was cut off is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gradlint.analysis.events import Event, ModeFact, Place, TensorFact
from gradlint.analysis.joins import join_flags, join_values
from gradlint.analysis.ledger import Ledger
from gradlint.analysis.state import Contexts, Mode, State, join_all, symbol_below
from gradlint.analysis.values import (
    FALSE,
    NONE,
    REFUSED,
    TRUE,
    UNKNOWN,
    Const,
    Extern,
    Flag,
    Object,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Storage,
    Symbol,
    Tensor,
    Truth,
    any_of,
    both,
    conditions,
    is_false,
    leaves,
    negate,
    summary,
)
from gradlint.findings import Origin
from gradlint.records import replace

E = TypeVar("E", bound=Event)

UNIT_SHIFT = 32
MAX_DEPTH = 48
MAX_RAISES = 6
MAX_ORIGIN = 12


class Exhausted(Exception):
    """A bound of the analysis is reached; the entry that was being run is given up."""


@dataclass
class Budget:
    """Bounds for one file: `steps` of the interpreter in all, `entry_steps` for one entry point."""

    steps: int = 120_000
    entry_steps: int = 15_000


@dataclass
class Call:
    """A call as models see it. `name`: qualified name of an Extern, or the method's name. `rest`: there may be more
    arguments than are known (`*args` of unknown length): what stands for each of them, or True. `self`: the
    receiver of a method."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    at: int = 0
    rest: Any = False
    self: Any = None

    def arg(self, index: int, name: str = "", default: Any = None) -> Any:
        """An argument by position or keyword; `default` where it is not given."""
        if 0 <= index < len(self.args):
            return self.args[index]
        return self.kwargs.get(name, default) if name else default

    def constant(self, index: int, name: str = "", default: Any = None) -> Any:
        """The Python constant given for an argument; `default` where none is given or it is not known."""
        value = self.arg(index, name)
        return value.value if isinstance(value, Const) else default

    @property
    def all_args(self) -> tuple[Any, ...]:
        return (*self.args, *self.kwargs.values())


@dataclass
class Exits:
    """Abrupt ways out of a region: states (and values) that left by each."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)
    returns: list[tuple[State, Any]] = field(default_factory=list)
    raises: list[tuple[State, Any]] = field(default_factory=list)

    def absorb(self, other: Exits) -> None:
        self.breaks += other.breaks
        self.continues += other.continues
        self.returns += other.returns
        self.raises += other.raises


@dataclass
class Activation:
    """One running function (or module or class body)."""

    frame: int
    unit: int
    code: Any = None
    owner: int = 0
    receiver: Any = None
    entry_mode: Mode = field(default_factory=Mode)
    facts: dict[Symbol, bool] = field(default_factory=dict)
    """What was known of conditions when it began."""
    context: int = 0
    entered: list[tuple[str, int]] = field(default_factory=list)
    """Modes that `with` statements of this very body entered and have not left: (kind, place)."""
    switched: list[int] = field(default_factory=list)
    """Places of `set_grad_enabled(...)` statements of this very body."""
    modes: list[tuple[str, int, str | None]] = field(default_factory=list)
    """Modes that this body has entered: (source text, place, effect)."""
    evals: dict[int, int] = field(default_factory=dict)
    """Modules (by address) on which this body called `eval()`, and where."""
    leaks: list[Any] = field(default_factory=list)
    """Switches of the mode that callees left behind."""
    computed_at_switch: dict[int, int] = field(default_factory=dict)
    loop_names: set[str] = field(default_factory=set)
    rebound: dict[str, Any] = field(default_factory=dict)
    """Loop variables that were bound to a new value which nobody has read yet, with the event that says so."""
    pending: list[Any] = field(default_factory=list)
    """Events about blocks that covered nothing, waiting for the first operation behind them."""
    site: int = 0
    loops: int = 0
    """How many loops of its callers are being run."""
    decorated: str = ""
    decorated_at: int = 0
    """The mode decorator through which it was called, 0 for none."""
    on_yield: Callable[[Any], Any] | None = None


@dataclass
class Record:
    """Predictions gathered for one binding place."""

    rg: set[Truth] = field(default_factory=set)
    grad: set[Truth] = field(default_factory=set)
    inference: set[Truth] = field(default_factory=set)
    name: str = ""
    why: Origin | None = None
    off_outside: bool = False
    """Whether gradients may have been off for no other reason than that callers had turned them off."""
    tensors: int = 0
    code: Any = None


@dataclass
class Way:
    """One way into the program, the code of a module (`at` is 0) or a function called from outside: what it sees."""

    at: int = 0
    name: str = ""
    calls: set[tuple[int, int]] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    """Names of methods that are called on something unknown."""
    lost: set[str] = field(default_factory=set)
    """Names in what was cut off."""
    runner: bool = False
    """Whether a test runner calls it, whoever else does."""
    doubted: bool = False
    """Whether something was cut off, or an exception that seemed certain was not believed."""
    firm: dict[tuple[int, int], set[Truth]] | None = None
    """What was seen by the time that the first such exception was not believed any more."""
    records: dict[tuple[int, int], Record] = field(default_factory=dict)


class Machine:
    """See the module's docstring. `units` are the sources in view, by number; `emit` collects events."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.contexts = Contexts()
        self.state = State(self.contexts)
        self.context = 0
        self.exits = Exits()
        self.stack: list[Activation] = []
        self.events: list[Event] = []
        self.ways = [Way()]
        self.cuts: list[tuple[Place, str]] = []
        self.steps = 0
        self.limit = budget.entry_steps
        self.called: set[tuple[int, int]] = set()
        self.called_recording: set[tuple[int, int]] = set()
        """The functions that some call runs with grad on, or perhaps on."""
        self.guarded = 0
        """How many enclosing regions look at raised states (try, with of a user object)."""
        self.quiet = 0
        self.computed = 0
        """Counts tensor computations, to tell whether a region computed anything."""
        self.services: dict[str, Any] = {}
        self.ledger = Ledger()
        self.book: Any = None
        """What `torch_advice` keeps."""
        self.rounds: list[int] = []
        """Serial numbers of the rounds of loops that are being run."""
        self.round_count = 0
        self.round_contexts: list[int] = []
        self.round_places: list[int] = []
        self.forwards = 0
        """How many forward passes of modules are being run, one inside the other."""
        self.recorded: dict[int, tuple[int, int]] = {}
        """How many operations were recorded while a mode (by place) was the innermost: (for certain, perhaps)."""
        self.switches: dict[int, str] = {}
        """Places where the mode is switched by a statement, and how."""
        self.switches_in: dict[tuple[int, int], set[int]] = {}
        """By function (its file and place), the places of the switches that any of its calls has made."""
        self.thread_base = -1
        """The depth of the stack at which the body of a thread runs; -1 outside of threads."""
        self.runs_main = False
        self.exited = False
        """Whether the code of a module, not a function, says that the program ends."""
        self.arriving: list[Any] = []
        """Names of the project that are being looked up, each in a module that the one before it leads to."""
        self.touched = 0
        """Counts what is done to tensors and parameters without computing."""
        self.unseen = 0
        """Counts calls of what is not in view."""
        self.volatile: set[tuple[int, str]] = set()
        """Attributes (address of the object, name) that callbacks out of view may assign at any time."""
        self.twins: dict[int, set[int]] = {}
        """Of a tensor (by address) those that may be the very same object: `x.to(device)` may give `x`."""
        self.perhaps_of: dict[int, frozenset[int]] = {}
        """Of a tensor (by address) those that it may be, or else a view or a copy of."""
        self.views_of: dict[int, set[int]] = {}
        """The views that were made of a tensor, by address."""
        self.given_data: set[int] = set()
        """Storages of tensors whose `.data` was assigned: one that was no inference tensor may be written all the same."""
        self.tests: dict[Symbol, tuple[int, Flag]] = {}
        """By open condition: where the source first asks about it, and the outcome of that test."""
        self.chosen: list[Symbol] = []
        """The open conditions that choose the values which are being looked at."""
        self.held_inside = False
        """Whether a decorated generator was left waiting inside a mode that its body has entered."""
        self.deferred = 0
        """Counts generators and lazy iterators made: what they do is done where they are consumed, or never."""
        self.data_read: dict[int, Place] = {}
        """Where the aliases that `.data` gave were read, by their addresses."""
        self.statement = 0
        """The assignment that is being run, where it has one target."""
        self.assigned: tuple[str, int] = ("", 0)
        """How the source calls the object of an attribute that is being stored, and the place of the value."""
        self.thrown: list[tuple[State, Any]] = []
        """What was raised in the body of a `with` over a generator, on its way to the `yield` that the generator waits at."""
        self.repacked = 0
        """How many contexts are in force in which other tensors may be saved for backward than those that take part."""
        self.real_waits = 0
        self.differentiations = 0
        self.waits = 0
        """Counts suspensions inside a mode that the suspended body entered."""
        self.decorator = 0
        """The mode decorator whose function is just being called; its activation takes it."""
        self.freed_roots: dict[int, TensorFact] = {}
        """The roots of backward() calls by place, for those that meet a graph they freed."""
        self.entry: Any = None
        self.entry_number = 0
        """What is being run: a module's own code or an entry point."""
        self.defs: dict[tuple[int, int], Any] = {}
        """Every function defined so far, by its key, without what decorators made of it."""
        self.decorations: dict[tuple[int, int], tuple[str, ...]] = {}
        self.given: dict[tuple[int, int], dict[str, Any]] = {}
        """What decorators of test runners give the parameters of functions; fixtures have an entry, too."""
        self.running: tuple[tuple[int, Any, int], ...] = ()
        """The activations in which a bound was reached: file, code (None for that of a module), and the place of the loop of
        it that is being run, -1 for none."""
        self.patient = False
        """Whether predictions are asked for: what is cut off or seems to end is gone beyond (see `patience`)."""
        self.hasty = False
        """Whether a call of the entry that is being run was cut off; what is left of it takes few steps."""
        self.grace = 0
        self.disbelief = False
        """Whether nothing is believed to raise for certain: an entry seemed to end by that, and is run once more."""
        self.flag_reads = 0
        """Counts how often the program asks a parameter for its `requires_grad`."""
        self.below = 0
        """The place of the decorator that stands right below the one that is being applied."""
        """Dotted names of the decorators of each function."""

    # -- places

    @property
    def unit(self) -> int:
        return self.stack[-1].unit if self.stack else 0

    def here(self, at: int) -> int:
        """A place as one integer (unit and node handle), as origins and symbols carry it."""
        return self.unit << UNIT_SHIFT | at if at else 0

    @staticmethod
    def place(here: int) -> Place:
        return Place(here >> UNIT_SHIFT, here & (1 << UNIT_SHIFT) - 1)

    def step(self, cost: int = 1) -> None:
        self.steps += cost
        if self.steps > self.limit + self.grace:
            ends = [*(act.loops for act in self.stack[1:]), len(self.rounds)]
            places = self.round_places
            loops = [places[a.loops] if a.loops < min(end, len(places)) else -1 for a, end in zip(self.stack, ends)]
            self.running = tuple((act.unit, act.code, loop) for act, loop in zip(self.stack, loops))
            raise Exhausted

    # -- heap

    def get(self, value: Any) -> Object | None:
        """The object a value refers to; None where it is no reference."""
        return self.state.heap.get(value.addr) if type(value) is Ref else None

    def put(self, ref: Ref, thing: Object) -> None:
        self.state.put(ref.addr, thing)

    def alloc(self, at: int, thing: Object, tag: str = "") -> Ref:
        """A new object, made at a place of the code in the current context."""
        return self.state.alloc(self.contexts.address(self.context, self.here(at), tag), thing)

    def symbol(self, at: int, tag: str = "") -> Symbol:
        """A fresh symbol for an unknown that comes into being here."""
        return ("new", self.context, self.here(at), tag)

    def opaque(
        self, at: int, rg: Flag = UNKNOWN, kind: str = "", tag: str = "", origin: Origin | None = None
    ) -> Opaque:
        return Opaque(self.symbol(at, tag), rg, kind, origin)

    @contextmanager
    def within(self, key: Any) -> Any:
        """Run in a deeper context (a call site, a loop, one iteration of a literal loop)."""
        before, self.context = self.context, self.contexts.enter(self.context, key)
        try:
            yield self.context
        finally:
            self.context = before

    # -- control

    def dead(self) -> bool:
        return self.state.dead

    def kill(self) -> None:
        """Control does not go on from here."""
        self.state = self.state.fork()
        self.state.dead = True

    def branch(self, cond: Symbol, then: Callable[[], Any], other: Callable[[], Any]) -> Any:
        """Run `then` where an open condition holds and `other` where it does not; join states and results."""
        facts = self.state.facts
        if cond in facts:
            return then() if facts[cond] else other()
        start = self.state
        self.state = start.fork()
        self.state.assume(cond, True)
        first = len(self.events)
        a = then()
        after_then = self.state
        self.state = start.fork()
        self.state.assume(cond, False)
        second = len(self.events)
        b = other()
        after_other = self.state
        if cond[0] == "any" and len(self.events) > first:
            self._doubt_one_sided(first, second)
        self.state = after_then.join(after_other)
        if after_then.dead:
            return b
        if after_other.dead:
            return a
        if a is None or b is None:
            return a if b is None else b
        if isinstance(a, Truth | Phi) and isinstance(b, Truth | Phi) and _is_flag(a) and _is_flag(b):
            return join_flags(None if cond[0] == "any" else cond, a, b)
        return join_values(None if cond[0] == "any" else cond, a, b)

    def _doubt_one_sided(self, first: int, second: int) -> None:
        """What happens with one of two values of which nobody knows which one it is need not happen."""
        sides = self.events[second:], self.events[first:second]
        for number in range(first, len(self.events)):
            event = self.events[number]
            if event not in sides[number >= second]:
                self.events[number] = replace(event, likely=True, one_of=True)

    def split(self, value: Any, function: Callable[[Any], Any]) -> Any:
        """`function` of each leaf of a choice, each in the state where the value is that leaf."""
        value = self.state.simplify(value)
        if not isinstance(value, Phi):
            return function(value)
        self.chosen.append(value.cond)
        try:
            return self.branch(
                value.cond, lambda: self.split(value.then, function), lambda: self.split(value.other, function)
            )
        finally:
            self.chosen.pop()

    def split_both(self, a: Any, b: Any, function: Callable[[Any, Any], Any]) -> Any:
        """`function` of each pair of leaves of two choices."""
        return self.split(a, lambda x: self.split(b, lambda y: function(x, y)))

    def under(self, test: Flag, then: Callable[[], Any], other: Callable[[], Any], at: int) -> Any:
        """Like `branch`, over a flag: constants decide, choices split, unknowns split on a fresh condition."""
        test = self.state.simplify(test)
        if isinstance(test, Phi):
            return self.branch(
                test.cond,
                lambda: self.under(test.then, then, other, at),
                lambda: self.under(test.other, then, other, at),
            )
        if test.value is not None:
            return then() if test.value else other()
        return self.branch(("truth", self.symbol(at, "test")), then, other)

    def stop(self) -> None:
        """What runs here raises for certain: regions that look at raised states see this one, and it ends."""
        self.exits.raises.append((self.state.fork(), REFUSED))
        if self.disbelief:
            self.ways[-1].doubted = True
        else:
            self.kill()

    def may_raise(self, value: Any = NONE) -> None:
        """What runs here may raise: regions that look at raised states see a copy of this one."""
        if not self.guarded or self.state.dead:
            return
        raises = self.exits.raises
        if raises and raises[-1][0].heap is self.state.heap and raises[-1][0].mode is self.state.mode:
            return
        if len(raises) >= MAX_RAISES:
            raises[:] = [(join_all([state for state, _ in raises]), NONE)]
        raises.append((self.state.fork(), value))

    # -- events

    def emit(self, event: Event) -> None:
        if not self.state.dead:
            self.publish(event)

    def publish(self, event: Event) -> None:
        """Keep an event that was made while control still went on here, even if it does no longer."""
        if not self.quiet and event.where.at:
            self.events.append(replace(event, entry=self.entry_number))

    def event(self, kind: type[E], at: int, /, **fields: Any) -> None:
        """Emit an event of a kind at a place of the running code."""
        if self.quiet or self.state.dead or len(self.stack) > 1 and self._is_conjecture():
            return
        self.emit_at(kind, self.here(at), **fields)

    def _is_conjecture(self) -> bool:
        """Whether control only comes here if a flag that a caller or an object carries into a function is set, and that
        caller has turned gradients off: one may never go with the other (`if save_grad: x.register_hook(…)` in a layer
        that is run under `no_grad` as well)."""
        for act in self.stack[1:]:
            if act.code is not None and is_false(self.simplified(act.entry_mode.grad)):
                for cond in self.state.facts:
                    if cond not in act.facts and not symbol_below(cond, self.contexts, act.context):
                        return True
        return False

    def emit_at(self, kind: type[E], here: int, /, **fields: Any) -> None:
        """The same, at a place that was kept as an integer."""
        path = tuple(self.place(a.site) for a in self.stack if a.site)
        entry = next((a.code.at for a in self.stack if a.code is not None and not a.site), 0)
        when = self._outcomes() if self.chosen else ()
        self.emit(kind(where=self.place(here), mode=self.mode_fact(), path=path, entry=entry, when=when, **fields))

    def _outcomes(self) -> tuple[tuple[Place, bool], ...]:
        """How the tests ended that chose the values which are being looked at, as far as the source shows them."""
        found = {}
        for cond in self.chosen:
            at, flag = self.tests.get(cond, (0, UNKNOWN))
            outcome = self.simplified(flag)
            if isinstance(outcome, Truth) and outcome.value is not None:
                found[self.place(at)] = outcome.value
        return tuple(found.items())

    def asked(self, test: Flag, shown: int, at: int) -> Flag:
        """The outcome of a test that the source shows at `shown`: an unknown one is a fresh condition."""
        test = self.state.simplify(test)
        if isinstance(test, Truth):
            if test.value is not None:
                return test
            test = Phi(("truth", self.symbol(at, "test")), TRUE, FALSE)
        for cond in conditions(test):
            self.tests.setdefault(cond, (self.here(shown or at), test))
        return test

    def mode_fact(self, mode: Mode | None = None) -> ModeFact:
        mode = mode or self.state.mode
        stack = tuple((text, self.place(here)) for text, here in mode.stack)
        return ModeFact(summary(self.simplified(mode.grad)), summary(self.simplified(mode.inference)), stack)

    def simplified(self, tree: Any) -> Any:
        return self.state.simplify(tree) if type(tree) is Phi else tree

    def cut(self, at: int, reason: str) -> None:
        self.ledger.incomplete = True
        self.cuts.append((self.place(self.here(at)), reason))

    # -- tensors

    def compute(self) -> None:
        """An operation on tensors is computed here."""
        self.computed += 1

    def recordings(self) -> tuple[int, int]:
        """How many operations were recorded so far: (for certain, perhaps)."""
        return sum(n for n, _ in self.recorded.values()), sum(n for _, n in self.recorded.values())

    def recorded_since(self, place: int, before: tuple[int, int]) -> Truth:
        """Whether an operation was recorded while the mode of a place was the innermost, since it stood at `before`."""
        return any_of(*(now - then for now, then in zip(self.recorded.get(place, (0, 0)), before)))

    @property
    def recording(self) -> Flag:
        """Whether an operation on tensors that require grad would be recorded: grad mode on, inference mode off."""
        mode = self.state.mode
        return both(self.simplified(mode.grad), negate(self.simplified(mode.inference)))

    def new_storage(self, at: int, tag: str = "") -> int:
        return self.alloc(at, Storage(), "storage" + tag).addr

    def tensor(self, at: int, thing: Tensor, tag: str = "") -> Ref:
        """A new tensor; a storage of its own is made where it has none, inference mode marks it."""
        if not thing.storage:
            thing = replace(thing, storage=self.new_storage(at, tag))
        made = self.alloc(at, thing, "tensor" + tag)
        for number in thing.lost:
            record = self.ledger.cuts[number - 1]
            if not record.value.known and is_false(self.simplified(thing.rg)):
                # The first tensor without graph that carries a cut is what came out of it.
                record.value = self.fact(made)
        return made

    def origin(self, op: str, at: int, args: Iterable[Any] = (), rg: Flag = UNKNOWN, **kwargs: Any) -> Origin:
        """How a value that is being made here comes to be; operands that are too deep are cut off."""
        operands = tuple(self.origin_of(a) for a in args)
        named = tuple((k, self.origin_of(v)) for k, v in kwargs.items())
        return Origin(
            op,
            operands,
            named,
            tuple(text for text, _ in self.state.mode.stack),
            "",
            summary(rg).value,
            True,
            self.here(at),
            depth=1 + max((_part_depth(p) for p in (*operands, *(v for _, v in named))), default=0),
            mode_line=self.state.mode.stack[-1][1] if self.state.mode.stack else 0,
        )

    def origin_of(self, value: Any, depth: int = 0) -> Any:
        """The origin of a value, as an operand: tensors give theirs, constants themselves."""
        if isinstance(value, Const):
            return value.value
        if isinstance(value, Opaque):
            op = "python" if value.kind in ("number", "array") else "unknown"
            return value.origin or Origin(op, requires_grad=summary(value.rg).value)
        if isinstance(value, Extern):
            return Origin("python", name=value.name, requires_grad=False)
        thing = self.get(value)
        if isinstance(thing, Tensor):
            return shallow(thing.origin)
        if isinstance(thing, Sequence) and depth < 2 and thing.exact and len(thing.items) <= 8:
            parts = [self.origin_of(item, depth + 1) for item in thing.items]
            if thing.kind == "slice":
                known = not any(isinstance(part, (Origin, list, tuple)) for part in parts)
                return slice(*parts) if known else Origin("python", tuple(parts), name="slice", requires_grad=False)
            return parts if thing.kind == "list" else tuple(parts)
        if isinstance(thing, Sequence) and thing.rest is not None and depth < 2:
            return [self.origin_of(leaves(thing.rest)[0], depth + 1)]
        return Origin("python")

    def fact(self, value: Any, name: str = "") -> TensorFact:
        """What is known of a tensor, for an event."""
        from gradlint.analysis.reasons import NOTHING, assumption, cause_of, explain
        from gradlint.analysis.torch_values import known as turned_out

        value = turned_out(self, self.state.simplify(value))
        if isinstance(value, Phi):
            facts = [self.fact(leaf, name) for leaf in leaves(value)]
            known = [f for f in facts if f.known]
            if not known:
                return TensorFact(name)
            return facts[0] if all(f == facts[0] for f in facts) else _joined_fact(known, name)
        if isinstance(value, Opaque):
            rg = summary(self.simplified(value.rg))
            origin = value.origin or Origin("unknown", requires_grad=rg.value, name=name)
            cause = explain(origin) if rg.value is False else NOTHING
            return TensorFact(
                name or origin.name, rg=rg, origin=origin, known=rg.value is not None, cause=cause.phrase,
                cause_kind=cause.kind,
                cause_place=self.place(cause.where) if cause.where else None,
                made=self.place(cause.made) if cause.made else None,
                assumes=assumption(origin) if rg.assumed else "",
            )  # fmt: skip
        thing = self.get(value)
        if not isinstance(thing, Tensor):
            return TensorFact(name)
        cause = cause_of(thing)
        rg = summary(self.simplified(thing.rg))
        made = thing.origin.line if thing.origin.op != "input" else 0
        return TensorFact(
            name=name or thing.origin.name,
            rg=summary(self.simplified(thing.rg)),
            leaf=summary(self.simplified(thing.leaf)),
            floating=summary(self.simplified(thing.floating)),
            inference=summary(self.simplified(thing.inference)),
            scalar=summary(self.simplified(thing.scalar)),
            parameter=thing.parameter,
            view=thing.base != 0 or thing.bases != (),
            view_mode=thing.view_mode,
            origin=thing.origin,
            cause=cause.phrase,
            cause_kind=cause.kind,
            cause_place=self.place(cause.where) if cause.where else None,
            made=self.place(cause.made or made) if cause.made or made else None,
            single=summary(self.simplified(thing.single)),
            retains=thing.retains,
            assumes=assumption(thing.origin) if rg.assumed else "",
            known=True,
        )

    # -- recording predictions

    def _turned_off(self) -> bool:
        """Whether the running function turns gradients off here in every call of it."""
        act = next((a for a in reversed(self.stack) if a.code is not None), self.stack[0])
        stack = self.state.mode.stack
        return len(stack) > len(act.entry_mode.stack) and "no_grad" in stack[-1][0]

    def bound(self, name: str, at: int, value: Any) -> None:
        """A name is bound here: remember what it holds, for predictions."""
        if self.quiet or self.state.dead or not at:
            return
        key = (self.unit, at)
        records = self.ways[-1].records
        record = records.get(key)
        if record is None:
            record = records[key] = Record(name=name, code=self.stack[-1].code if self.stack else None)
        for leaf in leaves(self.state.simplify(value)):
            thing = self.get(leaf)
            if isinstance(thing, Tensor):
                flag = self.simplified(thing.rg)
                record.tensors += 1
                record.why = thing.origin
            elif isinstance(leaf, Opaque) and leaf.kind not in ("number", "module", "array"):
                flag = self.simplified(leaf.rg)
                record.why = record.why or leaf.origin
            else:
                continue
            record.rg.add(summary(flag))
        record.off_outside |= not self._turned_off()
        record.grad.add(summary(self.simplified(self.state.mode.grad)))
        record.inference.add(summary(self.simplified(self.state.mode.inference)))


def _is_flag(tree: Any) -> bool:
    return all(isinstance(leaf, Truth) for leaf in leaves(tree))


def _joined_fact(facts: list[TensorFact], name: str) -> TensorFact:
    from gradlint.analysis.values import join_truths

    first = facts[0]
    flags = {
        key: join_truths([getattr(f, key) for f in facts]) for key in ("rg", "leaf", "floating", "inference", "scalar")
    }
    return replace(first, name=name or first.name, known=True, parameter=all(f.parameter for f in facts), **flags)


def shallow(origin: Origin) -> Origin:
    """The origin as an operand of another: where the chain has become too long, without operands of its own."""
    if origin.depth < MAX_ORIGIN:
        return origin
    op = origin.op if origin.op in ("parameter", "leaf", "input") else "unknown"
    return replace(origin, op=op, args=(), kwargs=(), depth=1)


def _part_depth(part: Any) -> int:
    if isinstance(part, Origin):
        return part.depth
    return max((_part_depth(p) for p in part), default=0) if isinstance(part, (list, tuple)) else 0


__all__ = ["Activation", "Budget", "Call", "Exhausted", "Exits", "Machine", "Record", "join_all"]
