"""libcst at work: chunks are parsed and lowered, with room for deep nesting and without garbage collection."""

from __future__ import annotations

import ast
import gc
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from gradlint.syntax import chunks, ir
from gradlint.syntax.places import Cursor
from gradlint.syntax.scan import LONG_LINE
from gradlint.syntax.source import Lines, SourceError

if TYPE_CHECKING:
    from gradlint.syntax.unit import DefinedCode, Unit

T = TypeVar("T")
ROOM = 4000
STACK = 256 << 20
LONG_CHUNK = 3000
MAX_BRACKETS = 200
"""Python's own limit."""
BRACKET = re.compile(rb"[()\[\]{}]")
_CHECK: dict[str, Any] = {}


def with_room(work: Callable[[], T]) -> T:
    """Runs something recursive, however deep the caller already is."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + ROOM)
    try:
        return work()
    finally:
        sys.setrecursionlimit(limit)


def guarded(unit: Unit, work: Callable[[], T]) -> T:
    """Parses or lowers: garbage collection off, deep recursion allowed; running out of it is a SourceError."""
    try:
        return _quietly(lambda: with_room(work))
    except (RecursionError, MemoryError) as error:
        raise SourceError(unit.path, 0, 0, f"too deeply nested to parse ({type(error).__name__})") from None


def _quietly(work: Callable[[], T]) -> T:
    """Without garbage collection. The recursion limit stays: the C parser takes it for a measure of its stack."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if collecting:
            gc.enable()


def parsed(unit: Unit, chunk: chunks.Chunk) -> chunks.Chunk:
    """Parses a chunk, once. Raises SourceError (with the place in the file) where it does not parse."""
    if chunk.tree is None:
        _refuse_depth(unit, chunk)
        text = chunk.text.decode("utf-8")
        chunk.tree = _in_big_stack(lambda: _tree(unit, chunk, text)) if _is_risky(chunk) else _tree(unit, chunk, text)
    return chunk


def _refuse_depth(unit: Unit, chunk: chunks.Chunk) -> None:
    """More brackets than Python allows would overflow the native parser's stack, which ends the process."""
    lines = chunk.scan
    if lines is not None:
        if lines.deepest > MAX_BRACKETS:
            raise SourceError(unit.path, *unit.line_table.place(lines.deepest_at), "too many nested parentheses")
        return
    depth = 0
    for found in BRACKET.finditer(chunk.text):
        depth += 1 if found[0] in b"([{" else -1
        if abs(depth) > 2 * MAX_BRACKETS:  # those in strings are counted too: such a file is beyond hope or very odd
            raise SourceError(unit.path, *unit.line_table.place(found.start()), "too many nested parentheses")


def _tree(unit: Unit, chunk: chunks.Chunk, text: str) -> Any:
    import libcst  # late: most runs never parse, and it takes a while to import

    _CHECK.setdefault("node", libcst.CSTNode.__post_init__)
    try:
        # Nodes check themselves when made, for the sake of those who make them by hand: a third of the time of parsing.
        libcst.CSTNode.__post_init__ = _unchecked  # type: ignore[assignment, method-assign]
        return libcst.parse_module(text)
    except libcst.ParserSyntaxError as error:
        lines = Lines(chunk.text)
        offset = lines.offset(max(error.raw_line, 1), max(error.raw_column, 0) + 1)
        line, column = unit.line_table.place(chunk.origin(offset))
        raise SourceError(unit.path, line, column, _message(error)) from None
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # the native parser reports its own limits by several types
        raise SourceError(unit.path, 0, 0, f"libcst cannot parse this: {error}") from None
    finally:
        libcst.CSTNode.__post_init__ = _CHECK["node"]  # type: ignore[method-assign]


def _unchecked(node: Any) -> None:
    pass


def _message(error: Any) -> str:
    return "invalid syntax: " + str(error.message).strip().splitlines()[0][:200]


def _is_risky(chunk: chunks.Chunk) -> bool:
    """Whether the native parser might need more stack than a thread has: it recurses over what is nested or chained."""
    lines = chunk.scan
    if lines is None:
        return len(chunk.text) > LONG_CHUNK
    return lines.deepest > 40 or lines.longest > LONG_LINE or lines.data.count(b"elif ") > 100


def _in_big_stack(work: Callable[[], T]) -> T:
    result: list[Any] = []

    def run() -> None:
        try:
            result.extend((True, work()))
        except BaseException as error:
            result.extend((False, error))

    size = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(size)
    thread.join()
    if not result[0]:
        raise result[1]
    return result[1]  # type: ignore[no-any-return]


def lower_module(unit: Unit) -> tuple[ir.Stmt, ...]:
    """The statements of the file; bodies of its functions are left for later where the scan allows."""
    lines = unit.scan
    if lines is not None:
        try:
            return _lower_tree(unit, parsed(unit, chunks.skeleton(lines)))
        except SourceError:
            pass  # the whole file decides
    return _lower_tree(unit, unit.whole())


def _lower_tree(unit: Unit, chunk: chunks.Chunk) -> tuple[ir.Stmt, ...]:
    from gradlint.syntax.expressions import Context
    from gradlint.syntax.names import Scope
    from gradlint.syntax.statements import statements

    cursor = Cursor(unit.places, chunk)
    made = statements(chunk.tree.body, Context(unit, unit.places, cursor, Scope("module"), ""))
    _settle(cursor)
    return made


def _settle(cursor: Cursor) -> None:
    """Lines that were counted wrong are of no use; places are then found without them."""
    if cursor.chunk.ids is not None and cursor.index != len(cursor.chunk.ids):
        cursor.chunk.drop_lines()


def lower_body(unit: Unit, code: DefinedCode) -> ir.Made:
    """The body of a function that the scan has found, parsed by itself; with the whole file where that fails."""
    from gradlint.syntax.expressions import Context
    from gradlint.syntax.names import Scope
    from gradlint.syntax.statements import function_body

    lines = unit.scan
    assert lines is not None
    params = code.params
    chunk = chunks.body(lines, code.definition)
    try:
        parsed(unit, chunk)
    except SourceError:
        return _lower_from_whole(unit, code)
    if len(chunk.tree.body) != 1:
        return _lower_from_whole(unit, code)
    cursor = Cursor(unit.places, chunk, 1)
    ctx = Context(unit, unit.places, cursor, Scope("function"), code.qualname + ".<locals>.")
    made = function_body(chunk.tree.body[0].body, params, code.types, ctx)
    _settle(cursor)
    return made


def _lower_from_whole(unit: Unit, code: DefinedCode) -> ir.Made:
    """Parses the whole file and takes one function from it: the last of its qualified name up to its line."""
    chunk = unit.whole()
    _lower_tree(unit, chunk)
    made = code.pending()
    if made is None:
        raise SourceError(unit.path, unit.line_table.line(code.start), 1, f"cannot find {code.qualname} in the file")
    return made()


class Body:
    """Lowers the body of a `def` whose tree is there."""

    __slots__ = ("unit", "node", "params", "types", "ctx", "index", "root")

    def __init__(self, unit: Unit, node: Any, params: tuple[ir.Param, ...], types: tuple[str, ...], ctx: Any) -> None:
        from gradlint.syntax.names import Scope

        self.unit, self.node, self.params, self.types = unit, node, params, types
        cursor = Cursor(unit.places, ctx.cursor.chunk, ctx.cursor.index)
        cursor.root = ctx.cursor.root
        self.ctx = ctx.inner(Scope("function"), f"{ctx.prefix}{node.name.value}.<locals>.", cursor)
        self.ctx.depth = self.ctx.level = 0

    def __call__(self) -> ir.Made:
        return guarded(self.unit, self._lower)

    def _lower(self) -> ir.Made:
        from gradlint.syntax.statements import function_body

        cursor = self.ctx.cursor
        cursor.places.mark(cursor.chunk, cursor.index - 1, cursor.root)
        made: ir.Made = function_body(self.node.body, self.params, self.types, self.ctx)
        return made


def is_cut(ctx: Any) -> bool:
    """Whether the block behind the header just lowered was replaced by a made-up line."""
    cursor = ctx.cursor
    ids = cursor.chunk.ids
    return ids is not None and cursor.index < len(ids) and ids[cursor.index] < 0


def lower_header(unit: Unit, code: DefinedCode) -> None:
    """Fills a definition from its header alone, where lowering what is around it has not come to it."""
    from gradlint.syntax.expressions import Context
    from gradlint.syntax.names import Scope
    from gradlint.syntax.statements import statements

    lines = unit.scan
    assert lines is not None
    chunk = parsed(unit, chunks.header(lines, code.definition))
    cursor = Cursor(unit.places, chunk)
    statements(chunk.tree.body, Context(unit, unit.places, cursor, Scope("module"), code.qualname[: -len(code.name)]))


def all_codes(body: tuple[ir.Stmt, ...]) -> Iterator[ir.Code]:
    """Every `def` below some statements, in source order, bodies of functions included."""
    rest: list[Any] = [body]
    while rest:
        one = rest.pop()
        if isinstance(one, tuple):
            rest.extend(reversed(one))
        elif isinstance(one, ir.Def):
            yield one.code
            rest.append(one.code.body)
        elif hasattr(one, "__dataclass_fields__"):
            rest.extend(reversed([getattr(one, key) for key in one.__dataclass_fields__]))


def validate(unit: Unit) -> None:
    """Checks the whole file with Python's own parser, and with libcst what that one refuses."""
    try:
        _as_python_does(unit.data)
    except SyntaxError:
        try:
            guarded(unit, unit.whole)  # what this Python refuses may only be newer than it is
        except SourceError as error:
            raise _in_the_words_of_python(unit) or error from None
    except (ValueError, RecursionError, MemoryError):
        guarded(unit, unit.whole)  # it may only be too long for this Python


def _as_python_does(source: bytes | str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _quietly(lambda: ast.parse(source))


def _in_the_words_of_python(unit: Unit) -> SourceError | None:
    """People know them, and libcst's places are off by some lines at times."""
    try:
        _as_python_does(unit.data.decode("utf-8"))  # of bytes, not all releases count columns in characters
    except SyntaxError as refused:
        if refused.lineno and refused.offset:
            said = refused.msg if refused.msg.startswith("invalid syntax") else f"invalid syntax: {refused.msg}"
            return SourceError(unit.path, refused.lineno, max(refused.offset, 1), said)
    return None
