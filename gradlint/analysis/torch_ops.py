"""The generic transfer function of torch operators: from a measured row and the operands to the result.

    requires_grad of the result   recording, and a differentiable operand requires grad, and the row says `diff`
    a view made with grad off     keeps the requires_grad of its base (as measured)
    a call that may return its    unknown with grad off where the input requires grad; the same as the computed one
    input                         with grad on
    graph                         a Node with what the row says is saved
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gradlint.analysis import events
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.state import anonymous
from gradlint.analysis.torch_values import any_of, flag_of, known, maybe_tensor, rg_of, tensors_in
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Const,
    Extern,
    Flag,
    Node,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Storage,
    Tensor,
    Truth,
    both,
    choose,
    either,
    is_false,
    is_true,
    join_truths,
    leaves,
    lift,
    negate,
    truth,
)
from gradlint.torch_model import tables

FLOATING_DTYPES = frozenset({
    "float", "float16", "float32", "float64", "bfloat16", "double", "half", "complex64", "complex128", "cfloat",
    "cdouble", "complex32", "chalf", "float8_e4m3fn", "float8_e5m2",
})  # fmt: skip
OTHER_DTYPES = frozenset({"int", "int8", "int16", "int32", "int64", "long", "short", "uint8", "bool", "uint16", "uint32", "uint64"})


@dataclass(frozen=True, slots=True)
class Operands:
    """The operands of a call by argument name, tensors and others."""

    named: dict[str, Any]
    extra: tuple[Any, ...]

    def values(self) -> list[Any]:
        return [*self.named.values(), *self.extra]


def operands(row: tables.Operator, call: Call) -> Operands:
    """Bind a call's arguments to the row's argument names; a method's receiver is its first argument."""
    args = call.args if call.self is None else (call.self, *call.args)
    names = row.args
    named: dict[str, Any] = {}
    extra: list[Any] = []
    for number, value in enumerate(args):
        if number < len(names) and names[number] not in named:
            named[names[number]] = value
        else:
            extra.append(value)
    for key, value in call.kwargs.items():
        named["input" if key == "self" else key] = value
    return Operands(named, tuple(extra))


def dtype_flag(m: Machine, value: Any) -> Flag | None:
    """Whether a dtype argument is floating or complex; None where none is given."""
    if value is None or value == NONE:
        return None
    value = m.simplified(value)
    if isinstance(value, Extern):
        name = value.name.rpartition(".")[2]
        if name in FLOATING_DTYPES:
            return TRUE
        return FALSE if name in OTHER_DTYPES else UNKNOWN
    return UNKNOWN


def apply(m: Machine, name: str, row: tables.Operator, call: Call) -> Any:
    """The result of an operator that a row describes."""
    bound = operands(row, call)
    m.computed += 1
    returns = result_shape(m, row, bound)
    if returns == "n" or returns == "none":
        return NONE if returns == "none" else m.opaque(call.at, FALSE, "number", tag="number")
    if row.inplace:
        from gradlint.analysis.torch_inplace import write

        return write(m, name, row, bound, call)
    if not any(maybe_tensor(m, v) or tensors_in(m, v) for v in bound.values()) and call.self is None and not call.rest:
        pass
    check_saved_inference(m, name, row, bound, call.at)
    if returns == "t" or returns == "self":
        return one_result(m, name, row, bound, call, 0)
    if returns == "t*":
        item = one_result(m, name, row, bound, call, 0)
        return m.alloc(call.at, Sequence("tuple", (), item), "results")
    if returns and set(returns) == {"t"}:
        items = tuple(one_result(m, name, row, bound, call, i, tag=f".{i}") for i in range(len(returns)))
        return m.alloc(call.at, Sequence("tuple", items), "results")
    rg = computed_rg(m, row, bound, call, 0)
    belief = FALSE if is_false(rg) else LIKELY_FALSE if is_false(m.recording) else UNKNOWN
    return m.opaque(call.at, belief, tag="depends", origin=m.origin(name, call.at, bound.values(), belief))


def result_shape(m: Machine, row: tables.Operator, bound: Operands) -> str:
    """What the call returns, where this depends on its arguments."""
    if row.returns != "depends":
        return row.returns
    name = row.name.rpartition(".")[2]
    if name in ("max", "min", "median", "nanmedian", "mode"):
        second = [v for k, v in bound.named.items() if k not in ("input", "self", row.args[0] if row.args else "")]
        second += list(bound.extra)
        if not second:
            return "t"
        first = second[0]
        if isinstance(first, Const) and isinstance(first.value, int):
            return "tt"
        return "t" if tensors_in(m, first) else "depends"
    return "depends"


def grad_class(row: tables.Operator, index: int) -> str:
    if not row.grad:
        return "?"
    return row.grad[min(index, len(row.grad) - 1)]


def computed_rg(m: Machine, row: tables.Operator, bound: Operands, call: Call, index: int) -> Flag:
    """requires_grad of a freshly computed result."""
    kind = grad_class(row, index)
    if kind == "never":
        return FALSE
    if kind != "diff":
        return FALSE if is_false(m.recording) else UNKNOWN
    flow = [v for k, v in bound.named.items() if row.diffargs is None or k in row.diffargs]
    flag = any_of(m, [*flow, *bound.extra])
    if call.rest:
        flag = either(flag, UNKNOWN)
    return both(m.recording, flag)


def floating_of(m: Machine, row: tables.Operator, bound: Operands, index: int) -> Flag:
    given = dtype_flag(m, bound.named.get("dtype"))
    if given is not None:
        return given
    kind = row.dtype[min(index, len(row.dtype) - 1)] if row.dtype else "?"
    if kind in ("float", "complex"):
        return TRUE
    if kind in ("int", "bool"):
        return FALSE
    if kind == "same":
        flag: Flag = FALSE
        for key, value in bound.named.items():
            if maybe_tensor(m, value) or tensors_in(m, value) or key in ("other", "exponent"):
                flag = either(flag, flag_of(m, value, "floating"))
        return flag
    return UNKNOWN


def scalar_of(m: Machine, row: tables.Operator, bound: Operands) -> Flag:
    """Whether the result is 0-d."""
    if row.scalar == "always":
        return TRUE
    if row.scalar == "never":
        return FALSE
    if row.scalar == "reduction":
        value = bound.named.get("reduction")
        if value is None:
            return TRUE
        value = m.simplified(value)
        if isinstance(value, Const):
            return truth(value.value != "none")
        return UNKNOWN
    if row.scalar == "dim":
        given = [k for k in bound.named if k in ("dim", "axis", "keepdim")]
        return UNKNOWN if given or bound.extra or _second_positional(row, bound) else TRUE
    if row.scalar == "broadcast":
        flags = [flag_of(m, v, "scalar") for v in bound.values() if not isinstance(v, Extern)]
        result: Flag = TRUE
        for flag in flags:
            result = both(result, flag)
        return result
    return UNKNOWN


def _second_positional(row: tables.Operator, bound: Operands) -> bool:
    return len(row.args) > 1 and row.args[1] in bound.named and row.args[1] not in ("dtype",)


def one_result(m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call, index: int, tag: str = "") -> Any:
    """One tensor that an operator returns."""
    rg = computed_rg(m, row, bound, call, index)
    alias = row.alias[min(index, len(row.alias) - 1)] if row.alias else "?"
    subject = next(iter(bound.named.values()), None) if call.self is None else call.self
    base = known(m, m.simplified(subject)) if subject is not None else None
    if alias != "fresh" and isinstance(m.get(base), Tensor):
        return aliased(m, name, row, bound, call, base, rg, alias, tag)  # type: ignore[arg-type]
    if alias in ("?", "maybe-self", "maybe-view", "view", "self") and not is_true(m.recording):
        # The receiver is no single known tensor: its own flag may shine through.
        rg = either(rg, both(any_of(m, [subject] if subject is not None else []), UNKNOWN))
    return fresh(m, name, row, bound, call, rg, index, tag)


def fresh(
    m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call, rg: Flag, index: int, tag: str = ""
) -> Ref:
    """A result with storage of its own."""
    floating = floating_of(m, row, bound, index)
    if grad_class(row, index) == "diff" and is_false(floating):
        rg = FALSE
    storage = m.new_storage(call.at, tag)
    nodes, sure = record(m, name, row, bound, call, rg, storage, tag)
    origin = m.origin(name, call.at, list(bound.values()), rg)
    if is_false(floating):
        origin = replace(origin, floating=False)
    thing = Tensor(
        rg=rg, leaf=negate(rg), floating=floating, inference=m.simplified(m.state.mode.inference),
        scalar=scalar_of(m, row, bound), storage=storage, nodes=nodes, sure=sure, origin=origin,
    )  # fmt: skip
    return m.tensor(call.at, thing, tag)


def aliased(
    m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call, base: Ref, rg: Flag, alias: str, tag: str
) -> Any:
    """A result that is, or may be, its input or a view of it."""
    thing = m.get(base)
    assert isinstance(thing, Tensor)
    if alias == "self":
        return base
    if alias in ("maybe-self", "maybe-view") and _certainly_self(m, row, bound, thing):
        return base
    off = negate(m.recording)
    own = m.simplified(thing.rg)
    if alias == "view":
        rg_off: Flag = own
    else:
        rg_off = lift(lambda t: FALSE if t.value is False else UNKNOWN, own)
    flag = _pick(off, rg_off, rg)
    if alias in ("maybe-self", "maybe-view") and is_true(m.recording):
        flag = rg
    storage = thing.storage if alias == "view" else 0
    leaf: Flag = _pick(off, m.simplified(thing.leaf), negate(flag)) if alias == "view" else UNKNOWN
    if is_false(flag):
        leaf = TRUE
    nodes, sure = record(m, name, row, bound, call, both(m.recording, own), storage, tag)
    view_mode = "" if is_true(m.recording) else "inference" if is_true(m.simplified(m.state.mode.inference)) else "no_grad"
    if not is_false(m.recording) and not is_true(m.recording):
        view_mode = ""
    made = Tensor(
        rg=flag, leaf=leaf, floating=floating_of(m, row, bound, 0) if row.dtype and row.dtype[0] != "same" else thing.floating,
        inference=thing.inference if alias == "view" else either(thing.inference, m.simplified(m.state.mode.inference)),
        scalar=scalar_of(m, row, bound), storage=storage, base=(thing.base or base.addr) if alias == "view" else 0,
        view_mode=view_mode if alias == "view" else "", nodes=nodes | (thing.nodes if alias != "view" else frozenset()),
        sure=sure and alias == "view", origin=m.origin(name, call.at, list(bound.values()), flag),
    )  # fmt: skip
    return m.tensor(call.at, made, tag)


def _pick(test: Flag, then: Flag, other: Flag) -> Flag:
    """`then` where test holds, `other` where it does not, their join where it is unknown."""

    def one(flag: Truth, a: Flag, b: Flag) -> Flag:
        if flag.value is None:
            return a if a == b else join_truths([*leaves(a), *leaves(b)])
        return a if flag.value else b

    if isinstance(test, Phi):
        return choose(test.cond, _pick(test.then, then, other), _pick(test.other, then, other))
    return one(test, then, other)


def _certainly_self(m: Machine, row: tables.Operator, bound: Operands, thing: Tensor) -> bool:
    """Whether the call gives its input back for certain: a conversion to what it is already."""
    name = row.name.rpartition(".")[2]
    return name in ("cpu",) and False


def record(
    m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call, rg: Flag, storage: int, tag: str
) -> tuple[frozenset[int], bool]:
    """The graph node of a result, where one may be recorded: (nodes, whether that set is exact)."""
    if is_false(rg) or is_false(m.recording):
        return frozenset(), True
    inputs: set[int] = set()
    grads: set[int] = set()
    sure = is_true(rg) and not call.rest
    flow = [(k, v) for k, v in bound.named.items() if row.diffargs is None or k in row.diffargs]
    for _, value in (*flow, *((f"*{i}", v) for i, v in enumerate(bound.extra))):
        for ref in tensors_in(m, value):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            if is_false(thing.rg):
                continue
            if thing.nodes:
                inputs |= thing.nodes
                sure = sure and thing.sure
            elif is_true(thing.leaf):
                grads.add(ref.addr)
            else:
                sure = False
        if not _is_known(m, value):
            sure = False
    saved = saved_of(m, row, bound, storage)
    node = m.alloc(call.at, Node(name, frozenset(inputs), frozenset(grads), saved, at=m.here(call.at)), "node" + tag)
    return frozenset({node.addr}), sure


def _is_known(m: Machine, value: Any) -> bool:
    for leaf in leaves(m.simplified(known(m, value))):
        if isinstance(leaf, Opaque) and leaf.kind not in ("number", "array"):
            return False
        thing = m.get(leaf)
        if isinstance(thing, Sequence) and not all(_is_known(m, v) for v in (*thing.items, *([thing.rest] if thing.rest is not None else []))):
            return False
    return True


def saved_of(m: Machine, row: tables.Operator, bound: Operands, result: int) -> tuple[tuple[int, int, int], ...]:
    """Which storages the node saves, with their versions now. Only what is saved whatever the other operands need."""
    found: list[tuple[int, int, int]] = []
    for name in row.saves:
        if name == "result":
            found.append((result, 0, 0))
            continue
        if not _saved_now(m, row, bound, name):
            continue
        for ref in tensors_in(m, bound.named.get(name, NONE)):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            storage = m.state.heap.get(thing.storage)
            if isinstance(storage, Storage) and storage.exact:
                found.append((thing.storage, storage.version, storage.hidden))
    return tuple(s for s in found if s[0])


def _saved_now(m: Machine, row: tables.Operator, bound: Operands, name: str) -> bool:
    """A product saves an operand for the sake of the other one: whether that one requires grad for certain."""
    others = [v for k, v in bound.named.items() if k != name and (row.diffargs is None or k in row.diffargs)]
    when = row.saves_when.get(name) if hasattr(row, "saves_when") and isinstance(row.saves_when, dict) else None
    if when is not None:
        others = [bound.named[k] for k in when if k in bound.named]
        return any(is_true(rg_of(m, v)) for v in others)
    if len(row.diffargs or ()) <= 1 and (row.diffargs or ("",))[0] == name:
        return True
    return any(is_true(rg_of(m, v)) for v in others)


def check_saved_inference(m: Machine, name: str, row: tables.Operator, bound: Operands, at: int) -> None:
    """An inference tensor that the operator would save for backward makes it raise."""
    if is_false(m.recording):
        return
    for argument in row.saves:
        value = bound.named.get(argument)
        if value is None:
            continue
        for ref in tensors_in(m, value):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            if is_true(m.simplified(thing.inference)) and _saved_now(m, row, bound, argument) and is_true(m.recording):
                m.event(events.SavedInference, at, target=m.fact(ref), op=name)


def unknown_method(m: Machine, opaque: Opaque, name: str, call: Call) -> Any:
    """A method of something unknown that would be a tensor method if it were a tensor."""
    row = tables.tensor_method(name)
    rg: Flag = UNKNOWN
    if row is not None:
        kinds = set(row.grad)
        fresh_only = set(row.alias) <= {"fresh"}
        if kinds and kinds <= {"never"} or is_false(m.recording) and fresh_only:
            rg = LIKELY_FALSE
        elif is_false(opaque.rg):
            rg = LIKELY_FALSE
        elif kinds == {"diff"} and fresh_only:
            rg = both(m.recording, either(opaque.rg, any_of(m, call.all_args)))
            rg = lift(lambda t: t.likely(), rg)
    elif is_false(m.recording):
        rg = LIKELY_FALSE
    symbol = ("new", m.context, m.here(call.at), "method", name)
    return Opaque(symbol, rg, "", m.origin(f"torch.Tensor.{name}", call.at, (opaque, *call.args), rg))


__all__ = ["anonymous", "apply", "dtype_flag", "unknown_method"]
