"""One program on both sides: is what is seen the same?"""

from __future__ import annotations

import gc
from dataclasses import dataclass

import torch
from gradlint_runtime import assemble
from gradlint_runtime.errors import Unsupported

from .compare import Difference, first_difference
from .generate import program
from .observe import Run, compiled

engine = assemble()
torch.set_num_threads(1)
# Collecting garbage ends suspended generators, and so may change the modes of whichever thread it happens in.
gc.disable()
gc.collect()
gc.freeze()


@dataclass(frozen=True)
class Judged:
    """`refused` is what one side says that it does not support: from there on nothing is compared."""

    steps: int
    difference: Difference | None
    refused: str

    @property
    def verdict(self) -> str:
        return "different" if self.difference else "refused" if self.refused else "equal"


def judge_text(statements: list[str]) -> Judged:
    codes = compiled(statements)
    ours = Run(engine, Unsupported).all(codes)
    theirs = Run(torch, ()).all(codes[: len(ours.steps)])
    return Judged(
        min(len(ours.steps), len(theirs.steps)), first_difference(ours, theirs), ours.refused or theirs.refused
    )


def judge_seed(seed: int) -> Judged:
    if not seed % 200:
        gc.collect()
    return judge_text(program(seed))
