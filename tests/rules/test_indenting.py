"""Edits that put code under a `with`."""

from __future__ import annotations

import ast

import pytest

from gradlint.findings import Edit, Fix, Safety, Span
from gradlint.fixes.apply import apply
from gradlint.rules.indenting import block_without_with, function_of, rest_under_with, statement_under_with

SWITCH = "torch.set_grad_enabled(False)"


def span_of(text: str, part: str) -> Span:
    """Where a part stands for the first time."""
    row = next(n for n, line in enumerate(text.split("\n"), 1) if part in line)
    column = text.split("\n")[row - 1].index(part) + 1
    return Span(row, column, row, column + len(part))


def edited(text: str, edits: tuple[Edit, ...]) -> str:
    return apply(text.encode(), [Fix("", edits, Safety.UNSAFE)]).decode()


def switched(text: str, *, whole: bool = False) -> str:
    return edited(text, rest_under_with(text.split("\n"), span_of(text, SWITCH), whole=whole))


def test_the_rest_of_the_body_goes_under_the_switch() -> None:
    before = f"def f(x):\n    y = 1\n    {SWITCH}  # off\n"
    after = f"def f(x):\n    y = 1\n    with {SWITCH}:  # off\n"
    rest = ["if x:", "", "    # why", "    y = g(", "        x)", "return y"]
    text = before + "".join(f"    {row}\n" if row else "\n" for row in rest) + "\n\nf(1)\n"
    new = after + "".join(f"        {row}\n" if row else "\n" for row in rest) + "\n\nf(1)\n"
    assert switched(text, whole=True) == new
    ast.parse(new)


def test_strings_keep_their_lines() -> None:
    text = f'def f():\n    {SWITCH}\n    return """a\n  b\n"""\n'
    assert switched(text) == f'def f():\n    with {SWITCH}:\n        return """a\n  b\n"""\n'


def test_tabs_and_line_ends_are_kept() -> None:
    text = f"def f():\n\t{SWITCH}\n\treturn g()\n"
    assert switched(text) == f"def f():\n\twith {SWITCH}:\n\t\treturn g()\n"
    text = text.replace("\n", "\r\n")
    lines = text.split("\r\n")
    assert edited(text, rest_under_with(lines, Span(2, 2, 2, 2 + len(SWITCH)))) == (
        f"def f():\r\n\twith {SWITCH}:\r\n\t\treturn g()\r\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"{SWITCH}\ny = g()\n",
        f"def f():\n    {SWITCH}\n",
        f"def f():\n    a = {SWITCH}\n    return g()\n",
        f"def f():\n    {SWITCH}; b = 1\n    return g()\n",
        f"def f():\n    {SWITCH}\n    yield g()\n",
        f"async def f():\n    {SWITCH}\n    await g()\n",
        f"def f():\n    {SWITCH}\n    return '''\n",
    ],
)
def test_what_cannot_be_wrapped_is_left_alone(text: str) -> None:
    assert rest_under_with(text.split("\n"), span_of(text, SWITCH)) == ()


def test_a_block_inside_the_body_is_not_the_whole_body() -> None:
    text = f"def f(x):\n    if x:\n        {SWITCH}\n        x = 1\n    return g(x)\n"
    assert switched(text, whole=True) == text
    assert switched(text) == f"def f(x):\n    if x:\n        with {SWITCH}:\n            x = 1\n    return g(x)\n"


@pytest.mark.parametrize(
    "text, new",
    [
        ("def f(c):\n    a = c()\n    return a\n", "def f(c):\n    with on():\n        a = c()\n    return a\n"),
        ("def f(c):\n  return (c()\n   + 1)\n", "def f(c):\n  with on():\n    return (c()\n     + 1)\n"),
        ("def f(c):\n    if c(): pass\n", ""),
        ("def f(c): return c()\n", ""),
    ],
)
def test_one_statement_goes_under_a_with(text: str, new: str) -> None:
    edits = statement_under_with(text.split("\n"), span_of(text, "c()"), "on()")
    assert edited(text, edits) == (new or text)


def test_what_stands_before_a_statement_in_its_function() -> None:
    text = f"a = 1\ndef f():\n    b(2)\n    {SWITCH}\n"
    assert function_of(text.split("\n"), span_of(text, SWITCH)) == ("b", "(", ")")


@pytest.mark.parametrize("before, after", [
    ("with a:\n    with b():\n        f()\n    g()\n", "with a:\n    f()\n    g()\n"),
    ("with b():\n    # why\n    f(\n  1)\n\n    g()\nh()\n", "# why\nf(\n  1)\n\ng()\nh()\n"),
    ("if x:\n\twith b():\n\t\ts = \"\"\"a\n\t\tb\"\"\"\n\t\tg()\n", "if x:\n\ts = \"\"\"a\n\t\tb\"\"\"\n\tg()\n"),
    ("with b():\n    if x:\n        f()\n    else:\n        g()", "if x:\n    f()\nelse:\n    g()"),
])  # fmt: skip
def test_a_block_without_its_with(before: str, after: str) -> None:
    number = next(n for n, line in enumerate(before.split("\n"), 1) if "b()" in line)
    column = before.split("\n")[number - 1].index("b()") + 1
    edits = block_without_with(before.split("\n"), Span(number, column, number, column + 3))
    assert apply(before.encode(), [Fix("", edits, Safety.SAFE)]).decode() == after


@pytest.mark.parametrize("text", [
    "with b():  # why\n    f()\n", "with b(): f()\n", "with a, b():\n    f()\n", "with b() as c:\n    f()\n",
    "async def f():\n    async with b():\n        f()\n", "with (b()):\n    f()\n", "b()\n", "with b():\n    f((\n",
])  # fmt: skip
def test_a_with_that_has_to_stay(text: str) -> None:
    number = next(n for n, line in enumerate(text.split("\n"), 1) if "b()" in line)
    column = text.split("\n")[number - 1].index("b()") + 1
    assert block_without_with(text.split("\n"), Span(number, column, number, column + 3)) == ()
