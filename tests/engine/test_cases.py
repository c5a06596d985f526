"""Every runnable program of a folder of cases ends on the engine as its header says.

The folder is named by the environment variable GRADLINT_CASES; the header is the line `# runs:` — `ok`, `silent: …`
(ends normally), `raises KIND: text`, or `not-run: …`. `python -m tests.engine.test_cases FOLDER` prints a table.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = os.environ.get("GRADLINT_CASES", "")


def cases(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("*.py")) if folder else []


def expected(path: Path) -> str:
    found = re.search(r"^# runs: (.*)$", path.read_text(), re.MULTILINE)
    return found.group(1) if found else "ok"


def outcome(path: Path, seconds: float = 120.0) -> str:
    """`ok`, or the last line of the traceback."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "gradlint_runtime", str(path)], capture_output=True, text=True,
        timeout=seconds, check=False, cwd=path.parent, env={**os.environ, "PYTHONPATH": str(ROOT / "runtime")},
    )  # fmt: skip
    if done.returncode == 0:
        return "ok"
    lines = [line for line in done.stderr.splitlines() if re.match(r"^[\w.]+(Error|Exception|Unsupported)\b", line)]
    return lines[-1] if lines else f"status {done.returncode}: {done.stderr[-300:]}"


def verdict(path: Path) -> str:
    """Empty where the case ends as it should, else what it did instead."""
    wanted = expected(path)
    if wanted.startswith("not-run"):
        return ""
    got = outcome(path)
    if wanted.startswith("raises"):
        kind, _, text = wanted.removeprefix("raises ").partition(": ")
        return "" if got.startswith(kind) and text in got else f"wanted {wanted!r}, got {got!r}"
    return "" if got == "ok" else f"wanted {wanted!r}, got {got!r}"


@pytest.mark.skipif(not FOLDER, reason="GRADLINT_CASES names no folder of cases")
@pytest.mark.parametrize("path", cases(FOLDER), ids=lambda path: path.stem)
def test_case_ends_as_its_header_says(path: Path) -> None:
    assert verdict(path) == ""


def main() -> None:
    wrong = 0
    for path in cases(sys.argv[1]):
        told = verdict(path)
        wrong += bool(told)
        print(f"{path.name:55} {told or 'as its header says'}")
    print(f"{wrong} of {len(cases(sys.argv[1]))} differ")


if __name__ == "__main__":
    main()
