"""A program cut into the cells of a notebook gets the same findings on the same lines, and its fixes stay in their cells."""

import ast
import json

import pytest

from gradlint import pipeline

from .claims import Block
from .conftest import BLOCKS
from .judges import PATH, settings_of
from .rewrite import without_comments

pytestmark = pytest.mark.analyser

FOUND = [block for block in BLOCKS if block.of("finding")]


def cells_of(source: str) -> list[str]:
    """The statements at the top of a program, each with what stands before it."""
    lines = source.splitlines(keepends=True)
    ends = [statement.end_lineno or 0 for statement in ast.parse(source).body]
    starts = [0, *ends[:-1]]
    return ["".join(lines[start:end]) for start, end in zip(starts, ends)]


def notebook(cells: list[str]) -> bytes:
    rows = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": c.splitlines(keepends=True)} for c in cells]
    return json.dumps({"cells": rows, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


@pytest.mark.parametrize("found", FOUND, ids=[block.id for block in FOUND])
def test_cells_are_one_program(found: Block) -> None:
    source = without_comments(found.source)
    cells = cells_of(source)
    if any(";" in cell.strip() and cell.count("\n") < 1 for cell in cells):
        pytest.skip("several statements stand on one line")
    settings = settings_of(found.options)
    raw = notebook(cells)
    told = pipeline.check_bytes("claim.ipynb", raw, settings, alone=True)
    plain = pipeline.check_bytes(PATH, source.encode(), settings, alone=True)
    assert told.failure is None
    assert [(one.code, one.span) for one in told.findings] == [(one.code, one.span) for one in plain.findings]
    mended = pipeline.fix_bytes("claim.ipynb", raw, settings, unsafe=True, alone=True)
    assert pipeline.fix_bytes("claim.ipynb", mended, settings, unsafe=True, alone=True) == mended
    for cell in json.loads(mended)["cells"]:
        ast.parse("".join(cell["source"]))
