"""Products of vectors, matrices and batches of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors
from ..apply import record
from ..dtypes import COMPLEX, FLOATING, dtype, result_type
from ..face.guard import guarded
from ..inplace import become
from ..modes import mode
from ..tensor import Tensor, needs_grad
from .arithmetic import add
from .autocast import lower_precision
from .common import conj, widened, zeros_of
from .shape import expand, reshape, t, transpose, unsafe_view, unsqueeze, view_op


def _check_saved(a: Tensor, b: Tensor) -> None:
    """Each factor is saved for the gradient of the other; torch looks at that before anything else."""
    if (a._counter is None) is not (b._counter is None) and mode.grad and not mode.inference:
        for one, other in ((a, b), (b, a)):
            if one._counter is None and other._counter is not None and needs_grad(other):
                raise RuntimeError(errors.INFERENCE_SAVED)


def _same_dtype(a: Tensor, b: Tensor, function: str) -> None:
    if a._dtype is not b._dtype:
        raise RuntimeError(_dtypes_differ(a._dtype, b._dtype, function))


def _dtypes_differ(a: dtype, b: dtype, function: str) -> str:
    if function == "dot":
        return f"dot : expected both vectors to have same dtype, but found {a.short} and {b.short}"
    if function == "bmm":
        return f"expected scalar type {a.short} but found {b.short}"
    if function == "mv":
        return f"addmv input tensors must have the same dtype, but got {b.short}, {a.short}, and {b.short}"
    if function == "addmm":
        return f"mat1 and mat2 must have the same dtype, but got {a.short} and {b.short}"
    first, second = (errors.name_in_c(each) for each in (a, b))
    return f"expected m1 and m2 to have the same dtype, but got: {first} != {second}"


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix product; half precision is accumulated in float32, booleans and integers as numpy does."""
    if a.dtype == np.float16:
        return (widened(a) @ widened(b)).astype(np.float16)
    return np.matmul(a, b)


def h(tensor: Tensor) -> Tensor:
    """The conjugate transpose of a matrix."""
    return conj(t(tensor))


def hb(tensor: Tensor) -> Tensor:
    """The same of a batch of matrices."""
    return conj(transpose(tensor, -2, -1))


@guarded
@lower_precision
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    _check_saved(input, mat2)
    a, b = input._array, mat2._array
    if a.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if b.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    if a.shape[1] != b.shape[0]:
        raise _cannot_multiply(a.shape, b.shape)
    _same_dtype(input, mat2, "mm")
    turned, other_turned = _by_columns(a), _by_columns(b)
    return record(
        "MmBackward0", product(a, b),
        (input, lambda grad, mat2: _to_left(grad, mat2, turned), mat2),
        (mat2, lambda grad, self: _to_right(grad, self, other_turned), input), dtype=input._dtype,
    )  # fmt: skip


def _by_columns(array: np.ndarray) -> bool:
    return not array.flags.c_contiguous and array.flags.f_contiguous


def _to_left(grad: Tensor, right: Tensor, turned: bool) -> Tensor:
    """The gradient of the left factor, in the layout of that factor."""
    if _unobserved(grad):
        g, r = grad._array, right._array
        return record("", product(r, g.T).T if turned else product(g, r.T), dtype=grad._dtype)
    return h(mm(right, h(grad))) if turned else mm(grad, h(right))


def _unobserved(grad: Tensor) -> bool:
    """Whether only the values of a gradient matter, which are then computed without the steps in between."""
    return not mode.grad and mode.forward is None and mode.autocast is None and grad._dtype.category == FLOATING


def _to_right(grad: Tensor, left: Tensor, turned: bool) -> Tensor:
    if _unobserved(grad):
        g, a = grad._array, left._array
        return record("", product(g.T, a).T if turned else product(a.T, g), dtype=grad._dtype)
    return h(mm(h(grad), left)) if turned else mm(h(left), grad)


def _cannot_multiply(a: Any, b: Any) -> RuntimeError:
    return RuntimeError(
        f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, a))} and {'x'.join(map(str, b))})"
    )


def mv(input: Tensor, vec: Tensor) -> Tensor:
    _check_saved(input, vec)
    a, b = input._array, vec._array
    if a.ndim != 2 or b.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {a.ndim}, {b.ndim}")
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})"
        )
    _same_dtype(input, vec, "mv")
    return record(
        "MvBackward0", product(a, b),
        (input, lambda grad, vec: outer_of(grad, conj(vec)), vec), (vec, lambda grad, self: mv(h(self), grad), input),
        dtype=input._dtype,
    )  # fmt: skip


def outer_of(a: Tensor, b: Tensor) -> Tensor:
    return unsqueeze(a, 1) * b


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    _check_saved(input, tensor)
    a, b = input._array, tensor._array
    _check_vectors(a, b, input, tensor)
    return record(
        "DotBackward0", product(a, b),
        (input, lambda grad, tensor: grad * conj(tensor), tensor),
        (tensor, lambda grad, self: grad * conj(self), input), dtype=input._dtype,
    )  # fmt: skip


def _check_vectors(a: np.ndarray, b: np.ndarray, input: Tensor, other: Tensor) -> None:
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    _same_dtype(input, other, "dot")
    if a.shape != b.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{a.shape[0]}] and src [{b.shape[0]}] to have the same number "
            f"of elements, but got {a.shape[0]} and {b.shape[0]} elements respectively"
        )


def vdot(input: Tensor, other: Tensor) -> Tensor:
    _check_saved(input, other)
    a, b = input._array, other._array
    _check_vectors(a, b, input, other)
    if input._dtype.category != COMPLEX:
        return record(
            "VdotBackward0", product(a, b), (input, lambda grad, other: grad * other, other),
            (other, lambda grad, self: grad * self, input), dtype=input._dtype,
        )  # fmt: skip
    return record(
        "VdotBackward0", np.vdot(a, b), (input, lambda grad, other: conj(grad) * other, other),
        (other, lambda grad, self: grad * self, input), dtype=input._dtype,
    )  # fmt: skip


@lower_precision
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    _check_saved(input, mat2)
    a, b = input._array, mat2._array
    if a.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if b.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] but got: "
            f"[{b.shape[0]}, {b.shape[1]}]."
        )
    _same_dtype(input, mat2, "bmm")
    return record(
        "BmmBackward0", product(a, b),
        (input, lambda grad, mat2: bmm(grad, hb(mat2)), mat2),
        (mat2, lambda grad, self: bmm(hb(self), grad), input), dtype=input._dtype,
    )  # fmt: skip


@lower_precision
def matmul(input: Tensor, other: Tensor) -> Tensor:
    if not isinstance(other, Tensor):
        raise errors.not_a_tensor("matmul", "other", 2, other)
    a, b = input._array.ndim, other._array.ndim
    if not a or not b:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    if a == 1 and b == 1:
        return dot(input, other)
    if a == 2 and b == 1:
        return mv(input, other)
    if a == 1 and b == 2:
        return squeeze_unsafely(mm(unsqueeze(input, 0), other))
    if a == 2 and b == 2:
        return mm(input, other)
    return _batched(input, other)


def _batched(input: Tensor, other: Tensor) -> Tensor:
    """At least one operand has three dimensions: fold the batch into rows where one of them is a matrix."""
    a, b = input._array, other._array
    if (b.ndim <= 2 and a.ndim >= 3) or (a.ndim <= 2 and b.ndim >= 3):
        return _folded(input, other)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) if _matches(a, b) else ()
    rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
    left = reshape(expand(input, (*batch, rows, inner)), (int(np.prod(batch)), rows, inner))
    right = reshape(expand(other, (*batch, b.shape[-2], columns)), (left._array.shape[0], b.shape[-2], columns))
    return unsafe_view(bmm(left, right), (*batch, rows, columns))


def _matches(a: np.ndarray, b: np.ndarray) -> bool:
    first, second = a.shape[:-2], b.shape[:-2]
    for back in range(1, min(len(first), len(second)) + 1):
        x, y = first[-back], second[-back]
        if x != y and 1 not in (x, y):
            raise errors.sizes_differ(x, y, max(len(first), len(second)) - back)
    return True


def _folded(input: Tensor, other: Tensor) -> Tensor:
    a, b = input._array, other._array
    if a.ndim >= 3:
        lead = a.shape[:-1]
        if not _folds(input, other):
            return _as_batches(input, other)
        rows = reshape(input, (-1 if a.size else int(np.prod(lead)), a.shape[-1]))
        if b.ndim == 1:
            return unsafe_view(mv(rows, other), lead)
        return unsafe_view(mm(rows, other), (*lead, b.shape[-1]))
    # The matrix stands on the left: the same with everything transposed.
    turned = transpose(other, -2, -1)
    lead = turned._array.shape[:-1]
    first = input if a.ndim == 1 else t(input)
    if not _folds(turned, first):
        return _as_batches(input, other)
    rows = reshape(turned, (-1 if b.size else int(np.prod(lead)), turned._array.shape[-1]))
    if a.ndim == 1:
        return unsafe_view(mv(rows, first), lead)
    folded = unsafe_view(mm(rows, first), (*lead, a.shape[0]))
    return transpose(folded, -2, -1).contiguous()


def _folds(large: Tensor, small: Tensor) -> bool:
    """Folding copies a tensor that is not laid out for it; torch then multiplies batches instead."""
    if needs_grad(small) or small._array.ndim == 1:
        return True
    array = large._array
    if array.ndim == 2 or not array.size:
        return True
    step = 0
    for dim in range(array.ndim - 1):
        if array.strides[dim] != array.strides[dim + 1] * array.shape[dim + 1] and dim < array.ndim - 2:
            step += 1
    return step == 0


def _as_batches(input: Tensor, other: Tensor) -> Tensor:
    a, b = input._array, other._array
    batch = a.shape[:-2] if a.ndim >= 3 else b.shape[:-2]
    left = input if a.ndim >= 2 else unsqueeze(input, 0)
    right = other if b.ndim >= 2 else unsqueeze(other, -1)
    rows, columns = left._array.shape[-2], right._array.shape[-1]
    count = int(np.prod(batch))
    wide_left = reshape(expand(left, (*batch, *left._array.shape[-2:])), (count, *left._array.shape[-2:]))
    wide_right = reshape(expand(right, (*batch, *right._array.shape[-2:])), (count, *right._array.shape[-2:]))
    shape = (*batch, *((rows,) if a.ndim > 1 else ()), *((columns,) if b.ndim > 1 else ()))
    return unsafe_view(bmm(wide_left, wide_right), shape)


def _weighted(array: np.ndarray, factor: Any) -> np.ndarray:
    return array if factor == 1 else array * array.dtype.type(factor)


def _factor(number: Any, kind: dtype) -> Any:
    """A factor as torch passes it on: whole where the tensors are."""
    return int(number) if kind.category < FLOATING and isinstance(number, float) else number


def _times(tensor: Tensor, factor: Any) -> Tensor:
    return tensor if factor == 1 else tensor * conj(factor)


def _plus(input: Tensor, shape: tuple[int, ...], beta: Any, value: np.ndarray, kind: dtype, alpha: Any) -> np.ndarray:
    """beta * input + alpha * value, where nothing of the input is read for a beta of zero. The value is nobody else's."""
    own = input._array
    if beta == 1 and alpha == 1 and own.dtype == value.dtype and own.shape in (shape[-1:], shape):
        return np.add(value, own, value)
    try:
        base = np.broadcast_to(input._array, shape)
    except ValueError:
        expand(input, shape)
        raise
    scaled = _weighted(value, alpha)
    return scaled if beta == 0 else scaled + _weighted(base, beta)


def _integer_factors(kind: dtype, beta: Any, alpha: Any) -> None:
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if kind.category < FLOATING and isinstance(factor, float):
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")


@guarded
@lower_precision
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    _check_saved(mat1, mat2)
    a, b = mat1._array, mat2._array
    if a.ndim != 2:
        raise RuntimeError(f"mat1 must be a matrix, got {a.ndim}-D tensor")
    if b.ndim != 2:
        raise RuntimeError(f"mat2 must be a matrix, got {b.ndim}-D tensor")
    if input._dtype is not mat2._dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {input._dtype.short} and {mat2._dtype.short}"
        )
    _same_dtype(mat1, mat2, "addmm")
    if a.shape[1] != b.shape[0]:
        raise _cannot_multiply(a.shape, b.shape)
    beta, alpha = _factor(beta, input._dtype), _factor(alpha, input._dtype)
    value = _plus(input, (a.shape[0], b.shape[1]), beta, product(a, b), input._dtype, alpha)
    turned, other_turned = _by_columns(a), _by_columns(b)
    return record(
        "AddmmBackward0", value,
        (input, lambda grad: _times(grad, beta)),
        (mat1, lambda grad, mat2: _times(_to_left(grad, mat2, turned), alpha), mat2),
        (mat2, lambda grad, mat1: _times(_to_right(grad, mat1, other_turned), alpha), mat1), dtype=input._dtype,
    )  # fmt: skip


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    a, b = mat._array, vec._array
    if a.ndim != 2 or b.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input._array.ndim}, {a.ndim}, {b.ndim}")
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input._array.shape[0] if input._array.ndim else 1}), mat "
            f"({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})"
        )
    if not input._dtype is mat._dtype is vec._dtype:
        kinds = input._dtype.short, mat._dtype.short, vec._dtype.short
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {kinds[0]}, {kinds[1]}, and {kinds[2]}"
        )
    beta, alpha = _factor(beta, input._dtype), _factor(alpha, input._dtype)
    value = _plus(input, (a.shape[0],), beta, product(a, b), input._dtype, alpha)
    return record(
        "AddmvBackward0", value,
        (input, lambda grad: _times(grad, beta)),
        (mat, lambda grad, vec: _times(outer_of(grad, conj(vec)), alpha), vec),
        (vec, lambda grad, mat: _times(mv(h(mat), grad), alpha), mat), dtype=input._dtype,
    )  # fmt: skip


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    a, b = vec1._array, vec2._array
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"addr: Expected 1-D argument vec1 and vec2, but got {a.ndim}-D and {b.ndim}-D")
    kind = result_type(input, vec1, vec2)
    _integer_factors(kind, beta, alpha)
    if kind.name == "bool":
        value = np.outer(a, b) & np.bool_(alpha)
        value = value if not beta else value | np.broadcast_to(input._array, value.shape)
    else:
        value = _plus(input, (a.size, b.size), beta, np.outer(a, b), kind, alpha)
    return record(
        "AddrBackward0", value,
        (input, lambda grad: _times(grad, beta)),
        (vec1, lambda grad, vec2: _times(mv(grad, conj(vec2)), alpha), vec2),
        (vec2, lambda grad, vec1: _times(mv(t(grad), conj(vec1)), alpha), vec1), dtype=kind,
    )  # fmt: skip


@lower_precision
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    a, b = batch1._array, batch2._array
    _check_batches(a, b)
    _same_dtype(batch1, batch2, "bmm")
    beta, alpha = _factor(beta, input._dtype), _factor(alpha, input._dtype)
    value = _plus(input, (a.shape[0], a.shape[1], b.shape[2]), beta, product(a, b), input._dtype, alpha)
    return record(
        "BaddbmmBackward0", value,
        (input, lambda grad: _times(grad, beta)),
        (batch1, lambda grad, batch2: _times(bmm(grad, hb(batch2)), alpha), batch2),
        (batch2, lambda grad, batch1: _times(bmm(hb(batch1), grad), alpha), batch1), dtype=input._dtype,
    )  # fmt: skip


def _check_batches(a: np.ndarray, b: np.ndarray) -> None:
    if a.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if b.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] but got: "
            f"[{b.shape[0]}, {b.shape[1]}]."
        )


@lower_precision
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    a, b = batch1._array, batch2._array
    _check_batches(a, b)
    beta, alpha = _factor(beta, input._dtype), _factor(alpha, input._dtype)
    total = product(a, b).sum(axis=0, dtype=a.dtype)
    value = _plus(input, total.shape, beta, total, input._dtype, alpha)
    count = a.shape[0]

    def wide(grad: Any) -> Any:
        return expand(unsqueeze(grad, 0), (count, *grad._array.shape))

    return record(
        "AddbmmBackward0", value,
        (input, lambda grad: _times(grad, beta)),
        (batch1, lambda grad, batch2: _times(bmm(wide(grad), hb(batch2)), alpha), batch2),
        (batch2, lambda grad, batch1: _times(bmm(hb(batch1), wide(grad)), alpha), batch1), dtype=input._dtype,
    )  # fmt: skip


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    a, b = input._array, vec2._array
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self, but got {a.ndim}-D")
    return reshape(input, (a.size, 1)) * vec2


def inner(input: Tensor, other: Tensor) -> Tensor:
    a, b = input._array, other._array
    if not a.ndim or not b.ndim:
        return input * other
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(a.shape)} and "
            f"{list(b.shape)}"
        )
    return tensordot(input, other, [[-1], [-1]])


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        first, second = list(range(-dims, 0)), list(range(dims))
    else:
        first, second = ([each] if isinstance(each, int) else list(each) for each in dims)
    x, y = a._array.shape, b._array.shape
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    for left, right in zip(first, second, strict=True):
        if x[left] != y[right] and 1 not in (x[left], y[right]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {x[left]} in dim {left} and second has size "
                f"{y[right]} in dim {right}"
            )
    for left, right in zip(first, second, strict=True):
        if x[left] == 1 != y[right]:
            b = b.sum(right, keepdim=True)
        elif y[right] == 1 != x[left]:
            a = a.sum(left, keepdim=True)
    x, y = a._array.shape, b._array.shape
    first, second = [each % len(x) for each in first], [each % len(y) for each in second]
    free_a = [dim for dim in range(len(x)) if dim not in first]
    free_b = [dim for dim in range(len(y)) if dim not in second]
    shared = int(np.prod([x[dim] for dim in first]))
    rows = int(np.prod([x[dim] for dim in free_a]))
    columns = int(np.prod([y[dim] for dim in free_b]))
    flat_a = reshape(a.permute(free_a + first), (rows, shared))
    flat_b = reshape(b.permute(second + free_b), (shared, columns))
    shape = [x[dim] for dim in free_a] + [y[dim] for dim in free_b]
    return reshape(mm(flat_a, flat_b), shape)


@lower_precision
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`"""
    ndim = input._array.ndim
    if not ndim or not weight._array.ndim:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {ndim}D and {weight._array.ndim}D"
        )
    if bias is None:
        if ndim == 1 and weight._array.ndim == 2:
            return squeeze_unsafely(mm(unsqueeze(input, 0), t(weight)))
        return matmul(input, weight if weight._array.ndim == 1 else t(weight))
    if ndim == 2 and bias._array.ndim <= 2 and weight._array.ndim == 2:
        return addmm(bias, input, t(weight))
    flat = input._array.flags.c_contiguous
    if flat and weight._array.ndim == 2 and bias._array.ndim == 1:
        shape = input._array.shape
        rows = reshape(input, (-1 if input._array.size else int(np.prod(shape[:-1])), shape[-1]))
        return view_op(addmm(bias, rows, t(weight)), (*shape[:-1], weight._array.shape[0]))
    made = linear(input, weight) if ndim == 1 else matmul(input, weight if weight._array.ndim == 1 else t(weight))
    return become(made, add, (bias,), bias)


def squeeze_unsafely(input: Tensor) -> Tensor:
    """Drop a first dimension of size one where autograd sees no view."""
    made = record(
        "SqueezeBackward4", input._array.squeeze(0), (input, lambda grad: unsqueeze(grad, 0)), dtype=input._dtype
    )
    if made._counter is not None:
        made._counter.n += 1
    return made


def matrix_power(input: Tensor, n: int) -> Tensor:
    if n < 0:
        from .linalg import inv

        return matrix_power(inv(input), -n)
    if n == 0:
        from .factories import eye

        shape = input._array.shape
        whole = expand(eye(shape[-1], dtype=input._dtype), shape)
        return record("CopyBackwards", whole._array.copy(), (input, zeros_of), dtype=input._dtype)
    power, result = input, None
    while n:
        if n & 1:
            result = power if result is None else matmul(result, power)
        n >>= 1
        if n:
            power = matmul(power, power)
    assert result is not None
    return result.clone() if result is input else result
