"""The names that PyTorch offers, by module and class: what the engine must refuse by name where it lacks it."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def offered() -> dict[str, frozenset[str]]:
    """Module or class to the names in it, as measured by `tools/engine/measure_names.py`."""
    text = (resources.files(__package__) / "names.txt").read_text()
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("["):
            current = found.setdefault(line[1:-1], [])
        elif not line.startswith("#"):
            current += line.split()
    return {title: frozenset(names) for title, names in found.items()}
