"""How a module with hooks is called, its backward hooks included."""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd.function import Function
from ..modes import mode
from ..tensor import Tensor, needs_grad, node_of
from .module import GLOBAL


def _input_hooked(module: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    for number, hook in [*GLOBAL["_forward_pre_hooks"].items(), *module._forward_pre_hooks.items()]:
        if number in module._forward_pre_hooks_with_kwargs:
            result = hook(module, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                args, kwargs = result
        else:
            result = hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
    return args, kwargs


def _output_hooked(module: Any, args: Any, kwargs: Any, result: Any) -> Any:
    for number, hook in [*GLOBAL["_forward_hooks"].items(), *module._forward_hooks.items()]:
        changed = (
            hook(module, args, kwargs, result)
            if number in module._forward_hooks_with_kwargs
            else hook(module, args, result)
        )
        if changed is not None:
            result = changed
    return result


def call_with_hooks(module: Any, args: Any, kwargs: Any) -> Any:
    try:
        return _call(module, args, kwargs)
    except Exception:
        for number in list(module._forward_hooks_always_called):
            hook = module._forward_hooks.get(number)
            if hook is not None:
                try:
                    hook(module, args, None)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that was silenced as another "
                        f"error was raised in forward: {error}",
                        stacklevel=2,
                    )
        raise


def _call(module: Any, args: Any, kwargs: Any) -> Any:
    args, kwargs = _input_hooked(module, args, kwargs)
    after = [*GLOBAL["_backward_hooks"].values(), *module._backward_hooks.values()]
    before = [*GLOBAL["_backward_pre_hooks"].values(), *module._backward_pre_hooks.values()]
    watch = _BackwardHook(module, after, before) if after or before else None
    if watch is not None:
        args = watch.inputs(args)
    result = module.forward(*args, **kwargs)
    result = _output_hooked(module, args, kwargs, result)
    return watch.outputs(result) if watch is not None else result


class _Through(Function):
    """Passes tensors on as views of themselves, so that one node sees the gradients of all."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Any:
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[each for each in tensors if not needs_grad(each)])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads


_Through.__name__ = "BackwardHookFunction"
_Through._backward_cls.__name__ = "BackwardHookFunctionBackward"


class _BackwardHook:
    """Calls the backward hooks of one call of a module: with the gradients of its outputs, then those of its inputs."""

    def __init__(self, module: Any, after: list[Any], before: list[Any]) -> None:
        self.module, self.after, self.before = module, after, before
        self.grad_outputs: Any = None
        self.input_places: list[int] | None = None
        self.count_inputs = self.count_outputs = 0

    def _passed(self, values: tuple[Any, ...], watch: Any) -> tuple[tuple[Any, ...], list[int] | None]:
        places = [at for at, value in enumerate(values) if isinstance(value, Tensor)]
        wanted = any(needs_grad(values[at]) for at in places)
        if not wanted or not mode.grad:
            return values, None
        made = _Through.apply(*[values[at] for at in places])
        node = next(node_of(each) for each in made if needs_grad(each))
        watch(node, places)
        passed = list(values)
        for at, value in zip(places, made, strict=True):
            passed[at] = value
        return tuple(passed), places

    def inputs(self, args: Any) -> Any:
        self.count_inputs = len(args)

        def watch(node: Any, places: list[int]) -> None:
            def hook(grads_in: Any, grads_out: Any) -> Any:
                if self.grad_outputs is None:
                    return None
                grads = _spread(grads_in, places, self.count_inputs)
                for each in self.after:
                    changed = each(self.module, grads, self.grad_outputs)
                    if changed is None:
                        continue
                    changed = changed if isinstance(changed, tuple) else (changed,)
                    if len(changed) != len(grads):
                        raise RuntimeError(
                            "Backward hook returned an invalid number of grad_input, got "
                            f"{len(changed)}, but expected {len(grads)}"
                        )
                    grads = changed
                self.grad_outputs = None
                return tuple(grads[at] for at in places)

            node.register_hook(hook)

        passed, self.input_places = self._passed(args, watch)
        return passed

    def outputs(self, result: Any) -> Any:
        single = not isinstance(result, tuple)
        values = (result,) if single else result
        if single and not isinstance(result, Tensor):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                f"{type(result)}",
                stacklevel=4,
            )
            return result
        self.count_outputs = len(values)

        def watch(node: Any, places: list[int]) -> None:
            def hook(grads: Any) -> Any:
                given = _spread(grads, places, self.count_outputs)
                for each in self.before:
                    changed = each(self.module, given)
                    if changed is None:
                        continue
                    changed = changed if isinstance(changed, tuple) else (changed,)
                    if len(changed) != len(given):
                        raise RuntimeError(
                            "Backward pre hook returned an invalid number of grad_output, got "
                            f"{len(changed)}, but expected {len(given)}"
                        )
                    given = changed
                self.grad_outputs = given
                if self.input_places is None and self.after:
                    nothing = _spread((), [], self.count_inputs)
                    for each in self.after:
                        changed = each(self.module, nothing, given)
                        if changed is not None and any(value is not None for value in changed):
                            raise RuntimeError(
                                "Backward hook for Modules where no input requires gradient should always return None or "
                                "None for all gradients."
                            )
                    self.grad_outputs = None
                return tuple(given[at] for at in places)

            node.register_prehook(hook)

        passed, _ = self._passed(values, watch)
        return passed[0] if single else passed


def _spread(grads: Any, places: list[int], count: int) -> tuple[Any, ...]:
    full: list[Any] = [None] * count
    for at, grad in zip(places, grads, strict=True):
        full[at] = grad
    return tuple(full)
