"""The generic transfer function of torch operators: from a measured row and the operands to the result.

requires_grad of the result   recording, and a differentiable operand requires grad, and the row says `diff`
a view made with grad off     keeps the requires_grad of its base (as measured)
a call that may return its    unknown with grad off where the input requires grad; the same as the computed one
input                         with grad on
graph                         a Node with what the row says is saved
"""

from __future__ import annotations

from typing import Any

from gradlint import records
from gradlint.analysis import events, layer_rows, torch_advice
from gradlint.analysis.joins import anonymous
from gradlint.analysis.ledger import TermRecord
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.torch_values import any_of, flag_of, known, made_under, may_be, maybe_tensor, rg_of, tensors_in
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    LIKELY_TRUE,
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
    summary,
    truth,
)
from gradlint.findings import Origin
from gradlint.records import replace
from gradlint.torch_model import tables

FLOATING_DTYPES = frozenset({
    "float", "float16", "float32", "float64", "bfloat16", "double", "half", "complex64", "complex128", "cfloat",
    "cdouble", "complex32", "chalf", "float8_e4m3fn", "float8_e5m2",
})  # fmt: skip
OTHER_DTYPES = frozenset(
    {"int", "int8", "int16", "int32", "int64", "long", "short", "uint8", "bool", "uint16", "uint32", "uint64"}
)


MAX_LOST = 8
MAX_SOURCES = 200


@records.record
class Operands:
    """The operands of a call by argument name, tensors and others."""

    named: dict[str, Any]
    extra: tuple[Any, ...]
    keywords: frozenset[str] = frozenset()
    """Which of the named ones the call gives by keyword."""

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
    return Operands(named, tuple(extra), frozenset("input" if key == "self" else key for key in call.kwargs))


def made_by(m: Machine, name: str, bound: Operands, at: int, rg: Flag) -> Origin:
    """The origin of what an operator makes: its operands by position and by keyword, as the call gives them."""
    origin = m.origin(name, at, bound.values(), rg)
    if not bound.keywords:
        return origin
    parts = list(zip((*bound.named, *("" for _ in bound.extra)), origin.args, strict=True))
    return replace(
        origin,
        args=tuple(part for key, part in parts if key not in bound.keywords),
        kwargs=tuple((key, part) for key, part in parts if key in bound.keywords),
    )


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
    bound = operands(row, _standing_in(m, call))
    if row.cases:
        row = tables.refined(row, {k: kind_of(m, v, k) for k, v in bound.named.items()})
    m.compute()
    returns = result_shape(m, row, bound)
    if returns == "n" or returns == "none":
        return NONE if returns == "none" else m.opaque(call.at, FALSE, "number", tag="number")
    if row.inplace:
        from gradlint.analysis.torch_inplace import write

        return write(m, name, row, bound, call)
    check_saved_inference(m, name, row, bound, call.at)
    if m.dead():
        return NONE
    if name.rpartition(".")[2] in JOINING and _is_empty(m, call.arg(0, "tensors")):
        m.may_raise()
        return m.opaque(call.at, tag="joined")
    target = known(m, m.simplified(bound.named.get("out", NONE)))
    if isinstance(m.get(target), Tensor):
        return _written_to(m, target, call.at)
    if returns == "t" or returns == "self":
        made = one_result(m, name, row, bound, call, 0)
        if name.rpartition(".")[2] in torch_advice.LOSSES:
            torch_advice.regression(m, name, bound.values(), made, call.at)
        return made
    if returns == "t*":
        parts = _parts(m, bound) if grad_class(row, 0) == "each" and not call.rest else []
        if parts:
            made = tuple(
                one_result(m, name, row, Operands({row.args[0]: part}, ()), call, 0, f".{n}")
                for n, part in enumerate(parts)
            )
            for ref in made if len(made) > 1 else ():
                thing = m.get(ref)
                if isinstance(thing, Tensor) and ref not in parts:  # its shape is that of all of them together
                    m.put(ref, replace(thing, scalar=UNKNOWN, single=UNKNOWN))
            return m.alloc(call.at, Sequence("results", made), "results")
        if grad_class(row, 0) == "each" and len(bound.values()) > 1:
            item = m.opaque(call.at, FALSE if is_false(any_of(m, bound.values())) else UNKNOWN, tag="each")
        else:
            item = one_result(m, name, row, bound, call, 0)
        return m.alloc(call.at, Sequence("results", (), item), "results")
    if len(returns) > 1 and set(returns) == {"t"} and len(row.grad) == 1 and row.name.rpartition(".")[2] in PLACES:
        # `max(dim)` gives places, too, besides what `max()` gives.
        row = replace(row, grad=("diff", "never"), dtype=("same", "int"), alias=("fresh",), off=("drops",), scalar="?")
    if returns and set(returns) == {"t"}:
        items = tuple(one_result(m, name, row, bound, call, i, tag=f".{i}") for i in range(len(returns)))
        return m.alloc(call.at, Sequence("results", items), "results")
    rg = computed_rg(m, row, bound, call, 0)
    off = is_false(m.recording) and "shares" not in row.alias
    belief = FALSE if is_false(rg) else LIKELY_FALSE if off else UNKNOWN
    return m.opaque(call.at, belief, tag="depends", origin=made_by(m, name, bound, call.at, belief))


JOINING = frozenset(
    {"cat", "column_stack", "concat", "concatenate", "dstack", "hstack", "row_stack", "stack", "vstack"}
)
"""They refuse a list without tensors: where one reaches them, more was put into it than is in view."""


def _is_empty(m: Machine, value: Any) -> bool:
    thing = m.get(m.simplified(value))
    return isinstance(thing, Sequence) and thing.exact and not thing.items


def _written_to(m: Machine, target: Ref, at: int) -> Ref:
    """`out=`: the tensor that is given is written and given back; torch refuses it where a graph would be recorded."""
    from gradlint.analysis.torch_inplace import touch

    thing = m.get(target)
    assert isinstance(thing, Tensor)
    m.may_raise()
    touch(m, thing.storage, at)
    m.put(target, replace(thing, scalar=UNKNOWN, single=UNKNOWN))
    return target


def _parts(m: Machine, bound: Operands) -> list[Any]:
    """The tensors of which an operator gives each one's own result, where all of them are known."""
    given = bound.values()
    held = m.get(m.simplified(given[0])) if len(given) == 1 else None
    if isinstance(held, Sequence):
        given = list(held.items) if held.exact else []
    return given if given and all(isinstance(m.get(known(m, m.simplified(v))), Tensor) for v in given) else []


def _standing_in(m: Machine, call: Call) -> Call:
    """The call with tensors in the place of unknown parameters of groups."""
    if not any(type(v) is Opaque for v in call.args):
        return call
    stand_in = m.services["stand_in"]
    return replace(
        call,
        args=tuple(m.split(v, lambda leaf: stand_in(m, leaf, call.at)) if type(v) is Opaque else v for v in call.args),
    )


def kind_of(m: Machine, value: Any, name: str) -> str:
    """The word of the tables for an argument."""
    value = m.simplified(known(m, value))
    if isinstance(value, Const):
        return layer_rows.kind_of(value.value)
    thing = m.get(value)
    if isinstance(thing, Tensor):
        return "tensor"
    if isinstance(thing, Sequence):
        return "list"
    if isinstance(value, Extern) and dtype_flag(m, value) not in (None, UNKNOWN):
        return "dtype"
    if isinstance(value, Opaque) and value.kind == "number" or name in SIZES:
        return "number"
    return "?"


PLACES = frozenset(
    {
        "max",
        "min",
        "median",
        "nanmedian",
        "mode",
        "kthvalue",
        "cummax",
        "cummin",
        "sort",
        "unique",
        "unique_consecutive",
    }
)
"""What gives places besides values, where a dimension is given."""
SIZES = frozenset({"size", "shape", "sizes", "repeats", "dims"})
"""Arguments that are sizes unless a dtype is written there."""


def is_vague(m: Machine, flow: list[Any]) -> bool:
    """Whether the graph behind operands may lead to leaves that are not in view."""
    for value in flow:
        for leaf in leaves(m.simplified(known(m, value))):
            if isinstance(leaf, Opaque):
                if leaf.kind not in ("number", "array", "loader") and not is_false(m.simplified(leaf.rg)):
                    return True
                continue
            thing = m.get(leaf)
            if isinstance(thing, Sequence) and is_vague(
                m, [*thing.items, *([] if thing.rest is None else [thing.rest])]
            ):
                return True
            if isinstance(thing, Tensor) and not is_false(m.simplified(thing.rg)):
                surely = is_true(m.simplified(thing.rg)) and is_true(m.simplified(thing.leaf))
                if not surely and not thing.nodes:
                    return True
                nodes = [m.state.heap.get(a) for a in thing.nodes]
                if any(isinstance(n, Node) and n.vague for n in nodes):
                    return True
    return False


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
    if name in AT_LEAST:
        given = [known(m, m.simplified(value)) for value in bound.values()]
        if len(given) == 1 and isinstance(m.get(given[0]), Tensor):
            return "t"
        if len(given) > 1 or given and isinstance(m.get(given[0]), Sequence):
            return "t*"
    return "depends"


AT_LEAST = frozenset({"atleast_1d", "atleast_2d", "atleast_3d"})
"""They give one tensor for one, and several for several."""


def grad_class(row: tables.Operator, index: int) -> str:
    if not row.grad:
        return "?"
    return row.grad[min(index, len(row.grad) - 1)]


def computed_rg(m: Machine, row: tables.Operator, bound: Operands, call: Call, index: int) -> Flag:
    """requires_grad of a freshly computed result."""
    kind = grad_class(row, index)
    if kind == "never":
        return FALSE
    if kind == "each":
        own = _of_operand(m, [*bound.named.values(), *bound.extra], index)
        # It may give the operand itself, which is not changed by the mode.
        return _pick(m.recording, own, lift(lambda t: FALSE if t.value is False else UNKNOWN, own))
    if kind != "diff":
        return FALSE if is_false(m.recording) else UNKNOWN
    flag = any_of(m, flowing(row, bound))
    for key in row.maybe_diffargs:
        if key in bound.named and not is_false(rg_of(m, bound.named[key])):
            flag = either(flag, UNKNOWN)
    if call.rest:
        flag = either(flag, UNKNOWN)
    return _doubted(m, bound, both(m.recording, flag))


def _doubted(m: Machine, bound: Operands, rg: Flag) -> Flag:
    """Inference tensors that require grad themselves have it or lose it as an operator is put together inside."""
    return UNKNOWN if not is_false(rg) and _any_strange(m, bound) else rg


def _any_strange(m: Machine, bound: Operands) -> bool:
    return any(is_strange(m.get(ref)) for value in bound.values() for ref in tensors_in(m, value))


def is_strange(thing: Any) -> bool:
    """Whether a tensor is an inference tensor that requires grad, or may."""
    return isinstance(thing, Tensor) and is_true(thing.inference) and not is_false(thing.rg)


def _of_operand(m: Machine, given: list[Any], index: int) -> Flag:
    """requires_grad of the operand from which output `index` is taken, where that can be told."""
    if len(given) > 1:
        return rg_of(m, given[index]) if index < len(given) else UNKNOWN
    flag = any_of(m, given)
    return flag if is_false(flag) or isinstance(m.get(known(m, given[0])), Tensor) else either(flag, UNKNOWN)


def flowing(row: tables.Operator, bound: Operands) -> list[Any]:
    """The operands through which gradient flows."""
    found = [v for k, v in bound.named.items() if row.diffargs is None or k in row.diffargs]
    return [*found, *bound.extra] if row.variadic or row.diffargs is None else found


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
        parts = [
            flag_of(m, value, "floating")
            for key, value in bound.named.items()
            if (not row.dtype_of or key in row.dtype_of)
            and (maybe_tensor(m, value) or isinstance(value, Const) and key in ("other", "exponent"))
        ]
        flag: Flag = parts[0] if parts else UNKNOWN
        for part in parts[1:]:
            flag = either(flag, part)
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


def single_of(m: Machine, row: tables.Operator, bound: Operands, scalar: Flag) -> Flag:
    """Whether the result has exactly one element."""
    if is_true(scalar):
        return TRUE
    if row.scalar == "reduction" and is_false(scalar):
        return each_single(m, row.name, [v for k, v in bound.named.items() if k != "reduction"])
    if row.name.rpartition(".")[2] == "stack":
        joined = m.get(m.simplified(next(iter(bound.named.values()), NONE)))
        return FALSE if isinstance(joined, Sequence) and len(joined.items) > 1 else UNKNOWN
    if row.scalar != "broadcast":
        return UNKNOWN
    result: Flag = TRUE
    for value in bound.values():
        if not isinstance(value, Extern):
            result = both(result, flag_of(m, value, "single"))
    return result


def each_single(m: Machine, name: str, inputs: list[Any]) -> Flag:
    """Whether a loss that is not reduced has one element: one for each class index, else as its operands broadcast."""
    short = name.rpartition(".")[2].lower()
    if short.startswith(("cross_entropy", "crossentropy", "nll")):
        inputs = inputs[1:2]
    flags = [flag_of(m, value, "single") for value in inputs[:2]]
    result: Flag = TRUE if flags else UNKNOWN
    for flag in flags:
        result = both(result, flag)
    return result


def _second_positional(row: tables.Operator, bound: Operands) -> bool:
    return len(row.args) > 1 and row.args[1] in bound.named and row.args[1] not in ("dtype",)


def one_result(
    m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call, index: int, tag: str = ""
) -> Any:
    """One tensor that an operator returns."""
    rg = computed_rg(m, row, bound, call, index)
    alias = _word(row.alias, index)
    off = _word(row.off, index)
    subject = bound.named.get(row.of[0]) if row.of else None
    if subject is None:
        subject = next(iter(bound.named.values()), None)
    base = known(m, m.simplified(subject)) if subject is not None else None
    if alias != "fresh" and isinstance(m.get(base), Tensor):
        return aliased(m, name, row, bound, call, base, rg, alias, off, tag)  # type: ignore[arg-type]
    if off != "drops" and not is_true(m.recording) and subject is not None:
        # The receiver is no single known tensor: its own flag may shine through.
        own = rg_of(m, subject)
        through = own if off == "keeps" else lift(lambda t: FALSE if t.value is False else UNKNOWN, own)
        rg = _pick(negate(m.recording), through, rg)
    return fresh(m, name, row, bound, call, rg, index, tag)


def _word(words: tuple[str, ...], index: int) -> str:
    return words[min(index, len(words) - 1)] if words else "?"


def fresh(
    m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call, rg: Flag, index: int, tag: str = ""
) -> Ref:
    """A result with storage of its own."""
    floating = floating_of(m, row, bound, index)
    if grad_class(row, index) == "diff" and is_false(floating):
        rg = FALSE
    elif row.returns == "t*" and row.dtype[:1] == ("?",):
        rg = lift(lambda t: FALSE if t.value is False else UNKNOWN, rg)  # one of several, perhaps of integers
    storage = m.new_storage(call.at, tag)
    flow = flowing(row, bound)
    nodes, sure = record(m, name, row, bound, call, rg, storage, tag)
    origin = made_by(m, name, bound, call.at, rg)
    if is_false(floating):
        origin = replace(origin, floating=False)
    kind = "op" if grad_class(row, index) == "never" else "mode"
    lost = carried(m, bound.values(), flow, rg, kind, name, call.at)
    scalar = scalar_of(m, row, bound) if index == 0 else UNKNOWN
    inference, leaf = m.simplified(m.state.mode.inference), negate(rg)
    if _word(row.alias, index) != "fresh":
        inference = inference_of_copy(m, flag_of(m, bound.values()[0] if bound.values() else NONE, "inference"))
        leaf = leaf if is_true(m.recording) or is_false(rg) else UNKNOWN
    thing = Tensor(
        rg=rg, leaf=leaf, floating=floating, inference=inference,
        scalar=scalar, made_from=made_from(m, bound.values(), rg),
        single=single_of(m, row, bound, scalar) if index == 0 else UNKNOWN,
        storage=storage, nodes=nodes, sure=sure, lost=lost, dead=dead_terms(m, name, bound, rg, call.at),
        origin=origin,
    )  # fmt: skip
    return m.tensor(call.at, thing, tag)


def carried(m: Machine, values: list[Any], flow: list[Any], rg: Flag, kind: str, name: str, at: int) -> frozenset[int]:
    """The cuts that a result carries: those of its operands, and a new one where an operand that requires grad led to a
    result that does not."""
    found: set[int] = set()
    sources: set[int] = set()
    first: Ref | None = None
    for value in values:
        for leaf in leaves(m.simplified(known(m, value))):
            if isinstance(leaf, Opaque):
                found |= leaf.lost
        for ref in tensors_in(m, value):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            found |= thing.lost
            if is_true(m.simplified(thing.rg)) and is_false(rg):
                below = lost_with(m, ref, thing)
                sources |= below
                first = first or (ref if below else None)
    if sources and first is not None and (kind != "mode" or is_false(m.recording)):
        found.add(m.services["cut"](m, kind, name, frozenset(sources), first, at))
    return frozenset(sorted(found)[-MAX_LOST:])


def lost_with(m: Machine, ref: Ref, thing: Tensor) -> frozenset[int]:
    """The leaves that get no gradient where the graph of a tensor is cut: of a view made with grad off what it shows."""
    return frozenset({thing.base}) if thing.view_mode and thing.base and not thing.nodes else sources_of(m, ref, thing)


def sources_of(m: Machine, ref: Ref, thing: Tensor) -> frozenset[int]:
    """The leaves that a tensor's graph leads to; itself where it may be one."""
    if not thing.nodes:
        # A view made with grad off is a leaf itself, and leads to nothing else.
        return frozenset({ref.addr}) if not is_false(m.simplified(thing.leaf)) else frozenset()
    found: set[int] = set()
    for address in thing.nodes:
        node = m.state.heap.get(address)
        if isinstance(node, Node):
            found |= node.sources
    return frozenset(found)


ADDITIVE = frozenset({"add", "sub", "add_", "sub_", "rsub"})
SCALING = frozenset({"mul", "div", "mul_", "div_", "neg", "sum", "mean", "stack", "true_divide"})


def _derivative_as_term(m: Machine, ref: Ref, thing: Tensor, at: int) -> None:
    """Remember where the result of `autograd.grad` without graph became a term of a sum, unless it was detached."""
    for number in thing.lost:
        if m.ledger.cuts[number - 1].kind == "grad" and number not in m.ledger.terms and not _detached(thing.origin):
            path = tuple(m.place(a.site) for a in m.stack if a.site)
            m.ledger.terms[number] = TermRecord(m.here(at), m.fact(ref), m.mode_fact(), path)


def _detached(origin: Origin, depth: int = 0) -> bool:
    if origin.op.rpartition(".")[2] in ("detach", "item", "data"):
        return True
    return depth < 8 and any(_detached(a, depth + 1) for a in origin.args if isinstance(a, Origin))


def dead_terms(m: Machine, name: str, bound: Operands, rg: Flag, at: int) -> frozenset[int]:
    """The cuts behind constant terms of a sum of scalars; scaling a sum by numbers keeps them."""
    short = name.rpartition(".")[2]
    if is_false(rg) or short not in ADDITIVE and short not in SCALING:
        return frozenset()
    terms = [ref for value in bound.values() for ref in tensors_in(m, value)]
    tensors = [m.get(ref) for ref in terms]
    found: set[int] = set()
    if short in ADDITIVE:
        for value in bound.values():
            found.update(
                n
                for leaf in leaves(m.simplified(value))
                if isinstance(leaf, Opaque) and leaf.kind in ("number", "array")
                for n in leaf.lost
            )
    for ref, thing in zip(terms, tensors):
        assert isinstance(thing, Tensor)
        found |= thing.dead
        if (
            (short in ADDITIVE or short == "stack")
            and is_false(m.simplified(thing.rg))
            and is_true(m.simplified(thing.scalar))
        ):
            found |= thing.lost
            _derivative_as_term(m, ref, thing, at)
    if short in SCALING and short != "stack" and len(terms) > 1:
        return frozenset()
    return frozenset(sorted(found)[-MAX_LOST:])


def aliased(
    m: Machine,
    name: str,
    row: tables.Operator,
    bound: Operands,
    call: Call,
    base: Ref,
    rg: Flag,
    alias: str,
    off: str,
    tag: str,
) -> Any:
    """A result that is, or may be, its input or a view of it."""
    thing = m.get(base)
    assert isinstance(thing, Tensor)
    if alias == "self":
        return base
    own = m.simplified(thing.rg)
    view = alias == "view"
    root = m.state.heap.get(thing.base)
    # With grad off a view asks what it is a view of in the end.
    through = m.simplified(root.rg) if isinstance(root, Tensor) else own
    for address in m.perhaps_of.get(base.addr, ()):
        held = m.state.heap.get(address)
        above = m.state.heap.get(held.base) if isinstance(held, Tensor) else None
        if any(isinstance(one, Tensor) and m.simplified(one.rg) != own for one in (held, above)):
            through = UNKNOWN
    rg_off: Flag = (
        through
        if off == "keeps"
        else FALSE
        if off == "drops"
        else lift(lambda t: FALSE if t.value is False else UNKNOWN, through)
    )
    inference = m.simplified(thing.inference)
    # Nothing shines through a view of an inference tensor.
    flag = _pick(m.recording, rg, both(rg_off, negate(inference)) if view else rg_off)
    if is_strange(thing):
        flag = UNKNOWN
    whole = m.simplified(thing.leaf)
    # A view that is made with grad off has no node; what may be its input itself is a leaf only where that is one.
    leaf: Flag = _pick(m.recording, negate(flag), TRUE if view else UNKNOWN) if view or is_false(whole) else UNKNOWN
    if is_false(flag):
        leaf = TRUE
    nodes, sure = record(m, name, row, bound, call, both(m.recording, own), thing.storage, tag)
    # Made with grad off, nothing leads from it to its input, whether it is a view or a copy.
    cut = FALSE if is_false(m.recording) and not view else flag
    lost = carried(m, bound.values(), [base], cut, "mode", name, call.at)
    made = Tensor(
        lost=lost, dead=thing.dead, rg=flag, leaf=leaf, made_from=made_from(m, [base], flag),
        floating=thing.floating if not row.dtype or _word(row.dtype, 0) == "same" else floating_of(m, row, bound, 0),
        inference=inference if alias in ("view", "shares") else inference_of_copy(m, inference),
        scalar=scalar_of(m, row, bound), storage=thing.storage if alias in ("view", "shares") else 0,
        base=(thing.base or base.addr) if view and not thing.bases else 0, bases=thing.bases if view else (),
        view_mode=_view_mode(m) if view else "",
        nodes=nodes | (thing.nodes if not view and not is_true(m.recording) else frozenset()), sure=sure,
        origin=made_by(m, name, bound, call.at, flag),
    )  # fmt: skip
    ref = m.tensor(call.at, made, tag)
    for address in (made.base, *made.bases):
        m.views_of.setdefault(address, set()).add(ref.addr)
    return ref if view else may_be(m, ref, base)


def inference_of_copy(m: Machine, own: Flag) -> Flag:
    """Whether what may be a tensor itself (with this flag), and may be a copy, is an inference tensor."""
    mode = m.simplified(m.state.mode.inference)
    return own if summary(own).value is summary(mode).value else UNKNOWN


def _view_mode(m: Machine) -> str:
    if is_true(m.simplified(m.state.mode.inference)):
        return "inference"
    return "no_grad" if is_false(m.recording) else ""


def _pick(test: Flag, then: Flag, other: Flag) -> Flag:
    """`then` where test holds, `other` where it does not, their join where it is unknown."""

    def one(flag: Truth, a: Flag, b: Flag) -> Flag:
        if flag.value is None:
            return a if a == b else join_truths([*leaves(a), *leaves(b)])
        return a if flag.value else b

    if isinstance(test, Phi):
        return choose(test.cond, _pick(test.then, then, other), _pick(test.other, then, other))
    return one(test, then, other)


def record(
    m: Machine, name: str, row: tables.Operator, bound: Operands, call: Call, rg: Flag, storage: int, tag: str,
    own: frozenset[int] = frozenset(),
) -> tuple[frozenset[int], bool]:  # fmt: skip
    """The graph node of a result, where one may be recorded: (nodes, whether that set is exact). `own`: leaves that
    take part besides the operands (parameters of a layer)."""
    if is_false(rg) or is_false(m.recording):
        return frozenset(), True
    note_recorded(m, rg, call.at)
    inputs: set[int] = set()
    maybe: set[int] = set()
    grads: set[int] = set(own)
    below: set[int] = set(own)
    for value in flowing(row, bound):
        perhaps = _perhaps(m, value)
        for ref in tensors_in(m, value):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            if is_false(m.simplified(thing.rg)):
                mark_used(m, ref, thing, call.at)
                continue
            if thing.nodes:
                certain = thing.sure and len(thing.nodes) == 1 and ref not in perhaps
                (inputs if certain else maybe).update(thing.nodes)
            elif is_true(m.simplified(thing.leaf)):
                grads.add(ref.addr)
            below |= sources_of(m, ref, thing)
    doubtful = any(k in bound.named and not is_false(rg_of(m, bound.named[k])) for k in row.maybe_diffargs)
    saved = saved_of(m, row, bound, storage)
    node = Node(
        name, frozenset(inputs), frozenset(maybe), frozenset(grads), saved, bool(saved) or keeps_something(m, row, bound),
        sources=frozenset(sorted(below)[:MAX_SOURCES]),
        vague=doubtful or is_vague(m, flowing(row, bound)) or len(below) > MAX_SOURCES,
        at=m.here(call.at),
    )  # fmt: skip
    return frozenset({m.alloc(call.at, node, "node" + tag).addr}), is_true(rg) and is_true(m.recording) and not doubtful


def _perhaps(m: Machine, value: Any) -> set[Ref]:
    """Of the tensors in a list those that stand for any number of its items, none included."""
    thing = m.get(m.simplified(value)) if type(value) is Ref else None
    if not isinstance(thing, Sequence) or thing.rest is None:
        return set()
    certain = {ref for item in thing.items for ref in tensors_in(m, item)}
    return set(tensors_in(m, thing.rest)) - certain


def note_recorded(m: Machine, rg: Flag, at: int) -> None:
    """An operation is recorded, or may be: for those who ask what a mode lets through."""
    place = m.state.mode.stack[-1][1] if m.state.mode.stack else 0
    sure, maybe = m.recorded.get(place, (0, 0))
    certain = is_true(rg) and is_true(m.recording)
    m.recorded[place] = (sure + certain, maybe + 1)
    if certain:
        for number, act in enumerate(m.stack):
            if act.pending:
                here = m.stack[number + 1].site if number + 1 < len(m.stack) else m.here(at)
                waiting, act.pending = act.pending, []
                for event in waiting:
                    m.emit(replace(event, after=m.place(here)))


def mark_used(m: Machine, ref: Ref, thing: Tensor, at: int) -> None:
    """A tensor without grad takes part in a recorded operation: asking it, or what it was made from, to require grad later
    comes too late."""
    if not is_true(m.recording):
        return
    m.book.met |= made_under(thing.origin)
    for address in (ref.addr, *thing.made_from):
        held = m.state.heap.get(address)
        if isinstance(held, Tensor) and not held.used and not held.many:
            m.state.put(address, replace(held, used=m.here(at)))


def made_from(m: Machine, values: list[Any], rg: Flag) -> frozenset[int]:
    """The leaves without grad that a result without grad was computed from."""
    if not is_false(rg):
        return frozenset()
    found: set[int] = set()
    for value in values:
        for ref in tensors_in(m, value):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            found |= thing.made_from or (
                {ref.addr} if is_false(m.simplified(thing.rg)) and not is_false(thing.floating) else set()
            )
    return frozenset(sorted(found)[:4])


def saved_of(m: Machine, row: tables.Operator, bound: Operands, result: int) -> tuple[tuple[int, int, int, str], ...]:
    """Which storages the node saves, with their versions now; none where hooks may save others in their place."""
    if m.repacked:
        return ()
    found: list[tuple[int, int, int, str]] = []
    for name in (*row.saves, *PRACTICALLY.get(row.name, ())):
        if name == "result" and "never" in row.grad[1:]:
            continue  # of values and their places the places are saved
        if name == "result" and not saved_now(m, row, bound, name):
            continue
        if name == "result":
            # What is written in place has been written by now.
            own = m.state.heap.get(result)
            found.append((result, own.version, own.hidden, "") if isinstance(own, Storage) else (result, 0, 0, ""))
            continue
        if not saved_now(m, row, bound, name) or _several(m, bound.named.get(name, NONE)):
            continue
        for ref in tensors_in(m, bound.named.get(name, NONE)):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            m.book.met |= made_under(thing.origin)
            storage = m.state.heap.get(thing.storage)
            if isinstance(storage, Storage) and storage.exact and not thing.many:
                found.append((thing.storage, storage.version, storage.hidden, thing.origin.name))
    return tuple(s for s in found if s[0])


PRACTICALLY = {"torch.matmul": ("other",), "torch.Tensor.matmul": ("other",), "torch.Tensor.__matmul__": ("other",)}
"""What is saved in all calls but those with a stack of matrices on the right of a single one, where a copy is kept."""


def saved_now(m: Machine, row: tables.Operator, bound: Operands, name: str) -> bool:
    """Whether an argument is saved here for certain: a product saves one operand for the sake of the other."""
    when = tuple(k for k in row.saves_when.get(name, ("input",) if row.name in PRACTICALLY else ()) if k)
    return not when or any(_requires(m, bound.named[k]) for k in when if k in bound.named)


def _requires(m: Machine, value: Any) -> bool:
    """Whether a value requires grad for certain; of a list every tensor, since it may be any of them that matters."""
    several = _several(m, value)
    return all(is_true(rg_of(m, one)) for one in several) if several else is_true(rg_of(m, value))


def _several(m: Machine, value: Any) -> list[Ref]:
    """The tensors of a list of more than one, of which an operator may keep some and not others."""
    found = tensors_in(m, value) if isinstance(m.get(m.simplified(value)), Sequence) else []
    return found if len(found) > 1 else []


def keeps_something(m: Machine, row: tables.Operator, bound: Operands) -> bool:
    """Whether the node keeps a tensor for backward for certain, so that it can be freed."""
    return any(name == "result" or name in bound.named and saved_now(m, row, bound, name) for name in row.saves)


def check_saved_inference(m: Machine, name: str, row: tables.Operator, bound: Operands, at: int) -> None:
    """An inference tensor that the operator would save for backward makes it raise."""
    if is_false(m.recording) or _any_strange(m, bound):
        return
    for argument in row.saves:
        value = bound.named.get(argument)
        if value is None or _several(m, value) or _leads_nowhere(m, row, bound, argument):
            continue
        for ref in tensors_in(m, value):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            if is_true(m.simplified(thing.inference)) and saved_now(m, row, bound, argument) and is_true(m.recording):
                origin = made_by(m, name, bound, at, UNKNOWN)
                m.event(events.SavedInference, at, target=m.fact(ref), op=name, result=origin)
                m.stop()
                return


def _leads_nowhere(m: Machine, row: tables.Operator, bound: Operands, saved: str) -> bool:
    """Whether all for whose sake an argument is saved are views made with grad off: they require grad and have no graph."""
    causes = [bound.named[k] for k in row.saves_when.get(saved, ()) if k in bound.named]
    things = [m.get(ref) for value in causes if not is_false(rg_of(m, value)) for ref in tensors_in(m, value)]
    return any(isinstance(thing, Tensor) and bool(thing.view_mode) for thing in things)


def unknown_method(m: Machine, opaque: Opaque, name: str, call: Call) -> Any:
    """A method of something unknown that would be a tensor method if it were a tensor."""
    row = tables.tensor_method(name)
    rg: Flag = LIKELY_FALSE if row is None and is_false(m.recording) else UNKNOWN
    if row is not None:
        kinds = set(row.grad)
        fresh_only = set(row.alias) <= {"fresh"}
        flow = any_of(m, [opaque, *flowing(row, operands(row, replace(call, self=opaque)))])
        if kinds and kinds <= {"never"} or is_false(m.recording) and fresh_only or is_false(flow):
            rg = LIKELY_FALSE
        elif kinds == {"diff"} and fresh_only:
            rg = lift(lambda t: t.likely(), both(m.recording, flow))
        elif kinds == {"diff"} and is_true(m.recording) and is_true(flow):
            rg = LIKELY_TRUE
    symbol = ("new", m.context, m.here(call.at), "method", name)
    return Opaque(symbol, rg, "", m.origin(f"torch.Tensor.{name}", call.at, (opaque, *call.args), rg))


__all__ = ["anonymous", "apply", "dtype_flag", "unknown_method"]
