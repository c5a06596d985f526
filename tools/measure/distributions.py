"""Measures `torch.distributions`: through which constructor arguments gradient reaches what each method and attribute gives.

A distribution is built with one argument at a time requiring grad. What comes out of a method then requires grad or not;
and whether it still does where the method is called under no_grad tells what is stored and handed out as it is.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.distributions as D
from torch import Tensor

from tools.measure import observe
from tools.measure.words import ERRORS

MEMBERS = (
    "rsample", "sample", "log_prob", "entropy", "cdf", "icdf", "mean", "mode", "variance", "stddev", "perplexity",
    "enumerate_support",
)  # fmt: skip


def _t(*values: float) -> Tensor:
    return torch.tensor(values)


def ways() -> dict[str, list[dict[str, Any]]]:
    """Constructor arguments by class name: each tensor once, of a size that the others suit."""
    two, positive, unit = _t(0.2, 0.3), _t(0.5, 1.5), _t(0.3, 0.6)
    square = torch.eye(2)
    both = [{"probs": unit}, {"logits": two}]
    location = [{"loc": two, "scale": positive}]
    return {
        "Bernoulli": both,
        "Beta": [{"concentration1": positive, "concentration0": positive}],
        "Binomial": [{"total_count": 3, "probs": unit}, {"total_count": 3, "logits": two}],
        "Categorical": both,
        "Cauchy": location,
        "Chi2": [{"df": positive}],
        "ContinuousBernoulli": both,
        "Dirichlet": [{"concentration": positive}],
        "Exponential": [{"rate": positive}],
        "FisherSnedecor": [{"df1": positive + 4, "df2": positive + 4}],
        "Gamma": [{"concentration": positive, "rate": positive}],
        "GeneralizedPareto": [{"loc": two, "scale": positive, "concentration": unit}],
        "Geometric": both,
        "Gumbel": location,
        "HalfCauchy": [{"scale": positive}],
        "HalfNormal": [{"scale": positive}],
        "InverseGamma": [{"concentration": positive + 2, "rate": positive}],
        "Kumaraswamy": [{"concentration1": positive, "concentration0": positive}],
        "LKJCholesky": [{"dim": 2, "concentration": _t(1.5)}],
        "Laplace": location,
        "LogNormal": location,
        "LogisticNormal": location,
        "LowRankMultivariateNormal": [{"loc": two, "cov_factor": torch.ones(2, 1), "cov_diag": positive}],
        "Multinomial": [{"total_count": 3, "probs": unit}, {"total_count": 3, "logits": two}],
        "MultivariateNormal": [
            {"loc": two, "covariance_matrix": square}, {"loc": two, "precision_matrix": square},
            {"loc": two, "scale_tril": square},
        ],
        "NegativeBinomial": [{"total_count": 3, "probs": unit}, {"total_count": 3, "logits": two}],
        "Normal": location,
        "OneHotCategorical": both,
        "OneHotCategoricalStraightThrough": both,
        "Pareto": [{"scale": positive, "alpha": positive + 2}],
        "Poisson": [{"rate": positive}],
        "RelaxedBernoulli": [{"temperature": _t(0.5), "probs": unit}, {"temperature": _t(0.5), "logits": two}],
        "RelaxedOneHotCategorical": [
            {"temperature": _t(0.5), "probs": unit}, {"temperature": _t(0.5), "logits": two},
        ],
        "StudentT": [{"df": positive + 2, "loc": two, "scale": positive}],
        "Uniform": [{"low": two, "high": two + 1}],
        "VonMises": [{"loc": two, "concentration": positive}],
        "Weibull": [{"scale": positive, "concentration": positive}],
        "Wishart": [{"df": _t(3.0), "covariance_matrix": square}],
    }  # fmt: skip


def take(made: Any, member: str, value: Tensor | None) -> Any:
    """What a member of a distribution gives; `value` where it wants one."""
    found = getattr(made, member)
    if not callable(found):
        return found
    if member in ("log_prob", "cdf"):
        return found(value)
    return found(torch.full(made.batch_shape, 0.4) if value is None else value) if member == "icdf" else found()


class Member:
    """What was seen of one method or attribute: through which arguments, and what is kept under no_grad."""

    def __init__(self) -> None:
        self.reached: dict[str, set[bool]] = {}
        self.kept: set[bool] = set()
        self.works = False

    @property
    def text(self) -> str:
        names = [n + ("?" if len(v) > 1 else "") for n, v in sorted(self.reached.items()) if True in v]
        if not self.works:
            return "missing"
        kept = "" if self.kept <= {False} else ":keeps" if self.kept == {True} else ":?"
        return (",".join(names) or "never") + (kept if names else "")


def look(cls: type[D.Distribution], way: dict[str, Any], member: str, found: Member) -> None:
    tensors = [n for n, v in way.items() if isinstance(v, Tensor)]
    observe.seed()
    value = cls(**way).sample()
    inside = 0.4 * torch.ones_like(value) if member == "icdf" else value
    for name in [*tensors, *(["value"] if member in ("log_prob", "cdf", "icdf") and value.is_floating_point() else [])]:
        fresh = {n: v.clone().requires_grad_(n == name) if isinstance(v, Tensor) else v for n, v in way.items()}
        argument = inside.clone().requires_grad_(name == "value")
        try:
            made = cls(**fresh, validate_args=False)
            result = take(made, member, argument)
            with torch.no_grad():
                still = take(cls(**fresh, validate_args=False), member, argument)
                stored = take(made, member, argument)
        except ERRORS:
            continue
        found.works = True
        if isinstance(result, Tensor):
            found.reached.setdefault(name, set()).add(result.requires_grad)
            if result.requires_grad:
                found.kept |= {still.requires_grad, stored.requires_grad}


def row(name: str, options: list[dict[str, Any]]) -> str:
    cls = getattr(D, name)
    arguments = list(inspect.signature(cls).parameters)
    attributes = sorted(
        {n for way in options for n, v in way.items() if isinstance(v, Tensor) and hasattr(cls(**way), n)}
    )
    columns = {}
    for member in (*MEMBERS, *(a for a in attributes if a not in MEMBERS)):
        found = Member()
        for way in options:
            if member in attributes and member not in way:
                continue
            look(cls, way, member, found)
        columns[member] = found.text
    columns["has_rsample"] = "yes" if cls.has_rsample else "no"
    shown = [f"{k}={v}" for k, v in columns.items() if v != "missing"]
    return "  ".join([f"torch.distributions.{name}({', '.join(arguments)})", *shown])


Maker = Callable[[Tensor], D.Distribution]


def wrapped() -> list[str]:
    """Distributions made of others, by the argument that a parameter stands in."""
    zeros, ones = torch.zeros(2), torch.ones(2)
    ways_: dict[str, dict[str, Maker]] = {
        "Independent": {"base_distribution": lambda p: D.Independent(D.Normal(p, p.exp()), 1)},
        "TransformedDistribution": {
            "base_distribution": lambda p: D.TransformedDistribution(D.Normal(p, p.exp()), [D.ExpTransform()]),
            "transforms": lambda p: D.TransformedDistribution(D.Normal(zeros, ones), [D.AffineTransform(p, p.exp())]),
        },
        "MixtureSameFamily": {
            "mixture_distribution": lambda p: D.MixtureSameFamily(D.Categorical(p.exp()), D.Normal(zeros, ones)),
            "component_distribution": lambda p: D.MixtureSameFamily(D.Categorical(ones), D.Normal(p, p.exp())),
        },
    }
    return [_wrapped_row(name, makers) for name, makers in ways_.items()]


def _wrapped_row(name: str, makers: dict[str, Maker]) -> str:
    cls = getattr(D, name)
    columns = {}
    for member in MEMBERS:
        found = Member()
        for argument, make in makers.items():
            _look_inside(make, member, argument, found)
        if member in ("log_prob", "cdf"):
            _look_inside(next(iter(makers.values())), member, "value", found)
        columns[member] = found.text
    head = f"torch.distributions.{name}({', '.join(inspect.signature(cls).parameters)})"
    return "  ".join([head, *(f"{k}={v}" for k, v in columns.items() if v != "missing")])


def _look_inside(make: Maker, member: str, argument: str, found: Member) -> None:
    observe.seed()
    p = torch.zeros(2).requires_grad_(argument != "value")
    try:
        made = make(p)
        value = made.sample().requires_grad_(argument == "value") if member in ("log_prob", "cdf") else None
        result = take(made, member, value)
        with torch.no_grad():
            still = take(make(p), member, value)
    except ERRORS:
        return
    found.works = True
    found.reached.setdefault(argument, set()).add(result.requires_grad)
    if result.requires_grad:
        found.kept.add(still.requires_grad)


def divergence() -> str:
    """`kl_divergence(p, q)`: gradient through the parameters of both."""
    found = []
    for name in ("p", "q"):
        p, q = (D.Normal(torch.zeros(2).requires_grad_(n == name), torch.ones(2)) for n in ("p", "q"))
        if D.kl_divergence(p, q).requires_grad:
            found.append(name)
    return f"torch.distributions.kl_divergence(p, q)  result={','.join(found)}"


def table(only: str = "") -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [row(name, options) for name, options in ways().items()] + wrapped() + [divergence()]
    return [line for line in made if only in line.partition("(")[0]]
