"""Linear maps of the last dimensions, given as matrices or as places: what resampling and rearranging share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..apply import record
from ..tensor import Tensor
from .common import widened


def mixed(name: str, input: Tensor, matrices: list[np.ndarray]) -> Tensor:
    """Each of the last dimensions multiplied with a matrix; the way back multiplies with the transposed ones."""
    value = widened(input._array)
    dims = len(matrices)
    for dim, matrix in enumerate(matrices):
        at = value.ndim - dims + dim
        value = np.moveaxis(np.moveaxis(value, at, -1) @ matrix.T.astype(value.dtype), -1, at)
    turned = [matrix.T for matrix in matrices]
    inner = name if "BackwardBackward0" in name else name.replace("Backward0", "BackwardBackward0")
    way = lambda grad: mixed(inner, grad, turned)  # noqa: E731
    return record(name, np.ascontiguousarray(value), (input, way), dtype=input._dtype)


def rearranged(name: str, input: Tensor, there: Callable[[Any], Any], back: Callable[[Any], Any]) -> Tensor:
    """The same numbers in another arrangement: `there` and `back` are each other's inverse on arrays."""
    value = np.ascontiguousarray(there(input._array))
    return record(name, value, (input, lambda grad: rearranged(name, grad, back, there)), dtype=input._dtype)
