"""Fixes become a new text: bytes and fixes in, bytes out, in the same encoding and with the same line ends.

Fixes whose edits overlap are not applied together: the first one in the file wins, and the next round meets the other.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gradlint.findings import Edit, Fix, Safety, Span

COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
NEWLINE = re.compile(r"\r\n?|\n")


def applicable(fixes: Iterable[Fix | None], unsafe: bool) -> tuple[Fix, ...]:
    """The fixes that may be applied, each once."""
    chosen = (fix for fix in fixes if fix is not None and (unsafe or fix.safety is Safety.SAFE))
    return tuple(dict.fromkeys(chosen))


def within(fixes: Iterable[Fix], first: int, count: int) -> tuple[Fix, ...]:
    """The fixes all of whose edits lie in `count` lines from `first` on, as if these lines were the whole text."""
    after = (first + count, 1)
    inside = (fix for fix in fixes if all(
        first <= edit.span.line and (edit.span.end_line, edit.span.end_column) <= after for edit in fix.edits
    ))  # fmt: skip
    return tuple(replace(fix, edits=tuple(_moved(edit, first - 1) for edit in fix.edits)) for fix in inside)


def _moved(edit: Edit, lines: int) -> Edit:
    span = edit.span
    moved = Span(span.line - lines, span.column, span.end_line - lines, span.end_column)
    return replace(edit, span=moved)


def apply(source: bytes, fixes: Sequence[Fix]) -> bytes:
    """The source with as many of the fixes as fit together."""
    marked, encoding, text = decoded(source)
    starts = [0, *(found.end() for found in NEWLINE.finditer(text))]
    taken: list[tuple[int, int, str]] = []
    located = ([_piece(edit, starts, text) for edit in fix.edits] for fix in fixes if fix.edits)
    for pieces in sorted(located, key=min):
        if _fits(pieces, taken):
            taken += [piece for piece in pieces if piece not in taken]
    newline = _newline(text)
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + NEWLINE.sub(newline, new) + text[end:]
    return marked + text.encode(encoding)


def decoded(source: bytes) -> tuple[bytes, str, str]:
    """(byte order mark, encoding, text) of a source that is known to be readable."""
    marked = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
    source = source[len(marked) :]
    encoding = "utf-8"
    for line in re.split(rb"\r\n?|\n", source[:4000], maxsplit=2)[:2]:
        found = COOKIE.match(line)
        if found and not marked:
            encoding = found[1].decode("ascii", "replace").replace("_", "-")
        if found or not BLANK.match(line):
            break
    return marked, encoding, source.decode(encoding)


def _piece(edit: Edit, starts: list[int], text: str) -> tuple[int, int, str]:
    span = edit.span
    start = starts[span.line - 1] + span.column - 1
    end = starts[span.end_line - 1] + span.end_column - 1 if span.end_line <= len(starts) else len(text)
    return start, max(start, end), edit.text


def _fits(pieces: list[tuple[int, int, str]], taken: list[tuple[int, int, str]]) -> bool:
    """Whether a fix's edits touch none that are taken; the very same edit may be shared (an import, say)."""
    return all(piece in taken or not _touches(piece, other) for piece in pieces for other in taken)


def _touches(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    if one[:2] == other[:2]:
        return True
    return one[0] == other[0] or (one[0] < other[1] and other[0] < one[1])


def _newline(text: str) -> str:
    """The line end that the text uses first."""
    found = NEWLINE.search(text)
    return found[0] if found else "\n"
