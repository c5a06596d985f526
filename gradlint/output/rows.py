"""Findings, predictions and failures as JSON objects: the rows that `json`, `jsonl` and editors share."""

from __future__ import annotations

from typing import Any

from gradlint.findings import Failure, Finding, Fix, Note, Prediction, Span, Witness


def finding_row(finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        **span_row(finding.span),
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "severity": finding.severity.value,
        "certainty": finding.certainty.value,
        "witness": witness_row(finding.witness),
        "notes": [note_row(note, finding.path) for note in finding.because],
        "fix": fix_row(finding.fix),
    }


def span_row(span: Span) -> dict[str, int]:
    return {"line": span.line, "column": span.column, "end_line": span.end_line, "end_column": span.end_column}


def witness_row(witness: Witness | None) -> dict[str, str] | None:
    return None if witness is None else {"verdict": witness.verdict.value, "reason": witness.reason}


def note_row(note: Note, path: str) -> dict[str, Any]:
    return {"path": note.path or path, **span_row(note.span), "message": note.message}


def fix_row(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    edits = [{**span_row(edit.span), "text": edit.text} for edit in fix.edits]
    return {"message": fix.message, "safety": fix.safety.value, "edits": edits}


def prediction_row(one: Prediction) -> dict[str, Any]:
    return {
        "path": one.path,
        "line": one.line,
        "column": one.column,
        "name": one.name,
        "requires_grad": one.requires_grad,
        "certainty": one.certainty.value,
        "grad_mode": one.grad_mode,
        "inference_mode": one.inference_mode,
        "why": one.why,
    }


def failure_row(failure: Failure) -> dict[str, Any]:
    return {"path": failure.path, "line": failure.line, "column": failure.column, "message": failure.message}
