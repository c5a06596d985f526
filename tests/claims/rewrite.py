"""Other texts of one program: without comments, with ignore comments, twins, and with probes for predictions.

Every function here keeps the text parseable; where lines move, a map back comes with the text.
"""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass

from .claims import MODES, Block, Mark
from .statements import Marked, marked_statements

MODE_NAMES = {"no_grad": "ng", "enable_grad": "eg", "set_grad_enabled": "sg", "inference_mode": "im"}


@dataclass(frozen=True)
class Twin:
    """A program that means the same. `back[i]` is the original line of its line i + 1, 0 where there is none."""

    name: str
    source: str
    back: tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """What a mark asks of the predictions: `field` of `name`, bound on one of `lines` of the probed text."""

    mark: Mark
    field: str
    name: str
    lines: frozenset[int]


def tokens(source: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(source).readline))


def replaced(source: str, edits: Iterable[tuple[int, int, int, str]]) -> str:
    """The text with (line, first column, end column, new text) put in; edits do not overlap."""
    lines = source.splitlines()
    for line, start, end, text in sorted(edits, reverse=True):
        old = lines[line - 1]
        lines[line - 1] = old[:start] + text + old[end:]
    return "\n".join(lines) + "\n"


def without_comments(source: str) -> str:
    """The same lines without comments, so that nothing but code can silence or change anything."""
    comments = [token for token in tokens(source) if token.type == tokenize.COMMENT]
    bare = replaced(source, [(t.start[0], t.start[1], t.end[1], "") for t in comments])
    return "\n".join(line.rstrip() for line in bare.splitlines()) + "\n"


def with_comments(source: str, comments: dict[int, str]) -> str:
    """A text without comments, with one added to each of the lines named."""
    lines = source.splitlines()
    return "\n".join(f"{line}  # {comments[n]}" if n in comments else line for n, line in enumerate(lines, 1)) + "\n"


def _shifted(name: str, head: str, source: str) -> Twin:
    count = len(source.splitlines())
    return Twin(name, head + "\n" + source, (0, *range(1, count + 1)))


def _inside_imports(source: str) -> set[int]:
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {line for node in imports for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def renamed_module(source: str) -> Twin:
    """`torch` called `th`."""
    skipped = _inside_imports(source)
    edits = []
    before = ""
    for token in tokens(source):
        is_use = token.type == tokenize.NAME and token.string == "torch" and before != "."
        if is_use and token.start[0] not in skipped:
            edits.append((token.start[0], token.start[1], token.end[1], "th"))
        before = token.string
    return _shifted("torch as th", "import torch as th", replaced(source, edits))


def renamed_modes(source: str) -> Twin:
    """`torch.no_grad` called `ng`, and so on for the other modes."""
    edits = []
    found = tokens(source)
    for module, dot, mode in zip(found, found[1:], found[2:]):
        if (module.string, dot.string) == ("torch", ".") and mode.string in MODE_NAMES:
            edits.append((module.start[0], module.start[1], mode.end[1], MODE_NAMES[mode.string]))
    names = ", ".join(f"{mode} as {short}" for mode, short in MODE_NAMES.items())
    return _shifted("modes imported", f"from torch import {names}", replaced(source, edits))


def wrapped(source: str) -> Twin:
    """The whole program as the body of a function that is called at the end."""
    inside = {
        line
        for token in tokens(source)
        if token.type == tokenize.STRING
        for line in range(token.start[0] + 1, token.end[0] + 1)
    }
    lines = [line if n in inside or not line else "    " + line for n, line in enumerate(source.splitlines(), 1)]
    text = "\n".join(["def wrapped_program():", *lines, "", "", "wrapped_program()"]) + "\n"
    return Twin("in a function", text, (0, *range(1, len(lines) + 1), 0, 0, 0))


def twins(block: Block) -> list[Twin]:
    """The twins of a block; none for one that says `notwins`. A `global` statement cannot be wrapped."""
    if "notwins" in block.words:
        return []
    made = [renamed_module(block.source), renamed_modes(block.source)]
    if not any(isinstance(node, (ast.Global, ast.Nonlocal)) for node in ast.walk(ast.parse(block.source))):
        made.append(wrapped(block.source))
    return made


class Probes:
    """A program with lines added that bind what its marks ask about, so that predictions can be read off."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.before: dict[int, list[str]] = {}
        self.edits: list[tuple[int, int, int, str]] = []
        self.asked: list[tuple[Mark, str, str, frozenset[int], int | None]] = []
        self.count = 0
        for marked in marked_statements(block, ast.parse(block.source)):
            for mark in marked.marks:
                if mark.kind == "requires_grad":
                    self.ask_flag(marked, mark)
                elif mark.kind in MODES:
                    self.ask_mode(marked, mark)

    def ask_flag(self, marked: Marked, mark: Mark) -> None:
        if isinstance(marked.node, ast.Expr):
            name = self.fresh()
            self.edits.append((marked.node.lineno, marked.node.col_offset, marked.node.col_offset, f"{name} = "))
            self.asked.append((mark, "requires_grad", name, frozenset(marked.lines), None))
            return
        for subject in marked.about(mark):
            is_parameter = isinstance(marked.node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if isinstance(subject, ast.Name) and not is_parameter:
                self.asked.append((mark, "requires_grad", subject.id, frozenset(marked.lines), None))
            else:
                self.probe(marked, mark, ast.unparse(subject))

    def ask_mode(self, marked: Marked, mark: Mark) -> None:
        self.probe(marked, mark, "torch.zeros(())")

    def probe(self, marked: Marked, mark: Mark, expression: str) -> None:
        """Bind `expression` right after a simple statement, or at the start of the body of a compound one."""
        body = marked.body
        line = min(n for n in _starts(body[0])) if body else marked.lines.stop
        like = self.block.source.splitlines()[(line if body else marked.node.lineno) - 1]
        indent = re.match(r"\s*", like)
        name = self.fresh()
        rows = self.before.setdefault(line, [])
        rows.append(f"{indent[0] if indent else ''}{name} = {expression}")
        self.asked.append((mark, mark.kind, name, frozenset({line}), len(rows) - 1))

    def fresh(self) -> str:
        self.count += 1
        name = f"claims_probe_{self.count}"
        assert not keyword.iskeyword(name)
        return name

    def text(self) -> tuple[str, list[Question]]:
        """The probed program, and what to look up in its predictions."""
        old = replaced(self.block.source, self.edits).splitlines()
        new: list[str] = []
        moved: dict[int, int] = {}
        for number in range(1, len(old) + 2):
            new += self.before.get(number, [])
            if number <= len(old):
                new.append(old[number - 1])
            moved[number] = len(new) if number <= len(old) else len(new) + 1
        questions = []
        for mark, field, name, lines, row in self.asked:
            if row is None:
                places = frozenset(moved[line] for line in lines)
            else:
                (line,) = lines
                places = frozenset({moved[line] - len(self.before[line]) + row})
            questions.append(Question(mark, field, name, places))
        return "\n".join(new) + "\n", questions


def _starts(node: ast.stmt) -> list[int]:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return [node.lineno, *(decorator.lineno for decorator in decorators)]
