"""Statements: from libcst's nodes to `ir`.

One function a node class, found by the class in SIMPLE and COMPOUND. A class that has none lowers to Unknown.
Each announces its logical line to the cursor before it takes handles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import libcst as cst

from gradlint.syntax import ir
from gradlint.syntax.expressions import (
    BINARY,
    Context,
    arguments,
    descend,
    lower,
    optional,
    parameters,
    target,
)
from gradlint.syntax.names import Scope, identifier

MAX_LEVEL = 100
"""Levels of nested statements. Python itself allows 100 of indentation; an `elif` is one more here."""

AUGMENT: dict[type, str] = {
    getattr(cst, kind.__name__ + "Assign"): op for kind, op in BINARY.items() if hasattr(cst, kind.__name__ + "Assign")
}


def statements(nodes: Iterable[Any], ctx: Context) -> tuple[ir.Stmt, ...]:
    """A sequence of statements, each on lines of its own."""
    made: list[ir.Stmt] = []
    for node in nodes:
        if type(node) is cst.SimpleStatementLine:
            ctx.cursor.begin(node)
            names = ctx.cursor.outsize()
            if names is None:
                _small(node.body, ctx, made)
            else:
                ctx.scope.bound.update(names)
                made.append(ir.Unknown("too many operators in a row", names, ctx.at(node.body[0])))
        else:
            _compound(node, ctx, made)
    return tuple(made)


def block(node: Any, ctx: Context) -> tuple[ir.Stmt, ...]:
    """The suite of a compound statement, never empty; one on the line of its header announces no line."""
    if type(node) is cst.IndentedBlock:
        ctx.level += 1
        made = statements(node.body, ctx)
        ctx.level -= 1
        return made or (ir.Jump("pass"),)
    out: list[ir.Stmt] = []
    _small(node.body, ctx, out)
    return tuple(out) or (ir.Jump("pass"),)


def _small(nodes: Sequence[Any], ctx: Context, out: list[ir.Stmt]) -> None:
    for node in nodes:
        function = SIMPLE.get(type(node))
        if function is None:
            out.append(unknown(node, ctx, f"not understood: {type(node).__name__}"))
        else:
            function(node, ctx, out)


def _compound(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    function = COMPOUND.get(type(node))
    if function is None:
        ctx.cursor.begin(node)
        out.append(unknown(node, ctx, f"not understood: {type(node).__name__}"))
        return
    out.append(function(node, ctx))


def unknown(node: Any, ctx: Context, reason: str) -> ir.Unknown:
    """Anything may have happened to the names that occur in a statement."""
    names = sorted({identifier(below.value) for below in descend(node) if type(below) is cst.Name})
    ctx.scope.bound.update(names)
    return ir.Unknown(reason, tuple(names), ctx.at(node))


def _expression(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    value = lower(node.value, ctx)
    out.append(ir.Evaluate(value, ctx.at(node)))


def _assign(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    value = lower(node.value, ctx)
    targets = tuple([target(one.target, ctx) for one in node.targets])
    _store(ir.Assign(targets, value, ctx.at(node)), targets, ctx, out)


def _store(made: ir.Stmt, targets: Sequence[ir.Expr], ctx: Context, out: list[ir.Stmt]) -> None:
    """A store in a class body to a name declared global there is not an attribute of the class."""
    out.append(made)
    if ctx.scope.kind == "class" and (ctx.scope.globals or ctx.scope.nonlocals):
        outside = ctx.scope.globals | ctx.scope.nonlocals
        names = tuple(one.id for one in targets if isinstance(one, ir.Name) and one.id in outside)
        if names:
            out[-1] = ir.Unknown("a class body stores to an outer name", names, made.at)


def _annotated(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    if ctx.scope.kind == "class" and type(node.target) is cst.Name:
        annotation = lower(node.annotation.annotation, ctx)
        ctx.annotations.append((identifier(node.target.value), annotation))
    if node.value is not None:
        value = lower(node.value, ctx)
        targets = (target(node.target, ctx),)
        _store(ir.Assign(targets, value, ctx.at(node)), targets, ctx, out)
    elif type(node.target) is cst.Name:
        ctx.scope.bound.add(identifier(node.target.value))
    else:
        out.append(ir.Evaluate(lower(node.target.value, ctx), ctx.at(node)))


def _augment(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    aim = target(node.target, ctx)
    value = lower(node.value, ctx)
    _store(ir.Augment(aim, AUGMENT[type(node.operator)], value, ctx.at(node)), (aim,), ctx, out)


def _delete(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    aim = target(node.target, ctx)
    targets = aim.items if isinstance(aim, ir.Display) else (aim,)
    out.append(ir.Delete(targets, ctx.at(node)))


def _return(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    out.append(ir.Return(optional(node.value, ctx), ctx.at(node)))


def _raise(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    exception = optional(node.exc, ctx)
    cause = None if node.cause is None else lower(node.cause.item, ctx)
    out.append(ir.Raise(exception, cause, ctx.at(node)))


def _assert(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    test = lower(node.test, ctx)
    out.append(ir.Assert(test, optional(node.msg, ctx), ctx.at(node)))


def _jump(kind: str) -> Callable[[Any, Context, list[ir.Stmt]], None]:
    def jump(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
        out.append(ir.Jump(kind, ctx.at(node)))

    return jump


def _global(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    names = {identifier(item.name.value) for item in node.names}
    (ctx.scope.globals if type(node) is cst.Global else ctx.scope.nonlocals).update(names)


def _import(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    for alias in node.names:
        module = _dotted(alias.name)
        name = module.partition(".")[0] if alias.asname is None else identifier(alias.asname.name.value)
        ctx.scope.bound.add(name)
        out.append(ir.Import(module, name, alias.asname is not None, ctx.at(alias)))


def _import_from(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    module = "" if node.module is None else _dotted(node.module)
    if isinstance(node.names, cst.ImportStar):
        names: tuple[tuple[str, str], ...] = (("*", "*"),)
    else:
        names = tuple([_alias(alias) for alias in node.names])
        ctx.scope.bound.update(name for _, name in names)
    out.append(ir.ImportFrom(module, len(node.relative), names, ctx.at(node)))


def _alias(node: Any) -> tuple[str, str]:
    name = identifier(node.name.value)
    return name, name if node.asname is None else identifier(node.asname.name.value)


def _dotted(node: Any) -> str:
    parts = []
    while type(node) is cst.Attribute:
        parts.append(identifier(node.attr.value))
        node = node.value
    parts.append(identifier(node.value))
    return ".".join(reversed(parts))


def _type_alias(node: Any, ctx: Context, out: list[ir.Stmt]) -> None:
    aim = target(node.name, ctx)
    out.append(ir.Assign((aim,), ir.Opaque("type alias", (), ctx.at(node.value)), ctx.at(node)))


def _if(node: Any, ctx: Context) -> ir.Stmt:
    """An `if` with all its `elif`s; those beyond MAX_LEVEL are unknown."""
    arms: list[tuple[int, ir.Expr, tuple[ir.Stmt, ...]]] = []
    arm = node
    level = ctx.level
    while type(arm) is cst.If:
        ctx.cursor.begin(arm)
        test = lower(arm.test, ctx)
        at = ctx.at(arm)
        arms.append((at, test, block(arm.body, ctx)))
        ctx.level += 1
        arm = arm.orelse
    orelse = _else(arm, ctx)
    room = max(MAX_LEVEL - level, 1)
    ctx.level = level
    if len(arms) > room:
        names = sorted(_stored(orelse).union(*(_stored(body) for _, _, body in arms[room:])))
        orelse = (ir.Unknown("too many branches", tuple(names), arms[room][0]),)
        arms = arms[:room]
    for at, test, body in reversed(arms):
        orelse = (ir.If(test, body, orelse, at),)
    made = orelse[0]
    return made


def _stored(body: Iterable[ir.Stmt]) -> set[str]:
    """The names that statements bind, at any level of nesting but not in functions and classes defined there."""
    names: set[str] = set()
    rest: list[Any] = list(body)
    while rest:
        one = rest.pop()
        if isinstance(one, tuple):
            rest.extend(one)
        elif isinstance(one, (ir.Def, ir.Class)):
            names.add(one.code.name if isinstance(one, ir.Def) else one.name)
        elif hasattr(one, "__dataclass_fields__"):
            names.update(_bound_by(one))
            rest.extend(getattr(one, key) for key in one.__dataclass_fields__)
    return names


def _bound_by(one: Any) -> Iterable[str]:
    """The names that one node itself binds."""
    if isinstance(one, (ir.Assign, ir.Delete)):
        return _names_in(one.targets)
    if isinstance(one, (ir.Augment, ir.For, ir.WithItem)):
        return _names_in((one.target,))
    if isinstance(one, (ir.Bind, ir.Import)):
        return (one.name,)
    if isinstance(one, ir.Handler):
        return () if one.name is None else (one.name,)
    if isinstance(one, ir.ImportFrom):
        return [name for _, name in one.names if name != "*"]
    return one.names if isinstance(one, (ir.Pattern, ir.Unknown)) else ()


def _names_in(targets: Iterable[Any]) -> Iterable[str]:
    rest = list(targets)
    while rest:
        aim = rest.pop()
        if isinstance(aim, ir.Name):
            yield aim.id
        elif isinstance(aim, ir.Display):
            rest.extend(aim.items)
        elif isinstance(aim, ir.Star):
            rest.append(aim.value)


def _else(node: Any, ctx: Context) -> tuple[ir.Stmt, ...]:
    if node is None:
        return ()
    ctx.cursor.begin(node)
    return block(node.body, ctx)


def _while(node: Any, ctx: Context) -> ir.Stmt:
    ctx.cursor.begin(node)
    test = lower(node.test, ctx)
    at = ctx.at(node)
    body = block(node.body, ctx)
    return ir.While(test, body, _else(node.orelse, ctx), at)


def _for(node: Any, ctx: Context) -> ir.Stmt:
    ctx.cursor.begin(node)
    iterable = lower(node.iter, ctx)
    aim = target(node.target, ctx)
    at = ctx.at(node)
    body = block(node.body, ctx)
    return ir.For(aim, iterable, body, _else(node.orelse, ctx), node.asynchronous is not None, at)


def _with(node: Any, ctx: Context) -> ir.Stmt:
    ctx.cursor.begin(node)
    items = []
    for item in node.items:
        context = lower(item.item, ctx)
        aim = None if item.asname is None else target(item.asname.name, ctx)
        items.append(ir.WithItem(context, aim, ctx.at(item.item)))
    at = ctx.at(node)
    return ir.With(tuple(items), block(node.body, ctx), node.asynchronous is not None, at)


def _try(node: Any, ctx: Context) -> ir.Stmt:
    ctx.cursor.begin(node)
    at = ctx.at(node)
    body = block(node.body, ctx)
    handlers = tuple([_handler(one, ctx) for one in node.handlers])
    orelse = _else(node.orelse, ctx)
    final = _else(node.finalbody, ctx)
    return ir.Try(body, handlers, orelse, final, type(node) is cst.TryStar, at)


def _handler(node: Any, ctx: Context) -> ir.Handler:
    ctx.cursor.begin(node)
    kind = optional(node.type, ctx)
    name = None
    if node.name is not None:
        name = identifier(node.name.name.value)
        ctx.scope.bound.add(name)
    at = ctx.at(node)
    return ir.Handler(kind, name, block(node.body, ctx), at)


def _match(node: Any, ctx: Context) -> ir.Stmt:
    ctx.cursor.begin(node)
    subject = lower(node.subject, ctx)
    at = ctx.at(node)
    cases = []
    for one in node.cases:
        ctx.cursor.begin(one)
        pattern = _pattern(one.pattern, ctx)
        guard = optional(one.guard, ctx)
        ctx.level += 1
        cases.append(ir.Case(pattern, guard, block(one.body, ctx)))
        ctx.level -= 1
    return ir.Match(subject, tuple(cases), at)


def _pattern(node: Any, ctx: Context) -> ir.Pattern:
    if type(node) is cst.MatchValue or type(node) is cst.MatchSingleton:
        return ir.Pattern("value", lower(node.value, ctx), ())
    if type(node) is cst.MatchAs and node.pattern is None:
        if node.name is None:
            return ir.Pattern("wildcard", None, ())
        name = identifier(node.name.value)
        ctx.scope.bound.add(name)
        return ir.Pattern("capture", None, (name,))
    exprs: list[ir.Expr] = []
    names: list[str] = []
    _structure(node, ctx, exprs, names)
    unique = tuple(dict.fromkeys(names))
    ctx.scope.bound.update(unique)
    if len(exprs) == 1:
        return ir.Pattern("other", exprs[0], unique)
    return ir.Pattern("other", ir.Display("tuple", tuple(exprs)) if exprs else None, unique)


def _structure(node: Any, ctx: Context, exprs: list[ir.Expr], names: list[str]) -> None:
    """What a pattern evaluates and what it binds, from left to right."""
    rest = [node]
    while rest:
        one = rest.pop()
        kind = type(one)
        if kind is cst.MatchValue or kind is cst.MatchSingleton:
            exprs.append(lower(one.value, ctx))
        elif kind is cst.MatchAs or kind is cst.MatchStar:
            if one.name is not None:
                names.append(identifier(one.name.value))
            if kind is cst.MatchAs and one.pattern is not None:
                rest.append(one.pattern)
        elif kind is cst.MatchClass:
            exprs.append(lower(one.cls, ctx))
            rest.extend(below.pattern for below in reversed(one.kwds))
            rest.extend(below.value for below in reversed(one.patterns))
        elif kind is cst.MatchMapping:
            if one.rest is not None:
                names.append(identifier(one.rest.value))
            for element in one.elements:
                exprs.append(lower(element.key, ctx))
            rest.extend(element.pattern for element in reversed(one.elements))
        elif kind is cst.MatchOr:
            rest.extend(below.pattern for below in reversed(one.patterns))
        elif kind is cst.MatchList or kind is cst.MatchTuple:
            rest.extend(below if type(below) is cst.MatchStar else below.value for below in reversed(one.patterns))
        else:
            exprs.append(ir.Opaque(f"not understood: {kind.__name__}", (), ctx.at(one)))
            names += [identifier(below.value) for below in descend(one) if type(below) is cst.Name]


def _decorators(nodes: Sequence[Any], ctx: Context) -> tuple[ir.Expr, ...]:
    made = []
    for node in nodes:
        ctx.cursor.begin(node)
        made.append(lower(node.decorator, ctx))
    return tuple(made)


def _type_names(node: Any) -> tuple[str, ...]:
    if node.type_parameters is None:
        return ()
    return tuple(identifier(one.param.name.value) for one in node.type_parameters.params)


def _def(node: Any, ctx: Context) -> ir.Stmt:
    decorators = _decorators(node.decorators, ctx)
    ctx.cursor.begin(node)
    name = identifier(node.name.value)
    ctx.scope.bound.add(name)
    params = parameters(node.params, ctx)
    at = ctx.at(node.name)
    code = ctx.unit.code_for(node, name, params, _type_names(node), at, ctx)
    if type(node.body) is cst.IndentedBlock:
        ctx.cursor.skip_body()
    return ir.Def(code, decorators, at)


def function_body(node: Any, params: tuple[ir.Param, ...], types: tuple[str, ...], ctx: Context) -> ir.Made:
    """Lowers the suite of a function. `ctx` stands at its first line, in a context made for it."""
    names = {param.name for param in params}
    ctx.scope = Scope("function", {*names, *types})
    made = block(node, ctx)
    if types:
        made = (ir.Unknown("type parameters", types), *made)
    scope = ctx.scope
    return ir.Made(
        made, scope.own, frozenset(scope.globals), frozenset(scope.nonlocals), is_generator=scope.is_generator
    )


def _class(node: Any, ctx: Context) -> ir.Stmt:
    decorators = _decorators(node.decorators, ctx)
    ctx.cursor.begin(node)
    name = identifier(node.name.value)
    ctx.scope.bound.add(name)
    bases = arguments([*node.bases, *node.keywords], ctx)
    at = ctx.at(node.name)
    qualname = ctx.prefix + name
    inner = ctx.inner(Scope("class"), qualname + ".")
    body = block(node.body, inner)
    types = _type_names(node)
    if types:
        body = (ir.Unknown("type parameters", types), *body)
    return ir.Class(name, qualname, bases, decorators, body, at, tuple(inner.annotations))


SIMPLE: dict[type, Callable[[Any, Context, list[ir.Stmt]], None]] = {
    cst.Expr: _expression,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augment,
    cst.Del: _delete,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Assert: _assert,
    cst.Pass: _jump("pass"),
    cst.Break: _jump("break"),
    cst.Continue: _jump("continue"),
    cst.Global: _global,
    cst.Nonlocal: _global,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
}
for _name, _function in (("LazyImport", _import), ("LazyImportFrom", _import_from), ("TypeAlias", _type_alias)):
    if hasattr(cst, _name):  # newer than the oldest libcst that serves
        SIMPLE[getattr(cst, _name)] = _function
COMPOUND: dict[type, Callable[[Any, Context], ir.Stmt]] = {
    cst.If: _if,
    cst.While: _while,
    cst.For: _for,
    cst.With: _with,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.Match: _match,
    cst.FunctionDef: _def,
    cst.ClassDef: _class,
}
