"""The cheap look at a file: its logical lines and definitions, and pieces of it that parse on their own.

`scan` finds where logical lines start and end, aware of strings, brackets, comments and continuation lines, without
a parser. Two kinds of pieces are cut from that: the *skeleton* (the whole file, the bodies of its outermost functions
replaced by `pass`) and the *body* of one function. Where the scan is in doubt it says so (`None`), and the file is
parsed whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradlint.syntax.source import Lines as Lines

MAX_BRACKETS = 200
LONG_LINE = 2000

# Each match eats what is of no interest and then one token. A flat pair of brackets is of no interest either.
TOKEN = re.compile(
    rb"""[^\n\r'"\#()\[\]{}\\]*+(?:
      (?P<newline>(?:\r?\n[ \t\f]*(?:\#[^\r\n]*)?)+)
    | (?P<comment>\#[^\r\n]*)
    | (?P<string>'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''
        |\"\"\"[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"\"\"
        |'(?!'')[^'\\\r\n]*(?:\\(?:\r\n|.)[^'\\\r\n]*)*'
        |"(?!"")[^"\\\r\n]*(?:\\(?:\r\n|.)[^"\\\r\n]*)*"
        |''(?!')|""(?!"))
    | (?P<pair>\([^()\[\]{}'"\#\\\r]*\)|\[[^()\[\]{}'"\#\\\r]*\])
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<joined>\\\r?\n)
    | (?P<doubt>[\\'"\r])
    )""".replace(b"*+", b"*"),
    re.VERBOSE | re.DOTALL,
)
NEWLINE, COMMENT, STRING, PAIR, OPEN, CLOSE, JOINED, DOUBT = range(1, 9)
INDENT = re.compile(rb"[ \t\f]*")
PREFIX = re.compile(rb"(?<![A-Za-z0-9_\x80-\xff])[rR]?[fFtT][rR]?\Z")
DEFINITION = re.compile(rb"(?:async[ \t\f]+def|def|class)[ \t\f]+([^\s(:\[\\]+)")
FIELD_TOKEN = re.compile(rb"""[(\[{]|[)\]}]|[:'"\#\\]|!=""")
PAIRS = {41: 40, 93: 91, 125: 123}


@dataclass(slots=True)
class Definition:
    """A `def` or `class` of the file. `line` is the index of its logical line, `body` and `end` bound those of its
    block; they are equal where the body stands on the line of the `def` itself."""

    name: str
    kind: str
    line: int
    first: int
    """The logical line of its first decorator, or its own."""
    body: int
    end: int
    parent: Definition | None
    qualname: str
    is_async: bool

    @property
    def in_function(self) -> bool:
        above = self.parent
        while above is not None:
            if above.kind == "def":
                return True
            above = above.parent
        return False


@dataclass(slots=True)
class Scan:
    """Logical lines: byte offsets of their first token and behind their last, width of their indentation.
    `deepest`: most brackets open at once."""

    data: bytes
    starts: list[int]
    ends: list[int]
    indents: list[int]
    deepest: int
    deepest_at: int = 0
    branches: int = 0
    _longest: int = -1
    _by_line: dict[int, Definition] | None = None
    _definitions: list[Definition] | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def after_block(self, line: int) -> int:
        """The first logical line behind the block that a line opens; the next one where it opens none."""
        indents, indent, line = self.indents, self.indents[line], line + 1
        while line < len(indents) and indents[line] > indent:
            line += 1
        return line

    def line_start(self, line: int) -> int:
        """Offset of the indentation in front of a logical line."""
        start = self.starts[line]
        while start > 0 and self.data[start - 1] in b" \t\f":
            start -= 1
        return start

    @property
    def longest(self) -> int:
        """The length of the longest logical line."""
        if self._longest < 0:
            self._longest = max(map(int.__sub__, self.ends, self.starts), default=0)
        return self._longest

    def definition_at(self, line: int) -> Definition | None:
        """The definition whose `def` or `class` stands on a logical line."""
        if self._by_line is None:
            self._by_line = {one.line: one for one in self.definitions}
        return self._by_line.get(line)

    @property
    def definitions(self) -> list[Definition]:
        if self._definitions is None:
            self._definitions = _definitions(self)
        return self._definitions


def scan(data: bytes) -> Scan | None:
    """The logical lines of a source; None where they cannot be told for certain."""
    starts: list[int] = []
    ends: list[int] = []
    indents: list[int] = []
    first = _first_token(data)
    if first >= len(data):
        return Scan(data, [], [], [], 0)
    width = _width(data, first)
    if width is None:
        return None
    start, position, depth, deepest, comment = first, first, 0, 0, -1
    opened: list[int] = []
    match, size = TOKEN.match, len(data)
    tabs = spaces = False
    while position < size:
        found = match(data, position)
        if found is None:
            break
        kind = found.lastindex
        position = found.end()
        if kind == NEWLINE:
            if opened:
                continue
            end = found.start(NEWLINE) if comment < 0 else comment
            comment = -1
            starts.append(start)
            ends.append(end)
            indents.append(width)
            if position >= size:
                return _finished(data, starts, ends, indents, deepest)
            start = position
            line = data.rfind(b"\n", 0, position) + 1
            width = position - line
            if width:
                space = data[line:position]
                if space.isspace() and b"\f" in space:
                    return None
                tab = b"\t" in space
                tabs, spaces = tabs or tab, spaces or b" " in space
                if tabs and spaces:
                    return None
        elif kind == COMMENT:
            if not opened:
                comment = found.start(COMMENT)
        elif kind == STRING:
            begin = found.start(STRING)
            if data[begin - 1 : begin] in (b"f", b"F", b"r", b"R", b"t", b"T") and PREFIX.search(data[max(begin - 3, 0) : begin]):
                text = data[begin:position]
                if b"{{" in text or b"}}" in text or text.count(b"{") != text.count(b"}"):
                    position = _formatted(data, begin)
                    if position < 0:
                        return None
        elif kind == OPEN:
            opened.append(data[position - 1])
            depth = len(opened)
            if depth > deepest:
                deepest = depth
        elif kind == CLOSE:
            if not opened or opened.pop() != PAIRS[data[position - 1]]:
                return None
        elif kind == DOUBT:
            return None
    if opened:
        return None
    if start < size:
        starts.append(start)
        ends.append(size if comment < 0 else comment)
        indents.append(width)
    return _finished(data, starts, ends, indents, deepest)


def _finished(data: bytes, starts: list[int], ends: list[int], indents: list[int], deepest: int) -> Scan:
    return Scan(data, starts, ends, indents, deepest)


FIRST = re.compile(rb"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r?\n))*[ \t\f]*(?:#[^\r\n]*)?")


def _first_token(data: bytes) -> int:
    found = FIRST.match(data)
    return found.end() if found else 0


def _width(data: bytes, position: int) -> int | None:
    """The indentation of the first logical line: none, else something is wrong."""
    line = data.rfind(b"\n", 0, position) + 1
    return 0 if not data[line:position].strip(b"\f") else None


def _formatted(data: bytes, begin: int) -> int:
    """The end of an f-string that starts with its quotes at `begin`, fields with strings in them included;
    -1 where it has none. Fields nest; the stack holds quotes (inside text) and brackets (inside a field)."""
    quote = data[begin : begin + 3] if data[begin : begin + 3] in (b"'''", b'"""') else data[begin : begin + 1]
    stack: list[bytes] = [quote]
    position, size = begin + len(quote), len(data)
    while position < size:
        top = stack[-1]
        char = data[position : position + 1]
        if top[:1] in b"'\"" or top == b":":
            if char == b"\\":
                position += 2
            elif top != b":" and data.startswith(top, position):
                position += len(top)
                stack.pop()
                if not stack:
                    return position
            elif char == b"{":
                if data.startswith(b"{{", position) and top != b":":
                    position += 2
                else:
                    stack.append(b"{")
                    position += 1
            elif char == b"}" and top == b":":
                stack.pop()
                stack.pop()
                position += 1
            elif char in b"\r\n" and len(top) == 1 and top != b":":
                return -1
            else:
                position += 1
            continue
        found = FIELD_TOKEN.search(data, position)
        if found is None:
            return -1
        token, position = found[0], found.end()
        if token in b"([{":
            stack.append(token)
        elif token in b")]}":
            if PAIRS[token[0]] != top[0]:
                return -1
            stack.pop()
        elif token == b":" and top == b"{" and len(stack) >= 2 and stack[-2][:1] in b"'\":":
            stack.append(b":")
        elif token in (b"'", b'"'):
            inner = TOKEN.match(data, position - 1)
            if PREFIX.search(data[max(position - 4, 0) : position - 1]):
                triple = data[position - 1 : position + 2]
                stack.append(triple if triple in (b"'''", b'"""') else token)
                position = position - 1 + len(stack[-1])
            elif inner is None or inner.lastindex != STRING:
                return -1
            else:
                position = inner.end()
        elif token == b"#":
            line = data.find(b"\n", position)
            position = line if line >= 0 else size
        elif token == b"\\":
            position += 1
    return -1


def _definitions(lines: Scan) -> list[Definition]:
    """All `def` and `class` statements, in source order, with the extent of their blocks."""
    data, found = lines.data, []
    open_: list[tuple[int, Definition]] = []
    first = -1
    for index, start in enumerate(lines.starts):
        indent = lines.indents[index]
        while open_ and open_[-1][0] >= indent:
            open_.pop()[1].end = index
        char = data[start]
        if char == 64:  # @
            first = index if first < 0 else first
            continue
        if char in b"adc":
            match = DEFINITION.match(data, start)
            if match:
                parent = open_[-1][1] if open_ else None
                name = match[1].decode("utf-8")
                kind = "class" if char == 99 else "def"
                prefix = ""
                if parent is not None:
                    prefix = parent.qualname + (".<locals>." if parent.kind == "def" else ".")
                one = Definition(
                    name, kind, index, index if first < 0 else first, index + 1, index + 1, parent, prefix + name, char == 97
                )
                found.append(one)
                open_.append((indent, one))
        first = -1
    for _, one in open_:
        one.end = len(lines)
    return found


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

    def drop_lines(self) -> None:
        """Forget the logical lines: they were found not to agree with the tree."""
        self.ids = None


def whole(data: bytes, lines: Scan | None) -> Chunk:
    return Chunk(data, [(0, 0)], range(len(lines)) if lines is not None else None, lines)


def skeleton(lines: Scan) -> Chunk:
    """The file without the bodies of its outermost functions."""
    data, parts, pieces, ids = lines.data, [], [(0, 0)], []
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
    return Chunk(b"".join(parts), pieces, ids, lines)


def body(lines: Scan, one: Definition) -> Chunk:
    """The block of a function under a made-up header."""
    header = b"async def f():\n" if one.is_async else b"def f():\n"
    start, end = lines.line_start(one.body), lines.ends[one.end - 1]
    return Chunk(
        header + lines.data[start:end] + b"\n", [(0, start - len(header))], [-1, *range(one.body, one.end)], lines
    )


def header(lines: Scan, one: Definition) -> Chunk:
    """The `def` line of a function, without its decorators, over a made-up body."""
    start, end = lines.starts[one.line], lines.ends[one.line]
    text = lines.data[start:end] + (b"\n pass\n" if one.body < one.end else b"\n")
    return Chunk(text, [(0, start)], [one.line, -1] if one.body < one.end else [one.line], lines)
