"""Modules that rearrange or resample what lies in space, and distances between vectors."""

from __future__ import annotations

from typing import Any

from ..ops import adaptive, distance, pooling, vision
from ..ops.conv import each_of
from ..tensor import Tensor
from .module import Module
from .simple import _NOTHING, kept

PixelShuffle = kept(
    "PixelShuffle", vision.pixel_shuffle, ("upscale_factor", _NOTHING), shown="upscale_factor={upscale_factor}"
)
PixelUnshuffle = kept(
    "PixelUnshuffle",
    vision.pixel_unshuffle,
    ("downscale_factor", _NOTHING),
    shown="downscale_factor={downscale_factor}",
)
ChannelShuffle = kept("ChannelShuffle", vision.channel_shuffle, ("groups", _NOTHING), shown="groups={groups}")
_WINDOW = (("dilation", 1), ("padding", 0), ("stride", 1))
_WINDOW_SHOWN = "kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}"
Unfold = kept("Unfold", vision.functional_unfold, ("kernel_size", _NOTHING), *_WINDOW, shown=_WINDOW_SHOWN)
Fold = kept(
    "Fold", vision.fold, ("output_size", _NOTHING), ("kernel_size", _NOTHING), *_WINDOW,
    shown="output_size={output_size}, " + _WINDOW_SHOWN,
)  # fmt: skip
CosineSimilarity = kept("CosineSimilarity", distance.cosine_similarity, ("dim", 1), ("eps", 1e-8))
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = (
    kept(
        f"AdaptiveMaxPool{dims}d", getattr(adaptive, f"adaptive_max_pool{dims}d"), ("output_size", _NOTHING),
        ("return_indices", False), shown="output_size={output_size}",
    )
    for dims in (1, 2, 3)
)  # fmt: skip
LPPool1d, LPPool2d, LPPool3d = (
    kept(
        f"LPPool{dims}d", getattr(pooling, f"lp_pool{dims}d"), ("norm_type", _NOTHING), ("kernel_size", _NOTHING),
        ("stride", None), ("ceil_mode", False),
        shown="norm_type={norm_type}, kernel_size={kernel_size}, stride={stride}, ceil_mode={ceil_mode}",
    )
    for dims in (1, 2, 3)
)  # fmt: skip


class PairwiseDistance(Module):
    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return distance.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class _MaxUnpoolNd(Module):
    dims = 0

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        given = kernel_size if stride is None else stride
        self.kernel_size, self.stride, self.padding = (
            each_of(each, self.dims) for each in (kernel_size, given, padding)
        )

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        unpool = getattr(adaptive, f"max_unpool{self.dims}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    dims = 3


class Upsample(Module):
    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.name, self.size, self.mode = type(self).__name__, size, mode
        self.scale_factor: Any
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(map(float, scale_factor))
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return vision.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        told = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{told}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
