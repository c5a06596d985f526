"""The base of all optimizers: parameter groups, state, hooks, and the grad mode in which a step runs."""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from ..dtypes import float32, float64
from ..hooks import HookDict, add_hook
from ..modes import grad_mode, mode
from ..ops.data import tensor
from ..tensor import Tensor, node_of


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def stepping(function: Callable[..., Any]) -> Callable[..., Any]:
    """A step runs with grad off, unless the optimizer is differentiable; the mode outside comes back afterwards."""

    @functools.wraps(function)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        with grad_mode(bool(self.defaults.get("differentiable", False))):
            return function(self, *args, **kwargs)

    return step


def evaluated(closure: Callable[[], Any] | None) -> Any:
    """The loss of a closure, which always sees grad mode on."""
    if closure is None:
        return None
    with grad_mode(True):
        return closure()


class Optimizer:
    """`torch.optim.Optimizer`"""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._optimizer_step_pre_hooks = HookDict()
        self._optimizer_step_post_hooks = HookDict()
        self._optimizer_state_dict_pre_hooks = HookDict()
        self._optimizer_state_dict_post_hooks = HookDict()
        self._optimizer_load_state_dict_pre_hooks = HookDict()
        self._optimizer_load_state_dict_post_hooks = HookDict()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"torch.{params._dtype.short}Tensor"
            )
        self.state: Any = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_step_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        raise NotImplementedError

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        given = list(params)
        group: dict[str, Any] = {"params": given}
        if given and all(isinstance(each, tuple) and len(each) == 2 for each in given):
            group = {"params": [each for _, each in given], "param_names": [name for name, _ in given]}
        group.update({key: value for key, value in param_group.items() if key != "params"})
        for each in group["params"]:
            if not isinstance(each, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {_type_name(each)}")
            if not self.defaults.get("differentiable") and not (node_of(each) is None or each.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        if len(set(group["params"])) != len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                UserWarning,
                stacklevel=3,
            )
        known = {each for other in self.param_groups for each in other["params"]}
        if not known.isdisjoint(group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for group in self.param_groups:
            for each in group["params"]:
                if each._meta is None or each._meta.grad is None:
                    continue
                if set_to_none:
                    each.grad = None
                    continue
                if node_of(each.grad) is not None:
                    each.grad.detach_()
                else:
                    each.grad.requires_grad_(False)
                each.grad.zero_()

    # state

    def state_dict(self) -> dict[str, Any]:
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for each in group["params"]:
                numbers.setdefault(id(each), len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(each)] for each in group["params"]]
            groups.append(packed)
        state = {numbers[id(key)] if isinstance(key, Tensor) else key: value for key, value in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state_dict = dict(state_dict)
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for mine, theirs in zip(self.param_groups, saved, strict=True):
            if len(mine["params"]) != len(theirs["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )
        numbers = dict(
            zip(
                chain.from_iterable(group["params"] for group in saved),
                chain.from_iterable(group["params"] for group in self.param_groups),
                strict=True,
            )
        )
        state: Any = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in numbers:
                state[numbers[key]] = _as_of(numbers[key], value)
            else:
                state[key] = value
        for mine, theirs in zip(self.param_groups, saved, strict=True):
            theirs["params"] = mine["params"]
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_state_dict_pre",
                     "load_state_dict_post"):  # fmt: skip
            self.__dict__.setdefault(f"_optimizer_{name}_hooks", HookDict())

    # hooks

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Any:
        return add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Any:
        return add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Any:
        return add_hook(self._optimizer_state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Any:
        return add_hook(self._optimizer_state_dict_post_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Any:
        return add_hook(self._optimizer_load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Any:
        return add_hook(self._optimizer_load_state_dict_post_hooks, hook)

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for at, group in enumerate(self.param_groups):
            text += f"\nParameter Group {at}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"

    def with_grad(self, group: dict[str, Any]) -> Iterable[tuple[Tensor, Tensor]]:
        """The parameters of a group that have a gradient, with it (negated where the group maximizes)."""
        for each in group["params"]:
            grad = None if each._meta is None else each._meta.grad
            if grad is not None:
                yield each, (-grad if group.get("maximize") else grad)


def _with_step_hooks(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        for hook in list(self._optimizer_step_pre_hooks.values()):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"{function} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                args, kwargs = changed
        result = function(self, *args, **kwargs)
        for hook in list(self._optimizer_step_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return step


def _as_of(parameter: Tensor, value: Any, key: Any = None) -> Any:
    """Loaded state as it goes with a parameter: floats in its dtype, the step count as it is."""
    if isinstance(value, Tensor):
        if key == "step":
            return value
        return value.to(parameter._dtype) if parameter._dtype.is_floating_point else value
    if isinstance(value, dict):
        return {name: _as_of(parameter, each, name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_as_of(parameter, each) for each in value)
    return value


def _type_name(value: Any) -> str:
    return type(value).__name__


def add_to(tensor: Tensor, other: Tensor, factor: Any) -> None:
    """`tensor.add_(other, alpha=factor)`, without asking what cannot be where nothing is recorded and both are plain."""
    array, values, count = tensor._array, other._array, tensor._counter
    if (
        mode.grad or mode.forward is not None or count is None or count.copies is not None
        or tensor._dtype is not other._dtype or tensor._dtype not in PLAIN or array.shape != values.shape
        or not array.flags.c_contiguous or np.may_share_memory(array, values)
    ):  # fmt: skip
        tensor.add_(other, alpha=factor)
        return
    np.add(array, values if factor == 1 else values * factor, array)
    count.n += 1


PLAIN = frozenset({float32, float64})


def counter() -> Tensor:
    """A new step count."""
    return tensor(0.0)


def check_rate(lr: Any, name: str = "learning rate") -> None:
    if isinstance(lr, Tensor):
        lr = lr.item()
    if lr < 0:
        raise ValueError(f"Invalid {name}: {lr}")


Optimizer.__module__ = "torch.optim.optimizer"
