"""Writes cuts, roots and leaves into the ledger."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import torch_advice
from gradlint.analysis.ledger import CutRecord, OptimizerRecord, RootRecord
from gradlint.analysis.machine import Machine
from gradlint.analysis.torch_ops import is_vague, sources_of
from gradlint.analysis.values import Node, Ref, Tensor, is_true

SHOWN = {
    "torch.tensor": "torch.tensor", "torch.Tensor.item": ".item()", "torch.Tensor.tolist": ".tolist()",
    "torch.Tensor.data": ".data", "torch.Tensor.numpy": ".numpy()", "builtins.float": "float()", "builtins.int": "int()",
    "torch.Tensor.detach": ".detach()", "torch.detach": "torch.detach", "torch.Tensor.detach_": ".detach_()",
    "torch.nn.Parameter": "nn.Parameter", "torch.autograd.Variable": "Variable",
}  # fmt: skip
MAX_WALK = 2000


def identities(m: Machine, addresses: Any) -> frozenset[Any]:
    return frozenset(m.contexts.identity(a) for a in addresses)


def cut(m: Machine, kind: str, op: str, sources: frozenset[int], ref: Ref, at: int, asks_grad: bool = False) -> int:
    """Write down that the graph behind `ref` ends here; gives the number under which it is carried on."""
    where, blamed = _to_blame(m, at) if kind == "mode" else (m.here(at), 0)
    thing = m.get(ref)
    record = CutRecord(
        kind, SHOWN.get(op, op.rpartition(".")[2]), where, identities(m, sources), m.fact(ref), m.mode_fact(),
        tuple(m.place(a.site) for a in m.stack if a.site), blamed, asks_grad,
        isinstance(thing, Tensor) and is_true(m.simplified(thing.scalar)), entry=m.entry,
    )  # fmt: skip
    return m.ledger.cut(record)


def _to_blame(m: Machine, at: int) -> tuple[int, int]:
    """Where a mode cuts: the expression, in the body of the function that entered the mode, whose evaluation does it."""
    blamed = m.state.mode.stack[-1][1] if m.state.mode.stack else 0
    for number in range(len(m.stack) - 1, -1, -1):
        act = m.stack[number]
        # A mode put above a function is entered by its caller's call; its own body is where things happen.
        if (
            any(here == blamed for _, here in act.entered)
            or act.code is not None
            and act.decorated_at == blamed
            and blamed
        ):
            return (m.stack[number + 1].site if number + 1 < len(m.stack) else m.here(at)), blamed
    entered_in = blamed >> 32
    for number in range(len(m.stack) - 1, -1, -1):
        if m.stack[number].unit == entered_in and blamed in m.stack[number].switched:
            return (m.stack[number + 1].site if number + 1 < len(m.stack) else m.here(at)), blamed
    return m.here(at), blamed


def root(m: Machine, ref: Ref, at: int, inner: bool = False) -> None:
    """Write down that `ref`, which requires grad, is differentiated; `inner`: by `autograd.grad` with `create_graph`."""
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    leaves = sources_of(m, ref, thing)
    m.ledger.root(
        RootRecord(
            m.here(at),
            identities(m, leaves),
            thing.lost,
            thing.dead,
            is_vague(m, [ref]),
            m.fact(ref),
            thing.origin,
            thing.sure,
            inner,
        )
    )
    reached = set(reachable(m, thing))
    m.ledger.rooted |= {m.contexts.identity(a) for a in reached}
    torch_advice.differentiated(m, reached, at)
    torch_advice.writes_outside(m)


def reachable(m: Machine, thing: Tensor) -> list[int]:
    """Addresses of all nodes below a tensor."""
    seen: set[int] = set()
    todo = list(thing.nodes)
    while todo and len(seen) < MAX_WALK:
        address = todo.pop()
        if address in seen:
            continue
        seen.add(address)
        node = m.state.heap.get(address)
        if isinstance(node, Node):
            todo += [*node.inputs, *node.maybe]
    return sorted(seen)


def optimizer(m: Machine, at: int, held: frozenset[int], groups: list[frozenset[int]]) -> None:
    m.ledger.optimizers.append(
        OptimizerRecord(m.here(at), identities(m, held), tuple(identities(m, group) for group in groups))
    )
