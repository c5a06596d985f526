"""What torch's functions understand beyond their parameters: `out=`, `axis=`, `keepdims=`, and misfit first arguments."""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import errors, inplace
from ..apply import record
from ..dtypes import can_cast, cast
from ..modes import grad_mode, mode
from ..ops.strided import strided_array
from ..tensor import Tensor, needs_grad
from ..views import storage_of, storage_offset
from .guard import OF_KERNELS, check_recording, tensors_among

# numpy's names for torch's parameters.
SPELLINGS = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}


def public(function: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    """The function as it stands in `torch`."""
    title = name or function.__name__
    parameters = list(inspect.signature(function).parameters)
    spelled = {numpy: torch for numpy, torch in SPELLINGS.items() if torch in parameters and numpy not in parameters}
    takes_tensor = bool(parameters) and parameters[0] == "input" and title not in NUMBERS_FIRST

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for numpy_name in spelled:
                if numpy_name in kwargs:
                    kwargs[spelled[numpy_name]] = kwargs.pop(numpy_name)
            if "out" in kwargs:
                out = kwargs.pop("out")
                if out is not None:
                    return into(title, function, out, args, kwargs)
        if takes_tensor:
            if args:
                if not isinstance(args[0], Tensor):
                    raise errors.not_a_tensor(title, "input", 1, args[0])
            elif "input" not in kwargs:
                raise TypeError(f'{title}() missing 1 required positional arguments: "input"')
        try:
            return function(*args, **kwargs)
        except (RuntimeError, IndexError) as error:
            check_recording(error, function, args, kwargs)
            raise

    call.__name__ = call.__qualname__ = title
    call.__module__ = "torch"
    return call


# Functions whose first argument may be a number, or is a tensor only by another name.
NUMBERS_FIRST = frozenset(
    "add sub mul div true_divide floor_divide remainder pow float_power xlogy xlog1py zeta bitwise_and bitwise_or "
    "bitwise_xor bitwise_left_shift bitwise_right_shift multiply subtract divide polygamma".split()
)


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a method: itself, unless it has a parameter that numpy's users spell otherwise."""
    parameters = list(inspect.signature(function).parameters)
    spelled = {
        numpy: torch for numpy, torch in SPELLINGS.items() if torch in parameters[1:] and numpy not in parameters
    }
    if not spelled:
        return function

    @functools.wraps(function)
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for numpy_name in spelled:
                if numpy_name in kwargs:
                    kwargs[spelled[numpy_name]] = kwargs.pop(numpy_name)
        return function(self, *args, **kwargs)

    return call


def into(name: str, function: Callable[..., Any], out: Any, args: Any, kwargs: Any) -> Any:
    """Run a function and leave the result in tensors that are there already."""
    outs = [out] if isinstance(out, Tensor) else list(out)
    if (
        mode.grad
        and not mode.inference
        and any(needs_grad(each) for each in [*tensors_among(args), *tensors_among(kwargs.values()), *outs])
    ):
        raise RuntimeError(errors.OUT_WITH_GRAD.format(name))
    for target in outs:
        inplace.check_partial_overlap(target, tensors_among(args))
    with grad_mode(False):
        result = function(*args, **kwargs)
    made = [result] if isinstance(result, Tensor) else list(result)
    for target, value in zip(outs, made, strict=True):
        _leave(target, value)
    return out


def _leave(target: Tensor, value: Tensor) -> None:
    if not can_cast(value._dtype, target._dtype):
        raise errors.cannot_cast(value._dtype, target._dtype)
    if target._array.shape != value._array.shape:
        if target._array.size < value._array.size and target._array.size:
            raise errors.unsupported("out= with a tensor that is too small")
        if target._array.size:
            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(target._array.shape)}, which does not match the required output shape "
                f"{list(value._array.shape)}. This behavior is deprecated, and in a future PyTorch release outputs "
                "will not be resized unless they have zero elements. You can explicitly reuse an out tensor t by "
                "resizing it, inplace, to zero elements with t.resize_(0).",
                UserWarning,
                stacklevel=4,
            )
        target._array = _resized(target._array, value._array.shape)
    inplace.check_overlap(target._array)
    target._array[...] = cast(value._array, value._dtype, target._dtype)
    inplace.count_write(target)


def _resized(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array of another shape, in the same memory where there is room for it."""
    count = math.prod(shape)
    if storage_of(array).size - storage_offset(array) < count or not array.size:
        return np.empty(shape, array.dtype)
    return strided_array(array, (count,), (1,), storage_offset(array)).reshape(shape)


# Operators that torch differentiates, but not in place: the error comes with the walk back.
NO_DERIVATIVE = {"acosh_": "acosh", "asinh_": "asinh", "atanh_": "atanh"}
NO_DERIVATIVE.update({"arccosh_": "acosh", "arcsinh_": "asinh", "arctanh_": "atanh"})


def _without_derivative(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def refuse(grad: Any) -> Any:
        raise NotImplementedError(f"the derivative for 'inplace version of {name}' is not implemented.")

    @functools.wraps(function)
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        with grad_mode(False):
            value = function(input, *args, **kwargs)
        return record(f"{name.title()}Backward1", value._array, (input, refuse), dtype=value._dtype)

    return call


def in_place(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`mul_` out of `mul`."""
    if name in NO_DERIVATIVE:
        function = _without_derivative(function, NO_DERIVATIVE[name])
    form = inplace.FORMS.get(inspect.unwrap(function))
    if form is not None:
        function = method(form)

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        others = tensors_among(args)
        if kwargs:
            others += tensors_among(kwargs.values())
        try:
            return inplace.become(self, function, others, *args, **kwargs)
        except RuntimeError as error:
            if str(error).startswith(OF_KERNELS):
                check_recording(error, function, (self, *args), kwargs)
            raise

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`{function.__name__}`, in place."
    return call
