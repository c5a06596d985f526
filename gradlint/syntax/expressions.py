"""Expressions: from libcst's nodes to `ir`, in evaluation order.

One function a node class, found by the class in EXPRESSIONS. A class that has none lowers to Opaque.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import libcst as cst

from gradlint.syntax import ir
from gradlint.syntax.names import Scope, identifier
from gradlint.syntax.places import Cursor, Places

MAX_DEPTH = 100
"""Levels of an IR expression. Python's own parser allows 200 brackets; those who walk the IR do so recursively."""

BINARY: dict[type, str] = {
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/", cst.FloorDivide: "//", cst.Modulo: "%",
    cst.Power: "**", cst.MatrixMultiply: "@", cst.BitAnd: "&", cst.BitOr: "|", cst.BitXor: "^",
    cst.LeftShift: "<<", cst.RightShift: ">>",
}  # fmt: skip
UNARY: dict[type, str] = {cst.Minus: "neg", cst.Plus: "pos", cst.BitInvert: "invert", cst.Not: "not"}
COMPARE: dict[type, str] = {
    cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=", cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=", cst.Is: "is", cst.IsNot: "is-not", cst.In: "in", cst.NotIn: "not-in",
}  # fmt: skip
TEMPLATE = getattr(cst, "TemplatedString", None)  # these two are newer than the oldest libcst that serves
STARRED_DICT = getattr(cst, "StarredDictComp", None)
CONSTANTS: dict[str, Any] = {"None": None, "True": True, "False": False}


class Context:
    """What lowering carries along: handles, the scope that names go to, and the dotted path of definitions."""

    __slots__ = ("places", "cursor", "scope", "prefix", "depth", "level", "unit", "annotations")

    def __init__(self, unit: Any, places: Places, cursor: Cursor, scope: Scope, prefix: str) -> None:
        self.unit, self.places, self.cursor, self.scope, self.prefix = unit, places, cursor, scope, prefix
        self.depth = 0
        self.level = 0
        self.annotations: list[tuple[str, ir.Expr]] = []

    def inner(self, scope: Scope, prefix: str, cursor: Cursor | None = None) -> Context:
        made = Context(self.unit, self.places, cursor or self.cursor, scope, prefix)
        made.depth, made.level = self.depth, self.level
        return made

    def at(self, node: Any) -> int:
        nodes = self.places.nodes
        nodes.append(node)
        return len(nodes) - 1


def lower(node: Any, ctx: Context) -> ir.Expr:
    """Any expression."""
    function = EXPRESSIONS.get(type(node))
    if function is None:
        return opaque(node, ctx, f"not understood: {type(node).__name__}")
    if ctx.depth >= MAX_DEPTH:
        return opaque(node, ctx, "nested too deeply")
    ctx.depth += 1
    made = function(node, ctx)
    ctx.depth -= 1
    return made


def optional(node: Any, ctx: Context) -> ir.Expr | None:
    return None if node is None else lower(node, ctx)


def opaque(node: Any, ctx: Context, reason: str) -> ir.Expr:
    """A value nobody knows; the names that occur in it are its parts, those it binds are bound."""
    parts: list[ir.Expr] = []
    for below in descend(node):
        if type(below) is cst.Name:
            parts.append(ir.Name(identifier(below.value), ctx.at(below)))
        elif type(below) is cst.NamedExpr and type(below.target) is cst.Name:
            ctx.scope.bound.add(identifier(below.target.value))
            parts.append(ir.Bind(identifier(below.target.value), ir.Opaque(reason), ctx.at(below.target)))
        elif type(below) is cst.Yield:
            ctx.scope.is_generator = True
    return ir.Opaque(reason, tuple(parts), ctx.at(node))


def descend(node: Any) -> Iterator[Any]:
    """All nodes below, in source order, without recursion."""
    rest = [node]
    while rest:
        below = rest.pop()
        yield below
        rest.extend(reversed(below.children))


def _name(node: Any, ctx: Context) -> ir.Expr:
    text = node.value
    if text in CONSTANTS:
        return ir.Const(CONSTANTS[text], ctx.at(node))
    return ir.Name(identifier(text), ctx.at(node))


def _attribute(node: Any, ctx: Context) -> ir.Expr:
    obj = lower(node.value, ctx)
    return ir.Attr(obj, identifier(node.attr.value), ctx.at(node))


def _call(node: Any, ctx: Context) -> ir.Expr:
    func = lower(node.func, ctx)
    return ir.Call(func, arguments(node.args, ctx), ctx.at(node))


def arguments(nodes: Sequence[Any], ctx: Context) -> tuple[ir.Arg, ...]:
    return tuple(
        [
            ir.Arg(
                lower(arg.value, ctx),
                None if arg.keyword is None else identifier(arg.keyword.value),
                len(arg.star),
            )
            for arg in nodes
        ]
    )


def _subscript(node: Any, ctx: Context) -> ir.Expr:
    obj = lower(node.value, ctx)
    return ir.Item(obj, _index(node.slice, ctx), ctx.at(node))


def _index(elements: Sequence[Any], ctx: Context) -> ir.Expr:
    items = tuple([_index_item(element.slice, ctx) for element in elements])
    alone = len(items) == 1 and not isinstance(items[0], ir.Star)
    if alone and not isinstance(elements[0].comma, cst.Comma):
        return items[0]
    return ir.Display("tuple", items, ctx.at(elements[0]))


def _index_item(node: Any, ctx: Context) -> ir.Expr:
    if type(node) is cst.Slice:
        return ir.Slice(optional(node.lower, ctx), optional(node.upper, ctx), optional(node.step, ctx), ctx.at(node))
    if node.star:
        return ir.Star(lower(node.value, ctx), ctx.at(node))
    return lower(node.value, ctx)


def _binary(node: Any, ctx: Context) -> ir.Expr:
    spine = [node]
    while type(spine[-1].left) is cst.BinaryOperation:
        spine.append(spine[-1].left)
    if len(spine) + ctx.depth > MAX_DEPTH:
        operands = [lower(spine[-1].left, ctx), *(lower(one.right, ctx) for one in reversed(spine))]
        return ir.Opaque("too many operators in a row", tuple(operands), ctx.at(node))
    made = lower(spine[-1].left, ctx)
    for one in reversed(spine):
        made = ir.Op(BINARY[type(one.operator)], (made, lower(one.right, ctx)), ctx.at(one))
    return made


def _unary(node: Any, ctx: Context) -> ir.Expr:
    op = UNARY[type(node.operator)]
    operand = lower(node.expression, ctx)
    if op == "neg" and type(operand) is ir.Const and type(operand.value) in (int, float, complex):
        return ir.Const(-operand.value, ctx.at(node))  # type: ignore[operator]
    return ir.Op(op, (operand,), ctx.at(node))


def _boolean(node: Any, ctx: Context) -> ir.Expr:
    kind = type(node.operator)
    rights = []
    left = node
    while type(left) is cst.BooleanOperation and type(left.operator) is kind:
        rights.append(left.right)
        left = left.left
    operands = (lower(left, ctx), *[lower(right, ctx) for right in reversed(rights)])
    return ir.Logic("and" if kind is cst.And else "or", operands, ctx.at(node))


def _comparison(node: Any, ctx: Context) -> ir.Expr:
    operands = [lower(node.left, ctx)]
    operands += [lower(one.comparator, ctx) for one in node.comparisons]
    return ir.Compare(tuple(operands), tuple([COMPARE[type(one.operator)] for one in node.comparisons]), ctx.at(node))


def _choose(node: Any, ctx: Context) -> ir.Expr:
    test = lower(node.test, ctx)
    then = lower(node.body, ctx)
    return ir.Choose(test, then, lower(node.orelse, ctx), ctx.at(node))


def _display(kind: str) -> Callable[[Any, Context], ir.Expr]:
    def display(node: Any, ctx: Context) -> ir.Expr:
        return ir.Display(kind, tuple([_element(one, ctx) for one in node.elements]), ctx.at(node))

    return display


def _element(node: Any, ctx: Context) -> ir.Expr:
    if type(node) is cst.StarredElement:
        return _star(node, ctx)
    return lower(node.value, ctx)


def _star(node: Any, ctx: Context) -> ir.Expr:
    return ir.Star(lower(node.value, ctx), ctx.at(node))


def _dict(node: Any, ctx: Context) -> ir.Expr:
    items = []
    for one in node.elements:
        key = lower(one.key, ctx) if type(one) is cst.DictElement else None
        items.append((key, lower(one.value, ctx)))
    return ir.Dict(tuple(items), ctx.at(node))


def _integer(node: Any, ctx: Context) -> ir.Expr:
    text = node.value
    try:
        return ir.Const(int(text) if text.isdecimal() else int(text.replace("_", ""), 0), ctx.at(node))
    except ValueError:  # longer than int() reads, or leading zeros
        return ir.Opaque("integer literal", (), ctx.at(node))


def _float(node: Any, ctx: Context) -> ir.Expr:
    return ir.Const(float(node.value.replace("_", "")), ctx.at(node))


def _imaginary(node: Any, ctx: Context) -> ir.Expr:
    return ir.Const(complex(0.0, float(node.value[:-1].replace("_", ""))), ctx.at(node))


def _ellipsis(node: Any, ctx: Context) -> ir.Expr:
    return ir.Const(..., ctx.at(node))


def _string(node: Any, ctx: Context) -> ir.Expr:
    try:
        return ir.Const(string_value(node.value), ctx.at(node))
    except (ValueError, SyntaxError):
        return ir.Opaque("string literal", (), ctx.at(node))


def string_value(text: str) -> str | bytes:
    """The value of a literal as written. Raises ValueError or SyntaxError where it has none (`"\\x"`)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    quote = text[0]
    if "\\" not in text and quote in "'\"":
        width = 3 if text.startswith(quote * 3) and len(text) >= 6 else 1
        return text[width:-width]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.literal_eval(text)  # type: ignore[no-any-return]


def _joined(node: Any, ctx: Context) -> ir.Expr:
    pieces: list[Any] = []
    rest: Any = node
    while type(rest) is cst.ConcatenatedString:
        pieces.append(rest.left)
        rest = rest.right
    pieces.append(rest)
    if all(type(piece) is cst.SimpleString for piece in pieces):
        try:
            values = [string_value(piece.value) for piece in pieces]
            empty: Any = b"" if isinstance(values[0], bytes) else ""
            return ir.Const(empty.join(values), ctx.at(node))
        except (ValueError, SyntaxError, TypeError):
            return ir.Opaque("string literal", (), ctx.at(node))
    parts: list[ir.Expr] = []
    for piece in pieces:
        if type(piece) is not cst.SimpleString:
            parts += _fields(piece.parts, ctx)
    if any(type(piece) is TEMPLATE for piece in pieces):
        return ir.Opaque("template string", tuple(parts), ctx.at(node))
    return ir.Format(tuple(parts), ctx.at(node))


def _formatted(node: Any, ctx: Context) -> ir.Expr:
    return ir.Format(tuple(_fields(node.parts, ctx)), ctx.at(node))


def _template(node: Any, ctx: Context) -> ir.Expr:
    return ir.Opaque("template string", tuple(_fields(node.parts, ctx)), ctx.at(node))


def _fields(parts: Sequence[Any], ctx: Context) -> list[ir.Expr]:
    made: list[ir.Expr] = []
    for part in parts:
        if hasattr(part, "expression"):
            made.append(lower(part.expression, ctx))
            if part.format_spec:
                made += _fields(part.format_spec, ctx)
    return made


def _comprehension(kind: str) -> Callable[[Any, Context], ir.Expr]:
    def comprehension(node: Any, ctx: Context) -> ir.Expr:
        clauses = _clauses(node.for_in, ctx)
        return ir.Comprehension(kind, None, lower(node.elt, ctx), clauses, ctx.at(node))

    return comprehension


def _dict_comprehension(node: Any, ctx: Context) -> ir.Expr:
    clauses = _clauses(node.for_in, ctx)
    key = lower(node.key, ctx)
    return ir.Comprehension("dict", key, lower(node.value, ctx), clauses, ctx.at(node))


def _starred_dict_comprehension(node: Any, ctx: Context) -> ir.Expr:
    clauses = _clauses(node.for_in, ctx)
    made = ir.Comprehension("list", None, lower(node.value, ctx), clauses, ctx.at(node))
    return ir.Opaque("unpacking in a comprehension", (made,), ctx.at(node))


def _clauses(node: Any, ctx: Context) -> tuple[ir.Clause, ...]:
    made = []
    while node is not None:
        iterable = lower(node.iter, ctx)
        aim = target(node.target, ctx, binds=False)
        tests = tuple([lower(one.test, ctx) for one in node.ifs])
        made.append(ir.Clause(aim, iterable, tests, node.asynchronous is not None))
        node = node.inner_for_in
    return tuple(made)


def _lambda(node: Any, ctx: Context) -> ir.Expr:
    params = parameters(node.params, ctx)
    scope = Scope("function", {param.name for param in params})
    inner = ctx.inner(scope, ctx.prefix + "<lambda>.<locals>.")
    value = lower(node.body, inner)
    made = ir.Made((ir.Return(value, ctx.at(node.body)),), scope.own, is_generator=scope.is_generator)
    at = ctx.at(node)
    text = ctx.unit.text_at(ctx.cursor)
    code = ir.Code("<lambda>", ctx.prefix + "<lambda>", params, lambda: made, at=at, text=text)
    return ir.Function(code, at)


def parameters(node: Any, ctx: Context) -> tuple[ir.Param, ...]:
    """Parameters in order; defaults and annotations belong to the scope around the function."""
    made = [_param(one, "positional", ctx) for one in node.posonly_params]
    made += [_param(one, "normal", ctx) for one in node.params]
    if type(node.star_arg) is cst.Param:
        made.append(_param(node.star_arg, "star", ctx))
    made += [_param(one, "keyword", ctx) for one in node.kwonly_params]
    if node.star_kwarg is not None:
        made.append(_param(node.star_kwarg, "starstar", ctx))
    return tuple(made)


def _param(node: Any, kind: str, ctx: Context) -> ir.Param:
    default = optional(node.default, ctx)
    annotation = None if node.annotation is None else lower(node.annotation.annotation, ctx)
    return ir.Param(identifier(node.name.value), kind, default, annotation, ctx.at(node.name))


def _walrus(node: Any, ctx: Context) -> ir.Expr:
    name = identifier(node.target.value)
    value = lower(node.value, ctx)
    ctx.scope.bound.add(name)
    return ir.Bind(name, value, ctx.at(node.target))


def _await(node: Any, ctx: Context) -> ir.Expr:
    return ir.Await(lower(node.expression, ctx), ctx.at(node))


def _yield(node: Any, ctx: Context) -> ir.Expr:
    ctx.scope.is_generator = True
    if type(node.value) is cst.From:
        return ir.Yield(lower(node.value.item, ctx), True, ctx.at(node))
    return ir.Yield(optional(node.value, ctx), False, ctx.at(node))


def target(node: Any, ctx: Context, binds: bool = True) -> ir.Expr:
    """What an assignment, a loop, a `with` or a `del` stores to. `binds`: names belong to the current scope."""
    kind = type(node)
    if kind is cst.Name:
        name = identifier(node.value)
        if binds:
            ctx.scope.bound.add(name)
        return ir.Name(name, ctx.at(node))
    if kind is cst.Tuple or kind is cst.List:
        if ctx.depth >= MAX_DEPTH:
            return _deep_target(node, ctx, binds)
        ctx.depth += 1
        items = tuple([_target_item(one, ctx, binds) for one in node.elements])
        ctx.depth -= 1
        return ir.Display("tuple" if kind is cst.Tuple else "list", items, ctx.at(node))
    if kind is cst.StarredElement:
        return ir.Star(target(node.value, ctx, binds), ctx.at(node))
    return lower(node, ctx)


def _deep_target(node: Any, ctx: Context, binds: bool) -> ir.Expr:
    """The names of a target that is nested too deeply, side by side."""
    names = [below for below in descend(node) if type(below) is cst.Name]
    return ir.Display("tuple", tuple([target(name, ctx, binds) for name in names]), ctx.at(node))


def _target_item(node: Any, ctx: Context, binds: bool) -> ir.Expr:
    aim = target(node.value, ctx, binds)
    return ir.Star(aim, ctx.at(node)) if type(node) is cst.StarredElement else aim


EXPRESSIONS: dict[type, Callable[[Any, Context], ir.Expr]] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.Subscript: _subscript,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.BooleanOperation: _boolean,
    cst.Comparison: _comparison,
    cst.IfExp: _choose,
    cst.Tuple: _display("tuple"),
    cst.List: _display("list"),
    cst.Set: _display("set"),
    cst.Dict: _dict,
    cst.Integer: _integer,
    cst.Float: _float,
    cst.Imaginary: _imaginary,
    cst.Ellipsis: _ellipsis,
    cst.SimpleString: _string,
    cst.ConcatenatedString: _joined,
    cst.FormattedString: _formatted,
    cst.GeneratorExp: _comprehension("generator"),
    cst.ListComp: _comprehension("list"),
    cst.SetComp: _comprehension("set"),
    cst.DictComp: _dict_comprehension,
    cst.Lambda: _lambda,
    cst.NamedExpr: _walrus,
    cst.Await: _await,
    cst.Yield: _yield,
    cst.StarredElement: _star,
}
if TEMPLATE is not None:
    EXPRESSIONS[TEMPLATE] = _template
if STARRED_DICT is not None:
    EXPRESSIONS[STARRED_DICT] = _starred_dict_comprehension
