"""Joins: the least value, flag or object that covers two which meet where control does.

With a condition that tells the two sides apart the result is a choice over it, without one it is one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from gradlint.analysis.values import (
    FALSE,
    MAX_LEAVES,
    NONE,
    UNKNOWN,
    Class,
    Const,
    Context,
    Flag,
    Frame,
    Generator,
    Instance,
    Node,
    Object,
    Opaque,
    Phi,
    Sequence,
    Storage,
    Symbol,
    Table,
    Tensor,
    Truth,
    choose,
    count_leaves,
    join_truths,
    leaves,
)
from gradlint.records import replace


def anonymous(values: list[Any]) -> Any:
    """One of several values, nothing said of which; unknown where there are too many."""
    unique: list[Any] = []
    for value in values:
        if type(value) is not Phi:
            if value not in unique:
                unique.append(value)
            continue
        for leaf in leaves(value):
            if leaf not in unique:
                unique.append(leaf)
    if len(unique) == 1:
        return unique[0]
    numbers = [v for v in unique if _is_number(v)]
    if len(numbers) > 1:
        unique = [v for v in unique if not _is_number(v)]
        unique.append(_any_number(numbers))
    if len(unique) > MAX_LEAVES or not unique:
        return widen(unique)
    result = unique[-1]
    for number in range(len(unique) - 2, -1, -1):
        result = Phi(("any", number), unique[number], result)
    return result


def one_of(tree: Phi) -> list[Any] | None:
    """The values of a choice that `anonymous` has made; None for any other."""
    found: list[Any] = []
    value: Any = tree
    while type(value) is Phi:
        if value.cond[0] != "any" or value.cond[1] != len(found) or type(value.then) is Phi:
            return None
        found.append(value.then)
        value = value.other
    return [*found, value]


def _is_number(value: Any) -> bool:
    kind = type(value)
    if kind is Const:
        return type(value.value) in (int, float)
    return kind is Opaque and value.kind == "number"


def _any_number(numbers: list[Any]) -> Opaque:
    """One of several numbers: which one is of no interest, what they carry is."""
    opaque = [n for n in numbers if isinstance(n, Opaque)]
    origin = next((n.origin for n in reversed(opaque) if n.origin is not None), None)
    lost = frozenset().union(*(n.lost for n in opaque))
    return Opaque(("wide",), FALSE, "number", origin, lost)


def widen(values: list[Any]) -> Opaque:
    """The unknown value that covers all of these."""
    flags = [v.rg if isinstance(v, Opaque) else UNKNOWN for v in values] or [UNKNOWN]
    return Opaque(("wide",), join_truths([t for f in flags for t in leaves(f)]))


def join_flags(cond: Symbol | None, a: Flag, b: Flag) -> Flag:
    if a == b:
        return a
    if cond is None:
        return join_truths([*leaves(a), *leaves(b)])
    joined = choose(cond, a, b)
    return joined if count_leaves(joined) <= MAX_LEAVES else join_truths(list(leaves(joined)))


def join_values(cond: Symbol | None, a: Any, b: Any) -> Any:
    if a == b:
        return a
    if cond is None:
        return anonymous([a, b])
    joined = choose(cond, a, b)
    return joined if count_leaves(joined) <= MAX_LEAVES else anonymous([joined])


def _join_maps(cond: Symbol | None, a: Mapping[Any, Any], b: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Names set on one side only keep that side's value: who reads them came along that way."""
    if a is b:
        return a
    out = dict(a)
    for key, value in b.items():
        if key not in out:
            out[key] = value
        elif out[key] is not value:
            out[key] = join_values(cond, out[key], value)
    return out


def _join_tensors(cond: Symbol | None, a: Tensor, b: Tensor) -> Tensor:
    return replace(
        a,
        rg=join_flags(cond, a.rg, b.rg),
        leaf=join_flags(cond, a.leaf, b.leaf),
        floating=join_flags(cond, a.floating, b.floating),
        inference=join_flags(cond, a.inference, b.inference),
        scalar=join_flags(cond, a.scalar, b.scalar),
        single=join_flags(cond, a.single, b.single),
        plain=join_flags(cond, a.plain, b.plain),
        storage=a.storage if a.storage == b.storage else 0,
        base=a.base if a.base == b.base else 0,
        bases=_join_bases(a, b),
        view_mode=a.view_mode if a.view_mode == b.view_mode else "",
        nodes=a.nodes | b.nodes,
        sure=a.sure and b.sure and a.nodes == b.nodes,
        parameter=a.parameter and b.parameter,
        grad=a.grad if a.grad == b.grad else _join_grads(cond, a.grad, b.grad),
        retains=a.retains or b.retains,
        many=a.many or b.many,
        lost=a.lost | b.lost,
        dead=a.dead | b.dead if a.rg != FALSE and b.rg != FALSE else a.dead or b.dead,
        used=a.used or b.used,
        made_from=a.made_from | b.made_from,
        origin=a.origin if a.origin is b.origin else replace(a.origin, requires_grad=None),
    )


def _join_grads(cond: Symbol | None, a: Any, b: Any) -> Any:
    """Where one side has no gradient in view there may be none."""
    return join_values(cond, NONE if a is None else a, NONE if b is None else b)


MAX_BASES = 8


def _join_bases(a: Tensor, b: Tensor) -> tuple[int, ...]:
    """What a tensor is a view of that is one view on one path and another on another."""
    if a.base == b.base and a.bases == b.bases:
        return a.bases
    one, other = (x.bases or ((x.base,) if x.base else ()) for x in (a, b))
    both = tuple(dict.fromkeys((*one, *other)))
    return both if one and other and len(both) <= MAX_BASES else ()


def _join_optional(cond: Symbol | None, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return join_values(cond, a, b)


def _join_sequences(cond: Symbol | None, a: Sequence, b: Sequence) -> Sequence:
    many = a.many or b.many
    if a.exact and b.exact and len(a.items) == len(b.items):
        return Sequence(a.kind, tuple(join_values(cond, x, y) for x, y in zip(a.items, b.items)), None, many)
    items = [*a.items, *b.items, *(r for r in (a.rest, b.rest) if r is not None)]
    return Sequence(a.kind, (), anonymous(items), many)


def join_objects(cond: Symbol | None, a: Object, b: Object) -> Object:
    """The least object that covers both, which were found at one address."""
    if a is b or a == b:
        return a
    if type(a) is not type(b):
        return Instance(Opaque(("wide",)), {}, complete=False)
    if isinstance(a, Frame) and isinstance(b, Frame):
        return Frame(_join_maps(cond, a.names, b.names), a.parent, a.module)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _join_tensors(cond, a, b)
    if isinstance(a, Instance) and isinstance(b, Instance):
        cls = a.cls if a.cls == b.cls else join_values(cond, a.cls, b.cls)
        return Instance(cls, _join_maps(cond, a.attrs, b.attrs), a.complete and b.complete, a.many or b.many)
    if isinstance(a, Sequence) and isinstance(b, Sequence):
        return _join_sequences(cond, a, b)
    if isinstance(a, Table) and isinstance(b, Table):
        entries, rest = _join_maps(cond, a.entries, b.entries), _join_optional(cond, a.rest, b.rest)
        return Table(entries, rest, a.many or b.many, a.last if a.last == b.last else None)
    if isinstance(a, Class) and isinstance(b, Class):
        return replace(a, attrs=_join_maps(cond, a.attrs, b.attrs))
    if isinstance(a, Storage) and isinstance(b, Storage):
        same = a.version == b.version and a.hidden == b.hidden
        return a if same else Storage(-1, False, -1, a.writes or b.writes)
    if isinstance(a, Node) and isinstance(b, Node):
        freed = join_flags(cond, a.freed, b.freed)
        saved = a.saved if a.saved == b.saved else ()
        keeps, sources = a.keeps and b.keeps, a.sources | b.sources
        sure = a.inputs & b.inputs
        maybe = a.maybe | b.maybe | (a.inputs ^ b.inputs)
        vague = a.vague or b.vague
        return Node(
            a.op, sure, maybe, a.leaves | b.leaves, saved, keeps, freed, a.freed_at or b.freed_at, sources, vague, a.at
        )
    if isinstance(a, Context) and isinstance(b, Context):
        return replace(a, entered=min(a.entered, b.entered), ever=a.ever or b.ever, saved=a.saved or b.saved)
    if isinstance(a, Generator) and isinstance(b, Generator):
        return replace(a, started=a.started or b.started)
    return a


def map_values(thing: Any, function: Callable[[Any], Any]) -> Any:
    """A copy of an object or value with `function` applied to each Ref, Opaque, Phi, Func … directly in it."""
    kind = type(thing)
    if kind is tuple:
        made = tuple(function(part) for part in thing)
        return made if any(x is not y for x, y in zip(made, thing)) else thing
    if kind is dict:
        made_dict = {key: function(value) for key, value in thing.items()}
        return made_dict if any(made_dict[k] is not thing[k] for k in thing) else thing
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(f.name for f in fields(thing))
    changed = {}
    for name in names:
        old = getattr(thing, name)
        if type(old) in PLAIN:
            continue
        new = function(old)
        if new is not old:
            changed[name] = new
    return replace(thing, **changed) if changed else thing


_FIELDS: dict[type, tuple[str, ...]] = {}
PLAIN = frozenset({str, int, bool, type(None), Truth})
