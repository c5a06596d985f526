"""Edits of whole lines, and columns in UTF-16 units."""

import pytest

from gradlint.editors.convert import rewriting
from gradlint.editors.protocol import Columns


def applied(text: str, edits: list[dict]) -> str:  # type: ignore[type-arg]
    """What a client makes of edits, as the protocol says."""
    rows = text.split("\n")
    for edit in edits:
        start, end = (
            sum(len(row) + 1 for row in rows[: at["line"]]) + at["character"]
            for at in (edit["range"]["start"], edit["range"]["end"])
        )
        text = text[:start] + edit["newText"] + text[end:]
    return text


@pytest.mark.parametrize("before, after", [
    ("a\nb\nc\n", "a\nB\nc\n"), ("a\nb", "a\nb  # c"), ("a\n", "a\nb\n"), ("a\nb\n", "a\n"), ("", "x\n"), ("x", ""),
    ("a\na\na\n", "a\na\n"), ("a\n", "a"), ("a\nb\nc", "a\nc"), ("a\n\nb", "a\nb"),
])  # fmt: skip
def test_one_edit_makes_the_other_text(before: str, after: str) -> None:
    edits = rewriting(before, after, Columns())
    assert len(edits) == 1 and applied(before, edits) == after


def test_the_same_text_needs_no_edit() -> None:
    assert rewriting("a\nb", "a\nb", Columns()) == []


@pytest.mark.parametrize("offered, told", [(None, 4), (["utf-8"], 4), (["utf-16", "utf-32"], 3)])
def test_columns(offered: object, told: int) -> None:
    columns = Columns(offered)
    line = "é\U0001f525ab"
    assert columns.told(line, 4) == told and columns.heard(line, told) == 4
    assert columns.heard(line, 0) == 1 and columns.heard(line, 99) == 5
