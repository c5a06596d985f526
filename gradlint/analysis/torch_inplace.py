"""In-place changes: versions, what the target becomes, and the ones that torch refuses."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import events
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.torch_ops import (
    ADDITIVE,
    SCALING,
    Operands,
    carried,
    check_saved_inference,
    dead_terms,
    record,
    sources_of,
)
from gradlint.analysis.torch_values import any_of, as_tensor, made_under, tensors_in, twins_follow, views_follow
from gradlint.analysis.values import (
    FALSE,
    UNKNOWN,
    Flag,
    Node,
    Ref,
    Storage,
    Tensor,
    both,
    either,
    is_assumed,
    is_false,
    is_true,
    negate,
    summary,
)
from gradlint.records import replace
from gradlint.torch_model import tables

CREATORS = frozenset({
    "zero_", "fill_", "normal_", "uniform_", "random_", "bernoulli_", "exponential_", "cauchy_", "geometric_",
    "log_normal_",
})  # fmt: skip
"""In-place functions that overwrite: the old value and its graph no longer matter."""


KEEPING = frozenset({"squeeze_", "unsqueeze_"})
RESHAPING = KEEPING | {"as_strided_", "resize_", "resize_as_", "set_", "addbmm_"}
"""In-place functions that may change the number of dimensions; those that keep the number of elements."""


def write(m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call) -> Any:
    """An in-place operator: `x.add_(y)`, `torch.relu_(x)`."""
    target = call.self if call.self is not None else next(iter(bound.named.values()), None)
    ref = as_tensor(m, m.simplified(target))
    if ref is None:
        return target if target is not None else m.opaque(call.at)
    values = [v for v in bound.values() if v is not target]
    check_saved_inference(m, name, row, bound, call.at)
    method = name.rpartition(".")[2]
    if row.writes_leaf and not row.name.startswith("torch.nn."):
        values = []
    changed(m, ref, values, call.at, method, row=row, bound=bound, call=call, overwrites=method in CREATORS)
    thing = m.get(ref)
    if method in RESHAPING and isinstance(thing, Tensor):
        m.put(ref, replace(thing, scalar=UNKNOWN, single=thing.single if method in KEEPING else UNKNOWN))
    return ref


def changed(
    m: Machine, ref: Ref, values: list[Any], at: int, how: str, *, row: tables.Operator | None = None,
    bound: Operands | None = None, call: Call | None = None, overwrites: bool = False,
) -> None:  # fmt: skip
    """The tensor at `ref` is written in place with `values`."""
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    value_rg = any_of(m, values)
    m.book.met |= made_under(thing.origin)
    if thing.origin.mode_line != (m.state.mode.stack[-1][1] if m.state.mode.stack else 0):
        m.book.met |= {here for _, here in m.state.mode.stack}
    unseen = row is not None and row.writes_leaf
    if not unseen:  # else autograd takes no part in it, and allows it for leaves, too
        report(m, ref, thing, values, value_rg, at, how)
        if refused(m, thing):
            m.stop()
            return
    touch(m, thing.storage, at, hidden=_through_data(thing))
    if _through_data(thing):
        use_of_data(m, ref, "inplace")
    rg = either(m.simplified(thing.rg), both(m.recording, value_rg))
    if is_false(thing.floating):
        rg = m.simplified(thing.rg)
    lost, dead = _carried(m, ref, thing, values, rg, at, how)
    if rg == m.simplified(thing.rg) and is_false(both(m.recording, rg)):
        if lost != thing.lost:
            m.put(ref, replace(m.get(ref), lost=lost))  # type: ignore[arg-type]
        return
    nodes, sure = _recorded(m, ref, thing, values, rg, at, how, row, bound, call)
    leaf: Flag = m.simplified(thing.leaf)
    if is_true(m.recording) and is_true(rg):
        leaf = FALSE if not is_true(both(m.simplified(thing.rg), leaf)) else leaf
    elif not is_false(both(m.recording, rg)):
        leaf = leaf if rg == m.simplified(thing.rg) else UNKNOWN
    origin = thing.origin
    if rg != m.simplified(thing.rg):
        origin = replace(m.origin(f"torch.Tensor.{how}", at, (ref, *values), rg), name=thing.origin.name)
    m.put(ref, replace(m.get(ref), rg=rg, leaf=leaf, nodes=nodes, sure=sure, lost=lost, dead=dead, origin=origin))  # type: ignore[arg-type]
    twins_follow(m, ref)
    _base_follows(m, thing, rg, nodes, origin)
    for address in {ref.addr, thing.base, *thing.bases} - {0}:
        views_follow(m, address, written=True)


def _carried(
    m: Machine, ref: Ref, thing: Tensor, values: list[Any], rg: Flag, at: int, how: str
) -> tuple[frozenset[int], frozenset[int]]:
    """The cuts that the target carries after the write, and those behind constant terms of it."""
    lost = thing.lost
    if not (how == "index" and is_true(m.simplified(thing.rg))):
        lost |= carried(
            m, values, values, FALSE if is_false(m.recording) and not thing.parameter else rg, "mode", how, at
        )
    for number in lost - thing.lost:
        record = m.ledger.cuts[number - 1]
        record.stored = record.stored or record.kind == "detach" and is_false(rg)
    if thing.parameter:
        m.ledger.written.add(m.contexts.identity(ref.addr))
    short = how if how in ADDITIVE or how in SCALING else {"+": "add", "-": "sub", "*": "mul", "/": "div"}.get(how, "")
    dead = dead_terms(m, short, Operands({str(n): v for n, v in enumerate((ref, *values))}, ()), rg, at)
    return lost, dead


def _recorded(
    m: Machine, ref: Ref, thing: Tensor, values: list[Any], rg: Flag, at: int, how: str, row: Any, bound: Any, call: Any
) -> Any:
    if is_false(both(m.recording, rg)):
        return thing.nodes, thing.sure
    if row is not None and bound is not None and call is not None:
        nodes, sure = record(m, f"torch.Tensor.{how}", row, bound, call, rg, thing.storage, "inplace")
        return nodes or thing.nodes, sure
    inputs = set(thing.nodes)
    grads: set[int] = set()
    below = set(sources_of(m, ref, thing)) if is_true(m.simplified(thing.rg)) else set()
    for value in values:
        for other in tensors_in(m, value):
            held = m.get(other)
            assert isinstance(held, Tensor)
            inputs |= held.nodes
            if is_true(m.simplified(held.rg)):
                below |= sources_of(m, other, held)
                if not held.nodes:
                    grads.add(other.addr)
    node = Node(how, frozenset(inputs), leaves=frozenset(grads), sources=frozenset(below), at=m.here(at))
    return frozenset({m.alloc(at, node, "write").addr}), True


def _base_follows(m: Machine, thing: Tensor, rg: Flag, nodes: frozenset[int], origin: Any) -> None:
    """What is written into a view is written into its base: the base requires grad from now on, too."""
    for address in thing.bases:
        held = m.state.heap.get(address)
        if isinstance(held, Tensor) and not is_true(held.rg) and not is_false(rg):
            m.state.put(address, replace(held, rg=UNKNOWN, leaf=UNKNOWN, nodes=held.nodes | nodes, sure=False))
    base = m.state.heap.get(thing.base)
    if isinstance(base, Tensor) and not is_true(base.rg):
        made = either(base.rg, rg)
        leaf = FALSE if is_true(made) else UNKNOWN if made != base.rg else base.leaf
        m.state.put(
            thing.base,
            replace(
                base,
                rg=made,
                leaf=leaf,
                nodes=base.nodes | nodes,
                sure=False,
                origin=replace(origin, name=base.origin.name),
            ),
        )


def _guarded(m: Machine, thing: Tensor) -> Flag:
    """Whether torch keeps a tensor from being written outside of inference mode: inference tensors, but not what is
    detached from them outside of it, though that is one as well (measured with torch 2.13)."""
    switches = [mode for mode in thing.origin.modes if "inference_mode" in mode]
    inside = bool(switches) and not switches[-1].endswith("(False)")
    detached = thing.origin.op in ("torch.Tensor.detach", "torch.Tensor.data") and not inside
    if thing.storage in m.given_data and not is_false(thing.inference):
        return UNKNOWN
    return FALSE if detached else m.simplified(thing.inference)


def _through_data(thing: Tensor) -> bool:
    return thing.origin.op == "torch.Tensor.data"


def use_of_data(m: Machine, alias: Ref, how: str) -> bool:
    """Say of a `.data` just read what becomes of it; False where the value is none."""
    where = m.data_read.get(alias.addr)
    for number in range(len(m.events) - 1, max(-1, len(m.events) - 16), -1):
        event = m.events[number]
        if isinstance(event, events.DataUsed) and event.where == where:
            m.events[number] = replace(event, how=how)
            return True
    return False


def refused(m: Machine, thing: Tensor) -> bool:
    """Whether torch refuses the write for certain: to a leaf that requires grad (or a view of one) while operations are
    recorded, or to an inference tensor outside of inference mode."""
    base_leaf, _ = _of_base(m, thing)
    viewed = base_leaf is not None and not thing.view_mode
    leaf = base_leaf if base_leaf is not None and viewed else both(m.simplified(thing.rg), m.simplified(thing.leaf))
    if _through_data(thing):
        leaf = FALSE
    outside = both(_guarded(m, thing), negate(m.simplified(m.state.mode.inference)))
    return any(is_true(flag) and not is_assumed(flag) for flag in (both(m.recording, leaf), outside))


def _of_base(m: Machine, thing: Tensor) -> tuple[Flag | None, Flag]:
    """Whether what a tensor is a view of is a leaf that requires grad, and whether it requires grad; None where it is
    no view."""
    found = [m.state.heap.get(address) for address in thing.bases or (thing.base,)]
    bases = [base for base in found if isinstance(base, Tensor)]
    if not bases or len(bases) < len(found):
        return None, FALSE
    flags = [m.simplified(base.rg) for base in bases]
    leaf = [both(rg, m.simplified(base.leaf)) for rg, base in zip(flags, bases)]
    if all(flag == leaf[0] for flag in leaf) and all(rg == flags[0] for rg in flags):
        return leaf[0], flags[0]
    return UNKNOWN, UNKNOWN


def touch(m: Machine, storage: int, at: int, hidden: bool = False) -> None:
    """Count a write to a storage."""
    held = m.state.heap.get(storage)
    if not isinstance(held, Storage):
        return
    writes = (*held.writes, (m.here(at), hidden))[-8:]
    if not held.exact:
        m.state.put(storage, replace(held, writes=writes))
    elif hidden:
        m.state.put(storage, replace(held, hidden=held.hidden + 1, writes=writes))
    else:
        m.state.put(storage, replace(held, version=held.version + 1, writes=writes))


def report(m: Machine, ref: Ref, thing: Tensor, values: list[Any], value_rg: Flag, at: int, how: str) -> None:
    """Emit the event of an in-place write, with what torch checks."""
    base_leaf, base_rg = _of_base(m, thing)
    value = m.fact(values[0]) if values else None
    if value is not None:
        value = replace(value, rg=summary(m.simplified(value_rg)))
    target = replace(m.fact(ref), inference=summary(_guarded(m, thing)))
    m.event(
        events.InPlaceWrite, at, target=target, value=value, how=how, view_of_leaf=summary(base_leaf or FALSE),
        base_rg=summary(base_rg), through_data=_through_data(thing),
    )  # fmt: skip
