"""Losses as modules: a function with its settings kept; the weights of classes are buffers, so that they move too."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..ops import distance, losses
from ..ops.sequence import ctc_loss
from ..tensor import Tensor
from .module import Module
from .spatial import PairwiseDistance


class _Loss(Module):
    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        given = size_average is not None or reduce is not None
        self.reduction = losses._reduction(size_average, reduce, reduction) if given else reduction


def _loss(name: str, function: Callable[..., Any], *parameters: tuple[str, Any], weighted: bool = False) -> Any:
    names = [each for each, _ in parameters]
    first = ["weight"] if weighted else []

    class Loss(_Loss):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            values = bound.arguments
            super().__init__(values.get("size_average"), values.get("reduce"), values.get("reduction", "mean"))
            for each in first:
                self.register_buffer(each, values[each])
            for each in names:
                if each in ("pos_weight", "weight"):
                    self.register_buffer(each, values[each])
                elif each not in ("size_average", "reduce", "reduction"):
                    setattr(self, each, values[each])

        def forward(self, *tensors: Any, **named: Any) -> Any:
            options = {each: getattr(self, each) for each in [*first, *names] if each not in ("size_average", "reduce")}
            return function(*tensors, **named, **options)

    order = [(each, None) for each in first] + list(parameters)
    signature = inspect.Signature([
        inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default) for each, default in order
    ])  # fmt: skip
    Loss.__name__ = Loss.__qualname__ = name
    return Loss


_OLD = (("size_average", None), ("reduce", None), ("reduction", "mean"))
L1Loss = _loss("L1Loss", losses.l1_loss, *_OLD)
MSELoss = _loss("MSELoss", losses.mse_loss, *_OLD)
SmoothL1Loss = _loss("SmoothL1Loss", losses.smooth_l1_loss, *_OLD, ("beta", 1.0))
HuberLoss = _loss("HuberLoss", losses.huber_loss, ("reduction", "mean"), ("delta", 1.0))
BCELoss = _loss("BCELoss", losses.binary_cross_entropy, *_OLD, weighted=True)
BCEWithLogitsLoss = _loss(
    "BCEWithLogitsLoss", losses.binary_cross_entropy_with_logits, *_OLD, ("pos_weight", None), weighted=True
)
NLLLoss = _loss(
    "NLLLoss", losses.nll_loss, ("size_average", None), ("ignore_index", -100), ("reduce", None), ("reduction", "mean"),
    weighted=True,
)  # fmt: skip
CrossEntropyLoss = _loss(
    "CrossEntropyLoss", losses.cross_entropy, ("size_average", None), ("ignore_index", -100), ("reduce", None),
    ("reduction", "mean"), ("label_smoothing", 0.0), weighted=True,
)  # fmt: skip
KLDivLoss = _loss("KLDivLoss", distance.kl_div, *_OLD, ("log_target", False))
PoissonNLLLoss = _loss(
    "PoissonNLLLoss", distance.poisson_nll_loss, ("log_input", True), ("full", False), ("size_average", None),
    ("eps", 1e-8), ("reduce", None), ("reduction", "mean"),
)  # fmt: skip
GaussianNLLLoss = _loss(
    "GaussianNLLLoss", distance.gaussian_nll_loss, ("full", False), ("eps", 1e-6), ("reduction", "mean")
)
HingeEmbeddingLoss = _loss("HingeEmbeddingLoss", distance.hinge_embedding_loss, ("margin", 1.0), *_OLD)
MarginRankingLoss = _loss("MarginRankingLoss", distance.margin_ranking_loss, ("margin", 0.0), *_OLD)
CosineEmbeddingLoss = _loss("CosineEmbeddingLoss", distance.cosine_embedding_loss, ("margin", 0.0), *_OLD)
SoftMarginLoss = _loss("SoftMarginLoss", distance.soft_margin_loss, *_OLD)
MultiLabelMarginLoss = _loss("MultiLabelMarginLoss", distance.multilabel_margin_loss, *_OLD)
MultiLabelSoftMarginLoss = _loss("MultiLabelSoftMarginLoss", distance.multilabel_soft_margin_loss, *_OLD, weighted=True)
MultiMarginLoss = _loss(
    "MultiMarginLoss", distance.multi_margin_loss, ("p", 1), ("margin", 1.0), ("weight", None), *_OLD
)
TripletMarginLoss = _loss(
    "TripletMarginLoss",
    distance.triplet_margin_loss,
    ("margin", 1.0),
    ("p", 2.0),
    ("eps", 1e-6),
    ("swap", False),
    *_OLD,
)


class TripletMarginWithDistanceLoss(_Loss):
    def __init__(
        self, *, distance_function: Any = None, margin: float = 1.0, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        _check_margin(self, margin)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return distance.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


def _check_margin(loss: Any, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"{type(loss).__name__}: expected margin to be greater than 0, got {margin} instead")


class CTCLoss(_Loss):
    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        return ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
