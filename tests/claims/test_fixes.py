"""5. Fixes parse, leave nothing to report of what they mend, and change nothing the second time."""

import ast
from collections import Counter

import pytest

from .claims import Block
from .conftest import BLOCKS
from .judges import Analyser
from .rewrite import without_comments

pytestmark = pytest.mark.analyser


def complaints(analyser: Analyser, block: Block) -> list[str]:
    bare = without_comments(block.source)
    before = analyser.findings(bare, block.options)
    if not any(finding.fix for finding in before):
        return []
    mended = analyser.mended(bare, block.options)
    try:
        ast.parse(mended)
    except SyntaxError as error:
        return [f"{block.id}: the mended text does not parse: {error}"]
    told = []
    after = analyser.findings(mended, block.options)
    told += [f"{block.id}: {finding.code} still has a fix after fixing" for finding in after if finding.fix]
    unmended = Counter(finding.code for finding in before if not finding.fix)
    new = Counter(finding.code for finding in after if not finding.fix) - unmended
    told += [f"{block.id}: fixing brought about {code}" for code in new]
    if analyser.mended(mended, block.options) != mended:
        told.append(f"{block.id}: fixing a second time changes the text again")
    return told


def shown_fix_differs(analyser: Analyser, broken: Block, shown: Block) -> str:
    """Why the page's `fixed` block is not what fixing makes of the block before it, or ""."""
    mended = analyser.mended(without_comments(broken.source), broken.options)
    if ast.dump(ast.parse(mended)) != ast.dump(ast.parse(shown.source)):
        return f"{shown.id}: fixing {broken.id} gives\n{mended}"
    return ""


def test_fixes_mend(block: Block, analyser: Analyser) -> None:
    told = complaints(analyser, block)
    assert not told, "\n".join(told)


SHOWN = [block for block in BLOCKS if block.mends]


@pytest.mark.parametrize("shown", SHOWN, ids=[block.id for block in SHOWN])
def test_the_page_shows_what_the_fix_makes(shown: Block, analyser: Analyser) -> None:
    (broken,) = (block for block in BLOCKS if block.id == shown.mends)
    told = shown_fix_differs(analyser, broken, shown)
    assert not told, told
