"""A slice of PyTorch's own samples: every operator, module and optimizer that the engine has, in small.

`python -m tools.engine.conformance`, `tools.engine.modules` and `tools.engine.optimizers` run them all.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Operators that are known to differ in some of these samples.
KNOWN: set[str] = set()
LEAST = 480  # names of operators of which some sample is equal

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(
        any(importlib.util.find_spec(each) is None for each in ("torch", "expecttest")),
        reason="torch, or expecttest, which its samples need, is not installed",
    ),
]


def reports(tool: str, tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    told = tmp_path / "reports.json"
    command = [sys.executable, "-W", "ignore", "-m", f"tools.engine.{tool}", "--quiet", *options]
    command += ["--jobs", str(os.cpu_count() or 1), "--json", str(told)]
    # In a process of its own: PyTorch's samples import packages that folders of these tests share their names with.
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'runtime'}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(told.read_text())  # type: ignore[no-any-return]


def hold(found: list[dict[str, Any]], least: int) -> None:
    """Nothing differs but what is known to, and so many names at least have samples that are equal."""
    wrong = {each["name"]: each["wrong"][0] for each in found if each["wrong"] and each["name"] not in KNOWN}
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert len({each["name"] for each in found if each["equal"]}) >= least


def test_operators(tmp_path: Path) -> None:
    hold(reports("conformance", tmp_path, "--dtypes", "float64", "--samples", "3", "--flags", "2"), LEAST)


def test_modules(tmp_path: Path) -> None:
    hold(reports("modules", tmp_path, "--dtypes", "float64", "--samples", "8"), 146)


def test_optimizers(tmp_path: Path) -> None:
    hold(reports("optimizers", tmp_path, "--dtypes", "float64", "--samples", "12"), 14)
