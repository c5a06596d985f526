"""Pooling: the largest or the mean of each window."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..apply import plain, record, record_many, recording
from ..dtypes import int64
from ..saved import OUT1
from ..tensor import Tensor
from .common import widened, zeros_of
from .conv import each_of

Sizes = tuple[int, ...]


def _output_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = -(-room // stride) + 1 if ceil_mode else room // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return count


class _Windows:
    """Where the windows of a pooling lie, over the last dimensions of an input."""

    def __init__(
        self, function: str, shape: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
        ceil_mode: bool,
    ) -> None:  # fmt: skip
        self.dims = len(kernel)
        self.shape, self.kernel, self.stride, self.padding, self.dilation = shape, kernel, stride, padding, dilation
        self.sizes = shape[-self.dims :]
        for pad, k in zip(padding, kernel, strict=True):
            if pad > (dilation[0] * (k - 1) + 1) // 2:
                raise RuntimeError(
                    f"pad should be at most half of effective kernel size, but got pad={pad}, kernel_size={k} and "
                    f"dilation={dilation[0]}"
                    if function == "max" else "pad should be at most half of effective kernel size"
                )  # fmt: skip
        self.counts = tuple(
            _output_size(*each, ceil_mode) for each in zip(self.sizes, kernel, stride, padding, dilation, strict=True)
        )
        if any(count < 1 for count in self.counts):
            raise RuntimeError(
                f"Given input size: ({'x'.join(map(str, shape[-self.dims - 1 :]))}). Calculated output size: "
                f"({'x'.join(map(str, (shape[-self.dims - 1], *self.counts)))}). Output size is too small"
            )

    def padded(self, array: np.ndarray, fill: Any) -> np.ndarray:
        """The input with what the windows reach beyond its edges."""
        pads = [(0, 0)] * (array.ndim - self.dims)
        for size, count, k, step, around, gap in zip(
            self.sizes, self.counts, self.kernel, self.stride, self.padding, self.dilation, strict=True
        ):
            reach = (count - 1) * step + gap * (k - 1) + 1
            pads.append((around, max(reach - size - around, 0)))
        return np.pad(array, pads, constant_values=fill)

    def view(self, padded: np.ndarray) -> np.ndarray:
        """(…, output places, kernel places)"""
        axes = tuple(range(padded.ndim - self.dims, padded.ndim))
        spans = [gap * (k - 1) + 1 for gap, k in zip(self.dilation, self.kernel, strict=True)]
        windows = np.lib.stride_tricks.sliding_window_view(padded, spans, axes)
        lead = (slice(None),) * (padded.ndim - self.dims)
        places = tuple(
            slice(0, (count - 1) * step + 1, step) for count, step in zip(self.counts, self.stride, strict=True)
        )
        key = (*lead, *places, *[slice(None, None, gap) for gap in self.dilation])
        return windows[key]

    def flat_places(self) -> np.ndarray:
        """For each output place and kernel place the place in the input, counted through; -1 outside."""
        grids = []
        for size, count, k, step, around, gap in zip(
            self.sizes, self.counts, self.kernel, self.stride, self.padding, self.dilation, strict=True
        ):
            at = np.arange(count)[:, None] * step - around + np.arange(k)[None, :] * gap
            grids.append(np.where((at >= 0) & (at < size), at, -1))
        dims = self.dims
        flat: Any = 0
        inside: Any = True
        for dim, (grid, size) in enumerate(zip(grids, self.sizes, strict=True)):
            shape = [1] * (2 * dims)
            shape[dim], shape[dims + dim] = grid.shape
            wide = grid.reshape(shape)
            flat = flat * size + np.maximum(wide, 0)
            inside = inside & (wide >= 0)
        return np.where(inside, flat, -1).reshape(*self.counts, -1)


def _lowest(array: np.ndarray) -> Any:
    return -np.inf if array.dtype.kind == "f" else np.iinfo(array.dtype).min


def _scatter_picks(
    name: str, grad: Tensor, index: Tensor, shape: Sizes, dims: int, source: Tensor | None = None
) -> Tensor:
    """The gradient of the input: each output's goes to the place it was picked from."""
    lead = shape[:-dims]
    rows = math.prod(lead)
    size = math.prod(shape[-dims:])
    places = index._array.reshape(rows, -1) + np.arange(rows)[:, None] * size
    value = np.zeros(rows * size, grad._array.dtype)
    np.add.at(value, places.reshape(-1), grad._array.reshape(-1))

    def again(g: Any, index: Any) -> Any:
        return _gather_picks(name, g, index, dims)

    more = () if source is None else ((source, zeros_of),)
    return record(name, value.reshape(shape), (grad, again, index), *more, dtype=grad._dtype)


def _gather_picks(name: str, input: Tensor, index: Tensor, dims: int) -> Tensor:
    shape = input._array.shape
    rows = math.prod(shape[:-dims])
    flat = input._array.reshape(rows, -1)
    value = np.take_along_axis(flat, index._array.reshape(rows, -1), 1).reshape(index._array.shape)

    def way(grad: Any, index: Any) -> Any:
        return _scatter_picks(name, grad, index, shape, dims)

    return record(name, value, (input, way, index), dtype=input._dtype)


def _max_pool(
    name: str, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, dims: int
) -> tuple[Tensor, Tensor]:
    kernels = each_of(kernel, dims)
    strides = kernels if stride is None or stride == [] or stride == () else each_of(stride, dims)
    array = input._array
    windows = _Windows("max", array.shape, kernels, strides, each_of(padding, dims), each_of(dilation, dims), ceil_mode)
    view = windows.view(windows.padded(array, _lowest(array)))
    flat = view.reshape(*view.shape[:-dims], -1)
    places = windows.flat_places()
    # A window full of the lowest value still has to name a place inside the input.
    masked = np.where(places >= 0, flat, _lowest(array)) if (places < 0).any() else flat
    pick = np.argmax(masked, axis=-1)
    first = np.argmax(places >= 0, axis=-1)
    chosen = np.take_along_axis(np.broadcast_to(places, flat.shape), pick[..., None], -1)[..., 0]
    lost = chosen < 0
    if lost.any():
        fallback = np.take_along_axis(places, first[..., None], -1)[..., 0]
        chosen = np.where(lost, fallback, chosen)
    value = np.take_along_axis(flat, pick[..., None], -1)[..., 0]
    shape = array.shape
    inner = name.replace("Backward0", "BackwardBackward0")
    way = lambda grad, self, result1: _scatter_picks(inner, grad, result1, shape, dims, self)  # noqa: E731
    return record_many(  # type: ignore[return-value]
        name, (value, chosen), (input, way, input, OUT1), shared=(True, False), dtypes=(input._dtype, int64)
    )


_MAX_NAMES = {2: "MaxPool2DWithIndicesBackward0", 3: "MaxPool3DWithIndicesBackward0"}


def _max_pool_op(dims: int) -> Any:
    def with_indices(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        if dims == 1:
            _check_dims("max_pool1d", input, 1)
            wide = input.unsqueeze(-2)
            kernels, gaps, pads = each_of(kernel_size, 1), each_of(dilation, 1), each_of(padding, 1)
            steps = kernels if stride is None or stride == [] or stride == () else each_of(stride, 1)
            made = _max_pool(_MAX_NAMES[2], wide, (1, *kernels), (1, *steps), (0, *pads), (1, *gaps), ceil_mode, 2)
            return made[0].squeeze(-2), made[1].squeeze(-2)
        _check_dims(f"max_pool{dims}d", input, dims)
        return _max_pool(_MAX_NAMES[dims], input, kernel_size, stride, padding, dilation, ceil_mode, dims)

    def operator(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        made = with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
        if dims == 1 and not return_indices and not recording(input):
            # Without a graph torch has a kernel of its own, whose result is no view.
            return plain(made[0]._array.copy(), dtype=input._dtype)
        return made if return_indices else made[0]

    operator.__name__ = operator.__qualname__ = f"max_pool{dims}d"
    with_indices.__name__ = with_indices.__qualname__ = f"max_pool{dims}d_with_indices"
    return operator, with_indices


def _check_dims(function: str, input: Tensor, dims: int) -> None:
    ndim = input._array.ndim
    if ndim not in (dims + 1, dims + 2):
        words = {1: "2D or 3D (batch mode)", 2: "3D or 4D (batch mode)", 3: "4D or 5D (batch mode)"}[dims]
        raise RuntimeError(f"{function}(): Expected {words} tensor for input, but got: {list(input._array.shape)}")


max_pool1d, max_pool1d_with_indices = _max_pool_op(1)
max_pool2d, max_pool2d_with_indices = _max_pool_op(2)
max_pool3d, max_pool3d_with_indices = _max_pool_op(3)


# means


def _window_sums(name: str, input: Tensor, windows: _Windows, divisor: np.ndarray) -> Tensor:
    """The sum of each window over a divisor for each output place; what lies outside counts as zero."""
    array = widened(input._array)
    padded = windows.padded(array, 0)
    view = windows.view(padded)
    value = view.sum(axis=tuple(range(view.ndim - windows.dims, view.ndim))) / divisor.astype(array.dtype)
    back = lambda grad, self: _spread_back(name, grad, windows, divisor, self)  # noqa: E731
    return record(name, value, (input, back, input), dtype=input._dtype)


def _spread_back(name: str, grad: Tensor, windows: _Windows, divisor: np.ndarray, self: Tensor) -> Tensor:
    g = widened(grad._array) / divisor.astype(widened(grad._array).dtype)
    shape = windows.shape
    whole = windows.padded(np.zeros(shape, g.dtype), 0)
    lead = (slice(None),) * (g.ndim - windows.dims)
    for place in itertools.product(*map(range, windows.kernel)):
        under = [
            slice(at, at + (count - 1) * step + 1, step)
            for at, count, step in zip(place, windows.counts, windows.stride, strict=True)
        ]
        key = (*lead, *under)
        whole[key] += g
    inside = (*lead, *[slice(pad, pad + size) for pad, size in zip(windows.padding, windows.sizes, strict=True)])
    again = lambda g: _window_sums(name, g, windows, divisor)  # noqa: E731
    return record(
        name.replace("Backward0", "BackwardBackward0"), np.ascontiguousarray(whole[inside]), (grad, again),
        (self, zeros_of), dtype=grad._dtype,
    )  # fmt: skip


def _avg_pool(
    name: str, input: Tensor, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor: int | None, dims: int,
) -> Tensor:  # fmt: skip
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    kernels = each_of(kernel, dims)
    strides = kernels if stride is None or stride == [] or stride == () else each_of(stride, dims)
    pads = each_of(padding, dims)
    windows = _Windows("avg", input._array.shape, kernels, strides, pads, (1,) * dims, ceil_mode)
    return _window_sums(name, input, windows, _divisors(windows, count_include_pad, divisor))


def _divisors(windows: _Windows, count_include_pad: bool, divisor: int | None) -> np.ndarray:
    """What each window's sum is divided by: a window that reaches over the edge is smaller, padding may count."""
    if divisor:
        return np.full(windows.counts, divisor)
    counts: Any = 1
    for dim in range(windows.dims):
        start = np.arange(windows.counts[dim]) * windows.stride[dim] - windows.padding[dim]
        end = np.minimum(start + windows.kernel[dim], windows.sizes[dim] + windows.padding[dim])
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, windows.sizes[dim])
        shape = [1] * windows.dims
        shape[dim] = -1
        counts = counts * (end - start).reshape(shape)
    return np.asarray(counts)


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    _check_dims("avg_pool1d", input, 1)
    kernels, pads = each_of(kernel_size, 1), each_of(padding, 1)
    steps = kernels if stride is None or stride == [] or stride == () else each_of(stride, 1)
    made = _avg_pool(
        "AvgPool2DBackward0", input.unsqueeze(-2), (1, *kernels), (1, *steps), (0, *pads), ceil_mode,
        count_include_pad, None, 2,
    )  # fmt: skip
    return made.squeeze(-2)


def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    _check_dims("avg_pool2d", input, 2)
    return _avg_pool(
        "AvgPool2DBackward0", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 2
    )


def avg_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    _check_dims("avg_pool3d", input, 3)
    return _avg_pool(
        "AvgPool3DBackward0", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 3
    )


# adaptive: windows that share the input out among a given number of outputs


def _target_sizes(output_size: Any, sizes: Sizes) -> Sizes:
    wanted = (output_size,) * len(sizes) if isinstance(output_size, int) or output_size is None else tuple(output_size)
    return tuple(size if each is None else int(each) for each, size in zip(wanted, sizes, strict=True))


def _shares(size: int, count: int) -> np.ndarray:
    """A row for each output with the weight of each input: one over the length inside its window."""
    start = np.arange(count) * size // count
    end = -(-((np.arange(count) + 1) * size) // count)
    at = np.arange(size)
    inside = (at >= start[:, None]) & (at < end[:, None])
    return inside / (end - start)[:, None]


def _mixed(name: str, input: Tensor, matrices: list[np.ndarray], source: Tensor | None = None) -> Tensor:
    """Each of the last dimensions multiplied with a matrix."""
    value = widened(input._array)
    dims = len(matrices)
    for dim, matrix in enumerate(matrices):
        at = value.ndim - dims + dim
        value = np.moveaxis(np.moveaxis(value, at, -1) @ matrix.T.astype(value.dtype), -1, at)
    turned = [matrix.T for matrix in matrices]
    inner = name.replace("Backward0", "BackwardBackward0") if "BackwardBackward0" not in name else name
    way = lambda grad, self: _mixed(inner, grad, turned, self)  # noqa: E731
    more = () if source is None else ((source, zeros_of),)
    return record(name, np.ascontiguousarray(value), (input, way, input), *more, dtype=input._dtype)


def _adaptive_avg(name: str, input: Tensor, output_size: Any, dims: int) -> Tensor:
    sizes = input._array.shape[-dims:]
    counts = _target_sizes(output_size, sizes)
    if counts == (1,) * dims and dims > 1:
        return input.mean(tuple(range(-dims, 0)), keepdim=True)
    return _mixed(name, input, [_shares(size, count) for size, count in zip(sizes, counts, strict=True)])


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    _check_dims("adaptive_avg_pool1d", input, 1)
    (count,) = _target_sizes(output_size, input._array.shape[-1:])
    if count == 1:
        return input.unsqueeze(-2).mean((-1, -2), keepdim=True).squeeze(-2)
    matrices = [np.ones((1, 1)), _shares(input._array.shape[-1], count)]
    return _mixed("AdaptiveAvgPool2DBackward0", input.unsqueeze(-2), matrices).squeeze(-2)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    _check_dims("adaptive_avg_pool2d", input, 2)
    return _adaptive_avg("AdaptiveAvgPool2DBackward0", input, output_size, 2)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    _check_dims("adaptive_avg_pool3d", input, 3)
    return _adaptive_avg("AdaptiveAvgPool3DBackward0", input, output_size, 3)


# norms of windows


def _lp_pool(dims: int) -> Any:
    def operator(
        input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Tensor:
        largest, mean = globals()[f"max_pool{dims}d"], globals()[f"avg_pool{dims}d"]
        if norm_type == math.inf:
            return largest(input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        if norm_type == -math.inf:
            return -largest(-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        powers = mean(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        count = math.prod(each_of(kernel_size, dims))
        return (powers.sign() * powers.abs().relu()).mul(count).pow(1.0 / norm_type)

    operator.__name__ = operator.__qualname__ = f"lp_pool{dims}d"
    return operator


lp_pool1d, lp_pool2d, lp_pool3d = (_lp_pool(dims) for dims in (1, 2, 3))
