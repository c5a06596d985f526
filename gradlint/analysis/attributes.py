"""Attribute access by Python's rules, over every kind of value."""

from __future__ import annotations

from typing import Any

from gradlint.analysis.classes import find, has_unknown_base, underlying
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import MAX_SYMBOL, depth
from gradlint.analysis.values import (
    NONE,
    UNKNOWN,
    Builtin,
    Class,
    Const,
    Context,
    Descriptor,
    Extern,
    Frame,
    Func,
    Generator,
    Instance,
    Method,
    Moded,
    Module,
    Opaque,
    Partial,
    Pending,
    Ref,
    Sequence,
    Super,
    Table,
    Tensor,
)
from gradlint.records import replace

RESULT_FIELDS = {
    "values": 0, "indices": 1, "eigenvalues": 0, "eigenvectors": 1, "U": 0, "S": 1, "Vh": 2, "V": 2, "Q": 0, "R": 1, "sign": 0,
    "logabsdet": 1, "LU": 0, "pivots": 1, "solution": 0, "residuals": 1, "L": 0, "info": 1, "counts": 1,
}  # fmt: skip
"""Names of the items in what torch returns as a named tuple."""


def get_attr(m: Machine, obj: Any, name: str, at: int) -> Any:
    """`obj.name`."""
    return m.split(obj, lambda leaf: _get(m, leaf, name, at))


def _get(m: Machine, obj: Any, name: str, at: int) -> Any:
    if isinstance(obj, Extern):
        return _extern(m, obj, name)
    if isinstance(obj, Opaque):
        return opaque_attr(m, obj, name, at)
    if isinstance(obj, Super):
        return _super(m, obj, name, at)
    if isinstance(obj, Const):
        return Builtin(obj, name)
    thing = m.get(obj)
    if isinstance(thing, Tensor):
        from gradlint.analysis import torch_tensors

        m.touched += 1
        return torch_tensors.attribute(m, obj, name, at)
    if isinstance(thing, Instance):
        return instance_attr(m, obj, thing, name, at)
    if isinstance(thing, Module):
        frame = m.state.get(thing.frame)
        assert isinstance(frame, Frame)
        if name in frame.names:
            value = frame.names[name]
            if type(value) is Pending:
                from gradlint.analysis.imports import arrive

                return arrive(m, value)
            return value
        from gradlint.analysis.imports import submodule

        return submodule(m, thing, name) or Opaque(("attr", ("module", thing.name), name))
    if isinstance(thing, Class):
        return class_attr(m, obj, name, at)
    if isinstance(thing, Sequence) and thing.kind == "results" and name in RESULT_FIELDS:
        index = RESULT_FIELDS[name]
        return thing.items[index] if thing.exact and index < len(thing.items) else m.opaque(at, tag=name)
    if isinstance(thing, (Sequence, Table, Context, Generator)):
        return Builtin(obj, name)
    if isinstance(obj, (Func, Method, Moded, Partial, Descriptor)):
        return _function_attr(m, obj, name, at)
    return m.opaque(at, tag=name)


def _extern(m: Machine, obj: Extern, name: str) -> Any:
    from gradlint.analysis import torch_models

    return torch_models.extern_name(m, f"{obj.name}.{name}")


def opaque_attr(m: Machine, obj: Opaque, name: str, at: int) -> Any:
    """An attribute of something unknown: a structural symbol, so that two reads are the same unknown."""
    if depth(obj.symbol) > MAX_SYMBOL:
        return Builtin(obj, name) if name == "backward" else Opaque(("wide",), obj.rg)
    from gradlint.analysis import torch_tensors

    return torch_tensors.opaque_attribute(m, obj, name, at)


def _function_attr(m: Machine, obj: Any, name: str, at: int) -> Any:
    if name in ("__name__", "__qualname__"):
        func = underlying(obj.func if isinstance(obj, (Method, Partial)) else obj)
        return Const(func.code.name) if func else m.opaque(at, kind="number")
    if name == "__wrapped__" and isinstance(obj, Moded):
        return obj.func
    if name == "__self__" and isinstance(obj, Method):
        return obj.self
    if name == "__func__" and isinstance(obj, Method):
        return obj.func
    if isinstance(obj, Partial) and name == "func":
        return obj.func
    return Builtin(obj, name)


def _is_wrapper(value: Any) -> bool:
    """Whether a decorator of a library made this function; what `functools.partial` makes is none, and never binds."""
    return isinstance(value, Partial) and isinstance(value.func, Extern) and value.func.name.endswith("()")


def bind(m: Machine, value: Any, instance: Any, cls: Any, at: int) -> Any:
    """What reading a class attribute through an instance gives."""
    # The wrapper that a mode or a context makes is a function: also over a property it binds and never runs the property.
    if isinstance(value, (Func, Moded)) or _is_wrapper(value):
        return Method(value, instance)
    if isinstance(value, Descriptor):
        if value.kind in ("property", "cached"):
            return m.services["call"](m, value.func, (instance,), {}, at, False)
        if value.kind == "static":
            return value.func
        if value.kind == "class":
            return Method(value.func, cls)
        return Method(value, instance)
    return value


def instance_attr(m: Machine, ref: Ref, thing: Instance, name: str, at: int) -> Any:
    """`instance.name`: its own attributes, then its classes', then what the external base gives."""
    if name in thing.attrs:
        return thing.attrs[name] if (ref.addr, name) not in m.volatile else m.opaque(at, tag=name)
    if name == "__class__":
        return thing.cls
    if name == "__dict__":
        from gradlint.analysis import attribute_tables

        return attribute_tables.table_of(m, ref, at, "dict")
    return m.split(thing.cls, lambda cls: _through_class(m, ref, thing, cls, name, at))


def _through_class(m: Machine, ref: Ref, thing: Instance, cls: Any, name: str, at: int) -> Any:
    found = find(m, cls, name)
    if found is not None and found[0] is not None:
        return m.split(found[0], lambda value: bind(m, value, ref, cls, at))
    if found is not None:
        from gradlint.analysis import torch_models

        value = torch_models.extern_attribute(m, ref, found[1].name, name, at)
        if value is not None:
            return value
    getter = find(m, cls, "__getattr__")
    if getter is not None and getter[0] is not None:
        return m.services["call"](m, getter[0], (ref, Const(name)), {}, at, False)
    return Opaque(("attr", ("ref", ref.addr), name))


def find_method(m: Machine, ref: Any, name: str, at: int) -> Any:
    """A method of an instance by name, bound; None where no class in view defines it."""
    thing = m.get(ref)
    if not isinstance(thing, Instance) or not isinstance(m.get(thing.cls), Class):
        return None
    found = find(m, thing.cls, name)
    if found is None or found[0] is None:
        return None
    return bind(m, found[0], ref, thing.cls, at)


def class_attr(m: Machine, ref: Ref, name: str, at: int) -> Any:
    found = find(m, ref, name)
    if found is not None and found[0] is not None:
        value = found[0]
        if isinstance(value, Descriptor):
            if value.kind == "static":
                return value.func
            if value.kind == "class":
                return Method(value.func, ref)
        if isinstance(value, Moded) and isinstance(value.func, Descriptor) and value.func.kind == "static":
            return Moded(value.func.func, value.mode)
        return value
    thing = m.get(ref)
    assert isinstance(thing, Class)
    if name in ("__name__", "__qualname__"):
        return Const(thing.name)
    if found is not None:
        from gradlint.analysis import torch_models

        value = torch_models.class_attribute(m, ref, found[1].name, name, at)
        if value is not None:
            return value
        return Extern(f"{found[1].name}.{name}")
    return Opaque(("attr", ("ref", ref.addr), name))


def _super(m: Machine, obj: Super, name: str, at: int) -> Any:
    thing = m.get(obj.self)
    cls = thing.cls if isinstance(thing, Instance) else obj.self
    found = find(m, cls, name, after=obj.cls)
    if found is None:
        return Extern(f"builtins.object.{name}") if not has_unknown_base(m, cls) else m.opaque(at, tag=name)
    value, holder = found
    if value is not None:
        return bind(m, value, obj.self, cls, at)
    return Builtin(Super(obj.cls, obj.self), f"{holder.name}.{name}")


def set_attr(m: Machine, obj: Any, name: str, value: Any, at: int) -> None:
    """`obj.name = value`."""
    m.split(obj, lambda leaf: _set(m, leaf, name, value, at))


def _set(m: Machine, obj: Any, name: str, value: Any, at: int) -> Any:
    thing = m.get(obj)
    if isinstance(thing, Tensor):
        from gradlint.analysis import torch_tensors

        torch_tensors.set_attribute(m, obj, name, value, at)
    elif isinstance(thing, Instance):
        found = find(m, thing.cls, f"{name}#set") if not isinstance(thing.cls, Opaque) else None
        if found is not None and found[0] is not None:
            m.services["call"](m, found[0], (obj, value), {}, at, False)
            return NONE
        setter = find(m, thing.cls, "__setattr__")
        if setter is not None and setter[0] is not None and isinstance(m.get(setter[1]), Class):
            m.services["call"](m, setter[0], (obj, Const(name), value), {}, at, False)
            return NONE
        from gradlint.analysis import torch_models

        if not torch_models.set_extern_attribute(m, obj, name, value, at):
            store(m, obj, name, value)
    elif isinstance(thing, Class):
        m.put(obj, replace(thing, attrs={**thing.attrs, name: value}))
    elif isinstance(thing, Module):
        frame = m.state.get(thing.frame)
        assert isinstance(frame, Frame)
        m.state.put(thing.frame, replace(frame, names={**frame.names, name: value}))
    elif isinstance(obj, Opaque):
        from gradlint.analysis import torch_tensors

        torch_tensors.set_opaque_attribute(m, obj, name, value, at)
    return NONE


def store(m: Machine, ref: Ref, name: str, value: Any) -> None:
    """Put an attribute into an instance, nothing else happening."""
    thing = m.get(ref)
    if isinstance(thing, Instance):
        held = m.get(value)
        if isinstance(held, Tensor):
            m.book.met.add(held.origin.mode_line)
        m.put(ref, replace(thing, attrs={**thing.attrs, name: value}))


def del_attr(m: Machine, obj: Any, name: str) -> None:
    thing = m.get(obj)
    if isinstance(thing, Instance) and name in thing.attrs:
        m.put(obj, replace(thing, attrs={k: v for k, v in thing.attrs.items() if k != name}))


def call_builtin(m: Machine, bound: Builtin, call: Call) -> Any:
    """Call a method of something that is no user class."""
    owner = bound.self
    if isinstance(owner, Super):
        from gradlint.analysis import torch_models

        return torch_models.super_method(m, owner, bound.name, call)
    thing = m.get(owner)
    if isinstance(thing, Tensor):
        from gradlint.analysis import torch_tensors

        return torch_tensors.method(m, call)
    if isinstance(thing, Context):
        from gradlint.analysis import contexts

        return contexts.method(m, owner, bound.name, call)
    if isinstance(thing, Generator):
        from gradlint.analysis import generators

        return generators.method(m, owner, bound.name, call)
    if isinstance(thing, Instance):
        from gradlint.analysis import torch_models

        made = torch_models.extern_method(m, call)
        if made is not None:
            return made
    if isinstance(owner, (Func, Method, Moded, Partial, Descriptor)):
        return _function_method(m, owner, bound.name, call)
    if isinstance(owner, Opaque):
        from gradlint.analysis import torch_tensors

        return torch_tensors.opaque_method(m, call)
    if isinstance(thing, Class) and bound.name == "apply":
        from gradlint.analysis import torch_autograd

        return torch_autograd.apply_function(m, owner, call)
    from gradlint.analysis import python_methods

    return python_methods.call_method(m, call)


def _function_method(m: Machine, owner: Any, name: str, call: Call) -> Any:
    if isinstance(owner, Descriptor) and owner.kind == "property" and name in ("setter", "getter", "deleter"):
        return Descriptor("setter", call.arg(0)) if name == "setter" else owner
    if name == "__call__":
        return m.services["call"](m, owner, call.args, call.kwargs, call.at, call.rest)
    return m.opaque(call.at, UNKNOWN)
