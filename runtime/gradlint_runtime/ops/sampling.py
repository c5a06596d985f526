"""Operators that draw random numbers, and dropout."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import inplace
from ..apply import plain, record
from ..dtypes import COMPLEX, FLOATING, INTEGRAL, as_dtype, default_float, dtype, int64
from ..random import Generator, default_generator
from ..tensor import Tensor
from .common import broadcast_shape, sizes_of, zeros_of
from .extremes import topk
from .factories import made


def _of(generator: Generator | None) -> Generator:
    return default_generator if generator is None else generator


def _shape(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    shape = sizes_of(sizes)
    if any(size < 0 for size in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def _floats(kind: dtype, function: str) -> dtype:
    if kind.category < FLOATING:
        raise NotImplementedError(f"\"{function}\" not implemented for '{kind.short}'")
    return kind


def _draw(draw: Callable[..., np.ndarray], shape: tuple[int, ...], kind: dtype, scale: float = 1.0) -> np.ndarray:
    """Numbers of a real or complex dtype: complex ones take two of the real ones each."""
    count = math.prod(shape)
    if kind.category == COMPLEX:
        real = kind.to_real()
        pairs = draw(2 * count, real).astype(real.numpy) * real.numpy.type(scale)
        return pairs.view(kind.numpy).reshape(shape)
    return draw(count, kind).astype(kind.numpy).reshape(shape)


def rand(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    kind = _floats(default_float() if dtype is None else as_dtype(dtype), "check_uniform_bounds")
    return made(_draw(_of(generator).uniform, _shape(size), kind), kind, requires_grad, device)


def randn(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    kind = _floats(default_float() if dtype is None else as_dtype(dtype), "normal_kernel_cpu")
    return made(_draw(_of(generator).normal, _shape(size), kind, math.sqrt(0.5)), kind, requires_grad, device)


def randint(
    low: Any, high: Any = None, size: Any = None, *, generator: Any = None, dtype: Any = int64, device: Any = None,
    requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    if size is None:
        low, high, size = 0, low, high
    low, high = int(low), int(high)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    kind = int64 if dtype is None else as_dtype(dtype)
    shape = _shape((size,))
    values = _of(generator).integers(low, high, math.prod(shape))
    return made(values.astype(kind.numpy).reshape(shape), kind, requires_grad, device)


def randperm(
    n: int, *, generator: Any = None, dtype: Any = int64, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    kind = as_dtype(dtype)
    return made(_of(generator).permutation(n).astype(kind.numpy), kind, requires_grad, device)


def rand_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    options.pop("memory_format", None)
    return rand(input._array.shape, dtype=dtype or input._dtype, **options)


def randn_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    options.pop("memory_format", None)
    return randn(input._array.shape, dtype=dtype or input._dtype, **options)


def randint_like(input: Tensor, low: Any, high: Any = None, *, dtype: Any = None, **options: Any) -> Tensor:
    options.pop("memory_format", None)
    if high is None:
        low, high = 0, low
    return randint(low, high, input._array.shape, dtype=dtype or input._dtype, **options)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None, **options: Any) -> Tensor:
    if size is not None:
        kind = as_dtype(options.pop("dtype", None) or default_float())
        values = _draw(_of(generator).normal, _shape((size,)), kind, math.sqrt(0.5))
        return made((values * kind.numpy.type(std) + kind.numpy.type(mean)).astype(kind.numpy), kind, **options)
    if isinstance(std, Tensor) and (std._array < 0).any():
        raise RuntimeError("normal expects all elements of std >= 0.0")
    if not isinstance(std, Tensor) and std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    kind = tensors[0]._dtype
    a, b = (each._array if isinstance(each, Tensor) else each for each in (mean, std))
    shape = broadcast_shape(np.shape(a), np.shape(b))
    values = (_draw(_of(generator).normal, shape, kind) * b + a).astype(kind.numpy)
    name = "NormalBackward" + ("3" if len(tensors) == 2 else "1" if isinstance(mean, Tensor) else "2")
    return record(name, values, *[(each, _zeros_shaped(each._array.shape)) for each in tensors], dtype=kind)


def _zeros_shaped(shape: tuple[int, ...]) -> Any:
    return lambda grad: grad.new_zeros(shape)


def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None) -> Tensor:
    _floats(input._dtype, "bernoulli_tensor_cpu_self_")
    array, kind = input._array, input._dtype
    if p is not None:
        values = _of(generator).double(array.size).reshape(array.shape) < p
        return record("BernoulliBackward2", values.astype(kind.numpy), (input, zeros_of), dtype=kind)
    if array.size and (not (array >= 0).all() or not (array <= 1).all()):
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be "
            "improved?  If so, please report an enhancement request to PyTorch.)"
        )
    values = _of(generator).uniform(array.size, kind).reshape(array.shape) < array
    return record("BernoulliBackward0", values.astype(kind.numpy), (input, zeros_of), dtype=kind)


def poisson(input: Tensor, generator: Any = None) -> Tensor:
    source = np.random.RandomState(int(_of(generator).words(1)[0]))
    return record(
        "PoissonBackward0", source.poisson(input._array).astype(input._array.dtype), (input, zeros_of),
        dtype=input._dtype,
    )  # fmt: skip


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    array = input._array
    if array.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if input._dtype.category != FLOATING:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input._dtype.short}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > array.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not np.isfinite(array).all() or (array < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (array.sum(-1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    source = _of(generator)
    if not replacement or num_samples == 1:
        races = -np.log1p(-source.double(array.size)).astype(array.dtype).reshape(array.shape)
        return topk(plain(array / races), num_samples, -1)[1]
    rows = np.atleast_2d(array).astype(np.float64)
    levels = np.cumsum(rows, axis=-1)
    levels = levels / levels[:, -1:]
    draws = source.double(len(rows) * num_samples).reshape(len(rows), num_samples)
    # Rows are put one after another, so that one search serves them all.
    offsets = np.arange(len(rows))[:, None]
    flat = np.searchsorted((levels + 2 * offsets).reshape(-1), draws + 2 * offsets, side="left")
    picks = np.minimum(flat - offsets * rows.shape[1], rows.shape[1] - 1)
    return plain(picks.reshape(array.shape[:-1] + (num_samples,)), dtype=int64)


# in place


def _in_place(name: str, draw: Callable[..., np.ndarray]) -> Callable[..., Tensor]:
    """An operator that overwrites a tensor with what `draw(generator, count, dtype, *parameters)` returns."""

    def filled(input: Tensor, *args: Any, generator: Any = None, **kwargs: Any) -> Tensor:
        values = draw(_of(generator), input._array.size, input._dtype, *args, **kwargs)
        node = f"{name.capitalize()}Backward0" if "_" not in name else "LogNormalBackward0"
        return record(
            node, values.reshape(input._array.shape).astype(input._array.dtype), (input, zeros_of), dtype=input._dtype
        )

    def operator(input: Tensor, *args: Any, generator: Any = None, **kwargs: Any) -> Tensor:
        return inplace.become(input, filled, (), *args, generator=generator, **kwargs)

    operator.__name__ = operator.__qualname__ = f"{name}_"
    return operator


def _uniform(source: Generator, count: int, kind: dtype, from_: float = 0, to: float = 1, **named: Any) -> np.ndarray:
    low, high = named.get("from", from_), to
    if not low <= high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    _floats(kind, "check_uniform_bounds")
    values = source.uniform(count, kind)
    own = values.dtype.type
    # One rounding for the product and the sum, as the processor's fused instruction has it.
    spread = np.multiply(values, own(high - low), dtype=np.promote_types(own, np.float64))
    return (spread + own(low)).astype(own)


def _normal(source: Generator, count: int, kind: dtype, mean: float = 0, std: float = 1) -> np.ndarray:
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    _floats(kind, "normal_kernel_cpu")
    if kind.category == COMPLEX:
        pairs = source.normal(2 * count, kind.to_real()).astype(kind.to_real().numpy) * math.sqrt(0.5)
        return pairs.view(kind.numpy) * std + mean
    values = source.normal(count, kind)
    return values * values.dtype.type(std) + values.dtype.type(mean)


def _exponential(source: Generator, count: int, kind: dtype, lambd: float = 1) -> np.ndarray:
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    return -np.log1p(-source.double(count)) / lambd


def _geometric(source: Generator, count: int, kind: dtype, p: float) -> np.ndarray:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    return np.ceil(np.log(source.double(count)) / math.log1p(-p))


def _log_normal(source: Generator, count: int, kind: dtype, mean: float = 1, std: float = 2) -> np.ndarray:
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    normals = source._short_normal(count)
    return np.exp(normals * std + mean)


def _cauchy(source: Generator, count: int, kind: dtype, median: float = 0, sigma: float = 1) -> np.ndarray:
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    return median + sigma * np.tan(math.pi * (source.double(count) - 0.5))


uniform_ = _in_place("uniform", _uniform)
normal_ = _in_place("normal", _normal)
exponential_ = _in_place("exponential", _exponential)
geometric_ = _in_place("geometric", _geometric)
log_normal_ = _in_place("log_normal", _log_normal)
cauchy_ = _in_place("cauchy", _cauchy)


def random_(input: Tensor, from_: Any = None, to: Any = None, *, generator: Any = None) -> Tensor:
    kind, size = input._dtype, input._array.size
    if from_ is not None and to is None:
        from_, to = 0, from_
    if from_ is None:
        from_ = 0
        digits = {2: 11, 4: 24, 8: 53}
        to = 2 ** digits[kind.itemsize] + 1 if kind.category == FLOATING else np.iinfo(kind.numpy).max + 1
        to = 2 if kind.category < INTEGRAL else to
    values = _of(generator).integers(int(from_), int(to), size).reshape(input._array.shape)

    def filled(source: Tensor) -> Tensor:
        return record("RandomBackward0", values.astype(kind.numpy), (source, zeros_of), dtype=kind)

    return inplace.become(input, filled, ())


def bernoulli_(input: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    shape, kind = input._array.shape, input._dtype
    source = _of(generator)
    if isinstance(p, Tensor):
        values = source.uniform(input._array.size, p._dtype).reshape(shape) < p._array
    else:
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        values = source.double(input._array.size).reshape(shape) < p
    name = "BernoulliBackward1" if isinstance(p, Tensor) else "BernoulliBackward2"

    def filled(own: Tensor) -> Tensor:
        return record(name, values.astype(kind.numpy), (own, zeros_of), dtype=kind)

    return inplace.become(input, filled, ())


# dropout


def _check_p(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def noise(shape: tuple[int, ...], kind: dtype, p: float) -> Tensor:
    """What dropout multiplies with: zero with probability p, one otherwise."""
    kept = default_generator.double(math.prod(shape)).reshape(shape) < 1 - p
    return plain(kept.astype(kind.numpy), dtype=kind)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    _check_p(p)
    return _dropped(input, p, training, inplace, input._array.shape)


def _dropped(input: Tensor, p: float, training: bool, in_place: bool, shape: tuple[int, ...]) -> Tensor:
    if p == 0 or not training or not input._array.size:
        return input
    factor = noise(shape, input._dtype, p) if p < 1 else plain(np.zeros(shape, input._array.dtype), dtype=input._dtype)
    if p < 1:
        factor.div_(1 - p)
    return input.mul_(factor) if in_place else input * factor


def _channels(input: Tensor) -> tuple[int, ...]:
    shape = input._array.shape
    if len(shape) < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return shape[:2] + (1,) * (len(shape) - 2)


def feature_dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    _check_p(p)
    if p == 0 or not training:
        return input
    return _dropped(input, p, training, inplace, _channels(input))


_ALPHA = 1.7580993408473766


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False, *, feature: bool = False
) -> Tensor:
    _check_p(p)
    if p == 0 or not training or not input._array.size:
        return input
    if p == 1:
        return input * plain(np.zeros((), input._array.dtype), dtype=input._dtype)
    shape = _channels(input) if feature else input._array.shape
    kept = noise(shape, input._dtype, p)
    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    shift = kept.sub(1).mul_(_ALPHA * a).add_(_ALPHA * a * p)
    kept.mul_(a)
    return input.mul_(kept).add_(shift) if inplace else input * kept + shift
