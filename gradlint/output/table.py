"""The formats by name. Each is imported when it is asked for: start-up time."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from gradlint.output.report import Page, Reported

Render = Callable[[Reported, Page], str]

FORMATS = {
    "concise": "gradlint.output.concise",
    "full": "gradlint.output.full",
    "json": "gradlint.output.json_object",
    "jsonl": "gradlint.output.jsonl",
    "sarif": "gradlint.output.sarif",
    "github": "gradlint.output.github",
    "gitlab": "gradlint.output.gitlab",
    "junit": "gradlint.output.junit",
}
ALIASES = {"text": "concise"}
PREDICTIONS = ("concise", "json", "jsonl")


def findings_format(name: str) -> Render:
    return cast("Render", import_module(FORMATS[ALIASES.get(name, name)]).render)


def predictions_format(name: str) -> Render:
    return cast("Render", import_module(FORMATS[ALIASES.get(name, name)]).render_predictions)
