"""Modules built and called: what torch's module database lacks, and the edges that it does not sample.

An entry is (constructor args, constructor kwargs, forward args).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tools.measure.probes import IMAGES, f, i


@dataclass(frozen=True)
class Named:
    """A forward argument given by keyword."""

    name: str
    value: Any


Built = tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]]


def b(args: tuple[Any, ...], *inputs: Any, **kwargs: Any) -> Built:
    return args, kwargs, inputs


def _drop(*inputs: Any) -> list[Built]:
    return [b((p,), x, **k) for p in (0.5, 0.0, 1.0) for x in inputs for k in ({}, {"inplace": True})]


def _losses(name: str) -> list[Built]:
    three = [b((), f(2, 3), f(2, 3) + 1, f(2, 3) + 2, reduction=r) for r in ("none", "mean", "sum")]
    return {"TripletMarginLoss": three, "TripletMarginWithDistanceLoss": three}[name]


VOLUME = f(1, 2, 4, 4, 4)
POOLS = {1: nn.functional.max_pool1d, 2: nn.functional.max_pool2d, 3: nn.functional.max_pool3d}


def _unpool(dims: int) -> Built:
    x = f(1, 2, *([4] * dims))
    return b((2,), *POOLS[dims](x, 2, return_indices=True))


def built() -> dict[str, list[Built]]:
    """Entries by class name."""
    decoder = nn.TransformerDecoderLayer(4, 2, 8)
    return {
        "Identity": [b((), f(2, 3)), b((), f()), b((4,), f(2, 3), unused=1)],
        "Flatten": [
            b((), f(2, 3, 4)), b((), f(2, 3)), b((0,), f(3)), b((), f(2, 3, 4).transpose(1, 2)),
            b((), f(2, 3, 4, 5)),
        ],
        "Unflatten": [b((1, (2, 2)), f(2, 4)), b((1, (2, 3)), f(2, 6))],
        "Dropout": _drop(f(2, 3), f(3), f()),
        "Dropout1d": _drop(f(2, 3, 4)),
        "Dropout2d": _drop(IMAGES),
        "Dropout3d": _drop(VOLUME),
        "AlphaDropout": _drop(f(2, 3), f()),
        "FeatureAlphaDropout": _drop(f(2, 3, 4)),
        "RReLU": [b((), f(2, 3)), b((), f(2, 3), inplace=True), b((), f())],
        "Hardsigmoid": [b((), f(2, 3)), b((), f(2, 3), inplace=True)],
        "ChannelShuffle": [b((2,), IMAGES)],
        "PixelShuffle": [b((2,), IMAGES), b((1,), IMAGES)],
        "PixelUnshuffle": [b((2,), IMAGES)],
        "CosineSimilarity": [b((), f(2, 3), f(2, 3)), b((0,), f(3), f(3))],
        "PairwiseDistance": [
            b((), f(2, 3), f(2, 3) + 1), b((), f(3), f(3) + 1), b((), f(2, 3), f(2, 3) + 1, keepdim=True),
        ],
        "CrossMapLRN2d": [b((2,), IMAGES)],
        "Fold": [b(((3, 3), (2, 2)), f(1, 8, 4))],
        "Unfold": [b(((2, 2),), IMAGES)],
        "EmbeddingBag": [
            b((5, 2), i(2, 3)), b((5, 2), i(4), torch.tensor([0, 2])), b((5, 2), i(2, 3), mode="sum"),
            b((5, 2), i(2, 3), mode="max"),
        ],
        "Embedding": [b((5, 2), i(3)), b((5, 2), i(2, 3), max_norm=0.5), b((5, 2), i()), b((5, 2, 0), i(3))],
        "LazyLinear": [b((4,), f(2, 3)), b((4,), f(2, 3), bias=False)],
        "LazyBatchNorm1d": [b((), f(2, 3, 4)), b((), f(2, 3))],
        "LazyBatchNorm2d": [b((), IMAGES)],
        "LazyBatchNorm3d": [b((), VOLUME)],
        "LazyInstanceNorm1d": [b((), f(2, 3, 4))],
        "LazyInstanceNorm2d": [b((), IMAGES)],
        "LazyInstanceNorm3d": [b((), VOLUME)],
        "AdaptiveLogSoftmaxWithLoss": [b((4, 6, [3]), f(2, 4), i(2))],
        "TripletMarginLoss": _losses("TripletMarginLoss"),
        "TripletMarginWithDistanceLoss": _losses("TripletMarginWithDistanceLoss"),
        "Upsample": [
            b((), IMAGES, scale_factor=2), b(((12, 12),), IMAGES), b((), IMAGES, scale_factor=2, mode="bilinear"),
        ],
        "UpsamplingBilinear2d": [b((), IMAGES, scale_factor=2)],
        "UpsamplingNearest2d": [b((), IMAGES, scale_factor=2)],
        "MaxUnpool1d": [_unpool(1)],
        "MaxUnpool2d": [_unpool(2)],
        "MaxUnpool3d": [_unpool(3)],
        "MaxPool1d": [b((2,), f(2, 4, 6), return_indices=True)],
        "MaxPool2d": [b((2,), IMAGES, return_indices=True)],
        "MaxPool3d": [b((2,), VOLUME, return_indices=True)],
        "AdaptiveMaxPool1d": [b((2,), f(2, 4, 6), return_indices=True)],
        "AdaptiveMaxPool2d": [b((2,), IMAGES, return_indices=True)],
        "AdaptiveMaxPool3d": [b((2,), VOLUME, return_indices=True)],
        "TransformerDecoder": [b((decoder, 2), f(3, 2, 4), f(3, 2, 4))],
        "Linear": [b((3, 2), f(4, 3)), b((3, 2), f(3)), b((3, 2), f(4, 3), bias=False), b((3, 2), f(2, 4, 3))],
        "Sequential": [b((), f(2, 3)), b((nn.Linear(3, 2),), f(4, 3)), b((nn.Identity(),), f(4, 3))],
        "Softmax": [b((1,), f(2, 3)), b((0,), f(3))],
        "ReLU": [b((), f(2, 3)), b((), f(2, 3), inplace=True), b((), f())],
        "MultiheadAttention": [
            b((4, 2), f(3, 2, 4), f(3, 2, 4), f(3, 2, 4)),
            b((4, 2), f(3, 2, 4), f(3, 2, 4), f(3, 2, 4), batch_first=True),
            b((4, 2), f(3, 2, 4), f(3, 2, 4), f(3, 2, 4), Named("need_weights", False)),
            b((4, 2), f(3, 2, 4), f(3, 2, 4), f(3, 2, 4), Named("need_weights", True)),
        ],
        "LSTM": [
            b((3, 2), f(4, 1, 3)), b((3, 2), f(4, 1, 3), (f(1, 1, 2), f(1, 1, 2))), b((3, 2, 2), f(4, 3)),
            b((3, 2), f(4, 1, 3), bias=False),
        ],
        "GRU": [b((3, 2), f(4, 1, 3)), b((3, 2), f(4, 1, 3), f(1, 1, 2)), b((3, 2), f(4, 1, 3), bias=False)],
        "RNN": [b((3, 2), f(4, 1, 3)), b((3, 2), f(4, 1, 3), f(1, 1, 2)), b((3, 2), f(4, 1, 3), nonlinearity="relu")],
        "LSTMCell": [b((3, 2), f(1, 3)), b((3, 2), f(1, 3), (f(1, 2), f(1, 2)))],
        "GRUCell": [b((3, 2), f(1, 3), f(1, 2))],
        "RNNCell": [b((3, 2), f(1, 3), f(1, 2))],
        "MSELoss": [b((), f(2, 3), f(2, 3), reduction=r) for r in ("none", "mean", "sum")] + [b((), f(), f())],
        "L1Loss": [b((), f(2, 3), f(2, 3) + 1, reduction=r) for r in ("none", "mean", "sum")],
        "CrossEntropyLoss": (
            [b((), f(2, 3), i(2), reduction=r) for r in ("none", "mean", "sum")] + [b((), f(2, 3), f(2, 3)),
            b((f(3),), f(2, 3), i(2)), b((), f(3), i())]
        ),
        "NLLLoss": [b((), f(2, 3).log(), i(2), reduction=r) for r in ("none", "mean", "sum")],
        "CTCLoss": (
            [b((), f(5, 2, 3).log(), i(2, 2), torch.tensor([5, 5]), torch.tensor([2, 2]), reduction=r) for r in
            ("none", "mean", "sum")]
        ),
        "BatchNorm1d": [
            b((4,), f(3, 4)), b((4,), f(3, 4), affine=False), b((4,), f(3, 4), track_running_stats=False),
            b((4,), f(3, 4, 5)),
        ],
        "BatchNorm2d": [b((4,), IMAGES), b((4,), IMAGES, affine=False), b((4,), IMAGES, track_running_stats=False)],
        "LayerNorm": [b((3,), f(2, 3)), b((3,), f(2, 3), elementwise_affine=False), b((3,), f(2, 3), bias=False)],
        "GroupNorm": [b((2, 4), IMAGES), b((2, 4), IMAGES, affine=False)],
        "FractionalMaxPool2d": [b((2,), IMAGES, output_size=2), b((2,), IMAGES, output_size=2, return_indices=True)],
        "FractionalMaxPool3d": [b((2,), VOLUME, output_size=2), b((2,), VOLUME, output_size=2, return_indices=True)],
        "PReLU": [b((), f(2, 3)), b((3,), f(2, 3))],
    }  # fmt: skip


NOT_MEASURED = {
        "Module": "abstract",
        "Container": "deprecated name of Module",
        "ModuleList": "not callable",
        "ModuleDict": "not callable",
        "ParameterList": "not callable",
        "ParameterDict": "not callable",
        "RNNBase": "abstract",
        "RNNCellBase": "abstract",
        "NLLLoss2d": "deprecated name of NLLLoss",
        "DataParallel": "needs several devices",
        "SyncBatchNorm": "needs a process group",
    }  # fmt: skip
"""Classes without a row of their own -> why."""
