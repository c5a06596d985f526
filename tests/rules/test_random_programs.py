"""Random programs are predicted, and then run on PyTorch: no answer that is certain is refuted."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tools.fuzz import predict

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")]
SEEDS = range(0, 160)
WRONG = """w = torch.ones(2, requires_grad=True)
with torch.no_grad():
    y = w * 2
y.requires_grad_()
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_no_certain_answer_is_refuted(seed: int) -> None:
    told, _ = predict.judged(predict.whole(predict.settled(seed)))
    assert not [one for one in told if one.certain]


def test_a_wrong_answer_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    source = predict.whole([WRONG])
    assert not predict.judged(source)[0]
    run = predict.watched(source)
    for key in run.bound:
        run.bound[key] = {(not flag, mode, inference) for flag, mode, inference in run.bound[key]}
    monkeypatch.setattr(predict, "watched", lambda text: run)
    assert {one.certain for one in predict.judged(source)[0]} == {True}
