"""The modules that stand for `torch` and its submodules.

Each knows the names that PyTorch offers in its place: what the engine lacks of them is refused by name, and what PyTorch
lacks too is an AttributeError. `MODULES` says what the engine has.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from ..errors import unsupported
from .names import offered

# Modules whose names are PyTorch's own business: what the engine lacks of them may well be there.
UNLISTED = frozenset({"torch._C"})


class StandIn(ModuleType):
    """A module in torch's place."""

    def __getattr__(self, name: str) -> Any:
        if name in offered().get(self.__name__, ()):
            if f"{self.__name__}.{name}" in STANDING:
                return STANDING[f"{self.__name__}.{name}"]
            raise unsupported(f"{self.__name__}.{name}")
        if self.__name__ in UNLISTED and not name.startswith("__"):
            raise unsupported(f"{self.__name__}.{name}")
        raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")


STANDING: dict[str, StandIn] = {}


def stand_in(name: str, contents: dict[str, Any]) -> StandIn:
    """The module of that name, made if it is not there, with these contents added."""
    module = STANDING.get(name)
    if module is None:
        module = STANDING[name] = StandIn(name)
        module.__dict__["__path__"] = []
        module.__dict__["__spec__"] = importlib.machinery.ModuleSpec(name, None, is_package=True)
        parent, _, last = name.rpartition(".")
        if parent:
            stand_in(parent, {}).__dict__[last] = module
    module.__dict__.update(contents)
    return module


class Finder(importlib.abc.MetaPathFinder):
    """Refuses by name the import of a submodule that the engine lacks."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> Any:
        if not fullname.startswith("torch."):
            return None
        parent, _, last = fullname.rpartition(".")
        if last in offered().get(parent, ()) or parent not in offered():
            raise unsupported(f"import of {fullname}")
        return None


FINDER = Finder()


def put_in_place() -> ModuleType:
    """Let `import torch` find the engine from now on."""
    sys.modules.update(STANDING)
    if FINDER not in sys.meta_path:
        sys.meta_path.insert(0, FINDER)
    return STANDING["torch"]
