"""Measures functions of torch that run functions of the user: in which mode they run them, and what they give back.

Each is called under grad mode, under no_grad and in inference mode. A row's `mode` tells, in this order, how the user's
function runs: with grad on, off, or in inference mode; "unrun" where it never does. `result` tells whether what comes back
requires grad, where the input does; `value` whether it has the values that it has under grad mode.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from tools.measure import observe
from tools.measure.words import ERRORS

Body = Callable[[Tensor], Tensor]
OUTER: tuple[Callable[[], Any], ...] = (contextlib.nullcontext, torch.no_grad, torch.inference_mode)


def cube(x: Tensor) -> Tensor:
    return x * x * x


def x0() -> Tensor:
    return torch.tensor([0.5, 1.5]).requires_grad_()


def recorder(seen: list[str], then: Body = cube) -> Body:
    """A user's function that notes the mode it runs in."""

    def body(x: Tensor, *more: Any) -> Tensor:
        seen.append("inference" if torch.is_inference_mode_enabled() else "on" if torch.is_grad_enabled() else "off")
        return then(x)

    return body


class _Module(nn.Module):
    """A module with a parameter whose forward notes its mode."""

    def __init__(self, note: Body) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.note = note

    def forward(self, x: Tensor) -> Tensor:
        return self.note(x) * self.weight


def _function(note: Body, part: str) -> type[torch.autograd.Function]:
    """An autograd.Function one of whose methods notes its mode."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return note(x) if part == "forward" else cube(x)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            if part == "backward":
                note(x)
            return 3 * x * x * grad

    return Own


@contextlib.contextmanager
def recorded() -> Iterator[None]:
    """Grad mode whatever stands outside: for a graph on which only the backward pass runs in the outer mode."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _hooked(kind: str) -> Callable[[Body], Any]:
    """A hook that runs in the backward pass."""

    def call(note: Body) -> Any:
        with recorded():
            x = x0()
            module = _Module(cube)
            y = x * x if kind == "tensor" else module(x * 1)
            if kind == "tensor":
                y.register_hook(lambda g: note(g) * 0 + g)
            elif kind == "accumulate":
                x.register_post_accumulate_grad_hook(lambda p: (note(p), None)[1])
            else:
                module.register_full_backward_hook(lambda m, gi, go: (note(go[0]), None)[1])
                y = module(x * 1)
        if kind == "accumulate":
            torch.autograd.backward(y, torch.ones(2))
            return x.grad
        return torch.autograd.grad(y, x, torch.ones(2))

    return call


def _forward_hooked(name: str) -> Callable[[Body], Any]:
    def call(note: Body) -> Any:
        module = _Module(cube)
        getattr(module, name)(
            (lambda m, a: (note(a[0]),)) if name.endswith("pre_hook") else lambda m, a, out: note(out)
        )
        return module(x0())

    return call


def entries() -> dict[str, Callable[[Body], Any]]:
    """Qualified name (and what is special about the call) -> the call with a user's function."""
    functional, func = torch.autograd.functional, torch.func

    def scalar(note: Body) -> Body:
        return lambda x: note(x).sum()

    ones = torch.ones(2)
    return {
        "torch.autograd.functional.jacobian(func)": lambda n: functional.jacobian(n, x0()),
        "torch.autograd.functional.jacobian(func) create_graph": lambda n: functional.jacobian(
            n, x0(), create_graph=True
        ),
        "torch.autograd.functional.hessian(func)": lambda n: functional.hessian(scalar(n), x0()),
        "torch.autograd.functional.hessian(func) create_graph": lambda n: functional.hessian(
            scalar(n), x0(), create_graph=True
        ),
        "torch.autograd.functional.vjp(func)": lambda n: functional.vjp(n, x0(), ones)[1],
        "torch.autograd.functional.jvp(func)": lambda n: functional.jvp(n, x0(), ones)[1],
        "torch.autograd.functional.hvp(func)": lambda n: functional.hvp(scalar(n), x0(), ones)[1],
        "torch.autograd.functional.vhp(func)": lambda n: functional.vhp(scalar(n), x0(), ones)[1],
        "torch.func.grad(func)": lambda n: func.grad(scalar(n))(x0()),
        "torch.func.grad_and_value(func)": lambda n: func.grad_and_value(scalar(n))(x0()),
        "torch.func.vjp(func)": lambda n: func.vjp(n, x0())[1](ones),
        "torch.func.jvp(func)": lambda n: func.jvp(n, (x0(),), (ones,))[1],
        "torch.func.jacrev(func)": lambda n: func.jacrev(n)(x0()),
        "torch.func.jacfwd(func)": lambda n: func.jacfwd(n)(x0()),
        "torch.func.hessian(func)": lambda n: func.hessian(scalar(n))(x0()),
        "torch.func.vmap(func)": lambda n: func.vmap(n)(x0()),
        "torch.vmap(func)": lambda n: torch.vmap(n)(x0()),
        "torch.func.linearize(func)": lambda n: func.linearize(n, x0())[0],
        "torch.func.functionalize(func)": lambda n: func.functionalize(n)(x0()),
        "torch.func.functional_call(module)": lambda n: func.functional_call(
            _Module(n), {"weight": torch.ones(2)}, (x0(),)
        ),
        "torch.utils.checkpoint.checkpoint(function) reentrant": lambda n: checkpoint(n, x0(), use_reentrant=True),
        "torch.utils.checkpoint.checkpoint(function) non_reentrant": lambda n: checkpoint(n, x0(), use_reentrant=False),
        "torch.utils.checkpoint.checkpoint_sequential(functions) reentrant": lambda n: checkpoint_sequential(
            [_Module(n), _Module(n)], 2, x0(), use_reentrant=True
        ),
        "torch.utils.checkpoint.checkpoint_sequential(functions) non_reentrant": lambda n: checkpoint_sequential(
            [_Module(n), _Module(n)], 2, x0(), use_reentrant=False
        ),
        "torch.autograd.Function.forward": lambda n: _function(n, "forward").apply(x0()),
        "torch.autograd.Function.backward": lambda n: _backward(_function(n, "backward"), False),
        "torch.autograd.Function.backward create_graph": lambda n: _backward(_function(n, "backward"), True),
        "torch.Tensor.register_hook(hook)": _hooked("tensor"),
        "torch.Tensor.register_post_accumulate_grad_hook(hook)": _hooked("accumulate"),
        "torch.nn.Module.register_forward_hook(hook)": _forward_hooked("register_forward_hook"),
        "torch.nn.Module.register_forward_pre_hook(hook)": _forward_hooked("register_forward_pre_hook"),
        "torch.nn.Module.register_full_backward_hook(hook)": _hooked("backward"),
        "torch.nn.Module.__call__": lambda n: _Module(n)(x0()),
        "torch.nn.Module.apply(fn)": lambda n: (_Module(cube).apply(lambda m: n(m.weight)), None)[1],
        "torch.nn.Sequential.__call__": lambda n: nn.Sequential(_Module(n))(x0()),
        "torch.autograd.grad": lambda n: _backward(_function(cube, ""), False),
        "torch.autograd.grad create_graph": lambda n: _backward(_function(cube, ""), True),
        "torch.utils.checkpoint.checkpoint(function) reentrant, no input requires grad": lambda n: checkpoint(
            _Module(n), ones, use_reentrant=True
        ),
        "torch.utils.checkpoint.checkpoint(function) non_reentrant, no input requires grad": lambda n: checkpoint(
            _Module(n), ones, use_reentrant=False
        ),
    }


def _backward(own: type[torch.autograd.Function], create_graph: bool) -> Any:
    """The backward pass on a graph that is recorded whatever the outer mode."""
    with recorded():
        x = x0()
        y = own.apply(x)
    return torch.autograd.grad(y, x, torch.ones(2), create_graph=create_graph)


def row(name: str, call: Callable[[Body], Any]) -> str:
    modes, results, values = [], [], []
    expected: list[Tensor] = []
    for outer in OUTER:
        seen: list[str] = []
        observe.seed()
        try:
            with outer():
                made = call(recorder(seen))
            tensors = observe.tensors_of(made)
            values.append(_same(tensors, expected := expected or tensors))
            results.append("none" if not tensors else "yes" if any(t.requires_grad for t in tensors) else "no")
        except ERRORS:
            results.append("raises")
            values.append("raises")
        modes.append("+".join(dict.fromkeys(seen)) or "unrun")
    return f"{name}  mode={'/'.join(modes)}  result={'/'.join(results)}  value={'/'.join(values)}"


def _same(found: list[Tensor], expected: list[Tensor]) -> str:
    return (
        "right"
        if all(torch.allclose(a.detach(), b.detach()) for a, b in zip(found, expected, strict=True))
        else "wrong"
    )


def table(only: str = "") -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [row(name, call) for name, call in entries().items() if only in name]
    return made
