"""Beginning with an old code base: ignore comments and baselines, from the outside."""

import json
from pathlib import Path

import pytest

from .command import BAD, UNCALLED, gradlint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "uncalled.py").write_text(UNCALLED)
    return tmp_path


def test_comments_are_added_once(tree: Path) -> None:
    ended = gradlint("check", "--add-ignores", "--reason", "see #7", cwd=tree)
    assert (ended.status, ended.out, ended.err) == (0, "", "gradlint: wrote ignore comments to 2 files\n")
    text = (tree / "bad.py").read_text()
    assert text == BAD.replace("loss.backward()", "loss.backward()  # gradlint: ignore[GRD101] see #7")
    assert gradlint("check", "--report-unused-ignores", cwd=tree).status == 0
    gradlint("check", "--add-ignores", cwd=tree)
    assert (tree / "bad.py").read_text() == text


def test_comments_on_standard_input(tree: Path) -> None:
    ended = gradlint("check", "--add-ignores", "-", cwd=tree, given=BAD.encode())
    assert ended.out == BAD.replace("loss.backward()", "loss.backward()  # gradlint: ignore[GRD101]")


def test_a_file_that_may_not_be_written_is_told(tree: Path) -> None:
    (tree / "bad.py").write_text("import torch\nx = torch.ones(2)\nx.backward(\n")
    ended = gradlint("check", "--add-ignores", cwd=tree)
    assert ended.status == 2 and ended.err.startswith("gradlint: wrote ignore comments to 1 file\nbad.py:")


def test_unused_comments_are_reported_on_request_and_removed(tree: Path) -> None:
    (tree / "bad.py").write_text(BAD.replace("import torch", "import torch  # gradlint: ignore[GRD101]"))
    (tree / "plain.py").write_text("x = 1  # gradlint: ignore\n")
    (tree / "uncalled.py").unlink()
    assert "GRD001" not in gradlint("check", cwd=tree).out
    ended = gradlint("check", "--report-unused-ignores", cwd=tree)
    assert [row.split(" ")[:2] for row in ended.out.splitlines()] == [
        ["bad.py:1:15:", "GRD001"], ["bad.py:6:1:", "GRD101"], ["plain.py:1:8:", "GRD001"],
    ]  # fmt: skip
    (tree / "pyproject.toml").write_text("[tool.gradlint]\nreport-unused-ignores = true\n")
    gradlint("check", "--fix", cwd=tree)
    assert (tree / "bad.py").read_text() == BAD and (tree / "plain.py").read_text() == "x = 1\n"


def test_a_comment_is_used_if_a_finding_of_another_file_needs_it(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("def step(loss):\n    loss.backward()  # gradlint: ignore[GRD101]\n")
    (tmp_path / "a_main.py").write_text(
        "import torch\nfrom steps import step\nwith torch.no_grad():\n    loss = torch.ones(2).sum()\nstep(loss)\n"
    )
    ended = gradlint("check", "--report-unused-ignores", cwd=tmp_path)
    assert (ended.status, ended.out) == (0, "")


def test_a_baseline(tree: Path) -> None:
    ended = gradlint("check", "--write-baseline", "known.json", cwd=tree)
    assert (ended.status, ended.err) == (0, "gradlint: wrote 2 findings to known.json\n")
    assert gradlint("check", "--baseline", "known.json", cwd=tree).status == 0
    (tree / "pyproject.toml").write_text('[tool.gradlint]\nbaseline = "known.json"\n')
    (tree / "sub").mkdir()
    assert gradlint("check", "..", cwd=tree / "sub").status == 0
    (tree / "bad.py").write_text("# moved\n" + BAD)
    (tree / "new.py").write_text(BAD)
    ended = gradlint("check", "-v", cwd=tree)
    assert ended.status == 1 and [row.split(" ")[0] for row in ended.out.splitlines()] == ["new.py:6:1:"]
    assert "the baseline knows 2 findings" in ended.err


def test_a_baseline_with_fixes_leaves_the_known_alone(tree: Path) -> None:
    gradlint("check", "--write-baseline", "known.json", cwd=tree)
    gradlint("check", "--baseline", "known.json", "--fix", cwd=tree)
    assert (tree / "uncalled.py").read_text() == UNCALLED


@pytest.mark.parametrize("text", [None, "{", json.dumps({"version": 9, "findings": {}})])
def test_a_bad_baseline_is_told(tree: Path, text: str | None) -> None:
    if text is not None:
        (tree / "known.json").write_text(text)
    ended = gradlint("check", "--baseline", "known.json", cwd=tree)
    assert ended.status == 2 and "known.json" in ended.err and "Traceback" not in ended.err
