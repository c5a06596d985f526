"""One Python source, parsed and lowered as far as somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.findings import Span
from gradlint.syntax import chunks, ir, parse
from gradlint.syntax.places import Cursor, Places
from gradlint.syntax.scan import Definition, Scan
from gradlint.syntax.scan import scan as find_lines
from gradlint.syntax.source import NEWLINE, Lines, SourceError, read

__all__ = ["SourceError", "Unit"]


class Unit:
    """A source file. `source` is its bytes; whatever needs its text raises SourceError where it has none.

    path: what errors call the file.
    data: the source as UTF-8, without a byte order mark.
    """

    def __init__(self, path: str, source: bytes) -> None:
        self.path = path
        self.data = read(path, source)
        self._line_table: Lines | None = None
        self._scan: Scan | None = None
        self._scanned = False
        self._places: Places | None = None
        self._module: tuple[ir.Stmt, ...] | None = None
        self._codes: dict[int, DefinedCode] = {}
        self._whole: chunks.Chunk | None = None

    @property
    def module(self) -> tuple[ir.Stmt, ...]:
        """The statements of the file. Raises SourceError where it is not Python."""
        if self._module is None:
            self._module = parse.guarded(self, self._lower_module)
        return self._module

    @property
    def scan(self) -> Scan | None:
        """Logical lines; None where they cannot be told without parsing."""
        if not self._scanned:
            self._scan, self._scanned = find_lines(self.data), True
        return self._scan

    @property
    def line_table(self) -> Lines:
        if self._line_table is None:
            self._line_table = Lines(self.data)
        return self._line_table

    @property
    def places(self) -> Places:
        if self._places is None:
            self._places = Places(self.data, self.line_table)
        return self._places

    @property
    def lines(self) -> list[str]:
        """The physical lines, without their ends."""
        return [line.decode("utf-8") for line in NEWLINE.split(self.data)]

    def span(self, at: int) -> Span:
        """The place of a node. Raises KeyError for a handle that this unit did not give out (0 among them)."""
        return parse.with_room(lambda: self.places.span(at))

    def line_of(self, at: int) -> int:
        """The line on which a node starts; 0 for the handle 0."""
        return parse.with_room(lambda: self.places.line_of(at))

    def text(self, span: Span) -> str:
        """The source text of a span."""
        table = self.line_table
        start, end = table.offset(span.line, span.column), table.offset(span.end_line, span.end_column)
        return self.data[start:end].decode("utf-8")

    def functions(self) -> list[ir.Code]:
        """Every `def` of the file, in source order, those inside classes and functions too. Nothing is parsed for it
        unless the scan is in doubt; parameters and bodies are when they are read."""
        lines = self.scan
        if lines is None:
            self.module  # noqa: B018  (lowers the file, which fills the table)
            return list(parse.all_codes(self.module))
        return [self.code_at(one) for one in lines.definitions if one.kind == "def"]

    def outside(self) -> bytes:
        """The text of the file without the bodies of its outermost functions; all of it where the scan is in doubt."""
        return self.data if self.scan is None else chunks.skeleton(self.scan).text

    def validate(self) -> None:
        """Raises SourceError where any part of the file is not Python, parsed or not."""
        parse.validate(self)

    def code_at(self, one: Definition) -> DefinedCode:
        """The code of a scanned definition, the same object each time."""
        code = self._codes.get(one.line)
        if code is None:
            code = self._codes[one.line] = DefinedCode(self, one)
        return code

    def code_for(
        self, node: Any, name: str, params: tuple[ir.Param, ...], types: tuple[str, ...], at: int, ctx: Any
    ) -> ir.Code:
        """The code of a `def` that lowering has come to. `ctx` stands behind its header."""
        line = ctx.cursor.chunk.line_at(ctx.cursor.index - 1)
        one = None if line < 0 or self.scan is None else self.scan.definition_at(line)
        made = parse.Body(self, node, params, types, ctx)
        if one is None or one.kind != "def":
            return ir.Code(
                name, ctx.prefix + name, params, made, is_async=node.asynchronous is not None, at=at, text=self.data
            )
        code = self.code_at(one)
        code.fill(name, ctx.prefix + name, params, types, at, None if parse.is_cut(ctx) else made)
        return code

    def text_at(self, cursor: Cursor) -> bytes:
        """The text of the logical line just begun (a superset of what a lambda on it says)."""
        extent = cursor.chunk.extent(cursor.index - 1)
        return self.data if extent is None else self.data[extent[0] : extent[1]]

    def _lower_module(self) -> tuple[ir.Stmt, ...]:
        return parse.lower_module(self)

    def whole(self) -> chunks.Chunk:
        """The whole file as one chunk, parsed."""
        if self._whole is None:
            self._whole = parse.parsed(self, chunks.whole(self.data, self.scan))
        return self._whole


class DefinedCode(ir.Code):
    """The code of a `def` that the scan has found. Its header is parsed with the file around it, its body alone."""

    __slots__ = ("unit", "definition", "types", "_params", "_at", "_filled")

    def __init__(self, unit: Unit, definition: Definition) -> None:
        lines = unit.scan
        assert lines is not None
        start = lines.starts[definition.first]
        self.unit, self.definition = unit, definition
        self.name, self.qualname, self.is_async = definition.name, definition.qualname, definition.is_async
        self.start, self.text = start, unit.data[start : lines.ends[definition.end - 1]]
        self.types: tuple[str, ...] = ()
        self._params: tuple[ir.Param, ...] = ()
        self._at = 0
        self._filled = False
        self._made = None
        self._make = self._alone

    def fill(
        self, name: str, qualname: str, params: tuple[ir.Param, ...], types: tuple[str, ...], at: int, made: Any
    ) -> None:
        """What lowering the header has shown; `made` lowers the body where it is parsed already."""
        if not self._filled:
            self.name, self.qualname, self._params, self.types, self._at = name, qualname, params, types, at
            self._filled = True
        if made is not None and self._made is None:
            self._make = made

    def _alone(self) -> ir.Made:
        self._find()
        made = self.pending()
        if made is not None:
            return made()
        return parse.guarded(self.unit, lambda: parse.lower_body(self.unit, self))

    def pending(self) -> Callable[[], ir.Made] | None:
        """What lowers the body from a tree that is there, None where there is none."""
        return None if self._make is None or self._make == self._alone else self._make

    def _find(self) -> None:
        """Lower what is around the header, which fills it."""
        if self._filled:
            return
        above = self.definition.parent
        while above is not None and above.kind == "class":
            above = above.parent
        if above is None:
            self.unit.module  # noqa: B018
        else:
            self.unit.code_at(above).made  # noqa: B018
        if not self._filled:
            parse.guarded(self.unit, lambda: parse.lower_header(self.unit, self))

    @property
    def params(self) -> tuple[ir.Param, ...]:  # type: ignore[override]
        self._find()
        return self._params

    @property
    def at(self) -> int:  # type: ignore[override]
        self._find()
        return self._at
