"""The modules below `torch`: nn, optim, func, distributions, utils and the rest."""

from __future__ import annotations

import inspect
import multiprocessing
from collections.abc import Callable
from typing import Any

from .. import amp, random
from ..distributions import base, continuous, discrete, kl
from ..func import transforms
from ..hooks import add_hook
from ..nn import (
    containers,
    convolution,
    init,
    lazy,
    linear,
    loss,
    module,
    normalisation,
    parameter,
    recurrent,
    simple,
    spatial,
    transformer,
)  # fmt: skip
from ..ops import normalise, sampling
from ..ops.linalg import LinAlgError
from ..optim import averaged, descent, lbfgs, optimizer, schedulers
from ..tensor import Tensor
from ..utils import checkpoint, clip, serialization
from ..utils import data as data_utils
from .call import in_place, public
from .modules import stand_in
from .names import offered

_LAYERS = (containers, convolution, lazy, linear, loss, normalisation, recurrent, simple, spatial, transformer)


def _classes(source: Any, kind: type) -> dict[str, Any]:
    return {
        name: value for name, value in vars(source).items()
        if isinstance(value, type) and issubclass(value, kind) and not name.startswith("_")
    }  # fmt: skip


def _layers() -> dict[str, Any]:
    found: dict[str, Any] = {"Module": module.Module}
    for source in _LAYERS:
        found.update(_classes(source, module.Module))
    known = offered()["torch.nn"] | offered()["torch.nn.modules"]
    made = {}
    for name, kind in found.items():
        if name in known or name in ("RNNBase", "RNNCellBase"):
            kind.__module__ = "torch.nn.modules"
            made[name] = kind
    return made


def _functional(found: dict[str, Callable[..., Any]]) -> dict[str, Any]:
    contents: dict[str, Any] = {}
    for name in offered()["torch.nn.functional"]:
        own = f"functional_{name}"
        if own in found or name in found:
            contents[name] = public(found.get(own) or found[name], name)
        elif name.endswith("_") and name[:-1] in found and name[:-1] in offered()["torch.nn.functional"]:
            contents[name] = in_place(found[name[:-1]], name)
    for dims in (1, 2, 3):
        contents[f"dropout{dims}d"] = sampling.feature_dropout
    contents["feature_alpha_dropout"] = _feature_alpha_dropout
    contents["normalize"] = normalise.normalize
    for name, kind in _INPLACE.items():
        contents[name] = _inplace_flag(found[name], kind)
    contents["has_torch_function"] = lambda *args: False
    return contents


def _feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    return sampling.alpha_dropout(input, p, training, inplace, feature=True)


_INPLACE = dict.fromkeys(
    ("relu", "relu6", "leaky_relu", "elu", "celu", "selu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh",
     "threshold"), ""
)  # fmt: skip


def _inplace_flag(function: Callable[..., Any], kind: str) -> Callable[..., Any]:
    """An activation with torch's `inplace=` argument."""
    plain, writing = public(function), in_place(function, f"{function.__name__}_")
    parameters = list(inspect.signature(function).parameters)
    at = parameters.index("inplace") if "inplace" in parameters else len(parameters)

    def call(*args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        if len(args) > at:
            args, inplace = (*args[:at], *args[at + 1 :]), args[at]
        return writing(*args, **kwargs) if inplace else plain(*args, **kwargs)

    call.__name__ = call.__qualname__ = function.__name__
    return call


def _special(found: dict[str, Callable[..., Any]], prefix: str) -> dict[str, Any]:
    """The operators of `torch.special` or `torch.linalg`, most of which have other names in `torch` as well."""
    contents = {}
    for name in offered()[prefix]:
        function = found.get(f"{prefix.rpartition('.')[2]}_{name}") or found.get(_SPECIAL.get(name, name))
        if function is not None:
            contents[name] = public(function, name)
    return contents


_SPECIAL = {"expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma"}


def build(found: dict[str, Callable[..., Any]]) -> None:
    layers = _layers()
    stand_in("torch.nn.parameter", {
        name: getattr(parameter, name)
        for name in ("Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer", "is_lazy")
    })  # fmt: skip
    stand_in("torch.nn.functional", _functional(found))
    stand_in("torch.nn.init", {
        name: value for name, value in vars(init).items() if callable(value) and name in offered()["torch.nn.init"]
    })  # fmt: skip
    stand_in("torch.nn.modules", layers)
    stand_in("torch.nn.modules.module", {"Module": module.Module, **_global_hooks()})
    for name in ("activation", "batchnorm", "container", "conv", "dropout", "linear", "loss", "normalization", "rnn"):
        stand_in(f"torch.nn.modules.{name}", layers)
    stand_in("torch.nn", {**layers, "Parameter": parameter.Parameter, "Buffer": parameter.Buffer})
    clipping = {
        name: getattr(clip, name)
        for name in ("clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters",
                     "get_total_norm", "clip_grads_with_norm_")
    }  # fmt: skip
    stand_in("torch.nn.utils", clipping)
    stand_in("torch.nn.utils.clip_grad", clipping)
    stand_in("torch.nn.utils.stateless", {"functional_call": transforms.functional_call})
    optimizers = {
        **_classes(descent, optimizer.Optimizer),
        **_classes(averaged, optimizer.Optimizer),
        "LBFGS": lbfgs.LBFGS,
        "Optimizer": optimizer.Optimizer,
    }
    stand_in("torch.optim", optimizers)
    stand_in("torch.optim.optimizer", {"Optimizer": optimizer.Optimizer, "required": optimizer.required})
    rates = _classes(schedulers, schedulers.LRScheduler)
    stand_in("torch.optim.lr_scheduler", {**rates, "_LRScheduler": schedulers.LRScheduler})
    stand_in("torch.func", {
        name: getattr(transforms, name)
        for name in ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "vmap", "functional_call")
    })  # fmt: skip
    distributions = {
        **{name: kind for source in (continuous, discrete) for name, kind in _classes(source, base.Distribution).items()},
        "Distribution": base.Distribution, "kl_divergence": kl.kl_divergence, "register_kl": kl.register_kl,
    }  # fmt: skip
    for kind in distributions.values():
        kind.__module__ = "torch.distributions"
    stand_in("torch.distributions", distributions)
    for name in ("normal", "categorical", "bernoulli", "uniform", "independent", "kl", "distribution", "exponential"):
        stand_in(f"torch.distributions.{name}", distributions)
    stand_in("torch.linalg", {**_special(found, "torch.linalg"), "LinAlgError": LinAlgError})
    stand_in("torch.special", _special(found, "torch.special"))
    stand_in("torch.fft", _special(found, "torch.fft"))
    _build_utils()
    _build_devices()


def _global_hooks() -> dict[str, Any]:
    def registering(place: str) -> Callable[..., Any]:
        def register(hook: Callable[..., Any], **options: Any) -> Any:
            return add_hook(module.GLOBAL[place], hook)

        return register

    return {
        "register_module_forward_hook": registering("_forward_hooks"),
        "register_module_forward_pre_hook": registering("_forward_pre_hooks"),
        "register_module_full_backward_hook": registering("_backward_hooks"),
        "register_module_full_backward_pre_hook": registering("_backward_pre_hooks"),
        "register_module_module_registration_hook": registering("_module_registration"),
        "register_module_parameter_registration_hook": registering("_parameter_registration"),
        "register_module_buffer_registration_hook": registering("_buffer_registration"),
    }  # fmt: skip


def _build_utils() -> None:
    stand_in("torch.utils.checkpoint", {
        name: getattr(checkpoint, name)
        for name in ("checkpoint", "checkpoint_sequential", "CheckpointFunction", "CheckpointError",
                     "check_backward_validity", "detach_variable")
    })  # fmt: skip
    loading = {
        name: value for name, value in vars(data_utils).items()
        if name in offered()["torch.utils.data"] and callable(value)
    }  # fmt: skip
    stand_in("torch.utils.data", loading)
    stand_in("torch.random", {
        name: getattr(random, name)
        for name in ("manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state", "fork_rng",
                     "default_generator")
    })  # fmt: skip
    scaling = {name: getattr(amp, name) for name in (
        "autocast", "GradScaler", "custom_fwd", "custom_bwd", "is_autocast_available")}  # fmt: skip
    stand_in("torch.amp", scaling)
    stand_in("torch.multiprocessing", _processes())
    stand_in("torch.version", {"__version__": "2.13.0", "cuda": None, "hip": None, "debug": False, "git_version": None})


def _processes() -> dict[str, Any]:
    """Python's own multiprocessing, which learns here how tensors are sent."""
    serialization.register_reductions()
    return {name: getattr(multiprocessing, name) for name in multiprocessing.__all__} | {
        "get_all_sharing_strategies": lambda: {"file_descriptor", "file_system"},
        "get_sharing_strategy": lambda: "file_descriptor", "set_sharing_strategy": lambda new_strategy: None,
    }  # fmt: skip


def _no_device(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("Torch not compiled with CUDA enabled")


def _build_devices() -> None:
    """There is a CPU and nothing else, and every question about devices says so."""
    nothing = {
        "is_available": lambda: False, "device_count": lambda: 0, "is_initialized": lambda: False,
        "empty_cache": lambda: None, "manual_seed": lambda seed: None, "manual_seed_all": lambda seed: None,
        "synchronize": _no_device, "current_device": _no_device,
    }  # fmt: skip
    stand_in("torch.cuda", nothing)

    class _Scaler(amp.GradScaler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__("cuda", *args, **kwargs)

    class _Autocast(amp.autocast):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__("cuda", *args, **kwargs)

    stand_in("torch.cuda.amp", {"GradScaler": _Scaler, "autocast": _Autocast})
    stand_in("torch.backends.cudnn", {
        "enabled": True, "benchmark": False, "deterministic": False, "is_available": lambda: False,
        "version": lambda: None,
    })  # fmt: skip
    stand_in("torch.backends.mps", {"is_available": lambda: False, "is_built": lambda: False})
    stand_in("torch.backends.cuda", {"is_built": lambda: False})
