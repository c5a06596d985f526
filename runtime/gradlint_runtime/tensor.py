"""The tensor: an array, its dtype, the version counter of its storage, and what autograd knows about it.

This module holds the state and the flags; what tensors can compute is put on the class by `binding`. Arrays are numpy
arrays, and tensors that share a storage hold numpy views of one buffer together with one `Version`.
An inference tensor is one without a version counter.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import errors
from .dtypes import FROM_NUMPY, dtype
from .modes import mode

if TYPE_CHECKING:
    from .graph import Accumulate, Edge, Node
    from .views import View

_new = object.__new__


class Version:
    """Counts the writes to one storage; shared by all its views.

    `copies` are weak references to arrays that stand for views and are copies: a write would not reach them.
    """

    # Of the class, until there is something to count: most storages are written never.
    n = 0
    copies: list[Any] | None = None

    def check_copies(self) -> None:
        if self.copies is not None and any(reference() is not None for reference in self.copies):
            raise errors.unsupported("a write to a complex tensor while a conjugate of it is alive")


class Meta:
    """What autograd knows about one tensor. The class attributes are the state of a tensor it never met."""

    flag = False  # requires_grad, as far as it was set and not computed
    grad: Any = None
    node: Node | None = None
    nr = 0
    view: View | None = None
    accumulator: Any = None  # weak reference to the node that adds to `grad`
    hooks: Any = None  # of a leaf; those of other tensors hang on their node
    post_hooks: Any = None
    retains = False
    grad_dtype: Any = ()


class Tensor:
    """`torch.Tensor`"""

    __slots__ = ("_array", "_dtype", "_counter", "_meta", "__dict__", "__weakref__")

    _array: np.ndarray
    _dtype: dtype
    _counter: Version | None
    _meta: Meta | None

    # Set by `ops.factories`: the old constructor, `torch.Tensor(2, 3)` and `torch.Tensor([1.0])`.
    _construct: Any = None

    if TYPE_CHECKING:  # `binding` attaches operators and methods when the package is imported
        data: Any

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def __len__(self) -> int: ...
        def __int__(self) -> int: ...
        def __float__(self) -> float: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: object) -> Tensor: ...  # type: ignore[override]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._construct(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "__torch_function__" in cls.__dict__ or "__torch_dispatch__" in cls.__dict__:
            raise errors.unsupported(f"a subclass of torch.Tensor with __torch_function__ ({cls.__name__})")

    def __hash__(self) -> int:
        return id(self)

    # flags

    @property
    def requires_grad(self) -> bool:
        return needs_grad(self)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError("requires_grad must be a bool")
        if not has_no_node(self):
            hint = "" if value else errors.DETACH_HINT
            raise RuntimeError(errors.NON_LEAF_FLAG + hint)
        if value and not (self._dtype.is_floating_point or self._dtype.is_complex):
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        set_flag(self, value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        if not isinstance(requires_grad, bool):
            raise TypeError(
                f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not {type(requires_grad).__name__}"
            )
        if not has_no_node(self) and not requires_grad:
            raise RuntimeError(errors.NON_LEAF_FLAG + errors.DETACH_HINT)
        if requires_grad and not (self._dtype.is_floating_point or self._dtype.is_complex):
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if has_no_node(self):
            set_flag(self, requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        return node_of(self) is None

    @property
    def grad_fn(self) -> Node | None:
        return node_of(self)

    @property
    def output_nr(self) -> int:
        return 0 if self._meta is None else self._meta.nr

    @property
    def _version(self) -> int:
        counter = own_version(self) if self._counter is None else self._counter
        if counter is None:
            raise RuntimeError(errors.INFERENCE_VERSION)
        return counter.n

    def is_inference(self) -> bool:
        return self._counter is None

    def _is_view(self) -> bool:
        return self._meta is not None and self._meta.view is not None

    @property
    def _base(self) -> Tensor | None:
        meta = self._meta
        return None if meta is None or meta.view is None else meta.view.base

    # gradients

    @property
    def grad(self) -> Any:
        meta = self._meta
        if meta is None:
            return None
        if meta.grad is None and meta.node is not None and not meta.retains:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
                "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated "
                "for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor "
                "by mistake, make sure you access the leaf Tensor instead. See "
                "github.com/pytorch/pytorch/pull/30531 for more information.",
                UserWarning,
                stacklevel=2,
            )
        return meta.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is None:
            if self._meta is not None:
                self._meta.grad = None
            return
        if not isinstance(value, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
            )
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        wanted = self.grad_dtype
        if wanted is not None and value._dtype is not wanted:
            raise RuntimeError(_grad_dtype_differs(value._dtype, wanted))
        if value._array.shape != self._array.shape:
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(value._array.shape)}' to a tensor of size "
                f"'{list(self._array.shape)}'. Please ensure that the gradient and the tensor are the same size"
            )
        meta_of(self).grad = value

    @grad.deleter
    def grad(self) -> None:
        if self._meta is not None:
            self._meta.grad = None

    _grad = grad

    @property
    def grad_dtype(self) -> Any:
        meta = self._meta
        return self._dtype if meta is None or meta.grad_dtype == () else meta.grad_dtype

    @grad_dtype.setter
    def grad_dtype(self, kind: Any) -> None:
        meta_of(self).grad_dtype = kind

    @property
    def retains_grad(self) -> bool:
        return self._meta is not None and self._meta.retains

    @property
    def dtype(self) -> dtype:
        return self._dtype


Tensor.__module__ = "torch"


def _grad_dtype_differs(got: dtype, wanted: dtype) -> str:
    return (
        f"attempting to assign a gradient with dtype '{errors.name_in_c(got)}' to a tensor with "
        f"grad_dtype '{wanted.short}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's "
        "dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set "
        "grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may break downstream systems that "
        "assume they match."
    )


def wrap(array: Any, kind: dtype | None = None) -> Tensor:
    """A new tensor over an array, normal or an inference tensor as the mode asks for. Nothing is copied."""
    if type(array) is not np.ndarray:
        array = np.asarray(array)
    tensor = _new(Tensor)
    tensor._array = array
    tensor._dtype = FROM_NUMPY[array.dtype] if kind is None else kind
    tensor._counter = None if mode.inference else Version()
    tensor._meta = None
    return tensor


def sharing(source: Tensor, array: np.ndarray | None = None, kind: dtype | None = None) -> Tensor:
    """A tensor over the storage of another one, unknown to autograd: what `detach` returns."""
    tensor = _new(Tensor)
    tensor._array = source._array if array is None else array
    tensor._dtype = source._dtype if kind is None else kind
    tensor._counter = source._counter
    tensor._meta = None
    return tensor


def detached(source: Tensor) -> Tensor:
    """What `detach` returns. Outside inference mode that of an inference tensor may be written, and counts its writes."""
    tensor = sharing(source)
    if source._counter is None and not mode.inference:
        keep_version(tensor, Version())
    return tensor


def keep_version(tensor: Tensor, version: Version) -> None:
    tensor.__dict__["_own_version"] = version


def own_version(tensor: Tensor) -> Version | None:
    """The version of an inference tensor that was detached in normal mode, or was a normal one before `.data` was set.

    Other inference tensors have none.
    """
    found: Version | None = tensor.__dict__.get("_own_version")
    return found


def alias(source: Tensor) -> Tensor:
    """Another object for the very same tensor, its history included."""
    tensor = sharing(source)
    tensor._meta = source._meta
    return tensor


def meta_of(tensor: Tensor) -> Meta:
    meta = tensor._meta
    if meta is None:
        meta = tensor._meta = Meta()
    return meta


def needs_grad(tensor: Tensor) -> bool:
    meta = tensor._meta
    if meta is None:
        return False
    if meta.flag or meta.node is not None:
        return True
    # A view made with grad off has no node, and yet requires grad as its base does.
    return meta.view is not None and needs_grad(meta.view.base)


def has_no_node(tensor: Tensor) -> bool:
    """Like `is_leaf`, but of the node as it is: that of a view may speak of an earlier version of its storage."""
    return tensor._meta is None or tensor._meta.node is None


def set_flag(tensor: Tensor, value: bool) -> None:
    if value and tensor._counter is None and not mode.inference:
        raise RuntimeError(errors.INFERENCE_REQUIRES_GRAD)
    if value or tensor._meta is not None:
        meta_of(tensor).flag = value


def node_of(tensor: Tensor) -> Node | None:
    """`grad_fn`. That of a view is made anew after its storage was written."""
    meta = tensor._meta
    if meta is None:
        return None
    if meta.view is not None:
        counter = tensor._counter or own_version(tensor)
        if counter is not None and meta.view.version != counter.n:
            meta.view.refresh(tensor, counter.n)
    return meta.node


def edge_of(tensor: Tensor) -> Edge | None:
    """Where the gradient of this tensor goes to: an output of its node, or its accumulator."""
    meta = tensor._meta
    if meta is None:
        return None
    node = meta.node if meta.view is None else node_of(tensor)
    if node is not None:
        return node, meta.nr
    return (accumulator_of(tensor), 0) if meta.flag else None


def accumulator_of(tensor: Tensor) -> Accumulate:
    """The node that adds to `tensor.grad`. It keeps the tensor alive; the tensor holds it weakly."""
    meta = meta_of(tensor)
    node = None if meta.accumulator is None else meta.accumulator()
    if node is None:
        node = _ACCUMULATE[0](tensor)
        meta.accumulator = weakref.ref(node)
    return node


# Set by `graph`, which builds on this module.
_ACCUMULATE: list[Any] = []
