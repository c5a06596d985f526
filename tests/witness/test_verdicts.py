"""What witnesses of hand-made findings show, on torch and on the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from gradlint import witness
from gradlint.findings import Finding, Verdict

from .cases import OPEN, RIGHT, WRONG
from .engines import ENGINES

ALL = {**RIGHT, **WRONG, **{name: finding for name, (finding, _) in OPEN.items()}}


@cache
def judged(engine: str) -> dict[str, Finding]:
    """Every case in one batch: an engine is started once."""
    return dict(zip(ALL, witness.confirm(ALL.values(), engine=engine, timeout=3), strict=True))


Judge = Callable[[str], Finding]


@pytest.fixture(params=ENGINES)
def judge(request: pytest.FixtureRequest) -> Judge:
    return judged(request.param).__getitem__


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_finding_is_confirmed(judge: Judge, name: str) -> None:
    found = judge(name).witness
    assert found is not None
    assert found.verdict is Verdict.CONFIRMED, f"{found.reason}\n{found.script}"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_finding_is_refuted(judge: Judge, name: str) -> None:
    found = judge(name).witness
    assert found is not None
    assert found.verdict is Verdict.REFUTED, f"{found.reason}\n{found.script}"


@pytest.mark.parametrize("name", OPEN)
def test_what_is_not_known_neither_confirms_nor_refutes(judge: Judge, name: str) -> None:
    found = judge(name).witness
    assert found is not None
    assert found.verdict is Verdict.UNCONFIRMED, f"{found.reason}\n{found.script}"
    assert OPEN[name][1] in found.reason


def test_nothing_but_the_witness_changes(judge: Judge) -> None:
    for name, before in ALL.items():
        assert replace(judge(name), witness=None) == before
