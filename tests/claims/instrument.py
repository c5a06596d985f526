"""Turns a block into a program that tells a Watch what every marked line does.

Only marked statements are touched, and every node keeps its line, so that tracebacks speak of the block.
"""

from __future__ import annotations

import ast
import traceback
import types
import warnings
from typing import Any

from .claims import FLAGS, MODES, RAISES, RUNNING, Block, Mark
from .statements import Function, Marked, marked_statements

WATCH = "claims_watch__"


class Watch:
    """Compares what happens with the marks; `failures` holds (program line, message) of each that is wrong.

    block: the program being run. torch: the module that stands for `torch` in it.
    """

    def __init__(self, block: Block, torch: types.ModuleType) -> None:
        self.block = block
        self.torch = torch
        self.failures: list[tuple[int, str]] = []
        self.reached: set[int] = set()
        self.excused: BaseException | None = None
        self.values: dict[int, Any] = {}
        self.warned: list[str] = []
        self._began: dict[int, int] = {}
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest, **more: self.warned.append(str(message))

    def fail(self, mark: Mark, message: str) -> None:
        self.failures.append((mark.line, f"{mark.text!r}: {message}"))

    def begin(self, index: int) -> None:
        self._began[index] = len(self.warned)

    def value(self, index: int, value: Any) -> Any:
        self.values[index] = value
        return value

    def taken(self, index: int) -> Any:
        return self.values.pop(index)

    def flag(self, index: int, value: Any) -> None:
        """A flag mark about a value."""
        mark = self.block.marks[index]
        self.reached.add(index)
        if mark.value == "unknown":
            return
        seen = getattr(value, "is_inference" if mark.kind == "inference" else mark.kind, None)
        seen = seen() if callable(seen) else seen
        if str(seen) != mark.value:
            what = "is" if isinstance(seen, bool) else f"{type(value).__name__} has"
            self.fail(mark, f"{what} {seen}")

    def mode(self, index: int) -> None:
        mark = self.block.marks[index]
        self.reached.add(index)
        ask = self.torch.is_grad_enabled if mark.kind == "grad_mode" else self.torch.is_inference_mode_enabled
        seen = "on" if ask() else "off"
        if mark.value not in (seen, "unknown"):
            self.fail(mark, f"is {seen}")

    def holds(self, index: int, value: Any) -> None:
        self.reached.add(index)
        if not bool(value):
            self.fail(self.block.marks[index], "does not hold")

    def broke(self, index: int, error: Exception) -> None:
        self.reached.add(index)
        self.fail(self.block.marks[index], f"cannot be evaluated: {type(error).__name__}: {error}")
        if isinstance(error, NotImplementedError):
            raise error

    def warns(self, index: int) -> None:
        mark = self.block.marks[index]
        self.reached.add(index)
        part = mark.value.strip('"')
        new = self.warned[self._began.get(index, 0) :]
        if not any(part in text for text in new):
            self.fail(mark, f"warned {new or 'of nothing'}")

    def raised(self, index: int, error: BaseException, first: int, last: int) -> None:
        """An exception passed the statement of a `raises` mark whose own lines are first to last."""
        mark = self.block.marks[index]
        if isinstance(error, NotImplementedError) and not mark.value.startswith("NotImplementedError"):
            return
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.block.id]
        if frames and not first <= (frames[0].lineno or 0) <= last:
            return
        self.reached.add(index)
        self.excused = error
        found = RAISES.fullmatch(mark.value)
        assert found
        names = {kind.__name__ for kind in type(error).__mro__}
        if found[1].rpartition(".")[2] not in names or (found[2] or "") not in str(error):
            self.fail(mark, f"raised {type(error).__name__}: {error}")

    def close(self) -> None:
        """After the program: marks that were never reached fail."""
        for index, mark in enumerate(self.block.marks):
            if mark.kind in RUNNING and index not in self.reached:
                self.fail(mark, "did not raise" if mark.kind == "raises" else "was never reached")


def call(method: str, *args: ast.expr | int) -> ast.Call:
    values = [ast.Constant(arg) if isinstance(arg, int) else arg for arg in args]
    return ast.Call(ast.Attribute(ast.Name(WATCH, ast.Load()), method, ast.Load()), values, [])


def guarded(index: int, expression: ast.expr) -> ast.stmt:
    """Evaluate `expression` for a `holds` mark, telling the watch when even that fails."""
    return ast.Try(
        body=[ast.Expr(call("holds", index, expression))],
        handlers=[
            ast.ExceptHandler(
                ast.Name("Exception", ast.Load()),
                "claims_error__",
                [ast.Expr(call("broke", index, ast.Name("claims_error__", ast.Load())))],
            )
        ],
        orelse=[],
        finalbody=[],
    )


class Instrument:
    """One block's tree, changed in place."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.tree = ast.parse(block.source)
        self.index = {id(mark): number for number, mark in enumerate(block.marks)}
        self.marked = {id(marked.node): marked for marked in marked_statements(block, self.tree)}

    def run(self) -> ast.Module:
        self.visit(self.tree)
        return ast.fix_missing_locations(self.tree)

    def visit(self, node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item)
                if value and isinstance(value[0], ast.stmt):
                    setattr(node, name, [new for old in value for new in self.replaced(old)])
            elif isinstance(value, ast.AST):
                self.visit(value)

    def replaced(self, node: ast.stmt) -> list[ast.stmt]:
        marked = self.marked.get(id(node))
        if marked is None or not any(mark.kind in RUNNING for mark in marked.marks):
            return [node]
        before = [ast.Expr(call("begin", self.index[id(mark)])) for mark in marked.marks if mark.kind == "warns"]
        defines = isinstance(node, (*Function, ast.ClassDef))
        late = [mark for mark in marked.marks if mark.kind == "warns" and defines]
        checks = self.checks(marked, [mark for mark in marked.marks if mark not in late])
        new: list[ast.stmt] = [node]
        if marked.body is not None:
            marked.body[:0] = checks
        elif not isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            new += checks
        # A definition warns while its decorators run, which is after the line and not when its body is entered.
        new += self.checks(marked, late)
        for mark in marked.marks:
            if mark.kind == "raises":
                new = [self.watched(mark, marked.lines, new)]
        new = [*before, *new]
        for made in new:
            if made is not node:
                place(made, node)
        return new

    def checks(self, marked: Marked, marks: list[Mark]) -> list[ast.stmt]:
        """What the marks ask right after the statement (at the start of its body, for a header)."""
        asked: list[ast.stmt] = []
        whole = isinstance(marked.node, ast.Expr) and any(mark.kind in FLAGS for mark in marks)
        for mark in marks:
            number = self.index[id(mark)]
            if mark.kind in FLAGS:
                subjects = [ast.Name(f"claims_value_{id(marked)}__", ast.Load())] if whole else marked.about(mark)
                asked += [ast.Expr(call("flag", number, subject)) for subject in subjects]
            elif mark.kind in MODES:
                asked.append(ast.Expr(call("mode", number)))
            elif mark.kind == "warns":
                asked.append(ast.Expr(call("warns", number)))
            elif mark.kind == "holds":
                asked.append(guarded(number, ast.parse(mark.value, mode="eval").body))
        if whole:
            assert isinstance(marked.node, ast.Expr)
            name = f"claims_value_{id(marked)}__"
            marked.node.value = call("value", id(marked), marked.node.value)
            taken = ast.Assign([ast.Name(name, ast.Store())], call("taken", id(marked)))
            asked = [taken, *asked, ast.Delete([ast.Name(name, ast.Del())])]
        for statement in asked:
            for made in ast.walk(statement):
                if "lineno" in made._attributes:
                    ast.copy_location(made, marked.node)
        return asked

    def watched(self, mark: Mark, lines: range, body: list[ast.stmt]) -> ast.stmt:
        error = ast.Name("claims_error__", ast.Load())
        report = ast.Expr(call("raised", self.index[id(mark)], error, lines.start, lines.stop - 1))
        handler = ast.ExceptHandler(ast.Name("BaseException", ast.Load()), "claims_error__", [report, ast.Raise()])
        return ast.Try(body=body, handlers=[handler], orelse=[], finalbody=[])


def place(made: ast.AST, like: ast.stmt) -> None:
    """Give every new node the line of the statement it belongs to."""
    for node in ast.walk(made):
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            ast.copy_location(node, like)


def instrumented(block: Block) -> types.CodeType:
    """The code of a block with its watch calls. ClaimError where a mark cannot be answered."""
    return compile(Instrument(block).run(), block.id, "exec", dont_inherit=True)
