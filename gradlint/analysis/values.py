"""The abstract domain: truth values, values and the objects on the abstract heap.

Every type is frozen and compared by its fields; fields that only explain (origins, places) take no part in
comparison, so that a loop reaches its fixpoint whatever the explanations say.

Three things are kept apart: *unknown* (`UNKNOWN`, `Opaque`), *not set* (a name missing from a frame) and
*unreachable* (a dead state); none is spelled None.

A choice over a named condition is a `Phi`: it serves flags (leaves are Truth) and values (leaves are values).
`Phi(c, a, b)` is a where c holds and b elsewhere. Conditions are structural symbols (nested tuples), so that the
same test written twice on unchanged names is the same condition. A condition that starts with "any" is anonymous:
nothing ever assumes it, it only says "one of the two".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from typing import Any, TypeVar

from gradlint.findings import Origin
from gradlint.records import record
from gradlint.syntax import ir

Symbol = tuple[Any, ...]
"""A structural name of something unknown: ("param", 3, "phase"), ("==", symbol, ("const", "train")) …"""

MAX_LEAVES = 6
"""Leaves of a choice before it is widened to unknown."""


@record
class Truth:
    """True, False or unknown (None); `assumed` where it rests on an assumption (then a result is *likely*)."""

    value: bool | None
    assumed: bool = False

    def likely(self) -> Truth:
        return self if self.value is None else Truth(self.value, True)


TRUE, FALSE, UNKNOWN = Truth(True), Truth(False), Truth(None)
LIKELY_TRUE, LIKELY_FALSE = Truth(True, True), Truth(False, True)


@record
class Phi:
    """`then` where `cond` holds, `other` where it does not."""

    cond: Symbol
    then: Any
    other: Any


Flag = Truth | Phi
Leaf = TypeVar("Leaf")


def leaves(tree: Any) -> tuple[Any, ...]:
    """The leaves of a choice, left to right; of anything else, itself."""
    if type(tree) is not Phi:
        return (tree,)
    return (*leaves(tree.then), *leaves(tree.other))


def conditions(tree: Any) -> Iterator[Symbol]:
    """The open conditions that a choice asks, outermost first."""
    if type(tree) is Phi:
        if tree.cond[0] != "any":
            yield tree.cond
        yield from conditions(tree.then)
        yield from conditions(tree.other)


def resolve(tree: Any, facts: Mapping[Symbol, bool]) -> Any:
    """The tree as it stands where `facts` hold."""
    if type(tree) is not Phi or not facts:
        return tree
    if tree.cond in facts:
        return resolve(tree.then if facts[tree.cond] else tree.other, facts)
    then, other = tree.then, tree.other
    if type(then) is Phi:
        then = resolve(then, facts)
    if type(other) is Phi:
        other = resolve(other, facts)
    if then == other:
        return then
    return tree if then is tree.then and other is tree.other else Phi(tree.cond, then, other)


def restrict(tree: Any, cond: Symbol, value: bool) -> Any:
    """The tree where one condition is known."""
    return resolve(tree, {cond: value}) if type(tree) is Phi else tree


def choose(cond: Symbol, then: Any, other: Any) -> Any:
    """A choice, simplified: conditions are not repeated below themselves."""
    then, other = restrict(then, cond, True), restrict(other, cond, False)
    return then if then == other else Phi(cond, then, other)


def lift(function: Callable[..., Any], *trees: Any) -> Any:
    """Apply a function of leaves to choices: `lift(f, Phi(c, a, b), d)` is `Phi(c, f(a, d), f(b, d))`."""
    for tree in trees:
        if type(tree) is Phi:
            cond = tree.cond
            then = lift(function, *(restrict(t, cond, True) for t in trees))
            other = lift(function, *(restrict(t, cond, False) for t in trees))
            return then if then == other else Phi(cond, then, other)
    return function(*trees)


def count_leaves(tree: Any) -> int:
    return count_leaves(tree.then) + count_leaves(tree.other) if type(tree) is Phi else 1


def bounded_flag(tree: Flag) -> Flag:
    """The flag itself, or unknown where it has grown too many cases."""
    return tree if not isinstance(tree, Phi) or count_leaves(tree) <= MAX_LEAVES else join_truths(list(leaves(tree)))


def join_truths(truths: Collection[Truth]) -> Truth:
    """The least truth that covers all of them."""
    values = {t.value for t in truths}
    if len(values) != 1:
        return UNKNOWN
    return Truth(values.pop(), any(t.assumed for t in truths))


def summary(flag: Flag) -> Truth:
    """One truth for a flag: definite only where every case agrees."""
    if type(flag) is Truth:
        return UNKNOWN if flag.value is None else flag
    return join_truths(list(leaves(flag)))


def _and(a: Truth, b: Truth) -> Truth:
    if a.value is False and not a.assumed or b.value is False and not b.assumed:
        return FALSE
    if a.value is False or b.value is False:
        return LIKELY_FALSE
    if a.value is None or b.value is None:
        return UNKNOWN
    return Truth(True, a.assumed or b.assumed)


def _not(a: Truth) -> Truth:
    return a if a.value is None else Truth(not a.value, a.assumed)


def both(a: Flag, b: Flag) -> Flag:
    """Logical and, three-valued, lifted over choices."""
    return bounded_flag(lift(_and, a, b))


def negate(a: Flag) -> Flag:
    return lift(_not, a)


def either(a: Flag, b: Flag) -> Flag:
    """Logical or."""
    return negate(both(negate(a), negate(b)))


def is_true(flag: Flag) -> bool:
    return flag.value is True if type(flag) is Truth else all(t.value is True for t in leaves(flag))


def is_false(flag: Flag) -> bool:
    return flag.value is False if type(flag) is Truth else all(t.value is False for t in leaves(flag))


def is_assumed(flag: Flag) -> bool:
    return flag.assumed if type(flag) is Truth else any(t.assumed for t in leaves(flag))


def truth(value: bool) -> Truth:
    return TRUE if value else FALSE


def any_of(sure: int, maybe: int) -> Truth:
    """Whether there is one, of so many that are there for certain and so many that may be."""
    return TRUE if sure else UNKNOWN if maybe else FALSE


# ------------------------------------------------------------------------------------------------- values


@record
class Const:
    """A Python constant: int, float, complex, str, bytes, bool, None, Ellipsis. Equal values of two types differ."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Const)
            and type(self.value) is type(other.value)
            and (self.value == other.value or self.value is other.value)
        )

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


NONE = Const(None)


@record
class Ref:
    """A reference to the object at an address of the heap."""

    addr: int


@record
class Opaque:
    """Something unknown, told apart by its symbol. `rg` is what is believed of its requires_grad in case that it is
    a tensor (and of what it holds, in case that it is a container); `kind` is a hint: "" (anything), "module" (an
    nn.Module of unknown class), "number" (not a tensor), "array" (numpy), "loader" (yields data), "tensors"."""

    symbol: Symbol
    rg: Flag = UNKNOWN
    kind: str = ""
    origin: Origin | None = field(default=None, compare=False)
    lost: frozenset[int] = field(default=frozenset(), compare=False)
    """Cuts (see `ledger`) that a number taken out of a tensor carries along."""


@record
class Extern:
    """Something that lives outside the project, by qualified name: `torch.nn.Linear`, `numpy`, `builtins.len`."""

    name: str


REFUSED = Extern("gradlint.refused")
"""The exception of what torch refuses to do."""


@record
class Pending:
    """A name imported from a module of the project that has not been run yet (`name` "" for the module itself); it is
    looked for from unit `near`."""

    module: str
    name: str
    near: int


@record
class Func:
    """A function of the project: its code, the frame it was defined in, defaults by parameter name."""

    code: ir.Code = field(compare=False)
    key: tuple[int, int]
    frame: int
    module: int
    defaults: tuple[tuple[str, Any], ...] = ()
    owner: int = 0
    """Address of the class whose body defined it, 0 outside classes; `super()` and `__class__` need it."""


@record
class Method:
    """A function or callable bound to its first argument."""

    func: Any
    self: Any


@record
class Builtin:
    """A method of something that is no user class: `x.mul_` of a tensor, `items.append` of a list."""

    self: Any
    name: str


@record
class Partial:
    func: Any
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]


@record
class Moded:
    """A callable decorated with a grad-mode context: `mode` is a ModeSpec, entered anew around every call."""

    func: Any
    mode: ModeSpec


@record
class Descriptor:
    """A property, staticmethod or classmethod over `func`. kind: property, static, class, cached, contextmanager."""

    kind: str
    func: Any


@record
class Super:
    cls: int
    self: Any


@record
class ModeSpec:
    """A grad-mode context before it is entered. kind: no_grad, enable_grad, set_grad_enabled, inference_mode.
    `flag`: the argument of the last two (for no_grad FALSE, for enable_grad TRUE)."""

    kind: str
    flag: Flag
    at: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        if self.kind in ("no_grad", "enable_grad"):
            return f"torch.{self.kind}()"
        value = summary(self.flag).value
        if self.kind == "inference_mode" and value is True:
            return "torch.inference_mode()"
        return f"torch.{self.kind}({'…' if value is None else value})"


Value = Const | Ref | Opaque | Extern | Pending | Func | Method | Builtin | Partial | Moded | Descriptor | Super | Phi


# ------------------------------------------------------------------------------------------ heap objects


@record
class Tensor:
    """A tensor.

    rg, leaf, floating, inference, scalar, single, plain: flags (`floating`: float or complex; `scalar`: 0-d; `single`:
    exactly one element; `plain`: made by a factory, on the CPU and of no floating dtype but the default).
    storage: address of the Storage it shares. base: address of the tensor it is a view of, 0 where it is none;
    bases: where it is a view of one of several, all of them.
    view_mode: "" where the view was made with grad on (or it is no view), else "no_grad" or "inference".
    nodes: addresses of graph nodes that may have made it; empty for a leaf. `sure` where this set is exact.
    parameter: an nn.Parameter. grad: what `.grad` holds. retains: retain_grad() was called.
    lost: the cuts (numbers of the ledger) on the way to this value. dead: those that only reach it through a constant
    term of a sum. used: place of the first recorded operation that it took part in while it did not require grad.
    made_from: addresses of the leaves that a tensor without grad was computed from.
    """

    rg: Flag = UNKNOWN
    leaf: Flag = UNKNOWN
    floating: Flag = UNKNOWN
    inference: Flag = FALSE
    scalar: Flag = UNKNOWN
    single: Flag = UNKNOWN
    plain: Flag = UNKNOWN
    storage: int = 0
    base: int = 0
    bases: tuple[int, ...] = ()
    view_mode: str = ""
    nodes: frozenset[int] = frozenset()
    sure: bool = False
    parameter: bool = False
    grad: Any = None
    retains: bool = False
    many: bool = False
    """This object stands for several tensors (a summary): updates are weak."""
    lost: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()
    used: int = field(default=0, compare=False)
    made_from: frozenset[int] = frozenset()
    origin: Origin = field(default=Origin("unknown"), compare=False)


@record
class Storage:
    """Bytes shared by views. version: in-place writes so far as autograd counts them; hidden: writes through
    `.data` that it does not see; both -1 and `exact` False where paths differ. writes: (place, hidden) of each."""

    version: int = 0
    exact: bool = True
    hidden: int = 0
    writes: tuple[tuple[int, bool], ...] = field(default=(), compare=False)


@record
class Node:
    """A node of the autograd graph: `inputs` (nodes that it certainly leads to), `maybe` (nodes that it may), `leaves`
    (addresses of the leaf tensors it accumulates into, and of layers for their parameters), `sources` (all leaves below
    it), `vague` (it may lead to others that are not in view), `saved` ((storage, version, hidden, how the source calls it)
    of what is kept for backward), `keeps` (something is kept for certain), `freed` after a backward without retain_graph,
    at `freed_at`."""

    op: str
    inputs: frozenset[int] = frozenset()
    maybe: frozenset[int] = frozenset()
    leaves: frozenset[int] = frozenset()
    saved: tuple[tuple[int, int, int, str], ...] = ()
    keeps: bool = False
    freed: Flag = FALSE
    freed_at: int = field(default=0, compare=False)
    sources: frozenset[int] = frozenset()
    vague: bool = False
    at: int = field(default=0, compare=False)


@record
class Instance:
    """An object with attributes: of a user class (`cls` is a Ref to a Class) or of an external one (Extern).
    `complete`: no attribute is unknown. `grad` mode objects are Context, not Instance."""

    cls: Any
    attrs: Mapping[str, Any]
    complete: bool = True
    many: bool = False


@record
class Class:
    """A user class. bases: values. `mro` is worked out on demand."""

    name: str
    qualname: str
    bases: tuple[Any, ...]
    attrs: Mapping[str, Any]
    module: int
    at: int = field(default=0, compare=False)


@record
class Sequence:
    """A list, tuple, set, deque or iterator. `items` holds the known items in order; where the length is unknown
    `items` is empty and `rest` is the join of all items (or Opaque). kind "iterator" is consumed by iteration."""

    kind: str
    items: tuple[Any, ...] = ()
    rest: Any = None
    many: bool = False

    @property
    def exact(self) -> bool:
        return self.rest is None


@record
class Table:
    """A dict: known entries by constant key, and `rest` for all values under unknown keys (None where there are none).
    `last`: the unknown key that was stored to last, with its value, as long as nothing else was stored since."""

    entries: Mapping[Any, Any]
    rest: Any = None
    many: bool = False
    last: tuple[Any, Any] | None = None
    owner: Any = None
    """The object whose attributes it holds, as `obj.__dict__` does."""


@record
class Context:
    """A grad-mode context object, with identity: `entered` counts entries not yet left, `saved` is the mode that
    the last entry (or, for set_grad_enabled, construction) remembered, as (grad, inference, stack)."""

    spec: ModeSpec
    entered: int = 0
    ever: bool = False
    saved: Any = None


@record
class Generator:
    """A generator, coroutine or generator expression not yet run: what to run and under which decorator mode.
    kind: generator, coroutine, asyncgen, lazy (generator expression, map, filter). `made_mode`: (grad, inference)
    in force where it was made."""

    kind: str
    func: Any
    frame: int
    mode: ModeSpec | None = None
    made_mode: Any = None
    started: bool = False
    later: Any = None
    """What it yields from its second resumption on, where only the first was run."""
    changes: frozenset[tuple[int, str]] = frozenset()
    """What it changes from its second resumption on: tensors (address, ""), attributes of objects (address, name)."""
    switched: bool = False
    """It is suspended inside a mode that it entered: resuming or dropping it changes the mode."""
    at: int = field(default=0, compare=False)


@record
class Frame:
    """Names of one activation (or of a module or class body). `parent`: enclosing frame, 0 at the top."""

    names: Mapping[str, Any]
    parent: int = 0
    module: int = 0


@record
class Module:
    """A Python module of the project: its dotted name, the frame with its names, the number of its unit."""

    name: str
    frame: int
    unit: int


Object = (
    Tensor
    | Storage
    | Node
    | Instance
    | Class
    | Sequence
    | Table
    | Context
    | Generator
    | Frame
    | Module
)  # fmt: skip
