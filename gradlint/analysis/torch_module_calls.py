"""What is done with modules: calling them, their methods and attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import layer_rows, torch_advice, torch_modules, torch_ops, torch_paths
from gradlint.analysis.attributes import find_method, store
from gradlint.analysis.classes import underlying
from gradlint.analysis.comprehensions import append
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import truth_of
from gradlint.analysis.torch_modules import CHILDREN, HOOKS, OWN, PRE, children, flag_in, is_module, tree
from gradlint.analysis.torch_values import any_of, as_module, known
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    LIKELY_TRUE,
    NONE,
    TRUE,
    UNKNOWN,
    Builtin,
    Class,
    Const,
    Extern,
    Flag,
    Instance,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Table,
    Tensor,
    both,
    either,
    is_false,
    is_true,
    leaves,
    lift,
)
from gradlint.findings import Origin
from gradlint.records import replace

# -- calling


def call_module(m: Machine, ref: Ref, call: Call) -> Any:
    """`module(...)`: pre-hooks, forward, hooks."""
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    args = _pre_hooked(m, ref, thing, call)
    call = replace(call, args=args)
    m.forwards += 1
    result = _forward(m, ref, thing, call)
    result = NONE if m.dead() else _hooked(m, ref, call, result)
    m.forwards -= 1
    if not m.forwards:
        torch_advice.module_called(m, ref, call, result)
    return result


def _pre_hooked(m: Machine, ref: Ref, thing: Instance, call: Call) -> tuple[Any, ...]:
    args = call.args
    hooks = m.get(thing.attrs.get(PRE))
    if isinstance(hooks, Sequence):
        for hook in hooks.items:
            given = m.alloc(call.at, Sequence("tuple", args), "inputs")
            made = m.simplified(m.services["call"](m, hook, (ref, given), {}, call.at, False))
            held = m.get(made)
            if isinstance(held, Sequence) and held.exact:
                args = held.items
            elif made != NONE:
                args = (made,)
    return args


def _hooked(m: Machine, ref: Ref, call: Call, result: Any) -> Any:
    thing = m.get(ref)
    hooks = m.get(thing.attrs.get(HOOKS)) if isinstance(thing, Instance) else None
    if isinstance(hooks, Sequence):
        for hook in (*hooks.items, *([] if hooks.rest is None else [hooks.rest])):
            given = m.alloc(call.at, Sequence("tuple", call.args), "inputs")
            made = m.services["call"](m, hook, (ref, given, result), {}, call.at, False)
            if m.dead():
                return NONE
            if any(leaf != NONE for leaf in leaves(made)) and not _is_nothing(made):
                result = made
    return result


def _is_nothing(value: Any) -> bool:
    """A hook whose result is not known is taken to give nothing, as nearly all do."""
    return all(leaf == NONE or isinstance(leaf, Opaque) for leaf in leaves(value))


def _forward(m: Machine, ref: Ref, thing: Instance, call: Call) -> Any:
    method = find_method(m, ref, "forward", call.at)
    if method is not None:
        return m.services["call"](m, method, call.args, call.kwargs, call.at, call.rest)
    own = thing.attrs.get("forward")
    if own is not None:
        return m.services["call"](m, own, call.args, call.kwargs, call.at, call.rest)
    name = _layer_name(m, thing)
    if name == "torch.nn.Sequential":
        return _sequential(m, ref, call)
    if name in torch_modules.WRAPPERS and "module" in thing.attrs:
        return m.services["call"](m, thing.attrs["module"], call.args, call.kwargs, call.at, call.rest)
    if name in torch_modules.WRAPPERS:
        m.services["escape"](m, call.all_args)
        return m.opaque(call.at, FALSE if is_false(m.recording) else UNKNOWN, tag="wrapped")
    if name and layer_rows.exists(name):
        from gradlint.analysis.torch_layers import apply_layer

        return apply_layer(m, ref, thing, name, call)
    if isinstance(thing.cls, Ref) and not name:
        # The class leaves `forward` to those that derive from it.
        m.services["escape"](m, call.all_args)
        return m.opaque(call.at, FALSE if is_false(m.recording) else UNKNOWN, tag="abstract")
    return _unknown(m, ref, call)


def base_forward(m: Machine, ref: Ref, base: str, call: Call) -> Any:
    """`super().forward(...)` where the class above is the external one `base`."""
    thing = m.get(ref)
    if base == "torch.nn.Sequential":
        return _sequential(m, ref, call)
    if isinstance(thing, Instance) and base != torch_modules.MODULE and layer_rows.exists(base):
        from gradlint.analysis.torch_layers import apply_layer

        return apply_layer(m, ref, thing, base, call)
    return _unknown(m, ref, call)


def _layer_name(m: Machine, thing: Instance) -> str:
    if isinstance(thing.cls, Extern):
        return thing.cls.name
    from gradlint.analysis.classes import externs

    return next((n for n in externs(m, thing.cls) if n.startswith("torch.nn.") and n != torch_modules.MODULE), "")


def _sequential(m: Machine, ref: Ref, call: Call) -> Any:
    value = call.arg(0, "input", NONE)
    thing = m.get(ref)
    held = m.get(thing.attrs.get(CHILDREN)) if isinstance(thing, Instance) else None
    own = torch_modules.stored_modules(m, ref)
    if isinstance(held, Table) and held.rest is None:
        layers, rest = list(held.entries.values()), None
    elif isinstance(held, Sequence):
        layers, rest = list(held.items), held.rest
    elif own and held is None:
        layers, rest = [], None
    else:
        return _unknown(m, ref, call)
    if rest is not None and own:
        rest, own = anonymous([rest, *own]), []  # in which order is not known
    for number, layer in enumerate([*layers, *own]):
        with m.within((m.here(call.at), "layer", number)):
            value = m.services["call"](m, layer, (value,), {}, call.at, False)
        if m.dead():
            return NONE
    if rest is not None:
        from gradlint.analysis.loops import repeat

        box = m.alloc(call.at, Sequence("box", (value,)), "flow")

        def through() -> Any:
            now = m.get(box)
            assert isinstance(now, Sequence)
            made = m.services["call"](m, rest, (now.items[0],), {}, call.at, False)
            m.put(box, Sequence("box", (made,)))
            return NONE

        repeat(m, call.at, "layers", through, None)
        now = m.get(box)
        value = now.items[0] if isinstance(now, Sequence) and now.items else m.opaque(call.at)
    return value


def _unknown(m: Machine, ref: Ref, call: Call) -> Any:
    """A module whose forward is not in view: its result requires grad where an input or a parameter does."""
    m.compute()
    m.may_raise()
    own = lift(lambda t: t.likely(), torch_modules.trainable(m, ref))
    flag = both(m.recording, either(any_of(m, call.all_args), own))
    flag = lift(lambda t: t if t.value is None else t.likely(), flag)
    if is_false(m.recording):
        flag = LIKELY_FALSE
    m.services["escape"](m, call.all_args)
    return m.opaque(call.at, flag, tag="out", origin=m.origin("module", call.at, call.all_args, flag))


def call_unknown(m: Machine, func: Opaque, call: Call) -> Any:
    """A call of a module that nothing is known of but that it is one."""
    ref = as_module(m, func)
    if ref is not None:
        return call_module(m, ref, call)
    m.services["escape"](m, call.all_args)
    flag = LIKELY_FALSE if is_false(m.recording) else func.rg
    return m.opaque(call.at, flag, tag="out", origin=m.origin("module", call.at, call.all_args, flag))


# -- attributes and methods


def attribute(m: Machine, ref: Ref, base: str, name: str, at: int) -> Any:
    """What a module base class gives for `module.name`, where no instance attribute and no class in view has it."""
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    made = torch_modules.materialise(m, ref, name)
    if made is not None:
        return made
    if name in METHODS:
        return Builtin(ref, name)
    if name == "training":
        return Opaque(("attr", ("ref", ref.addr), "training"), FALSE, "number")
    held = m.get(thing.attrs.get(CHILDREN))
    if isinstance(held, Table):
        if name in held.entries:
            return held.entries[name]
        if name in ("keys", "values", "items"):
            return Builtin(thing.attrs[CHILDREN], name)
    if isinstance(held, Sequence) and name.isdigit() and held.exact and int(name) < len(held.items):
        return held.items[int(name)]
    if isinstance(held, Sequence) and name in ("append", "extend", "insert", "pop"):
        return Builtin(thing.attrs[CHILDREN], name)
    row = layer_rows.layer(torch_modules.layer_name(m, thing))
    if row is not None and name in row.buffers:
        return Opaque(("attr", ("ref", ref.addr), name), FALSE)
    if row is not None and (isinstance(thing.cls, Extern) or name in row.arguments):
        return Opaque(("attr", ("ref", ref.addr), name), FALSE, "number")
    return None


def method(m: Machine, call: Call) -> Any:
    """`module.name(...)`; None where no model knows the method."""
    model = METHODS.get(call.name)
    return None if model is None else model(m, call)


def _train(m: Machine, call: Call) -> Any:
    value = call.arg(0, "mode", Const(True)) if call.name == "train" else Const(False)
    torch_modules.set_training(m, call.self, value)
    from gradlint.analysis import torch_watch

    torch_watch.training_set(m, call.self, value, call.at)
    return call.self


def _requires_grad(m: Machine, call: Call) -> Any:
    given = call.arg(0, "requires_grad")
    torch_modules.freeze(m, call.self, TRUE if given is None else truth_of(m, given), call.at)
    return call.self


def _parameters(m: Machine, call: Call) -> Any:
    recurse = call.constant(0, "recurse", True)
    paths = torch_paths.parameters(m, call.self, torch_modules.UNROLLED) if recurse is True else None
    if paths is not None:
        return m.alloc(call.at, Sequence("iterator", tuple(p for _, p in paths)), "parameters")
    found, rest = torch_modules.parameters(m, call.self, call.at, recurse=recurse is not False)
    return m.alloc(call.at, Sequence("iterator", tuple(p for _, p in found), rest), "parameters")


def _named_parameters(m: Machine, call: Call) -> Any:
    paths = torch_paths.parameters(m, call.self) if not call.args and not call.kwargs else None
    if paths is not None:
        pairs = tuple(_named_pair(m, name, value, call.at) for name, value in paths)
        return m.alloc(call.at, Sequence("iterator", pairs), "named")
    found, rest = torch_modules.parameters(m, call.self, call.at)
    pairs = tuple(_pair(m, name, value, call.at) for name, value in found)
    more = None if rest is None else _pair(m, "", rest, call.at)
    return m.alloc(call.at, Sequence("iterator", pairs, more), "named")


def _pair(m: Machine, name: str, value: Any, at: int) -> Ref:
    key = m.opaque(at, FALSE, "number", tag=f"name{name}")
    return m.alloc(at, Sequence("tuple", (key, value)), f"pair{name}{getattr(value, 'addr', 0)}")


def _named_pair(m: Machine, name: str, value: Ref, at: int) -> Ref:
    """A name that is known and what it names."""
    return m.alloc(at, Sequence("tuple", (Const(name), value)), f"pair{name}{value.addr}")


def _modules(m: Machine, call: Call) -> Any:
    return torch_modules.all_modules(m, tree(m, call.self), call.at)


def _named_modules(m: Machine, call: Call) -> Any:
    paths = torch_paths.modules(m, call.self) if not call.args and not call.kwargs else None
    if paths is not None and call.name == "named_children":
        paths = [(name, one) for name, one in paths if name and "." not in name]
    if paths is not None and len(paths) <= torch_modules.UNROLLED:
        return m.alloc(call.at, Sequence("iterator", tuple(_named_pair(m, *p, call.at) for p in paths)), "named")
    found = tree(m, call.self) if call.name == "named_modules" else _direct(m, call.self)
    if len(found) <= torch_modules.UNROLLED:
        return m.alloc(call.at, Sequence("iterator", tuple(_pair(m, "", r, call.at) for r in found)), "named")
    rest = m.get(torch_modules.all_modules(m, found, call.at))
    assert isinstance(rest, Sequence)
    return m.alloc(call.at, Sequence("iterator", (), _pair(m, "", rest.rest, call.at)), "named")


def _direct(m: Machine, ref: Any) -> list[Any]:
    return [v for _, v in children(m, ref) if any(is_module(m, leaf) or isinstance(leaf, Opaque) for leaf in leaves(v))]


def _children(m: Machine, call: Call) -> Any:
    return torch_modules.all_modules(m, _direct(m, call.self), call.at)


def _buffers(m: Machine, call: Call) -> Any:
    """The buffers of modules in view as they are now; those of torch's own layers never require grad."""
    found: list[tuple[str, Any]] = []
    for one in tree(m, call.self):
        thing = m.get(one)
        names = m.simplified(thing.attrs.get(BUFFERS)) if isinstance(thing, Instance) else None
        if isinstance(names, Const) and isinstance(names.value, tuple):
            found += [(name, thing.attrs[name]) for name in names.value if name in thing.attrs]  # type: ignore[union-attr]
    rest: Any = m.opaque(call.at, LIKELY_FALSE, tag="buffer")
    items = [value for _, value in found]
    if call.name == "named_buffers":
        items, rest = [_pair(m, name, value, call.at) for name, value in found], _pair(m, "", rest, call.at)
    return m.alloc(call.at, Sequence("iterator", tuple(items), rest), "buffers")


BUFFERS = ":buffers"
"""The names of the buffers that a module has registered."""


STATE_DICT = "torch.nn.Module.state_dict"


def _state_dict(m: Machine, call: Call) -> Any:
    """Detached tensors that share the memory of parameters and buffers; with `keep_vars` these themselves."""
    if "keep_vars" in call.kwargs or call.rest:
        return m.opaque(call.at, tag="state")
    origin = m.origin(STATE_DICT, call.at, (), FALSE)
    if is_true(torch_modules.trainable(m, call.self)):
        origin = replace(origin, args=(Origin("parameter", requires_grad=True),))
    tensor = Tensor(rg=FALSE, leaf=TRUE, sure=True, many=True, origin=origin)
    return m.alloc(call.at, Table({}, m.tensor(call.at, tensor, "state")), "state")


def _same(m: Machine, call: Call) -> Any:
    return call.self


def _none(m: Machine, call: Call) -> Any:
    return NONE


def _zero_grad(m: Machine, call: Call) -> Any:
    from gradlint.analysis import torch_autograd

    torch_autograd.clear_grads(m, torch_modules.sources(m, call.self), call.at)
    return NONE


def _apply(m: Machine, call: Call) -> Any:
    func = call.arg(0, "fn", NONE)
    for one in tree(m, call.self)[: torch_modules.UNROLLED * 2]:
        m.services["call"](m, func, (one,), {}, call.at, False)
        if m.dead():
            return NONE
    return call.self


def _register_buffer(m: Machine, call: Call) -> Any:
    name = m.simplified(call.arg(0, "name", NONE))
    if isinstance(name, Const) and isinstance(name.value, str):
        store(m, call.self, name.value, call.arg(1, "tensor", NONE))
        thing = m.get(call.self)
        if isinstance(thing, Instance):
            before = m.simplified(thing.attrs.get(BUFFERS, Const(())))
            names = before.value if isinstance(before, Const) and isinstance(before.value, tuple) else ()
            m.put(
                call.self,
                replace(thing, attrs={**thing.attrs, BUFFERS: Const(tuple(dict.fromkeys((*names, name.value))))}),
            )
    return NONE


def _register(m: Machine, call: Call) -> Any:
    name = m.simplified(call.arg(0, "name", NONE))
    value = call.arg(1, "param" if call.name == "register_parameter" else "module", NONE)
    if isinstance(name, Const) and isinstance(name.value, str):
        store(m, call.self, name.value, value)
        return NONE
    thing = m.get(call.self)
    held = m.get(thing.attrs.get(CHILDREN)) if isinstance(thing, Instance) else None
    if isinstance(held, Sequence):
        append(m, thing.attrs[CHILDREN], value)  # type: ignore[union-attr]
    elif isinstance(held, Table):
        rest = anonymous([value] if held.rest is None else [held.rest, value])
        m.put(thing.attrs[CHILDREN], replace(held, rest=rest))  # type: ignore[union-attr]
    elif isinstance(thing, Instance):
        made = m.alloc(call.at, Sequence("list", (), value), "children")
        m.put(call.self, replace(thing, attrs={**thing.attrs, CHILDREN: made}))
    return NONE


def _hook(key: str) -> Callable[[Machine, Call], Any]:
    def model(m: Machine, call: Call) -> Any:
        thing = m.get(call.self)
        func = call.arg(0, "hook", NONE)
        if isinstance(thing, Instance):
            if key not in thing.attrs:
                hooks = m.alloc(call.at, Sequence("list", (func,)), key)
                m.put(call.self, replace(thing, attrs={**thing.attrs, key: hooks}))
            else:
                append(m, thing.attrs[key], func)
        return m.alloc(
            call.at,
            Instance(Extern("torch.utils.hooks.RemovableHandle"), {"_of": call.self, "_key": Const(key)}),
            "handle",
        )

    return model


def _opaque_handle(m: Machine, call: Call) -> Any:
    return m.opaque(call.at, FALSE, "number", tag="handle")


def _get_submodule(m: Machine, call: Call) -> Any:
    name = call.constant(0, "target")
    value: Any = call.self
    for part in str(name or "").split("."):
        value = m.services["get_attr"](m, value, part, call.at) if part else value
    return value if name is not None else m.opaque(call.at, kind="module", tag="submodule")


def _forward_directly(m: Machine, call: Call) -> Any:
    thing = m.get(call.self)
    assert isinstance(thing, Instance)
    return _forward(m, call.self, thing, call)


METHODS: dict[str, Callable[[Machine, Call], Any]] = {
    "train": _train,
    "eval": _train,
    "requires_grad_": _requires_grad,
    "parameters": _parameters,
    "named_parameters": _named_parameters,
    "modules": _modules,
    "named_modules": _named_modules,
    "named_children": _named_modules,
    "children": _children,
    "buffers": _buffers,
    "named_buffers": _buffers,
    "state_dict": _state_dict,
    "load_state_dict": _opaque_handle,
    "zero_grad": _zero_grad,
    "apply": _apply,
    "register_buffer": _register_buffer,
    "register_parameter": _register,
    "register_module": _register,
    "add_module": _register,
    "register_forward_hook": _hook(HOOKS),
    "register_forward_pre_hook": _hook(PRE),
    "register_full_backward_hook": _opaque_handle,
    "register_backward_hook": _opaque_handle,
    "get_submodule": _get_submodule,
    "get_parameter": _get_submodule,
    "extra_repr": _opaque_handle,
    "forward": _forward_directly,
    "__call__": lambda m, call: call_module(m, call.self, call),
    **dict.fromkeys(("to", "cuda", "cpu", "float", "double", "half", "bfloat16", "type"), _same),
    **dict.fromkeys(("xpu", "npu", "share_memory", "compile", "to_empty"), _same),
}


# -- storing


def set_attribute(m: Machine, ref: Ref, name: str, value: Any, at: int) -> bool:
    """`module.name = value`; True where nothing more is to be done."""
    from gradlint.analysis.torch_typos import in_vain, is_typo

    if (name in ("requires_grad", "requires_grad_") or is_typo(name)) and not _known_attribute(m, ref, name):
        how = {"requires_grad": "module", "requires_grad_": "method"}.get(name, "typo")
        in_vain(m, name, at, value, "module", how)
    from gradlint.analysis import torch_watch

    torch_watch.stored_on_module(m, ref, name, value, at)
    store(m, ref, name, value)
    return True


def _known_attribute(m: Machine, ref: Ref, name: str) -> bool:
    """Whether the object's own class defines or reads an attribute of this name."""
    thing = m.get(ref)
    cls = m.get(thing.cls) if isinstance(thing, Instance) else None
    if not isinstance(cls, Class):
        return False
    if name in cls.attrs or m.stack[-1].receiver == ref:
        return True
    word = b"self." + name.encode()
    codes = [c.code for c in map(underlying, cls.attrs.values()) if c is not None]
    return any(word in code.text for code in codes)


# -- modules of unknown class


def opaque_method(m: Machine, receiver: Opaque, name: str, call: Call) -> Any:
    """A method that only modules have, called on something unknown: it turns out to be a module."""
    found = torch_modules.members(receiver.symbol)
    if found is not None and found[0] == "modules":
        return _of_group(m, receiver, found[1], replace(call, name=name))
    if found is not None or receiver.symbol[0] == "some":
        return _of_group_parameter(m, receiver, name, call)
    if isinstance(m.get(known(m, receiver)), Tensor):
        return m.services["call"](m, Builtin(known(m, receiver), name), call.args, call.kwargs, call.at, call.rest)
    ref = as_module(m, receiver)
    if ref is None:
        if name in ("parameters", "named_parameters"):
            more = Opaque(("wide",), receiver.rg)
            return m.alloc(call.at, Sequence("iterator", (), more), "parameters")
        return receiver if name in ("to", "train", "eval", "requires_grad_") else m.opaque(call.at, tag=name)
    if name in ("parameters", "named_parameters"):
        thing = m.get(ref)
        assert isinstance(thing, Instance)
        rest = Opaque(("unknown-params", ref.addr), m.simplified(flag_in(thing.attrs.get(OWN))))
        if name == "named_parameters":
            rest = _pair(m, "", rest, call.at)  # type: ignore[assignment]
        return m.alloc(call.at, Sequence("iterator", (), rest), "parameters")
    if name in ("modules", "children", "named_modules", "named_children"):
        inner = Opaque(("submodule", receiver.symbol), UNKNOWN, "module")
        rest = _pair(m, "", inner, call.at) if name.startswith("named") else inner  # type: ignore[assignment]
        return m.alloc(call.at, Sequence("iterator", (), rest), "modules")
    made = method(m, replace(call, name=name, self=ref))
    return receiver if made == ref else made


def _of_group(m: Machine, receiver: Opaque, addresses: tuple[int, ...], call: Call) -> Any:
    """A method called on each of a group of modules."""
    name = call.name
    if name in ("train", "eval", "requires_grad_", "zero_grad", "apply"):
        for address in addresses:
            METHODS[name](m, replace(call, self=Ref(address)))
        return receiver
    if name in ("parameters", "named_parameters"):
        below = {a for address in addresses for a in torch_modules.sources(m, Ref(address))}
        rest: Any = Opaque(torch_modules.group("params", below or addresses), UNKNOWN)
        if name == "named_parameters":
            rest = _pair(m, "", rest, call.at)
        return m.alloc(call.at, Sequence("iterator", (), rest), "parameters")
    return receiver if name in ("to", "cuda", "cpu", "float") else m.opaque(call.at, tag=name)


def _of_group_parameter(m: Machine, receiver: Opaque, name: str, call: Call) -> Any:
    if name == "requires_grad_":
        given = call.arg(0, "requires_grad")
        torch_modules.freeze_through(m, receiver, TRUE if given is None else truth_of(m, given), call.at)
        return receiver
    return m.opaque(call.at, receiver.rg, tag=name)


# -- containers


def items_of(m: Machine, ref: Ref, at: int) -> tuple[list[Any], Any] | None:
    """What iterating a container module yields; None for what is no container."""
    thing = m.get(ref)
    if not isinstance(thing, Instance) or CHILDREN not in thing.attrs:
        return None
    return iterate(m, thing.attrs[CHILDREN], at)


def item_of(m: Machine, ref: Ref, index: Any, at: int) -> Any:
    """`container[index]`."""
    from gradlint.analysis.items import get_item

    thing = m.get(ref)
    if not isinstance(thing, Instance) or CHILDREN not in thing.attrs:
        return None
    held = m.get(thing.attrs[CHILDREN])
    index = m.simplified(index)
    if isinstance(held, Table) and isinstance(index, Const) and isinstance(index.value, int):
        values = list(held.entries.values())
        if held.rest is None and -len(values) <= index.value < len(values):
            return values[index.value]
        return anonymous([*values, *([] if held.rest is None else [held.rest])]) if values else m.opaque(at)
    made = get_item(m, thing.attrs[CHILDREN], index, at)
    part = m.get(made)
    if isinstance(part, Sequence) and isinstance(held, Sequence):
        attrs = {"training": thing.attrs.get("training", Const(True)), CHILDREN: made}
        return m.alloc(at, Instance(thing.cls, attrs), "part")
    return made


def store_item(m: Machine, ref: Ref, index: Any, value: Any, at: int) -> bool:
    """`container[index] = value`; False for what is no container."""
    from gradlint.analysis.items import set_item

    thing = m.get(ref)
    if not isinstance(thing, Instance) or CHILDREN not in thing.attrs:
        return False
    from gradlint.analysis.torch_watch import replaced_item

    replaced_item(m, item_of(m, ref, index, at), value, at)
    set_item(m, thing.attrs[CHILDREN], m.simplified(index), value, at)
    return True


__all__ = ["Class", "Flag", "LIKELY_TRUE", "Phi", "attribute", "call_module", "is_true", "method", "torch_ops"]
