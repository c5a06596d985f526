"""What is mended runs: a program all of whose findings have a fix ends without an error after it, on engine and torch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from . import judges
from .claims import Block
from .conftest import BLOCKS
from .judges import CheckoutAnalyser, run_blocks
from .rewrite import without_comments


def mended(blocks: list[Block]) -> list[Block]:
    """The programs after `--fix --unsafe-fixes`, without marks, of those blocks all of whose findings have a fix."""
    analyser = CheckoutAnalyser()
    made = []
    for block in blocks:
        bare = without_comments(block.source)
        found = analyser.findings(bare, block.options) if block.of("finding") else []
        if found and all(one.fix for one in found):
            text = analyser.mended(bare, block.options)
            made.append(replace(block, source=text, marks=(), lines=(0,) * (text.count("\n") + 1)))
    return made


def complaints(judge: str, blocks: list[Block]) -> list[str]:
    outcomes = run_blocks(judge, mended(blocks))
    return [f"{name}: {told}" for name, outcome in outcomes.items() for told in outcome.failures]


@pytest.mark.engine
def test_mended_programs_run_on_the_engine() -> None:
    blocks = [block for block in BLOCKS if not block.of("engine")]
    assert len(mended(blocks)) > 50
    told = complaints("engine", blocks)
    assert not told, "\n".join(told)


@pytest.mark.torch
def test_mended_programs_run_on_torch() -> None:
    if not judges.have_torch():
        if judges.torch_required():
            pytest.fail("torch is not installed")
        pytest.skip("torch is not installed")
    told = complaints("torch", BLOCKS)
    assert not told, "\n".join(told)


@pytest.mark.engine
def test_a_fix_that_does_not_cure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    block = next(block for block in BLOCKS if block.of("raises") and mended([block]))
    monkeypatch.setattr(CheckoutAnalyser, "mended", lambda self, source, options: source)
    assert complaints("engine", [block])
