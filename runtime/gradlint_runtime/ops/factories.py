"""Operators that make tensors out of nothing, out of data, or like another tensor."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import errors
from ..apply import written
from ..dtypes import (
    COMPLEX,
    COMPLEX_OF,
    FLOATING,
    INTEGRAL,
    as_dtype,
    bfloat16,
    default_complex,
    default_float,
    dtype,
    int64,
    of_scalar,
    round_to_bfloat16,
)  # fmt: skip
from ..tensor import Tensor, set_flag, wrap
from ..views import densely
from .common import scalar_for, sizes_of

strided = None  # set by `face.things`: the only layout there is


def made(array: np.ndarray, kind: dtype, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A new leaf over an array that nobody else holds."""
    check_device(device)
    if kind is bfloat16:
        array = round_to_bfloat16(array)
    tensor = wrap(array, kind)
    if requires_grad:
        if kind.category < FLOATING:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        set_flag(tensor, True)
    return tensor


def check_device(device: Any) -> None:
    """There is one device; another one fails as in a torch built without it."""
    if device is None:
        return
    name = str(device).split(":")[0]
    if name == "cpu":
        return
    if name == "cuda" or isinstance(device, int):
        raise AssertionError("Torch not compiled with CUDA enabled")
    if name == "meta":
        raise errors.unsupported("the meta device")
    known = (
        "cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, mps, meta, hpu, "
        "mtia, privateuseone"
    )
    if name not in known.split(", "):
        raise RuntimeError(f"Expected one of {known} device type at start of device string: {name}")
    raise errors.unsupported(f"the device {name}")


def _kind(given: Any, otherwise: dtype) -> dtype:
    return otherwise if given is None else as_dtype(given)


def _shape(function: str, sizes: tuple[Any, ...]) -> tuple[int, ...]:
    shape = sizes_of(sizes)
    if any(size < 0 for size in shape):
        raise RuntimeError(f"{function}: Dimension size must be non-negative.")
    return shape


def zeros(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
    pin_memory: bool = False, names: Any = None,
) -> Tensor:  # fmt: skip
    kind = _kind(dtype, default_float())
    return made(np.zeros(_shape("zeros", size), kind.numpy), kind, requires_grad, device)


def ones(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
    pin_memory: bool = False, names: Any = None,
) -> Tensor:  # fmt: skip
    kind = _kind(dtype, default_float())
    return made(np.ones(_shape("ones", size), kind.numpy), kind, requires_grad, device)


def empty(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
    pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    kind = _kind(dtype, default_float())
    return made(np.zeros(_shape("empty", size), kind.numpy), kind, requires_grad, device)


def empty_strided(
    size: Sequence[int], stride: Sequence[int], *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    from .strided import strided_array

    kind = _kind(dtype, default_float())
    length = 0 if 0 in size else 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    flat = np.zeros(length, kind.numpy)
    return made(strided_array(flat, tuple(size), tuple(stride), 0), kind, requires_grad, device)


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], **options: Any) -> Tensor:
    strides, step = [0] * len(size), 1
    for dim in reversed(physical_layout):
        strides[dim] = step
        step *= size[dim]
    return empty_strided(size, strides, **options)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False, names: Any = None,
) -> Tensor:  # fmt: skip
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = _kind(dtype, of_scalar(value))
    array = np.full(_shape("full", (size,)), _fits(value, kind), kind.numpy)
    return made(array, kind, requires_grad, device)


def _fits(value: Any, kind: dtype) -> Any:
    if kind.category <= INTEGRAL and isinstance(value, float):
        return scalar_for(int(value), kind)
    return scalar_for(value, kind) if isinstance(value, int | float | complex) else value


def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    value = s.item() if isinstance(s, Tensor) else s
    kind = _kind(dtype, default_float() if dtype is None and not isinstance(value, complex) else of_scalar(value))
    return made(np.array(_fits(value, kind), kind.numpy), kind, requires_grad, device)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    for name, value in (("n", n), ("m", m)):
        if value is not None and value < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {value}")
    kind = _kind(dtype, default_float())
    return made(np.eye(n, m, dtype=kind.numpy), kind, requires_grad, device)


def _plain_number(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor | np.generic) else value


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    start, end, step = (_plain_number(each) for each in (start, end, step))
    if end is None:
        start, end = 0, start
    floats = any(isinstance(each, float) for each in (start, end, step))
    kind = _kind(dtype, default_float() if floats else int64)
    if kind is int64 and floats:
        start, end, step, floats = int(start), int(end), int(step), False
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if any(each != each or abs(each) == float("inf") for each in (start, end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if floats:
        length = int(np.ceil((end - start) / step))
    else:
        length = -(-(end - start) // step)
    if kind.category <= INTEGRAL:
        array = (int(start) + np.arange(length, dtype=np.int64) * int(step)).astype(kind.numpy)
    else:
        wide = np.float64 if kind.numpy != np.float16 else np.float32
        array = (wide(start) + np.arange(length, dtype=wide) * wide(step)).astype(kind.numpy)
    return made(array, kind, requires_grad, device)


def range_op(start: Any, end: Any = None, step: Any = 1, **options: Any) -> Tensor:
    """`torch.range`"""
    if end is None:
        start, end = 0, start
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=3,
    )
    options.setdefault("dtype", default_float())
    return arange(start, end + step / 2, step, **options)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    start, end = _plain_number(start), _plain_number(end)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    imaginary = isinstance(start, complex) or isinstance(end, complex)
    kind = _kind(dtype, default_complex() if imaginary else default_float())
    return made(_spaced(start, end, steps, kind), kind, requires_grad, device)


def _spaced(start: Any, end: Any, steps: int, kind: dtype) -> np.ndarray:
    """Evenly spaced values, counted from both ends as torch does."""
    if steps == 1:
        return np.array([start]).astype(kind.numpy)
    if kind.category <= INTEGRAL:
        width = np.float32(end - start) / np.float32(max(steps - 1, 1))
        index = np.arange(steps)
        value = np.where(index < steps // 2, start + width * index, end - width * (steps - index - 1))
        return np.trunc(value).astype(kind.numpy)
    work = kind.numpy.type if kind.numpy != np.float16 else np.float32
    step = (work(end) - work(start)) / work(max(steps - 1, 1))
    index = np.arange(steps).astype(work)
    return np.where(
        np.arange(steps) < steps // 2, work(start) + step * index, work(end) - step * (work(steps - 1) - index)
    ).astype(kind.numpy)


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    start, end = _plain_number(start), _plain_number(end)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    imaginary = isinstance(start, complex) or isinstance(end, complex)
    kind = _kind(dtype, default_complex() if imaginary else default_float())
    wide = np.complex128 if kind.category == COMPLEX else np.float64
    exponents = np.linspace(wide(start), wide(end), steps)
    return made(np.power(wide(base), exponents).astype(kind.numpy), kind, requires_grad, device)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = int64, device: Any = None, layout: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    kind = as_dtype(dtype)
    return made(np.stack(np.tril_indices(row, offset, col)).astype(kind.numpy), kind, requires_grad, device)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = int64, device: Any = None, layout: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    kind = as_dtype(dtype)
    return made(np.stack(np.triu_indices(row, offset, col)).astype(kind.numpy), kind, requires_grad, device)


# like another tensor


def _like(input: Tensor, fill: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    if not isinstance(input, Tensor):
        raise errors.not_a_tensor("empty_like", "input", 1, input)
    kind = _kind(dtype, input._dtype)
    source = input._array
    array = np.empty_like(densely(source), dtype=kind.numpy, subok=False)
    array[...] = _fits(fill, kind)
    return made(array, kind, requires_grad, device)


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
    memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    return _like(input, 0, dtype, device, requires_grad)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
    memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    return _like(input, 1, dtype, device, requires_grad)


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
    memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    return _like(input, 0, dtype, device, requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, memory_format: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    return _like(input, _plain_number(fill_value), dtype, device, requires_grad)


def new_zeros(input: Tensor, *size: Any, dtype: Any = None, **options: Any) -> Tensor:
    return written(zeros(*size, dtype=_kind(dtype, input._dtype), **options), input)


def new_ones(input: Tensor, *size: Any, dtype: Any = None, **options: Any) -> Tensor:
    return written(ones(*size, dtype=_kind(dtype, input._dtype), **options), input)


def new_empty(input: Tensor, *size: Any, dtype: Any = None, **options: Any) -> Tensor:
    return empty(*size, dtype=_kind(dtype, input._dtype), **options)


def new_full(input: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    return written(full(size, fill_value, dtype=_kind(dtype, input._dtype), **options), input)


def new_empty_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], *, dtype: Any = None, **options: Any
) -> Tensor:
    return empty_strided(size, stride, dtype=_kind(dtype, input._dtype), **options)


def complex_of(kind: dtype) -> dtype:
    return COMPLEX_OF.get(kind, kind)
