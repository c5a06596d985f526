"""What a source says, without its strings and comments, for looks that do not parse."""

from __future__ import annotations

import re

_LITERAL = re.compile(
    rb"(\b(?:[fF][rR]?|[rR][fF]))?"
    rb"(\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"(?:[^\"\\\n]|\\[\s\S])*\"|'(?:[^'\\\n]|\\[\s\S])*'|#[^\n]*)"
)


_NAME = re.compile(rb"['\"]\w+['\"]")


def bare(text: bytes) -> bytes:
    """A source without what its strings and comments say. Strings that hold code stay, and those that may name an
    attribute where attributes are looked up by name."""
    names = b"attr" in text

    def left(found: re.Match[bytes]) -> bytes:
        return found[0] if found[1] or names and _NAME.fullmatch(found[0]) else b"''"

    return _LITERAL.sub(left, text)
