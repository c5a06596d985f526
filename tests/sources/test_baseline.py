"""A baseline knows findings by path, code and the text of their line."""

from pathlib import Path

import pytest

from gradlint.findings import Finding, Severity, Span
from gradlint.sources import baseline
from gradlint.sources.settings import SettingsError

TEXT = ["a = f()", "  g()", "g()", "h()"]


def finding(line: int, code: str = "GRD101", path: str = "a.py") -> Finding:
    return Finding(code, "n", path, Span(line, 1, line, 2), "", Severity.ERROR)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "known.json"


def lines(path: str) -> list[str]:
    return TEXT


def test_what_is_written_is_known(file: Path) -> None:
    found = [finding(1), finding(2), finding(3), finding(3, "GRD201"), finding(4, path="sub/b.py")]
    file.write_text(baseline.written("known.json", found, lines))
    assert baseline.read("known.json").new(found, lines) == ((), 0)
    assert baseline.written("known.json", list(reversed(found)), lines) == file.read_text()


def test_it_is_found_from_any_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(baseline.written("known.json", [finding(4, path="sub/b.py")], lines))
    (file.parent / "sub").mkdir()
    monkeypatch.chdir(file.parent / "sub")
    assert baseline.read("../known.json").new([finding(4, path="b.py")], lines) == ((), 0)


def test_lines_may_move_and_a_third_of_two_is_new(file: Path) -> None:
    file.write_text(baseline.written("known.json", [finding(2), finding(3)], lines))
    known = baseline.read("known.json")
    moved = ["", "", "g()", "   g()", "g()"]
    assert known.new([finding(3), finding(4)], lambda path: moved) == ((), 0)
    assert known.new([finding(3), finding(4), finding(5)], lambda path: moved) == ((finding(5),), 0)


def test_other_codes_and_files_are_new_and_what_is_gone_is_counted(file: Path) -> None:
    file.write_text(baseline.written("known.json", [finding(1)], lines))
    known = baseline.read("known.json")
    new = (finding(1, "GRD102"), finding(1, path="b.py"))
    assert known.new(new, lines) == (new, 1)


def test_without_findings(file: Path) -> None:
    file.write_text(baseline.written("known.json", [], lines))
    assert baseline.read("known.json").new([finding(1)], lines) == ((finding(1),), 0)


@pytest.mark.parametrize("text", [
    "", "{", "[]", "{}", '{"version": 2, "findings": {}}', '{"version": 1, "findings": []}',
    '{"version": 1, "findings": {"a.py": [{"code": "GRD101"}]}}',
    '{"version": 1, "findings": {"a.py": [{"code": "GRD101", "line": "x", "count": "y"}]}}',
])  # fmt: skip
def test_what_is_no_baseline_is_told(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError, match="known.json"):
        baseline.read("known.json")


def test_a_baseline_that_is_not_there(file: Path) -> None:
    with pytest.raises(SettingsError, match="--write-baseline"):
        baseline.read("known.json")
