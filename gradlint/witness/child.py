"""Runs scripts: started by `run` as `main` with `engine|torch [--here]`; jobs come in (JSON, one a line), outcomes out.

A job is a list of attempts at one finding (see `attempts`). The engine is imported once, before anything runs; each
attempt runs in a fork of this process, so that modes left off, crashes and endless loops stay with the script that made
them. With `--here` (where there is no fork) it runs in this process.
"""

from __future__ import annotations

import importlib
import json
import os
import selectors
import signal
import sys
import time
import traceback
import types
import warnings
from typing import Any

from gradlint.witness import confine, guard
from gradlint.witness.attempts import Attempt, Outcome, attempts_of

FILE = "<witness>"
LATE = {
    "torch.optim": "torch._dynamo",
    "checkpoint": "torch._dynamo",
    "torch.func": "torch._dynamo",
    "forward_ad": "torch._dynamo",
}
"""What torch imports only when it is used, by the word in a script that gives it away: once here, not in every fork."""


def load_engine(engine: str, jobs: str) -> types.ModuleType:
    """Import what stands for `torch`, and what it would import late for some of the jobs."""
    if engine == "engine":
        importlib.import_module("gradlint_runtime").install()
        return importlib.import_module("torch")
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    for word, module in LATE.items():
        if word in jobs:
            importlib.import_module(module)
    return torch


def run_here(attempt: Attempt, engine: str) -> Outcome:
    """Run one script in this very process, which it may spoil."""
    warnings.simplefilter("ignore")
    scope = confine.namespace()
    try:
        guard.check(attempt["text"])
        first, second = _halves(attempt)
    except guard.Refused as error:
        return {"status": "refused", "message": str(error)}
    outcome = _phase(first, scope, engine, "setup")
    if outcome is not None:
        return outcome
    flags = {name: flag for name in attempt["names"] if (flag := _flag(scope.get(name))) is not None}
    outcome = _phase(second, scope, engine, "other", attempt["check"])
    return {"status": "shown", **(outcome or {}), "flags": flags}


def _halves(attempt: Attempt) -> tuple[Any, Any]:
    """The set-up, and from the action on, as code."""
    import ast

    tree = ast.parse(attempt["text"], FILE)
    parts: tuple[list[ast.stmt], list[ast.stmt]] = ([], [])
    for node in tree.body:
        parts[node.lineno >= attempt["action"]].append(node)
    first, second = (compile(ast.Module(part, []), FILE, "exec") for part in parts)
    return first, second


def _phase(code: Any, scope: dict[str, Any], engine: str, failed: str, check: int = 0) -> Outcome | None:
    """Run a half; None where it ends as it should, else what went wrong."""
    try:
        exec(code, scope)  # the printer's own text, past the guard
    except BaseException as error:  # judged here, whatever it is
        line = _line_of(error)
        cause: Any = error
        if check and line >= check and isinstance(error, AssertionError):
            if not (error.args and isinstance(error.args[0], BaseException)):
                return {"status": "missing", "line": line, "message": str(error)}
            cause = error.args[0]
        status = _kind(cause, engine, failed)
        return {"status": status, "line": line, "error": type(cause).__name__, "message": str(cause)[:400]}
    return None


def _line_of(error: BaseException) -> int:
    rows = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    return rows[0] if rows else 0


def _kind(error: BaseException, engine: str, otherwise: str) -> str:
    if isinstance(error, (confine.Forbidden, confine.NotReadable)):
        return "refused"
    if isinstance(error, MemoryError):
        return "memory"
    lacks = isinstance(error, (NotImplementedError, ImportError))
    lacks = lacks or (isinstance(error, AttributeError) and "torch" in str(error))
    return "unsupported" if lacks and engine == "engine" else otherwise


def _flag(value: Any) -> bool | None:
    flag = getattr(value, "requires_grad", None)
    return flag if isinstance(flag, bool) else None


# -- forks


def run_forked(attempt: Attempt, engine: str, seconds: float) -> Outcome:
    """Run one script in a fork, for at most so many seconds."""
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        _in_fork(attempt, engine, seconds, sender)
    os.close(sender)
    text, late = _read(receiver, seconds)
    if late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return {"status": "timeout", "message": f"it takes longer than {seconds:g} s"}
    try:
        outcome: Outcome = json.loads(text)
    except ValueError:
        return {"status": "crash", "message": f"the process that ran it ended with status {status}"}
    return outcome


def _in_fork(attempt: Attempt, engine: str, seconds: float, sender: int) -> None:
    """The fork's whole life; never returns."""
    try:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        confine.limit(seconds)
        outcome = run_here(attempt, engine)
    except BaseException as error:  # told to the parent, whatever it is
        outcome = {"status": "crash", "message": f"{type(error).__name__}: {error}"}
    try:
        os.write(sender, json.dumps(outcome).encode()[: 1 << 16])
    finally:
        os._exit(0)


def _read(receiver: int, seconds: float) -> tuple[bytes, bool]:
    """All that comes through a pipe, and whether it took too long."""
    until = time.monotonic() + seconds
    text = b""
    with selectors.DefaultSelector() as pipes:
        pipes.register(receiver, selectors.EVENT_READ)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not pipes.select(timeout=left):
                break
            part = os.read(receiver, 1 << 16)
            if not part:
                os.close(receiver)
                return text, False
            text += part
    os.close(receiver)
    return text, True


def run_job(job: dict[str, Any], engine: str, forked: bool) -> list[Outcome]:
    """The outcomes of the attempts made at one finding."""
    if forked:
        return attempts_of(job, lambda attempt: run_forked(attempt, engine, job["seconds"]))
    return attempts_of(job, lambda attempt: run_here(attempt, engine))


def main() -> None:
    engine = sys.argv[1]
    forked = "--here" not in sys.argv
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # The engine's own chatter must not end up among the outcomes.
    os.dup2(2, 1)
    jobs = sys.stdin.read()
    try:
        load_engine(engine, jobs)
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=out, flush=True)
        return
    if not forked:
        confine.limit(60)
    for line in jobs.splitlines():
        job = json.loads(line)
        print(json.dumps({"job": job["job"], "outcomes": run_job(job, engine, forked)}), file=out, flush=True)
