"""Names: looking them up through enclosing frames, binding and deleting them."""

from __future__ import annotations

import builtins
from typing import Any

from gradlint.analysis.machine import Activation, Machine
from gradlint.analysis.values import Const, Extern, Frame, Opaque, Pending, Phi, leaves, lift
from gradlint.records import replace

BUILTINS = frozenset(dir(builtins)) | {"reveal_type"}


def lookup(m: Machine, name: str) -> Any:
    """The value of a name; unknown where nothing in view binds it."""
    act = m.stack[-1]
    address = act.frame
    heap = m.state.heap
    module = 0
    if act.code is not None and name in act.code.made.globals:
        frame = heap.get(address)
        address = frame.module if isinstance(frame, Frame) else address
    while address:
        frame = heap.get(address)
        if not isinstance(frame, Frame):
            break
        if name in frame.names:
            return _settled(m, frame.names[name])
        if address == act.frame and act.code is not None and name in act.code.made.bound:
            return Opaque(("name", address, name))  # a name of the function's own that is not bound yet
        module = frame.module or module
        address = frame.parent
    if module:
        frame = heap.get(module)
        if isinstance(frame, Frame):
            if name in frame.names:
                return _settled(m, frame.names[name])
            if "*" in frame.names:
                return _starred(frame.names["*"], module, name)
    if name == "__class__" and act.owner:
        from gradlint.analysis.values import Ref

        return Ref(act.owner)
    if name in BUILTINS:
        return Extern(f"builtins.{name}")
    return Opaque(("name", module, name))


def _settled(m: Machine, value: Any) -> Any:
    """A name imported from the project becomes what it is when it is first read."""
    kind = type(value)
    if kind is not Pending and (kind is not Phi or not any(type(leaf) is Pending for leaf in leaves(value))):
        return value
    from gradlint.analysis.imports import arrive

    if kind is Pending:
        return arrive(m, value)
    return lift(lambda leaf: arrive(m, leaf) if type(leaf) is Pending else leaf, value)


def _starred(source: Any, module: int, name: str) -> Any:
    """A name that a star import may have brought."""
    if isinstance(source, Extern) and source.name in ("torch", "torch.nn", "torch.nn.functional", "numpy", "math"):
        from gradlint.analysis.torch_names import value_of

        if name not in BUILTINS:
            return value_of(f"{source.name}.{name}")
    return Opaque(("name", module, name))


def owner_of(m: Machine, act: Activation, name: str) -> int:
    """The address of the frame in which the running body binds `name`."""
    if act.code is None:
        return act.frame
    made = act.code.made
    frame = m.state.heap[act.frame]
    assert isinstance(frame, Frame)
    if name in made.globals:
        return frame.module or act.frame
    if name in made.nonlocals:
        return holder_of(m, frame.parent, name) or act.frame
    return act.frame


def holder_of(m: Machine, address: int, name: str) -> int:
    """The address of the first frame that binds a name, from one outwards; 0 where none does."""
    while address:
        frame = m.state.heap.get(address)
        if not isinstance(frame, Frame):
            return 0
        if name in frame.names:
            return address
        address = frame.parent
    return 0


def bind(m: Machine, name: str, value: Any) -> None:
    address = owner_of(m, m.stack[-1], name)
    frame = m.state.heap[address]
    assert isinstance(frame, Frame)
    m.state.put(address, replace(frame, names={**frame.names, name: value}))


def unbind(m: Machine, name: str) -> None:
    address = owner_of(m, m.stack[-1], name)
    frame = m.state.heap[address]
    assert isinstance(frame, Frame)
    if name in frame.names:
        m.state.put(address, replace(frame, names={k: v for k, v in frame.names.items() if k != name}))


__all__ = ["Const", "bind", "lookup", "unbind"]
