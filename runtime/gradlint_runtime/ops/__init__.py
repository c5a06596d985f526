"""The operators, by family. Each computes its value with numpy and says beside it the way back."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import (
    activations,
    adaptive,
    arithmetic,
    attention,
    blend,
    complex,
    conv,
    convert,
    copies,
    data,
    distance,
    einsum,
    elementwise,
    embedding,
    extremes,
    factories,
    factorise,
    fourier,
    index,
    joining,
    linalg,
    losses,
    matrix,
    normalise,
    padding,
    pieces,
    pooling,
    recurrent,
    reduce,
    sampling,
    scan,
    scatter_reduce,
    shape,
    softmax,
    special,
    statistics,
    strided,
    vision,
    writes,
)  # fmt: skip

FAMILIES: tuple[ModuleType, ...] = (
    elementwise, arithmetic, blend, complex, shape, pieces, strided, joining, reduce, extremes, scan, matrix, einsum,
    index, scatter_reduce, convert, copies, data, factories, sampling, writes, activations, softmax, losses, distance,
    statistics, fourier, linalg, factorise, special, conv, padding, pooling, adaptive, vision, normalise, embedding,
    recurrent, attention,
)  # fmt: skip


def operators() -> dict[str, Callable[..., Any]]:
    """Every operator of this package by its name here."""
    found: dict[str, Callable[..., Any]] = {}
    for family in FAMILIES:
        for name, value in vars(family).items():
            if callable(value) and not name.startswith("_") and not isinstance(value, type):
                found.setdefault(name, value)
    return found
