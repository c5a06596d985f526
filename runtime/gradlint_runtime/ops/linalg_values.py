"""Matrix factorisations on arrays that numpy lacks or gives in another form."""

from __future__ import annotations

import numpy as np


def orthogonal_of(matrix: np.ndarray) -> np.ndarray:
    """The nearest thing to a random orthogonal matrix: Q of QR, with the signs of R's diagonal moved into it."""
    rows, columns = matrix.shape
    q, r = np.linalg.qr(matrix.T if rows < columns else matrix)
    q = q * np.sign(np.diagonal(r))
    return q.T if rows < columns else q
