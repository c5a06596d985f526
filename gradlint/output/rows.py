"""Findings, predictions and failures as JSON objects: the rows that `json`, `jsonl` and editors share."""

from __future__ import annotations

from typing import Any

from gradlint.findings import Failure, Finding, Fix, Note, Prediction, Span, Witness
from gradlint.output.report import Page


def finding_row(finding: Finding, page: Page) -> dict[str, Any]:
    return {
        "path": finding.path,
        **span_row(finding.span, finding.path, page),
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "severity": finding.severity.value,
        "certainty": finding.certainty.value,
        "witness": witness_row(finding.witness),
        "notes": [note_row(note, finding.path, page) for note in finding.because],
        "fix": fix_row(finding.fix, finding.path, page),
    }


def span_row(span: Span, path: str, page: Page) -> dict[str, int]:
    """In a notebook `cell` is a key too, and lines count from the start of the cell."""
    cell, line = page.cell(path, span.line)
    row = {"line": line, "column": span.column, "end_line": line + span.end_line - span.line}
    return {**({"cell": cell} if cell else {}), **row, "end_column": span.end_column}


def witness_row(witness: Witness | None) -> dict[str, str] | None:
    return None if witness is None else {"verdict": witness.verdict.value, "reason": witness.reason}


def note_row(note: Note, path: str, page: Page) -> dict[str, Any]:
    return {"path": note.path or path, **span_row(note.span, note.path or path, page), "message": note.message}


def fix_row(fix: Fix | None, path: str, page: Page) -> dict[str, Any] | None:
    if fix is None:
        return None
    edits = [{**span_row(edit.span, path, page), "text": edit.text} for edit in fix.edits]
    return {"message": fix.message, "safety": fix.safety.value, "edits": edits}


def prediction_row(one: Prediction, page: Page) -> dict[str, Any]:
    cell, line = page.cell(one.path, one.line)
    return {
        "path": one.path,
        **({"cell": cell} if cell else {}),
        "line": line,
        "column": one.column,
        "name": one.name,
        "requires_grad": one.requires_grad,
        "certainty": one.certainty.value,
        "grad_mode": one.grad_mode,
        "inference_mode": one.inference_mode,
        "why": one.why,
    }


def failure_row(failure: Failure, page: Page) -> dict[str, Any]:
    cell, line = page.cell(failure.path, failure.line)
    place = {**({"cell": cell} if cell else {}), "line": line, "column": failure.column}
    return {"path": failure.path, **place, "message": failure.message}
