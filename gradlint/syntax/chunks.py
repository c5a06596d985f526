"""Pieces of a file that parse on their own, cut by the scan.

The *skeleton* is the whole file, the bodies of its outermost functions replaced by `pass`; a *body* is the block of one
function under a made-up header.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradlint.syntax.scan import STORED, Definition, Scan


@dataclass(eq=False, slots=True)
class Chunk:
    """A text given to the parser and where its parts come from.

    pieces: (offset in text, offset in the file) of each stretch, ascending.
    ids: for each logical line of the text its index in the scan, -1 for one that was made up; None without a scan.
    """

    text: bytes
    pieces: list[tuple[int, int]]
    ids: Sequence[int] | None
    scan: Scan | None
    tree: Any = None

    def origin(self, offset: int) -> int:
        index = max(bisect_right(self.pieces, (offset, 1 << 60)) - 1, 0)
        return self.pieces[index][1] + offset - self.pieces[index][0]

    def extent(self, cursor: int) -> tuple[int, int] | None:
        """Where a logical line stands in the file."""
        if self.ids is None or self.scan is None or cursor >= len(self.ids) or self.ids[cursor] < 0:
            return None
        line = self.ids[cursor]
        return self.scan.starts[line], self.scan.ends[line]

    def after_block(self, cursor: int) -> int:
        """The logical line behind the block that a line opens."""
        if self.ids is None or self.scan is None or cursor >= len(self.ids):
            return cursor + 1
        following = cursor + 1
        if following < len(self.ids) and self.ids[following] < 0:
            return following + 1
        line = self.ids[cursor]
        return cursor + self.scan.after_block(line) - line

    def line_at(self, cursor: int) -> int:
        """The index in the scan, -1 where there is none."""
        return self.ids[cursor] if self.ids is not None and cursor < len(self.ids) else -1

    def outsize(self, cursor: int) -> tuple[str, ...] | None:
        """The names that a line stores to which was left out since it is too long; None for any other line."""
        line = self.line_at(cursor)
        if self.scan is None or line < 0 or line not in self.scan.outsize:
            return None
        text = self.scan.data[self.scan.starts[line] : self.scan.ends[line]].decode("utf-8")
        return tuple(sorted(set(STORED.findall(text))))

    def drop_lines(self) -> None:
        """Forget the logical lines: they were found not to agree with the tree."""
        self.ids = None


def whole(data: bytes, lines: Scan | None) -> Chunk:
    """All of a file."""
    if lines is None:
        return Chunk(data, [(0, 0)], None, None)
    return _without_outsize(Chunk(data, [(0, 0)], range(len(lines)), lines), range(len(lines)))


def _without_outsize(chunk: Chunk, lines: Sequence[int]) -> Chunk:
    """Puts `pass` for statements that are too long to parse."""
    assert chunk.scan is not None
    for line in sorted(chunk.scan.outsize.intersection(lines), reverse=True):
        start, end = (_offset_in(chunk, place) for place in (chunk.scan.starts[line], chunk.scan.ends[line]))
        chunk.text = chunk.text[:start] + b"pass" + chunk.text[end:]
        shift = start + 4 - end
        origin = chunk.origin(end)
        later = [(at + shift, place) for at, place in chunk.pieces if at > end]
        chunk.pieces = [piece for piece in chunk.pieces if piece[0] <= start] + [(start + 4, origin), *later]
    return chunk


def _offset_in(chunk: Chunk, place: int) -> int:
    """The offset in a chunk of an offset in the file that it holds."""
    return next(at + place - origin for at, origin in reversed(chunk.pieces) if origin <= place)


def skeleton(lines: Scan) -> Chunk:
    """The file without the bodies of its outermost functions."""
    data, pieces = lines.data, [(0, 0)]
    parts: list[bytes] = []
    ids: list[int] = []
    position = size = taken = 0
    for one in lines.definitions:
        if one.kind != "def" or one.line < taken or one.body == one.end:
            continue
        body = lines.line_start(one.body)
        indent = data[body : lines.starts[one.body]]
        line = data.find(b"\n", lines.ends[one.line]) + 1
        parts += (data[position:line], indent, b"pass\n")
        size += line - position + len(indent) + 5
        position = lines.line_start(one.end) if one.end < len(lines) else len(data)
        pieces.append((size, position))
        ids += range(taken, one.body)
        ids.append(-1)
        taken = one.end
    parts.append(data[position:])
    ids += range(taken, len(lines))
    return _without_outsize(Chunk(b"".join(parts), pieces, ids, lines), [line for line in ids if line >= 0])


def body(lines: Scan, one: Definition) -> Chunk:
    """The block of a function under a made-up header."""
    header = b"async def f():\n" if one.is_async else b"def f():\n"
    start, end = lines.line_start(one.body), lines.ends[one.end - 1]
    ids = range(one.body, one.end)
    made = Chunk(header + lines.data[start:end] + b"\n", [(0, start - len(header))], [-1, *ids], lines)
    return _without_outsize(made, ids)


def header(lines: Scan, one: Definition) -> Chunk:
    """The `def` line of a function, without its decorators, over a made-up body."""
    start, end = lines.starts[one.line], lines.ends[one.line]
    text = lines.data[start:end] + (b"\n pass\n" if one.body < one.end else b"\n")
    return Chunk(text, [(0, start)], [one.line, -1] if one.body < one.end else [one.line], lines)
