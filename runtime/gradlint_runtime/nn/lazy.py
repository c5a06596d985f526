"""Lazy modules: their parameters take shape with the first input, and the module becomes an ordinary one."""

from __future__ import annotations

import itertools
from typing import Any

from ..dtypes import int64
from ..modes import grad_mode
from ..ops.data import tensor
from ..tensor import Tensor
from . import convolution, linear, normalisation
from .parameter import UninitializedBuffer, UninitializedParameter, is_lazy


class LazyModuleMixin:
    cls_to_become: Any = None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _held(self: Any) -> Any:
        return itertools.chain(self._parameters.items(), self._buffers.items())

    def _save_to_state_dict(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, value in self._held():
            if value is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = value if is_lazy(value) or keep_vars else value.detach()

    def _lazy_load_hook(self: Any, state: Any, prefix: str, *told: Any) -> None:
        for name, value in self._held():
            given = state.get(prefix + name)
            if is_lazy(value) and given is not None and not is_lazy(given):
                value.materialize(given.shape)

    def has_uninitialized_params(self: Any) -> bool:
        return any(is_lazy(value) for _, value in self._held())

    def initialize_parameters(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def _infer_parameters(self: Any, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become


def _materialized(module: Any, **shapes: Any) -> None:
    """The parameters, in the shapes given, with the numbers a fresh module has."""
    with grad_mode(False):
        for name, shape in shapes.items():
            value = getattr(module, name)
            if value is not None:
                value.materialize(shape)
        module.reset_parameters()


class LazyLinear(LazyModuleMixin, linear.Linear):
    cls_to_become = linear.Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            _materialized(self, weight=(self.out_features, self.in_features), bias=(self.out_features,))
        self.in_features = self.in_features or input.shape[-1]


class _LazyConv(LazyModuleMixin):
    def __init__(
        self: Any, out_channels: int, kernel_size: Any, *args: Any, bias: bool = True, device: Any = None,
        dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        args, bias = self._without_bias(args, bias)
        super().__init__(0, 0, kernel_size, *args, bias=False, device=device, dtype=dtype, **kwargs)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def _without_bias(self: Any, args: tuple[Any, ...], bias: bool) -> tuple[tuple[Any, ...], bool]:
        """What was given by position, up to where the bias stands."""
        place = 5 if self.transposed else 4
        return (args, bias) if len(args) <= place else (args[:place], args[place])

    def reset_parameters(self: Any) -> None:
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Tensor, *args: Any, **kwargs: Any) -> None:
        if not self.has_uninitialized_params():
            return
        if input.dim() not in (self.dims + 1, self.dims + 2):
            raise RuntimeError(
                f"Expected {self.dims + 1}D (unbatched) or {self.dims + 2}D (batched) input to {type(self).__name__}, "
                f"but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[1 if input.dim() == self.dims + 2 else 0]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        ends = (self.in_channels, self.out_channels) if self.transposed else (self.out_channels, self.in_channels)
        _materialized(self, weight=(ends[0], ends[1] // self.groups, *self.kernel_size), bias=(self.out_channels,))


class _LazyNorm(LazyModuleMixin):
    def __init__(
        self: Any, eps: float = 1e-5, momentum: Any = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, False, False, device, dtype)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, dtype=int64)

    def reset_parameters(self: Any) -> None:
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Tensor) -> None:
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            shape = (self.num_features,)
            _materialized(self, weight=shape, bias=shape, running_mean=shape, running_var=shape)


def _lazy(mixin: Any, kind: Any) -> Any:
    return type(f"Lazy{kind.__name__}", (mixin, kind), {"cls_to_become": kind})


LAZY: dict[str, Any] = {
    f"Lazy{name}{dims}d": _lazy(mixin, getattr(source, f"{name}{dims}d"))
    for mixin, source, names in (
        (_LazyConv, convolution, ("Conv", "ConvTranspose")), (_LazyNorm, normalisation, ("BatchNorm", "InstanceNorm")),
    )
    for name in names
    for dims in (1, 2, 3)
}  # fmt: skip
globals().update(LAZY)
