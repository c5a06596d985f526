"""The table of rules: complete, in order, and each rule where its name says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gradlint.rules
from gradlint.analysis import events
from gradlint.analysis.run import analyse
from gradlint.findings import Severity
from gradlint.rules.rule import Rule
from gradlint.rules.table import RULES, by_code, findings_of
from gradlint.syntax.unit import Unit

FOLDER = Path(gradlint.rules.__file__).parent
SEVERITIES = {"1": Severity.ERROR, "4": Severity.ADVICE}


def test_rules_are_ordered_by_code_and_unique() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert len({rule.name for rule in RULES}) == len(codes)


def test_every_module_with_a_rule_is_in_the_table() -> None:
    written = {
        path.stem for path in FOLDER.glob("*.py") if re.search(r"^RULE = ", path.read_text("utf-8"), re.MULTILINE)
    }
    assert {rule.name.replace("-", "_") for rule in RULES} == written


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_well_formed(rule: Rule) -> None:
    assert re.fullmatch(r"GRD[1-4]\d\d", rule.code) and by_code(rule.code) is rule
    assert rule.check.__module__ == f"gradlint.rules.{rule.name.replace('-', '_')}"
    assert rule.severity is SEVERITIES.get(rule.code[3], Severity.WARNING)
    assert rule.default is (rule.code[3] != "4")
    assert rule.events and all(issubclass(kind, events.Event) for kind in rule.events)
    assert rule.tokens and all(isinstance(token, bytes) and token for token in rule.tokens)


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError):
        by_code("GRD999")


PROGRAM = b"""
import torch

w = torch.ones(3, requires_grad=True)


def step():
    with torch.no_grad():
        loss = (w * w).sum()
    loss.backward()


step()
step()
"""


def test_one_place_gives_one_finding_however_often_it_is_passed() -> None:
    (finding,) = findings_of(analyse(Unit("train.py", PROGRAM)), frozenset({"GRD101"}))
    assert (finding.code, finding.span.line, finding.path) == ("GRD101", 10, "train.py")
    assert "(line 8)" in finding.message
    assert [n.span.line for n in finding.because if "no_grad" in n.message] == [8]


def test_rules_that_are_not_asked_for_say_nothing() -> None:
    assert findings_of(analyse(Unit("train.py", PROGRAM)), frozenset({"GRD111"})) == ()
