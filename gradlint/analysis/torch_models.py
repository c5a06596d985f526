"""The one door to the models of torch and of what is built on it: dispatch by qualified name or class.

Everything the interpreter asks about things outside the project that are no plain Python comes here: external names,
calls, attributes, instances.
"""

from __future__ import annotations

import re
from typing import Any

from gradlint.analysis import (
    layer_rows,
    testing,
    torch_autograd,
    torch_distributions,
    torch_frameworks,
    torch_functions,
    torch_module_calls,
    torch_modules,
    torch_names,
    torch_ops,
    torch_optim,
    torch_unregistered,
)
from gradlint.analysis.classes import externs
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.state import Mode, State
from gradlint.analysis.values import (
    FALSE,
    NONE,
    UNKNOWN,
    Builtin,
    Class,
    Extern,
    Func,
    Instance,
    Opaque,
    Ref,
    Super,
    is_false,
)
from gradlint.records import replace
from gradlint.torch_model import tables

FUNCTION = "torch.autograd.Function"


# -- names


def extern_name(m: Machine, name: str) -> Any:
    """What a dotted name outside the project stands for."""
    return torch_names.value_of(name)


# -- calls


def call_extern(m: Machine, call: Call) -> Any:
    """A function or class of torch."""
    name = call.name
    model = torch_functions.model_of(name)
    if model is not None:
        return model(m, call)
    if torch_modules.is_module_class(name):
        return torch_modules.make_layer(m, call)
    if torch_optim.is_optimizer_class(name):
        return torch_optim.make(m, call)
    if name in ("torch.distributions.kl_divergence", "torch.distributions.kl.kl_divergence"):
        return torch_distributions.divergence(m, call)
    if name.startswith("torch.distributions.") and name.rpartition(".")[2][:1].isupper():
        return torch_distributions.make(m, call)
    row = tables.operator(name)
    if row is not None:
        return torch_ops.apply(m, name, row, call)
    if name.startswith("torch.Tensor.") and call.args:
        return m.services["call"](
            m, Builtin(call.args[0], name.rpartition(".")[2]), call.args[1:], call.kwargs, call.at, call.rest
        )
    if name.startswith("torch.nn.Module.") and call.args and torch_modules.is_module(m, call.args[0]):
        made = torch_module_calls.method(
            m, replace(call, name=name.rpartition(".")[2], self=call.args[0], args=call.args[1:])
        )
        return m.opaque(call.at) if made is None else made
    return _unknown(m, call)


def _unknown(m: Machine, call: Call) -> Any:
    """A function of torch that nothing was measured of."""
    m.services["escape"](m, call.all_args)
    rg = FALSE if is_false(m.recording) else UNKNOWN
    from gradlint.analysis.calls import unknown_result

    return m.opaque(
        call.at,
        unknown_result(m) if rg == FALSE else UNKNOWN,
        tag="call",
        origin=m.origin("unknown", call.at, call.all_args),
    )


def call_other(m: Machine, call: Call) -> Any:
    """A function or class of a package built on torch; None where nothing is known of it."""
    if torch_modules.is_module_class(call.name) and call.name.rpartition(".")[2][:1].isupper():
        return torch_modules.make_layer(m, call)
    return torch_frameworks.call(m, call)


def call_opaque(m: Machine, func: Opaque, call: Call) -> Any:
    """A call of something unknown; None where it is nothing that torch's models know better."""
    from gradlint.analysis import torch_tensors
    from gradlint.analysis.torch_values import known

    if func.symbol[0] == "attr" and func.symbol[2] in testing.EXPECTING:
        return testing.expected(m, call, testing.EXPECTING[func.symbol[2]])
    value = known(m, func)
    if value is not func and isinstance(m.get(value), Instance):
        return m.services["call"](m, value, call.args, call.kwargs, call.at, call.rest)
    if func.kind == "array" and func.symbol[0] == "attr":
        # A method of a numpy array: what it gives is an array or a number.
        return replace(m.opaque(call.at, FALSE, "array", tag="array"), lost=func.lost)
    made = torch_frameworks.call_opaque(m, func, call)
    if made is not None:
        return made
    made = torch_tensors.call_opaque(m, func, call)
    if made is not None:
        return made
    if func.kind == "module":
        return torch_module_calls.call_unknown(m, func, call)
    return None


# -- instances


def special_bases(bases: list[str]) -> str:
    """The external base that decides how a user class behaves: "module", "optimizer", "function" or ""."""
    for name in bases:
        if name == FUNCTION:
            return "function"
        if torch_modules.is_module_class(name):
            return "module"
        if torch_optim.is_optimizer_class(name):
            return "optimizer"
    return ""


def instantiate(m: Machine, ref: Ref, bases: list[str], call: Call) -> Any:
    """Classes whose instances are made in a way of their own; None for all others."""
    if any(base.startswith("enum.") for base in bases):
        return m.opaque(call.at, FALSE, "number", tag="enum")
    return None


def constructed(m: Machine, obj: Ref, before: State) -> None:
    """The constructor of a class in view has ended; it began in the state `before`."""
    if torch_modules.is_module(m, obj):
        torch_unregistered.constructed(m, obj, before)


def initial_attributes(m: Machine, bases: list[str], at: int) -> dict[str, Any]:
    return torch_modules.initial_attributes(m, at) if special_bases(bases) == "module" else {}


def super_init(m: Machine, obj: Ref, base: str, call: Call) -> Any:
    """`__init__` of an external base on an instance of a user class; a value other than None replaces the instance."""
    thing = m.get(obj)
    if not isinstance(thing, Instance):
        return None
    if torch_optim.is_optimizer_class(base):
        torch_optim.build(m, obj, call, call.arg(0, "params", NONE), base)
    elif base in torch_modules.CONTAINERS:
        torch_modules.container(m, obj, base, call)
    elif base in torch_modules.WRAPPERS:
        torch_module_calls.set_attribute(m, obj, "module", call.arg(0, "module", NONE), call.at)
    elif torch_distributions.is_measured(base):
        torch_distributions.initialised(m, obj, base, call)
    elif torch_modules.is_module_class(base) and layer_rows.layer(base) is not None:
        m.put(obj, replace(thing, attrs={**torch_modules.layer_attributes(m, base, call), **thing.attrs}))
    return None


def call_instance(m: Machine, ref: Ref, call: Call) -> Any:
    """`instance(...)` where no class in view defines `__call__`; None where nothing is known."""
    if torch_modules.is_module(m, ref):
        return torch_module_calls.call_module(m, ref, call)
    return None


def extern_attribute(m: Machine, ref: Ref, base: str, name: str, at: int) -> Any:
    """What an external base gives for `instance.name`; None where nothing is known."""
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    if torch_modules.is_module(m, ref):
        made = torch_module_calls.attribute(m, ref, base, name, at)
        return made if made is not None else torch_frameworks.attribute(m, ref, base, name, at)
    if torch_optim.is_optimizer_class(base):
        return torch_optim.attribute(m, ref, name)
    if base.startswith("torch.distributions."):
        return torch_distributions.attribute(m, ref, name, at)
    if base == "torch.amp.GradScaler":
        return Builtin(ref, name)
    if base == "torch.autograd.FunctionCtx":
        if name in torch_autograd.CTX_METHODS:
            return Builtin(ref, name)
        return torch_autograd.ctx_attribute(m, ref, name, at)
    if isinstance(thing.cls, Extern):
        return Builtin(ref, name)
    return torch_frameworks.attribute(m, ref, base, name, at)


def class_attribute(m: Machine, ref: Ref, base: str, name: str, at: int) -> Any:
    """What an external base gives for `Class.name`."""
    if base == FUNCTION and name == "apply":
        return Builtin(ref, "apply")
    return None


def extern_method(m: Machine, call: Call) -> Any:
    """A method of an instance that a base outside the project gives it; None where no model knows it."""
    thing = m.get(call.self)
    assert isinstance(thing, Instance)
    if torch_modules.is_module(m, call.self):
        made = torch_module_calls.method(m, call)
        return made if made is not None else torch_frameworks.method(m, call)
    bases = externs(m, thing.cls) if not isinstance(thing.cls, Extern) else [thing.cls.name]
    for base in bases:
        if torch_optim.is_optimizer_class(base):
            return torch_optim.method(m, call)
        if base.startswith("torch.distributions."):
            return torch_distributions.method(m, call)
        if base == "torch.amp.GradScaler":
            return torch_optim.scaler_method(m, call)
        if base == "torch.utils.hooks.RemovableHandle" and call.name == "remove":
            return _remove_hook(m, thing)
        if base == "torch.autograd.FunctionCtx":
            return _ctx_method(m, call, thing)
    if isinstance(thing.cls, Extern):
        from gradlint.analysis import python_library

        made = python_library.method(m, call, thing)
        if made is not None:
            return made
    return torch_frameworks.method(m, call)


def _ctx_method(m: Machine, call: Call, thing: Instance) -> Any:
    from gradlint.analysis.values import Sequence

    if call.name == "save_for_backward":
        saved = m.alloc(call.at, Sequence("tuple", call.args), "saved")
        m.put(call.self, replace(thing, attrs={**thing.attrs, "saved_tensors": saved}))
    elif call.name == "mark_non_differentiable":
        marked = m.alloc(call.at, Sequence("tuple", call.args), "marked")
        m.put(call.self, replace(thing, attrs={**thing.attrs, torch_autograd.MARKED: marked}))
    return NONE


def _remove_hook(m: Machine, thing: Instance) -> Any:
    from gradlint.analysis.values import Const, Sequence

    module, key = m.get(thing.attrs.get("_of")), thing.attrs.get("_key")
    if isinstance(module, Instance) and isinstance(key, Const) and isinstance(key.value, str):
        hooks = m.get(module.attrs.get(key.value))
        if isinstance(hooks, Sequence):
            m.put(module.attrs[key.value], replace(hooks, items=(), rest=None))
    return NONE


def super_method(m: Machine, owner: Super, name: str, call: Call) -> Any:
    """`super().name(...)` where the next class is an external one; `name` is `base.method`."""
    base, _, short = name.rpartition(".")
    if short == "__init__":
        super_init(m, owner.self, base, replace(call, self=None))
        return NONE
    if short == "__setattr__":
        from gradlint.analysis.attributes import store
        from gradlint.analysis.values import Const

        key = m.simplified(call.arg(0, default=NONE))
        if isinstance(key, Const) and isinstance(key.value, str) and isinstance(owner.self, Ref):
            store(m, owner.self, key.value, call.arg(1, default=NONE))
        return NONE
    if isinstance(m.get(owner.self), Instance):
        if short == "forward" and torch_modules.is_module_class(base):
            return torch_module_calls.base_forward(m, owner.self, base, replace(call, self=owner.self))
        made = extern_method(m, replace(call, name=short, self=owner.self))
        if made is None and short == "__call__":
            made = torch_module_calls.call_module(m, owner.self, replace(call, self=owner.self))
        if made is not None:
            return made
    if short in ("__init_subclass__", "__new__"):
        return owner.self if short == "__new__" else NONE
    m.services["escape"](m, call.all_args)
    return m.opaque(call.at, tag=short)


def set_extern_attribute(m: Machine, obj: Any, name: str, value: Any, at: int) -> bool:
    """`instance.name = value` on instances with an external base; True where nothing more is to be done."""
    if torch_modules.is_module(m, obj):
        return torch_module_calls.set_attribute(m, obj, name, value, at)
    from gradlint.analysis.torch_typos import check_typo

    thing = m.get(obj)
    if isinstance(thing, Instance) and isinstance(thing.cls, Extern):
        check_typo(m, name, at, value, "unknown")
    return False


def items_of(m: Machine, ref: Ref, at: int) -> Any:
    return torch_module_calls.items_of(m, ref, at)


def item_of(m: Machine, ref: Ref, index: Any, at: int) -> Any:
    return torch_module_calls.item_of(m, ref, index, at)


def store_item(m: Machine, ref: Ref, index: Any, value: Any, at: int) -> bool:
    return torch_module_calls.store_item(m, ref, index, value, at)


PARENTS = {
    "GRU": "RNNBase", "LSTM": "RNNBase", "RNN": "RNNBase", "GRUCell": "RNNCellBase", "LSTMCell": "RNNCellBase",
    "RNNCell": "RNNCellBase", "LazyLinear": "Linear", "NLLLoss2d": "NLLLoss", "ReLU6": "Hardtanh",
    "UpsamplingBilinear2d": "Upsample", "UpsamplingNearest2d": "Upsample",
    **{f"LazyConv{k}{n}d": f"Conv{k}{n}d" for k in ("", "Transpose") for n in (1, 2, 3)},
    **{f"ZeroPad{n}d": f"ConstantPad{n}d" for n in (1, 2, 3)},
}  # fmt: skip
"""Public layers that are subclasses of other public layers than `Module` (all of torch.nn, measured with 2.13)."""


def is_subclass(name: str, base: str) -> bool | None:
    """Whether one external class is a subclass of another; None where that is not known."""
    if name == base:
        return True
    if base == torch_modules.MODULE:
        return (
            True
            if torch_modules.is_module_class(name)
            else False
            if name.startswith(("torch.optim", "builtins."))
            else None
        )
    if name.startswith("torch.nn.") and base.startswith("torch.nn."):
        child, parent = name.rpartition(".")[2], base.rpartition(".")[2]
        if PARENTS.get(child) == parent:
            return True
        return False if torch_modules.is_module_class(name) and not parent.startswith("_") else None
    if base == "torch.optim.Optimizer":
        return torch_optim.is_optimizer_class(name)
    if name.startswith("torch.") != base.startswith("torch."):
        return False
    return None


# -- entries


_AGAIN = re.compile(rb"create_graph(?!\s*=\s*False)|gradgradcheck|hessian|\bh?vhp\b|\bhvp\b")
"""What differentiates a derivative again."""


FUNCTION_TEXT = "autograd.Function"


def backward_mode(m: Machine, here: int) -> Mode:
    """The mode on the way back: grad is off unless the graph of the derivative is asked for."""
    texts = [unit.data for unit in m.services["units"]]
    grad = UNKNOWN if any(_AGAIN.search(text) for text in texts) else FALSE
    inference = UNKNOWN if any(b"inference_mode" in text for text in texts) else FALSE
    return Mode(grad, inference, ((FUNCTION_TEXT, here),) if here else ())


def function_entry(m: Machine, holder: Ref, name: str, raw: Func, unknown: list[Any]) -> bool:
    """`forward` and `backward` of an autograd.Function run with grad off, by torch, but `backward` with grad on where the
    graph of the derivative is asked for; True where that was done."""
    if name not in ("forward", "backward") or FUNCTION not in externs(m, holder):
        return False
    from gradlint.analysis.calls import call

    here = m.here(raw.code.at)
    m.state.mode = backward_mode(m, here) if name == "backward" else Mode(FALSE, FALSE, ((FUNCTION_TEXT, here),))
    ctx = m.alloc(0, Instance(Extern("torch.autograd.FunctionCtx"), {}, complete=False), "ctx")
    call(m, raw, (ctx, *unknown[1:]), {}, 0, True)
    return True


def entry_mode(m: Machine, holder: Ref, name: str) -> Mode | None:
    """The mode in which a framework calls this method; None where it is grad mode."""
    return torch_frameworks.entry_mode(m, holder, name)


__all__ = ["Class", "call_extern", "extern_name"]
