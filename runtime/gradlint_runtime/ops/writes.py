"""Operators that only exist in place: copy_, fill_, zero_, set_, resize_ and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors, inplace
from ..apply import record
from ..dtypes import BOOL, COMPLEX, INTEGRAL, cast
from ..graph import node_class
from ..modes import mode
from ..tensor import Tensor, needs_grad
from ..views import address
from .blend import masked_fill
from .common import broadcast_shape, sizes_of, zeros_of
from .index import index_fill, index_put


def copied(input: Tensor, src: Tensor) -> Tensor:
    if src._array.shape != input._array.shape:
        _check_reach(src, input._array.shape)
    value = cast(src._array, src._dtype, input._dtype) if src._dtype is not input._dtype else src._array
    wide = np.broadcast_to(value, input._array.shape)
    return record("CopyBackwards", wide, (input, zeros_of), (src, lambda grad: grad), dtype=input._dtype)


def copy_(input: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    if not isinstance(src, Tensor):
        raise errors.not_a_tensor("copy_", "src", 1, src)
    if input is src or _same_places(input._array, src._array):
        return inplace.become(input, _onto_itself, (src,), src)
    return inplace.become(input, copied, (src,), src)


def _same_places(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.strides == b.strides and a.dtype == b.dtype and address(a) == address(b)


def _onto_itself(input: Tensor, src: Tensor) -> Tensor:
    """Nothing moves, so that overlapping places do no harm; it counts as a write all the same."""
    return copied(input, src)


def _check_reach(src: Tensor, shape: tuple[int, ...]) -> None:
    wide = broadcast_shape(shape, src._array.shape)
    if wide != shape:
        raise RuntimeError(f"output with shape {list(shape)} doesn't match the broadcast shape {list(wide)}")


def filled(input: Tensor, value: Any) -> Tensor:
    kind = input._dtype
    if isinstance(value, Tensor):
        if value._array.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value._array.ndim} dimensions."
            )
        number = cast(value._array, value._dtype, kind)
        return record(
            "FillBackward3", np.full(input._array.shape, number, kind.numpy),
            (input, zeros_of), (value, lambda grad: grad.sum()), dtype=kind,
        )  # fmt: skip
    if isinstance(value, complex) and kind.category < COMPLEX:
        raise RuntimeError("value cannot be converted to type float without overflow")
    if kind.category == INTEGRAL:
        value = int(value)
    elif kind.category == BOOL:
        value = bool(value)
    made = np.full(input._array.shape, value, kind.numpy)
    return record("FillBackward2", made, (input, zeros_of), dtype=kind)


def fill_(input: Tensor, value: Any) -> Tensor:
    others = (value,) if isinstance(value, Tensor) else ()
    return inplace.become(input, filled, others, value)


def zeroed(input: Tensor) -> Tensor:
    made = np.zeros(input._array.shape, input._array.dtype)
    return record("ZeroBackward0", made, (input, zeros_of), dtype=input._dtype)


inplace.READING_FIRST.add(filled)
inplace.COPYING.update((copied, _onto_itself))
inplace.FILLING.update((filled, zeroed, _onto_itself, index_fill, index_put, masked_fill))


def zero_(input: Tensor) -> Tensor:
    return inplace.become(input, zeroed, ())


def fill(input: Tensor, value: Any) -> Tensor:
    """`torch.fill`, out of place."""
    made = filled(input, value)
    node = made._meta.node if made._meta is not None else None
    if node is not None:
        node.__class__ = node_class("FillBackward1" if isinstance(value, Tensor) else "FillBackward0")
    return made


def set_(input: Tensor, source: Any = None, *rest: Any) -> Tensor:
    if not isinstance(source, Tensor) or rest:
        raise errors.unsupported("Tensor.set_ with anything but a tensor")
    if needs_grad(input) or needs_grad(source):
        raise errors.unsupported("Tensor.set_ where a tensor requires grad")
    inplace.check(input, ())
    input._array = source._array
    inplace.count_write(input)
    return input


def resize_(input: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    if needs_grad(input) and not mode.inference:
        raise RuntimeError("cannot resize variables that require grad")
    if input._counter is None and not mode.inference:
        raise RuntimeError(errors.INFERENCE_INPLACE)
    shape = sizes_of(sizes)
    count = int(np.prod(shape)) if shape else 1
    flat = input._array.reshape(-1)
    if count > flat.size:
        flat = np.concatenate([flat, np.zeros(count - flat.size, flat.dtype)])
    input._array = flat[:count].reshape(shape)
    return input


def resize_as_(input: Tensor, the_template: Tensor, memory_format: Any = None) -> Tensor:
    return resize_(input, *the_template._array.shape)
