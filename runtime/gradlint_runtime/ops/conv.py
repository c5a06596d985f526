"""Convolutions of one to three dimensions, plain and transposed.

Everything rests on one trilinear form of input, weight and gradient. Its three partial results are three operators
(output, gradient of the input, gradient of the weight), and each one's way back consists of the two others.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import errors
from ..apply import record
from ..tensor import Tensor
from .autocast import lower_precision
from .common import conj, summed_with, widened
from .padding import pad

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Geometry:
    """How a convolution lies over its input."""

    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int
    input_shape: Sizes
    weight_shape: Sizes
    places: Sizes = ()  # windows along each dimension; a transposed convolution may leave a remainder

    @property
    def spatial(self) -> int:
        return len(self.stride)

    @property
    def kernel(self) -> Sizes:
        return self.weight_shape[2:]

    @property
    def output_shape(self) -> Sizes:
        sizes = self.places or [
            (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
            for size, pad, dilation, kernel, stride in zip(
                self.input_shape[2:], self.padding, self.dilation, self.kernel, self.stride, strict=True
            )
        ]
        return (self.input_shape[0], self.weight_shape[0], *sizes)

    def padded(self, x: np.ndarray) -> np.ndarray:
        if not any(self.padding):
            return x
        return np.pad(x, [(0, 0), (0, 0), *[(size, size) for size in self.padding]])

    def windows(self, x: np.ndarray) -> np.ndarray:
        """The input under each kernel place: (N, C, output places, kernel places), a view of the padded input."""
        padded = self.padded(x)
        axes = tuple(range(2, 2 + self.spatial))
        spans = [dilation * (kernel - 1) + 1 for dilation, kernel in zip(self.dilation, self.kernel, strict=True)]
        view = np.lib.stride_tricks.sliding_window_view(padded, spans, axes)
        steps = [
            slice(0, (count - 1) * stride + 1, stride)
            for count, stride in zip(self.output_shape[2:], self.stride, strict=True)
        ]
        dilations = [slice(None, None, dilation) for dilation in self.dilation]
        key = (slice(None), slice(None), *steps, *dilations)
        return view[key]

    def columns(self, x: np.ndarray) -> np.ndarray:
        """The windows as a matrix for each group: (groups, output places of all samples, channels times kernel)."""
        view = self.windows(x)
        n, c = view.shape[:2]
        places, kernel = view.shape[2 : 2 + self.spatial], self.kernel
        split = view.reshape(n, self.groups, c // self.groups, *places, *kernel)
        s = self.spatial
        order = (1, 0, *range(3, 3 + s), 2, *range(3 + s, 3 + 2 * s))
        return split.transpose(order).reshape(self.groups, -1, (c // self.groups) * math.prod(kernel))

    def grouped_weight(self, w: np.ndarray) -> np.ndarray:
        return w.reshape(self.groups, self.weight_shape[0] // self.groups, -1)

    def grouped_output(self, g: np.ndarray) -> np.ndarray:
        """An output as (groups, places of all samples, channels of the group)."""
        n, o = g.shape[:2]
        split = g.reshape(n, self.groups, o // self.groups, -1)
        return split.transpose(1, 0, 3, 2).reshape(self.groups, -1, o // self.groups)

    def output(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        n, o, *places = self.output_shape
        if 0 in self.output_shape or not x.size:
            return np.zeros(self.output_shape, x.dtype)
        made = self.columns(x) @ self.grouped_weight(w).transpose(0, 2, 1)
        return np.ascontiguousarray(
            made.reshape(self.groups, n, -1, o // self.groups).transpose(1, 0, 3, 2).reshape(n, o, *places)
        )

    def input_gradient(self, g: np.ndarray, w: np.ndarray) -> np.ndarray:
        """What each input place got from the windows that cover it."""
        n, c, *sizes = self.input_shape
        if not g.size or not w.size:
            return np.zeros(self.input_shape, g.dtype)
        made = self.grouped_output(g) @ self.grouped_weight(w)
        places, kernel, s = g.shape[2:], self.kernel, self.spatial
        split = made.reshape(self.groups, n, *places, c // self.groups, *kernel)
        order = (1, 0, 2 + s, *range(3 + s, 3 + 2 * s), *range(2, 2 + s))
        pieces = split.transpose(order).reshape(n, c, *kernel, *places)
        both = (slice(None), slice(None))
        whole = np.zeros((n, c, *[size + 2 * pad for size, pad in zip(sizes, self.padding, strict=True)]), g.dtype)
        for place in itertools.product(*map(range, kernel)):
            under = tuple(
                slice(at * dilation, at * dilation + (count - 1) * stride + 1, stride)
                for at, dilation, count, stride in zip(place, self.dilation, places, self.stride, strict=True)
            )
            target, source = (*both, *under), (*both, *place)
            whole[target] += pieces[source]
        inside = (*both, *[slice(pad, pad + size) for pad, size in zip(self.padding, sizes, strict=True)])
        return np.ascontiguousarray(whole[inside])

    def weight_gradient(self, g: np.ndarray, x: np.ndarray) -> np.ndarray:
        if not g.size or not x.size:
            return np.zeros(self.weight_shape, g.dtype)
        made = self.grouped_output(g).transpose(0, 2, 1) @ self.columns(x)
        return made.reshape(self.weight_shape)


def _output(x: Tensor, w: Tensor, geometry: Geometry, name: str = "ConvolutionBackwardBackward0") -> Tensor:
    return record(
        name, geometry.output(widened(x._array), widened(w._array)),
        (x, lambda grad, weight: _input_gradient(grad, conj(weight), geometry), w),
        (w, lambda grad, input: _weight_gradient(grad, conj(input), geometry), x), dtype=x._dtype,
    )  # fmt: skip


def _input_gradient(g: Tensor, w: Tensor, geometry: Geometry, name: str = "ConvolutionBackwardBackward0") -> Tensor:
    return record(
        name, geometry.input_gradient(widened(g._array), widened(w._array)),
        (g, lambda grad, weight: _output(grad, conj(weight), geometry), w),
        (w, lambda grad, grad_output: _weight_gradient(conj(grad_output), grad, geometry), g), dtype=g._dtype,
    )  # fmt: skip


def _weight_gradient(g: Tensor, x: Tensor, geometry: Geometry) -> Tensor:
    return record(
        "ConvolutionBackwardBackward0", geometry.weight_gradient(widened(g._array), widened(x._array)),
        (g, lambda grad, input: _output(conj(input), grad, geometry), x),
        (x, lambda grad, grad_output: _input_gradient(conj(grad_output), grad, geometry), g), dtype=g._dtype,
    )  # fmt: skip


def _with_bias(name: str, made: np.ndarray, x: Tensor, w: Tensor, bias: Tensor | None, to_x: Any, to_w: Any) -> Tensor:
    if bias is not None:
        made = made + bias._array.reshape((1, -1) + (1,) * (made.ndim - 2))
    dims = (0, *range(2, made.ndim))
    affine = (1, -1) + (1,) * (made.ndim - 2)

    def to_bias(grad: Any, input: Any, weight: Any) -> Any:
        shape = (grad._array.shape[1],)
        return summed_with("ConvolutionBackwardBackward0", grad, dims, shape, affine, (input, weight))

    return record(name, made, (x, to_x, w), (w, to_w, x), (bias, to_bias, x, w), dtype=x._dtype)


def each_of(value: Any, count: int) -> Sizes:
    """A size for each dimension, where one may stand for all."""
    if isinstance(value, int):
        return (value,) * count
    sizes = tuple(int(each) for each in value)
    return sizes * count if len(sizes) == 1 else sizes


def _checked(
    function: str, input: Tensor, weight: Tensor, bias: Tensor | None, spatial: int, groups: int, transposed: bool
) -> bool:
    """Raise where shapes do not fit; say whether a batch dimension is missing."""
    x, w = input._array, weight._array
    letters = {1: "2D (unbatched) or 3D", 2: "3D (unbatched) or 4D", 3: "4D (unbatched) or 5D"}[spatial]
    if x.ndim not in (spatial + 1, spatial + 2):
        raise RuntimeError(f"Expected {letters} (batched) input to {function}, but got input of size: {list(x.shape)}")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    single = x.ndim == spatial + 1
    channels = x.shape[0] if single else x.shape[1]
    if input._dtype is not weight._dtype:
        a, b = (errors.name_in_c(each._dtype) for each in (input, weight))
        raise RuntimeError(f"Input type ({a}) and weight type ({b}) should be the same")
    if bias is not None and bias._dtype is not input._dtype:
        a, b = (errors.name_in_c(each._dtype) for each in (input, bias))
        raise RuntimeError(f"Input type ({a}) and bias type ({b}) should be the same")
    shape = [1, *x.shape] if single else list(x.shape)
    wanted = w.shape[0] if transposed else w.shape[1] * groups
    if channels != wanted:
        to_have = f"to have {wanted} channels, but got {channels} channels instead"
        raise RuntimeError(
            f"Given {'transposed=1' if transposed else f'groups={groups}'}, weight of size {list(w.shape)}, expected "
            f"input{shape} {to_have}"
        )
    if not transposed and w.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
            f"[{', '.join(map(str, w.shape))}] instead"
        )
    return single


def _check_kernel(geometry: Geometry) -> None:
    padded = [size + 2 * pad for size, pad in zip(geometry.input_shape[2:], geometry.padding, strict=True)]
    spans = [d * (k - 1) + 1 for d, k in zip(geometry.dilation, geometry.kernel, strict=True)]
    if any(size < span for size, span in zip(padded, spans, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel size: "
            f"({' x '.join(map(str, spans))}). Kernel size can't be greater than actual input size"
        )


def convolve(
    function: str, input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    spatial = weight._array.ndim - 2
    strides, dilations = each_of(stride, spatial), each_of(dilation, spatial)
    single = _checked(function, input, weight, bias, spatial, groups, False)
    if any(each <= 0 for each in strides):
        raise RuntimeError("non-positive stride is not supported")
    if isinstance(padding, str):
        input, padding = _named_padding(input, weight, padding, strides, dilations)
    paddings = each_of(padding, spatial)
    if any(each < 0 for each in paddings):
        raise RuntimeError("negative padding is not supported")
    x = input.unsqueeze(0) if single else input
    geometry = Geometry(strides, paddings, dilations, groups, x._array.shape, weight._array.shape)
    _check_kernel(geometry)
    made = _with_bias(
        "ConvolutionBackward0", geometry.output(widened(x._array), widened(weight._array)), x, weight, bias,
        lambda grad, weight: _input_gradient(grad, conj(weight), geometry),
        lambda grad, input: _weight_gradient(grad, conj(input), geometry),
    )  # fmt: skip
    return made.squeeze(0) if single else made


def _named_padding(input: Tensor, weight: Tensor, padding: str, stride: Sizes, dilation: Sizes) -> tuple[Tensor, Any]:
    if padding == "valid":
        return input, 0
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(each != 1 for each in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for d, k in zip(dilation, weight._array.shape[2:], strict=True)]
    if all(total % 2 == 0 for total in totals):
        return input, tuple(total // 2 for total in totals)
    extra: list[int] = []
    for total in reversed(totals):
        extra += [0, total % 2]
    return pad(input, extra), tuple(total // 2 for total in totals)


def convolve_transposed(
    function: str, input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, output_padding: Any,
    groups: int, dilation: Any,
) -> Tensor:  # fmt: skip
    spatial = weight._array.ndim - 2
    strides, paddings, dilations = each_of(stride, spatial), each_of(padding, spatial), each_of(dilation, spatial)
    extra = each_of(output_padding, spatial)
    single = _checked(function, input, weight, bias, spatial, groups, True)
    for more, step, gap in zip(extra, strides, dilations, strict=True):
        if more >= step and more >= gap:
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, but got output_padding_height: "
                f"{more} output_padding_width: {more} stride_height: {step} stride_width: {step} dilation_height: "
                f"{gap} dilation_width: {gap}"
            )
    x = input.unsqueeze(0) if single else input
    kernel = weight._array.shape[2:]
    sizes = [
        (size - 1) * step - 2 * around + gap * (k - 1) + more + 1
        for size, step, around, gap, k, more in zip(
            x._array.shape[2:], strides, paddings, dilations, kernel, extra, strict=True
        )
    ]
    channels = weight._array.shape[1] * groups
    geometry = Geometry(
        strides, paddings, dilations, groups, (x._array.shape[0], channels, *sizes), weight._array.shape,
        x._array.shape[2:],
    )  # fmt: skip
    made = _with_bias(
        "ConvolutionBackward0", geometry.input_gradient(widened(x._array), widened(weight._array)), x, weight, bias,
        lambda grad, weight: _output(grad, conj(weight), geometry),
        lambda grad, input: _weight_gradient(conj(input), grad, geometry),
    )  # fmt: skip
    return made.squeeze(0) if single else made


@lower_precision
def conv1d(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    return convolve("conv1d", input, weight, bias, stride, padding, dilation, groups)


@lower_precision
def conv2d(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    return convolve("conv2d", input, weight, bias, stride, padding, dilation, groups)


@lower_precision
def conv3d(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    return convolve("conv3d", input, weight, bias, stride, padding, dilation, groups)


@lower_precision
def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    return convolve_transposed(
        "conv_transpose1d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@lower_precision
def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    return convolve_transposed(
        "conv_transpose2d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@lower_precision
def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    return convolve_transposed(
        "conv_transpose3d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )
