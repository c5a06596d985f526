"""PyTorch in small, on numpy: the same modes, the same graph, the same errors, the same numbers.

`install()` lets `import torch` find this package. What it supports it does as PyTorch 2.13 does on a CPU; what it does
not support raises `NotImplementedError` naming the call.
"""

from __future__ import annotations

import os
from types import ModuleType

import numpy as np

from . import modes
from .modes import behave_as

__all__ = ["assemble", "behave_as", "install"]


def assemble(version: str | None = None) -> ModuleType:
    """The module that stands for `torch`, without putting it in torch's place.

    `version` is "2.13" or "1.13", where the two differ; the environment variable GRADLINT_TORCH says the same.
    """
    from .binding import bind
    from .face.assembly import build
    from .face.modules import STANDING
    from .ops import operators

    asked = version or os.environ.get("GRADLINT_TORCH")
    if asked:
        modes.behave_as(asked)
    # torch says nothing about overflow and division by zero, and neither does the engine.
    np.seterr(all="ignore")
    if not STANDING:
        bind()
        build(operators())
    return STANDING["torch"]


def install(version: str | None = None) -> ModuleType:
    """Let `import torch` find the engine from now on, and return it."""
    from .face.modules import put_in_place

    assemble(version)
    return put_in_place()
