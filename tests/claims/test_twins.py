"""6. A program under other import names, or wrapped in a function, gets the same findings."""

import ast
from collections import Counter

import pytest

from .claims import Block
from .judges import Analyser
from .rewrite import Twin, twins

pytestmark = pytest.mark.analyser

# A leak is about the way out of a function: wrapping adds one that the module level has not.
ABOUT_FUNCTIONS = "GRD210"


def complaints(analyser: Analyser, block: Block) -> list[str]:
    seen = Counter((f.span.line, f.code) for f in analyser.findings(block.source, block.options))
    return [text for twin in twins(block) for text in _differences(analyser, block, twin, seen)]


def _differences(analyser: Analyser, block: Block, twin: Twin, seen: Counter[tuple[int, str]]) -> list[str]:
    of_twin = Counter((twin.back[f.span.line - 1], f.code) for f in analyser.findings(twin.source, block.options))
    of_block = Counter(seen)
    if twin.name == "in a function":
        inside = lines_in_functions(block)
        for counter in (of_twin, of_block):
            for line, code in list(counter):
                if code == ABOUT_FUNCTIONS and line not in inside:
                    del counter[line, code]
    told = [f"{block.place(line)}: {code} only in the original, not {twin.name}" for line, code in of_block - of_twin]
    told += [f"{block.place(line)}: {code} only {twin.name}" for line, code in of_twin - of_block]
    return told


def lines_in_functions(block: Block) -> set[int]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    found = [node for node in ast.walk(ast.parse(block.source)) if isinstance(node, functions)]
    return {line for node in found for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def test_twins_get_the_same_findings(block: Block, analyser: Analyser) -> None:
    told = complaints(analyser, block)
    assert not told, "\n".join(told)
