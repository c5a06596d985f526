"""The named tuples that operators with several results return, called as in torch."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def _named(name: str, fields: str) -> Any:
    kind = namedtuple(name, fields)  # type: ignore[misc]
    kind.__module__ = "torch.return_types"

    def shown(self: Any) -> str:
        inner = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"torch.return_types.{name}(\n{inner})"

    kind.__repr__ = shown  # type: ignore[method-assign]
    return kind


max = _named("max", "values indices")
min = _named("min", "values indices")
median = _named("median", "values indices")
nanmedian = _named("nanmedian", "values indices")
mode = _named("mode", "values indices")
kthvalue = _named("kthvalue", "values indices")
sort = _named("sort", "values indices")
topk = _named("topk", "values indices")
cummax = _named("cummax", "values indices")
cummin = _named("cummin", "values indices")
aminmax = _named("aminmax", "min max")
frexp = _named("frexp", "mantissa exponent")
histogram = _named("histogram", "hist bin_edges")
svd = _named("svd", "U S V")
qr = _named("qr", "Q R")
slogdet = _named("slogdet", "sign logabsdet")
triangular_solve = _named("triangular_solve", "solution cloned_coefficient")
linalg_svd = _named("linalg_svd", "U S Vh")
linalg_qr = _named("linalg_qr", "Q R")
linalg_eig = _named("linalg_eig", "eigenvalues eigenvectors")
linalg_eigh = _named("linalg_eigh", "eigenvalues eigenvectors")
linalg_slogdet = _named("linalg_slogdet", "sign logabsdet")
linalg_lu = _named("linalg_lu", "P L U")
linalg_lu_factor = _named("linalg_lu_factor", "LU pivots")
linalg_lu_factor_ex = _named("linalg_lu_factor_ex", "LU pivots info")
linalg_inv_ex = _named("linalg_inv_ex", "inverse info")
linalg_cholesky_ex = _named("linalg_cholesky_ex", "L info")
linalg_solve_ex = _named("linalg_solve_ex", "result info")
linalg_lstsq = _named("linalg_lstsq", "solution residuals rank singular_values")
