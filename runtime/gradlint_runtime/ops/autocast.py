"""Mixed precision: which operators compute in lower precision while autocast is on, and which in full.

`lower_precision` and `full_precision` mark the operators where they are written; the mode itself is a flag of the thread.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..dtypes import FLOATING, dtype, float32, float64
from ..modes import mode, old
from ..tensor import Tensor, needs_grad


def _converted(value: Any, kind: dtype) -> Any:
    if isinstance(value, Tensor):
        if value._dtype.category != FLOATING or value._dtype is float64 or value._dtype is kind:
            return value
        return _cached(value, kind)
    if isinstance(value, list | tuple):
        return type(value)(_converted(each, kind) for each in value)
    return value


def _cached(tensor: Tensor, kind: dtype) -> Tensor:
    """The cast tensor. Before 2.13 the casts of weights were kept, whatever the mode in which they were first made."""
    if not old() or not (needs_grad(tensor) and tensor.is_leaf) or kind is float32:
        return tensor.to(kind)
    found = mode.autocast_cache.get(id(tensor))
    if found is None:
        found = mode.autocast_cache[id(tensor)] = (tensor, tensor.to(kind))
    return found[1]


def lower_precision(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        kind = mode.autocast
        if kind is None:
            return function(*args, **kwargs)
        return _outside(function, kind, args, kwargs)

    return call


def full_precision(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if mode.autocast is None:
            return function(*args, **kwargs)
        return _outside(function, float32, args, kwargs)

    return call


def _outside(function: Callable[..., Any], kind: dtype, args: Any, kwargs: Any) -> Any:
    """Run an operator on converted arguments; what it is made of is not converted again."""
    args = _converted(args, kind)
    kwargs = {key: _converted(value, kind) for key, value in kwargs.items()}
    before, mode.autocast = mode.autocast, None
    try:
        return function(*args, **kwargs)
    finally:
        mode.autocast = before
