"""Every block does on the runtime engine what its marks say, known shortfalls excepted."""

import importlib.util

import pytest

from .claims import Block
from .conftest import Runner

pytestmark = pytest.mark.engine


@pytest.mark.skipif(importlib.util.find_spec("gradlint_runtime") is None, reason="the engine is not on the path")
def test_engine_agrees(block: Block, run_on: Runner) -> None:
    outcome = run_on("engine", block)
    assert not outcome.failures, "\n".join(outcome.failures)
