"""Odd files end in findings and predictions, never in a failure, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .cli.command import gradlint

ODD = Path(__file__).resolve().parents[1] / "fixtures" / "odd"
FILES = sorted(ODD.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
@pytest.mark.parametrize(
    "command", [("check", "--select", "ALL", "--exit-zero"), ("predict",)], ids=["check", "predict"]
)
def test_odd_files_are_read(path: Path, command: tuple[str, ...]) -> None:
    ended = gradlint(*command, "--isolated", "--output-format", "jsonl", path, cwd=ODD.parents[1])
    assert (ended.status, ended.err) == (0, "")
    for line in ended.out.splitlines():
        assert json.loads(line)["path"].endswith(path.name)


def test_there_are_odd_files() -> None:
    assert len(FILES) >= 10
