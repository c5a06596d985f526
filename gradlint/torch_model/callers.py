"""How torch runs functions of the user: the mode in which a callback, hook or method runs, and what comes back.

In goes a qualified name, and a word for a special way of calling (`create_graph`, `reentrant`, `non_reentrant`); out comes a
`Caller`, or None where nothing was measured. The table is `callers.txt`, written by `tools/measure` and described in README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gradlint.torch_model import rows

OUTER = ("grad", "no_grad", "inference")
"""The outer modes, in the order in which rows have a word for each."""


@dataclass(frozen=True, slots=True)
class Caller:
    """`runs`: what of the user's it runs, an argument's name or "" (a method). The others have a word for each of OUTER.

    mode: the user's code runs with grad "on", "off", in "inference" mode, or is "unrun"; words joined by "+" where it is run
    several times. result: whether what comes back requires grad: "yes", "no", "none" (no tensor), "raises". value: whether
    it is "right" or "wrong".
    """

    runs: str
    mode: tuple[str, ...]
    result: tuple[str, ...]
    value: tuple[str, ...]


@cache
def caller(name: str, way: str = "") -> Caller | None:
    """The row of a function, called in a special way or plainly."""
    return _table().get((name, way))


@cache
def _table() -> dict[tuple[str, str], Caller]:
    found = {}
    for line in rows.text("callers").splitlines()[1:]:
        head, columns = rows.split(line)
        shown, _, way = head.partition(" ")
        name, _, runs = shown.partition("(")
        found[name, way] = Caller(runs[:-1], *(rows.per_output(columns, c) for c in ("mode", "result", "value")))
    return found


def names() -> list[tuple[str, str]]:
    """The names and ways of calling that were measured."""
    return list(_table())
