"""Predict what real programs hold, run them under real PyTorch, and compare.

    python tools/reality/measure.py WORK [--python PYTHON] [--only NAME] [--keep]

WORK is a folder for clones, recordings and predictions. `programs.toml` beside this file lists repositories, commits and
what is run. PYTHON is one with torch and with what the programs need (`requirements.txt`); gradlint runs under this one.
With `--keep`, recordings that are there are used again. Prints a table, then each wrong prediction.

A place is a name that a line binds, in a file that ran, to a tensor at least once. It is *mixed* where tensors of either kind
were seen: no definite prediction of it can be right.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

HERE = Path(__file__).resolve().parent
WORDS = ("the", "cat", "sat", "on", "a", "mat", "dog", "ran", "far", "away")


@dataclass
class Place:
    path: str
    line: int
    name: str
    seen: set[bool]
    said: bool | None = None
    certainty: str = ""

    @property
    def wrong(self) -> bool:
        return self.said is not None and self.seen != {self.said}


def clone(repository: dict[str, Any], home: Path) -> None:
    """The repository at its commit, with the small files that its programs expect."""
    if not home.exists():
        subprocess.run(["git", "init", "-q", str(home)], check=True)
        fetch = ["git", "-C", str(home), "fetch", "-q", "--depth", "1", f"https://github.com/{repository['name']}"]
        subprocess.run([*fetch, repository["commit"]], check=True)
        subprocess.run(["git", "-C", str(home), "checkout", "-q", "FETCH_HEAD"], check=True)
    chance = random.Random(0)
    for name in repository.get("texts", ()):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(" ".join(chance.choice(WORDS) for _ in range(9)) for _ in range(600)))
    for name in repository.get("folders", ()):
        (home / name).mkdir(parents=True, exist_ok=True)


def record(repository: dict[str, Any], home: Path, out: Path, python: str, keep: bool) -> list[Path]:
    made = []
    for number, run in enumerate(repository["run"]):
        path = out / f"{number}.json"
        made.append(path)
        if keep and path.exists():
            continue
        folder = home / run.get("in", ".")
        words = ["--pytest", *run["pytest"].split()] if "pytest" in run else run["script"].split()
        seconds = run.get("seconds", 60)
        command = [python, str(HERE / "record.py"), str(home), str(path), "--seconds", str(seconds)]
        command += ["--first", str(HERE / "stand_ins.py"), *words]
        environment = {**os.environ, "PYTHONPATH": str(home), "OMP_NUM_THREADS": "1"}
        with open(path.with_suffix(".log"), "w") as log:
            subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log, timeout=3 * seconds + 120)
    return made


def places(recordings: list[Path]) -> list[Place]:
    found: dict[tuple[str, int, str], Place] = {}
    for recording in recordings:
        if not recording.exists():
            continue
        for path, held in json.loads(recording.read_text()).items():
            for line, name, seen in held["places"]:
                if name.strip("_"):
                    found.setdefault((path, line, name), Place(path, line, name, set())).seen.update(seen)
    return list(found.values())


def predict(home: Path, found: list[Place]) -> float:
    """Ask gradlint of the whole repository; gives the seconds it takes."""
    began = time.monotonic()
    command = [sys.executable, "-m", "gradlint", "predict", "--isolated", "--output-format", "jsonl", str(home)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    said: dict[tuple[str, int, str], dict[bool, str]] = {}
    for row in rows:
        if row["requires_grad"] is not None:
            key = os.path.relpath(row["path"], home), row["line"], row["name"]
            said.setdefault(key, {})[row["requires_grad"]] = row["certainty"]
    for place in found:
        answers = said.get((place.path, place.line, place.name), {})
        if len(answers) == 1:
            ((place.said, place.certainty),) = answers.items()
    return time.monotonic() - began


def row(name: str, found: list[Place], seconds: float) -> str:
    mixed = [p for p in found if len(p.seen) > 1]
    told = [p for p in found if p.said is not None]
    pure = [p for p in told if len(p.seen) == 1]
    parts = [name, str(len(found)), share(len(mixed), len(found)), share(len(told), len(found))]
    parts.append(share(len(pure), len(found) - len(mixed)))
    for certainty in ("certain", "likely"):
        some = [p for p in told if p.certainty == certainty]
        parts += [str(len(some)), str(sum(p.wrong for p in some))]
    return f"| {' | '.join(parts)} | {seconds:.0f} |"


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    work = options.work.resolve()
    everything: list[Place] = []
    print(
        "| repository | places | mixed | definite | of those not mixed | certain | wrong | likely | wrong | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for repository in tomllib.loads((HERE / "programs.toml").read_text())["repository"]:
        name = repository["name"]
        if options.only and name not in options.only:
            continue
        home, out = work / "clones" / name.replace("/", "+"), work / "recordings" / name.replace("/", "+")
        out.mkdir(parents=True, exist_ok=True)
        clone(repository, home)
        found = places(record(repository, home, out, options.python, options.keep))
        seconds = predict(home, found)
        everything += found
        print(row(name, found, seconds), flush=True)
    print(row("all", everything, 0))
    for place in everything:
        if place.wrong:
            print(
                f"{place.path}:{place.line}: {place.name}: said {place.said} ({place.certainty}), seen {sorted(place.seen)}"
            )


if __name__ == "__main__":
    main()
