"""3. Sifting lets through every block that has a finding, one that is missed today included."""

import pytest

from .claims import CODE, Block
from .judges import Analyser
from .rewrite import without_comments

pytestmark = pytest.mark.analyser


def complaints(analyser: Analyser, block: Block) -> list[str]:
    codes = [mark.value for mark in block.of("finding", "missed", "false alarm") if CODE.fullmatch(mark.value)]
    if codes and not analyser.wants(without_comments(block.source), block.options):
        return [f"{block.id}: sifted out, and has {', '.join(codes)}"]
    return []


def test_no_finding_is_sifted_out(block: Block, analyser: Analyser) -> None:
    assert not complaints(analyser, block)
