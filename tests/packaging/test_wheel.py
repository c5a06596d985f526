"""A wheel installs into an empty environment and works there: command, module, pages of the rules, engine."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """\
import torch

x = torch.ones(3, requires_grad=True)
with torch.no_grad():
    loss = (x * 2).sum()
loss.backward()
"""
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif("GRADLINT_WHEEL" not in os.environ, reason="GRADLINT_WHEEL names no folder: see `make wheel`"),
]


@pytest.fixture(scope="module")
def wheel() -> Path:
    (found,) = (ROOT / os.environ["GRADLINT_WHEEL"]).glob("gradlint-*.whl")
    return found


@pytest.fixture(scope="module")
def empty(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    binaries = folder / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([binaries / "python", "-m", "pip", "install", "--quiet", wheel], check=True)
    return binaries


def run(command: list[object], cwd: Path, status: int = 0) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, env=environment)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_what_is_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"gradlint/py.typed", "gradlint/pipeline.py", "gradlint_runtime/__init__.py"} <= set(names)
    pages = {Path(name).stem for name in names if name.startswith("gradlint/rules/pages/") and name.endswith(".md")}
    assert pages == {path.stem for path in (ROOT / "fixtures" / "rules").glob("*.md")}
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"gradlint", "gradlint_runtime"}


def test_it_needs_little(empty: Path, tmp_path: Path) -> None:
    rows = json.loads(run([empty / "python", "-m", "pip", "list", "--format", "json"], tmp_path))
    names = {row["name"].lower() for row in rows} - {"pip", "setuptools", "wheel"}
    assert names <= {"gradlint", "libcst", "numpy", "pyyaml", "pyyaml-ft", "tomli", "typing-extensions", "typing-inspect"} | {
        "mypy-extensions",
    }  # fmt: skip


def test_command_and_module(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    assert run([empty / "gradlint", "--version"], tmp_path) == run([empty / "python", "-m", "gradlint", "-V"], tmp_path)
    told = run([empty / "gradlint", "train.py"], tmp_path, status=1)
    assert told.startswith("train.py:6:1: GRD101 ")
    assert told == run([empty / "python", "-m", "gradlint", "check", "."], tmp_path, status=1)


def test_the_witness_runs(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    (row,) = run([empty / "gradlint", "check", "--output-format", "jsonl", "."], tmp_path, status=1).splitlines()
    assert json.loads(row)["witness"]["verdict"] == "confirmed"
    assert "import torch" in run([empty / "gradlint", "explain", "train.py:6"], tmp_path)


def test_the_engine_runs_scripts(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text("import torch\nprint(torch.ones(2, requires_grad=True).sum().requires_grad)\n")
    assert run([empty / "gradlint", "run", "small.py"], tmp_path) == "True\n"


def test_pages_are_there(empty: Path, tmp_path: Path) -> None:
    rows = json.loads(run([empty / "gradlint", "rule", "--output-format", "json"], tmp_path))
    assert len(rows) > 50
    for row in rows:
        assert run([empty / "gradlint", "rule", row["code"]], tmp_path).startswith(f"# {row['code']} {row['name']}")
