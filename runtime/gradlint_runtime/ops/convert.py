"""Conversions between dtypes, and the ways out of the graph: detach and data."""

from __future__ import annotations

from typing import Any

from .. import errors
from ..apply import copied, plain
from ..dtypes import (
    ALL,
    FLOATING,
    as_dtype,
    bfloat16,
    bool_,
    cast,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)  # fmt: skip
from ..modes import mode
from ..tensor import Tensor, Version, detached, keep_version, needs_grad, own_version
from .factories import check_device
from .joining import in_format


def converted_to(input: Tensor, kind: dtype, copy: bool = False) -> Tensor:
    """The tensor in another dtype; itself where it has it and no copy is asked for."""
    if kind is input._dtype and not copy:
        return input
    before = input._dtype

    def way(grad: Any) -> Any:
        return converted_to(grad.real if grad._dtype.is_complex and not before.is_complex else grad, before)

    value = cast(input._array, before, kind) if kind is not before else input._array.copy("K")
    if kind.category >= FLOATING or input._counter is None:
        return copied("ToCopyBackward0", value, input, way, kind)
    return plain(value, kind)


def to(
    input: Tensor, *args: Any, dtype: Any = None, device: Any = None, other: Any = None, non_blocking: bool = False,
    copy: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    flags = [each for each in args if isinstance(each, bool)]
    copy = flags[1] if len(flags) > 1 else copy
    for each in args:
        if isinstance(each, bool):
            continue
        if isinstance(each, Tensor):
            dtype = each._dtype
        elif isinstance(each, _DTYPES) or each in (int, float, bool, complex):
            dtype = as_dtype(each)
        elif each is not None:
            device = each
    if other is not None:
        dtype = other._dtype
    check_device(device)
    kind = input._dtype if dtype is None else as_dtype(dtype)
    made = converted_to(input, kind, copy)
    return made if memory_format is None else in_format(made, memory_format, "ToCopyBackward0")


_DTYPES = (dtype,)


def type_op(input: Tensor, dtype: Any = None, non_blocking: bool = False, **options: Any) -> Any:
    """`Tensor.type`: the name without an argument, a conversion with one."""
    if dtype is None:
        return f"torch.{input._dtype.short}Tensor"
    return converted_to(input, named_type(dtype))


def named_type(given: Any) -> dtype:
    """The dtype that `torch.FloatTensor`, "torch.FloatTensor" or a dtype stand for."""
    if isinstance(given, str):
        for kind in ALL:
            if given == f"torch.{kind.short}Tensor":
                return kind
        if given == "torch.Tensor":
            return float32
        raise ValueError(f"invalid type: '{given}'")
    stands_for = getattr(given, "dtype", None)
    if isinstance(stands_for, _DTYPES):
        return stands_for
    return as_dtype(given)


def type_as(input: Tensor, other: Tensor) -> Tensor:
    return converted_to(input, other._dtype)


def cpu(input: Tensor, memory_format: Any = None) -> Tensor:
    return input


def cuda(input: Tensor, *args: Any, **options: Any) -> Tensor:
    raise AssertionError("Torch not compiled with CUDA enabled")


def _conversion(name: str, kind: dtype) -> Any:
    def operator(input: Tensor, memory_format: Any = None) -> Tensor:
        return converted_to(input, kind)

    operator.__name__ = operator.__qualname__ = name
    return operator


double = _conversion("double", float64)
float_op = _conversion("float", float32)
half = _conversion("half", float16)
bfloat16_op = _conversion("bfloat16", bfloat16)
long = _conversion("long", int64)
int_op = _conversion("int", int32)
short = _conversion("short", int16)
char = _conversion("char", int8)
byte = _conversion("byte", uint8)
bool_op = _conversion("bool", bool_)
cfloat = _conversion("cfloat", complex64)
cdouble = _conversion("cdouble", complex128)


def detach(input: Tensor) -> Tensor:
    return detached(input)


def detach_(input: Tensor) -> Tensor:
    if mode.inference or input._counter is None:  # autograd does not see it
        return input
    meta = input._meta
    if meta is not None and meta.view is not None:
        raise RuntimeError(errors.DETACH_VIEW)
    if meta is not None:
        meta.node, meta.nr, meta.flag, meta.retains = None, 0, False, False
    return input


def get_data(input: Tensor) -> Tensor:
    """`x.data`: the same storage, but writes to it are not counted for x."""
    tensor = detached(input)
    if tensor._counter is not None:
        tensor._counter = Version()
    return tensor


def set_data(input: Tensor, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    if needs_grad(input) and value._dtype.category < 2:
        raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
    input._array, input._dtype = value._array, value._dtype
    # Whether a tensor is one of inference mode goes with its data; the versions of what it was are counted on.
    if value._counter is None:
        if input._counter is not None:
            keep_version(input, input._counter)
        input._counter = None
    elif input._counter is None:
        input._counter = own_version(input)
        if input._counter is None:
            raise errors.unsupported("giving an inference tensor the data of another")
    meta = input._meta
    node = None if meta is None or meta.accumulator is None else meta.accumulator()
    if node is not None:
        node.outputs = ((input._array.shape, input._dtype),)
