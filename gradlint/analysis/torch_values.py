"""What the torch models know of values: flags of anything, unknown values that turn out to be tensors or modules.

An `Opaque` that is used as a tensor or a module gets an object on the heap under an address made from its symbol
(`materialise`), so that `x.requires_grad_()` on an unknown `x` is seen by every later use of the same unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from gradlint.analysis.machine import Machine
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    LIKELY_TRUE,
    TRUE,
    UNKNOWN,
    Const,
    Flag,
    Instance,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Table,
    Tensor,
    choose,
    either,
    is_false,
    is_true,
    join_truths,
    leaves,
    negate,
)
from gradlint.findings import Origin
from gradlint.records import replace

NEAR = 8
"""So many operations are looked back for what a tensor is a view of."""


def made_under(origin: Any) -> set[int]:
    """The modes under which a tensor was made, or what it may be a view of: an inference tensor passes that on."""
    found: set[int] = set()
    for _ in range(NEAR):
        if not isinstance(origin, Origin):
            break
        found.add(origin.mode_line)
        origin = origin.args[0] if origin.args else None
    return found


def home(m: Machine, opaque: Opaque, tag: str) -> int:
    """The address that belongs to an unknown value; it lives as long as the loop round that its symbol is from."""
    return m.contexts.address(_context(opaque.symbol), tag, opaque.symbol)


@lru_cache(maxsize=1 << 14)
def _context(symbol: Any) -> int:
    if isinstance(symbol, tuple) and symbol:
        if symbol[0] == "new":
            return int(symbol[1])
        return max((_context(part) for part in symbol[1:]), default=0)
    return 0


def known(m: Machine, value: Any) -> Any:
    """The value, or what an unknown value has turned out to be."""
    if type(value) is Opaque and value.symbol[0] != "wide":
        homes = m.contexts.homes.get(value.symbol)
        if homes is None:
            homes = m.contexts.homes[value.symbol] = home(m, value, "tensor"), home(m, value, "module")
        for address in homes:
            if address in m.state.heap:
                return Ref(address)
    return value


def as_tensor(m: Machine, value: Any) -> Ref | None:
    """The tensor behind a value, made up where it is unknown; None where it is something else."""
    value = known(m, value)
    if isinstance(m.get(value), Tensor):
        return value
    if not isinstance(value, Opaque) or value.kind in ("number", "module"):
        return None
    address = m.contexts.address(0, "wide") if value.symbol[0] == "wide" else home(m, value, "tensor")
    if value.symbol[0] == "wide":
        return None
    origin = value.origin or m.origin("input", 0)
    storage = m.contexts.address(m.contexts.context_of(address), "storage", address)
    from gradlint.analysis.values import Storage

    m.state.alloc(storage, Storage())
    thing = Tensor(rg=value.rg, leaf=UNKNOWN, floating=UNKNOWN, inference=UNKNOWN, storage=storage, origin=origin)
    return m.state.alloc(address, thing)


def as_module(m: Machine, value: Any) -> Ref | None:
    """The module behind a value, an unknown one made up: its parameters are taken to be trainable, a part of a module to
    be as its parameters are by now."""
    value = known(m, value)
    if isinstance(m.get(value), Instance):
        return value
    if not isinstance(value, Opaque) or value.symbol[0] == "wide":
        return None
    from gradlint.analysis.values import Extern

    whole, path = whole_of(m, value.symbol)
    holder = m.get(whole) if whole is not None else None
    own = holder.attrs[":own"] if isinstance(holder, Instance) else LIKELY_TRUE
    attrs = {":own": own, "training": Opaque(("attr", value.symbol, "training"))}
    ref = m.state.alloc(home(m, value, "module"), Instance(Extern("torch.nn.Module"), attrs, complete=False))
    if whole is not None:
        set_part(m, whole, path, ref)
    return ref


def set_part(m: Machine, whole: Ref, path: str, part: Any) -> None:
    """A made-up module holds this at the path."""
    thing = m.get(whole)
    assert isinstance(thing, Instance)
    m.put(whole, replace(thing, attrs={**thing.attrs, path: part}))


def whole_of(m: Machine, symbol: Any) -> tuple[Ref | None, str]:
    """The made-up module that an unknown value is read out of by attributes and items, and the path from there; None where
    there is none in view."""
    steps: list[str] = []
    while isinstance(symbol, tuple) and len(symbol) == 3 and symbol[0] in ("attr", "item"):
        steps.append(str(symbol[2]))
        symbol = symbol[1]
        ref = Ref(symbol[1]) if isinstance(symbol, tuple) and symbol[:1] == ("ref",) else known(m, Opaque(symbol))
        thing = m.get(ref)
        if isinstance(thing, Instance):
            return (ref, ".".join(reversed(steps))) if not thing.complete and ":own" in thing.attrs else (None, "")
    return None, ""


def may_be(m: Machine, made: Ref, given: Ref) -> Ref:
    """What an operation made may be the tensor that it was given; gives what was made."""
    group = m.twins.get(given.addr, set()) | {given.addr, made.addr} | m.twins.get(made.addr, set())
    for address in group:
        m.twins[address] = group
    m.perhaps_of[made.addr] = m.perhaps_of.get(given.addr, frozenset()) | {given.addr}
    return made


def twins_follow(m: Machine, ref: Ref) -> None:
    """The flags of a tensor were set: those that may be the same object may have them, too."""
    thing = m.get(ref)
    for address in m.twins.get(ref.addr, ()):
        held = m.state.heap.get(address)
        if address != ref.addr and isinstance(held, Tensor) and isinstance(thing, Tensor) and held.rg != thing.rg:
            rg = join_truths([*leaves(held.rg), *leaves(thing.rg)])
            m.state.put(address, replace(held, rg=rg, leaf=UNKNOWN, nodes=held.nodes | thing.nodes, sure=False))


def views_follow(m: Machine, address: int, written: bool) -> None:
    """The flag of a tensor was set, or it was written: its views require grad as it does, but for those that were recorded.
    Of a write they get nodes."""
    base = m.state.heap.get(address)
    if not isinstance(base, Tensor):
        return
    for view in m.views_of.get(address, ()):
        held = m.state.heap.get(view)
        if (
            not isinstance(held, Tensor)
            or is_true(held.inference)
            or held.rg == base.rg
            or held.base != address
            and address not in held.bases
        ):
            continue
        recorded = negate(m.simplified(held.leaf))
        rg: Flag = base.rg if is_true(base.rg) or is_false(recorded) else held.rg
        if held.bases or not is_true(base.rg) and not is_true(recorded) and not is_false(recorded):
            rg = UNKNOWN
        leaf = UNKNOWN if written or rg == UNKNOWN else held.leaf
        nodes = held.nodes | base.nodes if written else held.nodes
        m.state.put(view, replace(held, rg=rg, leaf=leaf, nodes=nodes, sure=held.sure and not written))
        twins_follow(m, Ref(view))


def rg_of(m: Machine, value: Any) -> Flag:
    """Whether a value requires grad, or holds something that does."""
    value = m.simplified(known(m, value))
    if isinstance(value, Phi):
        then, other = rg_of(m, value.then), rg_of(m, value.other)
        if value.cond[0] == "any":
            return then if then == other else join_truths([*leaves(then), *leaves(other)])
        return choose(value.cond, then, other)
    if isinstance(value, Const):
        return FALSE
    if isinstance(value, Opaque):
        return FALSE if value.kind in ("number", "array") else m.simplified(value.rg)
    thing = m.get(value)
    if isinstance(thing, Tensor):
        return m.simplified(thing.rg)
    if isinstance(thing, Sequence):
        return any_of(m, [*thing.items, *([] if thing.rest is None else [thing.rest])])
    if isinstance(thing, Table):
        return any_of(m, [*thing.entries.values(), *([] if thing.rest is None else [thing.rest])])
    if isinstance(thing, Instance) and not thing.complete:
        # A class with a base that is not in view may be one of tensors.
        return UNKNOWN
    return FALSE


def any_of(m: Machine, values: Iterable[Any]) -> Flag:
    flag: Flag = FALSE
    for value in values:
        flag = either(flag, rg_of(m, value))
    return flag


def flag_of(m: Machine, value: Any, name: str) -> Flag:
    """Another flag (`floating`, `inference`, `leaf`, `scalar`) of a value; of a container, of what it holds."""
    value = m.simplified(known(m, value))
    if isinstance(value, Phi):
        then, other = flag_of(m, value.then, name), flag_of(m, value.other, name)
        if value.cond[0] == "any":
            return then if then == other else UNKNOWN
        return choose(value.cond, then, other)
    if isinstance(value, Const):
        if name == "floating":
            return TRUE if isinstance(value.value, (float, complex)) else FALSE
        return TRUE if name in ("scalar", "single") else FALSE
    thing = m.get(value)
    if isinstance(thing, Tensor):
        return m.simplified(getattr(thing, name))
    if isinstance(thing, (Sequence, Table)) and name in ("floating", "inference"):
        held = thing.items if isinstance(thing, Sequence) else tuple(thing.entries.values())
        parts = [flag_of(m, v, name) for v in (*held, *([] if thing.rest is None else [thing.rest]))]
        flag: Flag = FALSE
        for part in parts:
            flag = either(flag, part)
        return flag
    if isinstance(value, Opaque) and name == "inference":
        return LIKELY_FALSE if m.state.mode.inference == FALSE else UNKNOWN
    return UNKNOWN


def tensors_in(m: Machine, value: Any, depth: int = 0) -> list[Ref]:
    """The known tensors in a value, containers looked through."""
    found: list[Ref] = []
    for leaf in leaves(m.simplified(known(m, value))):
        leaf = known(m, leaf)
        thing = m.get(leaf)
        if isinstance(thing, Tensor):
            found.append(leaf)
        elif isinstance(thing, Sequence) and depth < 4:
            for item in (*thing.items, *([] if thing.rest is None else [thing.rest])):
                found += tensors_in(m, item, depth + 1)
        elif isinstance(thing, Table) and depth < 4:
            for item in (*thing.entries.values(), *([] if thing.rest is None else [thing.rest])):
                found += tensors_in(m, item, depth + 1)
    return found


def maybe_tensor(m: Machine, value: Any, depth: int = 0) -> bool:
    """Whether a value is a tensor or may be one, or holds one."""
    for leaf in leaves(m.simplified(known(m, value))):
        if isinstance(leaf, Opaque):
            if leaf.kind not in ("number", "array"):
                return True
            continue
        thing = m.get(leaf)
        if isinstance(thing, Tensor):
            return True
        if isinstance(thing, (Sequence, Table)) and depth < 4:
            parts = thing.items if isinstance(thing, Sequence) else thing.entries.values()
            if any(
                maybe_tensor(m, part, depth + 1) for part in (*parts, *([] if thing.rest is None else [thing.rest]))
            ):
                return True
    return False
