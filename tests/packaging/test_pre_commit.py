"""The hooks inside the real pre-commit: it clones the project, installs it and runs it on what is staged."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BAD = """\
import torch

x = torch.ones(3, requires_grad=True)
with torch.no_grad():
    loss = (x * 2).sum()
loss.backward()
"""
SHIPPED = ("gradlint", "runtime", "fixtures", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
pytestmark = [
    pytest.mark.outside,
    pytest.mark.network,
    pytest.mark.skipif(importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed"),
]


def git(cwd: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds the project as it stands here."""
    folder = tmp_path_factory.mktemp("gradlint")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps what it installs."""
    return tmp_path_factory.mktemp("home")


def repository(folder: Path, project: Path, hook: str, **files: str) -> None:
    git(folder, "init", "-q")
    (folder / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {project}\n  rev: {git(project, 'rev-parse', 'HEAD')}\n  hooks:\n  - id: {hook}\n"
    )
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    git(folder, "add", ".")


def run(folder: Path, home: Path) -> tuple[int, str]:
    variables = {**os.environ, "PRE_COMMIT_HOME": str(home)}
    variables.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--color", "never"], cwd=folder, capture_output=True, text=True,
        env=variables, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_finding_stops_the_commit(tmp_path: Path, project: Path, home: Path) -> None:
    repository(tmp_path, project, "gradlint", bad=BAD, good="import torch\n")
    status, told = run(tmp_path, home)
    assert status == 1 and "bad.py:6:1: GRD101" in told, told


def test_a_clean_commit_passes_and_excluded_files_are_left_out(tmp_path: Path, project: Path, home: Path) -> None:
    repository(tmp_path, project, "gradlint", bad=BAD, good="import torch\n")
    (tmp_path / "pyproject.toml").write_text("[tool.gradlint]\nextend-exclude = ['bad.py']\n")
    status, told = run(tmp_path, home)
    assert status == 0 and "Passed" in told, told


def test_the_other_hook_mends(tmp_path: Path, project: Path, home: Path) -> None:
    repository(tmp_path, project, "gradlint-fix", a="import torch\n\nwith torch.no_grad:\n    y = torch.ones(2) * 2\n")
    status, told = run(tmp_path, home)
    assert status == 1 and "files were modified by this hook" in told, told
    assert "with torch.no_grad():" in (tmp_path / "a.py").read_text()
