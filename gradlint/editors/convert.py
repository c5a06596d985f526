"""Findings, fixes and predictions become what the Language Server Protocol calls diagnostics, code actions and hovers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from gradlint.editors.protocol import Columns
from gradlint.findings import Certainty, Failure, Finding, Fix, Prediction, Safety, Span
from gradlint.output.report import one_line

Row = dict[str, Any]
Lines = Callable[[str], Sequence[str]]

SEVERITY = {"error": 1, "warning": 2, "advice": 3}
UNNECESSARY = 1
NEWLINE = re.compile(r"\r\n?|\n")
WORD = re.compile(r"[^\W\d]\w*")


def path_of(uri: str) -> str:
    """The path of a file, "" for what is none (`untitled:…`)."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return ""
    path = unquote(parts.path)
    return path[1:].replace("/", "\\") if os.name == "nt" and re.match(r"/[A-Za-z]:", path) else path


def uri_of(path: str) -> str:
    return Path(os.path.abspath(path)).as_uri()


def range_of(span: Span, lines: Sequence[str], columns: Columns) -> Row:
    return {
        "start": _position(span.line, span.column, lines, columns),
        "end": _position(span.end_line, span.end_column, lines, columns),
    }


def _position(line: int, column: int, lines: Sequence[str], columns: Columns) -> Row:
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return {"line": max(line - 1, 0), "character": columns.told(text, column)}


def diagnostic(finding: Finding, uri: str, lines: Lines, columns: Columns, related: bool) -> Row:
    """A finding; what led to it is told as related places, or in the message to a client that knows none of these."""
    row: Row = {
        "range": range_of(finding.span, lines(finding.path), columns),
        "severity": SEVERITY[finding.severity.value],
        "code": finding.code,
        "source": "gradlint",
        "message": one_line(finding.message),
    }
    if related:
        row["relatedInformation"] = [
            {
                "location": {
                    "uri": uri_of(note.path) if note.path else uri,
                    "range": range_of(note.span, lines(note.path or finding.path), columns),
                },
                "message": one_line(note.message),
            }
            for note in finding.because
        ]
    if finding.name == "unused-ignore":
        row["tags"] = [UNNECESSARY]
    return row


def broken(failure: Failure, lines: Sequence[str], columns: Columns) -> Row:
    """A source that could not be analysed."""
    span = Span(max(failure.line, 1), max(failure.column, 1), max(failure.line, 1), max(failure.column, 1) + 1)
    return {
        "range": range_of(span, lines, columns), "severity": SEVERITY["error"], "source": "gradlint",
        "message": one_line(failure.message),
    }  # fmt: skip


def action(finding: Finding, fix: Fix, uri: str, text: str, diagnostics: Sequence[Row], columns: Columns) -> Row:
    """A quick fix; the preferred one where it is safe."""
    lines = NEWLINE.split(text)
    ends = NEWLINE.search(text)
    edits = [
        {
            "range": range_of(edit.span, lines, columns),
            "newText": NEWLINE.sub(ends[0] if ends else "\n", edit.text),
        }
        for edit in fix.edits
    ]
    safe = fix.safety is Safety.SAFE
    title = f"{fix.message} ({finding.code})" + ("" if safe else ", which may change what the program means")
    return {
        "title": title, "kind": "quickfix", "diagnostics": list(diagnostics), "isPreferred": safe,
        "edit": {"changes": {uri: edits}},
    }  # fmt: skip


def rewriting(before: str, after: str, columns: Columns) -> list[Row]:
    """One edit of whole lines that makes one text of the other; none where they are the same."""
    old, new = _lines_with_ends(before), _lines_with_ends(after)
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    tail = 0
    while tail < min(len(old), len(new)) - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if same == len(old) == len(new):
        return []
    lines = NEWLINE.split(before)
    last = len(old) - tail
    ends = last < len(lines)  # where the text ends without a line end, that is the end of its last line
    end = Span(same + 1, 1, last + 1 if ends else last, 1 if ends else len(lines[-1]) + 1)
    return [{"range": range_of(end, lines, columns), "newText": "".join(new[same : len(new) - tail])}]


def _lines_with_ends(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+", text)


def hover(predictions: Sequence[Prediction], line: int, column: int, text: str) -> str:
    """What is known of the name at a place, as Markdown; "" where that is nothing.

    The name may be used there, not bound: then all its bindings in the file count, and only if they say the same.
    """
    for one in predictions:
        if one.line == line and one.column <= column <= one.column + len(one.name):
            return told(one)
    word = next((w for w in WORD.finditer(text) if w.start() < column <= w.end() + 1), None)
    same = [one for one in predictions if word and one.name == word[0]]
    if not same or len({one.requires_grad for one in same}) > 1 or same[0].requires_grad is None:
        return ""
    lines = ", ".join(str(n) for n in sorted({one.line for one in same})[:5])
    return f"`{same[0].name}`: requires_grad={same[0].requires_grad} wherever this file binds it (line {lines})"


def told(one: Prediction) -> str:
    """A prediction in two lines."""
    flag = "unknown" if one.requires_grad is None else str(one.requires_grad)
    likely = " (likely)" if one.requires_grad is not None and one.certainty is Certainty.LIKELY else ""
    mode = {True: "on", False: "off", None: "unknown"}
    modes = f"grad mode {mode[one.grad_mode]}"
    if one.inference_mode is not False:
        modes += f", inference mode {mode[one.inference_mode]}"
    why = f"\n\n{one_line(one.why)}" if one.why else ""
    return f"`{one.name}`: **requires_grad={flag}**{likely}, {modes}{why}"
