"""Where the imports of a file are looked for."""

from __future__ import annotations

import os
from functools import lru_cache

from gradlint.sources.settings import Settings

MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "tox.ini", "pytest.ini")
"""What lies at the top of a project, where its scripts and tests are started."""


def roots_of(path: str, settings: Settings) -> tuple[str, ...]:
    """The folder above the top package of a file, that of its configuration, the top of its project, the folders that
    the user named above it, and a `src` in any of them."""
    return _roots(os.path.dirname(os.path.abspath(path)), settings.root, settings.named)


@lru_cache(maxsize=4096)
def _roots(folder: str, configured: str, named: tuple[str, ...]) -> tuple[str, ...]:
    home = folder
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    found: dict[str, None] = {}
    above = [one for one in named if home == one or home.startswith(os.path.join(one, ""))]
    for root in (folder, configured or folder, _top(home) or folder, *above):
        found[root] = None
        if os.path.isdir(os.path.join(root, "src")):
            found[os.path.join(root, "src")] = None
    return tuple(found)


def _top(folder: str) -> str:
    """The nearest folder from here upwards that looks like the top of a project, "" where none does."""
    while True:
        if any(os.path.exists(os.path.join(folder, mark)) for mark in MARKS):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
