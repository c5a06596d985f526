"""`torch.nn.functional.pad` in all its modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..apply import record
from ..dtypes import BOOL
from ..tensor import Tensor
from .common import zeros_of


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    amounts = [int(each) for each in pad]
    if len(amounts) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if mode == "constant":
        return constant_pad_nd(input, amounts, 0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    ndim = input._array.ndim
    dims = len(amounts) // 2
    if dims > 3 or ndim not in (dims + 1, dims + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    if mode == "circular":
        return _circular(input, amounts)
    if mode not in ("reflect", "replicate"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    return _by_index(f"{'Reflection' if mode == 'reflect' else 'Replication'}Pad{dims}DBackward0", input, amounts, mode)


def _by_dim(amounts: Sequence[int], ndim: int) -> list[tuple[int, int]]:
    """Before and after for each dimension; torch counts from the last."""
    pairs = [(amounts[i], amounts[i + 1]) for i in range(0, len(amounts), 2)]
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Tensor:
    array = input._array
    if len(pad) // 2 > array.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
            f"{len(pad)} while the input has {array.ndim} dimensions."
        )
    pairs = _by_dim(pad, array.ndim)
    cut = tuple(slice(max(-a, 0), size - max(-b, 0)) for (a, b), size in zip(pairs, array.shape, strict=True))
    for dim, ((a, b), size) in enumerate(zip(pairs, array.shape, strict=True)):
        if size + a + b < 0:
            raise RuntimeError(
                f"The input size {size}, plus negative padding {a} and {b} resulted in a negative output size, which "
                f"is invalid. Check dimension {dim} of your input."
            )
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    fill = bool(value) if input._dtype.category == BOOL else value
    made = np.pad(array[cut], grown, constant_values=fill) if array.ndim else array.copy()
    back = [-each for each in pad]
    return record("ConstantPadNdBackward0", made, (input, lambda grad: constant_pad_nd(grad, back)), dtype=input._dtype)


def _by_index(name: str, input: Tensor, amounts: Sequence[int], mode: str) -> Tensor:
    array = input._array
    pairs = _by_dim(amounts, array.ndim)
    keys = []
    for dim, ((a, b), size) in enumerate(zip(pairs, array.shape, strict=True)):
        places = np.arange(-a, size + b)
        if mode == "reflect" and (a >= size or b >= size) and (a or b):
            raise RuntimeError(
                f"Padding size should be less than the corresponding input dimension, but got: padding ({a}, {b}) at "
                f"dimension {dim} of input {list(array.shape)}"
            )
        if mode == "reflect":
            places = np.abs(places)
            places = np.where(places >= size, 2 * (size - 1) - places, places)
        keys.append(np.clip(places, 0, max(size - 1, 0)))
    return _taken(name, input, tuple(keys))


def _taken(name: str, input: Tensor, keys: tuple[np.ndarray, ...]) -> Tensor:
    """The input read at the places of a grid; what is read more than once gets the sum."""
    shape = input._array.shape
    grid = np.ix_(*keys)
    back = lambda grad, self: _given_back(name, grad, keys, shape, self)  # noqa: E731
    return record(name, input._array[grid], (input, back, input), dtype=input._dtype)


def _given_back(name: str, grad: Tensor, keys: tuple[np.ndarray, ...], shape: tuple[int, ...], self: Tensor) -> Tensor:
    value = np.zeros(shape, grad._array.dtype)
    np.add.at(value, np.ix_(*keys), grad._array)
    return record(
        name.replace("Backward0", "BackwardBackward0"), value, (grad, lambda g: _taken(name, g, keys)), (self, zeros_of),
        dtype=grad._dtype,
    )  # fmt: skip


def _circular(input: Tensor, amounts: Sequence[int]) -> Tensor:
    """Written piece by piece into a new tensor, as torch does it, which shows in the graph."""
    shape = input._array.shape
    ndim = len(shape)
    pairs = _by_dim(amounts, ndim)
    for (a, b), size in zip(pairs, shape, strict=True):
        if a > size or b > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if size + a + b < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
    out = input.new_empty([size + a + b for (a, b), size in zip(pairs, shape, strict=True)])
    inner, source = out, input
    for dim, ((a, b), size) in enumerate(zip(pairs, shape, strict=True)):
        if a or b:
            length = out._array.shape[dim]
            inner = inner.narrow(dim, max(a, 0), length - max(b, 0) - max(a, 0))
            source = source.narrow(dim, max(-a, 0), size - max(-b, 0) - max(-a, 0))
    inner.copy_(source)
    for dim in range(ndim - 1, -1, -1):
        a, b = pairs[dim]
        length = out._array.shape[dim]
        if a > 0:
            out.narrow(dim, 0, a).copy_(out.narrow(dim, length - a - max(b, 0), a))
        if b > 0:
            out.narrow(dim, length - b, b).copy_(out.narrow(dim, max(a, 0), b))
    return out
