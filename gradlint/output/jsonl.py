"""One JSON object a line for each finding or prediction."""

from __future__ import annotations

import json

from gradlint.output.report import Page, Reported
from gradlint.output.rows import finding_row, prediction_row


def render(run: Reported, page: Page) -> str:
    return "".join(json.dumps(finding_row(one, page)) + "\n" for one in run.findings)


def render_predictions(run: Reported, page: Page) -> str:
    return "".join(json.dumps(prediction_row(one, page)) + "\n" for one in run.predictions)
