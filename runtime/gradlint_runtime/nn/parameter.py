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


class _Uninitialized:
    """A parameter or buffer whose shape is not known yet; it becomes an ordinary one."""

    cls_to_become: Any = None

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        fresh = empty(tuple(shape), dtype=self._dtype if dtype is None else dtype, device=device)
        self._array, self._dtype = fresh._array, fresh._dtype
        self.__class__ = self.cls_to_become

    def with_data(self: Any, data: Tensor) -> Any:
        """Itself, of another dtype."""
        self._array, self._dtype = data._array, data._dtype
        return self

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` to "
            "initialize the parameters before accessing their attributes."
        )

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, None, self._dtype)
        return memo[id(self)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class UninitializedParameter(_Uninitialized, Parameter):
    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return Parameter.__new__(cls, empty(0, device=device, dtype=dtype), requires_grad)


class UninitializedBuffer(_Uninitialized, Tensor):
    cls_to_become = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, **kept: Any) -> Any:
        data = empty(0, device=device, dtype=dtype)
        made = _new(cls)
        made._array, made._dtype, made._counter, made._meta = data._array, data._dtype, data._counter, None
        return made


def is_lazy(param: Any) -> bool:
    return isinstance(param, _Uninitialized)


for _kind in (Parameter, Buffer, UninitializedParameter, UninitializedBuffer):
    _kind.__module__ = "torch.nn.parameter"
