"""Python's builtins, as models: what each gives back and what it does to its arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradlint.analysis import attribute_tables
from gradlint.analysis.attributes import find_method, get_attr, set_attr
from gradlint.analysis.calls import escape, unknown_result
from gradlint.analysis.classes import class_of, mro
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import binary, condition, flag_value, symbol_of, truth_of
from gradlint.analysis.torch_modules import part_of
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Builtin,
    Class,
    Const,
    Descriptor,
    Extern,
    Flag,
    Func,
    Generator,
    Instance,
    Method,
    Moded,
    Opaque,
    Partial,
    Phi,
    Ref,
    Sequence,
    Super,
    Table,
    Tensor,
    both,
    either,
    is_true,
    negate,
)
from gradlint.records import replace

MAX_EXACT = 64
Model = Callable[[Machine, Call], Any]


def call_extern(m: Machine, call: Call) -> Any:
    """A function or class outside the project and outside torch."""
    model = BUILTINS.get(call.name[9:]) if call.name.startswith("builtins.") else None
    if model is None:
        from gradlint.analysis import python_library

        return python_library.call_extern(m, call)
    return model(m, call)


def unknown_extern(m: Machine, call: Call) -> Any:
    """A call that no model describes: its arguments escape, its result is unknown."""
    escape(m, call.all_args)
    m.unseen += 1
    return m.opaque(call.at, unknown_result(m), tag="call", origin=m.origin("unknown", call.at, call.all_args))


def number(m: Machine, call: Call) -> Any:
    """Something that is no tensor."""
    for value in call.args:
        iterate_lazily(m, value, call.at)
    return m.opaque(call.at, FALSE, "number", tag=call.name)


def iterate_lazily(m: Machine, value: Any, at: int) -> None:
    """A builtin that consumes its argument runs a generator that was given to it."""
    if isinstance(m.get(m.simplified(value)), Generator):
        iterate(m, value, at)


def _sequence(kind: str) -> Model:
    def model(m: Machine, call: Call) -> Any:
        if not call.args:
            return m.alloc(call.at, Sequence(kind), kind)
        items, rest = iterate(m, m.simplified(call.args[0]), call.at)
        if rest is None:
            return m.alloc(call.at, Sequence(kind, tuple(items)), kind)
        return m.alloc(call.at, Sequence(kind, (), anonymous([*items, rest])), kind)

    return model


def _dict(m: Machine, call: Call) -> Any:
    entries: dict[Any, Any] = {}
    rests: list[Any] = []
    for value in call.args[:1]:
        thing = m.get(m.simplified(value))
        if isinstance(thing, Table):
            entries.update(thing.entries)
            rests += [] if thing.rest is None else [thing.rest]
            continue
        items, rest = iterate(m, m.simplified(value), call.at)
        for item in items:
            pair = m.get(m.simplified(item))
            key = m.simplified(pair.items[0]) if isinstance(pair, Sequence) and len(pair.items) == 2 else None
            if isinstance(pair, Sequence) and isinstance(key, Const):
                entries[key.value] = pair.items[1]
            elif isinstance(pair, Sequence) and len(pair.items) == 2:
                rests.append(pair.items[1])
            else:
                rests.append(m.opaque(call.at, tag="entry"))
        if rest is not None:
            rests.append(_second(m, rest, call.at))
    entries.update(call.kwargs)
    return m.alloc(call.at, Table(entries, anonymous(rests) if rests else None), "dict")


def _second(m: Machine, pair: Any, at: int) -> Any:
    thing = m.get(m.simplified(pair))
    if isinstance(thing, Sequence) and len(thing.items) == 2:
        return thing.items[1]
    return m.opaque(at, pair.rg if isinstance(pair, Opaque) else UNKNOWN, tag="entry")


def _len(m: Machine, call: Call) -> Any:
    value = m.simplified(call.arg(0))
    thing = m.get(value)
    if isinstance(thing, Sequence) and thing.exact and not thing.many:
        return Const(len(thing.items))
    if isinstance(thing, Table) and thing.rest is None and not thing.many:
        return Const(len(thing.entries))
    if isinstance(value, Const) and isinstance(value.value, (str, bytes)):
        return Const(len(value.value))
    symbol = symbol_of(value)
    if symbol is not None:
        return Opaque(("len", symbol), FALSE, "number")
    return m.opaque(call.at, FALSE, "number", tag="len")


def _range(m: Machine, call: Call) -> Any:
    given = [m.simplified(a) for a in call.args]
    index = m.opaque(call.at, FALSE, "number", tag="index")
    if all(isinstance(g, Const) and isinstance(g.value, int) for g in given) and given:
        try:
            exact = range(*(g.value for g in given))
        except ValueError:
            m.may_raise()
            return m.alloc(call.at, Sequence("range", (), index), "range")
        if len(exact) <= MAX_EXACT:
            return m.alloc(call.at, Sequence("range", tuple(Const(i) for i in exact)), "range")
        return m.alloc(call.at, Sequence("range", (Const(exact[0]),), index), "range")
    return m.alloc(call.at, Sequence("range", (), index), "range")


def _generators(m: Machine, values: tuple[Any, ...]) -> list[int]:
    """Positions of the arguments that are generators, or instances whose `__iter__` makes one."""
    found = []
    for number, value in enumerate(values):
        value = m.simplified(value)
        thing = m.get(value)
        if isinstance(thing, Generator):
            found.append(number)
        elif isinstance(thing, Instance) and isinstance(m.get(thing.cls), Class):
            method = find_method(m, value, "__iter__", 0)
            if isinstance(method, Method) and isinstance(method.func, Func) and method.func.code.made.is_generator:
                found.append(number)
    return found


def lazily(m: Machine, kind: str, func: Any, sources: tuple[Any, ...], at: int) -> Ref:
    """An iterator that runs when it is consumed: `zip`, `enumerate`, `map`, `filter` over generators, `map` over all."""
    mode = m.state.mode
    m.deferred += 1
    sources = tuple(_iterator(m, source, at) for source in sources)
    return m.alloc(at, Generator(kind, (func, sources), 0, made_mode=(mode.grad, mode.inference), at=m.here(at)), kind)


def _iterator(m: Machine, value: Any, at: int) -> Any:
    value = m.simplified(value)
    if isinstance(m.get(value), Instance):
        method = find_method(m, value, "__iter__", at)
        if method is not None:
            return m.services["call"](m, method, (), {}, at, False)
    return value


def _zip(m: Machine, call: Call) -> Any:
    if _generators(m, call.args):
        return lazily(m, "zip", None, call.args, call.at)
    columns = [iterate(m, m.simplified(a), call.at) for a in call.args]
    if call.rest:
        return _zip_of_many(m, columns, call)
    if columns and all(rest is None for _, rest in columns):
        length = min(len(items) for items, _ in columns)
        if length <= MAX_EXACT:
            rows = [
                m.alloc(call.at, Sequence("tuple", tuple(items[i] for items, _ in columns)), f"row{i}")
                for i in range(length)
            ]
            return m.alloc(call.at, Sequence("iterator", tuple(rows)), "zip")
    row = tuple(_any_of(m, items, rest, call.at, n) for n, (items, rest) in enumerate(columns))
    return m.alloc(call.at, Sequence("iterator", (), m.alloc(call.at, Sequence("tuple", row), "row")), "zip")


def _zip_of_many(m: Machine, columns: list[Any], call: Call) -> Any:
    """`zip(*rows)` of nobody knows how many rows: the columns, where it is known how many there are."""
    more, further = ([], None) if call.rest is True else iterate(m, m.simplified(call.rest), call.at)
    sides = [*columns, (more, further)]
    if call.rest is not True and all(rest is None for _, rest in sides):
        width = min(len(items) for items, _ in sides)
        rows = [
            m.alloc(call.at, Sequence("tuple", tuple(items[i] for items, _ in columns), more[i]), f"row{i}")
            for i in range(width)
        ]
        return m.alloc(call.at, Sequence("iterator", tuple(rows)), "zip")
    # What stands in one column says nothing about another.
    row = m.alloc(call.at, Sequence("tuple", (), m.opaque(call.at, tag="column")), "row")
    return m.alloc(call.at, Sequence("iterator", (), row), "zip")


def _any_of(m: Machine, items: list[Any], rest: Any, at: int, number: int) -> Any:
    every = [*items, *([] if rest is None else [rest])]
    return anonymous(every) if every else m.opaque(at, tag=f"column{number}")


def _enumerate(m: Machine, call: Call) -> Any:
    source = call.args[:1]
    if _generators(m, source):
        return lazily(m, "enumerate", None, source, call.at)
    items, rest = iterate(m, m.simplified(call.arg(0)), call.at) if source else ([], m.opaque(call.at))
    start = m.simplified(call.arg(1, "start", Const(0)))
    if rest is None and len(items) <= MAX_EXACT and isinstance(start, Const) and isinstance(start.value, int):
        rows = [
            m.alloc(call.at, Sequence("tuple", (Const(start.value + i), item)), f"row{i}")
            for i, item in enumerate(items)
        ]
        return m.alloc(call.at, Sequence("iterator", tuple(rows)), "enumerate")
    index = m.opaque(call.at, FALSE, "number", tag="index")
    row = m.alloc(call.at, Sequence("tuple", (index, _any_of(m, items, rest, call.at, 1))), "row")
    return m.alloc(call.at, Sequence("iterator", (), row), "enumerate")


def _map(m: Machine, call: Call) -> Any:
    if len(call.args) < 2:
        return unknown_extern(m, call)
    return lazily(m, "map", call.args[0], call.args[1:], call.at)


def _filter(m: Machine, call: Call) -> Any:
    if len(call.args) < 2:
        return unknown_extern(m, call)
    return lazily(m, "filter", call.args[0], call.args[1:2], call.at)


def _reversed(m: Machine, call: Call) -> Any:
    items, rest = iterate(m, m.simplified(call.arg(0)), call.at)
    if rest is None:
        return m.alloc(call.at, Sequence("iterator", tuple(reversed(items))), "reversed")
    return m.alloc(call.at, Sequence("iterator", (), anonymous([*items, rest])), "reversed")


def _sorted(m: Machine, call: Call) -> Any:
    items, rest = iterate(m, m.simplified(call.arg(0)), call.at)
    if rest is None and all(isinstance(i, Const) for i in items):
        try:
            return m.alloc(call.at, Sequence("list", tuple(sorted(items, key=lambda c: c.value))), "sorted")
        except TypeError:
            m.may_raise()
    if rest is None and len(items) <= 1:
        return m.alloc(call.at, Sequence("list", tuple(items)), "sorted")
    return m.alloc(call.at, Sequence("list", (), _any_of(m, items, rest, call.at, 0)), "sorted")


def _sum(m: Machine, call: Call) -> Any:
    source = m.simplified(call.arg(0))
    if isinstance(m.get(source), Generator):
        return _sum_of_generator(m, source, call)
    items, rest = iterate(m, m.simplified(call.arg(0)), call.at)
    total = call.arg(1, "start", Const(0))
    for item in (*items[:16], *([] if rest is None else [rest])):
        total = _added(m, total, item, call.at)
    return total


def _sum_of_generator(m: Machine, source: Any, call: Call) -> Any:
    """Each item is added as soon as it is yielded, in the mode in which the generator waits."""
    from gradlint.analysis import generators

    held = m.get(source)
    if isinstance(held, Generator) and held.started:
        iterate(m, source, call.at)
        return m.opaque(call.at, tag="sum")
    total = m.alloc(call.at, Sequence("box", (call.arg(1, "start", Const(0)),)), "total")

    def add(item: Any) -> Any:
        box = m.get(total)
        before = box.items[0] if isinstance(box, Sequence) and box.items else m.opaque(call.at, tag="sum")
        made = _added(m, before, item, call.at)
        if not m.dead():
            m.put(total, Sequence("box", (made,)))
        return NONE

    generators.run(m, source, add)
    box = m.get(total)
    return box.items[0] if isinstance(box, Sequence) and box.items and not m.dead() else m.opaque(call.at, tag="sum")


def _added(m: Machine, a: Any, b: Any, at: int) -> Any:
    return m.split_both(a, b, lambda x, y: binary(m, "+", x, y, at))


def _extreme(m: Machine, call: Call) -> Any:
    values = list(call.args)
    if len(values) == 1:
        items, rest = iterate(m, m.simplified(values[0]), call.at)
        values = [*items, *([] if rest is None else [rest])]
    known = [m.simplified(v) for v in values]
    if known and all(isinstance(v, Const) and isinstance(v.value, (int, float)) for v in known) and not call.kwargs:
        pick = min if call.name.endswith("min") else max
        return Const(pick(v.value for v in known))
    return anonymous(known) if known else m.opaque(call.at, FALSE, "number")


def _iter(m: Machine, call: Call) -> Any:
    value = m.simplified(call.arg(0))
    thing = m.get(value)
    if isinstance(thing, (Sequence, Table)):
        items, rest = iterate(m, value, call.at)
        return m.alloc(call.at, Sequence("iterator", tuple(items), rest), "iter")
    return _iterator(m, value, call.at)


def _next(m: Machine, call: Call) -> Any:
    from gradlint.analysis import generators

    m.may_raise()
    value = m.simplified(call.arg(0))
    thing = m.get(value)
    if isinstance(thing, Generator):
        return generators.next_item(m, value, call.at, call.args[1:])
    if isinstance(thing, Sequence):
        if thing.items and not thing.many:
            m.put(value, replace(thing, items=thing.items[1:]))
            return thing.items[0]
        every = [*thing.items, *([] if thing.rest is None else [thing.rest]), *call.args[1:]]
        return part_of(anonymous(every)) if every else m.opaque(call.at, tag="next")
    method = find_method(m, value, "__next__", call.at)
    if method is not None:
        return m.services["call"](m, method, (), {}, call.at, False)
    _, rest = iterate(m, value, call.at)
    return part_of(rest) if rest is not None else m.opaque(call.at, tag="next")


def _isinstance(m: Machine, call: Call) -> Any:
    value, kind = call.arg(0), m.simplified(call.arg(1, default=NONE))
    flag = m.split(value, lambda leaf: is_instance(m, leaf, kind))
    return flag_value(m, flag, call.at)


def is_instance(m: Machine, value: Any, kind: Any) -> Flag:
    """Whether a leaf value is an instance of a class, or of one of a tuple of classes."""
    classes = m.get(kind)
    if isinstance(classes, Sequence) and classes.exact:
        flag: Flag = FALSE
        for one in classes.items:
            flag = either(flag, is_instance(m, value, m.simplified(one)))
        return flag
    if isinstance(kind, Phi):
        return UNKNOWN
    known = _is_instance(m, value, kind)
    if known is not None:
        return known
    first, second = (
        symbol_of(value),
        kind.name if isinstance(kind, Extern) else kind.addr if isinstance(kind, Ref) else None,
    )
    if first is None or second is None:
        return UNKNOWN
    return condition(m, ("isinstance", first, ("class", second)))


_PYTHON = {
    "builtins.int": int, "builtins.float": float, "builtins.str": str, "builtins.bool": bool, "builtins.bytes": bytes,
    "builtins.complex": complex,
}  # fmt: skip
_KINDS = {"builtins.list": "list", "builtins.tuple": "tuple", "builtins.set": "set", "collections.deque": "deque"}
_TENSOR_LIKE = frozenset({"Iterable", "Sized", "Hashable", "Container", "Collection", "Reversible"})
_NO_TENSORS = (
    "numpy.",
    "PIL.",
    "pandas.",
    "scipy.",
    "numbers.",
    "collections.",
    "typing.",
    "pathlib.",
    "builtins.dict",
)
"""Classes that no tensor is an instance of, but for those of `collections.abc` above (measured)."""
_TENSORS = frozenset({"torch.Tensor", "torch.nn.Parameter", "torch.FloatTensor", "torch.autograd.Variable"})


def _is_instance(m: Machine, value: Any, kind: Any) -> Flag | None:
    from gradlint.analysis.torch_values import known

    value = known(m, value)
    thing = m.get(value)
    name = kind.name if isinstance(kind, Extern) else ""
    if name == "builtins.object":
        return TRUE
    if isinstance(thing, Tensor):
        if name in ("torch.nn.Parameter", "torch.nn.parameter.Parameter"):
            return TRUE if thing.parameter else FALSE if thing.origin.op not in ("input", "unknown") else UNKNOWN
        if name in _TENSORS or name.rpartition(".")[2] in _TENSOR_LIKE and name.startswith(("collections.", "typing.")):
            return TRUE
        other = name in _PYTHON or name in _KINDS or isinstance(kind, Ref) or name.startswith(_NO_TENSORS)
        return FALSE if other else None
    if isinstance(value, Const):
        if name in _PYTHON:
            return TRUE if isinstance(value.value, _PYTHON[name]) else FALSE
        return FALSE if name in _TENSORS or name in _KINDS or name == "builtins.dict" or isinstance(kind, Ref) else None
    if isinstance(thing, Sequence):
        if name in _KINDS:
            return TRUE if _KINDS[name] == ("tuple" if thing.kind == "results" else thing.kind) else FALSE
        return FALSE if name in _TENSORS or name in _PYTHON or name == "builtins.dict" else None
    if isinstance(thing, Table):
        return (
            TRUE
            if name == "builtins.dict"
            else FALSE
            if name in _TENSORS or name in _PYTHON or name in _KINDS
            else None
        )
    if isinstance(thing, Instance):
        return _instance_of(m, value, kind, name)
    if isinstance(value, Opaque) and value.kind in ("number", "array") and name in _TENSORS:
        return FALSE
    return None


def _instance_of(m: Machine, value: Any, kind: Any, name: str) -> Flag | None:
    family = mro(m, class_of(m, value))
    if kind in family:
        return TRUE
    if any(not isinstance(c, Extern) and not isinstance(m.get(c), Class) for c in family):
        return None
    externs = [c.name for c in family if isinstance(c, Extern)]
    if isinstance(kind, Ref) or not name:
        return FALSE if isinstance(kind, Ref) else None
    from gradlint.analysis import torch_models

    answers = [torch_models.is_subclass(base, name) for base in externs]
    if any(a is True for a in answers):
        return TRUE
    return FALSE if all(a is False for a in answers) else None


def _hasattr(m: Machine, call: Call) -> Any:
    name = call.constant(1)
    value = m.simplified(call.arg(0))
    thing = m.get(value)
    if isinstance(thing, Instance) and isinstance(name, str):
        from gradlint.analysis.classes import find

        if name in thing.attrs:
            return Const(True)
        found = find(m, thing.cls, name) if not isinstance(thing.cls, Phi) else None
        if found is not None and found[0] is not None:
            return Const(True)
    symbol = symbol_of(value)
    if symbol is not None and isinstance(name, str):
        return flag_value(m, condition(m, ("hasattr", symbol, ("name", name))), call.at)
    return m.opaque(call.at, FALSE, "number", tag="hasattr")


def _getattr(m: Machine, call: Call) -> Any:
    name = m.simplified(call.arg(1, default=NONE))
    value = call.arg(0)
    if not isinstance(name, Const) or not isinstance(name.value, str):
        holder = m.simplified(value)
        rg = holder.rg if isinstance(holder, Opaque) else UNKNOWN
        return m.opaque(call.at, rg, tag="getattr")
    found = get_attr(m, value, name.value, call.at)
    default = call.arg(2)
    if default is not None and isinstance(m.simplified(found), Opaque):
        return anonymous([found, default])
    return found


def _setattr(m: Machine, call: Call) -> Any:
    name = m.simplified(call.arg(1, default=NONE))
    if isinstance(name, Const) and isinstance(name.value, str):
        set_attr(m, call.arg(0), name.value, call.arg(2, default=NONE), call.at)
        return NONE
    target, value = m.simplified(call.arg(0)), call.arg(2, default=NONE)
    thing = m.get(target)
    if isinstance(thing, Instance):
        # A parameter or a layer is registered, whatever its name.
        made = f"?{call.at}"
        set_attr(m, target, made, value if made not in thing.attrs else anonymous([thing.attrs[made], value]), call.at)
        attribute_tables.unsettle(m, target)
    escape(m, call.all_args)
    return NONE


def _type(m: Machine, call: Call) -> Any:
    thing = m.get(m.simplified(call.arg(0)))
    if isinstance(thing, Instance):
        return thing.cls
    return Extern("torch.Tensor") if isinstance(thing, Tensor) else m.opaque(call.at, FALSE, "number", tag="type")


def _super(m: Machine, call: Call) -> Any:
    if len(call.args) == 2:
        cls, obj = m.simplified(call.args[0]), m.simplified(call.args[1])
        if isinstance(cls, Ref):
            return Super(cls.addr, obj)
    return m.opaque(call.at, tag="super")


def _callable(m: Machine, call: Call) -> Any:
    value = m.simplified(call.arg(0))
    if isinstance(value, (Func, Method, Moded, Partial, Builtin)) or isinstance(m.get(value), Class):
        return Const(True)
    return Const(False) if isinstance(value, Const) else m.opaque(call.at, FALSE, "number", tag="callable")


def _convert(m: Machine, call: Call) -> Any:
    """`int`, `float`, `str`, `bool`: of a tensor, the number in it; the graph ends there."""
    value = m.simplified(call.arg(0))
    kind = _PYTHON[call.name]
    if value is None:
        return Const(kind())
    if isinstance(value, Const) and len(call.args) == 1:
        try:
            return Const(kind(value.value))
        except (TypeError, ValueError, OverflowError):
            m.may_raise()
            return m.opaque(call.at, FALSE, "number")
    if kind is bool:
        return flag_value(m, truth_of(m, value), call.at)
    if isinstance(m.get(value), Tensor) and kind in (int, float):
        from gradlint.analysis import torch_tensors

        return torch_tensors.number_of(m, value, f"builtins.{kind.__name__}", call.at)
    origin = value.origin if isinstance(value, Opaque) else None
    return m.opaque(call.at, FALSE, "number", tag=kind.__name__, origin=origin)


def _quantified(m: Machine, call: Call) -> Any:
    items, rest = iterate(m, m.simplified(call.arg(0)), call.at)
    if rest is not None or len(items) > 8:
        return m.opaque(call.at, FALSE, "number", tag=call.name)
    flags = [truth_of(m, item) for item in items]
    if call.name.endswith("any"):
        result: Flag = FALSE
        for flag in flags:
            result = either(result, flag)
    else:
        result = TRUE
        for flag in flags:
            result = both(result, flag)
    return flag_value(m, result, call.at)


def _abs(m: Machine, call: Call) -> Any:
    value = m.simplified(call.arg(0))
    if isinstance(m.get(value), Tensor):
        return m.services["get_attr"](m, value, "abs", call.at) and m.services["call"](
            m, m.services["get_attr"](m, value, "abs", call.at), (), {}, call.at, False
        )
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not math.isnan(value.value):
        return Const(abs(value.value))
    return _likely_same(m, value, call)


def _round(m: Machine, call: Call) -> Any:
    value = m.simplified(call.arg(0))
    if isinstance(m.get(value), Tensor):
        return m.services["call"](m, Builtin(value, "round"), (), {}, call.at, False)
    return _likely_same(m, value, call)


def _likely_same(m: Machine, value: Any, call: Call) -> Any:
    if isinstance(value, Opaque):
        return m.opaque(
            call.at, value.rg if not is_true(negate(m.recording)) else LIKELY_FALSE, value.kind, tag=call.name
        )
    return m.opaque(call.at, FALSE, "number", tag=call.name)


def _descriptor(kind: str) -> Model:
    def model(m: Machine, call: Call) -> Any:
        func = call.arg(0)
        if func is None:
            return m.opaque(call.at)
        return m.split(func, lambda leaf: Descriptor(kind, leaf))

    return model


def _none(m: Machine, call: Call) -> Any:
    return NONE


def _pow(m: Machine, call: Call) -> Any:
    if len(call.args) < 2:
        return m.opaque(call.at)
    return m.split_both(call.args[0], call.args[1], lambda a, b: binary(m, "**", a, b, call.at))


def _vars(m: Machine, call: Call) -> Any:
    return attribute_tables.table_of(m, m.simplified(call.arg(0)), call.at, "vars")


def _exit(m: Machine, call: Call) -> Any:
    m.exited = m.exited or len(m.stack) == 1
    m.kill()
    return NONE


BUILTINS: dict[str, Model] = {
    **{name: _sequence(name) for name in ("list", "tuple", "set")},
    "frozenset": _sequence("set"),
    "dict": _dict,
    "len": _len,
    "range": _range,
    "zip": _zip,
    "enumerate": _enumerate,
    "map": _map,
    "filter": _filter,
    "reversed": _reversed,
    "sorted": _sorted,
    "sum": _sum,
    "min": _extreme,
    "max": _extreme,
    "iter": _iter,
    "next": _next,
    "isinstance": _isinstance,
    "hasattr": _hasattr,
    "getattr": _getattr,
    "setattr": _setattr,
    "delattr": _none,
    "type": _type,
    "super": _super,
    "callable": _callable,
    **dict.fromkeys(("int", "float", "str", "bool", "complex", "bytes"), _convert),
    "any": _quantified,
    "all": _quantified,
    "abs": _abs,
    "round": _round,
    "pow": _pow,
    "property": _descriptor("property"),
    "staticmethod": _descriptor("static"),
    "classmethod": _descriptor("class"),
    "vars": _vars,
    "exit": _exit,
    "quit": _exit,
    **dict.fromkeys(("print", "breakpoint"), _none),
    **dict.fromkeys(("id", "repr", "ascii", "hash", "format", "ord", "chr", "bin", "hex", "input", "divmod"), number),
    **dict.fromkeys(("issubclass", "bytearray", "memoryview", "slice", "dir"), number),
}
