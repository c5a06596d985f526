"""Every test that asks for `block` runs once for each block of the claims."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from . import judges
from .claims import Block, Outcome, load

BLOCKS = load()
Runner = Callable[[str, Block], Outcome]


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "analyser: needs the analyser, so that -m 'not analyser' judges by running only",
        "engine: runs blocks on the runtime engine",
        "torch: runs blocks on real PyTorch",
    ):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "block" in metafunc.fixturenames:
        metafunc.parametrize("block", BLOCKS, ids=[block.id for block in BLOCKS])


@pytest.fixture(scope="session")
def run_on(request: pytest.FixtureRequest) -> Runner:
    """Judge a block by running it. The first question about a judge runs every selected block on it, in one go."""
    done: dict[str, dict[str, Outcome] | RuntimeError] = {}

    def run(judge: str, block: Block) -> Outcome:
        if judge not in done:
            callspecs = (getattr(item, "callspec", None) for item in request.session.items)
            chosen = {spec.params["block"].id for spec in callspecs if spec and "block" in spec.params}
            try:
                done[judge] = judges.run_blocks(judge, [b for b in BLOCKS if b.id in chosen])
            except RuntimeError as error:
                done[judge] = error
        outcomes = done[judge]
        if isinstance(outcomes, RuntimeError):
            raise outcomes
        return outcomes[block.id]

    return run


@pytest.fixture(scope="session")
def analyser() -> judges.Analyser:
    if not judges.have_pipeline():
        pytest.skip("the analyser has no pipeline yet")
    return judges.CheckoutAnalyser()
