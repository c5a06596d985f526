"""Operators on images: unfold and fold, shuffles, resampling, sampling on grids."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import errors
from ..apply import plain, record
from ..dtypes import FLOATING
from ..modes import grad_mode, mode
from ..tensor import Tensor, needs_grad
from .blend import where
from .common import widened, zeros_of
from .conv import each_of
from .linear_maps import mixed, rearranged
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .strided import strided_array

Sizes = tuple[int, ...]

# patches


def _counts(sizes: Sequence[int], kernel: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> Sizes:
    return tuple(
        (size + 2 * pad - gap * (k - 1) - 1) // step + 1
        for size, k, gap, pad, step in zip(sizes, kernel, dilation, padding, stride, strict=True)
    )


def functional_unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """`torch.nn.functional.unfold`: each patch as a column."""
    kernel, gap, pad, step = (each_of(each, 2) for each in (kernel_size, dilation, padding, stride))
    array = input._array
    if array.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {list(array.shape)}"
        )
    counts = _counts(array.shape[-2:], kernel, gap, pad, step)
    if any(count < 1 for count in counts):
        raise RuntimeError(
            f"Given input with spatial size ({array.shape[-2]}, {array.shape[-1]}), kernel_size=({kernel[0]}, "
            f"{kernel[1]}), dilation=({gap[0]}, {gap[1]}), padding=({pad[0]}, {pad[1]}), calculated shape of the array of "
            f"sliding blocks as ({counts[0]}, {counts[1]}), but its components must be at least one."
        )
    return _im2col(input, array.shape[-2:], kernel, gap, pad, step)


def _im2col(input: Tensor, sizes: Sizes, kernel: Sizes, gap: Sizes, pad: Sizes, step: Sizes) -> Tensor:
    array = np.pad(input._array, [(0, 0)] * (input._array.ndim - 2) + [(each, each) for each in pad])
    counts = _counts(sizes, kernel, gap, pad, step)
    width = array.dtype.itemsize
    strides = [stride // width for stride in array.strides]
    lead = list(array.shape[:-2])
    view = strided_array(
        array, [*lead, *kernel, *counts],
        [*strides[:-2], gap[0] * strides[-2], gap[1] * strides[-1], step[0] * strides[-2], step[1] * strides[-1]], None,
    )  # fmt: skip
    value = np.ascontiguousarray(view).reshape(*lead[:-1], lead[-1] * kernel[0] * kernel[1], counts[0] * counts[1])
    way = lambda grad: _col2im(grad, sizes, kernel, gap, pad, step)  # noqa: E731
    return record("Im2ColBackward0", value, (input, way), dtype=input._dtype)


def _col2im(input: Tensor, sizes: Sizes, kernel: Sizes, gap: Sizes, pad: Sizes, step: Sizes) -> Tensor:
    array = input._array
    counts = _counts(sizes, kernel, gap, pad, step)
    lead = array.shape[:-2]
    channels = array.shape[-2] // (kernel[0] * kernel[1])
    pieces = array.reshape(*lead, channels, *kernel, *counts)
    whole = np.zeros((*lead, channels, sizes[0] + 2 * pad[0], sizes[1] + 2 * pad[1]), array.dtype)
    for a, b in itertools.product(range(kernel[0]), range(kernel[1])):
        rows = slice(a * gap[0], a * gap[0] + (counts[0] - 1) * step[0] + 1, step[0])
        columns = slice(b * gap[1], b * gap[1] + (counts[1] - 1) * step[1] + 1, step[1])
        whole[..., rows, columns] += pieces[..., a, b, :, :]
    inside = whole[..., pad[0] : pad[0] + sizes[0], pad[1] : pad[1] + sizes[1]]
    way = lambda grad: _im2col(grad, sizes, kernel, gap, pad, step)  # noqa: E731
    return record("Col2ImBackward0", np.ascontiguousarray(inside), (input, way), dtype=input._dtype)


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    kernel, gap, pad, step = (each_of(each, 2) for each in (kernel_size, dilation, padding, stride))
    sizes = each_of(output_size, 2)
    shape = input._array.shape
    if len(shape) not in (2, 3):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {list(shape)}"
        )
    if shape[-2] % (kernel[0] * kernel[1]):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={shape[-2]} and kernel_size=({kernel[0]}, {kernel[1]})."
        )
    blocks = math.prod(_counts(sizes, kernel, gap, pad, step))
    if blocks != shape[-1]:
        raise RuntimeError(
            f"Given output_size=({sizes[0]}, {sizes[1]}), kernel_size=({kernel[0]}, {kernel[1]}), dilation=({gap[0]}, "
            f"{gap[1]}), padding=({pad[0]}, {pad[1]}), stride=({step[0]}, {step[1]}), expected size of input's dimension "
            f"2 to match the calculated number of sliding blocks {blocks}, but got input.size(2)={shape[-1]}."
        )
    return _col2im(input, sizes, kernel, gap, pad, step)


# shuffles


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    r, shape = upscale_factor, input._array.shape
    if len(shape) < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    if shape[-3] % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={shape[-3]} is not divisible by {r * r}"
        )
    return rearranged("PixelShuffleBackward0", input, lambda a: _shuffled(a, r), lambda a: _unshuffled(a, r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    r, shape = downscale_factor, input._array.shape
    if len(shape) < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    for name, size in (("height", shape[-2]), ("width", shape[-1])):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size("
                f"{-2 if name == 'height' else -1})={size} is not divisible by {r}"
            )
    return rearranged("PixelUnshuffleBackward0", input, lambda a: _unshuffled(a, r), lambda a: _shuffled(a, r))


def _shuffled(a: Any, r: int) -> Any:
    *lead, c, h, w = a.shape
    split = a.reshape(*lead, c // (r * r), r, r, h, w)
    n = len(lead)
    return split.transpose(*range(n), n, n + 3, n + 1, n + 4, n + 2).reshape(*lead, c // (r * r), h * r, w * r)


def _unshuffled(a: Any, r: int) -> Any:
    *lead, c, h, w = a.shape
    split = a.reshape(*lead, c, h // r, r, w // r, r)
    n = len(lead)
    return split.transpose(*range(n), n, n + 2, n + 4, n + 1, n + 3).reshape(*lead, c * r * r, h // r, w // r)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    shape = input._array.shape
    if len(shape) <= 2:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {shape[1]} channels and {groups} groups."
        )

    def turned(a: Any, first: int) -> Any:
        return a.reshape(shape[0], first, shape[1] // first, -1).swapaxes(1, 2).reshape(shape)

    other = shape[1] // groups
    return rearranged("ChannelShuffleBackward0", input, lambda a: turned(a, groups), lambda a: turned(a, other))


# resampling


def _source(count: int, size: int, scale: float | None, align_corners: bool) -> np.ndarray:
    """Where each output place lies in the input."""
    at = np.arange(count)
    if align_corners:
        return at * ((size - 1) / (count - 1)) if count > 1 else at * 0.0
    ratio = 1.0 / scale if scale is not None and scale > 0 else size / count
    return ratio * (at + 0.5) - 0.5


def _nearest(count: int, size: int, scale: float | None, exact: bool) -> np.ndarray:
    ratio = np.float32(1.0 / scale) if scale is not None and scale > 0 else np.float32(size) / np.float32(count)
    at = np.arange(count, dtype=np.float32)
    places = np.floor((at + np.float32(0.5)) * ratio) if exact else np.floor(at * ratio)
    matrix = np.zeros((count, size))
    matrix[np.arange(count), np.minimum(places.astype(np.int64), size - 1)] = 1
    return matrix


def _linear(count: int, size: int, scale: float | None, align_corners: bool) -> np.ndarray:
    at = np.maximum(_source(count, size, scale, align_corners), 0)
    low = np.minimum(np.floor(at).astype(np.int64), size - 1)
    part = np.clip(at - low, 0, 1)
    matrix = np.zeros((count, size))
    np.add.at(matrix, (np.arange(count), low), 1 - part)
    np.add.at(matrix, (np.arange(count), np.minimum(low + 1, size - 1)), part)
    return matrix


def _cubic_weight(x: Any, a: float) -> Any:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _cubic(count: int, size: int, scale: float | None, align_corners: bool) -> np.ndarray:
    at = _source(count, size, scale, align_corners)
    low = np.floor(at)
    matrix = np.zeros((count, size))
    for offset in range(-1, 3):
        place = np.clip(low + offset, 0, size - 1).astype(np.int64)
        np.add.at(matrix, (np.arange(count), place), _cubic_weight(at - low - offset, -0.75))
    return matrix


def _antialiased(count: int, size: int, scale: float | None, align_corners: bool, cubic: bool) -> np.ndarray:
    if align_corners:
        ratio = (size - 1) / (count - 1) if count > 1 else 0.0
    else:
        ratio = 1.0 / scale if scale is not None and scale > 0 else size / count
    width = 4 if cubic else 2
    support = width * 0.5 * ratio if ratio >= 1 else width * 0.5
    inverse = 1 / ratio if ratio >= 1 else 1.0
    centre = ratio * (np.arange(count) + 0.5)
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + support + 0.5).astype(np.int64), size)
    places = np.arange(size)
    distance = (places[None, :] - centre[:, None] + 0.5) * inverse
    weights = _cubic_weight(distance, -0.5) if cubic else np.maximum(1 - np.abs(distance), 0)
    weights = np.where((places >= first[:, None]) & (places < last[:, None]), weights, 0)
    return weights / weights.sum(axis=1, keepdims=True)


_DIMS = {3: "1D", 4: "2D", 5: "3D"}
_LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5}


def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    ndim = input._array.ndim
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                "trilinear"
            )
    if ndim not in _DIMS:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: nearest | linear | "
            f"bilinear | bicubic | trilinear | area | nearest-exact (got {mode})"
        )
    sizes = input._array.shape[2:]
    counts, scales = _target(sizes, size, scale_factor, recompute_scale_factor)
    corners = bool(align_corners)
    if mode == "area":
        pool = {3: adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}[ndim]
        return pool(input, counts)
    if input._dtype.category != FLOATING and input._dtype.name != "uint8":
        raise NotImplementedError(f"\"compute_indices_weights_{mode}\" not implemented for '{input._dtype.short}'")
    if input._dtype.name == "uint8":
        raise errors.unsupported("torch.nn.functional.interpolate of integers")
    each = list(zip(counts, sizes, scales, strict=True))
    if antialias:
        if mode not in ("bilinear", "bicubic") or ndim != 4:
            raise ValueError(
                "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
            )
        matrices = [_antialiased(*one, corners, mode == "bicubic") for one in each]
        return mixed(f"Upsample{mode.capitalize()}2DAaBackward0", input, matrices)
    if mode in ("nearest", "nearest-exact"):
        exact = mode == "nearest-exact"
        name = f"UpsampleNearest{'Exact' if exact else ''}{_DIMS[ndim]}Backward0"
        return mixed(name, input, [_nearest(*one, exact) for one in each])
    if _LINEAR.get(mode) == ndim:
        name = f"Upsample{mode.capitalize()}{_DIMS[ndim]}Backward0"
        return mixed(name, input, [_linear(*one, corners) for one in each])
    if mode == "bicubic" and ndim == 4:
        return mixed("UpsampleBicubic2DBackward0", input, [_cubic(*one, corners) for one in each])
    raise NotImplementedError(f"Got {ndim}D input, but {mode} mode needs {_LINEAR.get(mode, 4)}D input")


def _target(sizes: Sizes, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[list[int], list[float | None]]:
    dims = len(sizes)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        counts = [size] * dims if isinstance(size, int) else [int(each) for each in size]
        if len(counts) != dims:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions "
                f"of {list(sizes)} and output size of {size}. Please provide input tensor in (N, C, d1, d2, ...,dK) format "
                "and output size in (o1, o2, ...,oK) format."
            )
        return counts, [None] * dims
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    factors = [scale_factor] * dims if isinstance(scale_factor, int | float) else list(scale_factor)
    counts = [math.floor(size * factor) for size, factor in zip(sizes, factors, strict=True)]
    return counts, [None] * dims if recompute else [float(factor) for factor in factors]


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "bilinear", True)


# sampling on a grid


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    corners = bool(align_corners)
    spatial = [int(each) for each in size[2:]]
    if len(spatial) not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively."
        )
    axes = []
    for count in spatial:
        line = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
        axes.append(line if corners or count <= 1 else line * (count - 1) / count)
    mesh = np.meshgrid(*axes, indexing="ij")
    base = np.stack([*mesh[::-1], np.ones(spatial)], axis=-1).reshape(-1, len(spatial) + 1).astype(theta._array.dtype)
    value = base @ np.swapaxes(theta._array, -1, -2)

    def way(grad: Any) -> Any:
        flat = grad.reshape((size[0], -1, len(spatial)))
        return flat.mT.matmul(plain(base))

    return record(
        "AffineGridGeneratorBackward0", value.reshape(size[0], *spatial, len(spatial)), (theta, way), dtype=theta._dtype
    )


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if mode == "bicubic":
        raise errors.unsupported("torch.nn.functional.grid_sample(mode='bicubic')")
    dims = input._array.ndim - 2
    name = f"GridSampler{dims}DBackward0"
    composed = sampled(input, grid, mode, padding_mode, bool(align_corners))
    kept = (input, grid)

    def back(at: int) -> Any:
        def way(grad: Any, input: Any, grid: Any) -> Any:
            return _through(at, grad, input, grid, mode, padding_mode, bool(align_corners))

        return way

    return record(name, composed._array, (input, back(0), *kept), (grid, back(1), *kept), dtype=input._dtype)


def _through(at: int, grad: Tensor, input: Tensor, grid: Tensor, *options: Any) -> Any:
    """The gradient by way of the operators that the sampling can be composed of."""
    from ..autograd.calls import grad as autograd_grad

    recorded = mode.grad
    with grad_mode(True):
        ends = [each if needs_grad(each) and recorded else each.detach().requires_grad_() for each in (input, grid)]
        made = sampled(ends[0], ends[1], *options)
        found = autograd_grad(made, ends[at], grad, create_graph=recorded, allow_unused=True)[0]
    found = ends[at] * 0 if found is None else found
    if recorded and not needs_grad(found):
        # One node stands behind both gradients, also where neither input changes this one.
        name = f"GridSampler{input._array.ndim - 2}DBackwardBackward0"
        nothing = (lambda grad, input: zeros_of(input)), (lambda grad, grid: zeros_of(grid))
        return record(name, found._array, (input, nothing[0], input), (grid, nothing[1], grid), dtype=found._dtype)
    return found


def sampled(input: Tensor, grid: Tensor, mode: str, padding_mode: str, corners: bool) -> Tensor:
    """The input read at the places of a grid, composed of operators that have their own ways back."""
    sizes = input._array.shape[2:]
    n, c = input._array.shape[:2]
    axes = []
    for at, size in enumerate(sizes):
        part = grid.select(-1, len(sizes) - 1 - at)
        place = (part + 1) * (size - 1) / 2 if corners else ((part + 1) * size - 1) / 2
        axes.append(_kept_inside(place, size, padding_mode, corners))
    flat = input.reshape((n, c, math.prod(sizes)))
    shape = axes[0]._array.shape[1:]
    rows = [_corners(axis, mode) for axis in axes]
    total = None
    for combination in itertools.product(*rows):
        index, inside = np.zeros((n, *shape), np.int64), np.ones((n, *shape), bool)
        weight = None
        for (places, part), size in zip(combination, sizes, strict=True):
            inside &= (places >= 0) & (places < size)
            index = index * size + np.clip(places, 0, size - 1)
            if part is not None:
                weight = part if weight is None else weight * part
        wide = np.broadcast_to(index.reshape(n, 1, -1), (n, c, math.prod(shape)))
        picked = flat.gather(2, plain(wide)).reshape((n, c, *shape))
        mask = plain(inside[:, None].astype(widened(input._array).dtype), dtype=input._dtype)
        piece = picked * mask if weight is None else picked * (weight.unsqueeze(1) * mask)
        total = piece if total is None else total + piece
    assert total is not None
    return total


def _corners(axis: Tensor, mode: str) -> list[tuple[np.ndarray, Any]]:
    """The places around each sampling point with their weights."""
    array = axis._array
    if mode == "nearest":
        return [(np.rint(array).astype(np.int64), None)]
    low = np.floor(array)
    base = plain(low, dtype=axis._dtype)
    part = axis - base
    return [(low.astype(np.int64), 1 - part), (low.astype(np.int64) + 1, part)]


def _kept_inside(place: Tensor, size: int, padding_mode: str, corners: bool) -> Tensor:
    if padding_mode == "zeros":
        return place
    if padding_mode == "border":
        return _clipped(place, size)
    low, high = (0.0, 2.0 * (size - 1)) if corners else (-1.0, 2.0 * size - 1)
    if low == high:
        return place * 0
    start, span = low / 2, (high - low) / 2
    moved = (place - start).abs()
    turns = np.floor(moved._array / span)
    extra = moved - plain((turns * span).astype(moved._array.dtype))
    even = plain(turns % 2 == 0)
    reflected = where(even, extra + start, span - extra + start)
    return _clipped(reflected, size)


def _clipped(place: Tensor, size: int) -> Tensor:
    """Clipped to the input, where a place on its edge has no slope any more."""
    inside = (place > 0).logical_and(place < size - 1)
    return where(inside, place, place.detach().clamp(0, size - 1))
