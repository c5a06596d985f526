"""A slice of `python -m tools.enumerate`: what the analyser holds of torch's functions, against what the engine does.

Of every tenth name a handful of cases are judged here, and all cases of a few functions; the tool judges all of them.
"""

from __future__ import annotations

import pytest

from gradlint.torch_model import rows
from tools.enumerate import __main__ as tool
from tools.enumerate import cases, judge

SUBJECTS = list({subject.name: subject for subject in reversed(tool.all_subjects())}.values())
STEP = 10
WHOLE = ("torch.Tensor.mul_", "torch.Tensor.detach", "torch.matmul", "torch.Tensor.view", "torch.nn.functional.dropout")


def test_no_certain_answer_is_contradicted() -> None:
    report = judge.Report()
    for subject in SUBJECTS[::STEP]:
        report.add(tool.judged((subject, "engine", "slice")))
    assert not report.apart, "\n".join(report.apart)
    assert report.counts["cases"] > 1000 and report.counts["ran"] > 600
    assert not report.wrong, "\n".join(report.wrong)
    assert report.counts["rg certain"] > 0.98 * report.counts["rg asked"]


@pytest.mark.parametrize("name", WHOLE)
def test_all_cases_of_a_function(name: str) -> None:
    subject = next(subject for subject in SUBJECTS if subject.name == name)
    report = tool.judged((subject, "engine", "whole"))
    assert not report.wrong, "\n".join(report.wrong)
    assert report.counts["vague rg asked"] and report.counts["ran"]


def test_hardly_a_name_of_the_tables_is_left_out() -> None:
    known = {name for table in ("functions", "methods", "attributes") for name in rows.names(table)}
    assert len({subject.name for subject in SUBJECTS} & known) > 0.95 * len(known)


def test_a_planted_error_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradlint.analysis import torch_ops
    from gradlint.analysis.values import TRUE

    subject = next(subject for subject in SUBJECTS if subject.name == "torch.sin")
    monkeypatch.setattr(torch_ops, "computed_rg", lambda *_: TRUE)
    report = tool.judged((subject, "engine", "slice"))
    assert any("rg is True, and was [False]" in text for text in report.wrong)


def test_the_kinds_of_operands() -> None:
    assert cases.floating("torch.rand(2)") and cases.floating("torch.tensor([1.5])")
    assert cases.floating("torch.rand(2, dtype=torch.complex64)")
    assert not cases.floating("torch.tensor([1, 2])") and not cases.floating("torch.ones(2, dtype=torch.int64)")
