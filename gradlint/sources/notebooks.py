"""Notebooks (`.ipynb`): their code cells as one Python source, and a changed source back in its cells.

Cells are taken in their order. A line that only IPython understands (`%matplotlib inline`, `!pip install …`) becomes a
line of Python of the same indentation that holds it in a comment, so that lines keep their numbers and it can be brought
back. A cell of another language (`%%bash`) becomes comments. The text around a changed cell stays as it is, byte for byte.
"""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import JSONDecoder
from typing import Any

SUFFIX = ".ipynb"
PYTHON = frozenset({"python", "ipython", "python3", "xpython"})
OURS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "lprun"})
"""Cell magics whose cell is Python all the same."""
MAGIC = re.compile(r"[ \t]*(?:[%!?]|[\w.]+\?{1,2}[ \t]*$)|[ \t]*[\w., \t]+=[ \t]*[%!]", re.MULTILINE)
LINE = re.compile(r"([ \t]*)((?:[%!?]|[\w.]+\?{1,2}[ \t]*$).*)")
ASSIGNED = re.compile(r"([ \t]*)([\w., \t]+?)[ \t]*=[ \t]*[%!].*")
TIMED = re.compile(r"([ \t]*)%time (?=\S)")
HELD = re.compile(r"([ \t]*)(?:pass|[\w., \t]+ = get_ipython\(\))  # ipython: (.*)", re.DOTALL)
MORE = re.compile(r"[ \t]*pass  # ipython\+: (.*)", re.DOTALL)
OTHER = "# ipython-cell: "
SPACE = re.compile(r"[ \t\r\n]*")

_decode = JSONDecoder().raw_decode


class NotebookError(ValueError):
    """A file that is no notebook of Python, with the line of its text where that is known."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Cell:
    """One code cell. number: among all cells, from 1. first: its first line in the whole source. start, end: where the
    value of its `source` stands in the text of the notebook."""

    number: int
    first: int
    original: str
    python: str
    start: int
    end: int
    broken: bool = False


class Notebook:
    """The code cells of a notebook. Raises NotebookError.

    source: their Python. shown: what their author wrote, line for line.
    """

    def __init__(self, raw: bytes, broken: frozenset[int] = frozenset()) -> None:
        self.text = _text(raw)
        self.cells = tuple(_cells(self.text, broken))
        self.source = "".join(cell.python for cell in self.cells)
        self.shown = "".join(_ended(cell.original) for cell in self.cells)
        self._starts = [cell.first for cell in self.cells]

    def cell_at(self, line: int) -> Cell | None:
        """The cell that holds a line of the source."""
        index = bisect_right(self._starts, line) - 1
        return self.cells[index] if index >= 0 else None

    def place(self, line: int) -> tuple[int, int]:
        """(Number of the cell, line in it) of a line of the source; (0, line) where there is no cell."""
        cell = self.cell_at(line)
        return (cell.number, line - cell.first + 1) if cell else (0, line)

    def line(self, number: int, line: int) -> int | None:
        """The line of the source of a line in a cell."""
        return next((cell.first + line - 1 for cell in self.cells if cell.number == number), None)

    def changed(self, changes: dict[int, str]) -> bytes | None:
        """The notebook with other Python in some cells, by number. None where IPython's own lines would be lost."""
        text = self.text
        for cell in sorted(self.cells, key=lambda one: -one.start):
            if cell.number not in changes:
                continue
            original = _restored(cell, changes[cell.number])
            if original is None or _python(original) != _ended(changes[cell.number]):
                return None
            text = text[: cell.start] + _value(text[cell.start : cell.end], original, text.isascii()) + text[cell.end :]
        return text.encode("utf-8")


def is_notebook(path: str) -> bool:
    return path.endswith(SUFFIX)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotebookError(f"no notebook: {error.reason}", raw[: error.start].count(b"\n") + 1) from None


def _cells(text: str, broken: frozenset[int]) -> Iterator[Cell]:
    line = 1
    for number, (source, start, end) in _code(text):
        original = "".join(source) if isinstance(source, list) else source
        python = _ended(_commented(original) if number in broken else _python(original))
        yield Cell(number, line, original, python, start, end, number in broken)
        line += len(re.findall(r"\r\n?|\n", python))


# The text of the notebook: where the sources of its code cells stand.


def _code(text: str) -> Iterator[tuple[int, tuple[Any, int, int]]]:
    """(Number, (source, start, end)) of each code cell that is Python."""
    try:
        top = dict(_members(text, _skip(text, 0)))
        at = top["cells"][1] if "cells" in top else -1
        if at < 0:
            old = "worksheets" in top
            raise NotebookError("format 3 of notebooks is not read; save it anew" if old else "no notebook: no cells")
        about = top.get("metadata", ({}, 0, 0))[0]
        if _language(about) not in PYTHON:
            return
        for number, start in enumerate(_elements(text, at), 1):
            cell = dict(_members(text, start))
            kind, source = cell.get("cell_type"), cell.get("source")
            if kind and source and kind[0] == "code" and _is_source(source[0]):
                yield number, source
    except json.JSONDecodeError as error:
        raise NotebookError(f"no notebook: {error.msg}", error.lineno) from None
    except (StopIteration, IndexError):
        raise NotebookError("no notebook: the text ends too early", text.count("\n") + 1) from None
    except RecursionError:
        raise NotebookError("no notebook: nested too deeply") from None


def _language(about: Any) -> str:
    """The language that the metadata name, Python where they name none."""
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        named = about.get(part, {}) if isinstance(about, dict) else {}
        if isinstance(named, dict) and isinstance(named.get(key), str):
            return str(named[key]).lower()
    return "python"


def _is_source(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _members(text: str, at: int) -> Iterator[tuple[str, tuple[Any, int, int]]]:
    """(Key, (value, start, end)) of an object. What is `cells` is not read but as a whole."""
    if text[at] != "{":
        raise json.JSONDecodeError("an object is expected", text, at)
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _decode(text, at)
        at = _skip(text, at)
        if text[at] != ":":
            raise json.JSONDecodeError("a colon is expected", text, at)
        start = _skip(text, at + 1)
        value, end = _decode(text, start)
        yield key, (value, start, end)
        at = _skip(text, end)
        at = _next(text, at, "}")


def _elements(text: str, at: int) -> Iterator[int]:
    """Where the elements of a list start."""
    if text[at] != "[":
        raise json.JSONDecodeError("a list is expected", text, at)
    at = _skip(text, at + 1)
    while text[at] != "]":
        yield at
        at = _next(text, _skip(text, _decode(text, at)[1]), "]")


def _next(text: str, at: int, closing: str) -> int:
    """Where the next part starts, or the closing bracket stands."""
    if text[at] == ",":
        return _skip(text, at + 1)
    if text[at] != closing:
        raise json.JSONDecodeError("a comma is expected", text, at)
    return at


def _skip(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    return found.end() if found else at


def _value(old: str, source: str, plain: bool) -> str:
    """A source as a JSON value, written as the old one was: a text, or a list of lines with the same space between."""
    if not old.startswith("["):
        return json.dumps(source, ensure_ascii=plain)
    lines = [json.dumps(line, ensure_ascii=plain) for line in re.findall(r"[^\n]*\n|[^\n]+", source)]
    first = _skip(old, 1)
    opening = old[:first]
    if first == len(old) - 1:  # it was empty
        return f"[{', '.join(lines)}]"
    between = f",{opening[1:] or ' '}"
    end = _decode(old, first)[1]
    if old[_skip(old, end)] == ",":  # there is a second one, which shows what stands between them
        between = old[end : _skip(old, _skip(old, end) + 1)]
    closing = (SPACE.match(old[:-1][::-1]) or [""])[0][::-1] + "]"
    return opening + between.join(lines) + closing


# Cells: IPython to Python and back.


def _ended(source: str) -> str:
    return source if not source or source.endswith("\n") else source + "\n"


def _python(source: str) -> str:
    """A cell as Python with as many lines."""
    source = _ended(source)
    if not MAGIC.search(source) or _parses(source):
        return source
    lines = re.findall(r"[^\n]*\n", source)
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    head = lines[first].lstrip()
    if head.startswith("%%") and re.sub(r"\W.*", "", head[2:].strip()) not in OURS:
        return _commented(source)
    made: list[str] = []
    indent = None  # of a magic that goes on behind a backslash
    for line in lines:
        body = line.rstrip("\r\n")
        if indent is not None:
            made.append(f"{indent}pass  # ipython+: {line}")
        else:
            made.append(_python_line(line))
        goes_on = body.endswith("\\") and (indent is not None or made[-1] != line)
        indent = None if not goes_on else indent if indent is not None else body[: len(body) - len(body.lstrip())]
    return "".join(made)


def _python_line(line: str) -> str:
    timed = TIMED.match(line)
    if timed:  # what it times is run; the six columns that it takes stay six
        return f"{timed[1]}if 1: {line[timed.end() :]}"
    found = LINE.match(line)
    if found:
        return f"{found[1]}pass  # ipython: {line[found.end(1) :]}"
    found = ASSIGNED.match(line)
    if found:
        return f"{found[1]}{found[2]} = get_ipython()  # ipython: {line[found.end(1) :]}"
    return line


def _commented(source: str) -> str:
    return "".join(OTHER + line for line in re.findall(r"[^\n]*\n", _ended(source)))


def _restored(cell: Cell, python: str) -> str | None:
    """The cell as IPython wants it, from changed Python. None where it is not clear."""
    if cell.broken or cell.python.startswith(OTHER):
        return None
    made = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", python):
        held, more = HELD.fullmatch(line), MORE.fullmatch(line)
        made.append(more[1] if more else held[1] + held[2] if held else line)
    text = "".join(made)
    timed = sum(TIMED.match(line) is not None for line in cell.original.split("\n"))
    if timed and "if 1: " in cell.python:
        text, count = re.subn(r"^([ \t]*)if 1: ", r"\1%time ", text, flags=re.MULTILINE)
        if count != timed:
            return None
    return text if cell.original.endswith("\n") else text.removesuffix("\n")


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
