"""7. The witness of each finding is confirmed, on the engine and, where torch is installed, on torch."""

import os
import zlib

import pytest

from gradlint.findings import Verdict

from . import judges
from .claims import Block
from .judges import Analyser

pytestmark = pytest.mark.analyser
SHARE = 4
EVERY = "GRADLINT_EVERY_WITNESS"
"""Set: the witnesses of all blocks run on torch, not only those of one block in SHARE (each is a start of torch)."""


def complaints(analyser: Analyser, block: Block, engine: str) -> list[str]:
    if not block.of("finding"):
        return []
    told = []
    known = {mark.line for mark in block.of("witness")}
    unconfirmed = set()
    for finding in analyser.confirmed(block.source, block.options, engine):
        line, witness = finding.span.line, finding.witness
        if witness and witness.verdict is Verdict.CONFIRMED:
            continue
        unconfirmed.add(line)
        if line not in known or (witness and witness.verdict is Verdict.REFUTED):
            why = f"{witness.verdict.value}: {witness.reason}" if witness else "has no witness"
            told.append(f"{block.place(line)}: {finding.code} on the {engine}: {why}")
    if engine == "engine":
        cured = known - unconfirmed
        told += [f"{block.place(line)}: confirmed by now, take the witness mark away" for line in sorted(cured)]
    return told


def test_witnesses_are_confirmed_on_the_engine(block: Block, analyser: Analyser) -> None:
    told = complaints(analyser, block, "engine")
    assert not told, "\n".join(told)


@pytest.mark.torch
def test_witnesses_are_confirmed_on_torch(block: Block, analyser: Analyser) -> None:
    if not judges.torch_required():
        pytest.skip(f"a start of torch for each witness: only with {judges.REQUIRE_TORCH}")
    if zlib.crc32(block.id.encode()) % SHARE and not os.environ.get(EVERY):
        pytest.skip(f"one block in {SHARE} starts torch; all with {EVERY}")
    told = complaints(analyser, block, "torch")
    assert not told, "\n".join(told)
