"""Measures `torch.optim`: what each optimizer does with modes, closures, leaves and parameters; and the schedulers.

A row says what a script found: how `step` treats a closure, in which mode the closure runs when `step` is called with grad
off or in inference mode, what the constructor thinks of tensors that training cannot change.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import lr_scheduler, swa_utils

ERRORS = (RuntimeError, ValueError, TypeError, NotImplementedError, KeyError)


OUTER = (contextlib.nullcontext, torch.no_grad, torch.inference_mode)


def optimizers() -> Iterator[type[torch.optim.Optimizer]]:
    for name in sorted(dir(torch.optim)):
        found = getattr(torch.optim, name)
        if inspect.isclass(found) and issubclass(found, torch.optim.Optimizer) and found is not torch.optim.Optimizer:
            yield found


def schedulers() -> Iterator[type]:
    for module in (lr_scheduler, swa_utils):
        for name in sorted(dir(module)):
            found = getattr(module, name)
            public = inspect.isclass(found) and not name.startswith("_") and found.__module__ == module.__name__
            if public and issubclass(found, lr_scheduler.LRScheduler):
                yield found


def leaf() -> Tensor:
    return torch.full((2, 2), 0.5).requires_grad_()


def give_gradient(cls: type, p: Tensor) -> None:
    grad = torch.ones_like(p)
    p.grad = grad.to_sparse() if cls is torch.optim.SparseAdam else grad


def error_name(action: Callable[[], Any]) -> str:
    """What an action raises; "" where it does not."""
    try:
        action()
    except ERRORS as error:
        return type(error).__name__
    return ""


def closure_mode(cls: type, around: Callable[[], Any]) -> str:
    """The mode in which `step` runs its closure: "on", "off", "inference"."""
    p, seen = leaf(), []
    optimizer = cls([p])
    give_gradient(cls, p)

    def closure() -> Tensor:
        recording = (p * 2).requires_grad
        seen.append("on" if recording else "inference" if torch.is_inference_mode_enabled() else "off")
        return (p * 2).sum()

    with around():
        optimizer.step(closure)
    return "/".join(sorted(set(seen)))


def stepped(cls: type) -> tuple[str, str]:
    """What `step` does to a parameter, and what it returns without a closure."""
    p = leaf()
    optimizer = cls([p])
    give_gradient(cls, p)
    before, version = p.detach().clone(), p._version
    made = optimizer.step((lambda: (p * 2).sum()) if error_name(lambda: optimizer.step()) else None)
    kept = p.is_leaf and p.requires_grad and p.grad is not None
    word = "written" if kept and p._version > version and not torch.equal(p, before) else "?"
    return word, "none" if made is None else "loss"


def row(cls: type[torch.optim.Optimizer]) -> str:
    p = leaf()
    named = [n for n, q in inspect.signature(cls).parameters.items() if q.kind is not q.VAR_KEYWORD]
    needs = error_name(lambda: cls([leaf()]).step())
    word, _ = stepped(cls)
    columns = {
        "closure": "required" if needs == "TypeError" else "optional",
        "closure_mode": "/".join(closure_mode(cls, around) for around in OUTER),
        "params": word,
        "nonleaf": error_name(lambda: cls([p * 2])) or "accepted",
        "frozen": error_name(lambda: cls([torch.ones(2, 2)])) or "accepted",
        "empty": error_name(lambda: cls([])) or "accepted",
        "zero_grad": "none" if zeroed(cls) else "zeros",
    }
    return "  ".join([f"torch.optim.{cls.__name__}({', '.join(named)})", *(f"{k}={v}" for k, v in columns.items())])


def zeroed(cls: type) -> bool:
    """Whether `zero_grad()` sets gradients to None."""
    p = leaf()
    optimizer = cls([p])
    give_gradient(cls, p)
    optimizer.zero_grad()
    return p.grad is None


def scheduler_row(cls: type) -> str:
    named = [n for n, q in inspect.signature(cls).parameters.items() if q.kind is not q.VAR_KEYWORD]
    return f"{cls.__module__}.{cls.__name__}({', '.join(named)})  kind=scheduler"


def table(only: str = "") -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [row(cls) for cls in optimizers()] + [scheduler_row(cls) for cls in schedulers()]
    return [line for line in made if only in line.partition("(")[0]]
