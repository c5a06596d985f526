"""Kullback-Leibler divergences of pairs of distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from .continuous import Independent, Normal
from .discrete import Bernoulli, Categorical

_PAIRS: dict[tuple[type, type], Callable[..., Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[..., Any]:
    def decorate(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        _PAIRS[type_p, type_q] = function
        return function

    return decorate


def kl_divergence(p: Any, q: Any) -> Tensor:
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            found = _PAIRS.get((kind_p, kind_q))
            if found is not None:
                return found(p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


@register_kl(Normal, Normal)
def _normals(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Categorical, Categorical)
def _categoricals(p: Categorical, q: Categorical) -> Tensor:
    t = p.probs * (p.logits - q.logits)
    t = t.masked_fill((q.probs == 0).expand_as(t), math.inf)
    return t.masked_fill((p.probs == 0).expand_as(t), 0).sum(-1)


@register_kl(Bernoulli, Bernoulli)
def _bernoullis(p: Bernoulli, q: Bernoulli) -> Tensor:
    from ..ops.activations import softplus

    first = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    first = first.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    second = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    second = second.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)
    return first + second


@register_kl(Independent, Independent)
def _independents(p: Independent, q: Independent) -> Tensor:
    return p._summed(kl_divergence(p.base_dist, q.base_dist))
