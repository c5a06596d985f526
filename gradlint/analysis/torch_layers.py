"""Layers of torch: their measured row, with their parameters as operands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradlint.analysis import events, layer_rows, torch_advice, torch_modules
from gradlint.analysis.events import TensorFact
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.torch_modules import flag_in
from gradlint.analysis.torch_ops import MAX_SOURCES, carried, made_from, mark_used, note_recorded, sources_of
from gradlint.analysis.torch_values import any_of, as_tensor, flag_of, known, rg_of, tensors_in
from gradlint.analysis.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Const,
    Flag,
    Instance,
    Node,
    Opaque,
    Ref,
    Sequence,
    Storage,
    Tensor,
    both,
    either,
    is_false,
    is_true,
    lift,
    negate,
)

FUNCTIONS = frozenset({"torch.nn.Flatten", "torch.nn.Unflatten", "torch.nn.Identity"})


def apply_layer(m: Machine, ref: Ref, thing: Instance, row: layer_rows.LayerRow, name: str, call: Call) -> Any:
    """The result of calling a layer."""
    m.compute()
    args = tuple(_as_input(m, v) for v in call.args)
    named = dict(zip(row.inputs, args))
    named.update(call.kwargs)
    extra = list(args[len(row.inputs) :])
    inputs = [*named.values(), *extra]
    if row.keeps_input(_options(m, thing)) is True and inputs:
        return inputs[0]
    own = torch_modules.trainable(m, ref)
    flow = [v for k, v in named.items() if k in row.flows] if row.flows is not None else inputs
    carrying = [*flow, *extra]
    flag = both(m.recording, either(own, any_of(m, carrying)))
    if call.rest:
        flag = both(m.recording, either(own, UNKNOWN)) if not is_true(own) else flag
    _saved_inference(m, ref, thing, row, named, own, name, call)
    if m.dead():
        return NONE
    if row.keeps_input(_options(m, thing)) is None and inputs and not is_true(m.recording):
        # It may give back what it was given (Dropout in eval mode): then the input's own flag shows.
        flag = either(flag, lift(lambda t: FALSE if t.value is False else UNKNOWN, rg_of(m, inputs[0])))
    writes = _in_place(m, thing)
    if writes and inputs:
        target = as_tensor(m, m.simplified(inputs[0]))
        if target is not None:
            from gradlint.analysis.torch_inplace import changed

            changed(m, target, [], call.at, f"{name.rpartition('.')[2]}(inplace=True)")
            return target
    made = _results(m, ref, row, name, call, inputs, carrying, own, flag)
    if name.rpartition(".")[2] in torch_advice.LOSSES:
        torch_advice.regression(m, name, inputs, made, call.at)
    return made


def _as_input(m: Machine, value: Any) -> Any:
    """What a layer is given is a tensor, where nothing else is known of it."""
    value = m.simplified(value)
    if isinstance(value, Opaque) and value.kind in ("", "tensors"):
        return as_tensor(m, value) or value
    return value


def _options(m: Machine, thing: Instance) -> dict[str, Any]:
    """Constructor arguments and the training flag, as constants where they are known."""
    found = {}
    for key, value in thing.attrs.items():
        value = m.simplified(value)
        if key[0] != ":" and isinstance(value, Const):
            found[key] = value.value
    return found


def _in_place(m: Machine, thing: Instance) -> bool:
    value = m.simplified(thing.attrs.get("inplace"))
    return isinstance(value, Const) and value.value is True


def _results(
    m: Machine, ref: Ref, row: layer_rows.LayerRow, name: str, call: Call, inputs: list[Any], flow: list[Any], own: Flag, flag: Flag
) -> Any:  # fmt: skip
    def tensor(rg: Flag, tag: str, kind: str) -> Any:
        return _tensor(m, ref, row, name, call, inputs, flow, own, rg, tag, kind)

    shape = row.returns
    if shape == "t":
        return tensor(flag, "", row.grad[0] if row.grad else "diff")
    if shape == "tt":
        items: tuple[Any, ...] = tuple(tensor(flag, f".{n}", row.grad[min(n, len(row.grad) - 1)]) for n in range(2))
        return m.alloc(call.at, Sequence("tuple", items), "results")
    if shape == "t(tt)":
        state = tuple(tensor(flag, f".{n}", "diff") for n in (1, 2))
        inner = m.alloc(call.at, Sequence("tuple", state), "state")
        return m.alloc(call.at, Sequence("tuple", (tensor(flag, ".0", "diff"), inner)), "results")
    belief = flag if not is_true(flag) else lift(lambda t: t.likely(), flag)
    return m.opaque(call.at, belief, tag="depends", origin=m.origin(name, call.at, inputs, flag))


def _tensor(
    m: Machine, ref: Ref, row: layer_rows.LayerRow, name: str, call: Call, inputs: list[Any], flow: list[Any], own: Flag, rg: Flag,
    tag: str, kind: str,
) -> Any:  # fmt: skip
    if kind == "never":
        rg = FALSE
    storage, scalar = m.new_storage(call.at, tag), _scalar(m, ref, row)
    nodes: frozenset[int] = frozenset()
    if not is_false(rg):
        note_recorded(m, rg, call.at)
        nodes = frozenset({_node(m, ref, row, name, call, flow, own, storage, tag).addr})
    lost = carried(m, inputs, flow, rg, "mode" if kind != "never" else "op", name, call.at)
    lost |= _own_lost(m, ref, own, rg, kind, name, call.at)
    origin = m.origin(name, call.at, inputs, rg)
    if is_true(own) or is_false(own):
        origin = m.origin(name, call.at, inputs, rg, module=Const(is_true(own)))
    made = Tensor(
        rg=rg, leaf=negate(rg), floating=TRUE, inference=m.simplified(m.state.mode.inference), scalar=scalar,
        single=_single(m, ref, name, scalar, inputs), made_from=made_from(m, inputs, rg),
        storage=storage, nodes=nodes, sure=is_true(rg) and is_true(m.recording), lost=lost, origin=origin,
    )  # fmt: skip
    return m.tensor(call.at, made, tag)


def _own_lost(m: Machine, ref: Ref, own: Flag, rg: Flag, kind: str, name: str, at: int) -> frozenset[int]:
    """Parameters that require grad and lead to a result that does not are cut off here."""
    if not is_false(rg) or not is_true(own) or kind == "never" or not is_false(m.recording):
        return frozenset()
    from gradlint.analysis.torch_cuts import cut

    return frozenset({cut(m, "mode", name, torch_modules.sources(m, ref), ref, at)})


def _scalar(m: Machine, ref: Ref, row: layer_rows.LayerRow) -> Flag:
    if row.scalar == "reduction":
        thing = m.get(ref)
        value = m.simplified(thing.attrs.get("reduction")) if isinstance(thing, Instance) else None
        if value is None:
            return TRUE
        return (FALSE if value.value == "none" else TRUE) if isinstance(value, Const) else UNKNOWN
    return {"always": TRUE, "never": FALSE}.get(row.scalar, UNKNOWN)


FEATURES = ("out_features", "out_channels", "embedding_dim", "hidden_size", "num_features")


def _single(m: Machine, ref: Ref, name: str, scalar: Flag, inputs: list[Any]) -> Flag:
    """Whether a layer's result has exactly one element: never where it makes several features."""
    if is_true(scalar):
        return TRUE
    thing = m.get(ref)
    for key in FEATURES:
        value = m.simplified(thing.attrs.get(key)) if isinstance(thing, Instance) else None
        if isinstance(value, Const) and isinstance(value.value, int) and value.value > 1:
            return FALSE
    if name.endswith(ELEMENTWISE) and inputs:
        return flag_of(m, inputs[0], "single")
    return UNKNOWN


ELEMENTWISE = ("ReLU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "GELU", "SiLU", "ELU", "Dropout", "LayerNorm", "Softplus",
               "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss")  # fmt: skip


def _node(m: Machine, ref: Ref, row: layer_rows.LayerRow, name: str, call: Call, flow: list[Any], own: Flag, storage: int, tag: str) -> Ref:
    inputs: set[int] = set()
    maybe: set[int] = set()
    leaves: set[int] = set() if is_false(own) else set(torch_modules.sources(m, ref))
    below = set(leaves)
    saved: list[tuple[int, int, int, str]] = []
    for value in flow:
        for one in tensors_in(m, value):
            thing = m.get(one)
            assert isinstance(thing, Tensor)
            if is_false(m.simplified(thing.rg)):
                mark_used(m, one, thing, call.at)
            elif thing.nodes:
                (inputs if thing.sure and len(thing.nodes) == 1 else maybe).update(thing.nodes)
            elif is_true(m.simplified(thing.leaf)):
                leaves.add(one.addr)
            below |= sources_of(m, one, thing) if not is_false(m.simplified(thing.rg)) else set()
            held = m.state.heap.get(thing.storage)
            if row.saves_input and is_true(own) and isinstance(held, Storage) and held.exact and not thing.many:
                saved.append((thing.storage, held.version, held.hidden, thing.origin.name))
    if row.saves_weight and any(is_true(rg_of(m, v)) for v in flow):
        saved += _weights(m, ref)
    keeps = bool(saved) or row.saves_input and is_true(own) or row.saves_result
    if row.saves_result:
        saved.append((storage, 0, 0, ""))
    node = Node(
        name, frozenset(inputs), frozenset(maybe), frozenset(leaves), tuple(saved), keeps,
        sources=frozenset(sorted(below)[:MAX_SOURCES]), at=m.here(call.at),
    )  # fmt: skip
    return m.alloc(call.at, node, "node" + tag)


def _weights(m: Machine, ref: Ref) -> list[tuple[int, int, int, str]]:
    """The storage of a layer's weight, which is saved for the gradient of the input."""
    thing = m.get(ref)
    weight = m.get(thing.attrs.get("weight")) if isinstance(thing, Instance) else None
    if isinstance(weight, Tensor):
        address, name = weight.storage, weight.origin.name
    else:
        address, name = torch_modules.layer_storage(m, ref.addr), "weight"
    held = m.state.heap.get(address)
    if isinstance(held, Storage) and held.exact:
        return [(address, held.version, held.hidden, name)]
    return []


def _saved_inference(
    m: Machine, ref: Ref, thing: Instance, row: layer_rows.LayerRow, named: dict[str, Any], own: Flag, name: str, call: Call
) -> None:  # fmt: skip
    """A layer that saves its input for the gradient of its weight refuses an inference tensor."""
    if not is_true(m.recording):
        return
    for key, value in named.items():
        if not row.saves_input:
            break
        wanted = own if row.flows is None or key in row.flows else any_of(m, [v for k, v in named.items() if k != key])
        if not is_true(wanted):
            continue
        for one in tensors_in(m, value):
            if is_true(flag_of(m, one, "inference")):
                origin = m.origin(name, call.at, list(named.values()), UNKNOWN)
                m.event(events.SavedInference, call.at, target=m.fact(one), op=name, result=origin)
                m.stop()
                return
    made_inside = m.simplified(flag_in(thing.attrs.get(":inference", FALSE)))
    if row.saves_weight and is_true(made_inside) and any(is_true(rg_of(m, v)) for v in named.values()):
        origin = m.origin("parameter", call.at, (), TRUE)
        fact = TensorFact("weight", TRUE, inference=TRUE, parameter=True, origin=replace(origin, modes=("torch.inference_mode()",)), known=True)
        m.event(events.SavedInference, call.at, target=fact, op=name)
        m.stop()


__all__ = ["NONE", "Opaque", "known"]
