"""`Parameter` and `Buffer`: tensors that modules take note of."""

from __future__ import annotations

from typing import Any

from .. import errors, printing
from ..modes import mode
from ..ops.factories import empty
from ..tensor import Tensor, meta_of

_new = object.__new__


class _ParameterMeta(type(Tensor)):  # type: ignore[misc]
    """A tensor marked as a parameter counts as one."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and bool(instance.__dict__.get("_is_param"))


class Parameter(Tensor, metaclass=_ParameterMeta):
    """`torch.nn.Parameter`: shares the storage of what it is made of, and requires grad unless told otherwise."""

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        data = empty(0) if data is None else data
        if requires_grad and data._counter is None and not mode.inference:
            raise RuntimeError(errors.INFERENCE_REQUIRES_GRAD)
        if requires_grad and not (data._dtype.is_floating_point or data._dtype.is_complex):
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        made = _new(cls)
        made._array, made._dtype, made._counter, made._meta = data._array, data._dtype, data._counter, None
        if requires_grad:
            meta_of(made).flag = True
        return made

    def __repr__(self) -> str:
        return "Parameter containing:\n" + printing.shown(self)


class Buffer(Tensor):
    """`torch.nn.Buffer`"""

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        data = empty(0) if data is None else data
        made = _new(cls)
        made._array, made._dtype, made._counter, made._meta = data._array, data._dtype, data._counter, data._meta
        made.persistent = persistent
        return made


class UninitializedParameter:
    """Lazy modules are not supported; the name is there for `isinstance`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise errors.unsupported("torch.nn.parameter.UninitializedParameter")


for _kind in (Parameter, Buffer, UninitializedParameter):
    _kind.__module__ = "torch.nn.parameter"
