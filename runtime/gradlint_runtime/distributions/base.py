"""What all distributions share: batches of parameters, shapes, validation."""

from __future__ import annotations

from typing import Any

from ..errors import unsupported
from ..modes import grad_mode
from ..ops.data import tensor as make_tensor
from ..ops.joining import broadcast_tensors
from ..tensor import Tensor
from ..things import Size


class Distribution:
    has_rsample = False
    has_enumerate_support = False
    _validate_args = True
    arg_constraints: dict[str, Any] = {}

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, check in self.arg_constraints.items():
                value = self.__dict__.get(name)
                if value is not None and not bool(check(value).all()):
                    raise ValueError(
                        f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                        f"distribution {self!r} to satisfy the constraint {check.__doc__}, but found invalid values:\n"
                        f"{value}"
                    )

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with grad_mode(False):
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        raise NotImplementedError

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        raise unsupported(f"torch.distributions.{type(self).__name__}.expand")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size(tuple(sample_shape) + tuple(self._batch_shape) + tuple(self._event_shape))

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        wanted = tuple(self._batch_shape) + tuple(self._event_shape)
        for a, b in zip(reversed(value.shape), reversed(wanted), strict=False):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {Size(wanted)}."
                )
        if self._validate_args and not bool(self.in_support(value).all()):
            raise ValueError(
                "Expected value argument "
                f"({type(value).__name__} of shape {tuple(value.shape)}) to be within the support of the distribution "
                f"{self!r}, but found invalid values:\n{value}"
            )

    def in_support(self, value: Tensor) -> Tensor:
        return value == value

    def __repr__(self) -> str:
        shown = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if value is not None:
                shown.append(f"{name}: {value if value.numel() == 1 else value.size()}")
        return f"{type(self).__name__}({', '.join(shown)})"


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape."""
    if not all(isinstance(value, Tensor | int | float) for value in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    first = next((value for value in values if isinstance(value, Tensor)), None)
    kind = None if first is None else first._dtype
    return broadcast_tensors(
        *[value if isinstance(value, Tensor) else make_tensor(float(value), dtype=kind) for value in values]
    )


def real(value: Tensor) -> Tensor:
    """Real()"""
    return value == value


def positive(value: Tensor) -> Tensor:
    """GreaterThan(lower_bound=0.0)"""
    return value > 0


def unit_interval(value: Tensor) -> Tensor:
    """Interval(lower_bound=0.0, upper_bound=1.0)"""
    return (value >= 0) & (value <= 1)


def simplex(value: Tensor) -> Tensor:
    """Simplex()"""
    return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


def real_vector(value: Tensor) -> Tensor:
    """IndependentConstraint(Real(), 1)"""
    return (value == value).all(-1)
