"""Where the arguments of a call stand, read from the source of the call itself."""

from __future__ import annotations

import ast
from collections.abc import Callable

from gradlint.analysis.events import Place
from gradlint.findings import Span
from gradlint.rules.rule import Report


def find_argument(report: Report, call: Place, wanted: Callable[[str], bool]) -> tuple[Span, str] | None:
    """The span and the source of the first argument of a call whose source is as wanted; None where there is none, or
    where the place is no call that can be read."""
    text = f"({report.text(call)})"
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(node, ast.Call):
        return None
    lines = text.split("\n")
    for value in (*node.args, *(keyword.value for keyword in node.keywords)):
        source = ast.get_source_segment(text, value) or ""
        if wanted(source):
            return _span(report.span(call), lines, value), source
    return None


def _span(whole: Span, lines: list[str], node: ast.expr) -> Span:
    def point(line: int, offset: int) -> tuple[int, int]:
        column = len(lines[line - 1].encode()[:offset].decode())
        # The text is read behind one bracket, and the first line of it starts where the call does.
        return whole.line + line - 1, whole.column + column - 1 if line == 1 else column

    assert node.end_lineno is not None and node.end_col_offset is not None
    return Span(*point(node.lineno, node.col_offset), *point(node.end_lineno, node.end_col_offset))
