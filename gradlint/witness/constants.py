"""Python constants as source text.

Only the types below, compared exactly, are written; whatever else is met raises `NotPlain`, so that no object with a
`__repr__` of its own gets into a script. Huge numbers are refused and long texts cut: a script has to be small.
"""

from __future__ import annotations

import math

LONGEST = 40
LARGEST = 2**31


class NotPlain(Exception):
    """No constant that a script may hold."""


def literal(value: object) -> str:
    """The source text of a plain constant: `literal(float("nan"))` is `float("nan")`."""
    kind = type(value)
    if value is None or value is ... or kind is bool:
        return "..." if value is ... else repr(value)
    if isinstance(value, int) and kind is int:
        if abs(value) > LARGEST:
            raise NotPlain("a huge number")
        return repr(value)
    if isinstance(value, float) and kind is float:
        return _float(value)
    if isinstance(value, complex) and kind is complex:
        return f"complex({_float(value.real)}, {_float(value.imag)})"
    if isinstance(value, (str, bytes)) and kind in (str, bytes):
        return quoted(value[:LONGEST])
    if isinstance(value, slice):
        return f"slice({literal(value.start)}, {literal(value.stop)}, {literal(value.step)})"
    raise NotPlain(f"a {kind.__name__}")


def quoted(value: str | bytes) -> str:
    """A text or bytes as source, in double quotes where that needs no escapes; only ASCII stands in it."""
    text = ascii(value)
    mark = 1 if isinstance(value, bytes) else 0
    inside = text[mark + 1 : -1]
    return f'{text[:mark]}"{inside}"' if text[-1] == "'" and '"' not in inside else text


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value!r}")'


def is_plain(value: object) -> bool:
    """Whether `literal` can write the value."""
    try:
        literal(value)
    except NotPlain:
        return False
    return True
