"""A Code Quality report for GitLab, which compares fingerprints to tell new findings from old ones."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

from gradlint.output.report import Page, Reported, one_line, without_cells

SEVERITY = {"error": "major", "warning": "major", "advice": "info"}


def render(run: Reported, page: Page) -> str:
    run = without_cells(run, page)
    rows = []
    seen: Counter[str] = Counter()
    for one in run.findings:
        # Without the line, so that text moved down is not a new finding; numbered, so that two alike stay two.
        key = f"{one.path}\0{one.code}\0{_quoted(one.path, one.span.line, page)}"
        seen[key] += 1
        rows.append({
            "description": f"{one.code} {one_line(one.message)}",
            "check_name": one.code,
            "fingerprint": hashlib.sha256(f"{key}\0{seen[key]}".encode()).hexdigest(),
            "severity": SEVERITY[one.severity.value],
            "location": {
                "path": one.path,
                "positions": {
                    "begin": {"line": one.span.line, "column": one.span.column},
                    "end": {"line": one.span.end_line, "column": one.span.end_column},
                },
            },
        })  # fmt: skip
    return json.dumps(rows, indent=2) + "\n"


def _quoted(path: str, line: int, page: Page) -> str:
    lines = page.lines(path)
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""
