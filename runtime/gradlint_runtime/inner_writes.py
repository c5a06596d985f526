"""Operators whose kernels write into their result after making it: how often, and with which function's `out=` form.

Nobody sees that, since autograd is out of reach inside a kernel. For inference tensors outside inference mode it is not:
the results are normal tensors, whose versions count these writes, and a function refuses to write with `out=` what is
made of an input that requires grad. Measured on PyTorch 2.13.
"""

from __future__ import annotations

from typing import NamedTuple


class Inner(NamedTuple):
    """The writes to a result, and the function that writes it with `out=`, where there is one."""

    writes: int
    function: str = ""


_ONCE = """
AdaptiveAvgPool2D AdaptiveAvgPool3D Amax Amin Aminmax Baddbmm Bernoulli ChannelShuffle Clone Dot Im2Col IndexAdd
IndexCopy LinalgDet LinalgSlogdet MaxPool3DWithIndices Mv Mvlgamma Nansum
PixelShuffle PixelUnshuffle Prod ReflectionPad2D Renorm Rot90 ScatterAdd Scatter
Sort Sum ToCopy UpsampleBilinear2D UpsampleNearest2D UpsampleNearestExact2D Vdot MultiMarginLoss MultilabelMarginLoss
"""
_TWICE = """
CholeskySolve ConstantPadNd DiagEmbed IndexFill IndexPut MaskedFill MaskedScatter MaxUnpool2D MaxUnpool3D Mode Put
"""
_OUT = {
    "Abs": "abs", "CholeskyInverse": "cholesky_inverse", "Complex": "complex", "Cummax": "cummax", "Cummin": "cummin",
    "Deg2Rad": "deg2rad", "Frexp": "frexp", "Hardtanh": "hardtanh", "Kthvalue": "kthvalue",
    "LinalgLuFactorEx": "linalg_lu_factor_ex", "LinalgSolveEx": "linalg_lu_factor_ex", "Logsumexp": "logsumexp",
    "NanToNum": "nan_to_num", "Polar": "polar", "Rad2Deg": "rad2deg", "SoftMarginLoss": "soft_margin_loss",
}  # fmt: skip


def _nodes(name: str, inner: Inner) -> dict[str, Inner]:
    return {f"{name}Backward{number}": inner for number in (0, 1)}


def _table() -> dict[str, Inner]:
    table: dict[str, Inner] = {}
    for name in _ONCE.split():
        table.update(_nodes(name, Inner(1)))
    for name in _TWICE.split():
        table.update(_nodes(name, Inner(2)))
    for name, function in _OUT.items():
        table.update(_nodes(name, Inner(1, function)))
    table.update(_nodes("Mean", Inner(2, "sum")))
    table.update({
        "MedianBackward1": Inner(1, "median"), "NanmedianBackward1": Inner(1, "nanmedian"), "MaxBackward0": Inner(2),
        "MinBackward0": Inner(2), "MaxBackward1": Inner(1), "MinBackward1": Inner(1),
    })  # fmt: skip
    return table


INNER_WRITES = _table()
