"""The plugin inside the real flake8."""

import importlib.util
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gradlint.editors.flake8_plugin import Plugin

ROOT = Path(__file__).resolve().parents[2]
BAD = """\
import torch

x = torch.ones(3, requires_grad=True)
with torch.no_grad():
    loss = (x * 2).sum()
loss.backward()
"""
pytestmark = [
    pytest.mark.outside,
    pytest.mark.skipif(importlib.util.find_spec("flake8") is None, reason="flake8 is not installed"),
]
# What an installed gradlint says by its entry point; a checkout that is not installed says it here.
INSTALLED = any(one.name == "GRD" for one in entry_points(group="flake8.extension"))
LOCAL = "[flake8:local-plugins]\nextension =\n    GRD = gradlint.editors.flake8_plugin:Plugin\n"
CONFIG = ("" if INSTALLED else LOCAL) + "[flake8]\n"


def flake8(cwd: Path, *arguments: str, given: str = "") -> tuple[int, list[str]]:
    config = cwd / "flake8.ini"
    config.write_text(CONFIG)
    path = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--config", config.name, *arguments], cwd=cwd, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path}, input=given,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [row for row in done.stdout.splitlines() if "GRD" in row]


def test_findings_are_reported_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    status, rows = flake8(tmp_path, "bad.py")
    assert status == 1 and len(rows) == 1
    assert rows[0].startswith("bad.py:6:1: GRD101 `loss` does not require grad")


def test_selection_and_noqa_of_flake8_hold(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    assert flake8(tmp_path, "--extend-ignore", "GRD1", "bad.py") == (0, [])
    assert flake8(tmp_path, "--select", "E", "bad.py") == (0, [])
    (tmp_path / "bad.py").write_text(BAD.replace("backward()", "backward()  # noqa: GRD101"))
    assert flake8(tmp_path, "bad.py") == (0, [])


def test_the_configuration_of_gradlint_holds(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "pyproject.toml").write_text("[tool.gradlint]\nignore = ['GRD101']\n")
    assert flake8(tmp_path, "bad.py") == (0, [])


def test_standard_input(tmp_path: Path) -> None:
    status, rows = flake8(tmp_path, "-", given=BAD)
    assert status == 1 and "6:1: GRD101" in rows[0]


def test_the_entry_point_names_the_plugin() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert f'GRD = "{Plugin.__module__}:{Plugin.__name__}"' in text
