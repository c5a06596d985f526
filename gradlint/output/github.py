"""Workflow commands of GitHub Actions, which shows them beside the lines of a pull request."""

from __future__ import annotations

from gradlint.output.report import Page, Reported, one_line, without_cells

LEVEL = {"error": "error", "warning": "warning", "advice": "notice"}


def render(run: Reported, page: Page) -> str:
    run = without_cells(run, page)
    rows = []
    for one in run.findings:
        values = {
            "title": f"gradlint ({one.code})",
            "file": one.path,
            "line": one.span.line,
            "col": one.span.column,
            "endLine": one.span.end_line,
            "endColumn": one.span.end_column,
        }
        if one.span.end_line != one.span.line:  # columns of another line would be taken for those of this one
            del values["col"], values["endColumn"]
        told = ",".join(f"{key}={_value(str(value))}" for key, value in values.items())
        where = f"{one.path}:{one.span.line}:{one.span.column}:"
        rows.append(f"::{LEVEL[one.severity.value]} {told}::{_text(f'{where} {one.code} {one_line(one.message)}')}\n")
    return "".join(rows)


def _text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
