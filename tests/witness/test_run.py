"""What scripts are kept from, and what becomes of the others when one goes wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from gradlint import witness
from gradlint.findings import Verdict
from gradlint.witness import child, guard, run
from gradlint.witness.program import program_of

from .cases import RIGHT, finding, silent
from .engines import ANY, HAVE_ENGINE, HAVE_TORCH, ROOT

pytestmark = pytest.mark.skipif(not HAVE_ENGINE and not HAVE_TORCH, reason="there is no engine")
GOOD = RIGHT["mode left off"]
ENDLESS = silent("while True:\n    pass", holds="True")
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def verdicts(*findings: Any, **more: Any) -> list[tuple[Verdict, str]]:
    judged = witness.confirm(findings, engine=ANY, **more)
    return [(one.witness.verdict, one.witness.reason) for one in judged if one.witness]


def test_an_endless_script_ends_and_leaves_the_others_alone() -> None:
    begun = time.monotonic()
    endless = [silent(f"while True:\n    x = {number}", holds="True") for number in range(2)]
    found = verdicts(GOOD, *endless, GOOD, timeout=1)
    late = (Verdict.UNCONFIRMED, "it takes longer than 1 s")
    assert found == [(Verdict.CONFIRMED, ""), late, late, (Verdict.CONFIRMED, "")]
    assert time.monotonic() - begun < 20


def test_a_batch_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "START", 0.0)
    endless = [silent(f"while True:\n    x = {number}", holds="True") for number in range(5)]
    begun = time.monotonic()
    found = verdicts(*endless, timeout=4, whole=8)
    assert time.monotonic() - begun < 15
    assert {verdict for verdict, _ in found} == {Verdict.UNCONFIRMED}
    assert found[-1][1] == "the time for all witnesses was over"


def test_too_much_memory_is_said() -> None:
    found = verdicts(silent("x = [0] * (1 << 31)", holds="True"), GOOD)
    assert found == [(Verdict.UNCONFIRMED, "it takes too much memory"), (Verdict.CONFIRMED, "")]


def test_modes_do_not_leak_into_the_next_script() -> None:
    on = silent("pass", holds="torch.is_grad_enabled()")
    assert [verdict for verdict, _ in verdicts(GOOD, on)] == [Verdict.CONFIRMED, Verdict.CONFIRMED]


@pytest.mark.parametrize("action", ["raise SystemExit", "raise KeyboardInterrupt", "raise BaseException('x')", "1 / 0"])
def test_exceptions_of_any_kind_are_outcomes(action: str) -> None:
    found = verdicts(silent(action, holds="True"), GOOD)
    assert [verdict for verdict, _ in found] == [Verdict.UNCONFIRMED, Verdict.CONFIRMED]
    assert "it ends in another way" in found[0][1]


def test_deep_recursion_is_an_outcome() -> None:
    found = verdicts(silent("f()", holds="True", setup="def f():\n    f()"), GOOD)
    assert "RecursionError" in found[0][1]
    assert found[1][0] is Verdict.CONFIRMED


def test_an_engine_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_command", lambda engine, *more: [run.sys.executable, "-c", "import sys; sys.exit(3)"])
    found = verdicts(GOOD)
    assert found == [(Verdict.UNCONFIRMED, "the engine does not start: status 3")]


def test_no_such_engine() -> None:
    with pytest.raises(ValueError, match="no such engine"):
        witness.confirm([GOOD], engine="tensorflow")


def test_nothing_is_started_where_there_is_nothing_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.subprocess, "Popen", None)
    assert verdicts() == []
    assert verdicts(finding(None)) == [(Verdict.UNCONFIRMED, "the rule offers nothing to run")]


# -- what a script may not do, where it got past the guard


def attempt(text: str) -> dict[str, Any]:
    return {"text": text, "action": 99, "check": 99, "names": []}


OS = "import pickle\nos = pickle.sys.modules['os']\n"
SOCKET = "import asyncio\nsocket = asyncio.base_events.socket\n"


@forking
@pytest.mark.parametrize("text", [
    "import io\nio.open('/etc/passwd')", "import io\nio.open('marker', 'w')", "import os", "import subprocess",
    OS + "os.system('true')", OS + "os.remove('marker')", OS + "os.fork()", OS + "os.execv('/bin/true', ['true'])",
    OS + "os.open('marker', os.O_CREAT)", OS + "os.kill(1, 0)", OS + "os.mkdir('marker')", OS + "os.chdir('/')",
    SOCKET + "socket.socket().connect(('127.0.0.1', 9))", SOCKET + "socket.getaddrinfo('localhost', 9)",
    "from . import x",
])  # fmt: skip
def test_files_programs_and_the_network_are_out_of_reach(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(guard, "check", lambda text: None)
    outcome = child.run_forked(attempt(text), "torch", 10)
    assert outcome["status"] == "refused", outcome
    assert list(tmp_path.iterdir()) == []


@forking
@pytest.mark.parametrize("text", ["open('/etc/passwd')", "eval('1')", "exec('1')", "compile('1')", "globals()"])
def test_builtins_that_reach_out_are_gone(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "check", lambda text: None)
    outcome = child.run_forked(attempt(text), "torch", 10)
    assert (outcome["status"], outcome["error"]) == ("setup", "NameError")


@forking
def test_a_crash_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "run_here", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    monkeypatch.setattr(child.confine, "limit", lambda seconds: None)
    assert child.run_forked(attempt(""), "torch", 10)["status"] == "crash"


@forking
def test_the_guard_looks_again_in_the_child() -> None:
    assert child.run_forked(attempt("import os"), "torch", 10)["status"] == "refused"


def test_nothing_is_imported_from_where_the_user_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for name in ("torch", "gradlint_runtime", "numpy", "json", "random", "sitecustomize", "typing"):
        (tmp_path / f"{name}.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([".", "", str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.chdir(tmp_path)
    assert verdicts(GOOD) == [(Verdict.CONFIRMED, "")]
    assert not marker.exists()


def test_without_fork_every_attempt_has_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork", raising=False)
    on = silent("pass", holds="torch.is_grad_enabled()")
    wrong = silent("pass", holds="not torch.is_grad_enabled()")
    found = verdicts(GOOD, on, wrong, RIGHT["in place on a leaf"], timeout=10)
    assert [verdict for verdict, _ in found] == [
        Verdict.CONFIRMED, Verdict.CONFIRMED, Verdict.REFUTED, Verdict.CONFIRMED
    ]  # fmt: skip


def test_equal_scripts_are_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = witness.run_all

    def counting(programs: Any, *rest: Any) -> Any:
        seen.append(len(programs))
        return real(programs, *rest)

    monkeypatch.setattr(witness, "run_all", counting)
    again = RIGHT["backward under no_grad"]
    assert [verdict for verdict, _ in verdicts(GOOD, GOOD, again, again)] == [Verdict.CONFIRMED] * 4
    assert seen == [2]


def test_the_witness_reads_nothing_of_the_analysis() -> None:
    import ast

    allowed = {"gradlint.findings", "gradlint.syntax.ir", "gradlint.syntax.show"}
    for file in sorted((ROOT / "gradlint" / "witness").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                ours = module.startswith("gradlint") and not module.startswith("gradlint.witness")
                assert not ours or module in allowed, f"{file.name} imports {module}"


# -- what the engine does not know


@forking
@pytest.mark.parametrize("text", [
    "try:\n    raise NotImplementedError('fft')\nexcept RuntimeError as error:\n    assert 'x' in str(error), error",
    "raise NotImplementedError('fft')", "raise ImportError('fft')",
    "raise AttributeError(\"module 'torch' has no attribute 'fft'\")",
])  # fmt: skip
def test_what_the_engine_does_not_support_is_told_apart(text: str) -> None:
    outcome = child.run_forked({"text": text, "action": 1, "check": 4, "names": []}, "engine", 10)
    assert outcome["status"] == "unsupported", outcome


def test_an_unsupported_operation_is_the_reason_given() -> None:
    program = program_of(RIGHT["backward under no_grad"])
    outcomes = [run.Outcome("setup", 0), run.Outcome("unsupported", 1, 6, "NotImplementedError", "no Linear")]
    judged = run.judge(program, outcomes)
    assert judged.verdict is Verdict.UNCONFIRMED
    assert judged.reason == "the engine does not support it at `out = layer(x)`: NotImplementedError: no Linear"


@forking
def test_a_late_import_writes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "colour.py").write_text("red = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(child.confine, "_READABLE", (os.path.realpath(tmp_path) + os.sep, *child.confine._READABLE))
    monkeypatch.setattr(child.confine, "IMPORTS", {"colour"})
    monkeypatch.setattr(guard, "check", lambda text: None)
    monkeypatch.setattr(child.sys, "dont_write_bytecode", False)
    assert child.run_forked(attempt("import colour\nassert colour.red"), "torch", 10)["status"] == "shown"
    assert [path.name for path in tmp_path.iterdir()] == ["colour.py"]
