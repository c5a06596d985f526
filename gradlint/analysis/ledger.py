"""The ledger of a run: where graphs were cut, what was differentiated, which parameters optimizers hold.

A silent loss of gradients is no event of one moment: it is a cut here, a backward() there, and an optimizer that waits
for a gradient which never comes, in whatever order functions are interpreted. So cuts, roots and optimizers are written
down while the run goes on, by the *identity* of leaves (the place in the source that makes them, see
`Contexts.identity`), and judged when all entries have been run (`settle`). The proofs are those that `events.Cut` states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gradlint.analysis import events
from gradlint.analysis.events import ModeFact, Place, TensorFact
from gradlint.analysis.values import UNKNOWN
from gradlint.findings import Origin
from gradlint.records import replace

Identities = frozenset[Any]
NOWHERE = ModeFact(UNKNOWN, UNKNOWN)
"""The mode of what is no event of one moment."""


@dataclass
class CutRecord:
    """One cut. kind: mode, detach, rewrap, op, grad. `how`: the operation as rules show it."""

    kind: str
    how: str
    where: int
    lost: Identities
    source: TensorFact
    mode: ModeFact
    path: tuple[Place, ...]
    blamed: int = 0
    asks_grad: bool = False
    scalar_source: bool = False
    value: TensorFact = field(default_factory=TensorFact)
    entry: Any = None
    made: Any = None
    """The identity of the tensor that was made by it, where that asks to require grad."""
    stored: bool = False
    """What was cut off was written into a tensor that keeps it (a queue, a memory, an average), as one detaches for."""


@dataclass
class RootRecord:
    """One backward() or autograd.grad on something that requires grad."""

    where: int
    leaves: Identities
    lost: frozenset[int]
    dead: frozenset[int]
    vague: bool
    fact: TensorFact
    origin: Origin
    whole: bool
    inner: bool = False
    """It is an `autograd.grad` whose results are differentiated again: a step of something that learns to learn."""
    time: int = 0


@dataclass
class OptimizerRecord:
    where: int
    held: Identities
    groups: tuple[Identities, ...]


@dataclass
class ReleafRecord:
    """A computed tensor without graph was asked to require grad at `where`; `lost`: the cuts that it carries."""

    where: int
    leaf: Any
    fact: TensorFact
    how: str
    lost: frozenset[int]
    mode: ModeFact


@dataclass
class ReplacedRecord:
    """A module or parameter under `attribute` is replaced by another one."""

    event: events.ModuleReplaced
    old: Identities
    new: Identities
    time: int


@dataclass
class FreezeRecord:
    """Parameters frozen at one place. `stamps`: what had happened when each was; `facts`: the conditions it stood under."""

    event: events.FreezeUndone
    frozen: set[Any] = field(default_factory=set)
    undone: set[Any] = field(default_factory=set)
    stamps: dict[Any, tuple[int, ...]] = field(default_factory=dict)
    facts: set[tuple[Any, bool]] = field(default_factory=set)
    mattered: bool = False
    again: int = 0


@dataclass
class TermRecord:
    """A derivative without graph became a term of a sum at `where`."""

    where: int
    fact: TensorFact
    mode: ModeFact
    path: tuple[Place, ...]


@dataclass
class UnregisteredRecord:
    """A module keeps parameters (`missed`) in a container that `parameters()` does not look into."""

    event: events.ParameterNotRegistered
    missed: Identities
    registered: Identities


class Ledger:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.cuts: list[CutRecord] = []
        self.roots: list[RootRecord] = []
        self.optimizers: list[OptimizerRecord] = []
        self.releafs: list[ReleafRecord] = []
        self.rebounds: dict[int, tuple[events.Rebound, Any]] = {}
        """By the number of their cut: names bound to what has no graph, and the identity of that value."""
        self.late: dict[int, tuple[int, int, int, bool]] = {}
        """Leaves by address that were asked to require grad after they were used: (where, used, backward or 0, likely)."""
        self.told: set[int] = set()
        self.replaced: list[ReplacedRecord] = []
        self.unregistered: list[UnregisteredRecord] = []
        self.freezes: dict[int, FreezeRecord] = {}
        """By the place of the freeze."""
        self.terms: dict[int, TermRecord] = {}
        """By the number of the cut by `autograd.grad`."""
        self.steps: list[tuple[int, int, Identities]] = []
        """Steps of optimizers: (time, place, leaves held)."""
        self.frozen_steps: dict[int, set[bool]] = {}
        """By the place of a step: whether all that the optimizer holds was frozen, each time."""
        self.built: set[int] = set()
        """Addresses of optimizers."""
        self.given: set[Any] = set()
        """Leaves whose `.grad` is assigned by hand."""
        self.any_given = False
        """The same happens to leaves that are not known."""
        self.shown: set[Any] = set()
        """Leaves that lead to a tensor which unknown code got hold of, and may have differentiated."""
        self.clock = 0
        self.names: dict[Any, str] = {}
        self.written: set[Any] = set()
        """Leaves whose values or gradients are written by hand: averages of weights, loaded states."""
        self.grads_read: set[Any] = set()
        """Leaves whose `.grad` the program asks for."""
        self.escaped: set[Any] = set()
        """Leaves that unknown code got hold of."""
        self.evaluated: dict[Any, Identities] = {}
        """Leaves of modules whose own `.eval()` was called, by module."""
        self.trains: set[Any] = set()
        """Modules whose own `.train()` was called: they are evaluated now and then, not left alone."""
        self.incomplete = False
        """Some code was not run to its end: what it trains is not known."""
        self.rooted: set[Any] = set()
        """Identities of all nodes that some backward() went through."""
        self._index: dict[Any, int] = {}

    def cut(self, record: CutRecord) -> int:
        """The number of a cut; the same cut seen again (another call, another round) keeps its number."""
        key = (record.kind, record.where, record.lost, record.how)
        found = self._index.get(key)
        if found is None:
            self.cuts.append(record)
            found = self._index[key] = len(self.cuts)
        return found

    def name(self, identities: Iterable[Any], name: str) -> None:
        """What the source calls leaves; the first, innermost name stays."""
        for identity in identities:
            self.names.setdefault(identity, name)

    def root(self, record: RootRecord) -> None:
        self.clock += 1
        if len(self.roots) < 4000:
            self.roots.append(replace(record, time=self.clock))

    def step(self, where: int, held: Identities) -> None:
        self.clock += 1
        if len(self.steps) < 4000:
            self.steps.append((self.clock, where, held))

    def replace_module(self, event: events.ModuleReplaced, old: Identities, new: Identities) -> None:
        self.clock += 1
        self.replaced.append(ReplacedRecord(event, old, new, self.clock))

    # -- judging

    @property
    def trained(self) -> set[Any]:
        """All leaves that some root leads to."""
        return {leaf for root in self.roots for leaf in root.leaves}

    def is_quiet(self, leaf: Any) -> bool:
        """Whether a leaf belongs to a module that was put to `eval()` and is never put back."""
        return any(leaf in below for module, below in self.evaluated.items() if module not in self.trains)

    def holders(self, leaf: Any) -> list[OptimizerRecord]:
        return [o for o in self.optimizers if leaf in o.held]


def settle(ledger: Ledger) -> list[events.Event]:
    """The events of all cuts that are proved, in the order of the source."""
    found: dict[Any, tuple[CutRecord, events.Cut]] = {}
    trained = ledger.trained
    vague = ledger.incomplete or any(root.vague for root in ledger.roots)
    for root in ledger.roots:
        judged = []
        for number in sorted(root.lost | root.dead):
            record = ledger.cuts[number - 1]
            made = _judge(ledger, record, number, root, trained, vague)
            if made is not None:
                judged.append((record, made))
        for record, made in _best(judged):
            found.setdefault((record.where, record.kind), (record, made))
    told: list[events.Event] = [
        *_merged(list(found.values())),
        *_releafed(ledger),
        *_replaced(ledger),
        *_rebound(ledger),
        *_unregistered(ledger),
        *_derivatives(ledger),
        *_unfrozen(ledger),
        *_vain(ledger, {leaf for record, _ in found.values() for leaf in record.lost}),
    ]
    return sorted(told, key=lambda e: (e.where.unit, e.where.at))


def _replaced(ledger: Ledger) -> list[events.Event]:
    """Optimizers that step while what they held was replaced and trained."""
    found: list[events.Event] = []
    for record in ledger.replaced:
        holder = next((o for o in ledger.optimizers if o.held & record.old), None)
        if holder is None or any(o.held & record.new for o in ledger.optimizers):
            continue
        trained = next((r.time for r in ledger.roots if r.time > record.time and r.leaves & record.new), None)
        if trained is None:
            continue
        for time, where, held in ledger.steps:
            if time > trained and held & record.old:
                found.append(replace(record.event, optimizer=_place(holder.where), step=_place(where)))
                break
    return found


def _unfrozen(ledger: Ledger) -> list[events.Event]:
    """Freezes that were undone before they had any effect."""
    return [
        replace(record.event, undone=_place(record.again))
        for record in ledger.freezes.values()
        if record.frozen == record.undone and not record.mattered
    ]


def _vain(ledger: Ledger, told: set[Any]) -> list[events.Event]:
    """Steps that find nothing to do however often they are taken: all is frozen, or no backward() leads to any of it.
    `told`: leaves of which a cut says so. What ran only in part may unfreeze, or hold, more than was seen; a parameter
    without a name stands for many, and which of them a loss leads to is not known."""
    if not ledger.roots or ledger.any_given or ledger.incomplete:
        return []
    found: list[events.Event] = []
    explained = told | ledger.escaped | ledger.given | ledger.shown
    explained |= {leaf for record in ledger.replaced for leaf in record.old}
    reached = None if any(root.vague for root in ledger.roots) else ledger.trained
    for where, frozen in ledger.frozen_steps.items():
        held = {leaf for _, place, leaves in ledger.steps if place == where for leaf in leaves}
        if held & explained or not held:
            continue
        unreached = reached is not None and not held & reached and all(ledger.names.get(leaf) for leaf in held)
        cause = "frozen" if frozen == {True} else "unreached" if unreached else ""
        if cause:
            built = next((o.where for o in ledger.optimizers if o.held & held), 0)
            names = tuple(dict.fromkeys(filter(None, (ledger.names.get(leaf, "") for leaf in sorted(held, key=repr)))))
            found.append(events.SteppedInVain(
                _place(where), NOWHERE, cause=cause, optimizer=_place(built) if built else None, held=names,
            ))  # fmt: skip
    return found


def _derivatives(ledger: Ledger) -> list[events.Event]:
    """Derivatives without graph that are a term of a loss, whose other terms train what they were derived from."""
    found: dict[int, events.Event] = {}
    for root in ledger.roots:
        for number in sorted(root.dead):
            record, term = ledger.cuts[number - 1], ledger.terms.get(number)
            if record.kind == "grad" and term is not None and record.lost & root.leaves:
                found.setdefault(number, events.PenaltyWithoutGraph(
                    _place(term.where), term.mode, term.path, grad_call=_place(record.where), how="term", value=term.fact,
                ))  # fmt: skip
    return list(found.values())


def _unregistered(ledger: Ledger) -> list[events.Event]:
    """Parameters that a module does not register and nothing else is seen to train: for certain where backward() reaches
    them and an optimizer in view holds others of the same graph."""
    found: dict[Place, events.Event] = {}
    for record in ledger.unregistered:
        if any(o.held & record.missed for o in ledger.optimizers) or record.missed & ledger.escaped:
            continue
        reached = [root for root in ledger.roots if root.leaves & record.missed]
        holder = next((o for o in ledger.optimizers for root in reached if root.leaves & o.held), None)
        if holder is not None:
            found[record.event.where] = replace(record.event, optimizer=_place(holder.where))
        elif not ledger.optimizers:
            found.setdefault(record.event.where, replace(record.event, likely=True))
    return list(found.values())


def _rebound(ledger: Ledger) -> list[events.Event]:
    """Attributes bound to what has no graph, in objects that go on to live: the next call of the method fails."""
    found: list[events.Event] = []
    for number, (event, _) in ledger.rebounds.items():
        if event.how == "attribute" and number not in ledger.told and ledger.cuts[number - 1].lost & ledger.trained:
            found.append(replace(event, likely=True))
    return found


PRIORITY = {"mode": 0, "rewrap": 1, "detach": 2, "op": 3}


def _best(judged: list[tuple[CutRecord, events.Cut]]) -> list[tuple[CutRecord, events.Cut]]:
    """Of the cuts on the way to one root those that tell the mistake: what starves leaves before what makes a constant,
    and for the same leaves the kind that is the least on purpose."""
    starved = [pair for pair in judged if pair[1].proof == "starved"]
    if not starved and any(record.kind in ("rewrap", "mode") for record, _ in judged):
        # What is detached on purpose may well go into a term that something else made a constant.
        judged = [pair for pair in judged if pair[0].kind != "detach"]
    chosen: list[tuple[CutRecord, events.Cut]] = []
    taken: set[Any] = set()
    for record, made in sorted(starved or judged, key=lambda pair: PRIORITY.get(pair[0].kind, 9)):
        rank = PRIORITY.get(record.kind, 9)
        if (
            any(PRIORITY.get(other.kind, 9) < rank and other.lost & record.lost for other, _ in chosen)
            and record.lost <= taken
        ):
            continue
        chosen.append((record, made))
        taken |= record.lost
    return chosen


def _merged(found: list[tuple[CutRecord, events.Cut]]) -> list[events.Event]:
    """Several cuts by one entry of one mode are one mistake: the first in the source is told, the others go with it."""
    groups: dict[Any, list[tuple[CutRecord, events.Cut]]] = {}
    for record, made in found:
        key: Any = (record.kind, record.where)
        if record.kind == "mode" and record.blamed:
            key = ("mode", record.blamed)
        elif record.kind == "detach" and made.proof == "constant":
            key = ("detach", made.reached, record.lost)
        groups.setdefault(key, []).append((record, made))
    told: list[events.Event] = []
    for pairs in groups.values():
        if any(not record.stored for record, _ in pairs):
            pairs = [pair for pair in pairs if not pair[0].stored]
        ordered = [made for _, made in sorted(pairs, key=lambda pair: pair[0].where)]
        told.append(
            replace(ordered[0], also=tuple(dict.fromkeys(e.where for e in ordered[1:] if e.where != ordered[0].where)))
        )
    return told


ADDITIVE = frozenset(
    {"add", "sub", "mul", "div", "true_divide", "neg", "sum", "mean", "stack", "cat", "add_", "sub_", "mul_", "div_"}
)


def _is_leaf(origin: Origin, where: int) -> bool:
    return origin.line == where and (origin.op == "leaf" or not origin.op.startswith("torch.Tensor."))


def _adds_up(origin: Any, where: int, depth: int = 0) -> bool:
    """Whether an origin is made of one leaf by sums, means and arithmetic with numbers alone."""
    if not isinstance(origin, Origin) or depth > 12 or _is_leaf(origin, where):
        return isinstance(origin, Origin) and _is_leaf(origin, where)
    if origin.op.rpartition(".")[2] not in ADDITIVE:
        return False
    operands = [
        a
        for part in origin.args
        for a in (part if isinstance(part, (list, tuple)) else (part,))
        if isinstance(a, Origin)
    ]
    tensors = [a for a in operands if a.op not in ("python", "unknown")]
    return bool(tensors) and all(_adds_up(a, where, depth + 1) or a.requires_grad is False for a in tensors)


def _releafed(ledger: Ledger) -> list[events.Event]:
    """Roots whose graphs lead to nothing but tensors that were made leaves to get rid of an error."""
    found: dict[int, events.Event] = {}
    by_leaf = {record.leaf: record for record in ledger.releafs}
    held = {leaf for optimizer in ledger.optimizers for leaf in optimizer.held}
    for root in ledger.roots:
        if not root.leaves or not root.leaves <= by_leaf.keys() or root.leaves & held:
            continue
        for leaf in root.leaves:
            record = by_leaf[leaf]
            itself = _is_leaf(root.origin, record.where)
            if not itself and not (record.fact.single.value and _adds_up(root.origin, record.where)):
                continue
            names = [
                ledger.names.get(one, "")
                for n in sorted(record.lost)
                for one in sorted(ledger.cuts[n - 1].lost, key=repr)
            ]
            frozen = record.fact.cause_kind == "frozen" and bool(ledger.optimizers)
            if not record.lost and not frozen:
                continue
            found.setdefault(record.where, events.Releafed(
                _place(record.where), record.mode, target=record.fact, lost=tuple(dict.fromkeys(n for n in names if n)),
                how=record.how, backward=_place(root.where),
            ))  # fmt: skip
    return list(found.values())


def _judge(
    ledger: Ledger, record: CutRecord, number: int, root: RootRecord, trained: set[Any], vague: bool
) -> events.Cut | None:  # fmt: skip
    """The event of a cut that a root carries, where a proof holds. `vague`: some root may lead to leaves that are not in
    view, or some code was cut off, so that nothing is known to be starved."""
    if record.kind in ("grad", "rebound"):
        return None
    if record.asks_grad and record.made is not None:
        held = any(record.made in o.held for o in ledger.optimizers)
        if root.leaves == frozenset({record.made}) and not held and _adds_up(root.origin, record.where):
            return _event(ledger, record, root, "asked", record.lost, 0, False)
        if _only_copies(ledger, record, root):
            return _event(ledger, record, root, "asked", record.lost, 0, False)
    starved = {leaf for leaf in record.lost if not vague and leaf not in trained and _waits(ledger, leaf, record)}
    if starved:
        holder = ledger.holders(next(iter(starved)))[0]
        dedicated = any(group <= record.lost for o in ledger.optimizers for group in o.groups if group & starved)
        return _event(ledger, record, root, "starved", starved, holder.where, dedicated)
    if number in root.dead and not (record.kind == "detach" and record.scalar_source):
        # Nobody copies live tensors on purpose; what is detached on purpose must be missed by something that is trained.
        copied = record.kind == "rewrap" and record.how not in (".data", "Variable")
        both = record.lost if copied else record.lost & root.leaves
        if both and all(leaf not in ledger.written for leaf in both):
            return _event(ledger, record, root, "constant", both, 0, False)
    return None


def _only_copies(ledger: Ledger, record: CutRecord, root: RootRecord) -> bool:
    """Whether a root leads to nothing but new leaves made of what an optimizer waits for, and nobody wants the gradients
    of those: what they were made of gets none."""
    copies = {r.made: r for r in ledger.cuts if r.asks_grad and r.made is not None}
    if (
        root.inner
        or root.vague
        or not root.leaves
        or not root.leaves <= copies.keys()
        or root.leaves & ledger.grads_read
    ):
        return False
    outer = {leaf for other in ledger.roots if not other.inner for leaf in other.leaves}
    held = {leaf for o in ledger.optimizers for leaf in o.held}
    return (
        record.made in root.leaves
        and bool(record.lost)
        and record.lost <= held
        and not root.leaves & held
        and not record.lost & (outer | ledger.written | ledger.escaped)
    )


def _waits(ledger: Ledger, leaf: Any, record: CutRecord) -> bool:
    """Whether an optimizer waits for the gradient of a leaf, and nothing else explains that it gets none."""
    holders = ledger.holders(leaf)
    if not holders or leaf in ledger.written or leaf in ledger.escaped:
        return False
    dedicated = any(leaf in group and group <= record.lost for o in holders for group in o.groups)
    return dedicated or not ledger.is_quiet(leaf)


def _event(
    ledger: Ledger, record: CutRecord, root: RootRecord, proof: str, lost: Iterable[Any], optimizer: int, dedicated: bool
) -> events.Cut:  # fmt: skip
    names = tuple(dict.fromkeys(ledger.names.get(leaf, "") for leaf in sorted(lost, key=repr)))
    shared: dict[str, Any] = {
        "where": _place(record.where), "mode": record.mode, "path": record.path, "proof": proof,
        "lost": tuple(n for n in names if n), "source": record.source, "value": record.value, "root": root.fact,
        "reached": _place(root.where), "optimizer": _place(optimizer) if optimizer else None, "dedicated": dedicated,
    }  # fmt: skip
    if record.kind == "mode":
        return events.TrainedUnderNoGrad(**shared, blamed=_place(record.blamed) if record.blamed else None)
    if record.kind == "detach":
        return events.Detached(**shared, how=record.how)
    if record.kind == "op":
        return events.NonDifferentiable(**shared, op=record.how)
    return events.Rewrapped(**shared, how=record.how, asks_grad=record.asks_grad)


def _place(here: int) -> Place:
    return Place(here >> 32, here & (1 << 32) - 1)
