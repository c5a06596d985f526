"""The examples show what their README says: one finding in each program that has a mistake, none in the others."""

import json

from .command import ROOT, gradlint

# `A|B`: either code tells the mistake, the first one better.
EXPECTED = {
    "examples/classifier/evaluate.py": "GRD210|GRD101",
    "examples/classifier/train.py": "GRD101",
    "examples/finetune.py": "GRD304",
    "examples/gradcam.py": "GRD114",
    "examples/plot.py": "GRD115",
    "examples/rollout.py": "GRD121",
}


def test_findings_in_the_examples() -> None:
    ended = gradlint("check", "--isolated", "--output-format", "jsonl", "examples", cwd=ROOT)
    rows = [json.loads(row) for row in ended.out.splitlines()]
    assert [row["path"] for row in rows] == list(EXPECTED)
    assert all(row["code"] in EXPECTED[row["path"]].split("|") for row in rows)
    assert {row["witness"]["verdict"] for row in rows} == {"confirmed"}


def test_the_readme_names_them() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "examples").rglob("*.py"):
        name = path.relative_to(ROOT / "examples").as_posix()
        assert f"`{name}`" in text or name == "classifier/model.py"
