"""8. All output formats say the same, in the same order, under any hash seed."""

from pathlib import Path

import pytest

from . import judges
from .claims import Block
from .conftest import BLOCKS
from .formats import READERS

pytestmark = pytest.mark.analyser

SEEDS = (0, 1)


def complaints(outputs: dict[tuple[str, int], str]) -> list[str]:
    """What is wrong with the texts printed, keyed by format and hash seed."""
    told = []
    rows = {key: READERS[key[0]](text) for key, text in outputs.items()}
    reference = rows["jsonl", SEEDS[0]]
    if not reference:
        told.append("nothing is reported at all, so there is nothing to compare")
    if reference != sorted(reference, key=lambda row: row[:2]):
        told.append("findings are not in the order of paths and lines")
    for (form, seed), text in outputs.items():
        if rows[form, seed] != reference:
            told.append(f"{form} under hash seed {seed} differs from jsonl under {SEEDS[0]}")
        if text != outputs[form, SEEDS[0]]:
            told.append(f"{form} is another text under hash seed {seed}")
    return told


def representative(blocks: list[Block]) -> list[Block]:
    """One block for each code that is marked, and one that has none: what the formats can differ in."""
    chosen: dict[str, Block] = {}
    for block in blocks:
        for code in [mark.value for mark in block.of("finding")] or [""]:
            chosen.setdefault(code, block)
    return list({block.id: block for block in chosen.values()}.values())


@pytest.mark.skipif(not judges.have_command(), reason="there is no command yet")
def test_formats_agree(tmp_path: Path) -> None:
    for block in representative(BLOCKS):
        name = f"{block.page.replace('/', '_').removesuffix('.md')}_{block.line}.py"
        (tmp_path / name).write_text(block.source, encoding="utf-8")
    outputs = {(form, seed): judges.reported(tmp_path, form, seed) for form in READERS for seed in SEEDS}
    told = complaints(outputs)
    assert not told, "\n".join(told)
