"""Tensors: methods, attributes, arithmetic, subscripts, iteration. Unknown values used as tensors come here too."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from gradlint.analysis import events, torch_autograd, torch_freezing, torch_ops, torch_rebinding
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import flag_value, truth_of
from gradlint.analysis.torch_inplace import touch, use_of_data
from gradlint.analysis.torch_typos import check_typo, in_vain
from gradlint.analysis.torch_values import (
    any_of,
    as_module,
    as_tensor,
    flag_of,
    known,
    made_under,
    may_be,
    set_part,
    twins_follow,
    views_follow,
    whole_of,
)
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Builtin,
    Const,
    Extern,
    Flag,
    Instance,
    Node,
    Opaque,
    Phi,
    Ref,
    Storage,
    Tensor,
    Truth,
    both,
    either,
    is_assumed,
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

OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floor_divide", "%": "remainder", "@": "matmul",
    "&": "bitwise_and", "|": "bitwise_or", "^": "bitwise_xor", "**": "pow", "<<": "bitwise_left_shift",
    ">>": "bitwise_right_shift",
}  # fmt: skip
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
UNARY = {"neg": "neg", "pos": "positive", "invert": "bitwise_not"}
MODULE_METHODS = frozenset({
    "parameters", "named_parameters", "train", "eval", "requires_grad_", "zero_grad", "state_dict", "modules", "named_modules",
    "children", "named_children", "register_forward_hook", "register_forward_pre_hook", "load_state_dict",
})  # fmt: skip
COPIES = frozenset({"cuda", "cpu", "half", "bfloat16", "double", "float", "to"})
"""Methods that give the same elsewhere or of another dtype."""
NUMBERS = frozenset({
    "dim", "ndimension", "size", "numel", "nelement", "stride", "storage_offset", "element_size",
    "data_ptr", "is_contiguous", "is_floating_point", "is_complex", "is_signed", "get_device", "storage",
    "__len__", "untyped_storage", "is_pinned", "is_shared", "is_inference", "__repr__", "__format__", "is_set_to",
})  # fmt: skip
PLAIN_ATTRIBUTES = frozenset({
    "shape", "dtype", "device", "ndim", "layout", "is_cuda", "is_sparse", "is_quantized", "itemsize", "nbytes", "name",
    "is_cpu", "is_meta", "is_mps", "names", "_backward_hooks", "is_nested",
})  # fmt: skip


# -- arithmetic


def _operator(m: Machine, name: str, args: tuple[Any, ...], at: int) -> Any:
    row = tables.operator(f"torch.{name}") or tables.tensor_method(name)
    call = Call(name, args, {}, at)
    m.may_raise()
    if row is None:
        return m.opaque(at, FALSE if is_false(m.recording) else UNKNOWN)
    return torch_ops.apply(m, f"torch.{name}", row, call)


def binary(m: Machine, op: str, a: Any, b: Any, at: int) -> Any:
    """`a op b` where one of the two is a tensor."""
    if op not in OPERATORS:
        return m.opaque(at)
    if op == "%" and isinstance(a, Const) and isinstance(a.value, (str, bytes)):
        return m.opaque(at, FALSE, "number")
    return _operator(m, OPERATORS[op], (a, b), at)


def compare(m: Machine, op: str, a: Any, b: Any, at: int) -> Any:
    return _operator(m, COMPARISONS[op], (a, b), at)


def unary(m: Machine, op: str, a: Any, at: int) -> Any:
    if op == "pos":
        return a
    return _operator(m, UNARY[op], (a,), at)


def augmented(m: Machine, op: str, ref: Ref, value: Any, at: int) -> Any:
    """`tensor op= value`: in place."""
    name = OPERATORS.get(op, "add") + "_"
    row = tables.tensor_method(name)
    if row is None or op == "@":
        return binary(m, op, ref, value, at)
    m.may_raise()
    return torch_ops.apply(m, f"torch.Tensor.{name}", row, Call(name, (value,), {}, at, self=ref))


def perhaps_in_place(m: Machine, target: Any, made: Any) -> Any:
    """What `target op= value` makes where the target may be a tensor that is changed, or a number."""
    if type(target) is not Opaque or target.kind not in ("", "tensors") or is_true(m.recording):
        return made
    own = m.simplified(target.rg)
    thing = m.get(made)
    if isinstance(thing, Tensor):
        rg = join_truths([*leaves(m.simplified(thing.rg)), *leaves(own)])
        m.put(made, replace(thing, rg=rg, leaf=UNKNOWN, inference=UNKNOWN, sure=False))
    elif type(made) is Opaque and made.kind == "":
        return replace(made, rg=join_truths([*leaves(m.simplified(made.rg)), *leaves(own)]))
    return made


# -- attributes


def attribute(m: Machine, ref: Ref, name: str, at: int) -> Any:
    """`tensor.name`."""
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    special = _ATTRIBUTES.get(name)
    if special is not None:
        return special(m, ref, thing, at)
    if name in PLAIN_ATTRIBUTES:
        return Opaque(("attr", ("ref", ref.addr, thing.storage), name), FALSE, "number")
    row = tables.tensor_attribute(name)
    if row is not None and row.returns in ("t", "self"):
        return torch_ops.apply(m, f"torch.Tensor.{name}", row, Call(name, (), {}, at, self=ref))
    return Builtin(ref, name)


def _requires_grad(m: Machine, ref: Ref, thing: Tensor, at: int) -> Any:
    m.flag_reads += thing.parameter
    return _flag(m, ref, thing.rg, "requires_grad", at)


def _flag(m: Machine, ref: Ref, flag: Flag, name: str, at: int) -> Any:
    """A flag read by the program: known, or a condition that is the same at the next reading."""
    flag = m.simplified(flag)
    unknown = Opaque(("attr", ("ref", ref.addr, thing_version(m, ref)), name), FALSE, "number")
    return lift(lambda t: unknown if t.value is None or t.assumed else Const(t.value), flag)


def thing_version(m: Machine, ref: Ref) -> int:
    thing = m.get(ref)
    storage = m.state.heap.get(thing.storage) if isinstance(thing, Tensor) else None
    return storage.version if isinstance(storage, Storage) else 0


def _is_leaf(m: Machine, ref: Ref, thing: Tensor, at: int) -> Any:
    return _flag(m, ref, thing.leaf, "is_leaf", at)


def _grad_fn(m: Machine, ref: Ref, thing: Tensor, at: int) -> Any:
    has = both(m.simplified(thing.rg), negate(m.simplified(thing.leaf)))
    unknown = m.opaque(at, FALSE, "number", tag="grad_fn")
    return lift(lambda t: NONE if t.value is False and not t.assumed else unknown, has)


GRAD = "torch.Tensor.grad"


def _grad(m: Machine, ref: Ref, thing: Tensor, at: int) -> Any:
    torch_rebinding.missed(m, thing, at, ref)
    late(m, thing, ref, at)
    m.ledger.grads_read.add(m.contexts.identity(ref.addr))
    if thing.grad is not None:
        return thing.grad
    m.event(events.GradRead, at, target=m.fact(ref), retained=thing.retains)
    if is_false(thing.rg) and is_true(thing.leaf):
        return (
            NONE
            if not thing.many and thing.origin.op not in ("input", "parameter")
            else Opaque(("attr", ("ref", ref.addr), "grad"), LIKELY_FALSE, origin=Origin(GRAD))
        )
    return Opaque(
        ("attr", ("ref", ref.addr, thing_version(m, ref)), "grad"),
        LIKELY_FALSE,
        origin=m.origin(GRAD, at, (), LIKELY_FALSE),
    )


def late(m: Machine, thing: Tensor, ref: Ref, at: int) -> None:
    """`.grad` of a leaf that was asked to require grad after the forward pass is None."""
    record = m.ledger.late.get(ref.addr)
    if record is not None and record[2] and not m.quiet:
        where, used, backward, likely = record
        m.emit_at(
            events.RequiresGradLate, where, target=m.fact(ref), used=m.place(used), backward=m.place(backward),
            read=m.place(m.here(at)), likely=likely,
        )  # fmt: skip


def _data(m: Machine, ref: Ref, thing: Tensor, at: int) -> Any:
    m.event(events.DataUsed, at, target=m.fact(ref))
    alias = detached(m, ref, thing, "torch.Tensor.data", at)
    m.data_read[alias.addr] = m.place(m.here(at))
    return alias


def detached(m: Machine, ref: Ref, thing: Tensor, op: str, at: int) -> Ref:
    """A tensor that shares the storage and has no graph."""
    made = Tensor(
        rg=FALSE, leaf=TRUE, floating=thing.floating, inference=thing.inference, scalar=thing.scalar,
        storage=thing.storage, sure=True, lost=cut_off(m, ref, thing, op, at), origin=m.origin(op, at, (ref,), FALSE),
    )  # fmt: skip
    return m.tensor(at, made, op)


def cut_off(m: Machine, ref: Ref, thing: Tensor, op: str, at: int) -> frozenset[int]:
    """The cuts that what is taken out of a tensor carries: those of the tensor, and this one where it has a graph."""
    if not is_true(m.simplified(thing.rg)):
        return thing.lost
    below = torch_ops.lost_with(m, ref, thing)
    if not below:
        return thing.lost
    kind = "detach" if "detach" in op else "rewrap"
    return frozenset(sorted({*thing.lost, m.services["cut"](m, kind, op, below, ref, at)})[-torch_ops.MAX_LOST :])


_ATTRIBUTES: dict[str, Callable[[Machine, Ref, Tensor, int], Any]] = {
    "requires_grad": _requires_grad,
    "is_leaf": _is_leaf,
    "grad_fn": _grad_fn,
    "grad": _grad,
    "data": _data,
}


def set_attribute(m: Machine, ref: Ref, name: str, value: Any, at: int) -> None:
    """`tensor.name = value`."""
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    if name == "requires_grad":
        set_requires_grad(m, ref, truth_of(m, value), at, "attribute")
    elif name == "grad":
        m.put(ref, replace(thing, grad=value))
        if value != NONE:
            m.ledger.written.add(m.contexts.identity(ref.addr))
            _given(m, [ref.addr])
    elif name == "_grad":
        _given(m, [ref.addr])
    elif name == "data":
        if not (isinstance(value, Ref) and use_of_data(m, value, "inplace")):
            m.event(events.DataUsed, at, target=m.fact(ref), how="assign")
        touch(m, thing.storage, at, hidden=True)
        thing = m.get(ref)
        if isinstance(thing, Tensor):
            other = {flag: flag_of(m, value, flag) for flag in ("floating", "inference", "scalar", "single")}
            m.given_data.add(thing.storage)
            m.put(ref, replace(thing, **other, plain=UNKNOWN))
    elif name == "requires_grad_":
        in_vain(m, name, at, value, "parameter" if thing.parameter else "tensor", "method")
    else:
        check_typo(m, name, at, value, "parameter" if thing.parameter else "tensor")


def _given(m: Machine, addresses: Collection[int] | None) -> None:
    from gradlint.analysis import torch_steps

    torch_steps.given(m, addresses)


PASSING = frozenset({"torch.Tensor.data", "torch.Tensor.detach", "torch.nn.Module.state_dict"})
"""What gives an alias of a tensor that has a flag of its own."""


def _passing_alias(origin: Origin) -> events.TensorFact | None:
    """The parameter whose storage a tensor without a name shares, as it was when the alias was made."""
    base = origin.args[0] if origin.args else None
    if (
        origin.op not in PASSING
        or origin.name
        or not isinstance(base, Origin)
        or base.op != "parameter"
        or not base.requires_grad
    ):
        return None
    return events.TensorFact(name=base.name, rg=Truth(True), origin=base, known=True)


def set_requires_grad(m: Machine, ref: Ref, flag: Flag, at: int, how: str) -> None:
    """`.requires_grad = flag` and `.requires_grad_(flag)`."""
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    torch_freezing.flags_set(m, [ref.addr], flag, at)
    m.book.met |= {*made_under(thing.origin), *(here for _, here in m.state.mode.stack)}
    rg = m.simplified(thing.rg)
    computed = thing.origin.op not in ("leaf", "input", "parameter", "unknown") and bool(thing.origin.args)
    cut = m.fact(ref) if computed and is_false(rg) else None
    m.event(
        events.RequiresGradSet, at, target=m.fact(ref), value=summary(flag), how=how,
        is_loss=computed and is_true(thing.scalar), cut=cut, used=_was_used(m, ref, thing),
        alias_of=_passing_alias(thing.origin),
    )  # fmt: skip
    raises = both(rg, negate(m.simplified(thing.leaf)))
    if is_true(raises) and (how == "attribute" or is_false(flag)):
        raising(m, raises)
        return
    new = lift(lambda t, r: r if t.value is None and r.value is None else t, flag, rg)
    if is_true(raises):
        new = rg
    base = m.state.heap.get(thing.base)
    if isinstance(base, Tensor) and not is_false(thing.leaf):
        new = either(new, m.simplified(base.rg))  # a view that has no graph requires grad as its base does
    origin = thing.origin
    if is_true(new) and is_false(rg):
        origin = replace(m.origin("leaf", at, (), new), name=thing.origin.name)
    elif is_false(new) and origin.op in ("parameter", "leaf"):
        origin = replace(origin, requires_grad=False)
    if new == rg:
        return
    if thing.used and is_true(new):
        m.ledger.late[ref.addr] = (m.here(at), thing.used, 0, not is_false(rg))
    # What does not require grad is a leaf, and stays one.
    leaf = negate(rg) if is_false(rg) else thing.leaf
    m.put(ref, replace(thing, rg=new, leaf=leaf, nodes=frozenset(), sure=True, origin=origin))
    twins_follow(m, ref)
    views_follow(m, ref.addr, written=False)
    if computed and is_false(rg):
        releafed(m, ref, ref, at, how, thing)


def releafed(m: Machine, ref: Ref, before: Ref, at: int, how: str, thing: Tensor | None = None) -> None:
    """A computed tensor without graph becomes a leaf that requires grad: backward() will pass, and lead to nothing."""
    from gradlint.analysis import torch_watch

    held = thing if thing is not None else m.get(before)
    assert isinstance(held, Tensor)
    torch_watch.releafed(m, ref, held, at, how)


def raising(m: Machine, flag: Flag) -> None:
    """Where the flag holds for certain torch raises, and nothing behind it runs."""
    if is_true(flag) and not is_assumed(flag):
        m.stop()


def _was_used(m: Machine, ref: Ref, thing: Tensor) -> bool:
    from gradlint.analysis.torch_watch import was_used

    return was_used(m, ref, thing)


# -- methods


def method(m: Machine, call: Call) -> Any:
    """`tensor.name(...)`; the receiver is `call.self`."""
    special = METHODS.get(call.name)
    if special is not None:
        return special(m, call)
    if call.name in NUMBERS:
        return m.opaque(call.at, FALSE, "number", tag=call.name)
    row = tables.tensor_method(call.name)
    if row is None:
        return m.opaque(call.at, LIKELY_FALSE if is_false(m.recording) else UNKNOWN, tag=call.name)
    return torch_ops.apply(m, f"torch.Tensor.{call.name}", row, call)


def _this(m: Machine, call: Call) -> tuple[Ref, Tensor]:
    thing = m.get(call.self)
    assert isinstance(thing, Tensor)
    return call.self, thing


def _detach(m: Machine, call: Call) -> Any:
    ref, thing = _this(m, call)
    return detached(m, ref, thing, "torch.Tensor.detach", call.at)


def _detach_in_place(m: Machine, call: Call) -> Any:
    ref, thing = _this(m, call)
    # Autograd does not see the call in inference mode, nor that of an inference tensor: the flag stays (torch 2.13).
    seen = negate(either(m.simplified(m.state.mode.inference), m.simplified(thing.inference)))
    if is_false(seen) or torch_ops.is_strange(thing):
        return ref
    if not is_true(seen):
        rg = join_truths([FALSE, *leaves(m.simplified(thing.rg))])
        m.put(ref, replace(thing, rg=rg, leaf=thing.leaf if is_true(thing.leaf) else UNKNOWN, sure=False))
        twins_follow(m, ref)
        views_follow(m, ref.addr, written=False)
        return ref
    lost = cut_off(m, ref, thing, "torch.Tensor.detach_", call.at)
    origin = m.origin("torch.Tensor.detach_", call.at, (ref,), FALSE)
    m.put(
        ref,
        replace(thing, rg=FALSE, leaf=TRUE, nodes=frozenset(), sure=True, lost=lost, dead=frozenset(), origin=origin),
    )
    twins_follow(m, ref)
    views_follow(m, ref.addr, written=False)
    return ref


def _requires_grad_method(m: Machine, call: Call) -> Any:
    ref, _ = _this(m, call)
    value = call.arg(0, "requires_grad")
    set_requires_grad(m, ref, TRUE if value is None else truth_of(m, value), call.at, "method")
    return ref


def _item(m: Machine, call: Call) -> Any:
    ref, _ = _this(m, call)
    return number_of(m, ref, f"torch.Tensor.{call.name}", call.at)


def number_of(m: Machine, ref: Ref, op: str, at: int) -> Any:
    """A Python number taken out of a tensor: the graph ends there."""
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    origin = m.origin(op, at, (ref,), FALSE) if not is_false(m.simplified(thing.rg)) else None
    return replace(m.opaque(at, FALSE, "number", tag="item", origin=origin), lost=cut_off(m, ref, thing, op, at))


def _numpy(m: Machine, call: Call) -> Any:
    ref, thing = _this(m, call)
    force = call.arg(-1, "force")
    if force is None or is_false(truth_of(m, force)):
        m.event(events.NumpyTaken, call.at, target=m.fact(ref), how=".numpy()")
        m.may_raise()
        raising(m, both(m.simplified(thing.rg), m.simplified(m.state.mode.grad)))
    lost = _taken(m, thing, cut_off(m, ref, thing, "torch.Tensor.numpy", call.at))
    return replace(m.opaque(call.at, FALSE, "array", tag="numpy"), lost=lost)


def _taken(m: Machine, thing: Tensor, lost: frozenset[int]) -> frozenset[int]:
    """A detach on the way to numpy (`x.detach().numpy()`) is there because numpy asks for it: the cut is that of numpy."""
    found = set()
    for number in lost:
        record = m.ledger.cuts[number - 1]
        if record.kind == "detach" and record.where == thing.origin.line:
            number = m.ledger.cut(replace(record, kind="rewrap", how=".numpy()"))
        found.add(number)
    return frozenset(found)


def _hook(m: Machine, call: Call) -> Any:
    ref, thing = _this(m, call)
    m.event(events.HookOnTensor, call.at, target=m.fact(ref), how=call.name)
    raising(m, negate(m.simplified(thing.rg)))
    if m.dead():
        return NONE
    if call.name == "retain_grad":
        m.put(ref, replace(thing, retains=True))
        return NONE
    return m.opaque(call.at, FALSE, "number", tag="handle")


def _to(m: Machine, call: Call) -> Any:
    """Conversions: the input itself where nothing changes, which only the dtype and device of the run decide."""
    ref, thing = _this(m, call)
    floating: Flag = m.simplified(thing.floating)
    given = call.arg(-1, "dtype")
    target: Flag | None = torch_ops.dtype_flag(m, given)
    for value in call.args:
        if isinstance(value, Extern) and value.name.startswith("torch.") and torch_ops.dtype_flag(m, value) != UNKNOWN:
            target = torch_ops.dtype_flag(m, value)
        elif isinstance(m.get(value), Tensor):
            target = flag_of(m, value, "floating")
    if call.name == "type_as" and target is None:
        target = UNKNOWN
    if call.name in tables_casts():
        target = truth(tables_casts()[call.name])
    if target is not None:
        floating = target
    rg = m.simplified(thing.rg)
    if is_false(floating):
        flag: Flag = FALSE
    elif is_true(m.recording):
        flag = both(rg, floating) if target is not None else rg
    else:
        off = lift(lambda t: FALSE if t.value is False else UNKNOWN, rg)
        flag = (
            off
            if is_false(m.recording)
            else lift(lambda r, t: t if r.value else (FALSE if t.value is False else UNKNOWN), m.recording, rg)
        )
    if torch_ops.is_strange(thing):
        flag = UNKNOWN
    copy = call.arg(-1, "copy")
    asked = {v.name for v in (*call.args, given) if isinstance(v, Extern)}
    copies = is_true(m.simplified(thing.plain)) and (call.name in COPYING or bool(asked & OTHER_DTYPES))
    if copies and not is_true(m.recording):
        flag = FALSE if is_false(m.recording) else UNKNOWN if not is_false(rg) else FALSE
    same_device = call.name in ("cpu", "contiguous") or not call.args and not call.kwargs
    if is_false(m.recording) and copy is None and _keeps(call, target, m.simplified(thing.floating)) and same_device:
        return ref
    if is_false(m.recording) and target is not None and is_true(negate(_same(target, m.simplified(thing.floating)))):
        flag = FALSE
    storage = 0
    origin = m.origin(f"torch.Tensor.{call.name}", call.at, (ref, *call.args), flag)
    leaf: Flag = TRUE if is_false(flag) else negate(flag) if copies else UNKNOWN
    if is_true(m.recording) and is_true(flag) and is_false(m.simplified(thing.leaf)):
        leaf = FALSE
    node: frozenset[int] = thing.nodes
    if not node and not is_false(flag) and not is_false(m.recording):
        below = torch_ops.sources_of(m, ref, thing)
        made_of = Node(origin.op, leaves=below, sources=below, at=m.here(call.at))
        node = frozenset({m.alloc(call.at, made_of, "tonode").addr})
    other = copies or target is not None and is_false(_same(target, m.simplified(thing.floating)))
    inference = m.simplified(m.state.mode.inference if other else thing.inference)
    made = m.tensor(call.at, Tensor(
        rg=flag, leaf=leaf, floating=floating, inference=torch_ops.inference_of_copy(m, inference), scalar=thing.scalar,
        storage=storage,
        nodes=node if not is_false(flag) else frozenset(), sure=thing.sure, parameter=False, origin=origin,
        lost=thing.lost | torch_ops.carried(m, [ref], [ref], flag, "op" if is_false(floating) else "mode",
            f"torch.Tensor.{call.name}", call.at),
        dead=thing.dead, single=thing.single, made_from=torch_ops.made_from(m, [ref], flag),
    ), "to")  # fmt: skip
    return made if other else may_be(m, made, ref)


OTHER_DTYPES = frozenset(
    f"torch.{name}" for name in ("float64", "double", "float16", "half", "bfloat16", "complex64", "complex128")
)
"""Dtypes that a tensor of the default dtype does not have."""
COPYING = frozenset({"double", "half", "bfloat16", "cfloat", "cdouble", "chalf"})
"""Casts that copy what is of the default dtype."""


def _same(a: Flag, b: Flag) -> Flag:
    return lift(lambda x, y: UNKNOWN if x.value is None or y.value is None else truth(x.value == y.value), a, b)


def _keeps(call: Call, target: Flag | None, floating: Flag) -> bool:
    return call.name == "cpu" and target is None


_CASTS = {
    "float": True, "double": True, "half": True, "bfloat16": True, "cfloat": True, "cdouble": True, "int": False,
    "long": False, "short": False, "bool": False, "byte": False, "char": False,
}  # fmt: skip


def tables_casts() -> dict[str, bool]:
    return _CASTS


def _dequantize(m: Machine, call: Call) -> Any:
    """What is not quantized is given back itself, with a node in its history."""
    ref, thing = _this(m, call)
    row = tables.tensor_method("dequantize")
    assert row is not None
    m.put(ref, replace(thing, leaf=thing.leaf if is_false(both(m.recording, thing.rg)) else UNKNOWN))
    return torch_ops.apply(m, "torch.Tensor.dequantize", row, call)


def _new(m: Machine, call: Call) -> Any:
    """`x.new_zeros(...)`: a fresh tensor, requires_grad only where asked for."""
    from gradlint.analysis.torch_functions import factory

    ref, thing = _this(m, call)
    return factory(m, replace_name(call, f"torch.Tensor.{call.name}"), floating=thing.floating)


def replace_name(call: Call, name: str) -> Call:
    return Call(name, call.args, call.kwargs, call.at, call.rest, call.self)


def _backward(m: Machine, call: Call) -> Any:
    return torch_autograd.backward(m, [call.self], call, how="tensor")


FLOATING_TYPES = ("FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor", "Tensor")


def _type(m: Machine, call: Call) -> Any:
    """`tensor.type(dtype)`, where the dtype may be told by a class of tensors or its name; without one, the name of its own."""
    dtype = call.arg(0, "dtype")
    if dtype is None:
        return m.opaque(call.at, FALSE, "number", tag="type")
    dtype = m.simplified(dtype)
    name = dtype.value if isinstance(dtype, Const) else dtype.name if isinstance(dtype, Extern) else None
    if isinstance(name, str) and name.startswith("torch.") and name.endswith("Tensor"):
        dtype = Extern("torch.float32" if name.rpartition(".")[2] in FLOATING_TYPES else "torch.int64")
    return _to(m, replace(call, args=(), kwargs={"dtype": dtype}))


def _type_as(m: Machine, call: Call) -> Any:
    return _to(m, call)


METHODS: dict[str, Callable[[Machine, Call], Any]] = {
    "detach": _detach,
    "detach_": _detach_in_place,
    "requires_grad_": _requires_grad_method,
    "dequantize": _dequantize,
    "item": _item,
    "tolist": _item,
    "numpy": _numpy,
    "__array__": _numpy,
    "register_hook": _hook,
    "retain_grad": _hook,
    "register_post_accumulate_grad_hook": _hook,
    "backward": _backward,
    "new_tensor": _new,
    "new_zeros": _new,
    "new_ones": _new,
    "new_empty": _new,
    "new_full": _new,
    "to": _to,
    "type": _type,
    "cpu": _to,
    "cuda": _to,
    "type_as": _type_as,
    **dict.fromkeys(_CASTS, _to),
}


# -- unknown values


def opaque_attribute(m: Machine, obj: Opaque, name: str, at: int) -> Any:
    """An attribute of an unknown value."""
    value = known(m, obj)
    if isinstance(value, Ref):
        from gradlint.analysis.attributes import get_attr

        return get_attr(m, value, name, at)
    if name == "backward":
        return Builtin(obj, name)
    from gradlint.analysis import torch_modules

    if tables.tensor_method(name) is not None and torch_modules.is_parameter(obj):
        return Builtin(obj, name)
    if name in ("detach", "requires_grad_", "register_hook", "retain_grad", "numpy", "detach_") and obj.kind in (
        "",
        "tensors",
    ):
        return Builtin(obj, name)
    if name in PLAIN_ATTRIBUTES:
        m.flag_reads += name == "requires_grad"
        return Opaque(("attr", obj.symbol, name), FALSE, "number")
    if name == "data" and obj.kind == "":
        return Opaque(("attr", obj.symbol, name), LIKELY_FALSE)
    if name == "grad":
        return Opaque(("attr", obj.symbol, name), LIKELY_FALSE, origin=Origin(GRAD))
    if obj.kind in ("array", "number", "loader"):
        return Opaque(("attr", obj.symbol, name), obj.rg, obj.kind, lost=obj.lost)
    # A method carries along what is believed of its receiver.
    carries = name in COPIES or tables.tensor_method(name) is not None
    return Opaque(("attr", obj.symbol, name), obj.rg if carries else UNKNOWN)


def call_opaque(m: Machine, func: Opaque, call: Call) -> Any:
    """A call of `unknown.name(...)`, where the symbol still tells receiver and name; None where it does not."""
    symbol = func.symbol
    if symbol[0] != "attr" or not isinstance(symbol[2], str) or not isinstance(symbol[1], tuple):
        return None
    name = symbol[2]
    if symbol[1] and symbol[1][0] in ("ref", "module"):
        return None
    receiver = Opaque(symbol[1], func.rg)
    if name in MODULE_METHODS:
        from gradlint.analysis import torch_module_calls

        return torch_module_calls.opaque_method(m, receiver, name, call)
    if tables.tensor_method(name) is not None:
        from gradlint.analysis.calls import escape

        escape(m, call.all_args)
        return torch_ops.unknown_method(m, receiver, name, call)
    if name in COPIES and is_false(m.simplified(func.rg)):
        return m.opaque(call.at, LIKELY_FALSE, tag=name, origin=m.origin("input", call.at, (), FALSE))
    return None


def opaque_method(m: Machine, call: Call) -> Any:
    """A tensor method of an unknown value that only tensors have: the value turns out to be a tensor."""
    from gradlint.analysis import torch_modules

    if call.name == "detach_" and torch_modules.freeze_through(m, call.self, FALSE, call.at):
        return call.self
    if call.name == "requires_grad_":
        given = call.arg(0, "requires_grad")
        flag = TRUE if given is None else truth_of(m, given)
        if torch_modules.freeze_through(m, call.self, flag, call.at):
            return call.self
        part = as_module(m, call.self) if whole_of(m, call.self.symbol)[0] is not None else None
        if part is not None:
            torch_modules.freeze(m, part, flag, call.at)
            return call.self
    ref = torch_modules.stand_in(m, call.self, call.at)
    if ref is not call.self:
        made = method(m, replace(call, self=ref))
        return call.self if made == ref else made
    if call.name == "backward":
        return _opaque_backward(m, call)
    ref = as_tensor(m, call.self)
    if ref is None:
        return m.opaque(call.at)
    return method(m, Call(call.name, call.args, call.kwargs, call.at, call.rest, ref))


def _opaque_backward(m: Machine, call: Call) -> Any:
    """`unknown.backward(...)`: of a tensor, or of something that differentiates what it is given (`engine.backward(loss)`)."""
    if call.self.kind == "number":
        return torch_autograd.backward(m, [call.self], call, "tensor")
    if call.args:
        from gradlint.analysis import torch_frameworks

        made = torch_frameworks.call_opaque(m, Opaque(("attr", call.self.symbol, "backward")), call)
        if made is None:
            m.services["escape"](m, call.all_args)
        return NONE
    return torch_autograd.backward(m, [call.self], call, "tensor")


def set_opaque_attribute(m: Machine, obj: Opaque, name: str, value: Any, at: int) -> None:
    """`unknown.name = value`."""
    ref = known(m, obj)
    if isinstance(m.get(ref), Instance):
        from gradlint.analysis.attributes import set_attr

        set_attr(m, ref, name, value, at)
    elif name == "requires_grad":
        from gradlint.analysis import torch_modules

        if torch_modules.freeze_through(m, obj, truth_of(m, value), at):
            return
        whole, path = whole_of(m, obj.symbol)
        ref = as_tensor(m, obj)
        if ref is not None:
            thing = m.get(ref)
            if whole is not None and isinstance(thing, Tensor):
                m.put(ref, replace(thing, parameter=True, leaf=TRUE))
                set_part(m, whole, path, ref)
            set_requires_grad(m, ref, truth_of(m, value), at, "attribute")
    elif name == "requires_grad_":
        in_vain(m, name, at, value, _owner(obj), "method")
    elif name == "grad" and value != NONE:
        from gradlint.analysis import torch_cuts, torch_modules

        group = torch_modules.members(obj.symbol[1] if obj.symbol[0] == "some" else obj.symbol)
        m.ledger.written |= torch_cuts.identities(m, group[1] if group is not None else ())
        _given(m, None if group is None else group[1])
    elif name == "_grad":
        _given(m, None)
    else:
        check_typo(m, name, at, value, _owner(obj))


def _owner(obj: Opaque) -> str:
    """What an unknown value is, for a flag that is set on it: a parameter where it came out of `parameters()`."""
    from gradlint.analysis import torch_modules

    if (
        torch_modules.members(obj.symbol) is not None
        or _mentions(obj.symbol, "unknown-params")
        or obj.symbol[0] == "some"
    ):
        return "parameter"
    return "module" if obj.kind == "module" else "unknown"


def _mentions(symbol: Any, word: str) -> bool:
    return isinstance(symbol, tuple) and (symbol[:1] == (word,) or any(_mentions(part, word) for part in symbol[1:]))


def set_opaque_item(m: Machine, obj: Opaque, index_value: Any, value: Any, at: int) -> None:
    """`unknown[index] = value`: an in-place write where it is a tensor, a part replaced where it is in a module."""
    ref = known(m, obj)
    if isinstance(m.get(ref), Tensor):
        from gradlint.analysis.torch_index import set_index

        set_index(m, ref, index_value, value, at)
        return
    from gradlint.analysis import torch_modules

    key = m.simplified(index_value)
    part = ("item", obj.symbol, key.value if isinstance(key, Const) else key)
    whole, path = whole_of(m, part) if torch_modules.registers(m, value) else (None, "")
    if whole is not None:
        set_part(m, whole, path, value)
    else:
        m.services["escape"](m, (value,))


__all__ = [
    "Phi",
    "any_of",
    "attribute",
    "augmented",
    "binary",
    "compare",
    "flag_value",
    "method",
    "set_attribute",
    "unary",
]
