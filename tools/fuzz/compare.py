"""Where two runs of a program part, and the smallest program in which they still part in the same way."""

from __future__ import annotations

import ast
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .observe import Record, Run


@dataclass(frozen=True)
class Difference:
    """The first thing of which two runs tell different tales."""

    step: int
    what: str
    ours: str
    theirs: str

    @property
    def kind(self) -> tuple[str, str, str]:
        """What makes two differences one: the field and both answers, without names of variables and numbers."""
        return self.what.split(":")[-1], _blurred(self.ours), _blurred(self.theirs)


def _blurred(text: str) -> str:
    text = "".join("#" if each.isdigit() else each for each in text)
    while "##" in text:
        text = text.replace("##", "#")
    return text[:90]


def first_difference(ours: Run, theirs: Run) -> Difference | None:
    for at, (mine, other) in enumerate(zip(ours.steps, theirs.steps)):
        told = _records(mine, other)
        if told is not None:
            return Difference(at, *told)
    return None


def _records(ours: list[Record], theirs: list[Record]) -> tuple[str, str, str] | None:
    for mine, other in zip(ours, theirs):
        if mine[0] != other[0] or "raises" in (mine[0], other[0]):
            if mine != other:
                return "outcome", _short(mine), _short(other)
            continue
        told = _values(mine[1:], other[1:], mine[0])
        if told is not None:
            return told
    if len(ours) != len(theirs):
        longer = ours if len(ours) > len(theirs) else theirs
        extra = _short(longer[min(len(ours), len(theirs))])
        return "records", extra if longer is ours else "", extra if longer is theirs else ""
    return None


def _values(ours: Any, theirs: Any, where: str) -> tuple[str, str, str] | None:
    if isinstance(ours, tuple | list) and isinstance(theirs, tuple | list):
        if len(ours) == len(theirs) == 2 and ours[0] == theirs[0] and isinstance(ours[0], str):
            return _values(ours[1], theirs[1], f"{where}: {ours[0]}")
        if len(ours) != len(theirs):
            return where, repr(ours), repr(theirs)
        for mine, other in zip(ours, theirs):
            told = _values(mine, other, where)
            if told is not None:
                return told
        return None
    if _equal(ours, theirs):
        return None
    return where, repr(ours), repr(theirs)


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, complex) or isinstance(theirs, complex):
        return isinstance(ours, int | float | complex) and isinstance(theirs, int | float | complex) and (
            _equal(complex(ours).real, complex(theirs).real) and _equal(complex(ours).imag, complex(theirs).imag)
        )  # fmt: skip
    if isinstance(ours, float) and isinstance(theirs, float):
        if math.isnan(ours) or math.isnan(theirs):
            return math.isnan(ours) and math.isnan(theirs)
        # Single and half precision: the last bits depend on the order of additions.
        return ours == theirs or math.isclose(ours, theirs, rel_tol=2e-3, abs_tol=1e-4)
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours == theirs or _printed_alike(ours, theirs)
    return type(ours) is type(theirs) and ours == theirs


_NUMBER = re.compile(r"-?\d+\.\d*(?:e[-+]\d+)?|-?\d+")


def _printed_alike(ours: str, theirs: str) -> bool:
    """Whether two printed tensors differ in nothing but the last bits of their numbers: `1.0000` is not quite `1.`."""
    if not (ours.startswith("tensor(") and theirs.startswith("tensor(")):
        return False
    if _NUMBER.sub("#", ours).replace(" ", "") != _NUMBER.sub("#", theirs).replace(" ", ""):
        return False
    pairs = zip(_NUMBER.findall(ours), _NUMBER.findall(theirs), strict=True)
    return all(mine[0] == other[0] == "-" or "-" not in (mine[0], other[0]) for mine, other in pairs) and all(
        _equal(float(mine), float(other)) for mine, other in zip(_NUMBER.findall(ours), _NUMBER.findall(theirs))
    )


def _short(record: Record) -> str:
    return " ".join(str(each) for each in record)[:300]


def shrunk(statements: list[str], still: Callable[[list[str]], bool], seconds: float = 20.0) -> list[str]:
    """The statements without all that is not needed for what they show, blocks included, as far as time allows. `still`
    tells whether they show it."""
    end = time.monotonic() + seconds
    tree = ast.parse("\n".join(statements))

    def same(candidate: ast.Module) -> bool:
        try:
            return still([ast.unparse(each) for each in candidate.body])
        except SyntaxError:
            return False

    again = True
    while again:
        again = False
        for path in reversed(_places(tree)):
            if time.monotonic() > end:
                break
            for change in (_without, _unwrapped):
                candidate = change(ast.parse(ast.unparse(tree)), path)
                if candidate is not None and same(candidate):
                    tree, again = candidate, True
                    break
    return [ast.unparse(each) for each in tree.body]


Place = tuple[tuple[str, int], ...]


def _places(tree: ast.AST, above: Place = ()) -> list[Place]:
    found: list[Place] = []
    for name in ("body", "orelse", "finalbody", "handlers"):
        for at, each in enumerate(getattr(tree, name, None) or []):
            here = (*above, (name, at))
            found += [here, *_places(each, here)]
    return found


def _holder(tree: ast.AST, place: Place) -> list[Any] | None:
    node: Any = tree
    for name, at in place[:-1]:
        holder = getattr(node, name, [])
        if at >= len(holder):
            return None
        node = holder[at]
    holder = getattr(node, place[-1][0], None)
    return holder if holder is not None and place[-1][1] < len(holder) else None


def _without(tree: ast.Module, place: Place) -> ast.Module | None:
    holder = _holder(tree, place)
    if holder is None or isinstance(holder[place[-1][1]], ast.Pass) or place[-1][0] == "handlers":
        return None
    del holder[place[-1][1]]
    if not holder and len(place) > 1 and place[-1][0] == "body":
        holder.append(ast.Pass())
    return ast.fix_missing_locations(tree)


def _unwrapped(tree: ast.Module, place: Place) -> ast.Module | None:
    """The body of a block in the place of the block; a definition without its decorators; one of two contexts."""
    holder = _holder(tree, place)
    if holder is None:
        return None
    node = holder[place[-1][1]]
    if isinstance(node, ast.With) and len(node.items) > 1:
        node.items.pop()
    elif isinstance(node, ast.With | ast.For | ast.Try):
        holder[place[-1][1] : place[-1][1] + 1] = node.body
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
        node.decorator_list = []
    else:
        return None
    return ast.fix_missing_locations(tree)
