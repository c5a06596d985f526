"""The IR as readable text, one statement a line. The same statements always give the same text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradlint.syntax import ir

STEP = "    "


def show(body: Sequence[ir.Stmt], *, follow: bool = True) -> str:
    """The text of some statements. `follow`: with the bodies of functions (which lowers them)."""
    lines: list[str] = []
    for one in body:
        lines += _statement(one, follow)
    return "".join(line + "\n" for line in lines)


def show_expr(one: ir.Expr) -> str:
    """The text of an expression, on one line. Every operation is bracketed, so that its order is seen."""
    if isinstance(one, ir.Const):
        return "..." if one.value is ... else repr(one.value)
    if isinstance(one, ir.Name):
        return one.id
    if isinstance(one, ir.Attr):
        return f"{show_expr(one.obj)}.{one.name}"
    if isinstance(one, ir.Item):
        return f"{show_expr(one.obj)}[{show_expr(one.index)}]"
    if isinstance(one, ir.Slice):
        return f"slice({_or_dash(one.lower)}, {_or_dash(one.upper)}, {_or_dash(one.step)})"
    if isinstance(one, ir.Star):
        return f"*{show_expr(one.value)}"
    if isinstance(one, ir.Call):
        return f"{show_expr(one.func)}({_args(one.args)})"
    if isinstance(one, ir.Op):
        if len(one.operands) == 1:
            return f"({one.op} {show_expr(one.operands[0])})"
        return "(" + f" {one.op} ".join(map(show_expr, one.operands)) + ")"
    if isinstance(one, ir.Compare):
        rest = (f" {op} {show_expr(operand)}" for op, operand in zip(one.ops, one.operands[1:]))
        return f"({show_expr(one.operands[0])}{''.join(rest)})"
    if isinstance(one, ir.Logic):
        return "(" + f" {one.op} ".join(map(show_expr, one.operands)) + ")"
    if isinstance(one, ir.Choose):
        return f"choose({show_expr(one.test)}, {show_expr(one.then)}, {show_expr(one.other)})"
    return _rarer(one)


def _rarer(one: ir.Expr) -> str:
    if isinstance(one, ir.Display):
        return f"{one.kind}({_joined(one.items)})"
    if isinstance(one, ir.Dict):
        items = (
            f"**{show_expr(value)}" if key is None else f"{show_expr(key)}: {show_expr(value)}"
            for key, value in one.items
        )
        return "{" + ", ".join(items) + "}"
    if isinstance(one, ir.Format):
        return f"format({_joined(one.parts)})"
    if isinstance(one, ir.Comprehension):
        key = "" if one.key is None else f"{show_expr(one.key)}: "
        return f"{one.kind}[{key}{show_expr(one.value)}{''.join(map(_clause, one.clauses))}]"
    if isinstance(one, ir.Function):
        value = one.code.body[0]
        inner = show_expr(value.value) if isinstance(value, ir.Return) and value.value is not None else "?"
        return f"lambda({_params(one.code.params)}: {inner}{_facts(one.code.made, one.code)})"
    if isinstance(one, ir.Bind):
        return f"({one.name} := {show_expr(one.value)})"
    if isinstance(one, ir.Await):
        return f"(await {show_expr(one.value)})"
    if isinstance(one, ir.Yield):
        word = "yield from" if one.delegate else "yield"
        return f"({word})" if one.value is None else f"({word} {show_expr(one.value)})"
    if isinstance(one, ir.Opaque):
        return f"opaque<{one.reason}>({_joined(one.parts)})"
    raise TypeError(f"not an expression of the IR: {type(one).__name__}")


def _or_dash(one: ir.Expr | None) -> str:
    return "-" if one is None else show_expr(one)


def _joined(many: Iterable[ir.Expr]) -> str:
    return ", ".join(map(show_expr, many))


def _args(args: Iterable[ir.Arg]) -> str:
    return ", ".join(
        "*" * arg.star + ("" if arg.keyword is None else f"{arg.keyword}=") + show_expr(arg.value) for arg in args
    )


def _clause(one: ir.Clause) -> str:
    word = " async for " if one.is_async else " for "
    tests = "".join(f" if {show_expr(test)}" for test in one.tests)
    return f"{word}{show_expr(one.target)} in {show_expr(one.iter)}{tests}"


def _params(params: Iterable[ir.Param]) -> str:
    marks = {"positional": "/", "normal": "", "star": "*", "keyword": "kw ", "starstar": "**"}
    made = []
    for param in params:
        note = "" if param.annotation is None else f": {show_expr(param.annotation)}"
        default = "" if param.default is None else f" = {show_expr(param.default)}"
        made.append(f"{marks[param.kind]}{param.name}{note}{default}")
    return ", ".join(made)


def _facts(made: ir.Made, code: ir.Code) -> str:
    """What is known of a body besides its statements, as a comment."""
    local = sorted(made.bound - {param.name for param in code.params})
    words = [
        ("binds", local),
        ("global", sorted(made.globals)),
        ("nonlocal", sorted(made.nonlocals)),
    ]
    said = [f"{word} {' '.join(names)}" for word, names in words if names]
    if made.is_generator:
        said.append("generator")
    return f"  # {'; '.join(said)}" if said else ""


def _block(head: str, body: Sequence[ir.Stmt], follow: bool) -> list[str]:
    lines = [head + ":"]
    for one in body:
        lines += [STEP + line for line in _statement(one, follow)]
    return lines


def _statement(one: ir.Stmt, follow: bool) -> list[str]:
    if isinstance(one, ir.Assign):
        return [" = ".join([*map(show_expr, one.targets), show_expr(one.value)])]
    if isinstance(one, ir.Augment):
        return [f"{show_expr(one.target)} {one.op}= {show_expr(one.value)}"]
    if isinstance(one, ir.Evaluate):
        return [show_expr(one.value)]
    if isinstance(one, ir.Delete):
        return [f"del {_joined(one.targets)}"]
    if isinstance(one, ir.Return):
        return ["return" if one.value is None else f"return {show_expr(one.value)}"]
    if isinstance(one, ir.Raise):
        cause = "" if one.cause is None else f" from {show_expr(one.cause)}"
        return ["raise" if one.exception is None else f"raise {show_expr(one.exception)}{cause}"]
    if isinstance(one, ir.Assert):
        return [f"assert {show_expr(one.test)}" + ("" if one.message is None else f", {show_expr(one.message)}")]
    if isinstance(one, ir.Jump):
        return [one.kind]
    if isinstance(one, ir.Import):
        return [f"import {one.module}" + (f" as {one.name}" if one.aliased else "")]
    if isinstance(one, ir.ImportFrom):
        names = ", ".join(name if name == own else f"{name} as {own}" for name, own in one.names)
        return [f"from {'.' * one.level}{one.module} import {names}"]
    if isinstance(one, ir.Unknown):
        return [f"unknown<{one.reason}> {', '.join(one.names)}".rstrip()]
    return _compound(one, follow)


def _compound(one: ir.Stmt, follow: bool) -> list[str]:
    if isinstance(one, ir.If):
        return _chain(one, follow)
    if isinstance(one, ir.While):
        return _block(f"while {show_expr(one.test)}", one.body, follow) + _tail("else", one.orelse, follow)
    if isinstance(one, ir.For):
        word = "async for" if one.is_async else "for"
        head = f"{word} {show_expr(one.target)} in {show_expr(one.iter)}"
        return _block(head, one.body, follow) + _tail("else", one.orelse, follow)
    if isinstance(one, ir.With):
        word = "async with" if one.is_async else "with"
        return _block(f"{word} {', '.join(map(_with_item, one.items))}", one.body, follow)
    if isinstance(one, ir.Try):
        lines = _block("try", one.body, follow)
        for handler in one.handlers:
            lines += _block(_handler(handler, one.is_star), handler.body, follow)
        return lines + _tail("else", one.orelse, follow) + _tail("finally", one.final, follow)
    if isinstance(one, ir.Match):
        lines = [f"match {show_expr(one.subject)}:"]
        for case in one.cases:
            guard = "" if case.guard is None else f" if {show_expr(case.guard)}"
            lines += [STEP + line for line in _block(f"case {_pattern(case.pattern)}{guard}", case.body, follow)]
        return lines
    if isinstance(one, ir.Def):
        return _definition(one, follow)
    if isinstance(one, ir.Class):
        lines = [f"@{show_expr(decorator)}" for decorator in one.decorators]
        lines += _block(f"class {one.qualname}({_args(one.bases)})", one.body, follow)
        return lines + [f"{STEP}# {name}: {show_expr(note)}" for name, note in one.annotations]
    raise TypeError(f"not a statement of the IR: {type(one).__name__}")


def _chain(one: ir.If, follow: bool) -> list[str]:
    lines = _block(f"if {show_expr(one.test)}", one.body, follow)
    return lines + _tail("else", one.orelse, follow)


def _tail(word: str, body: Sequence[ir.Stmt], follow: bool) -> list[str]:
    return _block(word, body, follow) if body else []


def _with_item(one: ir.WithItem) -> str:
    return show_expr(one.context) + ("" if one.target is None else f" as {show_expr(one.target)}")


def _handler(one: ir.Handler, is_star: bool) -> str:
    word = "except*" if is_star else "except"
    kind = "" if one.type is None else f" {show_expr(one.type)}"
    return f"{word}{kind}" + ("" if one.name is None else f" as {one.name}")


def _pattern(one: ir.Pattern) -> str:
    expr = "" if one.expr is None else show_expr(one.expr)
    if one.kind == "value":
        return expr
    if one.kind == "capture":
        return f"capture {one.names[0]}"
    return "_" if one.kind == "wildcard" else f"other({expr}) binds ({', '.join(one.names)})"


def _definition(one: ir.Def, follow: bool) -> list[str]:
    code = one.code
    lines = [f"@{show_expr(decorator)}" for decorator in one.decorators]
    head = f"{'async def' if code.is_async else 'def'} {code.qualname}({_params(code.params)})"
    if not follow:
        return [*lines, head]
    block = _block(head, code.body, follow)
    block[0] += _facts(code.made, code)
    return lines + block
