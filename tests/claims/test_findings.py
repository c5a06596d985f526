"""1a. The findings of a block are those marked: no more and no fewer."""

from collections import Counter

import pytest

from .claims import Block
from .judges import Analyser

pytestmark = pytest.mark.analyser


def complaints(analyser: Analyser, block: Block) -> list[str]:
    expected = Counter(block.expected())
    seen = Counter((finding.span.line, finding.code) for finding in analyser.findings(block.source, block.options))
    told = [f"{block.place(line)}: {code} is marked, and not reported" for line, code in (expected - seen).elements()]
    missed = Counter((mark.line, mark.value) for mark in block.of("missed"))
    for line, code in (seen - expected).elements():
        cured = " (marked as missed: cured, make it a plain mark)" if (line, code) in missed else ""
        told.append(f"{block.place(line)}: {code} is reported, and not marked{cured}")
    return told


def test_findings_are_those_marked(block: Block, analyser: Analyser) -> None:
    told = complaints(analyser, block)
    assert not told, "\n".join(told)
