"""The intermediate representation: what Python code does, in evaluation order, without its syntax.

Lowering turns concrete syntax into these nodes; everything behind it reads only these. Statements are nested
regions (no blocks and edges), expressions are trees evaluated from left to right, depth first, in field order.
Nothing here knows libcst.

`at` of a node is a handle that the unit which made the node turns into a Span when somebody asks
(`Unit.span(at)`); 0 means "no place of its own". It takes no part in comparison.

What Python writes and lowering rewrites:

    @d def f(): ...            Def(decorators=(d,)), decorators evaluated before the definition
    lambda x: e                Function(Code) whose body is Return(e)
    a, *b = v                  Assign((Display("tuple", (Name a, Star(Name b))),), v)
    x: int = v                 Assign((Name x,), v); without a value: nothing (`pass` where a block would be empty)
    f"{a!r:{w}}"               Format((a, w))
    a < b < c                  Compare((a, b, c), ("<", "<"))
    x if t else y              Choose(t, x, y)
    (y := v)                   Bind("y", v)
    match s: case P if g: b    Match(s, (Case(pattern, guard, body), ...))
    with a as x, b: body       With((WithItem(a, x), WithItem(b, None)), body)
    type X = ...               Assign((Name X,), Opaque)
    "implicit" "joins"         one Const
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from gradlint.records import record


@record
class Const:
    """A literal: int, float, complex, str, bytes, bool, None or Ellipsis."""

    value: object
    at: int = field(default=0, compare=False)


@record
class Name:
    id: str
    at: int = field(default=0, compare=False)


@record
class Attr:
    obj: Expr
    name: str
    at: int = field(default=0, compare=False)


@record
class Item:
    """`obj[index]`."""

    obj: Expr
    index: Expr
    at: int = field(default=0, compare=False)


@record
class Slice:
    lower: Expr | None
    upper: Expr | None
    step: Expr | None
    at: int = field(default=0, compare=False)


@record
class Star:
    """`*value` in a display, a target or an index."""

    value: Expr
    at: int = field(default=0, compare=False)


@record
class Arg:
    """An argument: `v` (star 0, keyword None), `k=v`, `*v` (star 1), `**v` (star 2)."""

    value: Expr
    keyword: str | None = None
    star: int = 0


@record
class Call:
    func: Expr
    args: tuple[Arg, ...]
    at: int = field(default=0, compare=False)


@record
class Op:
    """A unary or binary operator: `+ - * / // % ** @ & | ^ << >>`, and unary `neg pos invert not`."""

    op: str
    operands: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@record
class Compare:
    """A chain: len(operands) == len(ops) + 1; `== != < <= > >= is is-not in not-in`."""

    operands: tuple[Expr, ...]
    ops: tuple[str, ...]
    at: int = field(default=0, compare=False)


@record
class Logic:
    """`and` / `or` over two or more operands, short-circuiting."""

    op: str
    operands: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@record
class Choose:
    test: Expr
    then: Expr
    other: Expr
    at: int = field(default=0, compare=False)


@record
class Display:
    """A tuple, list or set display (`kind`), items may be Star."""

    kind: str
    items: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@record
class Dict:
    """A dict display; a key of None stands for `**value`."""

    items: tuple[tuple[Expr | None, Expr], ...]
    at: int = field(default=0, compare=False)


@record
class Format:
    """An f-string: the expressions evaluated in it, nested format specifications included."""

    parts: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@record
class Clause:
    """`for target in iter if tests…` of a comprehension."""

    target: Expr
    iter: Expr
    tests: tuple[Expr, ...]
    is_async: bool = False


@record
class Comprehension:
    """kind: list, set, dict or generator. The element is `value`; for dict `key: value`."""

    kind: str
    key: Expr | None
    value: Expr
    clauses: tuple[Clause, ...]
    at: int = field(default=0, compare=False)


@record
class Function:
    """A lambda."""

    code: Code
    at: int = field(default=0, compare=False)


@record
class Bind:
    """`(name := value)`; `at` is the place of the name."""

    name: str
    value: Expr
    at: int = field(default=0, compare=False)


@record
class Await:
    value: Expr
    at: int = field(default=0, compare=False)


@record
class Yield:
    """`yield value` (value None where bare); `yield from value` where `delegate`."""

    value: Expr | None
    delegate: bool = False
    at: int = field(default=0, compare=False)


@record
class Opaque:
    """Something not understood: its parts are evaluated, its value is unknown."""

    reason: str
    parts: tuple[Expr, ...] = ()
    at: int = field(default=0, compare=False)


Expr = (
    Const
    | Name
    | Attr
    | Item
    | Slice
    | Star
    | Call
    | Op
    | Compare
    | Logic
    | Choose
    | Display
    | Dict
    | Format
    | Comprehension
    | Function
    | Bind
    | Await
    | Yield
    | Opaque
)  # fmt: skip


@record
class Param:
    """kind: positional (before `/`), normal, star, keyword, starstar. `default` is evaluated at definition."""

    name: str
    kind: str
    default: Expr | None = None
    annotation: Expr | None = None
    at: int = field(default=0, compare=False)


class Code:
    """What a function runs. The body is lowered when first asked for, so that a definition that nobody looks at
    costs neither parsing nor lowering.

    name: the function's own name, `<lambda>` for a lambda.
    qualname: dotted path inside its file (`Net.forward`, `main.<locals>.closure`).
    params: its parameters, in order.
    text: its source as UTF-8, decorators included (at least: where its extent is not known, more), so that
        `code.mentions(b"backward")` answers without lowering. `start` is the offset of `text` in the UTF-8 source.
    """

    __slots__ = ("name", "qualname", "params", "is_async", "at", "text", "start", "_make", "_made")

    def __init__(
        self,
        name: str,
        qualname: str,
        params: tuple[Param, ...],
        make: Callable[[], Made],
        *,
        is_async: bool = False,
        at: int = 0,
        text: bytes = b"",
        start: int = 0,
    ) -> None:
        self.name, self.qualname, self.params, self.is_async, self.at = name, qualname, params, is_async, at
        self.text, self.start = text, start
        self._make: Callable[[], Made] | None = make
        self._made: Made | None = None

    @property
    def made(self) -> Made:
        if self._made is None:
            assert self._make is not None
            self._made, self._make = self._make(), None
        return self._made

    @property
    def body(self) -> tuple[Stmt, ...]:
        return self.made.body

    @property
    def is_lowered(self) -> bool:
        return self._made is not None

    def mentions(self, token: bytes) -> bool:
        return token in self.text

    def __repr__(self) -> str:
        return f"Code({self.qualname})"


@record
class Made:
    """A lowered body. `bound`: names the body binds (parameters included, global and nonlocal ones excluded)."""

    body: tuple[Stmt, ...]
    bound: frozenset[str]
    globals: frozenset[str] = frozenset()
    nonlocals: frozenset[str] = frozenset()
    is_generator: bool = False


@record
class Assign:
    """Each target is stored to from left to right. Targets are Name, Attr, Item or Display with Star."""

    targets: tuple[Expr, ...]
    value: Expr
    at: int = field(default=0, compare=False)


@record
class Augment:
    """`target op= value`: in place where the object can."""

    target: Expr
    op: str
    value: Expr
    at: int = field(default=0, compare=False)


@record
class Evaluate:
    """An expression statement."""

    value: Expr
    at: int = field(default=0, compare=False)


@record
class Delete:
    targets: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@record
class If:
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]
    at: int = field(default=0, compare=False)


@record
class While:
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]
    at: int = field(default=0, compare=False)


@record
class For:
    target: Expr
    iter: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]
    is_async: bool = False
    at: int = field(default=0, compare=False)


@record
class WithItem:
    context: Expr
    target: Expr | None
    at: int = field(default=0, compare=False)


@record
class With:
    items: tuple[WithItem, ...]
    body: tuple[Stmt, ...]
    is_async: bool = False
    at: int = field(default=0, compare=False)


@record
class Handler:
    """`except type as name:`; type None catches everything."""

    type: Expr | None
    name: str | None
    body: tuple[Stmt, ...]
    at: int = field(default=0, compare=False)


@record
class Try:
    body: tuple[Stmt, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Stmt, ...]
    final: tuple[Stmt, ...]
    is_star: bool = False
    at: int = field(default=0, compare=False)


@record
class Pattern:
    """One pattern of a `case`. kind: value (compare with `expr`), capture (`names[0]`, any value), wildcard,
    or other (a structure that may or may not match: it evaluates `expr` if there is one and binds all `names`)."""

    kind: str
    expr: Expr | None
    names: tuple[str, ...]


@record
class Case:
    pattern: Pattern
    guard: Expr | None
    body: tuple[Stmt, ...]


@record
class Match:
    subject: Expr
    cases: tuple[Case, ...]
    at: int = field(default=0, compare=False)


@record
class Return:
    value: Expr | None
    at: int = field(default=0, compare=False)


@record
class Raise:
    exception: Expr | None
    cause: Expr | None
    at: int = field(default=0, compare=False)


@record
class Assert:
    test: Expr
    message: Expr | None
    at: int = field(default=0, compare=False)


@record
class Jump:
    """kind: break, continue or pass."""

    kind: str
    at: int = field(default=0, compare=False)


@record
class Import:
    """`import a.b as c`: module "a.b", name "c". Without `as`, name is "a" and `module` stays "a.b"."""

    module: str
    name: str
    aliased: bool
    at: int = field(default=0, compare=False)


@record
class ImportFrom:
    """`from ..module import a as b, c`: names ((a, b), (c, c)); a star import is (("*", "*"),)."""

    module: str
    level: int
    names: tuple[tuple[str, str], ...]
    at: int = field(default=0, compare=False)


@record
class Def:
    """A function definition. Decorators are in source order (the last one is applied first)."""

    code: Code
    decorators: tuple[Expr, ...]
    at: int = field(default=0, compare=False)


@record
class Class:
    """A class definition. `body` holds its statements; methods in it are Def with a lazy Code.
    annotations: the names annotated in its body, in order, with a value or without (the fields of a dataclass)."""

    name: str
    qualname: str
    bases: tuple[Arg, ...]
    decorators: tuple[Expr, ...]
    body: tuple[Stmt, ...]
    at: int = field(default=0, compare=False)
    annotations: tuple[tuple[str, Expr], ...] = ()


@record
class Unknown:
    """Anything may have happened: these names may have been bound to anything."""

    reason: str
    names: tuple[str, ...] = ()
    at: int = field(default=0, compare=False)


Stmt = (
    Assign
    | Augment
    | Evaluate
    | Delete
    | If
    | While
    | For
    | With
    | Try
    | Match
    | Return
    | Raise
    | Assert
    | Jump
    | Import
    | ImportFrom
    | Def
    | Class
    | Unknown
)  # fmt: skip
