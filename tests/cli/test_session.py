"""Results of several files put together: each finding once, in order, under the names that the user gave."""

import os
from pathlib import Path

import pytest

from gradlint.cli.session import Session
from gradlint.findings import Certainty, FileResult, Finding, Note, Severity, Span
from gradlint.sources.config import Configs


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    for name in ("b.py", "a.py", "lib/c.py", "other/d.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return Session(["b.py", "a.py", "./lib"], Configs(isolated=True))


def finding(
    path: str, line: int, code: str = "GRD101", message: str = "m", likely: bool = False, *notes: Note
) -> Finding:
    certainty = Certainty.LIKELY if likely else Certainty.CERTAIN
    return Finding(code, "n", path, Span(line, 1, line, 2), message, Severity.ERROR, certainty, notes)


def told(session: Session, *results: tuple[str, list[Finding]]) -> list[tuple[str, int, str, str]]:
    found = session.findings(FileResult(path, tuple(findings)) for path, findings in results)
    return [(one.path, one.span.line, one.code, one.message) for one in found]


def test_they_come_in_the_order_of_files_and_lines(session: Session) -> None:
    late, other, early = finding("b.py", 9), finding("b.py", 3, "GRD201"), finding("b.py", 3)
    rows = told(session, ("b.py", [late, other, early]), ("a.py", [finding("a.py", 5)]))
    assert [row[:3] for row in rows] == [
        ("a.py", 5, "GRD101"), ("b.py", 3, "GRD101"), ("b.py", 3, "GRD201"), ("b.py", 9, "GRD101"),
    ]  # fmt: skip


def test_each_is_told_once_and_the_best_one_wins(session: Session) -> None:
    c = os.path.join("lib", "c.py")
    likely, imported, own = (
        finding(c, 1, message="a", likely=True),
        finding(c, 1, message="b"),
        finding(c, 1, message="c"),
    )
    everyone = [("a.py", [imported]), (c, [own]), ("b.py", [likely])]
    for order in (everyone, everyone[::-1], everyone[1:] + everyone[:1]):
        assert told(session, *order) == [(c, 1, "GRD101", "c")]
    assert told(session, (c, [likely]), ("a.py", [imported])) == [(c, 1, "GRD101", "b")]


def test_paths_are_those_that_the_user_gave(session: Session, tmp_path: Path) -> None:
    absolute = str(tmp_path / "lib" / "c.py")
    notes = (
        Note("x", Span(1, 1, 1, 2), str(tmp_path / "a.py")), Note("y", Span(1, 1, 1, 2), absolute),
        Note("z", Span(1, 1, 1, 2), str(tmp_path / "other" / "d.py")), Note("w", Span(1, 1, 1, 2), "/elsewhere/e.py"),
    )  # fmt: skip
    (one,) = session.findings([FileResult("a.py", (finding(absolute, 1, "GRD101", "m", False, *notes),))])
    assert one.path == os.path.join("lib", "c.py")
    assert [note.path for note in one.because] == ["a.py", None, os.path.join("other", "d.py"), "/elsewhere/e.py"]


def test_files_that_nobody_asked_for_are_left_out(session: Session, tmp_path: Path) -> None:
    assert told(session, ("a.py", [finding(str(tmp_path / "other" / "d.py"), 1)])) == []
