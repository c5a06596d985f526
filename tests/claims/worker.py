"""Runs blocks on one judge: `python -m claims.worker torch|engine`, pickled blocks in, pickled outcomes out.

The judge is imported once; each block runs in a fork of that process, so that modes left off, warnings given once
and threads left behind stay with the block that made them.
"""

from __future__ import annotations

import importlib
import linecache
import os
import pickle
import selectors
import signal
import sys
import time
import traceback
import types
import warnings
from dataclasses import dataclass

from .claims import Block, ClaimError, Outcome
from .instrument import WATCH, Watch, instrumented

SECONDS = 30.0
JOBS = 2


def judge_module(judge: str) -> types.ModuleType:
    """Import the judge and return what stands for `torch`."""
    if judge == "engine":
        importlib.import_module("gradlint_runtime").install()
    torch = importlib.import_module("torch")
    if judge == "torch":
        torch.set_num_threads(1)
        # Imported here once rather than in every fork that makes an optimizer or a checkpoint.
        for name in ("torch._dynamo", "torch.func", "torch.utils.checkpoint", "torch.autograd.functional"):
            importlib.import_module(name)
    return torch


def blamed(block: Block, error: BaseException) -> int:
    """The innermost line of the block that an exception passed."""
    rows = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == block.id]
    return (rows[-1] or 0) if rows else 0


def run(block: Block, torch: types.ModuleType, judge: str) -> Outcome:
    """Run one block in this very process. Leaves it spoilt: the caller forks."""
    warnings.resetwarnings()
    watch = Watch(block, torch)
    try:
        code = instrumented(block)
    except ClaimError as error:
        return Outcome(block.id, (str(error),))
    linecache.cache[block.id] = (len(block.source), None, block.source.splitlines(True), block.id)
    module = types.ModuleType("__main__")
    module.__dict__[WATCH] = watch
    sys.modules["__main__"] = module
    torch.manual_seed(0)
    refused = 0
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        line = blamed(block, error)
        if judge == "engine" and isinstance(error, (NotImplementedError, ImportError)) and error is not watch.excused:
            refused = line
            if not any(mark.line == line and mark.value == "unsupported" for mark in block.of("engine")):
                watch.failures.append((line, f"the engine refuses this: {error}"))
        elif error is not watch.excused:
            watch.failures.append((line, f"unexpected {type(error).__name__}: {error}"))
            refused = line
    if not refused:
        watch.close()
    return Outcome(block.id, tuple(settled(block, watch.failures, judge, refused)))


def settled(block: Block, failures: list[tuple[int, str]], judge: str, refused: int) -> list[str]:
    """The failures as messages; on the engine those that a known-error mark excuses left out, cured ones added."""
    excused: set[int] = set()
    cured: list[tuple[int, str]] = []
    for mark in block.of("engine") if judge == "engine" else ():
        if mark.value == "differs" and any(line == mark.line for line, _ in failures):
            excused.add(mark.line)
        elif mark.line != refused and not refused:
            cured.append((mark.line, f"{mark.text!r}: no longer so, take the mark away"))
    told = [failure for failure in failures if failure[0] not in excused] + cured
    return [f"{block.place(line)}: {message}" for line, message in sorted(set(told))]


def fork(block: Block, torch: types.ModuleType, judge: str) -> tuple[int, int]:
    """Start a child that runs the block; its process id and the end of the pipe that its outcome comes through."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child:
        os.close(sender)
        return child, receiver
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    try:
        outcome = run(block, torch, judge)
    except BaseException:
        outcome = Outcome(block.id, (f"{block.id}: the judge broke: {traceback.format_exc()}",))
    with os.fdopen(sender, "wb") as pipe:
        pipe.write(pickle.dumps(outcome))
    os._exit(0)


@dataclass
class _Child:
    block: Block
    process: int
    until: float
    text: bytes = b""


def run_all(blocks: list[Block], torch: types.ModuleType, judge: str) -> list[Outcome]:
    """Run every block in a fork of its own, a few at a time; one that takes too long is ended."""
    outcomes: list[Outcome] = []
    waiting = list(reversed(blocks))
    with selectors.DefaultSelector() as pipes:
        while waiting or pipes.get_map():
            while waiting and len(pipes.get_map()) < JOBS:
                block = waiting.pop()
                process, receiver = fork(block, torch, judge)
                pipes.register(receiver, selectors.EVENT_READ, _Child(block, process, time.monotonic() + SECONDS))
            for key, _ in pipes.select(timeout=1.0):
                part = os.read(key.fd, 65536)
                key.data.text += part
                if not part:
                    pipes.unregister(key.fd)
                    os.close(key.fd)
                    outcomes.append(_outcome(key.data))
            for key in list(pipes.get_map().values()):
                if time.monotonic() > key.data.until:
                    os.kill(key.data.process, signal.SIGKILL)
    return outcomes


def _outcome(child: _Child) -> Outcome:
    _, status = os.waitpid(child.process, 0)
    if child.text:
        loaded: Outcome = pickle.loads(child.text)
        return loaded
    return Outcome(child.block.id, (f"{child.block.id}: ended by status {status} (crash, or over {SECONDS:.0f} s)",))


def main() -> None:
    judge = sys.argv[1]
    blocks = pickle.load(sys.stdin.buffer)
    out = os.fdopen(os.dup(1), "wb")
    # The judge's own chatter must not end up among the outcomes.
    os.dup2(2, 1)
    pickle.dump(run_all(blocks, judge_module(judge), judge), out)
    out.close()


if __name__ == "__main__":
    main()
