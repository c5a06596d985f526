"""One JSON object for the whole run: `findings` (or `predictions`), and `errors`: files that could not be analysed."""

from __future__ import annotations

import json

from gradlint.output.report import Page, Reported
from gradlint.output.rows import failure_row, finding_row, prediction_row


def render(run: Reported, page: Page) -> str:
    return _whole(run, page, "findings", [finding_row(one, page) for one in run.findings])


def render_predictions(run: Reported, page: Page) -> str:
    return _whole(run, page, "predictions", [prediction_row(one, page) for one in run.predictions])


def _whole(run: Reported, page: Page, name: str, rows: list[dict[str, object]]) -> str:
    errors = [failure_row(one, page) for one in run.failures]
    return json.dumps({name: rows, "errors": errors, "files": run.files}, indent=2) + "\n"
