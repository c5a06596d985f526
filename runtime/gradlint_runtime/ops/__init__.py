"""The operators, by family. Each computes its value with numpy and says beside it the way back."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import (
    activations, arithmetic, blend, complex, conv, convert, data, distance, einsum, elementwise, embedding, extremes, factories,
    fourier, index, joining, losses, matrix, normalise, padding, pieces, pooling, recurrent, reduce, sampling, scan, shape,
    softmax, strided, writes,
)  # fmt: skip

FAMILIES: tuple[ModuleType, ...] = (
    elementwise, arithmetic, blend, complex, shape, pieces, strided, joining, reduce, extremes, scan, matrix, einsum,
    index, convert, data, factories, sampling, writes, activations, softmax, losses, distance, fourier, conv, padding, pooling, normalise,
    embedding, recurrent,
)  # fmt: skip


def operators() -> dict[str, Callable[..., Any]]:
    """Every operator of this package by its name here."""
    found: dict[str, Callable[..., Any]] = {}
    for family in FAMILIES:
        for name, value in vars(family).items():
            if callable(value) and not name.startswith("_") and not isinstance(value, type):
                found.setdefault(name, value)
    return found
