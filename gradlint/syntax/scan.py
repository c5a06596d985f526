"""The cheap look at a file: its logical lines and its definitions, found without a parser.

Strings, brackets, comments and continuation lines are known, and nothing else of the grammar. Where the scan is in
doubt it says so (None), and the file is parsed whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A match eats what is of no interest (plain strings, comments, brackets nested two deep), then one token.
# Loops are unrolled so that no text makes them backtrack far, and bounded since each round costs memory.
_TEXT = r"[^\n\r'\"#()\[\]{}\\]*"
_WITHIN = r"[^\r'\"#()\[\]{}\\]*"
_STRING = "(?:{})".format(
    "|".join(
        [
            r"'(?!'')[^'\\\r\n]*(?:\\(?:\r\n|.)[^'\\\r\n]*)*'",
            r'"(?!"")[^"\\\r\n]*(?:\\(?:\r\n|.)[^"\\\r\n]*)*"',
            r"'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''",
            r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""',
        ]
    )
)
_PLAIN = r"(?<![fFtT])(?<![fFtT][rR])" + _STRING
_FLAT = rf"(?:\({_WITHIN}\)|\[{_WITHIN}\]|\{{{_WITHIN}\}})"
_INNER = rf"{_WITHIN}(?:(?:{_FLAT}|{_PLAIN}){_WITHIN}){{0,50}}"
_PAIR = rf"\({_INNER}\)|\[{_INNER}\]|\{{{_INNER}\}}"
_TOKENS = rf"(?P<string>{_STRING})|(?P<open>[(\[{{])|(?P<close>[)\]}}])|(?P<joined>\\\r?\n)|(?P<doubt>[\\'\"\r\n])|"
_LINE_END = r"(?P<newline>(?:\r?\n[ \t\f]*(?:#[^\r\n]*)?)*\r?\n(?P<indent>[ \t\f]*))"
_NEVER = r"(?P<newline>(?P<indent>(?!)))"


def _skipping(text: str, tokens: str) -> re.Pattern[bytes]:
    source = rf"{text}(?:(?:{_PAIR}|{_PLAIN}|#[^\r\n]*){text}){{0,50}}(?:{tokens})"
    return re.compile(source.encode("ascii"), re.DOTALL)


OUTSIDE = _skipping(_TEXT, f"{_LINE_END}|{_TOKENS}")
INSIDE = _skipping(_WITHIN, f"{_NEVER}|{_TOKENS}")
NEWLINE, INDENT, STRING, OPEN, CLOSE, JOINED, DOUBT = range(1, 8)
ALONE = re.compile(_STRING.encode("ascii"), re.DOTALL)
BLANK = re.compile(rb"(?:[ \t\f]*(?:#[^\r\n]*)?\r?\n)*[ \t\f]*")
PREFIX = re.compile(rb"(?<![A-Za-z0-9_\x80-\xff])[rR]?[fFtT][rR]?\Z")
LONG_LINE = 2000
MAX_OPERATORS = 400
OPERATOR = re.compile(
    rf"{_STRING}|#[^\r\n]*|[()\[\]{{}},;]|[-+*/%@&|^~<>.]+|\b(?:and|or|not|in|is|if|lambda|await)\b".encode(), re.DOTALL
)
HEADER = re.compile(rb"(?:if|elif|else|for|while|with|try|except|finally|def|class|async|match|case|@)\b|@")
STORED = re.compile(r"([^\W\d]\w*)\s*(?:=(?!=)|:=|[-+*/%@&|^]=|//=|\*\*=|<<=|>>=)")
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
    """Logical lines: byte offsets of their first token and behind their last (a comment behind it included), width of
    their indentation.

    deepest: most brackets open at once, as far as the scan looked; deepest_at: where."""

    data: bytes
    starts: list[int]
    ends: list[int]
    indents: list[int]
    deepest: int = 0
    deepest_at: int = 0
    _longest: int = -1
    _outsize: frozenset[int] | None = None
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

    @property
    def outsize(self) -> frozenset[int]:
        """Simple statements with more operators in a row than libcst parses in good time (it takes their square)."""
        if self._outsize is None:
            self._outsize = frozenset()
            if self.longest > LONG_LINE:
                self._outsize = frozenset(
                    line
                    for line, (start, end) in enumerate(zip(self.starts, self.ends))
                    if end - start > LONG_LINE and _is_outsize(self.data[start:end])
                )
        return self._outsize

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


def _is_outsize(text: bytes) -> bool:
    if HEADER.match(text):
        return False
    depths = [0]
    for found in OPERATOR.finditer(text):
        token = found[0]
        if token in b"([{":
            depths.append(0)
        elif token in b")]}":
            depths.pop()
            if not depths:
                return False
        elif token in b",;":
            depths[-1] = 0
        elif token[0] not in b"\"'#":
            depths[-1] += 1
            if depths[-1] > MAX_OPERATORS:
                return True
    return False


def scan(data: bytes) -> Scan | None:
    """The logical lines of a source; None where they cannot be told for certain."""
    text = data if data.endswith(b"\n") else data + b"\n"
    found = BLANK.match(text)
    position = found.end() if found else 0
    line = text.rfind(b"\n", 0, position) + 1
    if text[line:position].strip(b"\f"):
        return None  # the first line is indented
    lines = Scan(data, [], [], [])
    return _walk(text, position, lines) if position < len(text) else lines


def _walk(text: bytes, start: int, lines: Scan) -> Scan | None:
    """Fills in the logical lines of a text that ends in a newline, from its first token on."""
    starts, ends, indents = lines.starts, lines.ends, lines.indents
    position, width, size = start, 0, len(text)
    opened: list[int] = []
    outside, inside = OUTSIDE.match, INSIDE.match
    odd = b"\t" in text or b"\f" in text
    seen = 0
    while position < size:
        found = inside(text, position) if opened else outside(text, position)
        if found is None or (found.end() == position and not found.lastindex):
            return None
        kind = found.lastindex
        position = found.end()
        if kind == NEWLINE:
            starts.append(start)
            ends.append(found.start(NEWLINE))
            indents.append(width)
            start = position
            width = position - found.start(INDENT)
            if odd and width:
                seen |= _indentation(text[position - width : position])
                if seen not in (1, 2):
                    return None
        elif kind == STRING:
            position = _string_end(text, found.start(STRING), position)
            if position < 0:
                return None
        elif kind == OPEN:
            opened.append(text[position - 1])
            if len(opened) > lines.deepest:
                lines.deepest, lines.deepest_at = len(opened), position - 1
        elif kind == CLOSE:
            if not opened or opened.pop() != PAIRS[text[position - 1]]:
                return None
        elif kind == DOUBT:
            return None
    return None if opened or start < size else lines


def _indentation(space: bytes) -> int:
    """1 for spaces, 2 for tabs, 3 for what compares in no plain way."""
    return 3 if b"\f" in space else (b" " in space) + 2 * (b"\t" in space)


def _string_end(text: bytes, begin: int, end: int) -> int:
    """Where a string ends that may be an f-string: the end given if fields in it hold no quotes, -1 for nowhere."""
    if not PREFIX.search(text[max(begin - 3, 0) : begin]):
        return end
    inner = text[begin:end]
    if b"{{" in inner or b"}}" in inner or inner.count(b"{") != inner.count(b"}"):
        return _formatted(text, begin)
    return end


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
            inner = ALONE.match(data, position - 1)
            if PREFIX.search(data[max(position - 4, 0) : position - 1]):
                triple = data[position - 1 : position + 2]
                stack.append(triple if triple in (b"'''", b'"""') else token)
                position = position - 1 + len(stack[-1])
            elif inner is None:
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
                    name,
                    kind,
                    index,
                    index if first < 0 else first,
                    index + 1,
                    index + 1,
                    parent,
                    prefix + name,
                    char == 97,
                )
                found.append(one)
                open_.append((indent, one))
        first = -1
    for _, one in open_:
        one.end = len(lines)
    return found
