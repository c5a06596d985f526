"""Tensors out of Python and numpy data, and back: tensor, as_tensor, from_numpy, tolist, item, numpy."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import errors
from ..apply import written
from ..dtypes import (
    BOOL,
    COMPLEX,
    FLOATING,
    FROM_NUMPY,
    INTEGRAL,
    as_dtype,
    bfloat16,
    bool_,
    cast,
    default_complex,
    default_float,
    dtype,
    int64,
    promote,
)  # fmt: skip
from ..modes import grad_mode, mode
from ..tensor import Tensor, needs_grad, set_flag, sharing, wrap
from ..views import densely
from .factories import check_device, made

_SUPPORTED = (
    "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and "
    "bool."
)


def from_array_dtype(array: np.ndarray) -> dtype:
    kind = FROM_NUMPY.get(array.dtype.newbyteorder("="))
    if kind is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{array.dtype.type.__name__}. The only supported types are: "
            f"{_SUPPORTED}"
        )
    return kind


def _scalar_kind(value: Any) -> dtype:
    if isinstance(value, Tensor):
        return value._dtype
    if isinstance(value, np.generic):
        kind = FROM_NUMPY.get(value.dtype)
        if kind is None:
            raise TypeError(f"new(): invalid data type 'numpy.{type(value).__name__}'")
        return kind
    if isinstance(value, bool):
        return bool_
    if isinstance(value, int):
        return int64
    if isinstance(value, float):
        return default_float()
    if isinstance(value, complex):
        return default_complex()
    if isinstance(value, str | bytes):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    if isinstance(value, numbers.Integral):
        return int64
    raise RuntimeError(f"Could not infer dtype of {type(value).__name__}")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def inferred(data: Any) -> dtype:
    """The dtype that nested data ask for."""
    if isinstance(data, np.ndarray):
        return from_array_dtype(data)
    if isinstance(data, Tensor) or not _is_sequence(data):
        return _scalar_kind(data)
    kind: dtype | None = None
    for each in data:
        this = inferred(each)
        kind = this if kind is None else promote(kind, this)
        if kind.category == COMPLEX and kind.itemsize == 16:
            break
    return default_float() if kind is None else kind


def _shape_of(data: Any) -> tuple[int, ...]:
    shape: list[int] = []
    while True:
        if isinstance(data, Tensor | np.ndarray):
            return (*shape, *(data._array.shape if isinstance(data, Tensor) else data.shape))
        if not _is_sequence(data):
            return tuple(shape)
        shape.append(len(data))
        if not data:
            return tuple(shape)
        data = data[0]


def _flattened(data: Any, shape: tuple[int, ...], dim: int, out: list[Any]) -> None:
    """The numbers of nested sequences in order, checked against the shape of the first of each."""
    if dim == len(shape):
        out.append(_number(data))
        return
    if isinstance(data, np.ndarray) or (isinstance(data, Tensor) and data._array.ndim):
        array = data if isinstance(data, np.ndarray) else data._array
        if array.shape != shape[dim:]:
            raise ValueError(f"expected sequence of length {shape[dim]} at dim {dim} (got {len(array)})")
        if isinstance(data, Tensor) and data._array.size > len(data._array):
            raise ValueError("only one element tensors can be converted to Python scalars")
        out.extend(array.reshape(-1).tolist())
        return
    if not _is_sequence(data):
        raise TypeError("not a sequence")
    if len(data) != shape[dim]:
        raise ValueError(f"expected sequence of length {shape[dim]} at dim {dim} (got {len(data)})")
    for each in data:
        _flattened(each, shape, dim + 1, out)


def _number(value: Any) -> Any:
    if isinstance(value, Tensor):
        if needs_grad(value):
            warn_of_conversion()
        return value._array.item()
    if isinstance(value, str | bytes):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    if _is_sequence(value):
        raise ValueError(f"expected sequence of length {len(value)} at dim 0 (got {len(value)})")
    return value.item() if isinstance(value, np.generic) else value


def warn_of_conversion() -> None:
    warnings.warn(
        "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\nConsider using "
        "tensor.detach() first.",
        UserWarning,
        stacklevel=4,
    )


def array_of(data: Any, kind: dtype | None) -> tuple[np.ndarray, dtype]:
    """A fresh array of nested data, and its dtype."""
    if isinstance(data, Tensor):
        kind = data._dtype if kind is None else kind
        if kind is not data._dtype:
            return cast(data._array, data._dtype, kind), kind
        return densely(data._array).copy("K"), kind
    if isinstance(data, np.ndarray):
        own = from_array_dtype(data)
        kind = own if kind is None else kind
        return (np.array(data, own.numpy, order="K") if kind is own else cast(data, own, kind)), kind
    if isinstance(data, Sequence) and len(data) and all(isinstance(each, np.ndarray) for each in data):
        return array_of(np.array(data), kind)
    kind = inferred(data) if kind is None else kind
    shape = _shape_of(data)
    if not shape:
        return _filled(np.array([_number(data)], dtype=object), kind).reshape(()), kind
    values: list[Any] = []
    _flattened(data, shape, 0, values)
    return _filled(values, kind).reshape(shape), kind


def _filled(values: Any, kind: dtype) -> np.ndarray:
    if kind.category == INTEGRAL:
        return _integers(values, kind)
    if kind.category == BOOL:
        return np.array([bool(value) for value in values], bool)
    if kind.category == FLOATING and any(isinstance(value, complex) for value in values):
        raise RuntimeError("value cannot be converted to type float without overflow")
    return np.array(list(values), np.complex128 if kind.category == COMPLEX else np.float64).astype(kind.numpy)


def _integers(values: Any, kind: dtype) -> np.ndarray:
    whole = [int(value) for value in values]
    bounds = np.iinfo(kind.numpy)
    for value in whole:
        if not -(2**63) <= value < 2**63 and not (kind.numpy == np.uint64 and 0 <= value < 2**64):
            raise ValueError("Overflow when unpacking long long")
        low = bounds.min if kind.is_signed else -bounds.max
        if not low <= value <= bounds.max:
            raise RuntimeError(
                f"value cannot be converted to type {kind.name}_t without overflow".replace("uint8_t", "uint8")
            )
    return np.array(whole, np.int64 if kind.numpy != np.uint64 else np.uint64).astype(kind.numpy)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    array, kind = array_of(data, None if dtype is None else as_dtype(dtype))
    return _from_data(data, made(array, kind, requires_grad, device))


def _from_data(data: Any, result: Tensor) -> Tensor:
    return written(result, data) if isinstance(data, Tensor) else result


def new_tensor(
    input: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than tensor.new_tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    wanted = as_dtype(dtype) if dtype is not None else None if isinstance(data, Tensor | np.ndarray) else input._dtype
    array, kind = array_of(data, wanted)
    return _from_data(data, made(array, kind, requires_grad, device))


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        own = from_array_dtype(data)
        if dtype is None or as_dtype(dtype) is own:
            return _over(data)
    array, kind = array_of(data, None if dtype is None else as_dtype(dtype))
    return made(array, kind)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Tensor:
    check_device(device)
    if isinstance(obj, Tensor):
        result = obj.to(dtype) if dtype is not None else obj
        if copy and result is obj:
            result = obj.clone()
        if requires_grad is False and needs_grad(result):
            result = result.detach()
        elif requires_grad and not needs_grad(result):
            set_flag(result, True)
        return result
    if copy and isinstance(obj, np.ndarray):
        obj = obj.copy()
    result = as_tensor(obj, dtype)
    return result.requires_grad_() if requires_grad else result


def _over(array: np.ndarray) -> Tensor:
    """A tensor on the memory of an array."""
    if any(stride < 0 for stride in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array  with "
            "array.copy().) "
        )
    if not array.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means "
            "writing to this tensor will result in undefined behavior.",
            UserWarning,
            stacklevel=3,
        )
    return wrap(array, from_array_dtype(array))


def from_numpy(ndarray: Any) -> Tensor:
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return _over(ndarray)


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    kind = as_dtype(dtype)
    result = wrap(np.frombuffer(buffer, kind.numpy, count, offset), kind)
    return result.requires_grad_() if requires_grad else result


def construct(cls: Any, *args: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The old constructor: sizes, data, or another tensor."""
    kind = default_float() if dtype is None else dtype
    if not args:
        return made(np.zeros(0, kind.numpy), kind)
    first = args[0]
    if len(args) == 1 and isinstance(first, Tensor):
        return sharing(first)
    if all(isinstance(each, int | np.integer) for each in args):
        return made(np.zeros([int(each) for each in args], kind.numpy), kind)
    if len(args) == 1 and type(first).__name__ == "Size":
        return made(np.zeros(tuple(first), kind.numpy), kind)
    if len(args) > 1:
        raise TypeError(
            f"new(): invalid data type '{type(next(each for each in args if not isinstance(each, int))).__name__}'"
        )
    if not _is_sequence(first) and not isinstance(first, np.ndarray):
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    return made(array_of(first, kind)[0], kind)


# out of a tensor


def item(input: Tensor) -> Any:
    if input._array.size != 1:
        raise RuntimeError(f"a Tensor with {input._array.size} elements cannot be converted to Scalar")
    return input._array.item()


def tolist(input: Tensor) -> Any:
    return input._array.tolist()


def numpy(input: Tensor, *, force: bool = False) -> np.ndarray:
    if force:
        return numpy(input.detach())
    if needs_grad(input) and mode.grad:
        raise RuntimeError(errors.NUMPY_NEEDS_DETACH)
    if input._dtype is bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    return input._array


def to_array(input: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """`__array__`"""
    array = numpy(input)
    if dtype is not None:
        array = array.astype(dtype, copy=False)
    return array.copy() if copy else array


def scalar_of(input: Tensor, function: str) -> Any:
    """What `float(x)` and its kin see."""
    if input._array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    if needs_grad(input) and mode.grad and function != "bool":
        with grad_mode(False):
            warn_of_conversion()
    return input._array.item()
