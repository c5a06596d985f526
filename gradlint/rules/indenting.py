"""Edits that put code under a `with`: the rest of a body, or one statement.

In: the lines of a file and a place in it. Out: edits, or () where the text does not allow them. Lines that start inside
a string are left alone, since to indent them would change the string.
"""

from __future__ import annotations

import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from gradlint.findings import Edit, Span

COMPOUND = frozenset("@ async case class def elif else except finally for if match try while with".split())
UNIT = "    "


@dataclass(frozen=True)
class Line:
    """A logical line: its rows and columns as in a Span (comments left away), its words, and the logical lines that
    open the blocks it stands in, outermost first."""

    span: Span
    words: tuple[str, ...]
    openers: tuple[Line, ...]

    @property
    def is_def(self) -> bool:
        return "def" in self.words[:2]


def rest_under_with(lines: Sequence[str], span: Span, *, whole: bool = False) -> tuple[Edit, ...]:
    """Turn the statement at `span` into `with <statement>:` and indent what follows it in its block under it.

    () outside of functions, where the statement is more than the span, where nothing follows, and where what follows
    yields or awaits: a mode must not be in force then. `whole`: the block must be the body of the function.
    """
    found = _logical_lines(lines)
    if found is None:
        return ()
    logical, in_string = found
    index = next((n for n, line in enumerate(logical) if line.span == span), -1)
    openers = logical[index].openers if index >= 0 else ()
    if not any(opener.is_def for opener in (openers[-1:] if whole else openers)):
        return ()
    block = _rest_of_block(logical, index)
    if not block or any({"yield", "await"} & set(line.words) for line in block):
        return ()
    unit = _unit(lines, logical[index])
    text = lines[span.line - 1][span.column - 1 : span.end_column - 1]
    if span.end_line != span.line:
        return ()
    rows = range(span.end_line + 1, block[-1].span.end_line + 1)
    return (Edit(span, f"with {text}:"), *_indented(lines, rows, in_string, unit))


def statement_under_with(lines: Sequence[str], span: Span, header: str) -> tuple[Edit, ...]:
    """Put `with <header>:` over the simple statement that holds `span`; () where it is no statement of its own line."""
    found = _logical_lines(lines)
    if found is None:
        return ()
    logical, in_string = found
    holder = next((line for line in logical if line.span.line <= span.line <= line.span.end_line), None)
    if holder is None or holder.words[0] in COMPOUND or not {"yield", "await"}.isdisjoint(holder.words):
        return ()
    unit = _unit(lines, holder)
    indent = lines[holder.span.line - 1][: holder.span.column - 1]
    if indent.strip():
        return ()
    start = Span(holder.span.line, holder.span.column, holder.span.line, holder.span.column)
    rows = range(holder.span.line + 1, holder.span.end_line + 1)
    return (Edit(start, f"with {header}:\n{indent}{unit}"), *_indented(lines, rows, in_string, unit))


def block_without_with(lines: Sequence[str], span: Span) -> tuple[Edit, ...]:
    """Take a `with` away whose only item is at `span`, and move its block one step out; () where a comment stands beside
    it, or where the text does not allow it."""
    found = _logical_lines(lines)
    if found is None or span.line != span.end_line:
        return ()
    logical, in_string = found
    row = lines[span.line - 1]
    if row.strip() != f"with {row[span.column - 1 : span.end_column - 1]}:":
        return ()
    index = next((n for n, line in enumerate(logical) if line.span.line == span.line), -1)
    inside = [line for line in logical[index + 1 :] if logical[index] in line.openers] if index >= 0 else []
    if not inside:
        return ()
    outer, inner = _indent(lines, logical[index]), _indent(lines, inside[0])
    edits = [Edit(Span(span.line, 1, span.line + 1, 1), "")]
    for number in range(span.line + 1, inside[-1].span.end_line + 1):
        if number not in in_string and lines[number - 1].startswith(inner):
            edits.append(Edit(Span(number, 1, number, len(inner) + 1), outer))
    return tuple(edits)


def function_of(lines: Sequence[str], span: Span) -> tuple[str, ...]:
    """The words between the `def` line that encloses a statement and the statement, both left away."""
    logical = (_logical_lines(lines) or ([], frozenset()))[0]
    index = next((n for n, line in enumerate(logical) if line.span == span), -1)
    if index < 0:
        return ()
    opener = next((line for line in reversed(logical[index].openers) if line.is_def), None)
    if opener is None:
        return ()
    return tuple(word for line in logical[logical.index(opener) + 1 : index] for word in line.words)


def _logical_lines(lines: Sequence[str]) -> tuple[list[Line], frozenset[int]] | None:
    """The logical lines of a file, and the rows that start inside a string; None where it cannot be tokenized."""
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER, tokenize.ENCODING)
    made: list[Line] = []
    openers: tuple[Line, ...] = ()
    row: list[tokenize.TokenInfo] = []
    in_string: set[int] = set()
    source = iter([line + "\n" for line in lines])
    starts: list[int] = []
    try:
        for token in tokenize.generate_tokens(lambda: next(source, "")):
            if token.type == tokenize.INDENT:
                openers = (*openers, made[-1])
            elif token.type == tokenize.DEDENT:
                openers = openers[:-1]
            elif token.type == tokenize.NEWLINE and row:
                made.append(_line(row, openers))
                row = []
            elif token.type not in skipped and token.type != tokenize.NEWLINE:
                row.append(token)
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                in_string.update(range(token.start[0] + 1, token.end[0] + 1))
            elif name.endswith("STRING_START"):
                starts.append(token.start[0])
            elif name.endswith("STRING_END") and starts:
                in_string.update(range(starts.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, IndentationError, SyntaxError, IndexError):
        return None
    return made, frozenset(in_string)


def _line(row: list[tokenize.TokenInfo], openers: tuple[Line, ...]) -> Line:
    (line, column), (end_line, end_column) = row[0].start, row[-1].end
    words = tuple(token.string for token in row if token.type in (tokenize.NAME, tokenize.OP))
    return Line(Span(line, column + 1, end_line, end_column + 1), words or ("",), openers)


def _rest_of_block(logical: list[Line], index: int) -> list[Line]:
    """The logical lines behind one in the block that it stands in, deeper ones included."""
    here = logical[index].openers
    rest = []
    for line in logical[index + 1 :]:
        if line.openers[: len(here)] != here:
            break
        rest.append(line)
    return rest


def _unit(lines: Sequence[str], line: Line) -> str:
    """One step of indentation, as the block of the line has it."""
    if not line.openers:
        return UNIT
    own = _indent(lines, line)
    outer = _indent(lines, line.openers[-1])
    return own[len(outer) :] if own.startswith(outer) and own != outer else UNIT


def _indent(lines: Sequence[str], line: Line) -> str:
    text = lines[line.span.line - 1]
    return text[: len(text) - len(text.lstrip())]


def _indented(lines: Sequence[str], rows: range, in_string: frozenset[int], unit: str) -> list[Edit]:
    return [Edit(Span(n, 1, n, 1), unit) for n in rows if n not in in_string and lines[n - 1].strip()]
