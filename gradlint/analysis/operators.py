"""Truth, comparison and arithmetic of values that are no tensors; tensors are handed to the torch models.

Results of tests on unknown values are choices over a structural condition (`Phi(("==", s, ("const", "train")),
True, False)`), so that the same test written twice is the same condition.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gradlint.analysis.machine import Machine
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Class,
    Const,
    Extern,
    Flag,
    Generator,
    Instance,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Symbol,
    Table,
    Tensor,
    Truth,
    choose,
    either,
    is_false,
    leaves,
    lift,
    negate,
    truth,
)

MAX_SYMBOL = 6
ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>"})
"""Operators that no value takes together with None, but an object that says so itself."""
UNARY: dict[str, Callable[[Any], Any]] = {"neg": operator.neg, "pos": operator.pos, "invert": operator.invert}
_COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NEGATED = {"!=": "==", "is-not": "is", "not-in": "in", ">=": "<", ">": "<="}
_BINARY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "@": operator.matmul, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<<": operator.lshift, ">>": operator.rshift, "**": operator.pow,
}  # fmt: skip
DUNDER = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "@": "matmul", "&": "and",
    "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift", "**": "pow",
}  # fmt: skip


@lru_cache(maxsize=1 << 14)
def depth(symbol: Any) -> int:
    return 1 + max(map(depth, symbol), default=0) if isinstance(symbol, tuple) else 0


def symbol_of(value: Any) -> Symbol | None:
    """A structural name of a value, None where it has none that is worth keeping."""
    if isinstance(value, Const):
        return ("const", type(value.value).__name__, value.value) if _plain(value.value) else None
    if isinstance(value, Opaque):
        return None if value.symbol[0] == "wide" or depth(value.symbol) > MAX_SYMBOL else value.symbol
    return None


def _plain(value: Any) -> bool:
    return not isinstance(value, (str, bytes)) or len(value) <= 64


def truth_of(m: Machine, value: Any) -> Flag:
    """Whether a value is true, as a flag."""
    value = m.simplified(value)
    if isinstance(value, Phi):
        then, other = truth_of(m, value.then), truth_of(m, value.other)
        if value.cond[0] == "any":
            return then if then == other else UNKNOWN
        return choose(value.cond, then, other)
    if isinstance(value, Const):
        return truth(bool(value.value))
    if isinstance(value, Opaque):
        symbol = symbol_of(value)
        if symbol is None:
            return UNKNOWN
        return condition(m, ("truth", symbol))
    thing = m.get(value)
    if isinstance(thing, Sequence):
        return truth(bool(thing.items)) if thing.exact and not thing.many else UNKNOWN
    if isinstance(thing, Table):
        return truth(bool(thing.entries)) if thing.rest is None and not thing.many else UNKNOWN
    if isinstance(thing, Tensor):
        return UNKNOWN
    if isinstance(thing, Instance):
        return UNKNOWN if isinstance(thing.cls, Opaque) else _truth_of_instance(m, value)
    return TRUE


def _truth_of_instance(m: Machine, value: Ref) -> Flag:
    from gradlint.analysis.classes import lookup

    for name in ("__bool__", "__len__"):
        if lookup(m, value, name) is not None:
            return UNKNOWN
    return TRUE


def condition(m: Machine, cond: Symbol) -> Flag:
    """The flag of a condition: what the facts say, or a choice over it."""
    facts = m.state.facts
    if cond in facts:
        return truth(facts[cond])
    if cond[0] == "==" and cond[2][0] == "const":
        for known, holds in facts.items():
            if holds and known[0] == "==" and known[1] == cond[1] and known[2][0] == "const" and known[2] != cond[2]:
                return FALSE
    return Phi(cond, TRUE, FALSE)


def flag_value(m: Machine, flag: Flag, at: int) -> Any:
    """A flag as a Python bool value."""
    flag = m.simplified(flag)
    unknown = m.opaque(at, kind="number", tag="bool")
    return lift(lambda t: unknown if t.value is None else Const(t.value), flag)


def compare(m: Machine, op: str, a: Any, b: Any, at: int) -> Any:
    """The value of `a op b` for leaf values."""
    if op in _COMPARE and (isinstance(m.get(a), Tensor) or isinstance(m.get(b), Tensor)):
        from gradlint.analysis import torch_tensors

        return torch_tensors.compare(m, op, a, b, at)
    return flag_value(m, compare_flag(m, op, a, b, at), at)


def compare_flag(m: Machine, op: str, a: Any, b: Any, at: int) -> Flag:
    if op in _NEGATED:
        return negate(compare_flag(m, _NEGATED[op], a, b, at))
    if op == "is":
        return _is(m, a, b)
    if op == "in":
        return _contains(m, a, b, at)
    if isinstance(a, Const) and isinstance(b, Const):
        try:
            return truth(bool(_COMPARE[op](a.value, b.value)))
        except Exception:  # whatever the operands' comparison raises, the program raises there
            return UNKNOWN
    if op == "==" and a == b and not isinstance(a, (Opaque, Ref)):
        return TRUE
    if op == "==" and _definite(m, a) and _definite(m, b) and type(a) is not type(b):
        return FALSE
    first, second = symbol_of(a), symbol_of(b)
    if first is None or second is None:
        return UNKNOWN
    if op == "==" and first[0] == "const":
        first, second = second, first
    return condition(m, (op, first, second))


def _definite(m: Machine, value: Any) -> bool:
    return isinstance(value, Const) or isinstance(m.get(value), (Sequence, Table, Class, Generator))


def _is(m: Machine, a: Any, b: Any) -> Flag:
    if isinstance(b, Const) and not isinstance(a, (Const, Opaque)):
        return FALSE
    if isinstance(a, Const) and isinstance(b, Const):
        return truth(a == b)
    if isinstance(a, Ref) and isinstance(b, Ref):
        many = getattr(m.get(a), "many", False)
        return UNKNOWN if a == b and many else truth(a == b)
    first, second = symbol_of(a), symbol_of(b)
    if first is None or second is None:
        return UNKNOWN
    return condition(m, ("==", first, second))


def _contains(m: Machine, item: Any, holder: Any, at: int) -> Flag:
    thing = m.get(holder)
    if isinstance(thing, Table) and isinstance(item, Const) and thing.rest is None and not thing.many:
        return truth(item.value in thing.entries)
    if isinstance(thing, Sequence) and thing.exact and not thing.many:
        flag: Flag = FALSE
        for other in thing.items:
            if isinstance(other, Phi):
                return UNKNOWN
            flag = either(flag, compare_flag(m, "==", item, other, at))
        return flag
    if isinstance(holder, Const) and isinstance(item, Const):
        try:
            return truth(item.value in holder.value)
        except TypeError:
            return UNKNOWN
    first, second = symbol_of(item), symbol_of(holder)
    if first is None or second is None:
        return UNKNOWN
    return condition(m, ("in", first, second))


def binary(m: Machine, op: str, a: Any, b: Any, at: int) -> Any:
    """The value of `a op b` for leaf values."""
    a, b = m.services["stand_in"](m, a, at), m.services["stand_in"](m, b, at)
    one, two = m.get(a), m.get(b)
    if NONE in (a, b) and op in ARITHMETIC and not any(isinstance(thing, (Instance, Class)) for thing in (one, two)):
        m.stop()
        return m.opaque(at, FALSE, "number")
    if isinstance(one, Tensor) or isinstance(two, Tensor):
        from gradlint.analysis import torch_tensors

        return torch_tensors.binary(m, op, a, b, at)
    if isinstance(a, Const) and isinstance(b, Const):
        return _constants(m, op, a.value, b.value, at)
    if isinstance(one, Sequence) or isinstance(two, Sequence):
        made = _sequences(m, op, a, b, one, two, at)
        if made is not None:
            return made
    if isinstance(one, Table) and isinstance(two, Table) and op == "|":
        return m.alloc(at, Table({**one.entries, **two.entries}, one.rest if two.rest is None else two.rest), "or")
    for receiver, other, thing, prefix in ((a, b, one, "__"), (b, a, two, "__r")):
        if isinstance(thing, Instance):
            from gradlint.analysis.attributes import find_method

            method = find_method(m, receiver, f"{prefix}{DUNDER[op]}__", at)
            if method is not None:
                return m.services["call"](m, method, (other,), {}, at, False)
    return _unknown(m, op, a, b, at)


def _unknown(m: Machine, op: str, a: Any, b: Any, at: int) -> Any:
    kinds = {v.kind if isinstance(v, Opaque) else "number" if isinstance(v, (Const, Extern)) else "" for v in (a, b)}
    kind = "number" if kinds == {"number"} else "array" if kinds <= {"number", "array"} else ""
    rg: Flag = UNKNOWN
    if is_false(m.recording) or all(isinstance(v, Const) or isinstance(v, Opaque) and is_false(v.rg) for v in (a, b)):
        rg = LIKELY_FALSE
    first, second = symbol_of(a), symbol_of(b)
    symbol = m.symbol(at, op) if first is None or second is None else ("op", op, first, second)
    lost = frozenset().union(*(v.lost for v in (a, b) if isinstance(v, Opaque)))
    return Opaque(symbol, rg, kind, m.origin("unknown", at, (a, b), rg), lost)


def _constants(m: Machine, op: str, a: Any, b: Any, at: int) -> Any:
    big = isinstance(a, (str, bytes)) or isinstance(b, (str, bytes))
    if op == "**" and (abs(b) > 64 if isinstance(b, (int, float)) else True):
        return m.opaque(at, FALSE, "number")
    if op in ("*", "<<") and isinstance(b, int) and isinstance(a, (int, str, bytes)) and (abs(b) > 1024 or big):
        return m.opaque(at, FALSE, "number")
    try:
        value = _BINARY[op](a, b)
    except Exception:  # the program raises here; what follows is not reached with a value
        m.may_raise()
        return m.opaque(at, FALSE, "number")
    if isinstance(value, int) and abs(value) > 1 << 64 or isinstance(value, str) and len(value) > 2048:
        return m.opaque(at, FALSE, "number")
    return Const(value)


def _sequences(m: Machine, op: str, a: Any, b: Any, one: Any, two: Any, at: int) -> Any:
    if op == "+" and isinstance(one, Sequence):
        other = two if isinstance(two, Sequence) else Sequence("list", (), m.opaque(at, tag="items"))
        if one.exact and other.exact:
            return m.alloc(at, Sequence(one.kind, one.items + other.items), "concat")
        from gradlint.analysis.joins import anonymous

        parts = [*one.items, *other.items, *(r for r in (one.rest, other.rest) if r is not None)]
        return m.alloc(at, Sequence(one.kind, (), anonymous(parts)), "concat")
    if op == "*":
        seq, times = (one, b) if isinstance(one, Sequence) else (two, a)
        if not isinstance(seq, Sequence):
            return None
        if (
            isinstance(times, Const)
            and isinstance(times.value, int)
            and seq.exact
            and len(seq.items) * times.value <= 16
        ):
            return m.alloc(at, Sequence(seq.kind, seq.items * max(times.value, 0)), "repeat")
        if seq.exact and seq.items:
            from gradlint.analysis.joins import anonymous

            return m.alloc(at, Sequence(seq.kind, (), anonymous(list(seq.items))), "repeat")
        return m.alloc(at, Sequence(seq.kind, (), seq.rest or m.opaque(at)), "repeat")
    return None


def unary(m: Machine, op: str, a: Any, at: int) -> Any:
    """The value of a unary operator on a leaf value."""
    if op == "not":
        return flag_value(m, negate(truth_of(m, a)), at)
    a = m.services["stand_in"](m, a, at)
    if isinstance(m.get(a), Tensor):
        from gradlint.analysis import torch_tensors

        return torch_tensors.unary(m, op, a, at)
    if isinstance(a, Const):
        try:
            return Const(UNARY[op](a.value))
        except TypeError:
            return m.opaque(at)
    symbol = symbol_of(a)
    if isinstance(a, Opaque) and symbol is not None:
        return Opaque(("op", op, symbol), a.rg, a.kind, a.origin)
    return m.opaque(at, tag=op)


def all_leaves(value: Any) -> list[Any]:
    return list(leaves(value))


def unknown_truth(value: Truth) -> bool:
    return value.value is None
