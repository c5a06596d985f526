"""`torch.autograd.Function`: operators whose forward and backward the user writes.

One object is both the `ctx` of the user's functions and the node in the graph. Forward runs with recording off; what it
returns is then given its history: new tensors get the node, inputs that come back as they are become views, inputs
marked dirty are rebased, and what is marked as not differentiable gets nothing.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import errors, inplace
from ..dtypes import FLOATING
from ..graph import Needed, Node, next_sequence, put_behind
from ..modes import grad_mode, mode
from ..saved import SavedOutput, SavedTensor, unpacked
from ..tensor import Tensor, edge_of, has_no_node, meta_of, needs_grad, node_of, sharing, wrap
from ..views import FUNCTION, MULTIPLE, View, check_creation


class FunctionCtx:
    """What a user's forward and backward can ask for on `ctx`."""

    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True
    to_save: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] = ()
    non_differentiable: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Any) -> None:
        self.dirty_tensors = args

    def mark_shared_storage(self, *pairs: Any) -> None:
        warnings.warn(
            "mark_shared_storage is deprecated. Tensors with shared storages are automatically tracked. Note that "
            "calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )

    def mark_non_differentiable(self, *args: Any) -> None:
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        self.materialize_grads = value


class BackwardCFunction(Node, FunctionCtx):
    """The node of a custom function."""

    _forward_cls: Any = None
    takes_nothing = True
    kept: tuple[Any, ...] | None = ()
    is_tensor_input: tuple[bool, ...] = ()

    def name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{type(self).__name__} object at {id(self):#x}>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self.freed:
            raise RuntimeError(errors.FREED)
        if self.kept is None:
            return tuple(self.to_save)
        return tuple([unpacked(each, self) for each in self.kept])

    saved_variables = saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        return tuple(self.kept or ())

    def free(self) -> None:
        if self.kept:
            self.freed = True
            for each in self.kept:
                if isinstance(each, SavedTensor):
                    each.clear()

    def apply(self, grads: list[Any], needed: Needed) -> list[Any]:
        given = tuple([self._materialized(at, grad) for at, grad in enumerate(grads)])
        results = self._user_backward()(self, *given)
        return self._checked(results if isinstance(results, tuple) else (results,))

    def _materialized(self, at: int, grad: Any) -> Any:
        if grad is not None or not self.materialize_grads:
            return grad
        if self.outputs[at] is None:  # an output that was no tensor
            return None
        shape, kind = self.outputs[at]
        return wrap(np.zeros(shape, kind.numpy), kind)

    def _user_backward(self) -> Callable[..., Any]:
        cls = self._forward_cls
        if cls.backward is not Function.backward and cls.vjp is not Function.vjp:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement "
                "one of them."
            )
        function: Callable[..., Any] = cls.vjp if cls.vjp is not Function.vjp else cls.backward
        return function

    def _checked(self, results: Sequence[Any]) -> list[Any]:
        expected = len(self.is_tensor_input)
        made = list(results)
        while len(made) > expected and made[-1] is None:
            made.pop()
        if len(made) != expected:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {expected}, got "
                f"{len(made)})"
            )
        grads = []
        for at, (result, is_tensor) in enumerate(zip(made, self.is_tensor_input, strict=True)):
            if not is_tensor:
                if result is not None:
                    raise RuntimeError(
                        f"function {self.name()} returned a gradient different than None at position {at + 1}, but the "
                        "corresponding forward input was not a Variable"
                    )
                continue
            if result is not None and not isinstance(result, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(result).__name__})")
            grads.append(result)
        return grads

    def _call_forward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        cls = self._forward_cls
        with grad_mode(False):
            if cls.setup_context is Function.setup_context:
                return cls.forward(self, *args, **kwargs)
            output = cls.forward(*args, **kwargs)
            cls.setup_context(self, args, output)
            return output


BackwardCFunction.__module__ = "torch.autograd.function"


class FunctionMeta(type):
    """Gives each function the class of its nodes."""

    def __init__(cls, name: str, bases: Any, attrs: Any) -> None:
        node = type(f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls})
        node.__module__ = "torch.autograd.function"
        cls._backward_cls = node
        super().__init__(name, bases, attrs)


class Function(FunctionCtx, metaclass=FunctionMeta):
    """`torch.autograd.Function`"""

    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.setup_context is not Function.setup_context:
            # It gets the arguments with the defaults of forward filled in.
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        node = cls._backward_cls()
        inputs = [*args, *kwargs.values()]
        tensors = [each for each in inputs if isinstance(each, Tensor)]
        node.needs_input_grad = tuple([isinstance(each, Tensor) and needs_grad(each) for each in inputs])
        node.is_tensor_input = tuple([isinstance(each, Tensor) for each in inputs])
        # Inference mode leaves this to grad mode, unlike operators.
        recorded = mode.grad and any(needs_grad(each) for each in tensors)
        node.sequence = next_sequence()
        if recorded:
            node.edges = [edge_of(each) if needs_grad(each) else None for each in tensors]
        node.kept = None
        output = node._call_forward(args, kwargs)
        return _with_history(node, output, tensors, recorded)


Function.__module__ = "torch.autograd.function"


def _with_history(node: BackwardCFunction, output: Any, inputs: Sequence[Tensor], recorded: bool) -> Any:
    single = not isinstance(output, tuple)
    outputs = [output] if single else list(output)
    dirty = {id(each) for each in node.dirty_tensors}
    returned = {id(each) for each in outputs}
    if dirty - returned:
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
            "modified inplace must all be outputs of the Function."
        )
    for each in node.dirty_tensors:
        inplace.count_write(each)
    fixed = {id(each) for each in node.non_differentiable}
    given = {id(each) for each in inputs}
    wrapped: list[Any] = []
    behind: list[tuple[Tensor, bool, int]] = []
    by_id: dict[int, Tensor] = {}
    for at, each in enumerate(outputs):
        if not isinstance(each, Tensor):
            wrapped.append(each)
            continue
        smooth = recorded and id(each) not in fixed and each._dtype.category >= FLOATING
        made = _one_output(each, id(each) in given, id(each) in dirty, smooth)
        if made._meta is not None and made._meta.view is not None and not (id(each) in given and id(each) in dirty):
            made._meta.view.creation = FUNCTION
        by_id[id(each)] = made
        wrapped.append(made)
        if smooth:
            behind.append((made, id(each) in dirty, at))
    if len(behind) > 1:
        for made, _, _ in behind:
            if made._meta is not None and made._meta.view is not None:
                made._meta.view.creation = MULTIPLE
    if recorded:
        _attach(node, behind, wrapped)
        node.kept = tuple([_kept(node, each, by_id, inputs) for each in node.to_save])
    else:
        node.kept = ()
    node.to_save = node.dirty_tensors = node.non_differentiable = ()
    return wrapped[0] if single else tuple(wrapped)


def _attach(node: BackwardCFunction, behind: Sequence[tuple[Tensor, bool, int]], outputs: Sequence[Any]) -> None:
    """Make the node the grad_fn of what is differentiable; it gets a gradient for everything that forward returned."""
    slots: Any = [(each._array.shape, each._dtype) if isinstance(each, Tensor) else None for each in outputs]
    if behind:
        put_behind(node, [tensor for tensor, written, _ in behind if not written])
    for tensor, written, nr in behind:
        meta = meta_of(tensor)
        if written:
            inplace.rebase(tensor, node)
        elif meta.view is not None and tensor._counter is not None:
            meta.view.version = tensor._counter.n
        if not written or meta.view is None:
            meta.nr = nr
    node.outputs = slots


def _one_output(tensor: Tensor, is_input: bool, is_dirty: bool, smooth: bool) -> Tensor:
    if not smooth:
        if not needs_grad(tensor):
            return _view_of_itself(tensor) if is_input and not is_dirty else tensor
        if is_input:
            return sharing(tensor)
        return tensor if tensor._is_view() else tensor.detach_()
    if is_dirty:
        if needs_grad(tensor) and has_no_node(tensor):
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        meta = meta_of(tensor)
        if meta.view is not None:
            check_creation(tensor)
            if needs_grad(tensor) and node_of(meta.view.base) is None:
                raise RuntimeError(errors.LEAF_VIEW_INPLACE)
        return tensor
    return _view_of_itself(tensor) if is_input else tensor


def _view_of_itself(tensor: Tensor) -> Tensor:
    made = sharing(tensor)
    if tensor._counter is not None:
        base = tensor._base if tensor._is_view() else tensor
        assert base is not None
        meta_of(made).view = View(base, "", tensor._counter.n, None)
    return made


def _check_saved(node: BackwardCFunction, value: Any) -> None:
    if value is not None and not isinstance(value, Tensor):
        at = next(i for i, each in enumerate(node.to_save) if each is value)
        raise TypeError(
            f"save_for_backward can only save variables, but argument {at} is of type {type(value).__name__}"
        )


def _kept(node: BackwardCFunction, value: Any, by_id: dict[int, Tensor], inputs: Sequence[Tensor]) -> Any:
    _check_saved(node, value)
    if value is None:
        return None
    made = by_id.get(id(value))
    if made is not None and made._meta is not None and made._meta.node is node:
        return SavedOutput(made, made._meta.nr)
    return SavedTensor(value)


class _DelayedError(BackwardCFunction):
    """Stands behind gradients that must not be differentiated again."""

    message = ""

    def apply(self, grads: list[Any], needed: Needed) -> list[Any]:
        raise RuntimeError(self.message)


_DelayedError.__name__ = _DelayedError.__qualname__ = "DelayedError"


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a backward whose own gradient is not defined."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with grad_mode(False):
            outputs = function(ctx, *args)
        if not mode.grad or not any(isinstance(each, Tensor) and needs_grad(each) for each in args):
            return outputs
        listed = outputs if isinstance(outputs, tuple) else (outputs,)
        node = _DelayedError()
        node.sequence = next_sequence()
        node.message = "trying to differentiate twice a function that was marked with @once_differentiable"
        made = [None if each is None else sharing(each) for each in listed]
        put_behind(node, [each for each in made if each is not None])
        return tuple(made) if isinstance(outputs, tuple) else made[0]

    return wrapper


class InplaceFunction(Function):
    """`torch.autograd.function.InplaceFunction`"""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


InplaceFunction.__module__ = "torch.autograd.function"
