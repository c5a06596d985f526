"""What every body of the IR obeys. Those who read the IR may rely on it without looking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args

from gradlint.syntax import ir

EXPRESSIONS: tuple[type, ...] = get_args(ir.Expr)
STATEMENTS: tuple[type, ...] = get_args(ir.Stmt)
BINARY = frozenset("+ - * / // % ** @ & | ^ << >>".split())
UNARY = frozenset({"neg", "pos", "invert", "not"})
COMPARE = frozenset({"==", "!=", "<", "<=", ">", ">=", "is", "is-not", "in", "not-in"})
CONSTANTS = (int, float, complex, str, bytes, bool, type(None), type(...))
PARAMS = ("positional", "normal", "star", "keyword", "starstar")


def verify(body: Sequence[ir.Stmt], *, follow: bool = True, resolves: Callable[[int], bool] | None = None) -> list[str]:
    """What is wrong with some statements, a line each; nothing where all is well.

    follow: look into functions too (which lowers them).
    resolves: whether a handle has a place; not looked at where it is None.
    """
    check = _Check(follow, resolves)
    check.body(body, "module", in_loop=False)
    return check.faults


class _Check:
    def __init__(self, follow: bool, resolves: Callable[[int], bool] | None) -> None:
        self.faults: list[str] = []
        self.follow, self.resolves = follow, resolves

    def fault(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")

    # Statements

    def body(self, body: Any, where: str, in_loop: bool) -> None:
        if not isinstance(body, tuple):
            self.fault(where, f"a body is a tuple, not {type(body).__name__}")
            return
        for index, one in enumerate(body):
            self.statement(one, f"{where}[{index}]", in_loop)

    def block(self, body: Any, where: str, in_loop: bool) -> None:
        """A body that holds something."""
        if body == ():
            self.fault(where, "a block that the syntax requires is empty")
        self.body(body, where, in_loop)

    def statement(self, one: Any, where: str, in_loop: bool) -> None:
        if type(one) not in STATEMENTS:
            self.fault(where, f"not a statement: {type(one).__name__}")
            return
        where = f"{where} {type(one).__name__}"
        self.at(one, where)
        getattr(self, "_" + type(one).__name__.lower())(one, where, in_loop)

    def _assign(self, one: ir.Assign, where: str, in_loop: bool) -> None:
        self.some(one.targets, where, "targets")
        for aim in self.items(one.targets, where):
            self.target(aim, where)
        self.expr(one.value, where)

    def _augment(self, one: ir.Augment, where: str, in_loop: bool) -> None:
        if type(one.target) not in (ir.Name, ir.Attr, ir.Item):
            self.fault(where, f"augments a {type(one.target).__name__}")
        self.expr(one.target, where)
        if one.op not in BINARY:
            self.fault(where, f"no such operator: {one.op}")
        self.expr(one.value, where)

    def _evaluate(self, one: ir.Evaluate, where: str, in_loop: bool) -> None:
        self.expr(one.value, where)

    def _delete(self, one: ir.Delete, where: str, in_loop: bool) -> None:
        for aim in self.items(one.targets, where):
            self.target(aim, where, star=False)

    def _if(self, one: ir.If, where: str, in_loop: bool) -> None:
        self.expr(one.test, where)
        self.block(one.body, where, in_loop)
        self.body(one.orelse, where + " else", in_loop)

    def _while(self, one: ir.While, where: str, in_loop: bool) -> None:
        self.expr(one.test, where)
        self.block(one.body, where, True)
        self.body(one.orelse, where + " else", in_loop)

    def _for(self, one: ir.For, where: str, in_loop: bool) -> None:
        self.target(one.target, where)
        self.expr(one.iter, where)
        self.truth(one.is_async, where)
        self.block(one.body, where, True)
        self.body(one.orelse, where + " else", in_loop)

    def _with(self, one: ir.With, where: str, in_loop: bool) -> None:
        self.some(one.items, where, "items")
        self.truth(one.is_async, where)
        for item in self.items(one.items, where):
            if not isinstance(item, ir.WithItem):
                self.fault(where, f"not a with item: {type(item).__name__}")
                continue
            self.at(item, where)
            self.expr(item.context, where)
            if item.target is not None:
                self.target(item.target, where)
        self.block(one.body, where, in_loop)

    def _try(self, one: ir.Try, where: str, in_loop: bool) -> None:
        self.block(one.body, where, in_loop)
        self.truth(one.is_star, where)
        if not one.handlers and not one.final:
            self.fault(where, "neither handlers nor a final block")
        if one.orelse and not one.handlers:
            self.fault(where, "an else without handlers")
        for index, handler in enumerate(self.items(one.handlers, where)):
            here = f"{where} handler {index}"
            if not isinstance(handler, ir.Handler):
                self.fault(here, f"not a handler: {type(handler).__name__}")
                continue
            self.at(handler, here)
            self.maybe(handler.type, here)
            if handler.name is not None:
                self.name(handler.name, here)
                if handler.type is None:
                    self.fault(here, "a name without a type")
            self.block(handler.body, here, in_loop)
        self.body(one.orelse, where + " else", in_loop)
        self.body(one.final, where + " finally", in_loop)

    def _match(self, one: ir.Match, where: str, in_loop: bool) -> None:
        self.expr(one.subject, where)
        self.some(one.cases, where, "cases")
        for index, case in enumerate(self.items(one.cases, where)):
            here = f"{where} case {index}"
            if not isinstance(case, ir.Case) or not isinstance(case.pattern, ir.Pattern):
                self.fault(here, "not a case with a pattern")
                continue
            self.pattern(case.pattern, here)
            self.maybe(case.guard, here)
            self.block(case.body, here, in_loop)

    def pattern(self, one: ir.Pattern, where: str) -> None:
        self.maybe(one.expr, where)
        for name in self.items(one.names, where):
            self.name(name, where)
        if len(set(one.names)) != len(one.names):
            self.fault(where, "a pattern binds a name twice")
        wanted = {"value": (True, 0), "capture": (False, 1), "wildcard": (False, 0)}
        if one.kind in wanted:
            if ((one.expr is not None), len(one.names)) != wanted[one.kind]:
                self.fault(where, f"a {one.kind} pattern with the wrong parts")
        elif one.kind != "other":
            self.fault(where, f"no such pattern: {one.kind}")

    def _return(self, one: ir.Return, where: str, in_loop: bool) -> None:
        self.maybe(one.value, where)

    def _raise(self, one: ir.Raise, where: str, in_loop: bool) -> None:
        self.maybe(one.exception, where)
        self.maybe(one.cause, where)
        if one.cause is not None and one.exception is None:
            self.fault(where, "a cause without an exception")

    def _assert(self, one: ir.Assert, where: str, in_loop: bool) -> None:
        self.expr(one.test, where)
        self.maybe(one.message, where)

    def _jump(self, one: ir.Jump, where: str, in_loop: bool) -> None:
        if one.kind not in ("break", "continue", "pass"):
            self.fault(where, f"no such jump: {one.kind}")
        elif one.kind != "pass" and not in_loop:
            self.fault(where, f"{one.kind} outside a loop")

    def _import(self, one: ir.Import, where: str, in_loop: bool) -> None:
        self.name(one.name, where)
        for part in one.module.split("."):
            self.name(part, where)
        if not one.aliased and one.name != one.module.partition(".")[0]:
            self.fault(where, "binds another name than the module's first")

    def _importfrom(self, one: ir.ImportFrom, where: str, in_loop: bool) -> None:
        if one.level < 0 or (one.level == 0 and not one.module):
            self.fault(where, "neither a module nor a level")
        self.some(one.names, where, "names")
        for pair in self.items(one.names, where):
            if not isinstance(pair, tuple) or len(pair) != 2:
                self.fault(where, "names are pairs")
            elif pair != ("*", "*"):
                self.name(pair[0], where)
                self.name(pair[1], where)

    def _def(self, one: ir.Def, where: str, in_loop: bool) -> None:
        for decorator in self.items(one.decorators, where):
            self.expr(decorator, where)
        self.code(one.code, where)

    def _class(self, one: ir.Class, where: str, in_loop: bool) -> None:
        self.name(one.name, where)
        if one.qualname.rpartition(".")[2] != one.name:
            self.fault(where, f"qualname {one.qualname} does not end in {one.name}")
        for decorator in self.items(one.decorators, where):
            self.expr(decorator, where)
        self.args(one.bases, where)
        self.block(one.body, where, False)
        for pair in self.items(one.annotations, where):
            if not isinstance(pair, tuple) or len(pair) != 2:
                self.fault(where, "annotations are pairs")
            else:
                self.name(pair[0], where)
                self.expr(pair[1], where)

    def _unknown(self, one: ir.Unknown, where: str, in_loop: bool) -> None:
        self.reason(one.reason, where)
        for name in self.items(one.names, where):
            self.name(name, where)

    # Functions

    def code(self, code: Any, where: str) -> None:
        if not isinstance(code, ir.Code):
            self.fault(where, f"not a Code: {type(code).__name__}")
            return
        if code.name != "<lambda>":
            self.name(code.name, where)
        if code.qualname.rpartition(".")[2] != code.name:
            self.fault(where, f"qualname {code.qualname} does not end in {code.name}")
        if not code.text:
            self.fault(where, f"{code.qualname} has no text")
        self.params(code.params, where)
        if self.follow:
            self.made(code, f"{where} {code.qualname}")

    def params(self, params: Any, where: str) -> None:
        last = 0
        names = []
        for param in self.items(params, where):
            if not isinstance(param, ir.Param) or param.kind not in PARAMS:
                self.fault(where, "not a parameter")
                continue
            self.name(param.name, where)
            names.append(param.name)
            self.at(param, where)
            self.maybe(param.default, where)
            self.maybe(param.annotation, where)
            if param.kind in ("star", "starstar") and param.default is not None:
                self.fault(where, f"{param.name} cannot have a default")
            if PARAMS.index(param.kind) < last:
                self.fault(where, f"parameter {param.name} is out of order")
            last = PARAMS.index(param.kind)
        if len(set(names)) != len(names):
            self.fault(where, "a parameter occurs twice")

    def made(self, code: ir.Code, where: str) -> None:
        made = code.made
        self.block(made.body, where, False)
        outer = made.globals | made.nonlocals
        if made.bound & outer:
            self.fault(where, "a name is both bound here and global or nonlocal")
        missing = {param.name for param in code.params} - made.bound - outer
        if missing:
            self.fault(where, f"parameters not bound: {sorted(missing)}")
        unbound = set(_stored(made.body)) - made.bound - outer
        if unbound:
            self.fault(where, f"stores to names that are not bound: {sorted(unbound)}")
        if made.is_generator != _yields(made.body):
            self.fault(where, "is_generator does not agree with the body")

    # Expressions

    def expr(self, one: Any, where: str) -> None:
        if type(one) not in EXPRESSIONS:
            self.fault(where, f"not an expression: {type(one).__name__}")
            return
        self.at(one, where)
        getattr(self, "_" + type(one).__name__.lower() + "_")(one, where)

    def maybe(self, one: Any, where: str) -> None:
        if one is not None:
            self.expr(one, where)

    def exprs(self, many: Any, where: str) -> None:
        for one in self.items(many, where):
            self.expr(one, where)

    def _const_(self, one: ir.Const, where: str) -> None:
        if type(one.value) not in CONSTANTS:
            self.fault(where, f"not a constant: {type(one.value).__name__}")

    def _name_(self, one: ir.Name, where: str) -> None:
        self.name(one.id, where)

    def _attr_(self, one: ir.Attr, where: str) -> None:
        self.name(one.name, where)
        self.expr(one.obj, where)

    def _item_(self, one: ir.Item, where: str) -> None:
        self.expr(one.obj, where)
        self.index(one.index, where)

    def index(self, one: Any, where: str) -> None:
        if isinstance(one, ir.Slice):
            self.at(one, where)
            for part in (one.lower, one.upper, one.step):
                self.maybe(part, where)
        elif isinstance(one, ir.Display) and one.kind == "tuple":
            self.at(one, where)
            for item in self.items(one.items, where):
                if isinstance(item, ir.Star):
                    self.expr(item.value, where)
                else:
                    self.index(item, where)
        else:
            self.expr(one, where)

    def _slice_(self, one: ir.Slice, where: str) -> None:
        self.fault(where, "a slice outside an index")

    def _star_(self, one: ir.Star, where: str) -> None:
        self.fault(where, "a star outside a display, a target or an index")

    def _call_(self, one: ir.Call, where: str) -> None:
        self.expr(one.func, where)
        self.args(one.args, where)

    def args(self, args: Any, where: str) -> None:
        for arg in self.items(args, where):
            if not isinstance(arg, ir.Arg) or arg.star not in (0, 1, 2):
                self.fault(where, "not an argument")
                continue
            if arg.keyword is not None:
                self.name(arg.keyword, where)
                if arg.star:
                    self.fault(where, "an argument with a star and a keyword")
            self.expr(arg.value, where)

    def _op_(self, one: ir.Op, where: str) -> None:
        known = {1: UNARY, 2: BINARY}.get(len(one.operands), frozenset())
        if one.op not in known:
            self.fault(where, f"no operator {one.op} over {len(one.operands)} operands")
        self.exprs(one.operands, where)

    def _compare_(self, one: ir.Compare, where: str) -> None:
        if len(one.operands) != len(one.ops) + 1 or not one.ops:
            self.fault(where, "operands and operators of a comparison do not fit")
        for op in self.items(one.ops, where):
            if op not in COMPARE:
                self.fault(where, f"no such comparison: {op}")
        self.exprs(one.operands, where)

    def _logic_(self, one: ir.Logic, where: str) -> None:
        if one.op not in ("and", "or") or len(one.operands) < 2:
            self.fault(where, "not an `and` or `or` of two or more")
        self.exprs(one.operands, where)

    def _choose_(self, one: ir.Choose, where: str) -> None:
        self.exprs((one.test, one.then, one.other), where)

    def _display_(self, one: ir.Display, where: str) -> None:
        if one.kind not in ("tuple", "list", "set"):
            self.fault(where, f"no such display: {one.kind}")
        for item in self.items(one.items, where):
            if isinstance(item, ir.Star):
                self.at(item, where)
                self.expr(item.value, where)
            else:
                self.expr(item, where)

    def _dict_(self, one: ir.Dict, where: str) -> None:
        for pair in self.items(one.items, where):
            if not isinstance(pair, tuple) or len(pair) != 2:
                self.fault(where, "items of a dict are pairs")
                continue
            self.maybe(pair[0], where)
            self.expr(pair[1], where)

    def _format_(self, one: ir.Format, where: str) -> None:
        self.exprs(one.parts, where)

    def _comprehension_(self, one: ir.Comprehension, where: str) -> None:
        if one.kind not in ("list", "set", "dict", "generator"):
            self.fault(where, f"no such comprehension: {one.kind}")
        if (one.key is not None) != (one.kind == "dict"):
            self.fault(where, "a key belongs to a dict comprehension and to no other")
        self.some(one.clauses, where, "clauses")
        self.maybe(one.key, where)
        self.expr(one.value, where)
        for clause in self.items(one.clauses, where):
            if not isinstance(clause, ir.Clause):
                self.fault(where, f"not a clause: {type(clause).__name__}")
                continue
            self.target(clause.target, where)
            self.expr(clause.iter, where)
            self.truth(clause.is_async, where)
            self.exprs(clause.tests, where)

    def _function_(self, one: ir.Function, where: str) -> None:
        self.code(one.code, where)
        body = one.code.body if isinstance(one.code, ir.Code) else ()
        if len(body) != 1 or not isinstance(body[0], ir.Return):
            self.fault(where, "the body of a lambda is one return")

    def _bind_(self, one: ir.Bind, where: str) -> None:
        self.name(one.name, where)
        self.expr(one.value, where)

    def _await_(self, one: ir.Await, where: str) -> None:
        self.expr(one.value, where)

    def _yield_(self, one: ir.Yield, where: str) -> None:
        if one.delegate and one.value is None:
            self.fault(where, "delegates to nothing")
        # `yield *a, b` is a tuple; the star stands inside it
        self.maybe(one.value, where)

    def _opaque_(self, one: ir.Opaque, where: str) -> None:
        self.reason(one.reason, where)
        self.exprs(one.parts, where)

    # Small parts

    def target(self, one: Any, where: str, star: bool = True) -> None:
        if isinstance(one, ir.Display) and one.kind in ("tuple", "list"):
            self.at(one, where)
            items = list(self.items(one.items, where))
            if sum(isinstance(item, ir.Star) for item in items) > star:
                self.fault(where, "more than one star in a target")
            for item in items:
                self.target(item.value if isinstance(item, ir.Star) else item, where, star)
        elif isinstance(one, (ir.Name, ir.Attr, ir.Item)):
            self.expr(one, where)
        else:
            self.fault(where, f"not a target: {type(one).__name__}")

    def at(self, one: Any, where: str) -> None:
        if type(one.at) is not int or one.at < 0:
            self.fault(where, f"not a handle: {one.at!r}")
        elif one.at and self.resolves is not None and not self.resolves(one.at):
            self.fault(where, f"handle {one.at} has no place")

    def name(self, name: Any, where: str) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            self.fault(where, f"not a name: {name!r}")

    def reason(self, reason: Any, where: str) -> None:
        if not isinstance(reason, str) or not reason:
            self.fault(where, "no reason given")

    def truth(self, value: Any, where: str) -> None:
        if type(value) is not bool:
            self.fault(where, f"neither true nor false: {value!r}")

    def some(self, many: Any, where: str, what: str) -> None:
        if many == ():
            self.fault(where, f"no {what}")

    def items(self, many: Any, where: str) -> Iterable[Any]:
        if not isinstance(many, tuple):
            self.fault(where, f"a tuple is wanted, not {type(many).__name__}")
            return ()
        return many


def _below(body: Iterable[Any]) -> Iterable[Any]:
    """All nodes of one scope: not those of functions and classes in it, but for what these evaluate in it."""
    rest: list[Any] = list(body)
    while rest:
        one = rest.pop()
        if isinstance(one, tuple):
            rest.extend(one)
        elif isinstance(one, ir.Code):
            rest.extend(param.default for param in one.params if param.default is not None)
        elif is_dataclass(one):
            yield one
            skipped = ("body",) if isinstance(one, ir.Class) else ()
            rest.extend(getattr(one, field.name) for field in fields(one) if field.name not in skipped)


def _stored(body: Iterable[Any]) -> Iterable[str]:
    for one in _below(body):
        if isinstance(one, ir.Assign):
            yield from (aim.id for aim in one.targets if isinstance(aim, ir.Name))
        elif isinstance(one, (ir.Augment, ir.For, ir.WithItem)):
            if isinstance(one.target, ir.Name):
                yield one.target.id
        elif isinstance(one, (ir.Bind, ir.Import)):
            yield one.name
        elif isinstance(one, (ir.Pattern, ir.Unknown)):
            yield from one.names
        elif isinstance(one, ir.Handler) and one.name is not None:
            yield one.name
        elif isinstance(one, (ir.Def, ir.Class)):
            yield one.code.name if isinstance(one, ir.Def) else one.name


def _yields(body: Iterable[Any]) -> bool:
    return any(isinstance(one, ir.Yield) for one in _below(body))
