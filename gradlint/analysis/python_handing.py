"""Functions of the standard library that hand on what they are given: `operator`, `heapq`, `random`, `itertools`, `types`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gradlint.analysis import items, operators
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.python_functions import unknown_extern
from gradlint.analysis.values import NONE, Const, Extern, Instance, Partial, Sequence

Model = Callable[[Machine, Call], Any]
BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and_": "&", "or_": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "concat": "+",
}  # fmt: skip
COMPARED = {"lt": "<", "le": "<=", "eq": "==", "ne": "!=", "ge": ">=", "gt": ">", "is_": "is", "is_not": "is-not"}
UNARY = {"neg": "neg", "pos": "pos", "invert": "invert", "inv": "invert", "not_": "not"}
GETTERS = ("itemgetter", "attrgetter", "methodcaller")
INPLACE = ("iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "imatmul", "iand", "ior", "ixor", "iconcat")


def identity(m: Machine, call: Call) -> Any:
    return call.arg(0, default=NONE)


def anything_in(m: Machine, value: Any, at: int) -> Any:
    """Any item of what is iterated over."""
    found, rest = iterate(m, m.simplified(value), at)
    every = [*found, *([] if rest is None else [rest])]
    return anonymous(every) if every else m.opaque(at)


def _from(position: int, m: Machine, call: Call) -> Any:
    """Any item of an argument."""
    return anything_in(m, call.arg(position, default=NONE), call.at)


def _some_of(position: int, m: Machine, call: Call) -> Any:
    """A list of items of an argument."""
    return m.alloc(call.at, Sequence("list", (), _from(position, m, call)), "some")


def _some_of_all(m: Machine, call: Call) -> Any:
    every = [anything_in(m, value, call.at) for value in call.args]
    return m.alloc(call.at, Sequence("iterator", (), anonymous(every) if every else m.opaque(call.at)), "some")


def _of_two(apply: Callable[[Machine, str, Any, Any, int], Any], op: str, m: Machine, call: Call) -> Any:
    if len(call.args) != 2:
        return unknown_extern(m, call)
    return m.split_both(*call.args, lambda a, b: apply(m, op, a, b, call.at))


def _unary(op: str, m: Machine, call: Call) -> Any:
    if len(call.args) != 1:
        return unknown_extern(m, call)
    return m.split(call.args[0], lambda a: operators.unary(m, op, a, call.at))


def _get_item(m: Machine, call: Call) -> Any:
    if len(call.args) != 2:
        return unknown_extern(m, call)
    return m.split(call.args[0], lambda leaf: items.get_item(m, leaf, call.args[1], call.at))


def _getter(m: Machine, call: Call) -> Any:
    """`itemgetter(...)` and its like make callables (no functions: they never bind as methods do)."""
    return Partial(Extern(f"{call.name}[]"), call.args, tuple(call.kwargs.items()))


def _got_item(m: Machine, call: Call) -> Any:
    *keys, target = call.args
    made = [m.split(target, lambda leaf, key=key: items.get_item(m, leaf, key, call.at)) for key in keys]  # type: ignore[misc]
    return made[0] if len(made) == 1 else m.alloc(call.at, Sequence("tuple", tuple(made)), "got")


def _got_attribute(m: Machine, call: Call) -> Any:
    *names, target = call.args
    paths = [name.value.split(".") for name in names if isinstance(name, Const) and isinstance(name.value, str)]
    if len(paths) != len(names):
        return unknown_extern(m, call)
    made = []
    for path in paths:
        value = target
        for name in path:
            value = m.split(value, lambda leaf, name=name: m.services["get_attr"](m, leaf, name, call.at))  # type: ignore[misc]
        made.append(value)
    return made[0] if len(made) == 1 else m.alloc(call.at, Sequence("tuple", tuple(made)), "got")


def _called_method(m: Machine, call: Call) -> Any:
    name, *args, target = call.args
    if not isinstance(name, Const) or not isinstance(name.value, str):
        return unknown_extern(m, call)
    word = name.value
    method = m.split(target, lambda leaf: m.services["get_attr"](m, leaf, word, call.at))
    return m.services["call"](m, method, tuple(args), call.kwargs, call.at, call.rest)


def _namespace(m: Machine, call: Call) -> Any:
    """`SimpleNamespace(a=…)`: attributes that anyone may add to."""
    if call.args:
        return unknown_extern(m, call)
    return m.alloc(call.at, Instance(Extern(call.name), dict(call.kwargs), complete=not call.rest), "namespace")


def _tuples(m: Machine, call: Call) -> Any:
    """`product`, `combinations`, `pairwise`: tuples of items of the arguments."""
    parts = [anything_in(m, value, call.at) for value in call.args if not isinstance(m.simplified(value), Const)]
    size = m.simplified(call.arg(1, "r", NONE)) if "product" not in call.name else NONE
    if call.name.endswith("pairwise"):
        size = Const(2)
    pair = Sequence("tuple", tuple(parts))
    if isinstance(size, Const) and isinstance(size.value, int):
        pair = Sequence("tuple", tuple(parts[:1] * min(size.value, 9)))
    elif "product" not in call.name or "repeat" in call.kwargs or call.rest:
        pair = Sequence("tuple", (), anonymous(parts) if parts else m.opaque(call.at))
    return m.alloc(call.at, Sequence("iterator", (), m.alloc(call.at, pair, "tuple")), "tuples")


def _push(m: Machine, call: Call) -> Any:
    from gradlint.analysis.comprehensions import append

    return m.split(call.arg(0, default=NONE), lambda leaf: append(m, leaf, call.arg(1, default=NONE)))


def _push_pop(m: Machine, call: Call) -> Any:
    _push(m, call)
    return _from(0, m, call)


FUNCTIONS: dict[str, Model] = {
    **{f"operator.{name}": partial(_of_two, operators.binary, op) for name, op in BINARY.items()},
    **{f"operator.{name}": partial(_of_two, operators.compare, op) for name, op in COMPARED.items()},
    **{f"operator.{name}": partial(_unary, op) for name, op in UNARY.items()},
    **{f"operator.{name}": _getter for name in GETTERS},
    **{f"operator.{name}": unknown_extern for name in INPLACE},
    "operator.getitem": _get_item,
    "operator.itemgetter[]": _got_item,
    "operator.attrgetter[]": _got_attribute,
    "operator.methodcaller[]": _called_method,
    "heapq.heappush": _push,
    "heapq.heappop": partial(_from, 0),
    "heapq.heappushpop": _push_pop,
    "heapq.heapreplace": _push_pop,
    "heapq.nlargest": partial(_some_of, 1),
    "heapq.nsmallest": partial(_some_of, 1),
    "heapq.merge": _some_of_all,
    "random.choice": partial(_from, 0),
    "random.choices": partial(_some_of, 0),
    "random.sample": partial(_some_of, 0),
    "itertools.product": _tuples,
    "itertools.combinations": _tuples,
    "itertools.combinations_with_replacement": _tuples,
    "itertools.permutations": _tuples,
    "itertools.pairwise": _tuples,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "types.MappingProxyType": identity,
}
