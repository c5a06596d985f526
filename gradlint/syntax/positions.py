"""Offsets of nodes in the text that libcst prints for them."""

from __future__ import annotations

from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState  # the printer's state has no public name

BODIES = frozenset(
    {
        cst.IndentedBlock,
        cst.MatchCase,
        cst.Else,
        cst.Finally,
        cst.ExceptHandler,
        cst.ExceptStarHandler,
        cst.If,
    }
)


class _Stop(Exception):
    pass


class _Recorder(CodegenState):
    """A printer that writes nothing and remembers where each node starts and ends, without its whitespace."""

    def __init__(self, module: cst.Module, root: Any = None, indent: str = "") -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.indent_tokens = [indent] if indent else []
        self.root = root
        self.offset = 0
        self.anchor = 0
        self.found: dict[Any, tuple[int, int]] = {}
        self.stack: list[int] = []
        self.last = 0

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.offset += len(token)

    def add_token(self, value: str) -> None:
        self.offset += len(value)
        self.last = len(value)

    def pop_trailing_newline(self) -> None:
        self.offset -= self.last

    def before_codegen(self, node: Any) -> None:
        if self.root is not None and type(node) in BODIES and node is not self.root:
            raise _Stop
        self.stack.append(self.offset)

    def after_codegen(self, node: Any) -> None:
        start = self.stack.pop()
        if node not in self.found:
            self.found[node] = (start, self.offset)

    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Any:
        return _Extent(self, node, start_node, end_node)


class _Extent:
    __slots__ = ("state", "node", "start_node", "end_node", "start")

    def __init__(self, state: _Recorder, node: Any, start_node: Any, end_node: Any) -> None:
        self.state, self.node, self.start_node, self.end_node = state, node, start_node, end_node

    def __enter__(self) -> None:
        self.start = self.state.offset
        if self.node is self.state.root:
            self.state.anchor = self.start

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        found, start, end = self.state.found, self.start, self.state.offset
        if kind is None:
            if self.start_node in found:
                start = found[self.start_node][0]
            if self.end_node in found:
                end = found[self.end_node][1]
        found[self.node] = (start, end)


def line_offsets(module: cst.Module, root: Any, indent: str, is_elif: bool) -> dict[Any, tuple[int, int]]:
    """Offsets (code points) of the nodes in the logical line that `root` opens, from that line's first token.

    A compound statement ends at its colon here."""
    state = _Recorder(module, root, indent)
    try:
        if is_elif:
            root._codegen(state, is_elif=True)
        else:
            root._codegen(state)
    except _Stop:
        pass
    anchor = state.anchor
    return {node: (start - anchor, end - anchor) for node, (start, end) in state.found.items() if start >= anchor}


def module_offsets(module: cst.Module) -> dict[Any, tuple[int, int]]:
    """Offsets (code points) of all nodes of a module; a compound statement ends with its body here."""
    state = _Recorder(module)
    module._codegen(state)
    return state.found
