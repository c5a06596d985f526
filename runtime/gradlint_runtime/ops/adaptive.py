"""Adaptive maximum pooling, and putting pooled values back where they came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..apply import plain, record, record_many
from ..dtypes import int64
from ..saved import OUT1
from ..tensor import Tensor
from .conv import each_of
from .pooling import _scatter_picks

Sizes = tuple[int, ...]


def _places(size: int, count: int) -> np.ndarray:
    """For each output the inputs of its window, -1 where a window is shorter than the longest."""
    start = np.arange(count) * size // count
    end = -(-((np.arange(count) + 1) * size) // count)
    longest = int((end - start).max(initial=0))
    at = start[:, None] + np.arange(longest)
    return np.where(at < end[:, None], at, -1)


def _windows(sizes: Sequence[int], counts: Sequence[int]) -> np.ndarray:
    dims = len(sizes)
    flat: Any = 0
    inside: Any = True
    for dim, (size, count) in enumerate(zip(sizes, counts, strict=True)):
        grid = _places(size, count)
        shape = [1] * (2 * dims)
        shape[dim], shape[dims + dim] = grid.shape
        wide = grid.reshape(shape)
        flat = flat * size + np.maximum(wide, 0)
        inside = inside & (wide >= 0)
    return np.where(inside, flat, -1).reshape(*counts, -1)


def _adaptive(name: str, input: Tensor, output_size: Any, dims: int) -> tuple[Tensor, Tensor]:
    array = input._array
    sizes = array.shape[-dims:]
    wanted = (output_size,) * dims if isinstance(output_size, int) or output_size is None else tuple(output_size)
    counts = [size if each is None else int(each) for each, size in zip(wanted, sizes, strict=True)]
    if array.size == 0:
        shape = (*array.shape[:-dims], *counts)
        return plain(np.empty(shape, array.dtype), dtype=input._dtype), plain(np.empty(shape, np.int64))
    places = _windows(sizes, counts)
    flat = array.reshape(*array.shape[:-dims], -1)
    lowest = -np.inf if array.dtype.kind == "f" else np.iinfo(array.dtype).min
    windows = np.where(places >= 0, flat[..., np.maximum(places, 0)], lowest)
    pick = np.argmax(windows, axis=-1)[..., None]
    value = np.take_along_axis(windows, pick, -1)[..., 0]
    index = np.take_along_axis(np.broadcast_to(places, windows.shape), pick, -1)[..., 0]
    shape = array.shape
    inner = name.replace("Backward0", "BackwardBackward0")
    way = lambda grad, self, result1: _scatter_picks(inner, grad, result1, shape, dims, self)  # noqa: E731
    return record_many(  # type: ignore[return-value]
        name, (value, index), (input, way, input, OUT1), shared=(True, False), dtypes=(input._dtype, int64)
    )


def _adaptive_op(dims: int) -> Any:
    def with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> tuple[Tensor, Tensor]:
        if input._array.ndim not in (dims + 1, dims + 2):
            raise RuntimeError(
                f"adaptive_max_pool{dims}d(): Expected {dims + 1}D or {dims + 2}D tensor, but got: {list(input._array.shape)}"
            )
        if dims > 1:
            return _adaptive(f"AdaptiveMaxPool{dims}DBackward0", input, output_size, dims)
        (count,) = (output_size,) if isinstance(output_size, int) or output_size is None else output_size
        made = _adaptive("AdaptiveMaxPool2DBackward0", input.unsqueeze(-2), (1, count), 2)
        return made[0].squeeze(-2), made[1].squeeze(-2)

    def operator(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        made = with_indices(input, output_size)
        return made if return_indices else made[0]

    operator.__name__ = operator.__qualname__ = f"adaptive_max_pool{dims}d"
    with_indices.__name__ = f"adaptive_max_pool{dims}d_with_indices"
    return operator, with_indices


adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _adaptive_op(1)
adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _adaptive_op(2)
adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _adaptive_op(3)


def _unpooled(name: str, input: Tensor, indices: Tensor, sizes: Sequence[int]) -> Tensor:
    array, places = input._array, indices._array
    dims = len(sizes)
    lead = array.shape[: array.ndim - dims]
    rows, whole = math.prod(lead), math.prod(sizes)
    flat_places = places.reshape(rows, -1)
    if flat_places.size and (flat_places.min() < 0 or flat_places.max() >= whole):
        wrong = flat_places[(flat_places < 0) | (flat_places >= whole)][0]
        raise RuntimeError(
            f"Found an invalid max index: {int(wrong)} (output volumes are of size {'x'.join(map(str, sizes))}"
        )
    made = np.zeros((rows, whole), array.dtype)
    np.put_along_axis(made, flat_places, array.reshape(rows, -1), 1)

    def way(grad: Any, indices: Any) -> Any:
        flat = grad.reshape((rows, whole)).gather(1, indices.reshape((rows, -1)))
        return flat.reshape(array.shape)

    return record(name, made.reshape(*lead, *sizes), (input, way, indices), dtype=input._dtype)


def _unpool(dims: int) -> Any:
    def operator(
        input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Tensor:
        kernels = each_of(kernel_size, dims)
        strides = kernels if stride is None else each_of(stride, dims)
        pads = each_of(padding, dims)
        if output_size is None:
            sizes = [
                (size - 1) * step + k - 2 * pad
                for size, step, k, pad in zip(input._array.shape[-dims:], strides, kernels, pads, strict=True)
            ]
        else:
            sizes = list(output_size)[-dims:]
        if input._array.shape != indices._array.shape:
            raise RuntimeError(
                f"Expected shape of indices to be same as that of the input tensor ({list(input._array.shape)}) but got "
                f"indices tensor with shape: {list(indices._array.shape)}"
            )
        if dims == 1:
            made = _unpooled("MaxUnpool2DBackward0", input.unsqueeze(-1), indices.unsqueeze(-1), (sizes[0], 1))
            return made.squeeze(-1)
        return _unpooled(f"MaxUnpool{dims}DBackward0", input, indices, sizes)

    operator.__name__ = operator.__qualname__ = f"max_unpool{dims}d"
    return operator


max_unpool1d, max_unpool2d, max_unpool3d = (_unpool(dims) for dims in (1, 2, 3))
