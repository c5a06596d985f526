"""Matrix factorisations on arrays that numpy lacks, or gives in another form. All take batches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any


def orthogonal_of(matrix: Array) -> Array:
    """A random orthogonal matrix of a random one: Q of QR, with the signs of R's diagonal moved into it."""
    rows, columns = matrix.shape
    q, r = np.linalg.qr(matrix.T if rows < columns else matrix)
    q = q * np.sign(np.diagonal(r))
    return q.T if rows < columns else q


def _size(column: Array) -> Array:
    """What LAPACK compares: of complex numbers the sum of the sizes of both parts."""
    return np.abs(column.real) + np.abs(column.imag) if column.dtype.kind == "c" else np.abs(column)


def lu_packed(matrix: Array) -> tuple[Array, Array]:
    """L below the diagonal and U on and above it, in one array, and the row each row was swapped with, from 1."""
    a = np.array(matrix)
    m, n = a.shape[-2:]
    steps = min(m, n)
    flat = a.reshape(-1, m, n)
    pivots = np.zeros((len(flat), steps), np.int32)
    batch = np.arange(len(flat))
    for k in range(steps):
        pick = np.argmax(_size(flat[:, k:, k]), axis=1) + k
        pivots[:, k] = pick + 1
        held = flat[batch, pick].copy()
        flat[batch, pick] = flat[:, k]
        flat[:, k] = held
        pivot = flat[:, k, k]
        safe = np.where(pivot == 0, 1, pivot)
        flat[:, k + 1 :, k] = flat[:, k + 1 :, k] / safe[:, None]
        flat[:, k + 1 :, k + 1 :] -= flat[:, k + 1 :, k, None] * flat[:, k, None, k + 1 :]
    return flat.reshape(a.shape), pivots.reshape(*a.shape[:-2], steps)


def permutation_of(pivots: Array, rows: int) -> Array:
    """The matrix P of A = P L U for the swaps of `lu_packed`."""
    flat = pivots.reshape(-1, pivots.shape[-1])
    order = np.broadcast_to(np.arange(rows), (len(flat), rows)).copy()
    batch = np.arange(len(flat))
    for k in range(flat.shape[1]):
        other = flat[:, k] - 1
        held = order[batch, other].copy()
        order[batch, other] = order[:, k]
        order[:, k] = held
    made = np.zeros((len(flat), rows, rows))
    made[batch[:, None], order, np.arange(rows)] = 1
    return made.reshape(*pivots.shape[:-1], rows, rows)


def unpacked(packed: Array) -> tuple[Array, Array]:
    """L with ones on its diagonal, and U."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    lower = np.tril(packed[..., :, :k], -1) + np.eye(m, k, dtype=packed.dtype)
    return lower, np.triu(packed[..., :k, :])


def solve_triangular(a: Array, b: Array, upper: bool, unitriangular: bool) -> Array:
    """x of a x = b for triangular a, row by row."""
    n = a.shape[-1]
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*shape, *b.shape[-2:])), dtype=np.result_type(a, b))
    order = range(n - 1, -1, -1) if upper else range(n)
    for k in order:
        if not unitriangular:
            x[..., k, :] = x[..., k, :] / a[..., k, k, None]
        rest = slice(0, k) if upper else slice(k + 1, n)
        x[..., rest, :] -= a[..., rest, k, None] * x[..., None, k, :]
    return x


_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip


def matrix_exponential(a: Array) -> Array:
    """By scaling, a Padé approximant of degree 13, and squaring."""
    if not a.size:
        return a.copy()
    n = a.shape[-1]
    norm = float(np.abs(a).sum(axis=-2).max(initial=0.0))
    squarings = max(0, math.ceil(math.log2(norm / 5.371920351148152))) if norm > 0 and math.isfinite(norm) else 0
    a = a / a.dtype.type(2.0**squarings)
    one = np.eye(n, dtype=a.dtype)
    b = [a.dtype.type(each) for each in _PADE]
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result


def column_major(array: Array) -> Array:
    """The matrices in the layout that LAPACK leaves behind."""
    return np.swapaxes(np.ascontiguousarray(np.swapaxes(array, -1, -2)), -1, -2)
