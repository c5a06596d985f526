"""Notebooks from the outside: places are told by cell, and fixes go into their cells."""

import json
from pathlib import Path

import pytest

from .command import gradlint


def cells(*texts: str) -> str:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": t.splitlines(keepends=True)} for t in texts]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


FREEZES = cells(
    "import torch\n%matplotlib inline\nmodel = torch.nn.Linear(3, 1)",
    "@torch.no_grad()\ndef loss_of(x):\n    return model(x).sum()",
    "x = torch.ones(2, 3)\n%time loss = loss_of(x)\nloss.backward()",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "a.ipynb").write_text(FREEZES)
    return tmp_path


def test_places_are_told_by_cell(tree: Path) -> None:
    (row,) = gradlint("check", cwd=tree).out.splitlines()
    assert row.startswith("a.ipynb:cell 3:3:1: GRD101 `loss`") and "(line 1 of cell 2)" in row
    (text,) = gradlint("check", "--output-format", "jsonl", cwd=tree).out.splitlines()
    found = json.loads(text)
    assert (found["cell"], found["line"], found["end_line"]) == (3, 3, 3)
    assert [(note["cell"], note["line"]) for note in found["notes"]][:2] == [(2, 1), (2, 3)]


def test_the_full_format_shows_the_author_s_lines(tree: Path) -> None:
    text = gradlint("check", "--output-format", "full", cwd=tree).out
    assert "--> a.ipynb:cell 3:3:1\n1 | @torch.no_grad()\n" in text
    assert "... cell 3\n3 | loss.backward()\n" in text


@pytest.mark.parametrize("form", ["github", "gitlab", "sarif", "junit"])
def test_formats_that_know_lines_only(tree: Path, form: str) -> None:
    ended = gradlint("check", "--output-format", form, cwd=tree)
    assert ended.status == 1 and "cell 3, line 3: " in ended.out


def test_explain_and_predict(tree: Path) -> None:
    ended = gradlint("explain", "a.ipynb:cell 3:3", cwd=tree)
    assert ended.status == 0 and "GRD101" in ended.out and "confirmed" in ended.out
    assert gradlint("explain", "a.ipynb:cell 9:3", cwd=tree).status == 1
    assert "a.ipynb:cell 3:2:7: loss requires_grad=False" in gradlint("predict", cwd=tree).out


def test_fixes_go_into_their_cells(tree: Path) -> None:
    text = cells("import torch\n!ls", "with torch.no_grad:\n    x = torch.ones(2)")
    (tree / "a.ipynb").write_text(text)
    diff = gradlint("check", "--diff", cwd=tree)
    assert '-    "with torch.no_grad:\\n",' in diff.out and diff.status == 1
    gradlint("check", "--fix", cwd=tree)
    assert (tree / "a.ipynb").read_text() == text.replace("no_grad:", "no_grad():")


def test_ignore_comments(tree: Path) -> None:
    assert gradlint("check", "--add-ignores", cwd=tree).status == 0
    assert (tree / "a.ipynb").read_text() == FREEZES.replace(
        '"loss.backward()"', '"loss.backward()  # gradlint: ignore[GRD101]"'
    )
    assert gradlint("check", "--report-unused-ignores", cwd=tree).status == 0


def test_a_broken_cell_and_a_broken_notebook_are_told(tree: Path) -> None:
    (tree / "b.ipynb").write_text(cells("import torch", "x = torch.ones(2)\nx.backward("))
    (tree / "c.ipynb").write_text("{ loss.backward()")
    ended = gradlint("check", cwd=tree)
    assert ended.status == 2 and ended.out.startswith("a.ipynb:cell 3:3:1: GRD101 ")
    rows = ended.err.splitlines()
    assert rows[0].startswith("b.ipynb:cell 2:") and rows[1].startswith("c.ipynb:1:1: error: no notebook")
