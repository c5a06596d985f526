"""Handles of nodes (`at`) and, late, their places in the file.

Lowering hands every node to `Places.add` and gets an integer. Where the node stands is worked out only when asked:
the statement line that holds it is printed again by libcst with offsets recorded, and laid over the text of that
line in the file. A line number costs nothing where the statement takes one line.

Lowering announces each logical line as it comes to it (`Cursor.begin`), in source order; the scan knows where
logical lines start. Where the two do not agree, or there is no scan, the whole chunk is printed once instead.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from gradlint.findings import Span
from gradlint.syntax.chunks import Chunk
from gradlint.syntax.source import Lines


class Places:
    """All handles of one unit."""

    def __init__(self, data: bytes, lines: Lines) -> None:
        self.data, self.lines = data, lines
        self.nodes: list[Any] = [None]
        self._firsts: list[int] = []
        self._marks: list[tuple[Chunk, int, Any]] = []
        self._computed: dict[int, dict[Any, tuple[int, int]]] = {}
        self.whole: dict[int, dict[Any, tuple[int, int]]] = {}

    def add(self, node: Any) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def mark(self, chunk: Chunk, cursor: int, root: Any) -> None:
        """Handles from here on belong to logical line `cursor` of the chunk, which `root` opens."""
        self._firsts.append(len(self.nodes))
        self._marks.append((chunk, cursor, root))

    def line_of(self, at: int) -> int:
        """The line of a handle, 0 for the handle 0."""
        if not 0 < at < len(self.nodes):
            return 0
        index = bisect_right(self._firsts, at) - 1
        if index >= 0:
            chunk, cursor, _ = self._marks[index]
            extent = chunk.extent(cursor)
            if extent is not None:
                first = self.lines.line(extent[0])
                if first == len(self.lines.starts) or self.lines.starts[first] >= extent[1]:
                    return first
        return self.span(at).line

    def span(self, at: int) -> Span:
        """The place of a handle; raises KeyError for one that this unit did not give out."""
        if not 0 < at < len(self.nodes):
            raise KeyError(at)
        index = bisect_right(self._firsts, at) - 1
        if index < 0:
            return Span(1, 1, 1, 1)
        node = self.nodes[at]
        chunk, cursor, root = self._marks[index]
        offsets = self._offsets(index, chunk, cursor, root).get(node)
        if offsets is None and chunk.extent(cursor) is None:
            offsets = self._whole(chunk).get(node)
        offsets = offsets or chunk.extent(cursor) or (0, 0)
        return Span(*self.lines.place(offsets[0]), *self.lines.place(offsets[1]))

    def _offsets(self, index: int, chunk: Chunk, cursor: int, root: Any) -> dict[Any, tuple[int, int]]:
        if index not in self._computed:
            extent = chunk.extent(cursor)
            found: dict[Any, tuple[int, int]] = {}
            if extent is not None:
                found = self._of_line(chunk, extent, root)
            self._computed[index] = found
        return self._computed[index]

    def _of_line(self, chunk: Chunk, extent: tuple[int, int], root: Any) -> dict[Any, tuple[int, int]]:
        from gradlint.syntax.positions import line_offsets  # libcst is loaded by then

        start, end = extent
        line_start = self.lines.starts[self.lines.line(start) - 1]
        indent = self.data[line_start:start].decode("utf-8")
        is_elif = self.data.startswith(b"elif", start)
        try:
            return _in_bytes(line_offsets(chunk.tree, root, indent, is_elif), self.data[start:end], start)
        except RecursionError:  # a chain that libcst can parse and not print: its nodes stand where their line stands
            return {}

    def _whole(self, chunk: Chunk) -> dict[Any, tuple[int, int]]:
        from gradlint.syntax.positions import module_offsets

        key = id(chunk)
        if key not in self.whole:
            try:
                offsets = _in_bytes(module_offsets(chunk.tree), chunk.text, 0)
            except RecursionError:
                offsets = {}
            self.whole[key] = {node: (chunk.origin(a), chunk.origin(b)) for node, (a, b) in offsets.items()}
        return self.whole[key]


def _in_bytes(offsets: dict[Any, tuple[int, int]], text: bytes, base: int) -> dict[Any, tuple[int, int]]:
    """Offsets in code points of a text, as byte offsets in the file."""
    if text.isascii():
        return {node: (a + base, b + base) for node, (a, b) in offsets.items()} if base else offsets
    place = base
    table = [base]
    for char in text.decode("utf-8"):
        place += len(char.encode())
        table.append(place)
    last = len(table) - 1
    return {node: (table[min(a, last)], table[min(b, last)]) for node, (a, b) in offsets.items()}


class Cursor:
    """Where lowering stands in a chunk: it counts logical lines."""

    __slots__ = ("places", "chunk", "index", "root")

    def __init__(self, places: Places, chunk: Chunk, index: int = 0) -> None:
        self.places, self.chunk, self.index = places, chunk, index
        self.root: Any = None

    def begin(self, root: Any) -> None:
        """The next logical line starts; `root` is the node whose printing yields it."""
        self.root = root
        self.places.mark(self.chunk, self.index, root)
        self.index += 1

    def outsize(self) -> tuple[str, ...] | None:
        """The names that the line just begun stores to, where it was too long to parse."""
        return self.chunk.outsize(self.index - 1)

    def skip_body(self) -> None:
        """Passes over the block that the line just begun opens."""
        self.index = self.chunk.after_block(self.index - 1)
