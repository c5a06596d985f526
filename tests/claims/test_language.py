"""The claims are well formed, and a malformed one is refused with its place."""

import ast

import pytest

from .claims import Block, ClaimError, Mark, marks_in, read_page
from .statements import marked_statements


def page(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def test_every_mark_stands_on_something_it_can_speak_of(block: Block) -> None:
    marked_statements(block, ast.parse(block.source))


def test_marks_are_separated_by_two_spaces_or_a_semicolon() -> None:
    text = 'f()  # GRD101  raises: RuntimeError "a;  b"; requires_grad(y): False  as the text says\n'
    assert marks_in(text, "page") == (
        Mark("finding", "GRD101", 1),
        Mark("raises", 'RuntimeError "a;  b"', 1),
        Mark("requires_grad", "False", 1, "y"),
    )


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("y = x  # require_grad: True", "no such mark"),
        ("y = x  # requires_grad: true", "cannot stand behind"),
        ("y = x  # GRD1011", "stands alone"),
        ("y = x  # GRD101 raises: RuntimeError", "stands alone"),
        ("y = x  # grad_mode(y): on", "speaks of no name"),
        ("y = x  # holds: y ==", "holds"),
        ("# requires_grad: True", "needs code on its line"),
    ],
)
def test_malformed_marks_are_refused(line: str, complaint: str) -> None:
    with pytest.raises(ClaimError, match=complaint):
        list(read_page(page("```python", line, "```"), "page"))


@pytest.mark.parametrize(
    "rows, complaint",
    [
        (("```python continues", "x", "```"), "nothing to continue"),
        (("```python", "x = 1", "```", "# Next", "```python continues", "x", "```"), "nothing to continue"),
        (("```python fixed", "x", "```"), "no block before"),
        (("```python wiht", "x", "```"), "no such word"),
        (("```python", "x"), "never closed"),
        (("```python", "x =", "```"), "invalid syntax"),
        (("<!-- gradlint: select = ALL -->",), "no such setting"),
    ],
)
def test_malformed_pages_are_refused(rows: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(ClaimError, match=complaint):
        list(read_page(page(*rows), "page"))


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("pass  # requires_grad: True", "binds nothing"),
        ("a = b = 1  # requires_grad(c): True", "binds no c"),
    ],
)
def test_flags_need_a_value_to_speak_of(line: str, complaint: str) -> None:
    (block,) = read_page(page("```python", line, "```"), "page")
    with pytest.raises(ClaimError, match=complaint):
        marked_statements(block, ast.parse(block.source))


def test_a_block_continues_the_last_one_that_does_not_stop() -> None:
    text = page(
        "```python",
        "a = 1",
        "```",
        "```python continues",
        "b = 1 / 0  # raises: ZeroDivisionError",
        "```",
        "```python continues",
        "c = a",
        "```",
    )
    last = list(read_page(text, "page"))[-1]
    assert last.source.splitlines()[3:] == ["a = 1", "c = a"]
    assert last.lines[3:] == (2, 8)


def test_settings_end_with_their_section() -> None:
    text = page(
        "# One",
        "## Two",
        "<!-- gradlint: target-torch = 1.13 -->",
        "```python",
        "1",
        "```",
        "## Three",
        "```python",
        "1",
        "```",
    )
    first, second = read_page(text, "page")
    assert first.options == (("target-torch", "1.13"),) and second.options == ()
