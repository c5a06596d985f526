"""What stands in which module: the whole of the engine by torch's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import amp, dtypes, errors, modes, printing, random, results, things
from ..autograd import calls, forward, function, functional, hooks
from ..func import transforms
from ..graph import Node
from ..hooks import RemovableHandle
from ..ops import adaptive, conv, data, sampling
from ..ops.common import broadcast_shape
from ..tensor import Tensor
from ..utils import serialization
from . import namespaces
from .aliases import ALIASES, RENAMED
from .call import in_place, public
from .modules import stand_in
from .names import offered


def function_named(name: str, found: dict[str, Callable[..., Any]]) -> Callable[..., Any] | None:
    made = found.get(RENAMED.get(name, ALIASES.get(name, name)))
    return None if made is None else public(made, name)


def _constants() -> dict[str, Any]:
    kinds = {kind.name: kind for kind in dtypes.ALL}
    return {
        **kinds, **dtypes.ALIASES, "pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None,
        **{each.name: each for each in (*things.LAYOUTS, *things.MEMORY_FORMATS)},
    }  # fmt: skip


class _TypeMeta(type):
    """`isinstance(x, torch.FloatTensor)` asks for the dtype."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype  # type: ignore[attr-defined]


def _typed(kind: dtypes.dtype) -> Any:
    """`torch.FloatTensor` and its kin."""

    def __new__(cls: Any, *args: Any, **kwargs: Any) -> Tensor:
        return data.construct(Tensor, *args, dtype=kind)

    return _TypeMeta(f"{kind.short}Tensor", (), {"__new__": __new__, "dtype": kind, "__module__": "torch"})


def _is_tensor(obj: Any) -> bool:
    return isinstance(obj, Tensor)


def _numel(input: Tensor) -> int:
    return input.numel()


def _broadcast_shapes(*shapes: Any) -> things.Size:
    return things.Size(broadcast_shape(*[(each,) if isinstance(each, int) else tuple(each) for each in shapes]))


def _set_default_dtype(d: Any) -> None:
    dtypes.set_default(d)


def _ignored(*args: Any, **kwargs: Any) -> None:
    """A setting of how fast things run, which changes no result."""


def _helpers() -> dict[str, Any]:
    return {
        "is_tensor": _is_tensor, "is_grad_enabled": modes.is_grad_enabled, "numel": _numel,
        "is_inference_mode_enabled": modes.is_inference_mode_enabled, "no_grad": modes.no_grad,
        "enable_grad": modes.enable_grad, "set_grad_enabled": modes.set_grad_enabled,
        "inference_mode": modes.inference_mode, "Tensor": Tensor, "Size": things.Size, "device": things.device,
        "dtype": dtypes.dtype, "layout": things.layout, "memory_format": things.memory_format, "finfo": things.finfo,
        "iinfo": things.iinfo, "Generator": random.Generator, "default_generator": random.default_generator,
        "manual_seed": random.manual_seed, "seed": random.seed, "initial_seed": random.initial_seed,
        "get_rng_state": random.get_rng_state, "set_rng_state": random.set_rng_state,
        "set_printoptions": printing.set_printoptions, "get_default_dtype": dtypes.default_float,
        "set_default_dtype": _set_default_dtype, "promote_types": dtypes.promote, "result_type": dtypes.result_type,
        "can_cast": dtypes.can_cast, "broadcast_shapes": _broadcast_shapes, "set_num_threads": _ignored,
        "get_num_threads": lambda: 1, "set_num_interop_threads": _ignored, "get_num_interop_threads": lambda: 1,
        "set_flush_denormal": lambda mode: False, "set_float32_matmul_precision": _ignored,
        "get_float32_matmul_precision": lambda: "highest", "use_deterministic_algorithms": _ignored,
        "are_deterministic_algorithms_enabled": lambda: False, "autocast": amp.autocast, "GradScaler": amp.GradScaler,
        "is_autocast_enabled": amp.is_autocast_enabled, "is_autocast_cpu_enabled": amp.is_autocast_cpu_enabled,
        "clear_autocast_cache": amp.clear_autocast_cache, "get_autocast_dtype": amp.get_autocast_dtype,
        "is_floating_point": lambda input: input.is_floating_point(),
        "is_complex": lambda input: input.is_complex(), "is_inference": lambda input: input.is_inference(),
        "is_nonzero": bool, "compiled_with_cxx11_abi": lambda: True, "__version__": f"{modes.VERSIONS[0]}.0+gradlint",
        "get_default_device": lambda: things.CPU,
        "dropout": _dropout, "dropout_": _dropping_in_place(sampling.dropout),
        "alpha_dropout_": _dropping_in_place(sampling.alpha_dropout),
        "feature_alpha_dropout_": _dropping_in_place(sampling.alpha_dropout, feature=True),
        "feature_dropout_": _dropping_in_place(sampling.feature_dropout),
        "save": serialization.save, "load": serialization.load,
        "vmap": transforms.vmap, "adaptive_max_pool1d": _pool_with_places,
    }  # fmt: skip


def _pool_with_places(input: Tensor, output_size: Any) -> Any:
    """`torch.adaptive_max_pool1d`, which is not the function of that name in `torch.nn.functional`."""
    return adaptive.adaptive_max_pool1d(input, output_size, return_indices=True)


_pool_with_places.__name__ = _pool_with_places.__qualname__ = "adaptive_max_pool1d"


def _dropout(input: Tensor, p: float, train: bool) -> Tensor:
    return sampling.dropout(input, p, train)


def _in_place(name: str, found: dict[str, Callable[..., Any]]) -> Callable[..., Any] | None:
    """`torch.sigmoid_`, which is the method of that name, or made of what is only a function."""
    method = Tensor.__dict__.get(name)
    plain = found.get(ALIASES.get(name[:-1], name[:-1]))
    if callable(method):
        return _of_a_tensor(method, name)
    return in_place(plain, name) if name in WRITING and plain is not None else None


def _of_a_tensor(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            raise errors.not_a_tensor(name, "input", 1, input)
        return method(input, *args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__module__ = "torch"
    return call


# Functions that write into their input, and have no method of their name.
WRITING = frozenset({"celu_", "selu_", "rrelu_", "threshold_"})


def _dropping_in_place(function: Callable[..., Any], **more: Any) -> Callable[..., Any]:
    return lambda input, p, train: function(input, p, train, inplace=True, **more)


def build_torch(found: dict[str, Callable[..., Any]]) -> None:
    contents: dict[str, Any] = {}
    for name in offered()["torch"]:
        made = function_named(name, found)
        if made is None and name.endswith("_") and not name.startswith("_"):
            made = _in_place(name, found)
        if made is not None and name not in NOT_IN_TORCH:
            contents[name] = made
    for kind in dtypes.ALL:
        contents[f"{kind.short}Tensor"] = _typed(kind)
    contents.update(_constants())
    contents.update(_helpers())
    contents["conv1d"], contents["conv2d"], contents["conv3d"] = conv.conv1d, conv.conv2d, conv.conv3d
    stand_in("torch", contents)


# Names that mean something else in torch's own module than among the operators.
NOT_IN_TORCH = frozenset({"float", "int", "bool", "half", "double", "long", "short", "layout", "device", "normalize"})


def build_autograd() -> None:
    grad_mode = {
        name: getattr(modes, name)
        for name in ("no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "set_multithreading_enabled")
    }
    stand_in("torch.autograd.grad_mode", grad_mode)
    stand_in("torch.autograd.function", {
        name: getattr(function, name)
        for name in ("Function", "FunctionCtx", "BackwardCFunction", "FunctionMeta", "InplaceFunction",
                     "once_differentiable")
    })  # fmt: skip
    stand_in("torch.autograd.functional", {
        name: getattr(functional, name) for name in ("jacobian", "hessian", "vjp", "jvp", "vhp", "hvp")
    })  # fmt: skip
    stand_in("torch.autograd.graph", {
        "Node": Node, "GradientEdge": calls.GradientEdge, "get_gradient_edge": calls.get_gradient_edge,
        **{name: getattr(hooks, name) for name in (
            "saved_tensors_hooks", "save_on_cpu", "disable_saved_tensors_hooks", "register_multi_grad_hook",
            "increment_version")},
    })  # fmt: skip
    anomaly = {name: getattr(hooks, name) for name in ("detect_anomaly", "set_detect_anomaly")}
    stand_in("torch.autograd.anomaly_mode", anomaly)
    stand_in("torch.autograd.forward_ad", {
        "dual_level": forward.dual_level, "make_dual": forward.make_dual, "unpack_dual": forward.unpack_dual,
        "UnpackedDualTensor": forward.UnpackedDualTensor,
    })  # fmt: skip
    stand_in("torch.autograd", {
        "backward": calls.backward, "grad": calls.grad, "Function": function.Function, "Variable": Variable,
        **grad_mode, **anomaly,
    })  # fmt: skip
    stand_in("torch", {"is_anomaly_enabled": hooks.is_anomaly_enabled})
    stand_in("torch._C", {
        "_set_grad_enabled": modes.switch_grad, "is_grad_enabled": modes.is_grad_enabled,
        "is_inference_mode_enabled": modes.is_inference_mode_enabled, "is_anomaly_enabled": hooks.is_anomaly_enabled,
    })  # fmt: skip


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """`torch.autograd.Variable`, which is a tensor today."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        made = data.detach()
        return made.requires_grad_() if requires_grad else made


def build(found: dict[str, Callable[..., Any]]) -> None:
    """Make all modules."""
    build_torch(found)
    build_autograd()
    namespaces.build(found)
    stand_in("torch.return_types", {name: kind for name, kind in vars(results).items() if name[:1].islower()})
    stand_in("torch.utils.hooks", {"RemovableHandle": RemovableHandle})
