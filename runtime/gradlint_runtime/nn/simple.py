"""Modules that are a function with its parameters kept: activations, pooling, padding, losses, distances."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..ops import activations, padding, pooling, softmax
from ..ops.elementwise import relu, sigmoid, tanh
from ..ops.factories import empty
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter

_NOTHING = inspect.Parameter.empty


def kept(
    name: str, function: Callable[..., Any], *parameters: tuple[str, Any], shown: str | None = None,
    passed: tuple[str, ...] | None = None, inputs: int = 1,
) -> Any:  # fmt: skip
    """A module class around a function. `shown` is what `extra_repr` says, with the parameters as fields; `passed` are
    the parameters that the function takes, all of them unless told."""
    names = [each for each, _ in parameters]
    taken = names if passed is None else list(passed)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for each, value in bound.arguments.items():
            setattr(self, each, value)

    def forward(self: Any, *tensors: Any, **more: Any) -> Any:
        return function(*tensors, **{each: getattr(self, each) for each in taken}, **more)

    def extra_repr(self: Any) -> str:
        return (shown or "").format(**{each: getattr(self, each) for each in names})

    signature = inspect.Signature([
        inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
        for each, default in parameters
    ])  # fmt: skip
    __init__.__qualname__ = f"{name}.__init__"
    methods: dict[str, Any] = {"__init__": __init__, "forward": forward, "extra_repr": extra_repr}
    return type(name, (Module,), methods)


def _bare(name: str, function: Callable[..., Any]) -> Any:
    return kept(name, function)


def _inplace(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that overwrites its input where the module was told to."""

    def call(input: Tensor, *, inplace: bool = False, **options: Any) -> Any:
        made = function(input, **options) if not inplace else None
        if made is not None:
            return made
        from ..face.call import in_place

        return in_place(function, f"{function.__name__}_")(input, **options)

    return call


def _with_inplace(name: str, function: Callable[..., Any], *parameters: tuple[str, Any], shown: str = "") -> Any:
    made = kept(name, _inplace(function), *parameters, ("inplace", False), shown=shown)
    plain_repr = made.extra_repr

    def extra_repr(self: Any) -> str:
        text = plain_repr(self)
        if not self.inplace:
            return text
        return text + (", " if text else "") + "inplace=True"

    made.extra_repr = extra_repr
    return made


ReLU = _with_inplace("ReLU", relu)
ReLU6 = _with_inplace("ReLU6", activations.relu6)
LeakyReLU = _with_inplace(
    "LeakyReLU", activations.leaky_relu, ("negative_slope", 0.01), shown="negative_slope={negative_slope}"
)
ELU = _with_inplace("ELU", activations.elu, ("alpha", 1.0), shown="alpha={alpha}")
CELU = _with_inplace("CELU", activations.celu, ("alpha", 1.0), shown="alpha={alpha}")
SELU = _with_inplace("SELU", activations.selu)
SiLU = _with_inplace("SiLU", activations.silu)
Mish = _with_inplace("Mish", activations.mish)
Hardswish = _with_inplace("Hardswish", activations.hardswish)
Hardsigmoid = _with_inplace("Hardsigmoid", activations.hardsigmoid)
Hardtanh = _with_inplace(
    "Hardtanh", activations.hardtanh, ("min_val", -1.0), ("max_val", 1.0), shown="min_val={min_val}, max_val={max_val}"
)
Threshold = _with_inplace(
    "Threshold", activations.threshold, ("threshold", _NOTHING), ("value", _NOTHING),
    shown="threshold={threshold}, value={value}",
)  # fmt: skip
Sigmoid = _bare("Sigmoid", sigmoid)
Tanh = _bare("Tanh", tanh)
LogSigmoid = _bare("LogSigmoid", activations.logsigmoid)
Softsign = _bare("Softsign", activations.softsign)
Tanhshrink = _bare("Tanhshrink", activations.tanhshrink)
Softplus = kept(
    "Softplus", activations.softplus, ("beta", 1.0), ("threshold", 20.0), shown="beta={beta}, threshold={threshold}"
)
GELU = kept("GELU", activations.gelu, ("approximate", "none"), shown="approximate={approximate!r}")
GLU = kept("GLU", activations.glu, ("dim", -1), shown="dim={dim}")
Hardshrink = kept("Hardshrink", activations.hardshrink, ("lambd", 0.5), shown="{lambd}")
Softshrink = kept("Softshrink", activations.softshrink, ("lambd", 0.5), shown="{lambd}")
Softmax = kept("Softmax", softmax.softmax, ("dim", None), shown="dim={dim}")
LogSoftmax = kept("LogSoftmax", softmax.log_softmax, ("dim", None), shown="dim={dim}")
Softmin = kept("Softmin", softmax.softmin, ("dim", None), shown="dim={dim}")
RReLU = kept(
    "RReLU", activations.rrelu, ("lower", 1.0 / 8), ("upper", 1.0 / 3), ("inplace", False),
    shown="lower={lower}, upper={upper}",
)  # fmt: skip


def _rrelu_forward(self: Any, input: Tensor) -> Tensor:
    return activations.rrelu(input, self.lower, self.upper, self.training, self.inplace)


RReLU.forward = _rrelu_forward


class Softmax2d(Module):
    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return softmax.softmax(input, -3)


class PReLU(Module):
    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return activations.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


# pooling

_POOL = (("kernel_size", _NOTHING), ("stride", None), ("padding", 0))


def _pool_stride(self: Any) -> None:
    if self.stride is None:
        self.stride = self.kernel_size


def _with_stride(kind: Any) -> Any:
    plain = kind.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        _pool_stride(self)

    kind.__init__ = __init__
    return kind


def _as_tuples(kind: Any, *names: str) -> Any:
    plain = kind.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        for name in names:
            value = getattr(self, name)
            setattr(self, name, (value,) if isinstance(value, int) else tuple(value))

    kind.__init__ = __init__
    return kind


_MAX_SHOWN = "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, ceil_mode={ceil_mode}"
_AVG_SHOWN = "kernel_size={kernel_size}, stride={stride}, padding={padding}"


def _max_pool(dims: int) -> Any:
    return _with_stride(
        kept(
            f"MaxPool{dims}d",
            getattr(pooling, f"max_pool{dims}d"),
            *_POOL,
            ("dilation", 1),
            ("return_indices", False),
            ("ceil_mode", False),
            shown=_MAX_SHOWN,
        )  # fmt: skip
    )


def _avg_pool(dims: int) -> Any:
    more = () if dims == 1 else (("divisor_override", None),)
    return _with_stride(
        kept(
            f"AvgPool{dims}d",
            getattr(pooling, f"avg_pool{dims}d"),
            *_POOL,
            ("ceil_mode", False),
            ("count_include_pad", True),
            *more,
            shown=_AVG_SHOWN,
        )  # fmt: skip
    )


MaxPool1d, MaxPool2d, MaxPool3d = (_max_pool(dims) for dims in (1, 2, 3))
AvgPool1d, AvgPool2d, AvgPool3d = (_avg_pool(dims) for dims in (1, 2, 3))
# What one dimension takes is kept as a tuple, as torch's other pools do not.
AvgPool1d = _as_tuples(AvgPool1d, "kernel_size", "stride", "padding")
AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = (
    kept(
        f"AdaptiveAvgPool{dims}d", getattr(pooling, f"adaptive_avg_pool{dims}d"), ("output_size", _NOTHING),
        shown="output_size={output_size}",
    )
    for dims in (1, 2, 3)
)  # fmt: skip

# padding


def _pad_module(name: str, dims: int, mode: str) -> Any:
    class Pad(Module):
        def __init__(self, padding: Any, value: float = 0.0) -> None:
            super().__init__()
            self.padding = (padding,) * (2 * dims) if isinstance(padding, int) else tuple(padding)
            self.value = value

        def forward(self, input: Tensor) -> Tensor:
            return padding.pad(input, self.padding, mode, self.value if mode == "constant" else None)

        def extra_repr(self) -> str:
            return f"padding={self.padding}, value={self.value}" if name.startswith("Constant") else f"{self.padding}"

    Pad.__name__ = Pad.__qualname__ = name
    return Pad


PADS = {
    f"{title}Pad{dims}d": _pad_module(f"{title}Pad{dims}d", dims, mode)
    for title, mode in {
        "Constant": "constant", "Zero": "constant", "Reflection": "reflect", "Replication": "replicate",
        "Circular": "circular",
    }.items()
    for dims in (1, 2, 3)
}  # fmt: skip
globals().update(PADS)
