"""Reads the claims: Markdown pages in, programs with their marks out.

`fixtures/README.md` describes the language. This module runs nothing and imports neither gradlint nor torch, so
that a worker process can use it whatever stands in for `torch` there.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
PRELUDE = ("import torch", "import torch.nn as nn", "import torch.nn.functional as F")

CODE = re.compile(r"GRD\d{3}")
FLAG = re.compile(r"True|False|unknown")
MODE = re.compile(r"on|off|unknown")
RAISES = re.compile(r'([A-Za-z_.]+)(?: "([^"]*)")?')
QUOTED = re.compile(r'"([^"]*)"')
FIELD = re.compile(r"requires_grad|grad_mode|inference_mode")

# What may stand behind each key.
VALUES = {
    "requires_grad": FLAG,
    "is_leaf": re.compile(r"True|False"),
    "inference": re.compile(r"True|False"),
    "grad_mode": MODE,
    "inference_mode": MODE,
    "raises": RAISES,
    "warns": QUOTED,
    "holds": re.compile(r".+"),
    "version": re.compile(r"\d+\.\d+ .+"),
    "missed": re.compile(rf"{CODE.pattern}|{FIELD.pattern}"),
    "false alarm": CODE,
    "wrong": FIELD,
    "witness": re.compile(r"unconfirmed"),
    "engine": re.compile(r"unsupported|differs"),
}
FLAGS = ("requires_grad", "is_leaf", "inference")
MODES = ("grad_mode", "inference_mode")
RUNNING = (*FLAGS, *MODES, "raises", "warns", "holds")
# Comments that other tools read; they are no marks.
FOREIGN = ("noqa", "gradlint", "type", "pragma", "fmt")

PIECE = re.compile(r"""(?:[^\s;"']|\s(?!\s)|"[^"]*"|'[^']*'|["'])+""")
KEYED = re.compile(r"(?P<key>[A-Za-z_]+(?: [a-z]+)?)(?:\((?P<subject>[^)]*)\))?:(?:\s+(?P<value>.*))?$")
FENCE = re.compile(r"^(?P<fence>```+|~~~+)\s*(?P<info>.*)$")
HEADING = re.compile(r"^(#{1,6}) +(.*)$")
DIRECTIVE = re.compile(r"^<!-- gradlint: (?P<key>[a-z-]+) = (?P<value>.+?) -->\s*$")
OPTIONS = ("extend-select", "target-torch")
WORDS = ("continues", "fixed", "notwins")


class ClaimError(Exception):
    """A page that cannot be read as claims: the message says where and why."""


@dataclass(frozen=True)
class Mark:
    """One expectation. `line` is that of the program; for a finding `kind` is "finding" and `value` its code."""

    kind: str
    value: str
    line: int
    subject: str = ""

    @property
    def text(self) -> str:
        if self.kind == "finding":
            return self.value
        subject = f"({self.subject})" if self.subject else ""
        return f"{self.kind}{subject}: {self.value}"


@dataclass(frozen=True)
class Block:
    """One program. `lines[i]` is the line of the page that holds program line i + 1, 0 for the prelude."""

    page: str
    line: int
    heading: tuple[str, ...]
    source: str
    lines: tuple[int, ...]
    marks: tuple[Mark, ...]
    words: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    mends: str = ""

    @property
    def id(self) -> str:
        return f"{self.page}:{self.line}"

    def place(self, line: int) -> str:
        """`page:line` of a program line, for messages."""
        return f"{self.page}:{self.lines[line - 1] if 0 < line <= len(self.lines) else '?'}"

    def of(self, *kinds: str) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.marks if mark.kind in kinds)

    def expected(self) -> list[tuple[int, str]]:
        """What the analyser is to report today: the findings marked, without the missed, with the false alarms."""
        return sorted((mark.line, mark.value) for mark in self.of("finding", "false alarm"))


@dataclass(frozen=True)
class Outcome:
    """What one running judge made of one block: nothing in `failures` when all is as marked."""

    block: str
    failures: tuple[str, ...] = ()


def split(comment: str) -> list[str]:
    """The pieces of a comment: separated by two or more spaces or a semicolon, quotes kept whole."""
    return [piece.strip() for piece in PIECE.findall(comment.lstrip("#").strip()) if piece.strip()]


def parse_mark(piece: str, line: int) -> Mark | None:
    """The mark that a piece of a comment is, None where it is prose; ClaimError where it is neither."""
    if CODE.match(piece):
        if not CODE.fullmatch(piece):
            raise ClaimError(f"{piece!r}: a code stands alone, other marks after two spaces")
        return Mark("finding", piece, line)
    found = KEYED.match(piece)
    if not found or found["key"] in FOREIGN:
        return None
    key, value = found["key"], (found["value"] or "").strip()
    if key not in VALUES:
        raise ClaimError(f"{piece!r}: no such mark as {key!r}")
    if not VALUES[key].fullmatch(value):
        raise ClaimError(f"{piece!r}: {value!r} cannot stand behind {key}")
    if found["subject"] is not None and key not in FLAGS:
        raise ClaimError(f"{piece!r}: {key} speaks of no name")
    if key == "holds":
        try:
            ast.parse(value, mode="eval")
        except SyntaxError as error:
            raise ClaimError(f"{piece!r}: {error.msg}") from error
    return Mark(key, value, line, found["subject"] or "")


def marks_in(source: str, place: str) -> tuple[Mark, ...]:
    """The marks of a piece of Python. ClaimError for marks that are malformed or stand on a line without code."""
    found: list[Mark] = []
    code_lines: set[int] = set()
    layout = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row = token.start[0]
        if token.type not in layout:
            code_lines.update(range(row, token.end[0] + 1))
        if token.type != tokenize.COMMENT:
            continue
        for piece in split(token.string):
            try:
                mark = parse_mark(piece, row)
            except ClaimError as error:
                raise ClaimError(f"{place}, line {row} of the block: {error}") from None
            if mark and row not in code_lines:
                raise ClaimError(f"{place}, line {row} of the block: a mark needs code on its line")
            if mark:
                found.append(mark)
    return tuple(found)


@dataclass
class _Reader:
    """The state of one page while it is read from top to bottom."""

    page: str
    headings: list[tuple[int, str]] = field(default_factory=list)
    options: list[tuple[int, str, str]] = field(default_factory=list)
    base: tuple[list[str], list[int]] | None = None
    last: Block | None = None

    def heading(self, level: int, text: str) -> None:
        self.headings = [h for h in self.headings if h[0] < level] + [(level, text)]
        self.options = [o for o in self.options if o[0] < level]
        self.base = self.last = None

    def directive(self, key: str, value: str, line: int) -> None:
        if key not in OPTIONS:
            raise ClaimError(f"{self.page}:{line}: no such setting as {key!r}")
        level = self.headings[-1][0] if self.headings else 0
        self.options.append((level, key, value))

    def block(self, words: tuple[str, ...], text: list[str], line: int) -> Block:
        """Make the block whose first line of code is `line` of the page."""
        place = f"{self.page}:{line}"
        for word in words:
            if word not in WORDS:
                raise ClaimError(f"{place}: no such word as {word!r} behind ```python")
        lines, numbers = list(PRELUDE), [0] * len(PRELUDE)
        if "continues" in words:
            if self.base is None:
                raise ClaimError(f"{place}: nothing to continue under this heading")
            lines, numbers = list(self.base[0]), list(self.base[1])
        if "fixed" in words and self.last is None:
            raise ClaimError(f"{place}: no block before the one that is fixed")
        lines += text
        numbers += range(line, line + len(text))
        source = "\n".join(lines) + "\n"
        try:
            compile(source, place, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise ClaimError(f"{place}: {error}") from error
        block = Block(
            page=self.page,
            line=line,
            heading=tuple(h for _, h in self.headings),
            source=source,
            lines=tuple(numbers),
            marks=marks_in(source, place),
            words=words,
            options=tuple((key, value) for _, key, value in self.options),
            mends=self.last.id if "fixed" in words and self.last else "",
        )
        if not any(mark.kind == "raises" for mark in block.marks):
            self.base = (lines, numbers)
        self.last = block
        return block


def read_page(text: str, page: str) -> Iterator[Block]:
    """The blocks of one page, in order."""
    reader = _Reader(page)
    rows = text.splitlines()
    row = 0
    while row < len(rows):
        fence = FENCE.match(rows[row])
        if fence:
            first = row + 1
            row = first
            while row < len(rows) and not re.match(rf"{fence['fence']}\s*$", rows[row]):
                row += 1
            if row == len(rows):
                raise ClaimError(f"{page}:{first}: a fence is opened and never closed")
            language, *words = fence["info"].split() or [""]
            if language == "python":
                yield reader.block(tuple(words), rows[first:row], first + 1)
        elif heading := HEADING.match(rows[row]):
            reader.heading(len(heading[1]), heading[2].strip())
        elif directive := DIRECTIVE.match(rows[row]):
            reader.directive(directive["key"], directive["value"], row + 1)
        row += 1


def pages() -> list[Path]:
    """Every page of claims; `odd/` must only not crash, README and TEMPLATE describe the language."""
    found = sorted(FIXTURES.rglob("*.md"))
    return [path for path in found if path.name != "README.md" and "odd" not in path.relative_to(FIXTURES).parts]


def load() -> list[Block]:
    """Every block of every page. ClaimError where a page is malformed or two blocks share an id."""
    blocks: list[Block] = []
    for path in pages():
        blocks += read_page(path.read_text(encoding="utf-8"), path.relative_to(FIXTURES).as_posix())
    return blocks
