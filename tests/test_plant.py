"""Planting mistakes: every kind has a place in the scripts, and what is found is told from what is not."""

import ast
import functools

import pytest

from gradlint.findings import Certainty, Finding, Severity, Span
from tools.plant import judge
from tools.plant.__main__ import SCRIPTS, share
from tools.plant.judge import Original, findings_of, fresh, harm, judged
from tools.plant.kinds import KINDS, Kind, Planting, plantings
from tools.plant.run import Outcome, load, run
from tools.plant.script import Script

parsed = functools.cache(lambda path: Script(path.read_text()))
PATHS = sorted(SCRIPTS.glob("*.py"))
TEXT = """\
import torch
import torch.nn as nn

model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss = model(torch.ones(3, 2)).sum()
loss.backward()
optimizer.step()
"""


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_scripts_are_without_findings(path):
    assert findings_of(str(path), path.read_text()) == ()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_is_planted_somewhere(kind):
    made = next(filter(None, (plantings(kind, parsed(path), 1) for path in PATHS)))
    ast.parse(made[0].text)


def test_plantings_are_spread_and_differ_from_the_original():
    made = plantings(_kind("value detached"), Script(TEXT), 2)
    assert [planted.line for planted in made] == [4, 5]
    assert made[0].text == TEXT.replace("nn.Linear(2, 1)", "nn.Linear(2, 1).detach()")


@pytest.mark.parametrize(
    ("after", "harms"),
    [
        (Outcome(changed=frozenset({"a", "b"}), graded=frozenset({"a", "b"})), False),
        (Outcome(changed=frozenset({"a"}), graded=frozenset({"a", "b"})), True),
        (Outcome(changed=frozenset({"a", "b"}), graded=frozenset({"b"})), True),
        (Outcome(error="RuntimeError: element 0 of tensors does not require grad"), True),
        (Outcome(error="NameError: name 'x' is not defined"), False),
        (Outcome(error="ended", ended=False), False),
    ],
)
def test_harm_is_a_gradient_error_or_training_that_stops(after, harms):
    before = Outcome(changed=frozenset({"a", "b"}), graded=frozenset({"a", "b"}))
    assert bool(harm(before, after)) == harms


def test_a_finding_that_the_original_has_is_no_find():
    known, other = _finding("GRD101", 7), _finding("GRD303", 7)
    script = Original("s.py", TEXT, Outcome(), (known,))
    moved = "\n" + TEXT
    assert fresh(script, moved, [_finding("GRD101", 8)]) == []
    assert fresh(script, moved, [_finding("GRD101", 8), _finding("GRD303", 8)])[0].code == other.code


@pytest.mark.torch
def test_a_mistake_that_does_harm_is_judged(monkeypatch):
    pytest.importorskip("torch")
    load()
    script = Original("s.py", TEXT, run(TEXT, "s.py"), findings_of("s.py", TEXT))
    assert script.outcome.changed == {"Linear.weight 1", "Linear.bias 1"}
    cut = Planting("value detached", 6, TEXT.replace(".sum()", ".sum().detach()"))
    idle = Planting("value detached", 6, TEXT.replace("(3, 2))", "(3, 2).detach())"))
    verdicts = [judged(script, cut), judged(script, idle)]
    assert verdicts[0].line == 7 and verdicts[0].findings == ("GRD101:7",) and verdicts[0].fits
    assert not verdicts[1].harm
    assert share(verdicts) == 100

    monkeypatch.setattr(judge, "findings_of", lambda path, text: ())  # a linter that says nothing
    blind = judged(script, cut)
    assert blind.harm and not blind.found
    assert share([verdicts[0], blind]) == 50


@pytest.mark.torch
def test_a_script_that_does_not_end_is_ended():
    pytest.importorskip("torch")
    assert not run("while True: pass", "s.py", seconds=1).ended


def _kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def _finding(code: str, line: int) -> Finding:
    return Finding(code, "", "s.py", Span(line, 1, line, 2), "", Severity.ERROR, Certainty.CERTAIN)
