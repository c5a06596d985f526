"""Every block does on real PyTorch what its marks say."""

import pytest

from . import judges
from .claims import Block
from .conftest import Runner

pytestmark = pytest.mark.torch


def test_torch_agrees(block: Block, run_on: Runner) -> None:
    if not judges.have_torch():
        if judges.torch_required():
            pytest.fail(f"torch is not installed, and {judges.REQUIRE_TORCH} asks for it")
        pytest.skip("torch is not installed")
    outcome = run_on("torch", block)
    assert not outcome.failures, "\n".join(outcome.failures)
