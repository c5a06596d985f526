"""Categorical, one-hot categorical and Bernoulli distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import grad_mode
from ..ops.embedding import one_hot
from ..ops.factories import arange
from ..ops.losses import binary_cross_entropy_with_logits
from ..ops.sampling import bernoulli, multinomial
from ..ops.softmax import softmax
from ..tensor import Tensor
from ..things import Size
from .base import Distribution, broadcast_all, real, real_vector, simplex, unit_interval


def clamp_probs(probs: Tensor) -> Tensor:
    eps = float(np.finfo(probs._array.dtype).eps)
    return probs.clamp(min=eps, max=1 - eps)


class Categorical(Distribution):
    arg_constraints = {"probs": simplex, "logits": real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            if probs.dim() < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            if logits.dim() < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._param = self.probs if probs is not None else self.logits
        self._num_events = self._param.size(-1)
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    def __getattr__(self, name: str) -> Any:
        # Each of the two is worked out of the other when it is first asked for.
        if name == "probs":
            self.probs = softmax(self.logits, -1)
            return self.probs
        if name == "logits":
            self.logits = clamp_probs(self.probs).log()
            return self.logits
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    @property
    def param_shape(self) -> Size:
        return self._param.size()

    @property
    def mean(self) -> Tensor:
        return self.probs.new_full(self._extended_shape(), float("nan"))

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(dim=-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = Size(sample_shape)
        with grad_mode(False):
            flat = self.probs.reshape(-1, self._num_events)
            drawn = multinomial(flat, shape.numel(), True).T
            return drawn.reshape(self._extended_shape(shape))

    def in_support(self, value: Tensor) -> Tensor:
        return (value >= 0) & (value <= self._num_events - 1) & (value == value.long())

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        index = value.long().unsqueeze(-1)
        batch = np.broadcast_shapes(tuple(index.shape[:-1]), tuple(self.logits.shape[:-1]))
        logits = self.logits.expand((*batch, self._num_events))
        return logits.gather(-1, index.expand((*batch, 1))).squeeze(-1)

    def entropy(self) -> Tensor:
        least = float(np.finfo(self.logits._array.dtype).min)
        return -(self.logits.clamp(min=least) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(self._num_events).view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values


class OneHotCategorical(Distribution):
    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    @property
    def probs(self) -> Tensor:
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        return self._categorical.logits

    @property
    def mean(self) -> Tensor:
        return self._categorical.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        probs = self._categorical.probs
        return one_hot(self._categorical.sample(sample_shape), self._categorical._num_events).to(probs)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self) -> Tensor:
        return self._categorical.entropy()


class Bernoulli(Distribution):
    arg_constraints = {"probs": unit_interval, "logits": real}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        given = probs if probs is not None else logits
        (made,) = broadcast_all(given)
        if probs is not None:
            self.probs = made
        else:
            self.logits = made
        self._param = made
        super().__init__(() if isinstance(given, int | float) else made.size(), validate_args=validate_args)

    def __getattr__(self, name: str) -> Any:
        if name == "probs":
            self.probs = self.logits.sigmoid()
            return self.probs
        if name == "logits":
            clamped = clamp_probs(self.probs)
            self.logits = clamped.log() - (-clamped).log1p()
            return self.logits
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with grad_mode(False):
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def in_support(self, value: Tensor) -> Tensor:
        return (value == 0) | (value == 1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
