"""A slice of the random programs of `tools.fuzz`: no flag, value or mode differs from PyTorch, errors hardly ever."""

from __future__ import annotations

import importlib.util

import pytest

# Programs of these seeds take a few seconds; `python -m tools.fuzz` runs as many as one likes.
SEEDS = range(100_000, 100_600)
# What may differ in a few programs: which error of several comes first, its wording, kernels that torch has not for a
# dtype, how often torch writes to a result before it is there, and in which layout. Flags, values and modes may not.
MINOR = ("outcome", "records", " version", " stride")


def test_programs_are_the_same_for_the_same_seed() -> None:
    from tools.fuzz.generate import program

    assert program(1) == program(1) != program(2)


@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_random_programs_run_as_on_torch() -> None:
    from tools.fuzz.judge import judge_seed
    from tools.fuzz.workers import apart

    flags, others, judged = [], [], 0
    for seed, result in apart(judge_seed, list(SEEDS)):
        if result is None:  # a crash of PyTorch
            continue
        judged += 1
        if result.difference is not None:
            told = f"seed {seed}: {result.difference}"
            (others if result.difference.kind[0] in MINOR else flags).append(told)
    assert judged > len(SEEDS) * 0.99
    assert not flags, "\n".join(flags)
    assert len(others) < 0.005 * judged, "\n".join(others)


@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_a_planted_difference_is_seen_and_made_small() -> None:
    from gradlint_runtime.tensor import Tensor

    from tools.fuzz.compare import shrunk
    from tools.fuzz.judge import judge_text

    program = [
        "w = torch.ones(2, requires_grad=True)",
        "with torch.no_grad():\n    a = w * 2\n    b = w + a",
        "c = w * 3",
    ]
    assert judge_text(program).difference is None
    kept = Tensor.__add__
    Tensor.__add__ = lambda self, other: kept(self, other).requires_grad_()  # type: ignore[method-assign]
    try:
        difference = judge_text(program).difference
        assert difference is not None and difference.what == "b: requires_grad"
        small = shrunk(program, lambda text: judge_text(text).difference is not None)
    finally:
        Tensor.__add__ = kept  # type: ignore[method-assign]
    assert len("\n".join(small).splitlines()) < 5
