"""What a body binds, gathered while it is lowered."""

from __future__ import annotations

import unicodedata


class Scope:
    """The names of one function, class or module body."""

    __slots__ = ("bound", "globals", "nonlocals", "is_generator", "kind")

    def __init__(self, kind: str, bound: set[str] | None = None) -> None:
        self.kind = kind
        self.bound: set[str] = bound if bound is not None else set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.is_generator = False

    @property
    def own(self) -> frozenset[str]:
        return frozenset(self.bound - self.globals - self.nonlocals)


def identifier(text: str) -> str:
    """An identifier as Python compares it (PEP 3131)."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
