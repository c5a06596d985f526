"""A slice of PyTorch's own samples: values, derivatives and flags of every operator that the engine has, in small.

`python -m tools.engine.conformance` runs them all.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Operators that are known to differ in some of these samples.
KNOWN = {"linalg.det", "nn.functional.grid_sample"}
LEAST = 480  # names of operators of which some sample is equal


@pytest.mark.torch
@pytest.mark.skipif(
    any(importlib.util.find_spec(each) is None for each in ("torch", "expecttest")),
    reason="torch, or expecttest, which its samples need, is not installed",
)
def test_samples_are_equal(tmp_path: Path) -> None:
    told = tmp_path / "reports.json"
    command = [sys.executable, "-W", "ignore", "-m", "tools.engine.conformance", "--quiet", "--dtypes", "float64"]
    command += ["--samples", "3", "--flags", "2", "--jobs", str(os.cpu_count() or 1), "--json", str(told)]
    # In a process of its own: PyTorch's samples import packages that folders of these tests share their names with.
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'runtime'}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    reports = json.loads(told.read_text())
    wrong = {each["name"]: each["wrong"][0] for each in reports if each["wrong"] and each["name"] not in KNOWN}
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert len({each["name"] for each in reports if each["equal"]}) > LEAST
