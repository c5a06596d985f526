"""Samples of the modules that PyTorch's own list leaves out, in the form that its list has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.testing._internal.common_modules import FunctionInput, ModuleInput

FLOATS = (torch.float64, torch.float32)


class More:
    """What `module_db` says of a module, as far as it is read here. A shape stands for a tensor of that shape."""

    def __init__(
        self, name: str, *samples: tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]], modes: bool = False
    ):
        self.module_cls = getattr(torch.nn, name)
        self.name, self.samples = f"nn.{name}", samples
        self.dtypes, self.supports_gradgrad, self.train_and_eval_differ = FLOATS, True, modes

    def module_inputs_func(self, info: Any, device: str, dtype: Any, requires_grad: bool, training: bool) -> Any:
        made = torch.Generator().manual_seed(9)

        def tensor(shape: Any) -> Any:
            if not isinstance(shape, tuple):
                return shape() if callable(shape) else shape
            return torch.randn(shape, generator=made, dtype=dtype).requires_grad_(requires_grad)

        made_of = [
            FunctionInput(*(each() if callable(each) else each for each in args), **kwargs)
            for args, kwargs, _ in self.samples
        ]
        return [
            ModuleInput(start, FunctionInput(*map(tensor, shapes)))
            for start, (_, _, shapes) in zip(made_of, self.samples, strict=True)
        ]


def _places(*shape: int, below: int) -> Callable[[], torch.Tensor]:
    return lambda: torch.randint(0, below, shape, generator=torch.Generator().manual_seed(4))


def _picks(dims: int) -> Callable[[], torch.Tensor]:
    shape = (2, 3, *([4] * dims))
    given = torch.randn(shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    return lambda: getattr(torch.nn.functional, f"max_pool{dims}d_with_indices")(given, 2)[1]


more_db = [
    More("AlphaDropout", ((0.3,), {}, ((4, 5),)), ((0.3, True), {}, ((4, 5),)), modes=True),
    More("ChannelShuffle", ((2,), {}, ((2, 4, 3, 3),))),
    More("CosineSimilarity", ((), {}, ((4, 5), (4, 5))), ((0, 1e-6), {}, ((4, 5), (4, 5)))),
    More("Dropout", ((0.3,), {}, ((4, 5),)), ((0.0,), {}, ((4, 5),)), ((1.0,), {}, ((4, 5),)), modes=True),
    More("Dropout1d", ((0.4,), {}, ((4, 5, 3),)), ((0.4,), {}, ((4, 5),)), modes=True),
    More("Dropout2d", ((0.4,), {}, ((4, 5, 3, 2),)), modes=True),
    More("Dropout3d", ((0.4,), {}, ((4, 5, 3, 2, 2),)), ((0.4,), {}, ((5, 3, 2, 2),)), modes=True),
    More("EmbeddingBag", ((7, 3), {}, (_places(2, 4, below=7),)), ((7, 3), {"mode": "sum"}, (_places(2, 4, below=7),)),
         ((7, 3), {"mode": "max", "padding_idx": 1}, (_places(2, 4, below=7),))),
    More("FeatureAlphaDropout", ((0.4,), {}, ((4, 5, 3),)), modes=True),
    More("Flatten", ((), {}, ((2, 3, 4),)), ((0, 1), {}, ((2, 3, 4),))),
    More("Unflatten", ((1, (2, 3)), {}, ((4, 6),))),
    More("Fold", (((4, 5), (2, 2)), {}, ((1, 12, 12),)), (((4, 4), 2), {"stride": 2}, ((2, 8, 4),))),
    More("Unfold", ((2,), {}, ((2, 3, 4, 4),)), (((2, 3),), {"padding": 1, "stride": 2}, ((2, 3, 4, 4),))),
    More("Hardsigmoid", ((), {}, ((4, 5),)), modes=False),
    More("Identity", ((), {}, ((4, 5),))),
    *(More(f"MaxUnpool{dims}d", ((2,), {}, ((2, 3, *([2] * dims)), _picks(dims)))) for dims in (1, 2, 3)),
    More("PairwiseDistance", ((), {}, ((4, 5), (4, 5))), ((1.0, 1e-6, True), {}, ((4, 5), (4, 5)))),
    More("PixelShuffle", ((2,), {}, ((1, 8, 3, 3),))),
    More("PixelUnshuffle", ((2,), {}, ((1, 2, 4, 4),))),
    More("RReLU", ((), {}, ((4, 5),)), modes=True),
    More("Upsample", ((), {"scale_factor": 2}, ((1, 2, 3, 3),)), (((5, 4),), {"mode": "bilinear"}, ((1, 2, 3, 3),)),
         ((), {"scale_factor": 2, "mode": "bicubic", "align_corners": True}, ((1, 2, 3, 3),)),
         ((6,), {"mode": "linear"}, ((1, 2, 3),))),
    More("UpsamplingBilinear2d", ((), {"scale_factor": 2}, ((1, 2, 3, 3),))),
    More("UpsamplingNearest2d", (((5, 4),), {}, ((1, 2, 3, 3),))),
    More("TripletMarginLoss", ((), {}, ((4, 5), (4, 5), (4, 5))), ((0.5, 1.0), {"swap": True, "reduction": "sum"},
         ((4, 5), (4, 5), (4, 5)))),
    More("TripletMarginWithDistanceLoss", ((), {}, ((4, 5), (4, 5), (4, 5))), ((), {"swap": True, "margin": 0.5},
         ((4, 5), (4, 5), (4, 5)))),
    More("LazyLinear", ((3,), {}, ((4, 5),)), ((3, False), {}, ((4, 5),))),
    *(More(f"Lazy{name}Norm{dims}d", ((), {}, ((4, 3, *([2] * dims)),)), ((), {"affine": False},
           ((4, 3, *([2] * dims)),)), modes=True) for name in ("Batch", "Instance") for dims in (1, 2, 3)),
    More("TransformerDecoder", ((lambda: torch.nn.TransformerDecoderLayer(4, 2, 8, 0.0), 2), {}, ((3, 2, 4), (5, 2, 4)))),
]  # fmt: skip
