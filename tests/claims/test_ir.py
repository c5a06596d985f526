"""2. The IR of every block obeys what the verifier asks of IR."""

import pytest

from .claims import Block
from .judges import Analyser, CheckoutAnalyser

pytestmark = pytest.mark.analyser


def complaints(analyser: Analyser, block: Block) -> list[str]:
    return [f"{block.id}: {text}" for text in analyser.broken_ir(block.source)]


def test_the_ir_verifies(block: Block) -> None:
    told = complaints(CheckoutAnalyser(), block)
    assert not told, "\n".join(told)
