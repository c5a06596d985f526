"""Small objects of torch's interface: Size, device, layout, memory format, finfo and iinfo."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import FLOATING, bfloat16, default_float, dtype


class Size(tuple[int, ...]):
    """`torch.Size`"""

    __slots__ = ()

    def numel(self) -> int:
        count = 1
        for size in self:
            count *= size
        return count

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return Size(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple(self) + tuple(other))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, other: Any) -> Size:
        return Size(tuple(self) * other)

    __rmul__ = __mul__


class device:
    """`torch.device`, of which "cpu" is the one that works."""

    __slots__ = ("type", "index")

    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        if isinstance(type, int):
            type, index = "cuda", type
        name, _, number = type.partition(":")
        if name not in KNOWN_DEVICES:
            raise RuntimeError(
                f"Expected one of {', '.join(KNOWN_DEVICES)} device type at start of device string: {name}"
            )
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)

    def __enter__(self) -> device:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        pass


KNOWN_DEVICES = (
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy",
    "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip
CPU = device("cpu")


class layout:
    """`torch.layout`"""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class memory_format(layout):
    """`torch.memory_format`"""

    __slots__ = ()


strided = layout("strided")
LAYOUTS = [strided, *(layout(name) for name in ("sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc"))]
MEMORY_FORMATS = [
    memory_format(name) for name in ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
]


class finfo:
    """`torch.finfo`"""

    def __init__(self, dtype: dtype | None = None) -> None:
        kind = default_float() if dtype is None else dtype
        if kind.category < FLOATING:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{kind}'")
        self.dtype = kind.to_real().name
        if kind is bfloat16:
            self.bits, self.eps, self.resolution = 16, 0.0078125, 0.01
            self.max, self.tiny = 3.3895313892515355e38, 1.1754943508222875e-38
        else:
            info = np.finfo(kind.to_real().numpy)
            self.bits, self.eps, self.resolution = info.bits, float(info.eps), float(info.resolution)
            self.max, self.tiny = float(info.max), float(info.tiny)
        self.min, self.smallest_normal = -self.max, self.tiny

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={getattr(self, name):g}" for name in ("resolution", "min", "max", "eps"))
        return f"finfo({parts}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"


class iinfo:
    """`torch.iinfo`"""

    def __init__(self, dtype: dtype) -> None:
        if dtype.category >= FLOATING:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{dtype}'")
        info = np.iinfo(dtype.numpy if dtype.numpy != np.bool_ else np.uint8)
        self.dtype, self.bits, self.max, self.min = dtype.name, info.bits, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


for _kind in (Size, device, layout, memory_format, finfo, iinfo):
    _kind.__module__ = "torch"
