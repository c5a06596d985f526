"""State dictionaries: what `Module.state_dict` and `load_state_dict` do."""

from __future__ import annotations

import itertools
from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from typing import Any

from ..modes import grad_mode
from ..tensor import Tensor, needs_grad
from ..things import Size
from .parameter import Parameter

IncompatibleKeys = namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])


class _IncompatibleKeys(IncompatibleKeys):
    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


_EXTRA = "_extra_state"


def state_dict(module: Any, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
    if args:
        destination = args[0] if destination is None else destination
        prefix = args[1] if len(args) > 1 and not prefix else prefix
        keep_vars = args[2] if len(args) > 2 and not keep_vars else keep_vars
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    local = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local
    for hook in module._state_dict_pre_hooks.values():
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in module._state_dict_hooks.values():
        changed = hook(module, destination, prefix, local)
        if changed is not None and not getattr(hook, "_from_public_api", False):
            destination = changed
    return destination


def save_own(module: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
    """The parameters and persistent buffers of one module, without those below it."""
    for name, value in itertools.chain(module._parameters.items(), module._buffers.items()):
        if value is not None and name not in module._non_persistent_buffers_set:
            destination[prefix + name] = value if keep_vars else value.detach()
    kind = type(module)
    from .module import Module

    if kind.get_extra_state is not Module.get_extra_state:
        destination[prefix + _EXTRA] = module.get_extra_state()


def load_state_dict(module: Any, state: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
    if not isinstance(state, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state)}.")
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []
    metadata = getattr(state, "_metadata", None)
    copied = OrderedDict(state)

    def load(each: Any, part: Any, prefix: str) -> None:
        local = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local["assign_to_params_buffers"] = assign
        each._load_from_state_dict(part, prefix, local, True, missing, unexpected, errors)
        for name, child in each._modules.items():
            if child is not None:
                inner = f"{prefix}{name}."
                load(child, {key: value for key, value in part.items() if key.startswith(inner)}, inner)
        outcome = _IncompatibleKeys(missing, unexpected)
        for hook in each._load_state_dict_post_hooks.values():
            hook(each, outcome)

    load(module, copied, "")
    if strict:
        for what, keys in (("Unexpected", unexpected), ("Missing", missing)):
            if keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                errors.insert(0, f"{what} key(s) in state_dict: {listed}. ")
    if errors:
        told = "\n\t".join(errors)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{told}")
    return _IncompatibleKeys(missing, unexpected)


def load_own(
    module: Any, state: Any, prefix: str, local: Any, strict: bool, missing: list[str], unexpected: list[str],
    errors: list[str],
) -> None:  # fmt: skip
    for hook in module._load_state_dict_pre_hooks.values():
        hook(state, prefix, local, strict, missing, unexpected, errors)
    persistent = {
        name: value for name, value in module._buffers.items() if name not in module._non_persistent_buffers_set
    }
    for name, value in itertools.chain(module._parameters.items(), persistent.items()):
        if value is None:
            continue
        key = prefix + name
        if key not in state:
            if strict:
                missing.append(key)
            continue
        _load_one(module, name, value, key, state[key], local.get("assign_to_params_buffers", False), errors)
    _load_extra(module, state, prefix, strict, missing, unexpected)
    if strict:
        known = {**module._modules, **dict(module._parameters), **persistent}
        for key in state:
            if key.startswith(prefix) and key != prefix + _EXTRA:
                first = key[len(prefix) :].split(".", 1)
                if (len(first) > 1 and first[0] not in module._modules) or (len(first) == 1 and first[0] not in known):
                    unexpected.append(key)


def _load_one(module: Any, name: str, held: Any, key: str, value: Any, assign: bool, errors: list[str]) -> None:
    if not isinstance(value, Tensor):
        errors.append(
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from checkpoint '
            f"but received {type(value)}"
        )
        return
    if not held._array.ndim and value._array.shape == (1,):
        value = value[0]
    if value._array.shape != held._array.shape:
        errors.append(
            f"size mismatch for {key}: copying a param with shape {Size(value._array.shape)} from checkpoint, the "
            f"shape in current model is {Size(held._array.shape)}."
        )
        return
    if assign:
        if isinstance(held, Parameter) and not isinstance(value, Parameter):
            value = Parameter(value, requires_grad=needs_grad(held))
        setattr(module, name, value)
        return
    try:
        with grad_mode(False):
            held.copy_(value)
    except Exception as error:
        errors.append(
            f'While copying the parameter named "{key}", whose dimensions in the model are {Size(held._array.shape)} '
            f"and whose dimensions in the checkpoint are {Size(value._array.shape)}, an exception occurred : "
            f"{error.args}."
        )


def _load_extra(module: Any, state: Any, prefix: str, strict: bool, missing: list[str], unexpected: list[str]) -> None:
    from .module import Module

    key = prefix + _EXTRA
    if type(module).set_extra_state is not Module.set_extra_state:
        if key in state:
            module.set_extra_state(state[key])
        elif strict:
            missing.append(key)
    elif strict and key in state:
        unexpected.append(key)
