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

from gradlint.findings import Finding, Span

HINT = re.compile(rb"noqa|gradlint:", re.IGNORECASE)
CODE = r"(?:[A-Z]{1,5}[0-9]+|GRD\b)"
NOQA = re.compile(rf"#\s*noqa\b(?:\s*:\s*(?P<codes>{CODE}(?:[,\s]+{CODE})*))?", re.IGNORECASE)
OWN = re.compile(r"#\s*gradlint:\s*(?P<kind>ignore-file|ignore)(?![\w-])\s*(?:\[(?P<codes>[^\]]*)\])?")
SPLIT = re.compile(r"[,\s]+")


@dataclass(frozen=True)
class Comment:
    """One ignore comment. `codes` is empty for all rules; `first` and `last` bound the lines it speaks of.

    kind: `noqa`, `ignore` or `ignore-file`. span: from its `#` to the end of what it says to gradlint; `reason` is what
    stands behind that. `end_column` is where the text of the whole comment ends.
    """

    line: int
    first: int
    last: int
    codes: tuple[str, ...] = ()
    kind: str = "ignore"
    span: Span = Span(0, 0, 0, 0)
    reason: str = ""
    end_column: int = 0

    def silences(self, finding: Finding) -> bool:
        if not self.first <= finding.span.line <= self.last:
            return False
        return not self.codes or any(means(code, finding) for code in self.codes)


class Ignores:
    """The ignore comments of one file."""

    def __init__(self, data: bytes) -> None:
        self.comments: tuple[Comment, ...] = tuple(_comments(data)) if HINT.search(data) else ()

    def silenced_by(self, finding: Finding) -> Comment | None:
        """The comment that silences a finding, the narrowest where there are several."""
        found = (comment for comment in self.comments if comment.silences(finding))
        return min(found, key=lambda one: (one.kind == "ignore-file", not one.codes), default=None)


def means(code: str, finding: Finding) -> bool:
    """Whether what stands in a comment (a code, a prefix of one, a name) speaks of a finding."""
    return finding.name == code or finding.code.startswith(code.upper())


def _comments(data: bytes) -> Iterable[Comment]:
    text = data.decode("utf-8", "replace")
    end = text.count("\n") + 2
    for comment, line, column, first, last in _placed(text):
        marks = [*((found, found["kind"]) for found in OWN.finditer(comment))]
        noqa = NOQA.search(comment)
        for found, kind in [*marks, *([(noqa, "noqa")] if noqa else [])]:
            codes = _codes(found["codes"])
            if kind != "noqa" and found["codes"] is not None and not codes:
                continue  # `ignore[]` names nothing
            whole = kind == "ignore-file"
            span = Span(line, column + found.start(), line, column + found.end())
            bounds = (1, end) if whole else (first, last)
            reason = comment[found.end() :].partition("  #")[0].strip()
            yield Comment(line, *bounds, codes, kind, span, reason, column + len(comment))


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(one for one in SPLIT.split(text or "") if one)


def _placed(text: str) -> Iterable[tuple[str, int, int, int, int]]:
    """(comment, its line and column, first and last line of the statement it stands on) for each that may matter."""
    waiting: list[tuple[str, int, int]] = []
    first = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline=None).readline):
            line = token.start[0]
            if token.type == tokenize.COMMENT:
                if HINT.search(token.string.encode()):
                    waiting.append((token.string, line, token.start[1] + 1))
            elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
                for comment, place, column in waiting:
                    yield comment, place, column, min(first or place, place), max(line, place)
                waiting, first = [], 0
            elif token.type == tokenize.NL:
                if not first:  # a comment on a line of its own
                    for comment, place, column in waiting:
                        yield comment, place, column, place, place
                    waiting = []
            elif token.type not in (tokenize.INDENT, tokenize.DEDENT) and not first:
                first = line
    except (tokenize.TokenError, SyntaxError):  # a syntax that this Python does not know: line by line
        for number, row in enumerate(text.splitlines(), 1):
            before, mark, rest = row.partition("#")
            if mark:
                yield mark + rest, number, len(before) + 1, number, number
