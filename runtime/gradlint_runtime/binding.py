"""Puts the operators on the tensor class: methods, their in-place forms, Python's operators and attributes."""

from __future__ import annotations

import builtins
import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import errors, graph, inplace, printing, things
from .apply import plain
from .dtypes import bool_
from .face.aliases import ALIASES, RENAMED
from .face.call import in_place, method
from .face.guard import check_recording, guarded
from .face.names import offered
from .hooks import HookDict, add_hook
from .modes import grad_mode, mode
from .ops import arithmetic, blend, complex, convert, data, elementwise, matrix, operators, pieces, shape, subscript
from .ops.common import dim_of
from .ops.strided import strided_array
from .tensor import Tensor, Version, alias, has_no_node, meta_of, needs_grad, node_of, sharing
from .views import address, storage_of, storage_offset


def method_named(name: str, found: dict[str, Callable[..., Any]]) -> Callable[..., Any] | None:
    function = found.get(RENAMED.get(name, ALIASES.get(name, name)))
    return None if function is None else method(function)


def bind() -> None:
    """Give the class every method of torch's that there is an operator for."""
    found = operators()
    for name in sorted(offered()["torch.Tensor"]):
        if name in Tensor.__dict__ or name.startswith("_"):
            continue
        made = method_named(name, found)
        if made is not None and not name.endswith("_"):
            made = guarded(made)
        if made is None and name.endswith("_"):
            base = method_named(name[:-1], found)
            made = None if base is None else in_place(base, name)
        if made is not None:
            setattr(Tensor, name, made)
    for name, value in OWN.items():
        setattr(Tensor, name, value)
    Tensor._construct = staticmethod(data.construct)


# attributes


def _shape(self: Tensor) -> things.Size:
    return things.Size(self._array.shape)


def _size(self: Tensor, dim: int | None = None) -> Any:
    if dim is None:
        return things.Size(self._array.shape)
    if not self._array.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return self._array.shape[dim_of(dim, self._array.ndim)]


def _stride(self: Tensor, dim: int | None = None) -> Any:
    array = self._array
    strides = tuple([stride // array.dtype.itemsize for stride in array.strides])
    if not array.size and not any(strides):  # numpy has none there
        strides = tuple(math.prod([max(size, 1) for size in array.shape[at + 1 :]]) for at in range(array.ndim))
    return strides if dim is None else strides[dim]


def _is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    return self._array.flags.c_contiguous


def _len(self: Tensor) -> int:
    if not self._array.ndim:
        raise TypeError("len() of a 0-d tensor")
    return self._array.shape[0]


def _iter(self: Tensor) -> Iterator[Tensor]:
    if not self._array.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(pieces.unbind(self, 0))


def _contains(self: Tensor, element: Any) -> bool:
    if not isinstance(element, Tensor | int | float | builtins.complex):
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
    other = element._array if isinstance(element, Tensor) else element
    return bool((self._array == other).any())


def _storage_offset(self: Tensor) -> int:
    return storage_offset(self._array)


def _data_ptr(self: Tensor) -> int:
    return address(self._array) if self._array.size else 0


class UntypedStorage:
    """What `untyped_storage()` returns: enough to tell whether two tensors share memory, and how much there is."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = storage_of(array)

    def data_ptr(self) -> int:
        return address(self._array)

    def nbytes(self) -> int:
        return self._array.nbytes

    size = nbytes
    __len__ = nbytes


UntypedStorage.__module__ = "torch"


def _is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether two tensors are the same places of one storage."""
    a, b = self._array, tensor._array
    return storage_of(a) is storage_of(b) and a.shape == b.shape and a.strides == b.strides and address(a) == address(b)


def _storage(self: Tensor) -> UntypedStorage:
    return UntypedStorage(self._array)


# Python's protocols


def _bool(self: Tensor) -> bool:
    if self._array.size != 1:
        what = "no values" if not self._array.size else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
    return bool(self._array.item())


def _float(self: Tensor) -> float:
    return float(data.scalar_of(self, "float"))


def _int(self: Tensor) -> int:
    return int(data.scalar_of(self, "int"))


def _complex(self: Tensor) -> builtins.complex:
    return builtins.complex(data.scalar_of(self, "complex"))


def _index(self: Tensor) -> int:
    if self._array.size != 1 or self._array.dtype.kind not in "iub":
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(self._array.item())


def _format(self: Tensor, spec: str) -> str:
    if not self._array.ndim:
        return format(self._array.item(), spec)
    return object.__format__(self, spec)


def _repr(self: Tensor) -> str:
    return printing.shown(self)


def _where(self: Tensor, condition: Any, other: Any) -> Any:
    return blend.where(condition, self, other)


def _or_not_implemented(function: Callable[..., Any]) -> Callable[..., Any]:
    """Python tries the other operand when this one cannot do it."""

    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        try:
            return function(self, other)
        except (RuntimeError, IndexError) as error:
            check_recording(error, function, (self, other), {})
            raise

    return operator


OPERANDS = (Tensor, bool, int, float, builtins.complex, np.generic)


def _eq(self: Tensor, other: Any) -> Any:
    return blend.eq(self, other) if isinstance(other, OPERANDS) else NotImplemented


def _ne(self: Tensor, other: Any) -> Any:
    return blend.ne(self, other) if isinstance(other, OPERANDS) else NotImplemented


def _rsub(self: Tensor, other: Any) -> Tensor:
    return arithmetic.rsub(self, other)


def _rdiv(self: Tensor, other: Any) -> Tensor:
    return arithmetic.mul(elementwise.reciprocal(self), other)


def _rpow(self: Tensor, other: Any) -> Tensor:
    return arithmetic.pow(other, self)


def _invert(self: Tensor) -> Tensor:
    return plain(~self._array) if self._dtype is bool_ else elementwise.bitwise_not(self)


def _deepcopy(self: Tensor, memo: dict[int, Any]) -> Any:
    if not self.is_leaf:
        raise RuntimeError(errors.DEEPCOPY)
    if id(self) in memo:
        return memo[id(self)]
    made = _copy_of(self)
    memo[id(self)] = made
    made.__dict__.update(copy.deepcopy(self.__dict__, memo))
    if self._meta is not None and self._meta.grad is not None and type(self) is Tensor:  # a parameter leaves it behind
        meta_of(made).grad = copy.deepcopy(self._meta.grad, memo)
    return made


def _with_storage(array: np.ndarray) -> np.ndarray:
    """A copy of an array together with the memory that it shows a part of."""
    storage = storage_of(array)
    if array is storage or not array.size:
        return array.copy("K")
    step = array.dtype.itemsize
    memory = storage.copy("K").ravel("K")
    return strided_array(memory, array.shape, [stride // step for stride in array.strides], storage_offset(array))


def _copy_of(self: Tensor) -> Tensor:
    """A leaf of the same class with values of its own; what shared memory before does not any more."""
    made = object.__new__(type(self))
    made._array, made._dtype, made._meta = _with_storage(self._array), self._dtype, None
    made._counter = None if mode.inference else Version()
    if made._counter is not None and type(self) is Tensor:
        made._counter.n = 1  # filled by a write
    if needs_grad(self):
        meta_of(made).flag = True
    return made


def _shallow_copy(self: Tensor) -> Tensor:
    """Another leaf over the same memory: `copy.copy` rebuilds the tensor around its storage, and that counts as a write."""
    made = object.__new__(type(self))
    made._array, made._dtype, made._meta = self._array, self._dtype, None
    made._counter = None if mode.inference else Version()
    if type(self) is not Tensor:  # a parameter is made anew from its data
        made._counter = None if self._counter is None else Version()
    elif made._counter is not None:
        made._counter.n = 1
    if needs_grad(self):
        meta_of(made).flag = True
    made.__dict__.update(self.__dict__)
    return made


def rebuild(kind: Any, array: np.ndarray, dtype: Any, requires_grad: bool, state: dict[str, Any]) -> Tensor:
    """What a pickled tensor is read back with."""
    made = object.__new__(kind)
    made._array, made._dtype, made._counter, made._meta = array, dtype, Version(), None
    if requires_grad:
        meta_of(made).flag = True
    made.__dict__.update(state)
    return made


def _reduce(self: Tensor, protocol: int) -> tuple[Any, ...]:
    return rebuild, (type(self), self._array.copy("C"), self._dtype, needs_grad(self), dict(self.__dict__))


# autograd


def _backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    inputs: Any = None,
) -> None:  # fmt: skip
    from .autograd.calls import backward

    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def _register_hook(self: Tensor, hook: Callable[..., Any]) -> Any:
    if not needs_grad(self):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    return add_hook(graph.tensor_hooks(self), hook)


def _register_post_accumulate_grad_hook(self: Tensor, hook: Callable[..., Any]) -> Any:
    if not needs_grad(self):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if node_of(self) is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    meta = meta_of(self)
    if meta.post_hooks is None:
        meta.post_hooks = HookDict()
    return add_hook(meta.post_hooks, hook)


def _retain_grad(self: Tensor) -> None:
    if not needs_grad(self):
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if not has_no_node(self) and not meta_of(self).retains:
        node_of(self)  # that of a view may have to be made anew, and must not
        graph.retain(self)


def _detached_inplace(self: Tensor) -> Tensor:
    return convert.detach_(self)


def _as_subclass(self: Tensor, cls: Any) -> Any:
    if cls is not Tensor:
        raise errors.unsupported(f"Tensor.as_subclass({cls.__name__})")
    return self


def view_in_place(function: Callable[..., Any], name: str) -> Callable[..., Tensor]:
    """`unsqueeze_` and its kin: the tensor itself gets another geometry, and its base, if it has one, is left alone."""

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        recorded = inplace.check(self)
        before = self._array
        try:
            if not recorded:
                with grad_mode(False):
                    made = function(sharing(self), *args, **kwargs)
            else:
                made = function(alias(self), *args, **kwargs)
        except RuntimeError as error:
            raise RuntimeError(str(error).replace(f"{name[:-1]}()", f"{name}()")) from None
        self._array = made._array
        inplace.count_write(self)
        if self._meta is not None and self._meta.view is not None:
            self._meta.view.reshaped(before, self)
        if recorded and made._meta is not None and made._meta.node is not None:
            node = made._meta.node
            node.__class__ = graph.node_class(_IN_PLACE_NAMES[type(node).__name__])
            inplace.put_behind_alone(self, node)
        return self

    call.__name__ = call.__qualname__ = name
    return call


def _getattr(self: Tensor, name: str) -> Any:
    if name in offered()["torch.Tensor"]:
        raise errors.unsupported(f"torch.Tensor.{name}")
    raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


def _refuse(name: str) -> Any:
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise errors.unsupported(f"torch.Tensor.{name}")

    return call


def _inplace_dunder(name: str) -> Callable[..., Any]:
    def call(self: Tensor, other: Any) -> Any:
        return getattr(self, name)(other) if isinstance(other, OPERANDS) else NotImplemented

    return call


_TWO = {
    "__add__": arithmetic.add, "__radd__": arithmetic.add, "__sub__": arithmetic.sub, "__mul__": arithmetic.mul,
    "__rmul__": arithmetic.mul, "__truediv__": arithmetic.div, "__floordiv__": arithmetic.floor_divide,
    "__mod__": arithmetic.remainder, "__pow__": arithmetic.pow, "__lt__": blend.lt, "__le__": blend.le,
    "__gt__": blend.gt, "__ge__": blend.ge, "__and__": blend.bitwise_and, "__or__": blend.bitwise_or,
    "__xor__": blend.bitwise_xor, "__lshift__": blend.bitwise_left_shift, "__rshift__": blend.bitwise_right_shift,
    "__rsub__": _rsub, "__rtruediv__": _rdiv, "__rpow__": _rpow,
    "__rfloordiv__": lambda self, other: arithmetic.floor_divide(other, self),
    "__rmod__": lambda self, other: arithmetic.remainder(other, self),
    "__rand__": lambda self, other: blend.bitwise_and(other, self),
    "__ror__": lambda self, other: blend.bitwise_or(other, self),
    "__rxor__": lambda self, other: blend.bitwise_xor(other, self),
    "__matmul__": matrix.matmul, "__rmatmul__": lambda self, other: matrix.matmul(other, self),
}  # fmt: skip

# Nodes of the operators above are numbered on from those of the operators out of place.
_IN_PLACE_NAMES = {
    "TransposeBackward0": "TransposeBackward1", "TBackward0": "TBackward1", "UnsqueezeBackward0": "UnsqueezeBackward1",
    "SqueezeBackward0": "SqueezeBackward3", "SqueezeBackward1": "SqueezeBackward4",
    "SqueezeBackward2": "SqueezeBackward5",
}  # fmt: skip
_GEOMETRY: dict[str, Callable[..., Any]] = {
    "squeeze_": shape.squeeze, "unsqueeze_": shape.unsqueeze, "t_": shape.t, "transpose_": shape.transpose,
    "swapaxes_": shape.transpose, "swapdims_": shape.transpose,
}  # fmt: skip

OWN: dict[str, Any] = {
    "shape": property(_shape), "size": _size, "dim": lambda self: self._array.ndim,
    "ndimension": lambda self: self._array.ndim, "ndim": property(lambda self: self._array.ndim),
    "numel": lambda self: self._array.size, "nelement": lambda self: self._array.size,
    "device": property(lambda self: things.CPU), "layout": property(lambda self: things.strided),
    "itemsize": property(lambda self: self._dtype.itemsize), "element_size": lambda self: self._dtype.itemsize,
    "nbytes": property(lambda self: self._array.size * self._dtype.itemsize), "stride": _stride,
    "storage_offset": _storage_offset, "data_ptr": _data_ptr, "is_contiguous": _is_contiguous,
    "untyped_storage": _storage, "is_set_to": _is_set_to, "is_floating_point": lambda self: self._dtype.is_floating_point,
    "is_complex": lambda self: self._dtype.is_complex, "is_signed": lambda self: self._dtype.is_signed,
    "is_cuda": property(lambda self: False), "is_sparse": property(lambda self: False),
    "is_quantized": property(lambda self: False), "is_meta": property(lambda self: False),
    "is_mkldnn": property(lambda self: False), "is_mps": property(lambda self: False),
    "is_nested": property(lambda self: False), "is_xpu": property(lambda self: False),
    "is_sparse_csr": property(lambda self: False), "is_cpu": property(lambda self: True),
    "is_pinned": lambda self: False, "is_shared": lambda self: False, "is_coalesced": _refuse("is_coalesced"),
    "get_device": lambda self: -1, "T": property(shape.numpy_T), "mT": property(shape.matrix_T),
    "real": property(complex.real), "imag": property(complex.imag), "H": property(shape.matrix_H),
    "mH": property(shape.adjoint), "data": property(convert.get_data, convert.set_data),
    "detach_": _detached_inplace, "backward": _backward, "register_hook": _register_hook,
    "register_post_accumulate_grad_hook": _register_post_accumulate_grad_hook, "retain_grad": _retain_grad,
    "as_subclass": _as_subclass, "__len__": _len, "__iter__": _iter, "__contains__": _contains, "__bool__": _bool,
    "__float__": _float, "__int__": _int, "__complex__": _complex, "__index__": _index, "__format__": _format,
    "__repr__": _repr, "__str__": _repr, "__array__": data.to_array, "__getitem__": subscript.getitem,
    "__setitem__": subscript.setitem, "__neg__": elementwise.neg, "__pos__": elementwise.positive,
    "__abs__": elementwise.abs, "__invert__": _invert, "__eq__": _eq, "__ne__": _ne, "__deepcopy__": _deepcopy,
    "__copy__": _shallow_copy, "where": guarded(_where),
    "__reduce_ex__": _reduce, "__getattr__": _getattr, "__array_priority__": 1000,
    **{name: _or_not_implemented(function) for name, function in _TWO.items()},
    **{
        f"__i{name}__": _inplace_dunder(f"{method_name}_")
        for name, method_name in {
            "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
            "pow": "pow", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
            "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
        }.items()
    },
    **{name: view_in_place(function, name) for name, function in _GEOMETRY.items()},
}  # fmt: skip
