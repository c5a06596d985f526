"""The text of the tables: reading a file into lines by name, and the words of a line's columns.

A line is a head, then columns `name=words`, set apart by two spaces. README.md describes the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    """Where every argument named in `when` is of its kind ("absent" where it is not given), `column` is `word`."""

    when: tuple[tuple[str, str], ...]
    column: str
    word: str


@cache
def text(table: str) -> str:
    return (HERE / f"{table}.txt").read_text(encoding="utf-8")


def torch_version(table: str) -> str:
    """The torch that a table was measured on."""
    return text(table).partition("\n")[0].rpartition(" ")[2]


@cache
def lines(table: str) -> dict[str, str]:
    """The lines of a table by the name that each starts with; another name for the same thing is `name = other`."""
    found = {}
    for line in text(table).splitlines():
        name, bracket, _ = line.partition("(")
        found[name if bracket and " " not in name else line.partition(" ")[0]] = line
    return found


def names(table: str) -> list[str]:
    """The names in a table."""
    return [name for name in lines(table) if name[0] != "#"]


def find(table: str, name: str) -> str | None:
    """The line of a name, also where it is another name for one."""
    line = lines(table).get(name)
    while line is not None and line.startswith(f"{name} = "):
        name = line.partition(" = ")[2]
        line = lines(table).get(name)
    return line


def split(line: str) -> tuple[str, dict[str, str]]:
    """A line's head and its columns."""
    head, *pairs = line.split("  ")
    return head, dict(pair.split("=", 1) for pair in pairs)


def words(columns: dict[str, str], column: str) -> tuple[str, ...]:
    """The words of a column that are set apart by commas."""
    found = columns.get(column, "")
    return tuple(found.split(",")) if found else ()


def per_output(columns: dict[str, str], column: str) -> tuple[str, ...]:
    """The words of a column that has one for each output."""
    found = columns.get(column, "")
    return tuple(found.split("/")) if found else ()


def sure(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(w for w in found if not w.endswith("?"))


def unsure(found: tuple[str, ...]) -> tuple[str, ...]:
    """The words marked "?", without the mark."""
    return tuple(w[:-1] for w in found if w.endswith("?"))


def with_causes(found: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """`a:b+c` as {a: (b, c)}; `a` alone has no causes."""
    pairs = (word.partition(":") for word in found)
    return {thing: tuple(causes.split("+")) if causes else () for thing, _, causes in pairs}


def cases(columns: dict[str, str]) -> tuple[Case, ...]:
    """`flag is true & other is absent:column word; …`."""
    found = []
    for item in columns["cases"].split("; ") if "cases" in columns else ():
        conditions, _, outcome = item.partition(":")
        column, _, word = outcome.partition(" ")
        pairs = (condition.partition(" is ") for condition in conditions.split(" & "))
        found.append(Case(tuple((name, kind) for name, _, kind in pairs), column, word))
    return tuple(found)


def holds(case: Case, kinds: dict[str, str]) -> bool:
    """Whether a case's condition is certain, given the kinds of the arguments; what `kinds` lacks is absent."""
    return all(kinds.get(name, "absent") == kind for name, kind in case.when)


def implied_off(grad: tuple[str, ...], alias: tuple[str, ...]) -> tuple[str, ...]:
    """What `off` is where a row does not say it: what shares memory keeps requires_grad, what is fresh drops it."""
    count = max(len(grad), len(alias))
    return tuple(_off(grad[min(k, len(grad) - 1)], alias[min(k, len(alias) - 1)]) for k in range(count))


def _off(grad: str, alias: str) -> str:
    if grad == "never" or alias == "fresh":
        return "drops"
    return "keeps" if alias in ("self", "view", "shares") else "?"
