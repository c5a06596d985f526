"""Functions of the torch namespace that are no plain operators: factories, questions about modes, wrappers of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradlint.analysis import events, torch_autocast, torch_autograd, torch_modules, torch_ops, torch_optim
from gradlint.analysis.iteration import iterate
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import flag_value, truth_of
from gradlint.analysis.python_library import IDENTITY, serialized
from gradlint.analysis.torch_cuts import cut
from gradlint.analysis.torch_ops import dtype_flag, sources_of
from gradlint.analysis.torch_values import as_tensor, flag_of, known, made_under, rg_of, tensors_in
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Const,
    Extern,
    Flag,
    Instance,
    Node,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Tensor,
    both,
    either,
    is_false,
    is_true,
    leaves,
    negate,
    summary,
    truth,
)
from gradlint.records import replace
from gradlint.torch_model import tables

Model = Callable[[Machine, Call], Any]


def factory(m: Machine, call: Call, floating: Flag | None = None) -> Any:
    """A new tensor; it requires grad where it is asked to, whatever the mode."""
    m.compute()
    given = call.kwargs.get("requires_grad")
    flag: Flag = FALSE if given is None else truth_of(m, given)
    kind = dtype_flag(m, call.kwargs.get("dtype"))
    if kind is None:
        kind = floating if floating is not None else _default_floating(m, call)
    return leaf(m, call, flag, kind)


def leaf(
    m: Machine, call: Call, flag: Flag, floating: Flag, lost: frozenset[int] = frozenset(), scalar: Flag = UNKNOWN
) -> Ref:
    """A leaf tensor made here, which may be asked to require grad."""
    if not is_false(flag):
        _asked(m, call, flag, floating)
    if is_false(floating) and not is_false(flag):
        flag = FALSE if is_true(flag) else flag
    origin = replace(m.origin("leaf", call.at, (), flag), floating=summary(floating).value)
    if lost:
        origin = replace(m.origin(call.name, call.at, call.args, flag), floating=summary(floating).value)
    single = TRUE if is_true(scalar) else single_size(m, call)
    made = Tensor(
        rg=flag, leaf=TRUE, floating=floating, inference=m.simplified(m.state.mode.inference), sure=True,
        scalar=scalar if not is_false(single) else FALSE, single=single, plain=_plain(call), lost=lost, origin=origin,
    )  # fmt: skip
    return m.tensor(call.at, made)


def _plain(call: Call) -> Flag:
    """Whether a factory makes a tensor of the default dtype, on the CPU."""
    asked = [k for k in ("dtype", "device", "layout", "memory_format") if k in call.kwargs]
    like = (
        call.name in LIKE
        or call.name.startswith("torch.Tensor.")
        or call.name in OLD_CONSTRUCTORS - {"torch.Tensor", "torch.FloatTensor"}
    )
    return UNKNOWN if asked or like or call.rest else TRUE


SIZED = frozenset(
    {
        "torch.zeros",
        "torch.ones",
        "torch.empty",
        "torch.rand",
        "torch.randn",
        "torch.full",
        "torch.eye",
        "torch.randint",
    }
)


def single_size(m: Machine, call: Call) -> Flag:
    """Whether the sizes or data given to a factory make exactly one element."""
    if call.name in ("torch.tensor", "torch.as_tensor", "torch.FloatTensor"):
        return _single_data(m, call.arg(0, "data", NONE))
    if call.name not in SIZED or call.rest:
        return UNKNOWN
    values = list(call.args)
    if call.name == "torch.randint":
        values = values[1:] if len(values) < 3 else values[2:]
    if call.name == "torch.full":
        values = values[:1]
    if "size" in call.kwargs:
        values = [call.kwargs["size"]]
    sizes: list[Any] = []
    for value in values:
        thing = m.get(m.simplified(value))
        if isinstance(thing, Sequence):
            if not thing.exact:
                return UNKNOWN
            sizes += thing.items
        else:
            sizes.append(value)
    known = [m.simplified(s) for s in sizes]
    if any(isinstance(s, Const) and isinstance(s.value, int) and s.value > 1 for s in known):
        return FALSE
    if all(isinstance(s, Const) and s.value == 1 for s in known):
        return TRUE
    return UNKNOWN


def _single_data(m: Machine, value: Any) -> Flag:
    value = m.simplified(value)
    if isinstance(value, Const):
        return TRUE
    thing = m.get(value)
    if isinstance(thing, Tensor):
        return m.simplified(thing.single)
    if not isinstance(thing, Sequence) or not thing.exact:
        return UNKNOWN
    if len(thing.items) > 1:
        return FALSE
    return _single_data(m, thing.items[0]) if thing.items else UNKNOWN


def _asked(m: Machine, call: Call, flag: Flag, floating: Flag) -> None:
    if is_false(floating) and is_true(flag):
        fact = replace(m.fact(NONE), floating=summary(floating), known=True, rg=summary(flag))
        m.event(events.GradInput, call.at, target=fact, how=call.name)


INTEGERS = frozenset({"torch.randint", "torch.randperm", "torch.tril_indices", "torch.triu_indices"})
BY_VALUE = frozenset(
    {
        "torch.tensor",
        "torch.full",
        "torch.arange",
        "torch.as_tensor",
        "torch.asarray",
    }
)


def _default_floating(m: Machine, call: Call) -> Flag:
    if call.name in INTEGERS:
        return FALSE
    if call.name == "torch.full":
        return floating_data(m, call.arg(1, "fill_value", NONE))
    if call.name == "torch.sparse_coo_tensor":
        values = call.arg(1, "values", NONE)
        return flag_of(m, values, "floating") if isinstance(m.get(values), Tensor) else floating_data(m, values)
    if call.name == "torch.arange":
        flag: Flag = FALSE
        for value in (*call.args, *(v for k, v in call.kwargs.items() if k in ("start", "end", "step"))):
            flag = either(flag, floating_data(m, value))
        return flag
    if call.name in BY_VALUE:
        return floating_data(m, call.arg(0, "data", NONE))
    return TRUE


def floating_data(m: Machine, value: Any, depth: int = 0) -> Flag:
    """Whether Python data makes a floating tensor: where any number in it is a float."""
    value = m.simplified(known(m, value))
    if isinstance(value, Phi):
        flags = [floating_data(m, v, depth) for v in leaves(value)]
        return flags[0] if all(f == flags[0] for f in flags) else UNKNOWN
    if isinstance(value, Const):
        return truth(isinstance(value.value, (float, complex)))
    thing = m.get(value)
    if isinstance(thing, Tensor):
        return m.simplified(thing.floating)
    if isinstance(thing, Sequence) and depth < 5 and thing.kind != "range":
        flag: Flag = FALSE
        for item in (*thing.items, *([] if thing.rest is None else [thing.rest])):
            flag = either(flag, floating_data(m, item, depth + 1))
        return flag if thing.items or thing.rest is not None else TRUE
    if isinstance(thing, Sequence) and thing.kind == "range":
        return FALSE
    return UNKNOWN


def tensor(m: Machine, call: Call) -> Any:
    """`torch.tensor(data, …)`: copies numbers; a graph behind them is left behind."""
    m.compute()
    data = call.arg(0, "data", NONE)
    given = call.kwargs.get("requires_grad")
    flag: Flag = FALSE if given is None else truth_of(m, given)
    floating = dtype_flag(m, call.kwargs.get("dtype"))
    if floating is None:
        floating = _old_dtype(call.name) if call.name in OLD_CONSTRUCTORS else floating_data(m, data)
    if call.name == "torch.Tensor":
        floating = TRUE
    lost = _copied(m, call, data, not is_false(flag))
    ref = leaf(m, call, flag, floating, lost, _scalar_data(m, data))
    for number in lost if not is_false(flag) else ():
        record = m.ledger.cuts[number - 1]
        if record.where == m.here(call.at):
            record.made = m.contexts.identity(ref.addr)
    return ref


def _scalar_data(m: Machine, value: Any) -> Flag:
    value = m.simplified(value)
    if isinstance(value, Const):
        return TRUE
    thing = m.get(value)
    if isinstance(thing, Sequence):
        return FALSE
    if isinstance(value, Opaque) and value.kind == "number" and value.lost:
        single = all(m.ledger.cuts[n - 1].how in (".item()", "float()", "int()") for n in value.lost)
        return TRUE if single else UNKNOWN
    return m.simplified(thing.scalar) if isinstance(thing, Tensor) else UNKNOWN


def _copied(m: Machine, call: Call, data: Any, asks: bool) -> frozenset[int]:
    """The cuts that copying values out of tensors makes and hands on."""
    found: set[int] = set()
    for value in _flat(m, data):
        if isinstance(value, Opaque):
            found |= value.lost
    first: Ref | None = None
    sources: set[int] = set()
    for ref in tensors_in(m, data):
        thing = m.get(ref)
        assert isinstance(thing, Tensor)
        found |= thing.lost
        if is_true(m.simplified(thing.rg)):
            below = sources_of(m, ref, thing)
            sources |= below
            first = first or ref
    if first is not None and sources:
        found.add(cut(m, "rewrap", call.name, frozenset(sources), first, call.at, asks))
    return frozenset(sorted(found)[-8:])


def _flat(m: Machine, value: Any, depth: int = 0) -> list[Any]:
    found: list[Any] = []
    for one in leaves(m.simplified(value)):
        thing = m.get(one)
        if isinstance(thing, Sequence) and depth < 4:
            for item in (*thing.items, *([] if thing.rest is None else [thing.rest])):
                found += _flat(m, item, depth + 1)
        else:
            found.append(one)
    return found


OLD_CONSTRUCTORS = frozenset({
    "torch.Tensor", "torch.FloatTensor", "torch.DoubleTensor", "torch.HalfTensor", "torch.LongTensor", "torch.IntTensor",
    "torch.ByteTensor", "torch.BoolTensor", "torch.cuda.FloatTensor", "torch.cuda.LongTensor", "torch.BFloat16Tensor",
})  # fmt: skip


def _old_dtype(name: str) -> Flag:
    return truth(not any(word in name for word in ("Long", "Int", "Byte", "Bool", "Short", "Char")))


def as_tensor_function(m: Machine, call: Call) -> Any:
    """`torch.as_tensor(t)` keeps the graph of a tensor; a list is copied."""
    data = m.simplified(call.arg(0, "data", NONE))
    ref = as_tensor(m, data) if isinstance(m.get(known(m, data)), Tensor) else None
    if ref is None:
        if isinstance(data, Opaque) and data.kind in ("", "tensors"):
            return replace(m.opaque(call.at, data.rg, tag="as"), origin=data.origin)
        return tensor(m, call)
    if call.kwargs.get("dtype") is None and call.kwargs.get("device") is None and len(call.args) < 2:
        return ref
    from gradlint.analysis import torch_tensors

    return torch_tensors.method(m, replace(call, name="to", args=call.args[1:], self=ref))


def from_numpy(m: Machine, call: Call) -> Any:
    value = m.simplified(call.arg(0, default=NONE))
    lost = value.lost if isinstance(value, Opaque) else frozenset()
    origin = m.origin("input", call.at, (), FALSE)
    made = Tensor(
        rg=FALSE,
        leaf=TRUE,
        floating=UNKNOWN,
        inference=m.simplified(m.state.mode.inference),
        sure=True,
        lost=lost,
        origin=origin,
    )
    return m.tensor(call.at, made)


def parameter(m: Machine, call: Call) -> Any:
    """`nn.Parameter(data, requires_grad=True)`: a new leaf over the same storage."""
    m.touched += 1
    data = m.simplified(call.arg(0, "data", NONE))
    given = call.arg(1, "requires_grad")
    flag: Flag = TRUE if given is None else truth_of(m, given)
    ref = as_tensor(m, data) if data != NONE else None
    held = m.get(ref) if ref is not None else None
    if isinstance(held, Tensor):
        outside = is_true(m.simplified(held.inference)) and is_false(m.simplified(m.state.mode.inference))
        if (is_false(held.floating) or outside) and is_true(flag):
            m.event(events.GradInput, call.at, target=m.fact(ref), how="nn.Parameter")
            m.stop()
            return NONE
        lost = held.lost
        m.book.met |= {*made_under(held.origin), *(here for _, here in m.state.mode.stack)}
        if is_true(m.simplified(held.rg)) and held.nodes:
            lost |= {cut(m, "rewrap", "torch.nn.Parameter", sources_of(m, ref, held), ref, call.at, True)}  # type: ignore[arg-type]
        storage, inference = held.storage, held.inference
    else:
        lost, storage, inference = frozenset(), 0, m.simplified(m.state.mode.inference)
    building = m.contexts.building(m.context)
    of = (("of", building),) if building else ()
    origin = replace(m.origin("parameter", call.at, (), flag), floating=True, kwargs=of)
    made = Tensor(
        rg=flag, leaf=TRUE, floating=TRUE, inference=inference, sure=True, parameter=True, storage=storage, lost=lost,
        origin=origin,
        scalar=held.scalar if isinstance(held, Tensor) else UNKNOWN,
        single=held.single if isinstance(held, Tensor) else UNKNOWN,
        plain=held.plain if isinstance(held, Tensor) else UNKNOWN,
    )  # fmt: skip
    copy = m.tensor(call.at, made)
    for number in lost:
        record = m.ledger.cuts[number - 1]
        if record.asks_grad and record.where == m.here(call.at):
            record.made = m.contexts.identity(copy.addr)
    return copy


def variable(m: Machine, call: Call) -> Any:
    """`Variable(t, requires_grad=…)`: the tensor itself; with `requires_grad=True` a new leaf, its graph gone."""
    value = m.simplified(call.arg(0, "data", NONE))
    given = call.arg(1, "requires_grad")
    volatile = call.kwargs.get("volatile")
    if given is None and volatile is None:
        return value
    flag: Flag = FALSE if given is None else truth_of(m, given)
    ref = as_tensor(m, value)
    held = m.get(ref) if ref is not None else None
    if not isinstance(held, Tensor) or ref is None:
        return leaf(m, call, flag, UNKNOWN)
    if is_false(flag):
        return ref
    from gradlint.analysis import torch_tensors

    rg = m.simplified(held.rg)
    lost = held.lost
    if is_true(rg):
        lost |= {cut(m, "rewrap", call.name, sources_of(m, ref, held), ref, call.at, True)}
    m.event(
        events.RequiresGradSet,
        call.at,
        target=m.fact(ref),
        value=summary(flag),
        how="argument",
        cut=m.fact(ref) if is_false(rg) else None,
    )
    made = torch_tensors.detached(m, ref, held, "torch.autograd.Variable", call.at)
    new = m.get(made)
    assert isinstance(new, Tensor)
    origin = replace(m.origin("leaf", call.at, (ref,), flag), name="")
    m.put(made, replace(new, rg=flag, lost=lost, origin=origin))
    torch_tensors.releafed(m, made, ref, call.at, "argument")
    return made


# -- questions


def _grad_enabled(m: Machine, call: Call) -> Any:
    return flag_value(m, m.simplified(m.state.mode.grad), call.at)


def _inference_enabled(m: Machine, call: Call) -> Any:
    return flag_value(m, m.simplified(m.state.mode.inference), call.at)


def _is_tensor(m: Machine, call: Call) -> Any:
    from gradlint.analysis.python_functions import is_instance

    flag = m.split(call.arg(0, default=NONE), lambda leaf_: is_instance(m, leaf_, Extern("torch.Tensor")))
    return flag_value(m, flag, call.at)


# -- contexts and wrappers


def _context(m: Machine, call: Call) -> Any:
    return m.alloc(call.at, Instance(Extern(call.name), dict(call.kwargs)), "context")


def _same(m: Machine, call: Call) -> Any:
    """`torch.compile(f)`, `torch.jit.script(f)`: what it is given, or a decorator that does so."""
    first = call.arg(0)
    return Extern(IDENTITY) if first is None else first


def _trace(m: Machine, call: Call) -> Any:
    return call.arg(0, "func", NONE)


def _saved(m: Machine, call: Call) -> Any:
    return NONE


def _loaded(m: Machine, call: Call) -> Any:
    return m.opaque(call.at, UNKNOWN, tag="load")


def _clip(m: Machine, call: Call) -> Any:
    """`clip_grad_norm_(parameters, …)` changes gradients in place, and gives their norm."""
    from gradlint.analysis.torch_inplace import changed

    m.compute()
    given = m.simplified(call.arg(0, "parameters", NONE))
    items = [given] if isinstance(m.get(known(m, given)), Tensor) else iterate(m, given, call.at)[0]
    for item in items:
        held = m.get(known(m, m.simplified(item)))
        if isinstance(held, Tensor) and isinstance(m.get(held.grad), Tensor):
            changed(m, held.grad, [], call.at, call.name.rpartition(".")[2])
            if m.dead():
                return NONE
    if call.name.endswith("clip_grad_value_"):
        return NONE
    return m.tensor(
        call.at,
        Tensor(
            rg=FALSE, leaf=TRUE, floating=TRUE, sure=True, scalar=TRUE, origin=m.origin("input", call.at, (), FALSE)
        ),
    )


def _init(m: Machine, call: Call) -> Any:
    """`nn.init.*` writes under no_grad and gives the tensor back."""
    from gradlint.analysis.torch_inplace import touch

    ref = as_tensor(m, m.simplified(call.arg(0, "tensor", NONE)))
    thing = m.get(ref) if ref is not None else None
    if isinstance(thing, Tensor):
        touch(m, thing.storage, call.at)
        return ref
    return call.arg(0, "tensor", NONE)


def _loader(m: Machine, call: Call) -> Any:
    data = m.simplified(call.arg(0, "dataset", NONE))
    return (
        Opaque(("loader", m.symbol(call.at, "loader")), LIKELY_FALSE, "loader", m.origin("input", call.at, (), FALSE))
        if data is not None
        else NONE
    )


def _vector(m: Machine, call: Call) -> Any:
    items, rest = iterate(m, m.simplified(call.arg(0, default=NONE)), call.at)
    values = [*items, *([] if rest is None else [rest])]
    cat = m.alloc(call.at, Sequence("list", tuple(values)), "flat")
    return m.services["call"](m, Extern("torch.cat"), (cat,), {}, call.at, False)


def _functional_call(m: Machine, call: Call) -> Any:
    """`functional_call(module, params, args)`: the module runs with other parameters."""
    module, params = m.simplified(call.arg(0, "module", NONE)), call.arg(1, default=NONE)
    args = call.arg(2, "args", NONE)
    held = m.get(m.simplified(args))
    items = held.items if isinstance(held, Sequence) and held.exact else (args,)
    flag = rg_of(m, m.simplified(params))
    result = m.services["call"](m, module, tuple(items), {}, call.at, False)
    if m.dead():
        return NONE
    return m.split(result, lambda one: _with_params(m, one, params, flag, call))


def _with_params(m: Machine, value: Any, params: Any, flag: Flag, call: Call) -> Any:
    """What the module computes with the parameters it is given: its graph leads to them, or to its own that are not given."""
    thing = m.get(value)
    if not isinstance(thing, Tensor):
        return value
    rg = m.simplified(thing.rg)
    if not is_true(rg):
        rg = both(m.recording, either(rg, flag if not is_false(flag) else FALSE))
    if is_false(rg):
        return value
    below, leaf, sources = set(thing.nodes), set(), set(sources_of(m, value, thing))
    for ref in tensors_in(m, params):
        given = m.get(ref)
        assert isinstance(given, Tensor)
        below |= given.nodes
        if not is_false(m.simplified(given.rg)):
            sources |= sources_of(m, ref, given)
            if not given.nodes:
                leaf.add(ref.addr)
    node = Node(
        "functional_call", maybe=frozenset(below), leaves=frozenset(leaf), sources=frozenset(sources), vague=True,
        at=m.here(call.at),
    )  # fmt: skip
    nodes = frozenset({m.alloc(call.at, node, "functional").addr})
    return m.tensor(call.at, replace(thing, rg=rg, leaf=negate(rg), nodes=nodes, sure=False), "functional")


def _spawn(m: Machine, call: Call) -> Any:
    m.services["escape"](m, call.all_args)
    return NONE


def _pickle(m: Machine, call: Call) -> Any:
    serialized(m, call.args[:1], call.at, "pickle")
    return m.opaque(call.at, FALSE, "number")


def _number(m: Machine, call: Call) -> Any:
    return m.opaque(call.at, FALSE, "number", tag=call.name)


FACTORIES = frozenset(
    "torch." + name
    for name in ("zeros", "ones", "empty", "rand", "randn", "randint", "randperm", "full", "arange", "linspace", "logspace",
                 "eye", "range", "normal", "empty_strided", "hann_window", "hamming_window", "blackman_window",
                 "bartlett_window", "kaiser_window", "tril_indices", "triu_indices", "scalar_tensor", "complex", "polar",
                 "sparse_coo_tensor", "frombuffer")
)  # fmt: skip
LIKE = frozenset(
    "torch." + n
    for n in ("zeros_like", "ones_like", "empty_like", "rand_like", "randn_like", "full_like", "randint_like")
)


def _like(m: Machine, call: Call) -> Any:
    source = known(m, m.simplified(call.arg(0, "input", NONE)))
    thing = m.get(source)
    floating = m.simplified(thing.floating) if isinstance(thing, Tensor) else UNKNOWN
    return factory(m, call, floating)


def _normal(m: Machine, call: Call) -> Any:
    """`torch.normal(mean, std)` of tensors is an operator; of numbers and a size it makes a leaf."""
    row = tables.operator("torch.normal")
    if row is None or not any(isinstance(m.get(known(m, m.simplified(v))), Tensor) for v in call.all_args):
        return factory(m, call, TRUE)
    return torch_ops.apply(m, "torch.normal", row, call)


def _method(m: Machine, call: Call) -> Any:
    """A function that is a tensor's method of the same name, with a model of its own."""
    from gradlint.analysis.torch_tensors import method

    target = known(m, m.simplified(call.arg(0, "input", NONE)))
    if not isinstance(m.get(target), Tensor):
        return m.opaque(call.at)
    return method(m, replace(call, name=call.name.rpartition(".")[2], self=target, args=call.args[1:]))


FUNCTIONS: dict[str, Model] = {
    **dict.fromkeys(FACTORIES - {"torch.complex", "torch.polar", "torch.normal"}, factory),
    **dict.fromkeys(LIKE, _like),
    **dict.fromkeys(OLD_CONSTRUCTORS, tensor),
    "torch.normal": _normal,
    "torch.detach_": _method,
    "torch.dequantize": _method,
    "torch.tensor": tensor,
    "torch.as_tensor": as_tensor_function,
    "torch.asarray": as_tensor_function,
    "torch.from_numpy": from_numpy,
    "torch.nn.Parameter": parameter,
    "torch.nn.Buffer": lambda m, call: call.arg(0, "data", NONE),
    "torch.autograd.Variable": variable,
    "torch.is_grad_enabled": _grad_enabled,
    "torch.is_inference_mode_enabled": _inference_enabled,
    "torch.is_tensor": _is_tensor,
    "torch.autograd.grad": torch_autograd.grad,
    "torch.autograd.backward": torch_autograd.backward_function,
    "torch.utils.checkpoint.checkpoint": torch_autograd.checkpoint,
    "torch.utils.checkpoint.checkpoint_sequential": lambda m,
    call: m.services["call"](m, call.args[0], call.args[2:3], {}, call.at, False),
    "torch.autocast": _context,
    "torch.clear_autocast_cache": torch_autocast.cleared,
    "torch.device": _number,
    "torch.Generator": _number,
    "torch.Size": _number,
    "torch.autograd.detect_anomaly": _context,
    "torch.autograd.set_detect_anomaly": _context,
    "torch.autograd.profiler.profile": _context,
    **{f"torch.autograd.graph.{name}": _context for name in ("saved_tensors_hooks", "save_on_cpu",
        "allow_mutation_on_saved_tensors")},
    "torch.profiler.profile": _context,
    "torch.random.fork_rng": _context,
    "torch.cuda.stream": _context,
    "torch.compile": _same,
    "torch.jit.script": _same,
    "torch.jit.ignore": _same,
    "torch.jit.export": _same,
    "torch.jit.unused": _same,
    "torch.jit.trace": _trace,
    "torch.save": _saved,
    "torch.load": _loaded,
    "torch.utils.data.DataLoader": _loader,
    "torch.nn.utils.clip_grad_norm_": _clip,
    "torch.nn.utils.clip_grad_norm": _clip,
    "torch.nn.utils.clip_grad_value_": _clip,
    "torch.nn.utils.parameters_to_vector": _vector,
    "torch.func.functional_call": _functional_call,
    "torch.nn.utils.stateless.functional_call": _functional_call,
    "torch.amp.GradScaler": torch_optim.make_scaler,
    **{f"torch.func.{name}": torch_autograd.transformed for name in ("grad", "grad_and_value", "vmap", "jacrev",
        "jacfwd", "hessian")},
    **{f"torch.func.{name}()": torch_autograd.call_transformed for name in ("grad", "grad_and_value", "vmap", "jacrev",
        "jacfwd", "hessian")},
    "torch.vmap": lambda m, call: torch_autograd.transformed(m, replace(call, name="torch.func.vmap")),
    "torch.func.jvp": torch_autograd.jvp,
    **{f"torch.autograd.functional.{name}": torch_autograd.functional for name in ("jacobian", "hessian", "vjp", "jvp",
        "hvp", "vhp")},
    "torch.multiprocessing.spawn": _spawn,
    **{
        f"torch.{name}": _number
        for name in ("manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state", "set_default_dtype",
            "set_num_threads",
                     "get_default_dtype", "set_default_device", "use_deterministic_algorithms", "set_printoptions", "finfo",
                     "iinfo", "is_floating_point", "is_complex", "numel", "result_type", "promote_types", "can_cast", "equal",
                     "allclose", "is_storage", "get_num_threads", "typename", "is_nonzero", "is_same_size")
    },
}  # fmt: skip
PREFIXES: tuple[tuple[str, Model], ...] = (
    ("torch.nn.init.", _init),
    ("torch.cuda.", _number),
    ("torch.backends.", _number),
    ("torch.distributed.", _number),
    ("torch.utils.tensorboard.", _number),
    ("torch.random.", _number),
    ("torch.hub.", lambda m, call: m.opaque(call.at, UNKNOWN, "module", tag="hub")),
)


def model_of(name: str) -> Model | None:
    """The model of a function of torch by qualified name; None where there is none of its own."""
    found = FUNCTIONS.get(name)
    if found is not None:
        return found
    return next((model for prefix, model in PREFIXES if name.startswith(prefix)), None)


__all__ = ["factory", "model_of", "torch_modules"]
