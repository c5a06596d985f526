"""Bytes of a file become UTF-8 bytes without a byte order mark, as Python's own tokenizer would read them."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right

COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
NEWLINE = re.compile(rb"\r\n?|\n")


class SourceError(Exception):
    """A source that cannot be read as Python. `line` and `column` count from 1 in the file; 0 where unknown."""

    def __init__(self, path: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {message}")
        self.path, self.line, self.column, self.message = path, line, column, message

    def __reduce__(self) -> tuple[type[SourceError], tuple[str, int, int, str]]:
        return SourceError, (self.path, self.line, self.column, self.message)


def read(path: str, source: bytes) -> bytes:
    """The UTF-8 bytes of a source. Raises SourceError for NUL bytes, unknown encodings and undecodable bytes."""
    marked = source.startswith(codecs.BOM_UTF8)
    if marked:
        source = source[3:]
    if b"\0" in source:
        line, column = place_of(source, source.index(b"\0"))
        raise SourceError(path, line, column, "source code cannot contain null bytes")
    if source.isascii() and b"coding" not in source[:400]:
        return source
    name, line = _declared(source)
    if name is None:
        return _checked(path, source, "utf-8")
    try:
        normal = codecs.lookup(name.replace("_", "-")).name
    except (LookupError, ValueError):
        raise SourceError(path, line, 1, f"unknown encoding: {name}") from None
    if normal in ("utf-8", "utf-8-sig", "ascii"):
        return _checked(path, source, "utf-8" if normal == "utf-8-sig" else normal)
    if marked:
        raise SourceError(path, line, 1, f"encoding problem: {name} with a UTF-8 byte order mark")
    return _checked(path, source, normal)


def _declared(source: bytes) -> tuple[str | None, int]:
    """The encoding that one of the first two lines declares, and that line."""
    for number, line in enumerate(NEWLINE.split(source[:4000], 2)[:2], 1):
        found = COOKIE.match(line)
        if found:
            return found[1].decode("ascii", "replace"), number
        if not BLANK.match(line):
            break
    return None, 0


def _checked(path: str, source: bytes, encoding: str) -> bytes:
    try:
        text = source.decode(encoding)
        return source if encoding in ("utf-8", "ascii") else text.encode("utf-8")
    except UnicodeDecodeError as error:
        line, column = place_of(source, error.start)
        raise SourceError(path, line, column, f"cannot decode as {encoding}: {error.reason}") from None
    except UnicodeEncodeError as error:
        raise SourceError(path, 0, 0, f"not text in {encoding}: {error.reason}") from None
    except (LookupError, ValueError, AssertionError) as error:
        raise SourceError(path, 0, 0, f"cannot decode as {encoding}: {error}") from None


def place_of(data: bytes, offset: int) -> tuple[int, int]:
    """Line and column (code points) of a byte offset, from 1; for the few places where no line table is at hand."""
    before = data[:offset]
    starts = [0, *(found.end() for found in NEWLINE.finditer(before))]
    return len(starts), len(before[starts[-1] :].decode("utf-8", "replace")) + 1


class Lines:
    """Line starts of a text, as byte offsets: `\\n`, `\\r\\n` and a lone `\\r` end a line, a form feed does not."""

    __slots__ = ("data", "starts")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.starts = [0, *(found.end() for found in NEWLINE.finditer(data))]

    def line(self, offset: int) -> int:
        return bisect_right(self.starts, offset)

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.starts, offset)
        return line, len(self.data[self.starts[line - 1] : offset].decode("utf-8", "replace")) + 1

    def offset(self, line: int, column: int) -> int:
        """The byte offset of a place; one beyond the end of its line or of the text is the end of the text."""
        if line > len(self.starts):
            return len(self.data)
        start = self.starts[line - 1]
        text = self.data[start : start + 4 * column].decode("utf-8", "ignore")
        return min(start + len(text[: column - 1].encode()), len(self.data))
