"""`gradlint check` from the outside: what it prints, where, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .command import BAD, GOOD, ROOT, UNCALLED, gradlint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "plain.py").write_text("print('nothing here'\n")  # broken, and never parsed: it cannot matter
    return tmp_path


def test_findings_are_printed_as_flake8_does(tree: Path) -> None:
    ended = gradlint("check", cwd=tree)
    (row,) = ended.out.splitlines()
    assert row.startswith("bad.py:6:1: GRD101 `loss` does not require grad")
    assert (ended.status, ended.err) == (1, "")


@pytest.mark.parametrize("arguments, status", [
    (("good.py",), 0), (("bad.py",), 1), (("check", "bad.py", "--exit-zero"), 0), (("check", "--select", "GRD2", "."), 0),
    (("check", "--ignore", "backward-without-graph", "."), 0), (("plain.py",), 0),
])  # fmt: skip
def test_exit_status(tree: Path, arguments: tuple[str, ...], status: int) -> None:
    assert gradlint(*arguments, cwd=tree).status == status


@pytest.mark.parametrize("arguments, told", [
    (("check", "--select", "GRD999"), "no rule is called `GRD999`"), (("check", "--select", "x y"), "no code"),
    (("check", "--output-format", "xml"), "invalid choice"), (("check", "--jobs", "0"), "no number of processes"),
    (("explain", "gone.py:3"), "gone.py: error: no such file"),
    (("check", "gone.py"), "gone.py: error: no such file"), (("rule", "GRD9"), "no rule is called"),
    (("check", "-o", "gone/out.txt", "bad.py"), "gone/out.txt: No such file"),
    (("check", "--add-ignores", "--diff"), "do not go together"), (("check", "--reason", "x"), "--add-ignores"),
    (("check", "--write-baseline", "gone/b.json"), "gone/b.json: No such file"),
    (("chekc",), "did you mean `check`?"), (("predcit", "bad.py"), "did you mean `predict`?"),
    (("explain", "bad.py"), "no FILE:LINE"), (("check", "--config", "gone.toml"), "gone.toml"),
    (("check", "--frobnicate"), "unrecognized arguments"), (("run", "gone.py"), "no such file"),
    (("check", "--target-torch", "two"), "a release of torch"),
])  # fmt: skip
def test_what_cannot_be_done_is_told_and_ends_with_2(tree: Path, arguments: tuple[str, ...], told: str) -> None:
    ended = gradlint(*arguments, cwd=tree)
    assert ended.status == 2 and told in ended.err and "Traceback" not in ended.err


def test_a_file_that_cannot_be_analysed_is_named_and_the_rest_goes_on(tree: Path) -> None:
    (tree / "broken.py").write_text("import torch\nloss.backward(\n")
    (tree / "latin.py").write_bytes(b"import torch\n# \xff\nloss.backward()\n")
    (tree / "null.py").write_bytes(b"import torch\x00\nloss.backward()\n")
    ended = gradlint("check", cwd=tree)
    assert ended.status == 2 and "bad.py:6:1: GRD101" in ended.out
    rows = ended.err.splitlines()
    assert [row.split(":")[0] for row in rows] == ["broken.py", "latin.py", "null.py"]
    assert rows[1].startswith("latin.py:2:3: error: ") and all(": error: " in row for row in rows)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_cannot_be_read_is_named(tree: Path) -> None:
    (tree / "bad.py").chmod(0)
    ended = gradlint("check", cwd=tree)
    assert ended.status == 2 and ended.err.startswith("bad.py: error: ")


def test_rows_of_jsonl(tree: Path) -> None:
    (text,) = gradlint("check", "--output-format", "jsonl", cwd=tree).out.splitlines()
    row = json.loads(text)
    assert set(row) == {
        "path", "line", "column", "end_line", "end_column", "code", "name", "message", "severity", "certainty", "witness",
        "notes", "fix",
    }  # fmt: skip
    assert (row["path"], row["line"], row["column"], row["end_line"], row["end_column"]) == ("bad.py", 6, 1, 6, 16)
    assert row["witness"]["verdict"] == "confirmed"
    assert any(note["line"] in (4, 5) for note in row["notes"])


def test_without_a_witness(tree: Path) -> None:
    (text,) = gradlint("check", "--no-witness", "--output-format", "jsonl", cwd=tree).out.splitlines()
    assert json.loads(text)["witness"] is None


def test_standard_input(tree: Path) -> None:
    ended = gradlint("check", "-", cwd=tree, given=BAD.encode())
    assert ended.status == 1 and ended.out.startswith("<stdin>:6:1: GRD101 ")
    named = gradlint("check", "-", "--stdin-filename", "sub/new.py", cwd=tree, given=BAD.encode())
    assert named.out.startswith("sub/new.py:6:1: GRD101 ")


def test_the_configuration_is_found_upwards(tree: Path) -> None:
    (tree / "pyproject.toml").write_text("[tool.gradlint]\nignore = ['GRD101']\n")
    (tree / "sub").mkdir()
    (tree / "sub" / "deep.py").write_text(BAD)
    assert gradlint("check", ".", cwd=tree / "sub").status == 0
    assert gradlint("check", "--isolated", ".", cwd=tree / "sub").status == 1
    assert gradlint("check", "--select", "GRD101", ".", cwd=tree / "sub").status == 1
    (tree / "pyproject.toml").write_text("[tool.gradlint]\nignroe = ['GRD101']\n")
    ended = gradlint("check", ".", cwd=tree / "sub")
    assert (
        ended.status == 2 and "pyproject.toml:2: tool.gradlint.ignroe: unknown key; did you mean `ignore`?" in ended.err
    )


def test_per_file_ignores(tree: Path) -> None:
    (tree / "pyproject.toml").write_text("[tool.gradlint.per-file-ignores]\n'b*.py' = ['GRD1']\n")
    assert gradlint("check", ".", cwd=tree).status == 0


@pytest.mark.parametrize("comment", ["# noqa: GRD101", "# gradlint: ignore[backward-without-graph] on purpose"])
def test_ignore_comments(tree: Path, comment: str) -> None:
    (tree / "bad.py").write_text(BAD.replace("loss.backward()", f"loss.backward()  {comment}"))
    assert gradlint("check", ".", cwd=tree).status == 0


def test_a_finding_in_an_imported_file_is_told_once_and_only_if_that_file_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "steps.py").write_text("def step(loss):\n    loss.backward()\n")
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            "import torch\nfrom lib.steps import step\nw = torch.ones(2, requires_grad=True)\n"
            "with torch.no_grad():\n    loss = w.sum()\nstep(loss)\n"
        )
    ended = gradlint("check", ".", cwd=tmp_path)
    (row,) = ended.out.splitlines()
    assert row.startswith("lib/steps.py:2:5: GRD101 ")
    assert gradlint("check", "one.py", cwd=tmp_path).out == ""
    assert gradlint("check", "one.py", "lib", cwd=tmp_path).out.splitlines() == [row]
    (tmp_path / "lib" / "steps.py").write_text("def step(loss):\n    loss.backward()  # noqa: GRD101\n")
    assert gradlint("check", ".", cwd=tmp_path).out == ""


def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    for number in range(24):
        (tmp_path / f"f{number}.py").write_text("\n" * number + (BAD if number % 3 else UNCALLED))
    outputs = {gradlint("check", "--no-witness", f"-j{jobs}", cwd=tmp_path).out for jobs in (1, 2, 5)}
    assert len(outputs) == 1 and outputs.pop().count("GRD") == 24


def test_statistics(tree: Path) -> None:
    (tree / "bad2.py").write_text(BAD)
    out = gradlint("check", "--statistics", cwd=tree).out
    assert out.split()[:2] == ["2", "GRD101"] and out.rstrip().endswith("backward-without-graph")


def test_an_output_file(tree: Path) -> None:
    ended = gradlint("check", "--output-format", "sarif", "-o", "out.sarif", cwd=tree)
    assert ended.out == "" and ended.status == 1
    assert json.loads((tree / "out.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == "GRD101"


def test_fixes_are_applied_and_nothing_is_left_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"\xef\xbb\xbf" + UNCALLED.replace("\n", "\r\n").encode())
    path.chmod(0o750)
    diff = gradlint("check", "--diff", cwd=tmp_path)
    assert diff.status == 1 and "-with torch.no_grad:" in diff.out and "+with torch.no_grad():" in diff.out
    assert b"no_grad:" in path.read_bytes()
    ended = gradlint("check", "--fix", cwd=tmp_path)
    assert (ended.status, ended.out) == (0, "") and "mended 1 file" in ended.err
    assert path.read_bytes() == b"\xef\xbb\xbf" + UNCALLED.replace("grad:", "grad():").replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o750
    before = path.stat().st_mtime_ns
    assert gradlint("check", "--fix", cwd=tmp_path).status == 0
    assert path.stat().st_mtime_ns == before


def test_fixing_standard_input_prints_the_mended_source(tmp_path: Path) -> None:
    ended = gradlint("check", "--fix", "-", cwd=tmp_path, given=(UNCALLED + BAD[13:]).encode())
    assert ended.out == UNCALLED.replace("grad:", "grad():") + BAD[13:]
    assert "GRD101" in ended.err and ended.status == 1


def on_terminal(command: list[str], cwd: Path) -> str:
    """What a command prints on a terminal."""
    near, far = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}", "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, cwd=cwd, stdout=far, stderr=far, env=environment)
    os.close(far)
    text = b""
    while True:
        try:
            more = os.read(near, 65536)
        except OSError:
            break
        if not more:
            break
        text += more
    process.wait()
    os.close(near)
    return text.decode()


def test_a_terminal_gets_frames_and_colors(tree: Path) -> None:
    command = [sys.executable, "-m", "gradlint", "check", "--no-witness", "."]
    text = on_terminal(command, tree)
    assert "\x1b[" in text and "-->" in text and "1 finding in 3 files." in text
    assert "\x1b[" not in on_terminal([*command, "--color", "never"], tree)


def test_colors_can_be_forced_and_forbidden(tree: Path) -> None:
    assert "\x1b[" not in gradlint("check", "--no-witness", cwd=tree).out
    assert "\x1b[" in gradlint("check", "--no-witness", "--color", "always", cwd=tree).out
    assert "\x1b[" in gradlint("check", "--no-witness", cwd=tree, FORCE_COLOR="1").out
    assert "\x1b[" not in gradlint("check", "--no-witness", cwd=tree, FORCE_COLOR="1", NO_COLOR="1").out


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "many.py").write_text(BAD + "loss.backward()\n" * 3000)
    command = f"{sys.executable} -m gradlint check --no-witness . | head -1"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}"}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.stdout.count("\n") == 1 and done.stderr == ""


def test_an_interrupt_ends_it_quietly(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "slow.py")  # opening it waits for ever
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gradlint", "check", "slow.py"], cwd=tmp_path, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )  # fmt: skip
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130 and told == "gradlint: stopped\n"


def test_it_starts_fast(tree: Path) -> None:
    """What is imported decides: neither the parser nor the interpreter for a file that cannot matter."""
    code = "import sys; sys.argv = ['gradlint', {}]; import gradlint.cli.main as m; m.main(); print(*sys.modules)"
    for argument, allowed in (("'--version'", 3), ("'plain.py'", 40)):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code.format(argument)], cwd=tree, capture_output=True, text=True, env=environment
        )  # fmt: skip
        loaded = set(done.stdout.splitlines()[-1].split())
        assert not loaded & {"libcst", "numpy", "torch", "gradlint_runtime", "multiprocessing"}
        assert not {name for name in loaded if name.startswith(("gradlint.analysis.machine", "gradlint.syntax.expr"))}
        assert len({name for name in loaded if name.startswith("gradlint.")}) <= allowed
