"""A script as a tree, with what planting a mistake needs: places, surroundings, and writing a changed copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import libcst as cst
import libcst.metadata as meta

Node = TypeVar("Node", bound=cst.CSTNode)
Function = cst.FunctionDef
Line = cst.SimpleStatementLine
New = cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNode]


@dataclass(frozen=True)
class Change:
    """One mistake: the line of the original that it is planted at, and what takes the place of which nodes."""

    line: int
    nodes: Mapping[cst.CSTNode, New]


class _Replace(cst.CSTTransformer):
    """Puts each new node in the place of the old one, which is known by its identity."""

    def __init__(self, nodes: Mapping[cst.CSTNode, New]) -> None:
        super().__init__()
        self.nodes = nodes

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> New:  # type: ignore[override]
        return self.nodes.get(original_node, updated_node)


class Script:
    """A parsed script. `text` is what it was made from."""

    def __init__(self, text: str) -> None:
        self.text = text
        wrapper = meta.MetadataWrapper(cst.parse_module(text))
        self.module = wrapper.module
        self._places = wrapper.resolve(meta.PositionProvider)
        self._parents = wrapper.resolve(meta.ParentNodeProvider)
        self._nodes = list(_walk(self.module))

    def line(self, node: cst.CSTNode) -> int:
        return self._places[node].start.line

    def code(self, node: cst.CSTNode) -> str:
        return self.module.code_for_node(node)

    def all(self, kind: type[Node]) -> Iterator[Node]:
        return (node for node in self._nodes if isinstance(node, kind))

    def within(self, node: cst.CSTNode, kind: type[Node]) -> Iterator[Node]:
        return (inner for inner in _walk(node) if isinstance(inner, kind))

    def around(self, node: cst.CSTNode, kind: type[Node]) -> Node | None:
        """The nearest node of a kind that holds this one."""
        outer = self._parents.get(node)
        while outer is not None and not isinstance(outer, kind):
            outer = self._parents.get(outer)
        return outer

    def block(self, line: Line) -> list[cst.BaseStatement]:
        """The statements that a statement stands among."""
        return list(getattr(self._parents[line], "body", []))

    def change(self, old: cst.CSTNode, new: New) -> Change:
        return Change(self.line(old), {old: new})

    def changed(self, change: Change) -> str:
        made = self.module.visit(_Replace(change.nodes))
        assert isinstance(made, cst.Module)
        return made.code


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def expression(text: str) -> cst.BaseExpression:
    return cst.parse_expression(text)


def statement(text: str) -> cst.BaseStatement:
    parsed = cst.parse_statement(text)
    assert isinstance(parsed, cst.BaseStatement)
    return parsed


def several(*statements: cst.CSTNode) -> cst.FlattenSentinel[cst.CSTNode]:
    return cst.FlattenSentinel(statements)


def wrapped(line: cst.BaseStatement, mode: str) -> cst.With:
    """The statement inside a `with` of the mode."""
    return cst.With(items=[cst.WithItem(expression(mode))], body=cst.IndentedBlock([line]))


def assigned(line: cst.BaseStatement) -> cst.Assign | None:
    """The assignment that is all of a statement."""
    if isinstance(line, Line) and len(line.body) == 1 and isinstance(line.body[0], cst.Assign):
        return line.body[0]
    return None


def target_of(assign: cst.Assign) -> str:
    """The one name that an assignment binds, or ""."""
    target = assign.targets[0].target
    return target.value if len(assign.targets) == 1 and isinstance(target, cst.Name) else ""


def method_call(node: cst.CSTNode, *names: str) -> cst.Call | None:
    """The call of a method of one of those names that a statement or an expression is."""
    if isinstance(node, Line) and len(node.body) == 1:
        node = node.body[0]
    if isinstance(node, cst.Expr):
        node = node.value
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in names:
        return node
    return None


def receiver(call: cst.Call) -> cst.BaseExpression:
    """What a method is called on."""
    assert isinstance(call.func, cst.Attribute)
    return call.func.value
