"""Cholesky, QR, SVD, eigenvalues and LU, with the ways back through them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors, results
from ..apply import plain, record, record_many
from ..dtypes import COMPLEX, COMPLEX_OF
from ..saved import OUT, OUT1, OUT2
from ..tensor import Tensor
from . import linalg_values as values
from .common import conj
from .factories import eye
from .linalg import LinAlgError, _solve, check_matrix, info, solve, solve_triangular
from .matrix import hb, matmul
from .shape import unsqueeze


def _positive_definite(function: str, array: np.ndarray) -> LinAlgError:
    return LinAlgError(
        f"{function}: The factorization could not be completed because the input is not positive-definite (the leading "
        f"minor of order {_leading_minor(array)} is not positive-definite)."
    )


def _leading_minor(array: np.ndarray) -> int:
    matrix = array.reshape(-1, *array.shape[-2:])[0]
    for size in range(1, matrix.shape[-1] + 1):
        try:
            np.linalg.cholesky(matrix[:size, :size])
        except np.linalg.LinAlgError:
            return size
    return matrix.shape[-1]


def _cholesky(A: Tensor, upper: bool, node: str, function: str) -> Tensor:
    check_matrix(A, function)
    array = A._array
    source = np.triu(array) if upper else np.tril(array)
    try:
        lower = np.linalg.cholesky(np.swapaxes(source, -1, -2).conj() if upper else source)
    except np.linalg.LinAlgError:
        raise _positive_definite(function, array) from None
    value = np.swapaxes(lower, -1, -2).conj() if upper else lower

    def way(grad: Any, L: Any) -> Any:
        low, g = (hb(L), hb(grad)) if upper else (L, grad)
        inner = matmul(hb(low), g).tril()
        below = inner.tril(-1)
        inner = below + hb(below) + _diagonal_matrix(inner)
        half = solve_triangular(hb(low), inner, upper=True)
        return 0.5 * solve_triangular(low, half, upper=False, left=False)

    return record(node, values.column_major(value), (A, way, OUT), dtype=A._dtype)


def _diagonal_matrix(tensor: Tensor) -> Tensor:
    return tensor.diagonal(0, -2, -1).diag_embed()


def linalg_cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    return _cholesky(A, upper, "LinalgCholeskyExBackward0", "linalg.cholesky")


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    return results.linalg_cholesky_ex(linalg_cholesky(A, upper=upper), info(A._array.shape[:-2]))


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    return _cholesky(input, upper, "CholeskyBackward0", "cholesky")


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    factor = L._array
    low = np.tril(factor) if not upper else np.swapaxes(np.triu(factor), -1, -2).conj()
    whole = low @ np.swapaxes(low, -1, -2).conj()
    value = np.linalg.solve(whole, B._array)

    def to_b(grad: Any, L: Any) -> Any:
        return cholesky_solve(grad, L, upper)

    def to_l(grad: Any, L: Any, result: Any) -> Any:
        common = matmul(cholesky_solve(grad, L, upper), hb(result))
        common = common + hb(common)
        return -matmul(L, common) if upper else -matmul(common, L)

    return record("CholeskySolveBackward0", values.column_major(value), (B, to_b, L), (L, to_l, L, OUT), dtype=B._dtype)


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    check_matrix(L, "cholesky_inverse")
    low = np.tril(L._array) if not upper else np.swapaxes(np.triu(L._array), -1, -2).conj()
    value = np.linalg.inv(low @ np.swapaxes(low, -1, -2).conj())

    def way(grad: Any, L: Any, result: Any) -> Any:
        common = matmul(matmul(result, grad + hb(grad)), result)
        return -matmul(L, common) if upper else -matmul(common, L)

    return record("CholeskyInverseBackward0", values.column_major(value), (L, way, L, OUT), dtype=L._dtype)


# QR


def linalg_qr(A: Tensor, mode: str = "reduced") -> Any:
    return results.linalg_qr(*_qr(A, mode))


def qr(input: Tensor, some: bool = True) -> Any:
    return results.qr(*_qr(input, "reduced" if some else "complete"))


def _qr(A: Tensor, mode: str) -> tuple[Tensor, ...]:
    check_matrix(A, "linalg.qr", square=False)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    array = A._array
    m, n = array.shape[-2:]
    q: Any
    r: Any
    if mode == "r":
        q = np.empty(0, array.dtype)
        r = np.linalg.qr(array, "r")
    else:
        made = np.linalg.qr(array, "complete" if mode == "complete" else "reduced")
        q, r = values.column_major(made[0]), made[1]

    def way(grads: Any, Q: Any, R: Any) -> Any:
        if mode == "r":
            raise RuntimeError(
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                "linalg.qr(A, mode='reduced') if you are going to require differentiation wrt. A"
            )
        if mode == "complete" and m > n:
            raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
        return _qr_way(grads[0], grads[1], Q, R)

    return record_many("LinalgQrBackward0", (q, values.column_major(r)), (A, way, OUT, OUT1), dtypes=(A._dtype,) * 2)


def _qr_way(gQ: Any, gR: Any, Q: Tensor, R: Tensor) -> Tensor:
    m, n = Q._array.shape[-2], R._array.shape[-1]
    if m >= n:
        return _tall_qr_way(gQ, gR, Q, R)
    # A wide matrix is a square one beside columns that only R knows of.
    left = R.narrow(-1, 0, m)
    right_grad = None if gR is None else gR.narrow(-1, m, n - m)
    left_grad = None if gR is None else gR.narrow(-1, 0, m)
    from .joining import cat

    if right_grad is None:
        first = _tall_qr_way(gQ, None, Q, left)
        return cat([first, first.new_zeros((*first._array.shape[:-1], n - m))], -1)
    through = matmul(matmul(Q, R.narrow(-1, m, n - m)), hb(right_grad))
    first = _tall_qr_way(through if gQ is None else gQ + through, left_grad, Q, left)
    return cat([first, matmul(Q, right_grad)], -1)


def _tall_qr_way(gQ: Any, gR: Any, Q: Tensor, R: Tensor) -> Tensor:
    middle = None
    if gR is not None:
        middle = matmul(R, hb(gR))
    if gQ is not None:
        part = matmul(hb(gQ), Q)
        middle = -part if middle is None else middle - part
    assert middle is not None
    low = middle.tril(-1)
    straight = middle.diagonal(0, -2, -1)
    straight = straight.real.to(middle._dtype) if middle._dtype.is_complex else straight
    whole = matmul(Q, low + hb(low) + straight.diag_embed())
    if gQ is not None:
        whole = whole + gQ
    return solve_triangular(hb(R), whole, upper=False, left=False)


# singular values and eigenvalues


def _svd(A: Tensor, full_matrices: bool) -> tuple[Tensor, ...]:
    check_matrix(A, "linalg.svd", square=False)
    u, s, vh = np.linalg.svd(A._array, full_matrices=full_matrices)
    k = s.shape[-1]

    def way(grads: Any, U: Any, S: Any, Vh: Any) -> Any:
        gu, gs, gvh = grads
        if full_matrices:
            U, Vh = U.narrow(-1, 0, k), Vh.narrow(-2, 0, k)
            gu = None if gu is None else gu.narrow(-1, 0, k)
            gvh = None if gvh is None else gvh.narrow(-2, 0, k)
        return _svd_way(gu, gs, gvh, U, S, Vh)

    return record_many(
        "LinalgSvdBackward0", (values.column_major(u), s, values.column_major(vh)), (A, way, OUT, OUT1, OUT2),
        dtypes=(A._dtype, A._dtype.to_real(), A._dtype),
    )  # fmt: skip


def _skew(x: Tensor) -> Tensor:
    return x - hb(x)


def _svd_way(gU: Any, gS: Any, gVh: Any, U: Tensor, S: Tensor, Vh: Tensor) -> Tensor:
    if gU is None and gVh is None:
        return matmul(U * unsqueeze(gS, -2), Vh)
    m, n, k = U._array.shape[-2], Vh._array.shape[-1], S._array.shape[-1]
    gaps = unsqueeze(S, -2) ** 2 - unsqueeze(S, -1) ** 2
    gaps = gaps + eye(k, dtype=gaps._dtype)
    inner = None
    if gU is not None:
        utgu = _skew(matmul(hb(U), gU))
        inner = (utgu / gaps) * unsqueeze(S, -2)
    if gVh is not None:
        vtgv = _skew(matmul(Vh, hb(gVh)))
        part = unsqueeze(S, -1) * (vtgv / gaps)
        inner = part if inner is None else inner + part
    assert inner is not None
    if gS is not None:
        inner = inner + gS.diag_embed()
    if U._dtype.is_complex and gU is not None:
        # Of the phase that each pair of vectors shares, only what U says is taken.
        inner = inner + (utgu.diagonal(0, -2, -1) / (2 * S)).diag_embed()
    made = matmul(matmul(U, inner), Vh)
    if m > k and gU is not None:
        outside = gU - matmul(U, matmul(hb(U), gU))
        made = made + matmul(outside / unsqueeze(S, -2), Vh)
    if n > k and gVh is not None:
        outside = gVh - matmul(matmul(gVh, hb(Vh)), Vh)
        made = made + matmul(U, outside / unsqueeze(S, -1))
    return made


def linalg_svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    return results.linalg_svd(*_svd(A, full_matrices))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    return _svd(A, False)[1]


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    if not compute_uv:
        shape = input._array.shape
        m, n = shape[-2:]
        return results.svd(input.new_zeros((*shape[:-2], m, m)), svdvals(input), input.new_zeros((*shape[:-2], n, n)))
    u, s, vh = _svd(input, not some)
    return results.svd(u, s, hb(vh))


def _eigh(A: Tensor, uplo: str) -> tuple[Tensor, ...]:
    check_matrix(A, "linalg.eigh")
    if uplo not in ("U", "u", "L", "l"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {uplo}")
    w, v = np.linalg.eigh(A._array, "U" if uplo in "uU" else "L")

    def way(grads: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
        gl, gv = grads
        if gv is None:
            return matmul(eigenvectors * unsqueeze(gl, -2), hb(eigenvectors))
        gaps = unsqueeze(eigenvalues, -2) - unsqueeze(eigenvalues, -1)
        gaps = gaps + eye(eigenvalues._array.shape[-1], dtype=gaps._dtype)
        # Only what turns the vectors counts: the part tangent to the unitary matrices.
        inner = _skew(matmul(hb(eigenvectors), gv)) / 2 / gaps
        inner = inner - _diagonal_matrix(inner)
        if gl is not None:
            inner = inner + gl.diag_embed()
        return matmul(eigenvectors, matmul(inner, hb(eigenvectors)))

    return record_many(
        "LinalgEighBackward0", (w, values.column_major(v)), (A, way, OUT, OUT1), dtypes=(A._dtype.to_real(), A._dtype)
    )


def linalg_eigh(A: Tensor, UPLO: str = "L") -> Any:
    return results.linalg_eigh(*_eigh(A, UPLO))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    return _eigh(A, UPLO)[0]


def _eig(A: Tensor) -> tuple[Tensor, ...]:
    check_matrix(A, "linalg.eig")
    kind = A._dtype if A._dtype.category == COMPLEX else COMPLEX_OF[A._dtype]
    w, v = np.linalg.eig(A._array)

    def way(grads: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
        gl, gv = grads
        turned = hb(eigenvectors)
        if gv is None:
            made = solve(turned, unsqueeze(gl, -1) * turned)
        else:
            gaps = conj(unsqueeze(eigenvalues, -2) - unsqueeze(eigenvalues, -1))
            gaps = gaps + eye(eigenvalues._array.shape[-1], dtype=gaps._dtype)
            inner = matmul(turned, gv)
            straight = inner.diagonal(0, -2, -1).real.to(inner._dtype)
            inner = (inner - matmul(turned, eigenvectors * unsqueeze(straight, -2))) / gaps
            inner = inner - _diagonal_matrix(inner)
            if gl is not None:
                inner = inner + gl.diag_embed()
            made = solve(turned, matmul(inner, turned))
        return made if A_is_complex else made.real

    A_is_complex = A._dtype.is_complex
    return record_many(
        "LinalgEigBackward0", (w.astype(kind.numpy), values.column_major(v).astype(kind.numpy)), (A, way, OUT, OUT1),
        dtypes=(kind, kind),
    )  # fmt: skip


def linalg_eig(A: Tensor) -> Any:
    return results.linalg_eig(*_eig(A))


def eigvals(A: Tensor) -> Tensor:
    return _eig(A)[0]


# LU


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    packed, pivots = _lu_factor(A, pivot)
    return results.linalg_lu_factor_ex(packed, pivots, info(A._array.shape[:-2]))


def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    return results.linalg_lu_factor(*_lu_factor(A, pivot))


def _lu_factor(A: Tensor, pivot: bool) -> tuple[Tensor, Tensor]:
    check_matrix(A, "linalg.lu_factor", square=False)
    if not pivot:
        raise errors.unsupported("LU decomposition without pivoting")
    packed, pivots = values.lu_packed(A._array)
    m, n = A._array.shape[-2:]
    k = min(m, n)
    order = values.permutation_of(pivots, m).astype(A._array.dtype)

    def way(grad: Any, LU: Any) -> Any:
        lower, upper = _lower(LU, k), LU.narrow(-2, 0, k).triu()
        return _lu_way(grad.narrow(-1, 0, k).tril(-1), grad.narrow(-2, 0, k).triu(), lower, upper, plain(order))

    made, pivot_tensor = record_many(
        "LinalgLuFactorExBackward0", (values.column_major(packed), pivots), (A, way, OUT), shared=(True, False),
        dtypes=(A._dtype, None),
    )  # fmt: skip
    return made, pivot_tensor


def _lower(packed: Tensor, k: int) -> Tensor:
    part = packed.narrow(-1, 0, k).tril(-1)
    return part + eye(part._array.shape[-2], k, dtype=part._dtype)


def _lu_way(gL: Any, gU: Any, L: Tensor, U: Tensor, P: Tensor) -> Tensor:
    """The gradient of P L U. What is more than square lies beside or below the square part, and follows from it."""
    from .joining import cat

    m, n = L._array.shape[-2], U._array.shape[-1]
    k = min(m, n)
    beside = below = None
    if n > k:
        right = U.narrow(-1, k, n - k)
        U = U.narrow(-1, 0, k)
        if gU is not None:
            beside = solve_triangular(hb(L), gU.narrow(-1, k, n - k), upper=True, unitriangular=True)
            extra = -matmul(beside, hb(right)).tril(-1)
            gL = extra if gL is None else gL + extra
            gU = gU.narrow(-1, 0, k)
    if m > k:
        under = L.narrow(-2, k, m - k)
        L = L.narrow(-2, 0, k)
        if gL is not None:
            below = solve_triangular(hb(U), gL.narrow(-2, k, m - k), upper=False, left=False)
            extra = -matmul(hb(under), below).triu()
            gU = extra if gU is None else gU + extra
            gL = gL.narrow(-2, 0, k)
    inner = None
    if gL is not None:
        inner = matmul(hb(L), gL).tril(-1)
    if gU is not None:
        part = matmul(gU, hb(U)).triu()
        inner = part if inner is None else inner + part
    assert inner is not None
    half = solve_triangular(hb(L), inner, upper=True, unitriangular=True)
    made = solve_triangular(hb(U), half, upper=False, left=False)
    if n > k:
        made = cat([made, made.new_zeros((*made._array.shape[:-1], n - k)) if beside is None else beside], -1)
    if m > k:
        made = cat([made, made.new_zeros((*made._array.shape[:-2], m - k, k)) if below is None else below], -2)
    return matmul(P, made)


def linalg_lu(A: Tensor, *, pivot: bool = True) -> Any:
    check_matrix(A, "linalg.lu", square=False)
    if not pivot:
        raise errors.unsupported("LU decomposition without pivoting")
    packed, pivots = values.lu_packed(A._array)
    lower, upper = values.unpacked(packed)
    order = values.permutation_of(pivots, A._array.shape[-2]).astype(A._array.dtype)

    def way(grads: Any, L: Any, U: Any) -> Any:
        gl = None if grads[0] is None else grads[0].tril(-1)
        gu = None if grads[1] is None else grads[1].triu()
        return _lu_way(gl, gu, L, U, plain(order))

    made = record_many("LinalgLuBackward0", (lower, upper), (A, way, OUT, OUT1), dtypes=(A._dtype,) * 2)
    return results.linalg_lu(plain(order), *made)


def torch_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    return lu_solve(LU_data, LU_pivots, b)


def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """`torch.lu_solve`"""
    return linalg_lu_solve(LU_data, LU_pivots, b)


def linalg_lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """By way of the matrix that the factors stand for, which is what its gradient needs as well."""
    n = LU._array.shape[-1]
    P = plain(values.permutation_of(pivots._array, n).astype(LU._array.dtype))
    lower = LU.tril(-1) + eye(n, dtype=LU._dtype)
    whole = matmul(P, matmul(lower, LU.triu()))
    return _solve(hb(whole) if adjoint else whole, B, left, "linalg.lu_solve", node="LinalgLuSolveBackward0")
