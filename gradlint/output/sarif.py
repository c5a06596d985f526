"""SARIF 2.1.0, for code scanning: results with related places, fixes and what could not be analysed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from gradlint import __version__
from gradlint.findings import Failure, Finding, Fix, Span
from gradlint.output.report import Page, Reported, one_line, without_cells

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVEL = {"error": "error", "warning": "warning", "advice": "note"}


def render(run: Reported, page: Page) -> str:
    run = without_cells(run, page)
    codes = sorted({(one.code, one.name) for one in run.findings})
    driver = {
        "name": "gradlint",
        "version": __version__,
        "rules": [{"id": code, "name": _pascal(name), "shortDescription": {"text": name}} for code, name in codes],
    }
    number = {code: index for index, (code, _) in enumerate(codes)}
    whole = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": not run.failures,
                "toolExecutionNotifications": [_notification(one) for one in run.failures],
            }],
            "results": [_result(one, number[one.code]) for one in run.findings],
        }],
    }  # fmt: skip
    return json.dumps(whole, indent=2) + "\n"


def _result(one: Finding, index: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": LEVEL[one.severity.value],
        "message": {"text": one_line(one.message)},
        "locations": [{"physicalLocation": _location(one.path, one.span)}],
        "properties": {"certainty": one.certainty.value},
    }
    if one.because:
        made["relatedLocations"] = [
            {"physicalLocation": _location(note.path or one.path, note.span), "message": {"text": note.message}}
            for note in one.because
        ]
    if one.witness:
        made["properties"]["witness"] = {"verdict": one.witness.verdict.value, "reason": one.witness.reason}
    if one.fix:
        made["fixes"] = [_fix(one.path, one.fix)]
    return made


def _fix(path: str, fix: Fix) -> dict[str, Any]:
    replacements = [{"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in fix.edits]
    change = {"artifactLocation": _artifact(path), "replacements": replacements}
    return {"description": {"text": fix.message}, "artifactChanges": [change]}


def _notification(failure: Failure) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(failure.path)}
    if failure.line:
        place["region"] = {"startLine": failure.line, "startColumn": max(failure.column, 1)}
    return {"level": "error", "message": {"text": failure.message}, "locations": [{"physicalLocation": place}]}


def _location(path: str, span: Span) -> dict[str, Any]:
    return {"artifactLocation": _artifact(path), "region": _region(span)}


def _artifact(path: str) -> dict[str, str]:
    uri = quote(path.replace("\\", "/"))
    return {"uri": f"file://{uri}" if uri.startswith("/") else uri}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column,
    }  # fmt: skip


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
