"""Callbacks that code out of view keeps, and may call at any time: what they assign is not known from then on.

`model.layer.register_forward_hook(self.keep)` on a layer that is not in view: whoever calls the model calls `keep`, which
stores what it is given in attributes, lists and variables of the program. The body is read, not run: nothing says when it
runs, and in which mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradlint.analysis import frames
from gradlint.analysis.attributes import class_attr
from gradlint.analysis.machine import Machine
from gradlint.analysis.values import Frame, Func, Instance, Method, Moded, Opaque, Partial, Ref, leaves
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.walk import walk

MAX_DEPTH = 3
GROWING = frozenset({"append", "appendleft", "extend", "insert", "update", "add", "setdefault", "put"})


def kept(m: Machine, func: Any, widen: Callable[[Any], None], depth: int = 0) -> None:
    """Forget what a callback may change whenever it runs. `widen`: forget what a list or dictionary holds."""
    given: tuple[Any, ...] = ()
    while isinstance(func, (Method, Partial, Moded)):
        if isinstance(func, Method):
            given = (func.self, *given)
        elif isinstance(func, Partial):
            given = (*func.args, *given)
        func = func.func
    if not isinstance(func, Func) or depth >= MAX_DEPTH:
        return
    names = dict(zip((p.name for p in func.code.params), given))
    body = _Body(m, func, names)
    for node in walk(func.code.body):
        for target in _targets(node):
            body.assigned(target, widen)
        if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr):
            if node.func.name in GROWING:
                body.widened(node.func.obj, widen)
            for callee in body.methods(node.func):
                kept(m, callee, widen, depth + 1)


def _targets(node: Any) -> Iterator[Any]:
    todo = list(node.targets) if isinstance(node, ir.Assign) else [node.target] if isinstance(node, ir.Augment) else []
    while todo:
        one = todo.pop()
        if isinstance(one, ir.Display):
            todo += one.items
        else:
            yield one


class _Body:
    """A body that is read where its function was defined: `names` are those of its parameters that are known."""

    def __init__(self, m: Machine, func: Func, names: dict[str, Any]) -> None:
        self.m, self.func, self.names = m, func, names

    def assigned(self, target: Any, widen: Callable[[Any], None]) -> None:
        if isinstance(target, ir.Attr):
            self.m.volatile |= {(ref.addr, target.name) for ref in self._instances(target.obj)}
        elif isinstance(target, ir.Item):
            self.widened(target.obj, widen)
        elif isinstance(target, ir.Name):
            self._forget(target.id)

    def widened(self, node: ir.Expr, widen: Callable[[Any], None]) -> None:
        for leaf in leaves(self.m.simplified(self._value(node))):
            if isinstance(leaf, Ref) and not isinstance(self.m.get(leaf), Instance):
                widen(leaf)

    def methods(self, node: ir.Attr) -> Iterator[Any]:
        for ref in self._instances(node.obj):
            thing = self.m.get(ref)
            assert isinstance(thing, Instance)
            if isinstance(thing.cls, Ref):
                found = class_attr(self.m, thing.cls, node.name, 0)
                if isinstance(found, Func):
                    yield Method(found, ref)

    def _instances(self, node: ir.Expr) -> list[Ref]:
        found = leaves(self.m.simplified(self._value(node)))
        return [leaf for leaf in found if isinstance(leaf, Ref) and isinstance(self.m.get(leaf), Instance)]

    def _value(self, node: ir.Expr) -> Any:
        """What a name, or an attribute of one, holds now; None where that is not known."""
        if isinstance(node, ir.Name):
            if node.id in self.names:
                return self.names[node.id]
            if node.id in self.func.code.made.bound:
                return None
            frame = self._frame(node.id)
            return None if frame is None else frame[1].names[node.id]
        if isinstance(node, ir.Attr):
            held = [self.m.get(ref) for ref in self._instances(node.obj)]
            return next((thing.attrs.get(node.name) for thing in held if isinstance(thing, Instance)), None)
        return None

    def _forget(self, name: str) -> None:
        made = self.func.code.made
        if name in made.nonlocals or name in made.globals:
            found = self._frame(name)
            if found is not None:
                address, frame = found
                self.m.state.put(address, replace(frame, names={**frame.names, name: Opaque(("name", address, name))}))

    def _frame(self, name: str) -> tuple[int, Frame] | None:
        func = self.func
        address = frames.holder_of(self.m, func.frame, name) or frames.holder_of(self.m, func.module, name)
        frame = self.m.state.heap.get(address)
        return (address, frame) if isinstance(frame, Frame) else None
