"""Time a cold run of gradlint over a tree, against ruff and TorchFix on the same tree in the same run.

    python tools/bench.py [TREE] [--runs N] [--part LINES] [--no-torchfix]

TREE is a folder of Python files; without one, the installed torch package is taken if there is one, else the standard
library. ruff runs as `ruff check --isolated --no-cache`, gradlint as `gradlint check --isolated`: neither keeps a cache.
TorchFix gets an environment of its own, and as it is slow, a part of the tree: a copy of the first files in order, up to
so many lines; gradlint is timed on that part too. The best of some runs counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCHFIX_HOME = ROOT / ".venv-torchfix"
TORCHFIX = "torchfix==0.7.0"


@dataclass(frozen=True)
class Timed:
    name: str
    seconds: float
    status: int
    told: str


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tree", nargs="?", type=Path, default=default_tree())
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", type=int, default=40_000, help="lines of the part that TorchFix gets")
    parser.add_argument("--no-torchfix", action="store_true")
    options = parser.parse_args()
    files = python_files(options.tree)
    print(f"{options.tree}: {len(files)} files, {lines_of(files):,} lines; {os.cpu_count()} processors")
    ours = best("gradlint", gradlint(options.tree), options.runs)
    ruff = best("ruff", [tool("ruff"), "check", "--isolated", "--no-cache", "--quiet", str(options.tree)], options.runs)
    show(ours, ruff)
    if options.no_torchfix:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        part = copy_part(files, options.tree, Path(folder) / "part", options.part)
        chosen = python_files(part)
        print(f"a part of it: {len(chosen)} files, {lines_of(chosen):,} lines")
        fixer = best("TorchFix", [torchfix(), "--select", "ALL", str(part)], 1)
        show(best("gradlint", gradlint(part), options.runs), fixer)
    return 0


def default_tree() -> Path:
    found = importlib.util.find_spec("torch")
    if found and found.submodule_search_locations:
        return Path(found.submodule_search_locations[0])
    return Path(sysconfig.get_paths()["stdlib"])


def python_files(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("*.py") if "__pycache__" not in path.parts)


def lines_of(files: list[Path]) -> int:
    return sum(path.read_bytes().count(b"\n") for path in files)


def tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise SystemExit(f"bench: {name} is not installed; `make bench` installs it")
    return found


def gradlint(tree: Path) -> list[str]:
    return [sys.executable, "-m", "gradlint", "check", "--isolated", "--output-format", "concise", str(tree)]


def torchfix() -> str:
    """The command of TorchFix, installed where it does not get in anybody's way."""
    command = TORCHFIX_HOME / "bin" / "torchfix"
    if not command.exists():
        venv.create(TORCHFIX_HOME, with_pip=True)
        subprocess.run([TORCHFIX_HOME / "bin" / "python", "-m", "pip", "install", "--quiet", TORCHFIX], check=True)
    return str(command)


def copy_part(files: list[Path], tree: Path, target: Path, lines: int) -> Path:
    taken = 0
    for path in files:
        if taken >= lines:
            break
        taken += lines_of([path])
        place = target / path.relative_to(tree)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return target


def best(name: str, command: list[str], runs: int) -> Timed:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime")])}
    made = []
    for _ in range(runs):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        made.append(Timed(name, time.perf_counter() - started, done.returncode, f"{done.stdout}\n{done.stderr}"))
        if done.returncode > 2 or "Traceback (most recent call last)" in done.stderr and name == "gradlint":
            raise SystemExit(f"bench: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return min(made, key=lambda one: one.seconds)


def show(ours: Timed, other: Timed) -> None:
    for one in (ours, other):
        print(f"  {one.name:<9} {one.seconds:8.2f} s   {one.told.count(': GRD') or ''}")
    if ours.seconds > other.seconds:
        print(f"  gradlint takes {ours.seconds / other.seconds:.1f} times as long as {other.name}")
    else:
        print(f"  {other.name} takes {other.seconds / ours.seconds:.1f} times as long as gradlint")


if __name__ == "__main__":
    sys.exit(main())
