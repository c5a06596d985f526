"""Runs a script in a process of its own, with limits, and tells what became of its parameters.

Needs PyTorch. The process is a fork, so that PyTorch is loaded once; what a script changes dies with it.
"""

from __future__ import annotations

import os
import pickle
import random
import re
import resource
import signal
import sys
import traceback
from collections import Counter
from dataclasses import dataclass
from typing import Any

GRADIENT_ERROR = re.compile(r"grad|backward|\bleaf\b|inplace operation|[Ii]nference tensor|deepcopy|'NoneType' object")
MEMORY = 8 << 30


@dataclass(frozen=True)
class Outcome:
    """`error` is empty where the script ran to its end; `line` is where in the script it was raised. Of each parameter:
    whether its value at the end is another than before training, and whether it ever had a gradient that is not zero."""

    error: str = ""
    line: int = 0
    changed: frozenset[str] = frozenset()
    graded: frozenset[str] = frozenset()
    ended: bool = True


def load() -> None:
    """Loads PyTorch and what training pulls in late, for all the forks to come."""
    import torch
    import torch._dynamo  # what the first optimizer imports

    torch.set_num_threads(1)
    weight = torch.nn.Parameter(torch.ones(1))
    weight.sum().backward()
    torch.optim.Adam([weight]).step()


def run(text: str, path: str, seconds: int = 20) -> Outcome:
    """What a script does. One that takes too long or too much ends with `ended` false."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            _limit(seconds)
            with os.fdopen(theirs, "wb") as pipe:
                pipe.write(pickle.dumps(_outcome(text, path)))
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    try:
        outcome = pickle.loads(told)
    except (EOFError, pickle.UnpicklingError):
        return Outcome(error="the process was ended, by a limit or a fault of its own", ended=False)
    assert isinstance(outcome, Outcome)
    return outcome


def _limit(seconds: int) -> None:
    signal.alarm(5 * seconds)  # a machine that does other things as well is slow
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)


def _outcome(text: str, path: str) -> Outcome:
    import numpy
    import torch

    for seed in (random.seed, numpy.random.seed, torch.manual_seed):
        seed(0)
    watch = _Watch()
    error, line = "", 0
    try:
        _execute(text, path)
    except SystemExit as stop:
        error = f"SystemExit: {stop.code}" if stop.code else ""
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
        line = next(
            (f.lineno or 0 for f in reversed(traceback.extract_tb(raised.__traceback__)) if f.filename == path), 0
        )
    return Outcome(error, line, watch.changed(), frozenset(watch.graded))


def _execute(text: str, path: str) -> None:
    """Runs the text as the main module, from the folder of the script."""
    main: Any = type(sys)("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    sys.argv = [path]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    exec(compile(text, path, "exec"), main.__dict__)


class _Watch:
    """Sees every parameter that a module registers, in that order, and what optimizers and `backward` do to it.

    A parameter is called by the class of its module, its name and how many of that kind came before, so that what a
    mistake adds at the end leaves the names of the others alone.
    """

    def __init__(self) -> None:
        import torch
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        self.seen: dict[str, Any] = {}
        self.first: dict[str, Any] = {}
        self.graded: set[str] = set()
        self.count: Counter[str] = Counter()
        register, start = torch.nn.Module.register_parameter, torch.optim.Optimizer.__init__

        def registered(module: Any, name: str, param: Any) -> None:
            register(module, name, param)
            if isinstance(param, torch.nn.Parameter):
                self._add(f"{type(module).__name__}.{name}", param)

        def started(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            self._remember()
            start(optimizer, *args, **kwargs)

        torch.nn.Module.register_parameter = registered  # type: ignore[assignment, method-assign]
        torch.optim.Optimizer.__init__ = started  # type: ignore[assignment, method-assign]
        register_optimizer_step_pre_hook(lambda *_: self._look())

    def _add(self, kind: str, param: Any) -> None:
        self.count[kind] += 1
        self.seen[f"{kind} {self.count[kind]}"] = param

    def _remember(self) -> None:
        for name, param in self.seen.items():
            if name not in self.first:
                self.first[name] = param.detach().clone()

    def _look(self) -> None:
        for name, param in self.seen.items():
            if param.grad is not None and bool(param.grad.detach().any()):
                self.graded.add(name)

    def changed(self) -> frozenset[str]:
        import torch

        same = {name for name, value in self.first.items() if torch.equal(value, self.seen[name].detach())}
        return frozenset(set(self.first) - same)
