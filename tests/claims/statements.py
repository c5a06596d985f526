"""Which statement a mark speaks of, and which values that statement binds.

Shared by the running judges (which instrument the tree) and the analyser's (which adds lines to the text).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .claims import FLAGS, RUNNING, Block, ClaimError, Mark

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Marked:
    """A statement with the marks on its `lines`. `subjects` are the expressions that its flag marks speak of."""

    node: ast.stmt
    lines: range
    marks: list[Mark]
    subjects: list[ast.expr]

    @property
    def body(self) -> list[ast.stmt] | None:
        """The block under the statement when it is a header, else None."""
        if isinstance(self.node, ast.Match):
            return self.node.cases[0].body
        return getattr(self.node, "body", None)

    def about(self, mark: Mark) -> list[ast.expr]:
        """The subjects of one mark. ClaimError when it names something that the statement does not bind."""
        if not mark.subject:
            return self.subjects
        found = [subject for subject in self.subjects if ast.unparse(subject) == mark.subject]
        if isinstance(self.node, Function):
            names = {arg.arg for arg in ast.walk(self.node.args) if isinstance(arg, ast.arg)}
            found = [ast.Name(mark.subject, ast.Load())] if mark.subject in names else []
        if not found:
            raise ClaimError(f"{mark.text!r}: the statement binds no {mark.subject}")
        return found


def first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def own_lines(node: ast.stmt) -> range:
    """The lines of a statement without the block under it: all of a simple one, the header of a compound one."""
    if isinstance(node, ast.Match):
        return range(node.lineno, node.cases[0].pattern.lineno)
    body = getattr(node, "body", None)
    if body:
        return range(first_line(node), max(first_line(body[0]), first_line(node)))
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Every statement, outer before inner, in source order."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            yield node


def loaded(target: ast.expr) -> list[ast.expr]:
    """The expressions that read back what a target binds."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [expr for element in target.elts for expr in loaded(element)]
    if isinstance(target, ast.Starred):
        return []
    return [ast.parse(ast.unparse(target), mode="eval").body]


def subjects_of(node: ast.stmt) -> list[ast.expr]:
    """What a statement binds, as expressions; the expression itself where the statement is one."""
    match node:
        case ast.Assign(targets=targets):
            return [expr for target in targets for expr in loaded(target)]
        case ast.AnnAssign(target=target, value=value):
            return loaded(target) if value else []
        case ast.AugAssign(target=target) | ast.For(target=target) | ast.AsyncFor(target=target):
            return loaded(target)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return [expr for item in items if item.optional_vars for expr in loaded(item.optional_vars)]
        case ast.If(test=test) | ast.While(test=test):
            return [
                ast.Name(walrus.target.id, ast.Load()) for walrus in ast.walk(test) if isinstance(walrus, ast.NamedExpr)
            ]
        case ast.Expr(value=value):
            return [value]
    return []


def marked_statements(block: Block, tree: ast.Module) -> list[Marked]:
    """The statements that carry marks. ClaimError for a mark that no statement, or no value, can answer."""
    at: dict[int, ast.stmt] = {}
    for node in statements(tree):
        for line in own_lines(node):
            if line not in at or (node.lineno, node.col_offset) >= (at[line].lineno, at[line].col_offset):
                at[line] = node
    found: dict[ast.stmt, Marked] = {}
    for mark in block.marks:
        if mark.line not in at:
            if mark.kind in RUNNING:
                raise ClaimError(f"{block.place(mark.line)}: {mark.text!r} stands on no statement")
            continue
        node = at[mark.line]
        marked = found.setdefault(node, Marked(node, own_lines(node), [], subjects_of(node)))
        marked.marks.append(mark)
        if mark.kind in FLAGS and not marked.about(mark):
            raise ClaimError(f"{block.place(mark.line)}: {mark.text!r} stands on a statement that binds nothing")
    return list(found.values())
