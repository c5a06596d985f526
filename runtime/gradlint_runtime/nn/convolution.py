"""Convolution layers."""

from __future__ import annotations

import math
from typing import Any

from ..ops import conv
from ..ops.factories import empty
from ..ops.padding import pad
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter


class _ConvNd(Module):
    dims = 0
    transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None, output_padding: Any = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(
                "padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got "
                f"padding_mode={padding_mode!r}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = conv.each_of(kernel_size, self.dims)
        self.stride, self.dilation = conv.each_of(stride, self.dims), conv.each_of(dilation, self.dims)
        self.padding: Any = padding if isinstance(padding, str) else conv.each_of(padding, self.dims)
        self.output_padding = conv.each_of(output_padding, self.dims)
        self.padding_mode = padding_mode
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        shape = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(empty((*shape, *self.kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.dims:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.dims:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self.dims:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")

    def _padded(self) -> list[int]:
        """The padding as `pad` takes it: before and after, from the last dimension on."""
        amounts: list[int] = []
        for at in reversed(range(self.dims)):
            if self.padding == "same":
                total = self.dilation[at] * (self.kernel_size[at] - 1)
                amounts += [total // 2, total - total // 2]
            else:
                around = 0 if self.padding == "valid" else self.padding[at]
                amounts += [around, around]
        return amounts

    def forward(self, input: Tensor) -> Tensor:
        function = getattr(conv, f"conv{self.dims}d")
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = pad(input, self._padded(), self.padding_mode), 0
        made: Tensor = function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        return made


class Conv1d(_ConvNd):
    dims = 1


class Conv2d(_ConvNd):
    dims = 2


class Conv3d(_ConvNd):
    dims = 3


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device,
            dtype, output_padding,
        )  # fmt: skip

    def _extra(self, input: Tensor, output_size: Any) -> Any:
        """The output padding that leads to a wanted output size."""
        if output_size is None:
            return self.output_padding
        sizes = list(output_size)[-self.dims :]
        extra = []
        for at, (size, wanted) in enumerate(zip(input._array.shape[-self.dims :], sizes, strict=True)):
            least = (
                (size - 1) * self.stride[at] - 2 * self.padding[at] + self.dilation[at] * (self.kernel_size[at] - 1) + 1
            )
            if not least <= wanted < least + self.stride[at]:
                raise ValueError(
                    f"requested an output size of {sizes}, but valid sizes range from {least} to "
                    f"{least + self.stride[at] - 1} (for an input of {list(input._array.shape[2:])})"
                )
            extra.append(wanted - least)
        return tuple(extra)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        function = getattr(conv, f"conv_transpose{self.dims}d")
        made: Tensor = function(
            input, self.weight, self.bias, self.stride, self.padding, self._extra(input, output_size), self.groups,
            self.dilation,
        )  # fmt: skip
        return made


class ConvTranspose1d(_ConvTransposeNd):
    dims = 1


class ConvTranspose2d(_ConvTransposeNd):
    dims = 2


class ConvTranspose3d(_ConvTransposeNd):
    dims = 3
