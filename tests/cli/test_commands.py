"""`predict`, `explain`, `rule`, `config` and `run` from the outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gradlint import __version__, pipeline

from .command import BAD, GOOD, ROOT, gradlint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "good.py").write_text(GOOD)
    return tmp_path


def test_version_and_help(tmp_path: Path) -> None:
    assert gradlint("--version", cwd=tmp_path).out == f"gradlint {__version__}\n"
    for arguments in (
        ("--help",),
        ("check", "-h"),
        ("predict", "-h"),
        ("explain", "-h"),
        ("rule", "-h"),
        ("run", "-h"),
    ):
        ended = gradlint(*arguments, cwd=tmp_path)
        assert ended.status == 0 and ended.out.startswith("usage: gradlint")
        assert max(map(len, ended.out.splitlines())) <= 120


def test_predictions(tree: Path) -> None:
    rows = [json.loads(row) for row in gradlint("predict", "--output-format", "jsonl", ".", cwd=tree).out.splitlines()]
    assert all(set(row) == {
        "path", "line", "column", "name", "requires_grad", "certainty", "grad_mode", "inference_mode", "why",
    } for row in rows)  # fmt: skip
    said = {
        (row["path"], row["line"], row["name"]): (row["column"], row["requires_grad"], row["grad_mode"]) for row in rows
    }
    assert said["bad.py", 3, "x"] == (1, True, True)
    assert said["bad.py", 5, "loss"] == (5, False, False)
    assert said["sub/good.py", 5, "loss"] == (5, True, True)
    text = gradlint("predict", "bad.py", cwd=tree).out
    assert "bad.py:5:5: loss requires_grad=False, grad mode off" in text


def test_predictions_of_what_cannot_be_read(tree: Path) -> None:
    (tree / "broken.py").write_text("import torch\nx = (\n")
    ended = gradlint("predict", ".", cwd=tree)
    assert ended.status == 2 and ended.err.startswith("broken.py:") and "bad.py:5:5" in ended.out


def test_explain_shows_reasons_and_a_program_that_runs(tree: Path) -> None:
    ended = gradlint("explain", "bad.py:6", cwd=tree)
    assert ended.status == 0 and "confirmed by running" in ended.out and "with torch.no_grad():" in ended.out
    script = ended.out.split("on PyTorch.\n", 1)[1]
    (tree / "witness.py").write_text(script)
    run = gradlint("run", "witness.py", cwd=tree)
    assert run.status == 0 or "does not require grad" in run.err.splitlines()[-1], run.err


def test_explain_finds_what_callers_lead_to(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("def step(loss):\n    loss.backward()\n")
    main = BAD.replace("loss.backward()", "step(loss)").replace("torch\n", "torch\nfrom steps import step\n", 1)
    (tmp_path / "main.py").write_text(main)
    assert gradlint("explain", "steps.py:2", cwd=tmp_path).status == 1
    assert "GRD101" in gradlint("explain", "steps.py:2", "main.py", cwd=tmp_path).out


def test_explain_without_a_finding_tells_what_is_known(tree: Path) -> None:
    ended = gradlint("explain", "sub/good.py:5:5", cwd=tree)
    assert ended.status == 0 and "No finding on line 5" in ended.out and "requires_grad=True" in ended.out
    ended = gradlint("explain", "sub/good.py:2", cwd=tree)
    assert ended.status == 1 and "sub/good.py:2: no finding" in ended.err


def test_rules_are_listed_and_each_page_is_shown(tmp_path: Path) -> None:
    *rows, legend = gradlint("rule", cwd=tmp_path).out.splitlines()
    assert [row[:6] for row in rows] == sorted(rule.code for rule in pipeline.all_rules())
    assert "advice is off" in legend
    code, name = rows[0].split()[:2]
    page = gradlint("rule", code.lower(), cwd=tmp_path)
    assert page.status == 0 and page.out.startswith(f"# {code} {name}\n") and "<!--" not in page.out
    assert gradlint("rule", name, cwd=tmp_path).out == page.out
    assert "did you mean" in gradlint("rule", name + "s", cwd=tmp_path).err
    few = gradlint("rule", "grd4", cwd=tmp_path).out.splitlines()
    assert [row[:6] for row in few[:-1]] == [row[:6] for row in rows if row.startswith("GRD4")]
    assert gradlint("rule", "unused-ignore", cwd=tmp_path).out.startswith("# GRD001 ")


def test_all_pages_at_once(tmp_path: Path) -> None:
    text = gradlint("rule", "--all", cwd=tmp_path).out
    rows = json.loads(gradlint("rule", "--all", "--output-format", "json", cwd=tmp_path).out)
    assert len(rows) == len(pipeline.all_rules())
    for row in rows:
        assert row["page"] in text and row["page"].startswith(f"# {row['code']} {row['name']}\n")
        assert row["summary"] in text.replace("\n", " ") and row["fix"] in (None, "--fix", "--fix --unsafe-fixes")
        assert row["default"] is (row["severity"] != "advice")
    assert {row["code"]: row["fix"] for row in rows}["GRD131"] == "--fix"


def test_the_configuration_is_shown(tree: Path) -> None:
    (tree / "pyproject.toml").write_text(
        "[tool.gradlint]\nselect = ['GRD1']\n[tool.gradlint.per-file-ignores]\n'a' = ['GRD101']\n"
    )
    out = gradlint("config", "sub/good.py", cwd=tree).out
    assert str(tree / "pyproject.toml") in out and 'select = ["GRD1"]' in out and '"a" = ["GRD101"]' in out
    assert "# rules that are on: GRD101 " in out
    assert "no configuration file" in gradlint("config", "--isolated", cwd=tree).out


def test_scripts_run_on_the_engine(tmp_path: Path) -> None:
    (tmp_path / "help_me.py").write_text("import torch\nANSWER = torch.ones(2, requires_grad=True).sum()\n")
    (tmp_path / "script.py").write_text(
        "import sys, torch\nfrom help_me import ANSWER\nprint(sys.argv[1:], ANSWER.requires_grad, torch.__name__)\n"
        "if __name__ == '__main__':\n    sys.exit(7)\n"
    )
    ended = gradlint("run", "script.py", "--flag", "a", cwd=tmp_path)
    assert (ended.status, ended.out) == (7, "['--flag', 'a'] True torch\n")


def test_the_python_interface(tmp_path: Path) -> None:
    code = (
        "import pickle, gradlint\n"
        f"found = gradlint.check_source({BAD!r}, path='a.py')\n"
        "assert [f.code for f in pickle.loads(pickle.dumps(found)).findings] == ['GRD101'], found\n"
        f"assert not gradlint.check_source({BAD!r}, ignore=['GRD1']).findings\n"
        f"assert not gradlint.check_source({GOOD!r}).findings\n"
        f"held = gradlint.predict_source({BAD!r}).predictions\n"
        "assert {p.name: p.requires_grad for p in pickle.loads(pickle.dumps(held))} == {'x': True, 'loss': False}, held\n"
        f"text = '# coding: latin-1\\n' + {BAD!r} + '# \\u6f22'\n"
        "assert gradlint.check_source(text).findings[0].span.line == 7\n"
        "assert gradlint.check_source('import torch\\nloss.backward(').failure.line\n"
        "assert gradlint.check_source('import torch\\nloss.backward() # \\ud800').failure\n"
        "try:\n    gradlint.check_source('', slect=[])\n"
        "except Exception as error:\n    assert 'slect' in str(error)\nelse:\n    raise SystemExit('accepted')\n"
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}"}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
