"""Which of several errors comes first.

PyTorch records a call before it computes: an input whose node may not be made anew, or that must not be saved, is told
of before sizes and dtypes that do not fit. The engine computes first, so that it looks again where computing fails.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import errors
from ..apply import recording
from ..dtypes import float32
from ..modes import mode
from ..tensor import Tensor, alias, node_of

# What takes a value out of the graph is not recorded.
READING = frozenset({"item", "tolist", "numpy", "equal", "allclose"})
# How errors begin of functions that check before they call what is recorded.
OF_COMPOSITES = ("both arguments to ", "torch.hsplit requires")
# How errors begin that kernels raise; others come from what PyTorch checks before it records.
OF_KERNELS = ("The size of tensor a", "Subtraction, the", "result type ")


def tensors_among(values: Iterable[Any]) -> list[Tensor]:
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_among(value)
    return found


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the errors of recording before those of computing."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (RuntimeError, IndexError) as error:
            check_recording(error, function, args, kwargs)
            raise

    return call


def check_recording(error: Exception, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Raise what recording the call would have raised."""
    if isinstance(error, NotImplementedError) or function.__name__ in READING or str(error).startswith(OF_COMPOSITES):
        return
    tensors = tensors_among([*args, *kwargs.values()])
    if not mode.grad or mode.inference or not recording(*tensors):
        return
    for each in tensors:
        node_of(each)
    if str(error).startswith(OF_KERNELS) and any(each._counter is None for each in tensors):
        _rehearse(function, args, kwargs)


def _rehearse(function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Run the call with single numbers in the place of the tensors, to see whether it saves one that must not be."""
    try:
        function(*[_stand_in(each) for each in args], **{name: _stand_in(each) for name, each in kwargs.items()})
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        if str(error) == errors.INFERENCE_SAVED:
            raise


def _stand_in(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    made = alias(value)
    made._array, made._dtype = np.ones((1,) * value._array.ndim, np.float32), float32
    return made
