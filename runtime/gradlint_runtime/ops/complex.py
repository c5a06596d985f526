"""Complex numbers: their parts, conjugates, and building them of reals."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from .. import errors, inplace
from ..apply import record
from ..dtypes import COMPLEX, COMPLEX_OF, FLOATING
from ..tensor import Tensor
from ..views import view
from .common import OUT, broadcast_shape, conj, zeros_of
from .pieces import selected
from .strided import strided_array


def real(input: Tensor) -> Tensor:
    """A view of the real part, as the graph sees it: one of the two columns of the numbers seen as real ones."""
    return _part(input, 0) if input._dtype.category == COMPLEX else input


def imag(input: Tensor) -> Tensor:
    if input._dtype.category != COMPLEX:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _part(input, 1)


def _part(input: Tensor, index: int) -> Tensor:
    wide = view_as_real(input)
    return selected(wide, wide._array.ndim - 1, index)


def view_as_real(input: Tensor) -> Tensor:
    if input._dtype.category != COMPLEX:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    array = input._array
    if not array.size:
        made = np.empty((*array.shape, 2), array.real.dtype)
        return _real_view(input, made)
    flat = array.view(array.real.dtype) if array.ndim and array.flags.c_contiguous else None
    if flat is not None:
        made = flat.reshape(*array.shape, 2)
    else:
        part = array.real
        step = part.dtype.itemsize
        made = strided_array(part, (*part.shape, 2), (*[stride // step for stride in part.strides], 1), None)
    return _real_view(input, made)


def _real_view(input: Tensor, made: np.ndarray) -> Tensor:
    return view(
        "ViewAsRealBackward0", input, made, lambda grad: view_as_complex(grad.contiguous()),
        kind=input._dtype.to_real(), replay=view_as_real,
    )  # fmt: skip


def view_as_complex(input: Tensor) -> Tensor:
    array = input._array
    if input._dtype not in COMPLEX_OF or input._dtype.name == "bfloat16":
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
            f"type: {input._dtype.short}"
        )
    if not array.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if array.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if array.size and array.strides[-1] != array.dtype.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    kind = COMPLEX_OF[input._dtype]
    made = array.view(kind.numpy)[..., 0] if array.size else np.empty(array.shape[:-1], kind.numpy)
    return view(
        "ViewAsComplexBackward0", input, made, lambda grad: view_as_real(grad), kind=kind, replay=view_as_complex
    )


def conj_op(input: Tensor) -> Tensor:
    """`Tensor.conj`. torch's is a view that remembers to conjugate; this one is a copy that must not be written."""
    if input._dtype.category != COMPLEX:
        return input
    made = np.asarray(np.conj(input._array))
    made.flags.writeable = False
    counter = input._counter
    if counter is not None:
        counter.copies = [*(counter.copies or ()), weakref.ref(made)]
    return view("ConjBackward0", input, made, lambda grad: conj_op(grad), replay=conj_op)


def conj_physical(input: Tensor) -> Tensor:
    if input._dtype.category != COMPLEX:
        return input
    return _conjugated(input)


def conj_physical_(input: Tensor) -> Tensor:
    """In place it is recorded for real numbers too."""
    return inplace.become(input, _conjugated, ())


def _conjugated(input: Tensor) -> Tensor:
    return record("ConjPhysicalBackward0", np.conj(input._array), (input, lambda grad: conj_physical(grad)))


def resolve_conj(input: Tensor) -> Tensor:
    return input


def resolve_neg(input: Tensor) -> Tensor:
    return input


def is_conj(input: Tensor) -> bool:
    return False


def complex(real: Tensor, imag: Tensor) -> Tensor:
    if real._dtype not in COMPLEX_OF or imag._dtype not in COMPLEX_OF:
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {real._dtype.short} and "
            f"{imag._dtype.short}"
        )
    if real._dtype is not imag._dtype:
        raise RuntimeError(
            f"Expected object of scalar type {real._dtype.short} but got scalar type {imag._dtype.short} for second "
            "argument"
        )
    made = np.empty(broadcast_shape(real._array.shape, imag._array.shape), COMPLEX_OF[real._dtype].numpy)
    made.real, made.imag = real._array, imag._array
    return record(
        "ComplexBackward0", made, (real, lambda grad: grad.real if grad._dtype.is_complex else grad),
        (imag, _imaginary_part),
    )  # fmt: skip


def _imaginary_part(grad: Any) -> Any:
    return imag(grad) if grad._dtype.is_complex else zeros_of(grad)


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    if abs._dtype.category != FLOATING:
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {abs._dtype.short} and {angle._dtype.short}"
        )
    kind = COMPLEX_OF[abs._dtype]
    made = (abs._array * np.exp(1j * angle._array)).astype(kind.numpy)

    def to_abs(grad: Any, result: Any) -> Any:
        return real(conj(grad) * result.sgn())

    def to_angle(grad: Any, result: Any) -> Any:
        return real(conj(grad) * (result * 1j))

    return record("PolarBackward0", made, (abs, to_abs, OUT), (angle, to_angle, OUT))


def chalf(input: Tensor, memory_format: Any = None) -> Tensor:
    raise errors.unsupported("torch.complex32")
