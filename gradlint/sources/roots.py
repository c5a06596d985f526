"""Where the imports of a file are looked for."""

from __future__ import annotations

import os
from functools import lru_cache

from gradlint.sources.settings import Settings


def roots_of(path: str, settings: Settings) -> tuple[str, ...]:
    """The folder above the top package of a file, that of its configuration, and a `src` in either."""
    return _roots(os.path.dirname(os.path.abspath(path)), settings.root)


@lru_cache(maxsize=4096)
def _roots(folder: str, configured: str) -> tuple[str, ...]:
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    found: dict[str, None] = {}
    for root in (folder, configured or folder):
        found[root] = None
        if os.path.isdir(os.path.join(root, "src")):
            found[os.path.join(root, "src")] = None
    return tuple(found)
