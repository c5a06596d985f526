"""Has scripts run in a subprocess, one for a whole batch, and says what their outcomes mean for the findings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gradlint.findings import Verdict, Witness
from gradlint.witness.attempts import attempts_of
from gradlint.witness.program import Program, Script

Job = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
START = 20.0
"""Seconds that an engine may take to start."""


@dataclass(frozen=True)
class Outcome:
    """How one script ended.

    attempt: number of the script in its program. flags: requires_grad of the variables when the set-up was over.
    status, one of:
    shown: the fault showed. missing: the script ran and it did not. other: the action ended in another way.
    setup: the set-up failed. unsupported: the engine does not know something. timeout, memory, crash, refused.
    """

    status: str
    attempt: int = 0
    line: int = 0
    error: str = ""
    message: str = ""
    flags: tuple[tuple[str, bool], ...] = ()


class NoEngine(Exception):
    """The engine cannot be run, and why."""


def run_all(programs: Sequence[Program], engine: str, seconds: float, whole: float) -> list[list[Outcome]]:
    """The outcomes of each program's attempts, as far as they were made. Raises NoEngine.

    seconds: for one script. whole: for all of them; what is not run by then has no outcome.
    """
    jobs = [_job(number, program, seconds) for number, program in enumerate(programs)]
    results: list[list[Outcome]] = [[] for _ in programs]
    if hasattr(os, "fork"):
        found = _ask(jobs, engine, whole + START)
    else:
        found = _ask_one_by_one(jobs, engine, seconds, whole)
    for number, outcomes in found:
        results[number] = [_outcome(row) for row in outcomes]
    return results


def _job(number: int, program: Program, seconds: float) -> Job:
    numbers = {script.layout: at for at, script in enumerate(program.scripts)}
    attempts = [
        {
            "text": script.text, "action": script.action, "check": script.check,
            "names": [name for name, _ in script.believed], "turned": script.layout.turned,
            "twin": numbers.get(replace(script.layout, turned=not script.layout.turned)),
        }
        for script in program.scripts
    ]  # fmt: skip
    return {"job": number, "seconds": seconds, "attempts": attempts}


def _outcome(row: dict[str, Any]) -> Outcome:
    flags = tuple(sorted((str(name), bool(flag)) for name, flag in row.get("flags", {}).items()))
    error, message = str(row.get("error", "")), str(row.get("message", ""))
    return Outcome(str(row["status"]), int(row.get("attempt", 0)), int(row.get("line", 0)), error, message, flags)


def environment() -> dict[str, str]:
    """The child's variables: relative folders and the working directory do not count as places to import from, as
    they may be those of the code that is analysed."""
    here = os.path.realpath(os.getcwd())
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [path for path in given if os.path.isabs(path) and os.path.realpath(path) != here]
    runtime = ROOT / "runtime"
    paths = [*([str(runtime)] if (runtime / "gradlint_runtime").is_dir() else []), *kept]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}


_BOOT = """
import sys
root = sys.argv.pop(1)
sys.path[:] = [path for path in sys.path if path]
if root not in sys.path:
    sys.path.insert(0, root)
from gradlint.witness.child import main
main()
"""


def _command(engine: str, *more: str) -> list[str]:
    """Start a child that imports nothing from the working directory, which is where the analysed code may be."""
    return [sys.executable, "-c", _BOOT, str(ROOT), engine, *more]


def _ask(jobs: Sequence[Job], engine: str, seconds: float, *more: str) -> list[tuple[int, list[Any]]]:
    """Give jobs to one child and read its answers; those given before it was stopped count."""
    process = subprocess.Popen(
        _command(engine, *more), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(), start_new_session=True,
    )  # fmt: skip
    text = "".join(json.dumps(job) + "\n" for job in jobs).encode()
    try:
        answer, errors = process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        answer, errors = process.communicate()
    return _answers(answer, errors, process.returncode)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a child and the scripts that it runs."""
    import signal

    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _answers(answer: bytes, errors: bytes, status: int) -> list[tuple[int, list[Any]]]:
    found: list[tuple[int, list[Any]]] = []
    for line in answer.decode(errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if "missing" in row:
            raise NoEngine(row["missing"])
        found.append((row["job"], row["outcomes"]))
    if status > 0 and not found:
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        raise NoEngine(f"the engine does not start: {last[0] if last else f'status {status}'}")
    return found


def _ask_one_by_one(jobs: Iterable[Job], engine: str, seconds: float, whole: float) -> list[tuple[int, list[Any]]]:
    """Without fork: a child for each attempt, so that none sees what another one left behind."""
    until = time.monotonic() + whole
    found: list[tuple[int, list[Any]]] = []

    def run_one(attempt: Job) -> Job:
        late = {"status": "timeout", "message": f"it takes longer than {seconds:g} s"}
        if time.monotonic() > until:
            return late
        answers = _ask([{"job": 0, "seconds": seconds, "attempts": [attempt]}], engine, START + seconds, "--here")
        return dict(answers[0][1][0]) if answers else late

    for job in jobs:
        found.append((job["job"], attempts_of(job, run_one)))
    return found


# -- what the outcomes mean


def judge(program: Program, outcomes: Sequence[Outcome]) -> Witness:
    """The verdict on a finding."""
    tried = [(program.scripts[outcome.attempt], outcome) for outcome in outcomes]
    if not tried:
        return Witness(Verdict.UNCONFIRMED, "the time for all witnesses was over", program.scripts[0].text)
    statuses = [outcome.status for outcome in outcomes]
    if "shown" in statuses:
        at = statuses.index("shown")
        turned = statuses[at + 1 :]
        depends = "missing" in turned or ("other" in turned and "shown" not in turned)
        why = program.empty or ("it depends on whether what is made up requires grad" if depends else "")
        return Witness(Verdict.UNCONFIRMED if why else Verdict.CONFIRMED, why, tried[at][0].text)
    for script, outcome in tried:
        if outcome.status == "missing":
            return _not_shown(program, script, outcome)
    script, outcome = max(tried, key=lambda pair: _TELLING[pair[1].status])
    return Witness(Verdict.UNCONFIRMED, _reason(script, outcome), script.text)


def _not_shown(program: Program, script: Script, outcome: Outcome) -> Witness:
    """A script ran and the fault did not show: this refutes the finding only where nothing was guessed."""
    what = outcome.message or "what was predicted does not hold"
    flags = dict(outcome.flags)
    wrong = next((name for name, belief in script.believed if flags.get(name, belief) != belief), "")
    if wrong:
        what += f": `{wrong}` {'requires' if flags[wrong] else 'does not require'} grad when it is run"
    if program.guesses:
        return Witness(Verdict.UNCONFIRMED, f"{what}; but {program.guesses[0]}", script.text)
    return Witness(Verdict.REFUTED, what, script.text)


_TELLING = {"setup": 1, "crash": 2, "memory": 2, "other": 3, "timeout": 4, "unsupported": 5, "refused": 6}
"""Which of several failures says most about why there is no witness."""


def _reason(script: Script, outcome: Outcome) -> str:
    said = f"{outcome.error}: {outcome.message}" if outcome.error else outcome.message
    said = " ".join(said.split())[:200]
    lines = script.text.splitlines()
    at = f" at `{lines[outcome.line - 1].partition('  #')[0].strip()}`" if 0 < outcome.line <= len(lines) else ""
    return {
        "setup": f"the set-up fails{at}: {said}",
        "other": f"it ends in another way{at}: {said}",
        "unsupported": f"the engine does not support it{at}: {said}",
        "timeout": said,
        "memory": "it takes too much memory",
        "crash": f"it crashes: {said}",
        "refused": f"it may not be run: {said}",
    }.get(outcome.status, said)
