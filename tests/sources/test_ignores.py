"""Which comments silence which findings."""

import pytest

from gradlint.findings import Finding, Severity, Span
from gradlint.sources.ignores import Ignores


def finding(line: int, code: str = "GRD101", name: str = "backward-without-graph") -> Finding:
    return Finding(code, name, "a.py", Span(line, 1, line, 9), "", Severity.ERROR)


def silenced(text: str, line: int, code: str = "GRD101") -> bool:
    return Ignores(text.encode()).silenced_by(finding(line, code)) is not None


@pytest.mark.parametrize("comment", [
    "# noqa", "#noqa", "# NOQA", "# noqa: GRD101", "# noqa:GRD101,E501", "# noqa: E501, GRD101", "# noqa: E501 GRD101",
    "# noqa: grd101", "# noqa: GRD1", "# noqa: GRD", "# loss is fine  # noqa: GRD101 (measured)", "# noqa: it is fine",
    "# gradlint: ignore", "#gradlint:ignore", "# gradlint: ignore[GRD101]", "# gradlint: ignore[GRD101] it is meant",
    "# gradlint: ignore[GRD9, backward-without-graph]", "# type: ignore  # gradlint: ignore[GRD101]",
])  # fmt: skip
def test_silences(comment: str) -> None:
    assert silenced(f"x = 1\nloss.backward()  {comment}\n", 2)
    assert not silenced(f"x = 1\nloss.backward()  {comment}\n", 1)


@pytest.mark.parametrize("comment", [
    "# noqa: E501", "# noqa: GRD102", "# noqa: GRD102, F401", "# gradlint: ignore[GRD2]", "# gradlint: ignore[]",
    "# gradlint: ignored", "# gradlint: ignore-files", "# say noqaGRD101", "# pylint: ignore",
])  # fmt: skip
def test_does_not_silence(comment: str) -> None:
    assert not silenced(f"loss.backward()  {comment}\n", 1)


def test_a_comment_speaks_of_its_whole_statement() -> None:
    text = "a = 1\nloss = f(\n    x,  # noqa: GRD101\n    y,\n)\nb = 2\n"
    assert [line for line in range(1, 7) if silenced(text, line)] == [2, 3, 4, 5]
    text = 's = """\n# noqa\n"""  # gradlint: ignore\nb = 1\n'
    assert [line for line in range(1, 5) if silenced(text, line)] == [1, 2, 3]
    text = "@torch.no_grad()  # noqa\ndef f():\n    pass\n"
    assert [line for line in range(1, 4) if silenced(text, line)] == [1]


def test_a_string_is_no_comment() -> None:
    text = 's = "# noqa"\nt = """\n# gradlint: ignore-file\n"""\n'
    assert not any(silenced(text, line) for line in range(1, 5))


def test_a_comment_on_its_own_line_speaks_of_no_statement() -> None:
    assert not silenced("# noqa\nloss.backward()\n", 2)


def test_a_whole_file() -> None:
    assert silenced("# gradlint: ignore-file\nx = 1\n" + "y = 1\n" * 9, 11)
    text = "x = 1\n# gradlint: ignore-file[GRD2] generated\n"
    assert silenced(text, 1, "GRD201") and not silenced(text, 1, "GRD101")


def test_a_syntax_that_python_does_not_know() -> None:
    assert silenced("loss.backward()  # noqa\nx = ((\n", 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    assert silenced(end.join(["x = 1", "y.backward()  # noqa", ""]), 2)
