"""Ignore comments for findings that an old code base is to live with: the text of a file and findings in, edits out.

A comment goes to the end of the finding's line, or of its statement where a comment cannot stand on that line (inside a
string, before a backslash). A comment of gradlint that names codes already is given the new ones.
"""

from __future__ import annotations

import tokenize
from collections.abc import Iterable

from gradlint.findings import Edit, Finding, Fix, Safety, Span
from gradlint.sources.ignores import Comment, Ignores


def new_ignores(data: bytes, findings: Iterable[Finding], reason: str = "") -> list[Fix]:
    """Edits to a file (as UTF-8, without byte order mark); none where its lines cannot be told apart."""
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ends = _ends(lines)
    if ends is None:
        return []
    present = [one for one in Ignores(data).comments if one.kind == "ignore" and one.codes]
    codes: dict[int, set[str]] = {}
    grown: dict[Comment, set[str]] = {}
    for finding in findings:
        comment = next((one for one in present if one.first <= finding.span.line <= one.last), None)
        if comment:
            grown.setdefault(comment, set()).add(finding.code)
        elif finding.span.line in ends:
            codes.setdefault(ends[finding.span.line], set()).add(finding.code)
    edits = [_grown(comment, more) for comment, more in grown.items()]
    edits += [_added(line, lines[line - 1], found, reason) for line, found in codes.items()]
    return [Fix("Silence what is found here", (edit,), Safety.SAFE) for edit in edits]


def _grown(comment: Comment, more: Iterable[str]) -> Edit:
    codes = dict.fromkeys([*comment.codes, *sorted(more)])
    return Edit(comment.span, f"# gradlint: ignore[{', '.join(codes)}]")


def _added(number: int, line: str, codes: Iterable[str], reason: str) -> Edit:
    end = len(line.rstrip())
    text = f"  # gradlint: ignore[{', '.join(sorted(codes))}]" + (f" {reason}" if reason else "")
    return Edit(Span(number, end + 1, number, len(line) + 1), text)


def _ends(lines: list[str]) -> dict[int, int] | None:
    """For each line of a statement the line at whose end a comment on that statement can stand."""
    made: dict[int, int] = {}
    first = 0
    closed: set[int] = set()
    source = iter([line + "\n" for line in lines])
    try:
        for token in tokenize.generate_tokens(lambda: next(source, "")):
            if token.type in (tokenize.NL, tokenize.NEWLINE):
                closed.add(token.start[0])  # such a line ends in no string and in no backslash
            if token.type == tokenize.NEWLINE:
                last = token.start[0]
                for line in range(first or last, last + 1):
                    made[line] = line if line in closed else last
                first = 0
            elif token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT) and not first:
                first = token.start[0]
    except (tokenize.TokenError, SyntaxError):
        return None
    return made
