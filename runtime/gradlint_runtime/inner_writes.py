"""Operators whose kernels write into their result after making it, and how often.

Nobody sees that, since autograd is out of reach inside a kernel. For inference tensors outside inference mode it is not:
the results are normal tensors, whose versions count these writes. Measured on PyTorch 2.13.
"""

from __future__ import annotations

_ONCE = """
Abs AdaptiveAvgPool2D AdaptiveAvgPool3D Amax Amin Aminmax Baddbmm Bernoulli ChannelShuffle CholeskyInverse Clone Complex
Cummax Cummin Deg2Rad Dot Frexp Hardtanh Im2Col IndexAdd IndexCopy Kthvalue LinalgDet LinalgLuFactorEx LinalgSlogdet
LinalgSolveEx Logsumexp MaxPool3DWithIndices Mv Mvlgamma NanToNum Nansum PixelShuffle PixelUnshuffle Polar Prod Rad2Deg
ReflectionPad2D Renorm Rot90 ScatterAdd Scatter SoftMarginLoss Sort Sum ToCopy UpsampleBilinear2D UpsampleNearest2D
UpsampleNearestExact2D Vdot MultiMarginLoss MultilabelMarginLoss
"""
_TWICE = """
CholeskySolve ConstantPadNd DiagEmbed IndexFill IndexPut MaskedFill MaskedScatter MaxUnpool2D MaxUnpool3D Mean Mode Put
"""


def _nodes(names: str, count: int) -> dict[str, int]:
    return {f"{name}Backward{number}": count for name in names.split() for number in (0, 1)}


INNER_WRITES = {
    **_nodes(_ONCE, 1), **_nodes(_TWICE, 2), "MedianBackward1": 1, "NanmedianBackward1": 1, "MaxBackward0": 2,
    "MinBackward0": 2, "MaxBackward1": 1, "MinBackward1": 1,
}  # fmt: skip
