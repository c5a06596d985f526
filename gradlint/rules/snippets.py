"""Small questions about source text that a fix puts together: one expression comes in, its parts go out.

The text is that of a node of the source, so brackets match; strings and comments are told apart.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence

OPENING, CLOSING = "([{", ")]}"
_TORCH = re.compile(r"\s*import torch(?: as (\w+))?\s*(?:#.*)?$")
_CALL = re.compile(r"[\w.]+\(")


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    """The tokens of an expression; none where it cannot be read."""
    try:
        return list(tokenize.generate_tokens(io.StringIO(f"({text}\n)").readline))[1:-3]
    except (tokenize.TokenError, SyntaxError):
        return []


def is_primary(text: str) -> bool:
    """Whether `.name` may stand behind the text as it is: a name, a call, a subscript or an attribute."""
    depth, spoilt = 0, False
    found = _tokens(text)
    for number, token in enumerate(found):
        if token.type == tokenize.OP and token.string in OPENING:
            depth += 1
        elif token.type == tokenize.OP and token.string in CLOSING:
            depth -= 1
        elif depth == 0 and token.type == tokenize.NAME:
            spoilt = spoilt or (number > 0 and found[number - 1].string != ".")
        elif depth == 0 and token.type not in (tokenize.NL, tokenize.COMMENT):
            spoilt = spoilt or token.string != "."
    return bool(found) and not spoilt


def with_method(text: str, call: str) -> str:
    """An expression with a method call behind it: `loss.detach()`, `(a + b).detach()`."""
    return f"{text}.{call}" if is_primary(text) else f"({text}).{call}"


def arguments(text: str) -> list[str] | None:
    """The arguments of a call `f(a, *b, c=d)` as texts; None where the text is no such call or holds a comment."""
    head = _CALL.match(text)
    if head is None or not text.endswith(")"):
        return None
    found = _tokens(text)
    if not found or any(token.type == tokenize.COMMENT for token in found):
        return None
    inner = text[head.end() : -1]
    parts, depth, start, lines = [], 0, 0, _offsets(inner)
    for token in _tokens(inner):
        if token.type != tokenize.OP:
            continue
        if token.string in OPENING:
            depth += 1
        elif token.string in CLOSING:
            depth -= 1
            if depth < 0:
                return None
        elif token.string == "," and depth == 0:
            end = _offset(lines, token.start)
            parts.append(inner[start:end].strip())
            start = end + 1
    last = inner[start:].strip()
    return [*parts, last] if last else parts


def with_argument(text: str, argument: str) -> str:
    """A call with one more keyword argument; "" where it has it already, or cannot be read."""
    given = arguments(text)
    name = argument.partition("=")[0]
    if given is None or any(part.partition("=")[0].strip() == name or part.startswith("**") for part in given):
        return ""
    head = text[:-1].rstrip()
    space = text[len(head) : -1]
    comma = "" if not given else " " if head.endswith(",") else ", "
    return f"{head}{comma}{argument}{space})"


def torch_name(lines: Sequence[str]) -> str:
    """What a file calls torch, "" where it imports only parts of it."""
    for line in lines:
        found = _TORCH.match(line)
        if found:
            return found[1] or "torch"
    return ""


def callee(text: str) -> str:
    """`torch.tensor` of `torch.tensor([a])`, "" where the text is no call of a dotted name."""
    head = _CALL.match(text)
    return head[0][:-1] if head else ""


def _offsets(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _offset(lines: list[int], start: tuple[int, int]) -> int:
    """An offset in the text from a position in the bracketed copy of it, whose first line is one column longer."""
    row, column = start
    return lines[row - 1] + column - (1 if row == 1 else 0)
