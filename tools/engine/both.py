"""PyTorch and the engine in one process: carrying values and functions from the one to the other.

In: torch objects, functions that use torch, nested arguments. Out: the same for the engine. Results come back as numpy
arrays, so that they can be compared.
"""

from __future__ import annotations

import functools
import importlib
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from gradlint_runtime import assemble
from gradlint_runtime.dtypes import bfloat16
from gradlint_runtime.errors import Unsupported
from gradlint_runtime.tensor import Tensor, Version, _new, meta_of

engine = assemble()


class Untranslatable(Exception):
    """Nothing on the engine's side stands for this."""


def dtype_of(kind: torch.dtype) -> Any:
    made = engine.__dict__.get(str(kind).removeprefix("torch."))
    if made is None:
        raise Untranslatable(str(kind))
    return made


def to_engine(tensor: torch.Tensor, requires_grad: bool | None = None) -> Tensor:
    """A leaf of the engine with the same values in the same memory layout."""
    kind = dtype_of(tensor.dtype)
    if tensor.layout is not torch.strided:
        raise Untranslatable(f"layout {tensor.layout}")
    source = tensor.detach().resolve_conj().resolve_neg()
    array = source.float().numpy() if kind is bfloat16 else source.numpy()
    made = _new(Tensor)
    made._array, made._dtype, made._counter, made._meta = _copied(array, source), kind, Version(), None
    if tensor.requires_grad if requires_grad is None else requires_grad:
        meta_of(made).flag = True
    return made


def _copied(array: np.ndarray, source: torch.Tensor) -> np.ndarray:
    """A copy of the memory behind an array, and the same geometry over it."""
    if array.size == 0 or source.is_contiguous():
        return array.copy("C")
    storage = source.untyped_storage()
    flat = torch.empty(0, dtype=source.dtype).set_(storage).numpy().copy() if source.dtype != torch.bfloat16 else None
    if flat is None:
        return array.copy("K")
    step = array.dtype.itemsize
    return np.lib.stride_tricks.as_strided(
        flat[source.storage_offset() :], array.shape, [stride * step for stride in source.stride()]
    )


_PLAIN = (int, float, complex, bool, str, bytes, type(None), slice, type(Ellipsis), np.ndarray, np.generic, range)


def translate(value: Any, seen: dict[int, Any] | None = None) -> Any:
    """The engine's counterpart of a value. A tensor that occurs twice is one tensor on the engine too."""
    seen = {} if seen is None else seen
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            seen[id(value)] = to_engine(value)
        return seen[id(value)]
    if isinstance(value, torch.dtype):
        return dtype_of(value)
    if isinstance(value, torch.Size):
        return engine.Size(value)
    if isinstance(value, torch.device):
        return engine.device(str(value))
    if isinstance(value, torch.layout | torch.memory_format):
        return getattr(engine, str(value).removeprefix("torch."))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return tuple(translate(each, seen) for each in value)
    if isinstance(value, list | tuple | set):
        return type(value)(translate(each, seen) for each in value)
    if isinstance(value, dict):
        return {key: translate(each, seen) for key, each in value.items()}
    if isinstance(value, slice):
        return slice(*(translate(each, seen) for each in (value.start, value.stop, value.step)))
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, torch.nn.Module):
        return module_of(value, seen)
    if callable(value):
        return function_of(value)
    raise Untranslatable(type(value).__name__)


def module_of(module: torch.nn.Module, seen: dict[int, Any]) -> Any:
    """The engine's module with the same parameters, children and settings."""
    name = type(module).__name__
    kind = getattr(importlib.import_module("gradlint_runtime.nn.transformer"), name, None) or getattr(engine.nn, name)
    made = kind.__new__(kind)
    engine.nn.Module.__init__(made)
    for key, value in vars(module).items():
        if not key.endswith("_hooks") and "_hooks_" not in key and key not in ("_parameters", "_buffers", "_modules"):
            setattr(made, key, translate(value, seen))
    for key, parameter in module._parameters.items():
        held = (
            None if parameter is None else engine.nn.Parameter(translate(parameter.detach()), parameter.requires_grad)
        )
        made.register_parameter(key, held)
    for key, buffer in module._buffers.items():
        made.register_buffer(key, None if buffer is None else translate(buffer, seen))
    for key, child in module._modules.items():
        made.add_module(key, None if child is None else module_of(child, seen))
    return made


@functools.cache
def _paths() -> dict[int, str]:
    """Where each object of torch is found."""
    found: dict[int, str] = {}
    modules = {
        "torch": torch, "torch.nn.functional": torch.nn.functional, "torch.linalg": torch.linalg,
        "torch.special": torch.special, "torch.fft": torch.fft, "torch.Tensor": torch.Tensor, "torch.nn": torch.nn,
        "torch.autograd": torch.autograd, "torch.signal.windows": torch.signal.windows, "torch.masked": torch.masked,
        "torch.optim": torch.optim, "torch.optim.lr_scheduler": torch.optim.lr_scheduler, "torch.nn.init": torch.nn.init,
    }  # fmt: skip
    for name, module in modules.items():
        found.setdefault(id(module), name)
        for attribute in dir(module):
            value = getattr(module, attribute, None)
            if value is not None and not isinstance(value, _PLAIN):
                found.setdefault(id(value), f"{name}.{attribute}")
    return found


def at_path(path: str) -> Any:
    value: Any = engine
    for part in path.split(".")[1:]:
        value = getattr(value, part)
    return value


def function_of(function: Callable[..., Any]) -> Any:
    """The engine's function for one of torch's, or a Python function with the engine where it names torch."""
    path = _paths().get(id(function))
    if path is not None:
        return at_path(path)
    if isinstance(function, functools.partial):
        return functools.partial(function_of(function.func), *translate(function.args), **translate(function.keywords))
    if isinstance(function, types.FunctionType):
        return _with_engine(function)
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__objclass__", None)
    if owner is not None and hasattr(torch.Tensor, name):
        return getattr(Tensor, name)
    if getattr(function, "__module__", "").split(".")[0] != "torch":
        return function
    raise Untranslatable(repr(function))


# By identity, each with the function it was made from: while that lives, no other has its identity.
_translated: dict[int, tuple[Any, Any]] = {}


def _with_engine(function: types.FunctionType) -> types.FunctionType:
    if id(function) in _translated:
        return _translated[id(function)][1]
    made = types.FunctionType(function.__code__, {}, function.__name__, None, None if not function.__closure__ else tuple(
        types.CellType() for _ in function.__closure__))  # fmt: skip
    _translated[id(function)] = function, made
    made.__globals__["__builtins__"] = __builtins__
    for name in _names(function.__code__):
        if name in function.__globals__:
            made.__globals__[name] = _global(function.__globals__[name])
    for cell, source in zip(made.__closure__ or (), function.__closure__ or (), strict=True):
        cell.cell_contents = _global(source.cell_contents)
    made.__defaults__ = None if function.__defaults__ is None else tuple(map(_global, function.__defaults__))
    made.__kwdefaults__ = function.__kwdefaults__ and {k: _global(v) for k, v in function.__kwdefaults__.items()}
    return made


def _names(code: types.CodeType) -> Iterable[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _global(value: Any) -> Any:
    if value is torch:
        return engine
    path = _paths().get(id(value))
    if path is not None:
        try:
            return at_path(path)
        except (Unsupported, AttributeError):
            return value
    if isinstance(value, types.FunctionType | functools.partial):
        return function_of(value)
    if isinstance(value, torch.dtype | torch.Tensor | torch.device | torch.layout | torch.memory_format):
        return translate(value)
    return value


def tensors(value: Any, kinds: tuple[type, ...] = (torch.Tensor, Tensor)) -> list[Any]:
    """All tensors in nested results or arguments, in order."""
    if isinstance(value, kinds):
        return [value]
    if isinstance(value, dict):
        return [each for inner in value.values() for each in tensors(inner, kinds)]
    if isinstance(value, list | tuple):
        return [each for inner in value for each in tensors(inner, kinds)]
    return []


def array_of(tensor: Any) -> np.ndarray:
    if isinstance(tensor, Tensor):
        return tensor._array
    plain = tensor.detach()
    plain = (plain.clone() if plain._is_zerotensor() else plain).resolve_conj().resolve_neg()
    return plain.float().numpy() if plain.dtype is torch.bfloat16 else plain.numpy()


_LOOSE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-5, "complex64": 2e-5, "float64": 1e-9, "complex128": 1e-9}


def close(ours: np.ndarray, theirs: np.ndarray, kind: str, factor: float = 1.0) -> bool:
    if ours.shape != theirs.shape:
        return False
    if theirs.dtype.kind in "iub":
        return bool((ours == theirs).all())
    loose = _LOOSE.get(kind, 1e-5) * factor
    scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)
    return bool(np.allclose(ours, theirs, rtol=loose, atol=loose * max(1.0, float(scale)), equal_nan=True))


def dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")
