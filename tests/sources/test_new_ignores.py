"""Ignore comments for what is found: where they go, and that they silence it."""

import ast

import pytest

from gradlint import pipeline
from gradlint.findings import Finding, Severity, Span
from gradlint.sources.ignores import Ignores


def finding(line: int, code: str = "GRD101") -> Finding:
    return Finding(code, "a-rule", "a.py", Span(line, 1, line, 2), "", Severity.ERROR)


def silenced(text: str, *findings: Finding, reason: str = "") -> str:
    """The text with comments; the findings are silenced by them, and the program is the same."""
    made = pipeline.with_ignores("a.py", text.encode(), findings, reason).decode()
    assert all(Ignores(made.encode()).silenced_by(one) for one in findings)
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(text))
    return made


@pytest.mark.parametrize("before, after", [
    ("f()\n", "f()  # gradlint: ignore[GRD101]\n"),
    ("f()", "f()  # gradlint: ignore[GRD101]"),
    ("f()   \r\nx = 1\r\n", "f()  # gradlint: ignore[GRD101]\r\nx = 1\r\n"),
    ("f()  # why\n", "f()  # why  # gradlint: ignore[GRD101]\n"),
    ("f()  # type: ignore\n", "f()  # type: ignore  # gradlint: ignore[GRD101]\n"),
    ("f()  # noqa: E501\n", "f()  # noqa: E501  # gradlint: ignore[GRD101]\n"),
    ("f()  # gradlint: ignore[GRD2] so\n", "f()  # gradlint: ignore[GRD2, GRD101] so\n"),
    ("f(\n    x,\n)\n", "f(  # gradlint: ignore[GRD101]\n    x,\n)\n"),
    ("f(x, \\\n  y)\n", "f(x, \\\n  y)  # gradlint: ignore[GRD101]\n"),
    ('f("""a\nb""")\n', 'f("""a\nb""")  # gradlint: ignore[GRD101]\n'),
    ('f("#")\n', 'f("#")  # gradlint: ignore[GRD101]\n'),
    ("if x: f(); g()\n", "if x: f(); g()  # gradlint: ignore[GRD101]\n"),
    ("x = 'ä'; f()\n", "x = 'ä'; f()  # gradlint: ignore[GRD101]\n"),
])  # fmt: skip
def test_where_they_go(before: str, after: str) -> None:
    assert silenced(before, finding(1)) == after


def test_several_findings_share_a_comment_and_have_a_reason() -> None:
    made = silenced("f()\ng()\n", finding(1, "GRD201"), finding(1), finding(2), reason="as it was in 2021")
    assert made.splitlines() == [
        "f()  # gradlint: ignore[GRD101, GRD201] as it was in 2021",
        "g()  # gradlint: ignore[GRD101] as it was in 2021",
    ]


def test_encoding_and_byte_order_mark_stay() -> None:
    latin = "# coding: latin-1\nx = 'ä'; f()\n".encode("latin-1")
    assert pipeline.with_ignores("a.py", latin, [finding(2)]) == latin[:-1] + b"  # gradlint: ignore[GRD101]\n"
    marked = b"\xef\xbb\xbff()\n"
    assert pipeline.with_ignores("a.py", marked, [finding(1)]) == b"\xef\xbb\xbff()  # gradlint: ignore[GRD101]\n"


def test_what_cannot_be_tokenized_stays() -> None:
    assert pipeline.with_ignores("a.py", b"f((\n", [finding(1)]) == b"f((\n"
