"""Inverses, determinants, linear systems, matrix norms and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import results
from ..apply import plain, record, record_many
from ..dtypes import COMPLEX, FLOATING, as_dtype, float16, result_type
from ..tensor import Tensor
from . import linalg_values as values
from .blend import where
from .common import OUT, conj, dim_of, zeros_of
from .matrix import hb, matmul, mm, vdot
from .reduce import vector_norm
from .shape import reshape, unsqueeze


def check_matrix(input: Tensor, function: str, square: bool = True, name: str = "A") -> None:
    array = input._array
    if array.ndim < 2:
        raise RuntimeError(f"{function}: The input tensor {name} must have at least 2 dimensions.")
    if square and array.shape[-1] != array.shape[-2]:
        raise RuntimeError(
            f"{function}: {name} must be batches of square matrices, but they are {array.shape[-2]} by "
            f"{array.shape[-1]} matrices"
        )
    if input._dtype.category < FLOATING or input._dtype in (float16,) or input._dtype.name == "bfloat16":
        what = "Low precision dtypes not supported. Got" if input._dtype.category >= FLOATING else (
            "Expected a floating point or complex tensor as input. Got"
        )  # fmt: skip
        raise RuntimeError(f"{function}: {what} {input._dtype.short}")


def info(shape: Sequence[int]) -> Tensor:
    """The zeros with which LAPACK says that all went well."""
    return plain(np.zeros(shape, np.int32))


def inv(A: Tensor) -> Tensor:
    check_matrix(A, "linalg.inv")
    try:
        value = np.linalg.inv(A._array)
    except np.linalg.LinAlgError:
        raise _singular("linalg.inv", A._array) from None
    way = lambda grad, inverse: -matmul(hb(inverse), matmul(grad, hb(inverse)))  # noqa: E731
    return record("LinalgInvExBackward0", values.column_major(value), (A, way, OUT), dtype=A._dtype)


inverse = inv


class LinAlgError(RuntimeError):
    """`torch.linalg.LinAlgError`"""


LinAlgError.__module__ = "torch._C"
LinAlgError.__qualname__ = LinAlgError.__name__ = "_LinAlgError"


def _singular(function: str, array: np.ndarray) -> LinAlgError:
    packed, _ = values.lu_packed(array)
    diagonal = np.diagonal(packed, axis1=-2, axis2=-1)
    flat = diagonal.reshape(-1, diagonal.shape[-1])
    batch = int(np.argmax((flat == 0).any(axis=1)))
    at = int(np.argmax(flat[batch] == 0)) + 1
    where_ = f"(Batch element {batch}): " if array.ndim > 2 else ""
    if function == "linalg.inv":
        return LinAlgError(
            f"{function}: {where_}The diagonal element {at} is zero, the inversion could not be completed because the "
            "input matrix is singular."
        )
    return LinAlgError(f"{function}: {where_}The solver failed because the input matrix is singular.")


def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    return results.linalg_inv_ex(inv(A), info(A._array.shape[:-2]))


def _adjugate(A: Tensor) -> Tensor:
    """The conjugate transpose of the matrix of cofactors, for singular matrices as well; not to be differentiated."""
    u, s, vh = np.linalg.svd(A._array)
    n = s.shape[-1]
    mask = ~np.eye(n, dtype=bool)
    others = np.prod(np.where(mask, s[..., None, :], 1), axis=-1)
    phase = np.linalg.det(u) * np.linalg.det(vh)
    return plain(phase[..., None, None].conj() * ((u * others[..., None, :]) @ vh) if A._dtype.is_complex else (
        phase[..., None, None] * ((u * others[..., None, :]) @ vh)))  # fmt: skip


def det(A: Tensor) -> Tensor:
    check_matrix(A, "linalg.det")
    value = np.linalg.det(A._array)

    def way(grad: Any, A: Any, result: Any) -> Any:
        wide = unsqueeze(unsqueeze(grad, -1), -1)
        if not A._array.size:
            return zeros_of(A)
        if A._array.shape[-1] == 1:
            return wide
        if (result._array == 0).any() or _nearly_singular(A._array):
            return wide * _adjugate(A)
        return wide * conj(unsqueeze(unsqueeze(result, -1), -1)) * hb(inv(A))

    return record("LinalgDetBackward0", value, (A, way, A, OUT), dtype=A._dtype)


linalg_det = det


def _nearly_singular(array: np.ndarray) -> bool:
    s = np.linalg.svd(array, compute_uv=False)
    return bool(s.size and (s[..., -1] <= s[..., 0] * np.finfo(s.dtype).eps * s.shape[-1]).any())


def slogdet(A: Tensor) -> Any:
    return results.linalg_slogdet(*_slogdet(A, "linalg.slogdet"))


def _slogdet(A: Tensor, function: str) -> tuple[Tensor, ...]:
    check_matrix(A, function)
    sign, logabs = np.linalg.slogdet(A._array)

    def way(grads: Any, A: Any, sign: Any) -> Any:
        gsign, glog = grads
        if A._dtype.is_complex:
            total = zeros_of(sign) if glog is None else glog.to(sign._dtype)
            if gsign is not None:
                total = total - (conj(gsign) * sign).imag * 1j
        else:
            total = zeros_of(sign) if glog is None else glog
        return unsqueeze(unsqueeze(total, -1), -1) * hb(inv(A))

    return record_many(
        "LinalgSlogdetBackward0", (np.asarray(sign), np.asarray(logabs)), (A, way, A, OUT),
        dtypes=(A._dtype, A._dtype.to_real()),
    )  # fmt: skip


def torch_slogdet(input: Tensor) -> Any:
    return results.slogdet(*_slogdet(input, "linalg.slogdet"))


def logdet(input: Tensor) -> Tensor:
    check_matrix(input, "logdet")
    sign, logabs = _slogdet(input, "linalg.slogdet")
    if input._dtype.category == COMPLEX:
        return sign.log() + logabs
    return where(plain(sign._array == -1), math.nan, logabs)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    return _solve(A, B, left, "linalg.solve")


def _is_vector(A: Tensor, B: Tensor) -> bool:
    a, b = A._array, B._array
    return b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])


def _solve(A: Tensor, B: Tensor, left: bool, function: str, node: str = "LinalgSolveExBackward0") -> Tensor:
    check_matrix(A, function)
    a, b = A._array, B._array
    vector = _is_vector(A, B)
    if A._dtype is not B._dtype:
        raise RuntimeError(
            f"{function}: Expected A and B to have the same dtype, but found A of type {A._dtype.short} and B of type "
            f"{B._dtype.short} instead"
        )
    if vector and not left:
        raise RuntimeError(
            f"{function}: Vector broadcasting of the left hand side is not supported for left=False. In this case "
            f"linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    rows = b.shape[-1] if vector else b.shape[-2 if left else -1]
    if rows != a.shape[-1]:
        raise RuntimeError(
            f"{function}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({a.shape[-2]}x{a.shape[-1]} and {'x'.join(map(str, (rows, 1) if vector else b.shape[-2:]))})"
        )
    wide = b[..., None] if vector else b
    try:
        value = np.linalg.solve(a, wide) if left else np.swapaxes(
            np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(wide, -1, -2)), -1, -2
        )  # fmt: skip
    except np.linalg.LinAlgError:
        raise _singular(function, a) from None
    value = value[..., 0] if vector else values.column_major(value)

    def to_b(grad: Any, A: Any) -> Any:
        return _solve(hb(A), grad, left, function)

    def to_a(grad: Any, A: Any, result: Any) -> Any:
        back = _solve(hb(A), grad, left, function)
        if vector:
            return -matmul(unsqueeze(back, -1), hb(unsqueeze(result, -1)))
        return -matmul(back, hb(result)) if left else -matmul(hb(result), back)

    return record(node, value, (A, to_a, A, OUT), (B, to_b, A), dtype=A._dtype)


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    made = _solve(A, B, left, "linalg.solve")
    return results.linalg_solve_ex(made, info(A._array.shape[:-2]))


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False,
    node: str = "LinalgSolveTriangularBackward0",
) -> Tensor:  # fmt: skip
    check_matrix(A, "linalg.solve_triangular")
    a, b = A._array, B._array
    if left:
        value = values.solve_triangular(a, b, upper, unitriangular)
    else:
        turned = values.solve_triangular(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not upper, unitriangular)
        value = np.swapaxes(turned, -1, -2)

    def back(grad: Any, A: Any) -> Any:
        return solve_triangular(hb(A), grad, upper=not upper, left=left, unitriangular=unitriangular)

    def to_a(grad: Any, A: Any, result: Any) -> Any:
        g = back(grad, A)
        made = -matmul(g, hb(result)) if left else -matmul(hb(result), g)
        off = int(unitriangular)
        return made.triu(off) if upper else made.tril(-off)

    return record(
        node, values.column_major(value), (A, to_a, A, OUT), (B, lambda grad, A: back(grad, A), A), dtype=B._dtype
    )


def triangular_solve(
    b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    matrix = A.mT if transpose else A
    made = solve_triangular(
        matrix, b, upper=upper != transpose, unitriangular=unitriangular, node="TriangularSolveBackward0"
    )
    ways = (A, lambda grad: grad), (b, lambda grad: zeros_of(b))
    copied = record("TriangularSolveBackward0", A._array.copy(), *ways, dtype=A._dtype)
    return results.triangular_solve(made, copied)


def matrix_exp(input: Tensor) -> Tensor:
    low = input._dtype.name in ("bfloat16", "float16")
    if not low:
        check_matrix(input, "linalg.matrix_exp")

    def way(grad: Any, self: Any) -> Any:
        n = self._array.shape[-1]
        a = hb(self)
        nothing = zeros_of(a)
        from .joining import cat

        block = cat([cat([a, grad], -1), cat([nothing, a], -1)], -2)
        return matrix_exp(block).narrow(-2, 0, n).narrow(-1, n, n)

    value = values.matrix_exponential(input._array.astype(np.float32) if low else input._array)
    return record("LinalgMatrixExpBackward0", value, (input, way, input), dtype=input._dtype)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    parts = list(tensors)
    if len(parts) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(parts)}")
    first, last = parts[0]._array.ndim == 1, parts[-1]._array.ndim == 1
    chain = [unsqueeze(parts[0], 0) if first else parts[0], *parts[1:-1]]
    chain.append(unsqueeze(parts[-1], -1) if last else parts[-1])
    made = _in_best_order(chain)
    shape = [*([] if first else [made._array.shape[0]]), *([] if last else [made._array.shape[1]])]
    return made.view(shape)


def _in_best_order(chain: list[Tensor]) -> Tensor:
    """The product in the order that takes the fewest multiplications."""
    n = len(chain)
    sizes = [each._array.shape[0] for each in chain] + [chain[-1]._array.shape[1]]
    if n == 2:
        return mm(chain[0], chain[1])
    cost = [[0.0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j] = math.inf
            for k in range(i, j):
                total = cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                if total < cost[i][j]:
                    cost[i][j], split[i][j] = total, k

    def product(i: int, j: int) -> Tensor:
        return chain[i] if i == j else mm(product(i, split[i][j]), product(split[i][j] + 1, j))

    return product(0, n - 1)


def chain_matmul(*matrices: Tensor) -> Tensor:
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


# norms


def linalg_norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    ndim = A._array.ndim
    if ord is not None and (
        (isinstance(dim, Sequence) and len(dim) == 2) or (dim is None and ndim == 2) or isinstance(ord, str)
    ):
        return matrix_norm(A, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    if ord is not None and dim is None and ndim != 1:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got " + f"{ndim}D."
        )
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    from .factorise import svdvals

    ndim = A._array.ndim
    a, b = (dim_of(each, ndim) for each in dim)
    if a == b:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return vector_norm(A, 2, (a, b), keepdim, dtype=dtype)
    source = A if dtype is None else A.to(as_dtype(dtype))
    if ord == "nuc" or (not isinstance(ord, str) and abs(ord) == 2):
        rest = [each for each in range(ndim) if each not in (a, b)]
        s = svdvals(source.permute([*rest, a, b]))
        made = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
        if keepdim:
            for at in sorted((a, b)):
                made = unsqueeze(made, at)
        return made
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, second = (b, a) if abs(ord) == math.inf else (a, b)
    sums = vector_norm(source, 1, first, keepdim)
    at = second if keepdim or second < first else second - 1
    return sums.amax(at, keepdim) if ord > 0 else sums.amin(at, keepdim)


def cond(A: Tensor, p: Any = None) -> Tensor:
    from .factorise import svdvals

    if p is None or (not isinstance(p, str) and abs(p) == 2):
        s = svdvals(A)
        high, low = s.narrow(-1, 0, 1), s.narrow(-1, s._array.shape[-1] - 1, 1)
        return (low / high if p == -2 else high / low).squeeze(-1)
    return matrix_norm(A, p) * matrix_norm(inv(A), p)


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    check_matrix(A, "linalg.matrix_rank", square=False)
    array = A._array
    if not array.size:
        return plain(np.zeros(array.shape[:-2], np.int64))
    s = np.abs(np.linalg.eigvalsh(array)) if hermitian else np.linalg.svd(array, compute_uv=False)
    return plain((s > _tolerance(s, array, tol, atol, rtol)[..., None]).sum(-1).astype(np.int64))


def _tolerance(s: np.ndarray, array: np.ndarray, tol: Any, atol: Any, rtol: Any) -> np.ndarray:
    """Below which singular values count as zero."""
    given = [each._array if isinstance(each, Tensor) else each for each in (tol, atol, rtol)]
    tol, atol, rtol = given
    if tol is not None:
        return np.broadcast_to(np.asarray(tol), s.shape[:-1])
    if rtol is None:
        rtol = (
            0.0 if atol is not None and np.any(np.asarray(atol) > 0) else max(array.shape[-2:]) * np.finfo(s.dtype).eps
        )
    return np.maximum(np.asarray(0.0 if atol is None else atol), rtol * s.max(-1, initial=0.0))


def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    check_matrix(A, "linalg.pinv", square=hermitian)
    array = A._array
    if not array.size:
        nothing = np.zeros((*array.shape[:-2], array.shape[-1], array.shape[-2]), array.dtype)
        return record("LinalgPinvBackward0", nothing, (A, _pinv_way, A, OUT), dtype=A._dtype)
    rtol = rcond if rtol is None else rtol
    if hermitian:
        # Only the lower triangle is read, and of the diagonal what is real.
        below = np.tril(array, -1)
        diagonal = np.einsum("...ii->...i", array).real[..., None] * np.eye(array.shape[-1])
        array = (below + diagonal + np.swapaxes(below, -1, -2).conj()).astype(array.dtype)
    u, s, vh = np.linalg.svd(array, full_matrices=False)
    low = _tolerance(s, array, None, atol, rtol)
    inverse_s = np.where(s > low[..., None], 1 / np.where(s == 0, 1, s), 0)
    value = (np.swapaxes(vh, -1, -2).conj() * inverse_s[..., None, :]) @ np.swapaxes(u, -1, -2).conj()
    return record("LinalgPinvBackward0", value, (A, _pinv_way, A, OUT), dtype=A._dtype)


def _pinv_way(grad: Any, self: Any, result: Any) -> Any:
    m, n = self._array.shape[-2:]
    turned, g = hb(result), hb(grad)
    if m <= n:
        k = matmul(g, result)
        kt = matmul(k, turned)
        return -hb(matmul(result, k)) + kt - matmul(matmul(self, result), kt) + matmul(
            matmul(turned, result), g - matmul(k, self)
        )  # fmt: skip
    k = matmul(result, g)
    tk = matmul(turned, k)
    return -hb(matmul(k, result)) + matmul(matmul(g - matmul(self, k), result), turned) + tk - matmul(
        matmul(tk, result), self
    )  # fmt: skip


pinverse = pinv


def lstsq(A: Tensor, B: Tensor, rcond: Any = None, *, driver: str | None = None) -> Any:
    check_matrix(A, "torch.linalg.lstsq", square=False)
    vector = A._array.ndim - 1 == B._array.ndim and A._array.shape[:-1] == B._array.shape
    wide = unsqueeze(B, -1) if vector else B
    m, n = A._array.shape[-2:]
    inverse_a = np.linalg.pinv(A._array)
    value = inverse_a @ wide._array

    def to_a(grads: Any, A: Any, B: Any, solution: Any) -> Any:
        first = None if grads[0] is None else _pinv_way(matmul(grads[0], hb(B)), A, pinv(A))
        if grads[1] is None or not grads[1]._array.size:
            return first
        gap = (matmul(A, solution) - B) * unsqueeze(grads[1], -2) * 2
        second = matmul(gap, hb(solution))
        return second if first is None else first + second

    def to_b(grads: Any, A: Any, B: Any, solution: Any) -> Any:
        first = None if grads[0] is None else matmul(hb(pinv(A)), grads[0])
        if grads[1] is None or not grads[1]._array.size:
            return first
        second = (B - matmul(A, solution)) * unsqueeze(grads[1], -2) * 2
        return second if first is None else first + second

    gap = A._array @ value - wide._array
    residuals = (np.abs(gap) ** 2).sum(-2) if m > n and driver != "gelsy" else np.empty(0, A._array.real.dtype)
    made = record_many(
        "LinalgLstsqBackward0", (values.column_major(value), residuals), (A, to_a, A, wide, OUT),
        (wide, to_b, A, wide, OUT), dtypes=(A._dtype, A._dtype.to_real()),
    )  # fmt: skip
    rank = np.full(A._array.shape[:-2], min(m, n), np.int64) if driver != "gels" else np.empty(0, np.int64)
    singular = (
        np.linalg.svd(A._array, compute_uv=False) if driver in ("gelsd", "gelss") else np.empty(0, A._array.real.dtype)
    )
    return results.linalg_lstsq(made[0].squeeze(-1) if vector else made[0], made[1], plain(rank), plain(singular))


# products


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    return _cross(input, other, dim)


def _cross(input: Tensor, other: Tensor, dim: int) -> Tensor:
    a, b = input._array, other._array
    if a.ndim != b.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if a.shape[dim] != 3 or b.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {a.shape[dim]} and {b.shape[dim]}"
        )
    kind = result_type(input, other)
    shape = np.broadcast_shapes(a.shape, b.shape)
    at = dim_of(dim, len(shape))
    x, y = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    (x1, x2), (y1, y2) = ([np.roll(each, by, axis=at) for by in (-1, -2)] for each in (x, y))
    value = x1 * y2 - x2 * y1
    return record(
        "LinalgCrossBackward0", value, (input, lambda grad, other: _cross(conj(other), grad, at), other),
        (other, lambda grad, self: _cross(grad, conj(self), at), input), dtype=kind,
    )  # fmt: skip


def torch_cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    if dim is None:
        sizes = [at for at, size in enumerate(input._array.shape) if size == 3]
        if not sizes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = sizes[0]
    return _cross(input, other, dim)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    if x._array.ndim == 1 and y._array.ndim == 1 and x._array.shape == y._array.shape:
        return vdot(x, y)
    return (conj(x) * y).sum(dim)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    shape = A._array.shape
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got {columns} "
            f"!= {rows}"
        )
    return reshape(inv(reshape(A, (rows, columns))), (*shape[ind:], *shape[:ind]))


def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    source = A
    if dims is not None:
        ndim = A._array.ndim
        moved = [dim_of(each, ndim) for each in dims]
        source = A.permute([*[at for at in range(ndim) if at not in moved], *moved])
    shape = source._array.shape[B._array.ndim :]
    size = math.prod(shape)
    if size != B._array.size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but "
            f"got {size} != {math.prod(source._array.shape[: B._array.ndim])}"
        )
    return reshape(solve(reshape(source, (B._array.size, size)), B.flatten()), shape)


def linalg_vander(x: Tensor, *, N: int | None = None) -> Tensor:
    from .joining import cat
    from .scan import cumprod

    if not x._array.ndim:
        x = reshape(x, (1,))
    count = x._array.shape[-1] if N is None else N
    wide = unsqueeze(x, -1).expand((*x._array.shape, count - 1))
    powers = cumprod(wide, -1)
    ones = powers.new_ones((*x._array.shape, 1))
    return cat([ones, powers], -1)
