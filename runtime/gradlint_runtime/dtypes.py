"""Dtypes and torch's rules of type promotion.

In: dtype objects, numpy dtypes, Python scalars. Out: the dtype in which an operator computes. A bfloat16 tensor is
kept as a float32 array whose values are rounded to bfloat16 after each operator, since numpy has no such dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BOOL, INTEGRAL, FLOATING, COMPLEX = range(4)


class dtype:
    """One element type; `numpy` is the dtype of the arrays that hold it."""

    __slots__ = ("name", "numpy", "itemsize", "category", "is_floating_point", "is_complex", "is_signed", "short")

    def __init__(self, name: str, array: Any, itemsize: int, category: int, short: str) -> None:
        self.name = name
        self.numpy = np.dtype(array)
        self.itemsize = itemsize
        self.category = category
        self.is_floating_point = category == FLOATING
        self.is_complex = category == COMPLEX
        self.is_signed = category >= FLOATING or (category == INTEGRAL and self.numpy.kind == "i")
        self.short = short

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name, (self.name,)

    def __copy__(self) -> dtype:
        return self

    def __deepcopy__(self, memo: Any) -> dtype:
        return self

    def to_real(self) -> dtype:
        return REAL_OF.get(self, self)

    def to_complex(self) -> dtype:
        return COMPLEX_OF.get(self, self)


dtype.__module__ = "torch"

float16 = dtype("float16", np.float16, 2, FLOATING, "Half")
bfloat16 = dtype("bfloat16", np.float32, 2, FLOATING, "BFloat16")
float32 = dtype("float32", np.float32, 4, FLOATING, "Float")
float64 = dtype("float64", np.float64, 8, FLOATING, "Double")
complex64 = dtype("complex64", np.complex64, 8, COMPLEX, "ComplexFloat")
complex128 = dtype("complex128", np.complex128, 16, COMPLEX, "ComplexDouble")
uint8 = dtype("uint8", np.uint8, 1, INTEGRAL, "Byte")
uint16 = dtype("uint16", np.uint16, 2, INTEGRAL, "UInt16")
uint32 = dtype("uint32", np.uint32, 4, INTEGRAL, "UInt32")
uint64 = dtype("uint64", np.uint64, 8, INTEGRAL, "UInt64")
int8 = dtype("int8", np.int8, 1, INTEGRAL, "Char")
int16 = dtype("int16", np.int16, 2, INTEGRAL, "Short")
int32 = dtype("int32", np.int32, 4, INTEGRAL, "Int")
int64 = dtype("int64", np.int64, 8, INTEGRAL, "Long")
bool_ = dtype("bool", np.bool_, 1, BOOL, "Bool")

ALL = (
    float16, bfloat16, float32, float64, complex64, complex128,
    uint8, uint16, uint32, uint64, int8, int16, int32, int64, bool_,
)  # fmt: skip
ALIASES = {
    "half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64,
    "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip
FROM_NUMPY: dict[Any, dtype] = {kind.numpy: kind for kind in ALL if kind is not bfloat16}
REAL_OF = {complex64: float32, complex128: float64}
COMPLEX_OF = {float32: complex64, float64: complex128, bfloat16: complex64}
PYTHON_TYPES: dict[Any, dtype] = {bool: bool_, int: int64, float: float32, complex: complex64}
SCALARS = (bool, int, float, complex)

_NAMES = {kind.name: kind for kind in ALL}
_FLOAT_WIDTH = {float16: 0, bfloat16: 0, float32: 1, float64: 2, complex64: 1, complex128: 2}


def by_name(name: str) -> dtype:
    """The dtype of that name: what pickled dtypes are read back with."""
    return _NAMES[name]


class _Default:
    """The default dtypes, moved by `torch.set_default_dtype`."""

    floating = float32
    complex = complex64


def default_float() -> dtype:
    return _Default.floating


def default_complex() -> dtype:
    return _Default.complex


def set_default(kind: dtype) -> None:
    if kind not in (float16, bfloat16, float32, float64):
        raise TypeError(f"only floating-point types are supported as the default type; got {kind}")
    _Default.floating = kind
    _Default.complex = complex128 if kind is float64 else complex64


def as_dtype(kind: Any) -> dtype:
    """What a `dtype=` argument means: a dtype, or Python's `int`, `float`, `bool`, `complex`."""
    if isinstance(kind, dtype):
        return kind
    if kind in (bool, int):
        return PYTHON_TYPES[kind]
    if kind is float:
        return float64
    if kind is complex:
        return complex128
    raise TypeError(f"dtype must be torch.dtype, not {type(kind).__name__}")


def of_scalar(value: Any) -> dtype:
    """The dtype that a Python scalar has as a tensor of its own."""
    if isinstance(value, bool | np.bool_):
        return bool_
    if isinstance(value, int | np.integer):
        return int64
    if isinstance(value, float | np.floating):
        return _Default.floating
    return _Default.complex


def _promote_floats(a: dtype, b: dtype) -> dtype:
    width = max(_FLOAT_WIDTH[a], _FLOAT_WIDTH[b])
    if a.category == COMPLEX or b.category == COMPLEX:
        return complex128 if width == 2 else complex64
    if width == 0:
        return a if a is b else float32
    return float64 if width == 2 else float32


def _promote_integers(a: dtype, b: dtype) -> dtype:
    wide = {uint16, uint32, uint64}
    if a in wide or b in wide:
        raise RuntimeError(
            f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {a.short} and {b.short}"
        )
    if a.is_signed == b.is_signed:
        return a if a.itemsize >= b.itemsize else b
    signed = a if a.is_signed else b
    return int16 if signed is int8 else signed


def promote(a: dtype, b: dtype) -> dtype:
    """`torch.promote_types`."""
    if a is b:
        return a
    low, high = (a, b) if a.category <= b.category else (b, a)
    if high.category >= FLOATING:
        return _promote_floats(low, high) if low.category >= FLOATING else high
    return _promote_integers(a, b) if low.category == INTEGRAL else high


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether an in-place or out= result of one dtype may land in a tensor of the other: never down a category."""
    return source.category <= target.category


def result_type(*values: Any) -> dtype:
    """The dtype in which tensors and Python scalars meet.

    Tensors with dimensions decide; zero-dimensional ones count only if of a higher category, scalars likewise.
    """
    ranks: list[dtype | None] = [None, None, None]
    for value in values:
        if type(value) in SCALARS:
            place, kind = 2, of_scalar(value)
        elif hasattr(value, "_array"):
            place, kind = (0 if value._array.ndim else 1), value._dtype
            if place == 1 and getattr(value, "_wrapped", False):
                place = 2
        else:
            place, kind = 2, of_scalar(value)
        seen = ranks[place]
        ranks[place] = kind if seen is None else promote(seen, kind)
    result: dtype | None = None
    for ranked in ranks:
        if ranked is None:
            continue
        if result is None:
            result = ranked
        elif ranked.category > result.category:
            result = promote(result, ranked)
    assert result is not None
    return result


def round_to_bfloat16(array: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 values, ties to even, still as float32."""
    bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32).reshape(np.shape(array))
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(array), np.float32(np.nan), rounded)


def cast(array: np.ndarray, source: dtype, target: dtype) -> np.ndarray:
    """A new array of the target dtype, with torch's conversions."""
    if source.is_complex and not target.is_complex and target is not bool_:
        array = array.real
    if 0 in array.strides and array.ndim > 1:
        array = np.ascontiguousarray(array)
    if target is bfloat16:
        return round_to_bfloat16(array)
    if target.category == INTEGRAL and array.dtype.kind == "f":
        return _float_to_integer(array, target)
    return array.astype(target.numpy)


def _float_to_integer(array: np.ndarray, target: dtype) -> np.ndarray:
    # What is out of range is undefined in C; through int64 the common small types wrap as they do in torch.
    if target is uint64:
        return array.astype(np.uint64)
    return array.astype(np.int64).astype(target.numpy)
