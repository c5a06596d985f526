"""Comments that silence findings: the text of a file in, a yes or no for each finding out.

A comment speaks of the whole statement (logical line) that it stands on, as with flake8:
    # noqa            # noqa: GRD101, E501           # gradlint: ignore           # gradlint: ignore[GRD101] reason
and `# gradlint: ignore-file`, with or without codes, of the whole file. Names of rules and prefixes of codes do too.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass

from gradlint.findings import Finding

HINT = re.compile(rb"noqa|gradlint:", re.IGNORECASE)
CODE = r"(?:[A-Z]{1,5}[0-9]+|GRD\b)"
NOQA = re.compile(rf"#\s*noqa\b(?:\s*:\s*(?P<codes>{CODE}(?:[,\s]+{CODE})*))?", re.IGNORECASE)
OWN = re.compile(r"#\s*gradlint:\s*(?P<kind>ignore-file|ignore)(?![\w-])\s*(?:\[(?P<codes>[^\]]*)\])?")
SPLIT = re.compile(r"[,\s]+")


@dataclass(frozen=True)
class Comment:
    """One ignore comment. `codes` is empty for all rules; `first` and `last` bound the lines it speaks of."""

    line: int
    first: int
    last: int
    codes: tuple[str, ...] = ()

    def silences(self, finding: Finding) -> bool:
        if not self.first <= finding.span.line <= self.last:
            return False
        return not self.codes or any(_means(code, finding) for code in self.codes)


class Ignores:
    """The ignore comments of one file."""

    def __init__(self, data: bytes) -> None:
        self.comments: tuple[Comment, ...] = tuple(_comments(data)) if HINT.search(data) else ()

    def silenced_by(self, finding: Finding) -> Comment | None:
        return next((comment for comment in self.comments if comment.silences(finding)), None)


def _means(code: str, finding: Finding) -> bool:
    return finding.name == code or finding.code.startswith(code.upper())


def _comments(data: bytes) -> Iterable[Comment]:
    text = data.decode("utf-8", "replace")
    end = text.count("\n") + 2
    for comment, line, first, last in _placed(text):
        for found in OWN.finditer(comment):
            codes = _codes(found["codes"])
            if found["codes"] is not None and not codes:
                continue  # `ignore[]` names nothing
            whole = found["kind"] == "ignore-file"
            yield Comment(line, 1 if whole else first, end if whole else last, codes)
        noqa = NOQA.search(comment)
        if noqa:
            yield Comment(line, first, last, _codes(noqa["codes"]))


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(one for one in SPLIT.split(text or "") if one)


def _placed(text: str) -> Iterable[tuple[str, int, int, int]]:
    """(comment, its line, first and last line of the statement it stands on) for each comment that may matter."""
    waiting: list[tuple[str, int]] = []
    first = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline=None).readline):
            line = token.start[0]
            if token.type == tokenize.COMMENT:
                if HINT.search(token.string.encode()):
                    waiting.append((token.string, line))
            elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
                for comment, place in waiting:
                    yield comment, place, min(first or place, place), max(line, place)
                waiting, first = [], 0
            elif token.type == tokenize.NL:
                if not first:  # a comment on a line of its own
                    for comment, place in waiting:
                        yield comment, place, place, place
                    waiting = []
            elif token.type not in (tokenize.INDENT, tokenize.DEDENT) and not first:
                first = line
    except (tokenize.TokenError, SyntaxError):  # a syntax that this Python does not know: line by line
        for number, row in enumerate(text.splitlines(), 1):
            _, mark, rest = row.partition("#")
            if mark:
                yield mark + rest, number, number, number
