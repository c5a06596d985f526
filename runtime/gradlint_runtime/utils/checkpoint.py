"""`torch.utils.checkpoint`: forgetting what a function saved, and running it again for the backward.

The reentrant kind is a custom function whose backward runs the function once more and walks back through it; only its
tensor arguments connect it to the graph. The other kind records as usual, but saves a placeholder for each tensor, and
runs the function again when the first of them is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from .. import errors
from ..autograd.calls import backward
from ..autograd.function import Function
from ..autograd.hooks import saved_tensors_hooks
from ..backward import current_walk
from ..modes import grad_mode, mode
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor, needs_grad, sharing

DefaultDeviceType = type("DefaultDeviceType", (), {})


class CheckpointError(RuntimeError):
    pass


def check_backward_validity(inputs: Any) -> None:
    if not any(needs_grad(each) for each in inputs if isinstance(each, Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    made = []
    for each in inputs:
        if isinstance(each, Tensor):
            fresh = sharing(each)
            if needs_grad(each):
                fresh.requires_grad_()
            made.append(fresh)
        else:
            made.append(each)
    return tuple(made)


class _Again:
    """The random state in which a function ran, to run it in once more."""

    def __init__(self, preserve: bool) -> None:
        self.state = get_rng_state() if preserve else None
        self.autocast = mode.autocast

    def __enter__(self) -> None:
        self.before = (get_rng_state() if self.state is not None else None, mode.autocast)
        if self.state is not None:
            set_rng_state(self.state)
        mode.autocast = self.autocast

    def __exit__(self, *args: object) -> None:
        if self.before[0] is not None:
            set_rng_state(self.before[0])
        mode.autocast = self.before[1]


class CheckpointFunction(Function):
    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.again = _Again(preserve_rng_state)
        ctx.inputs = [None if isinstance(each, Tensor) else each for each in args]
        ctx.tensor_indices = [at for at, each in enumerate(args) if isinstance(each, Tensor)]
        ctx.save_for_backward(*[each for each in args if isinstance(each, Tensor)])
        with grad_mode(False):
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        if current_walk().wanted is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.inputs)
        for at, tensor in zip(ctx.tensor_indices, ctx.saved_tensors, strict=True):
            inputs[at] = tensor
        detached = detach_variable(tuple(inputs))
        with ctx.again, grad_mode(True):
            outputs = ctx.run_function(*detached)
        listed = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [
            (output, grad)
            for output, grad in zip(listed, args, strict=True)
            if isinstance(output, Tensor) and needs_grad(output)
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([output for output, _ in pairs], [grad for _, grad in pairs])
        grads = tuple(each._meta.grad if isinstance(each, Tensor) and each._meta else None for each in detached)
        return (None, None, *grads)


class _Frame:
    """One call of a function that is checkpointed without reentry."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, again: _Again, context: Any) -> None:
        self.function, self.args, self.kwargs, self.again, self.context = function, args, kwargs, again, context
        self.count = 0
        self.made: dict[int, Tensor] = {}
        self.walk: Any = None

    def pack(self, tensor: Tensor) -> Any:
        at = self.count
        self.count += 1
        return _Place(self, at, tensor._array.shape, tensor._dtype)

    def unpack(self, place: Any) -> Tensor:
        walk = current_walk() if _walking() else None
        if self.walk is not walk or place.at not in self.made:
            self._run_again()
            self.walk = walk
        if place.at not in self.made:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {self.count}\nNumber of tensors saved during "
                f"recomputation: {len(self.made)}."
            )
        found = self.made.pop(place.at)
        if found._array.shape != place.shape or found._dtype is not place.dtype:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during "
                "the forward pass."
            )
        return found

    def _run_again(self) -> None:
        self.made = {}
        count = 0

        def keep(tensor: Tensor) -> Tensor:
            nonlocal count
            kept = sharing(tensor)
            self.made[count] = kept
            count += 1
            return kept

        with self.again, grad_mode(True), saved_tensors_hooks(keep, lambda kept: kept), self.context:
            self.function(*self.args, **self.kwargs)


class _Place:
    """What is saved in the place of a tensor: the number under which it comes up again."""

    def __init__(self, frame: _Frame, at: int, shape: tuple[int, ...], dtype: Any) -> None:
        self.frame, self.at, self.shape, self.dtype = frame, at, shape, dtype


def _walking() -> bool:
    from ..backward import _running

    return bool(_running.walks)


def _without_reentry(function: Callable[..., Any], preserve: bool, context_fn: Any, args: Any, kwargs: Any) -> Any:
    forward_context, again_context = (nullcontext(), nullcontext()) if context_fn is None else context_fn()
    if not mode.grad:
        return function(*args, **kwargs)
    frame = _Frame(function, args, kwargs, _Again(preserve), again_context)
    with saved_tensors_hooks(frame.pack, frame.unpack), forward_context:
        return function(*args, **kwargs)


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, context_fn: Any = None,
    determinism_check: str = "default", debug: bool = False, early_stop: bool = True, **kwargs: Any,
) -> Any:  # fmt: skip
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in PyTorch 2.9, "
            "calling checkpoint without use_reentrant will raise an exception. use_reentrant=False is recommended, but "
            "if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for "
            "more details on the differences between the two variants.",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if not use_reentrant:
        _check_inputs([*args, *kwargs.values()])
        return _without_reentry(function, preserve, context_fn, args, kwargs)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not None or debug:
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    return CheckpointFunction.apply(function, preserve, *args)


def _check_inputs(values: Any) -> None:
    """The arguments are saved for running the function again, which no inference tensor may be."""
    if mode.grad and not mode.inference and any(isinstance(each, Tensor) and each._counter is None for each in values):
        raise RuntimeError(errors.INFERENCE_SAVED)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed explicitly.",
            stacklevel=2,
        )
        use_reentrant = True
    modules = list(functions)
    size = len(modules) // segments

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def forward(value: Any) -> Any:
            for module in modules[start:end]:
                value = module(value)
            return value

        return forward

    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(run(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return run(end, len(modules))(input)


for _kind in (CheckpointFunction, CheckpointError):
    _kind.__module__ = "torch.utils.checkpoint"
