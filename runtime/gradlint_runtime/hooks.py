"""Hooks of every kind are kept in ordered dictionaries by number; a handle takes one out again."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class RemovableHandle:
    """`torch.utils.hooks.RemovableHandle`"""

    _numbers = itertools.count()

    def __init__(self, hooks: Any, *, extra_dict: Any = None) -> None:
        self.id = next(self._numbers)
        self._hooks = weakref.ref(hooks) if isinstance(hooks, HookDict) else lambda: hooks
        self._extra = [] if extra_dict is None else extra_dict if isinstance(extra_dict, list) else [extra_dict]

    def remove(self) -> None:
        hooks = self._hooks()
        for each in [hooks, *self._extra]:
            if each is not None:
                each.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        self.remove()


RemovableHandle.__module__ = "torch.utils.hooks"


class HookDict(OrderedDict[int, Any]):
    """Hooks by number, in the order in which they were added."""


def add_hook(hooks: Any, hook: Callable[..., Any]) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def hook_name(hook: Any) -> str:
    """How errors call a hook."""
    return getattr(hook, "__name__", None) or f"<{type(hook).__name__} object>"
