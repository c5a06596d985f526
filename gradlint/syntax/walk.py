"""Walk the intermediate representation without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

_FIELDS: dict[type, tuple[str, ...]] = {}


def walk(node: Any) -> Iterator[Any]:
    """A node (or a tuple of nodes) and all nodes in it, outermost first, in no stated order. The bodies of functions that
    are defined in it are left out: they run later."""
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, tuple):
            todo += one
        elif is_dataclass(one):
            yield one
            names = _FIELDS.get(type(one))
            if names is None:
                names = _FIELDS[type(one)] = tuple(f.name for f in fields(one))
            todo += [getattr(one, name) for name in names]
