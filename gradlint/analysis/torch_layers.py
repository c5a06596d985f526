"""Layers of torch: their measured row, with their parameters as operands."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import events, layer_rows, torch_advice, torch_autocast, torch_modules
from gradlint.analysis.events import TensorFact
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.torch_modules import flag_in
from gradlint.analysis.torch_ops import (
    MAX_SOURCES,
    carried,
    each_single,
    inference_of_copy,
    is_vague,
    made_from,
    mark_used,
    note_recorded,
    sources_of,
)
from gradlint.analysis.torch_values import any_of, as_tensor, flag_of, known, rg_of, tensors_in
from gradlint.analysis.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Const,
    Extern,
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
from gradlint.records import replace

KEEP_WEIGHTS = ("BatchNorm", "Conv", "GroupNorm", "LSTM", "LayerNorm")
"""Layers that refuse a weight made in inference mode even where nobody asks for the gradient of the input (torch 2.13).
With PReLU it depends on the shape of the input."""
FUNCTIONS = frozenset({"torch.nn.Flatten", "torch.nn.Unflatten", "torch.nn.Identity"})


def apply_layer(m: Machine, ref: Ref, thing: Instance, name: str, call: Call) -> Any:
    """The result of calling a layer."""
    m.compute()
    torch_autocast.layer_called(m, ref, name, call)
    training = m.simplified(thing.attrs.get("training", NONE))
    row = layer_rows.built(
        name,
        torch_modules.options(m, thing),
        training.value if isinstance(training, Const) and isinstance(training.value, bool) else None,
    )
    args = tuple(_as_input(m, v) for v in call.args)
    named = dict(zip(row.inputs, args))
    named.update(call.kwargs)
    extra = list(args[len(row.inputs) :])
    inputs = [*named.values(), *extra]
    if row.alias == ("self",) and inputs and not row.writes_input:
        return inputs[0]
    own = _own(m, ref, thing, row)
    carrying = [*(v for k, v in named.items() if k in row.flows), *extra]
    flag = both(m.recording, either(own if row.learns else FALSE, any_of(m, carrying)))
    if call.rest or any(k in named and not is_false(rg_of(m, named[k])) for k in row.maybe_flows):
        flag = both(m.recording, either(flag, UNKNOWN))
    _saved_inference(m, ref, thing, row, named, own, name, call)
    if m.dead():
        return NONE
    if row.writes_input and inputs:
        target = as_tensor(m, m.simplified(inputs[0]))
        if target is not None:
            return _in_place(m, target, row, name, call)
    made = _results(m, ref, row, name, call, named, inputs, carrying, own, flag)
    if name.rpartition(".")[2] in torch_advice.LOSSES:
        torch_advice.regression(m, name, inputs, made, call.at)
    return made


def _own(m: Machine, ref: Ref, thing: Instance, row: layer_rows.LayerRow) -> Flag:
    """Whether a parameter that a layer computes with requires grad: one that derives from it may have others besides."""
    if isinstance(thing.cls, Extern) or row.has_children:
        return torch_modules.trainable(m, ref)
    flag = m.simplified(flag_in(thing.attrs[torch_modules.OWN])) if torch_modules.has_rest(m, thing) else FALSE
    held = [thing.attrs[name] for name, _ in row.parameters if name in thing.attrs]
    return either(flag, any_of(m, held))


def _in_place(m: Machine, target: Ref, row: layer_rows.LayerRow, name: str, call: Call) -> Any:
    """`nn.ReLU(inplace=True)(x)` changes x and gives it back."""
    from gradlint.analysis.torch_inplace import changed

    changed(m, target, [], call.at, f"{name.rpartition('.')[2]}(inplace=True)")
    thing = m.get(target)
    if not m.dead() and isinstance(thing, Tensor) and any(kept == "result" for kept, _ in row.saves):
        _save_result(m, thing)
    return target


def _save_result(m: Machine, thing: Tensor) -> None:
    """The node of an in-place operation keeps what it has written."""
    held = m.state.heap.get(thing.storage)
    for address in thing.nodes:
        node = m.state.heap.get(address)
        if isinstance(node, Node) and isinstance(held, Storage) and held.exact and not m.repacked:
            saved = (thing.storage, held.version, held.hidden, thing.origin.name)
            m.state.put(address, replace(node, saved=(*node.saved, saved), keeps=True))


def _as_input(m: Machine, value: Any) -> Any:
    """What a layer is given is a tensor, where nothing else is known of it."""
    value = m.simplified(value)
    if isinstance(value, Opaque) and value.kind in ("", "tensors"):
        return as_tensor(m, value) or value
    return value


def _results(
    m: Machine, ref: Ref, row: layer_rows.LayerRow, name: str, call: Call, named: dict[str, Any], inputs: list[Any],
    flow: list[Any], own: Flag, flag: Flag,
) -> Any:  # fmt: skip
    def tensor(tag: str, index: int) -> Any:
        return _tensor(m, ref, row, name, call, named, inputs, flow, own, flag, tag, index)

    shape = row.returns
    if shape == "t":
        return tensor("", 0)
    if shape == "tt":
        return m.alloc(call.at, Sequence("tuple", (tensor(".0", 0), tensor(".1", 1))), "results")
    if shape == "t(tt)":
        inner = m.alloc(call.at, Sequence("tuple", (tensor(".1", 1), tensor(".2", 2))), "state")
        return m.alloc(call.at, Sequence("tuple", (tensor(".0", 0), inner)), "results")
    belief = flag if not is_true(flag) else lift(lambda t: t.likely(), flag)
    return m.opaque(call.at, belief, tag="depends", origin=m.origin(name, call.at, inputs, flag))


def _word(words: tuple[str, ...], index: int) -> str:
    return words[min(index, len(words) - 1)] if words else "?"


def _tensor(
    m: Machine, ref: Ref, row: layer_rows.LayerRow, name: str, call: Call, named: dict[str, Any], inputs: list[Any],
    flow: list[Any], own: Flag, rg: Flag, tag: str, index: int,
) -> Any:  # fmt: skip
    kind, off = _word(row.grad, index), _word(row.off, index)
    if kind == "never":
        rg = FALSE
    elif kind == "?" and not is_false(rg):
        rg = both(m.recording, UNKNOWN)
    if off != "drops" and inputs and not is_true(m.recording):
        # It may give back what it was given, or a view of it: then the input's own flag shows.
        through = rg_of(m, inputs[0])
        rg = either(rg, through if off == "keeps" else lift(lambda t: FALSE if t.value is False else UNKNOWN, through))
    storage, scalar = m.new_storage(call.at, tag), _scalar(m, ref, row)
    nodes: frozenset[int] = frozenset()
    if not is_false(rg):
        note_recorded(m, rg, call.at)
        nodes = frozenset({_node(m, ref, row, name, call, named, flow, own, storage, tag).addr})
    lost = carried(m, inputs, flow, rg, "mode" if kind != "never" else "op", name, call.at)
    if row.learns:
        lost |= _own_lost(m, ref, own, rg, kind, name, call.at)
    origin = m.origin(name, call.at, inputs, rg)
    if row.learns and (is_true(own) or is_false(own)):
        origin = m.origin(name, call.at, inputs, rg, module=Const(is_true(own)))
    floating: Flag = {"float": TRUE, "complex": TRUE, "int": FALSE, "bool": FALSE}.get(row.floating, UNKNOWN)
    if row.floating == "same":
        floating = TRUE if row.learns else flag_of(m, inputs[0], "floating") if inputs else UNKNOWN
    inference, leaf = m.simplified(m.state.mode.inference), negate(rg)
    if _word(row.alias, index) != "fresh" and inputs:
        inference = inference_of_copy(m, flag_of(m, inputs[0], "inference"))
        leaf = TRUE if is_false(rg) else leaf if is_true(m.recording) and _word(row.alias, index) == "view" else UNKNOWN
    made = Tensor(
        rg=rg, leaf=leaf, floating=floating, inference=inference, scalar=scalar,
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
    if name.endswith("Loss") and is_false(scalar):
        return each_single(m, name, inputs)
    if name.endswith(ELEMENTWISE) and inputs:
        return flag_of(m, inputs[0], "single")
    return UNKNOWN


ELEMENTWISE = ("ReLU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "GELU", "SiLU", "ELU", "Dropout", "LayerNorm", "Softplus",
               "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss")  # fmt: skip


def _node(
    m: Machine, ref: Ref, row: layer_rows.LayerRow, name: str, call: Call, named: dict[str, Any], flow: list[Any], own: Flag,
    storage: int, tag: str,
) -> Ref:  # fmt: skip
    inputs: set[int] = set()
    maybe: set[int] = set()
    leaves: set[int] = set(torch_modules.sources(m, ref)) if row.learns and not is_false(own) else set()
    below = set(leaves)
    for value in flow:
        for one in tensors_in(m, value):
            thing = m.get(one)
            assert isinstance(thing, Tensor)
            if is_false(m.simplified(thing.rg)):
                mark_used(m, one, thing, call.at)
                continue
            if thing.nodes:
                (inputs if thing.sure and len(thing.nodes) == 1 else maybe).update(thing.nodes)
            elif is_true(m.simplified(thing.leaf)):
                leaves.add(one.addr)
            below |= sources_of(m, one, thing)
    saved, keeps = _saved(m, ref, row, named, own, storage)
    node = Node(
        name, frozenset(inputs), frozenset(maybe), frozenset(leaves), () if m.repacked else tuple(saved), keeps,
        sources=frozenset(sorted(below)[:MAX_SOURCES]), vague=is_vague(m, flow), at=m.here(call.at),
    )  # fmt: skip
    return m.alloc(call.at, node, "node" + tag)


def _saved(
    m: Machine, ref: Ref, row: layer_rows.LayerRow, named: dict[str, Any], own: Flag, storage: int
) -> tuple[list[tuple[int, int, int, str]], bool]:  # fmt: skip
    """What the node keeps, with versions, and whether it keeps anything for certain."""
    saved: list[tuple[int, int, int, str]] = []
    keeps = False
    for kept, causes in row.saves:
        if causes and not any(
            is_true(own) if c == "own" else c in named and is_true(rg_of(m, named[c])) for c in causes
        ):
            continue
        if kept == "result":
            saved.append((storage, 0, 0, ""))
        elif kept == "weight":
            if any(c != "own" and c in named and is_true(rg_of(m, named[c])) for c in causes):
                saved += _weights(m, ref)
        else:
            for one in tensors_in(m, named.get(kept, NONE)):
                thing = m.get(one)
                held = m.state.heap.get(thing.storage) if isinstance(thing, Tensor) else None
                if isinstance(held, Storage) and held.exact and not thing.many:  # type: ignore[union-attr]
                    saved.append((thing.storage, held.version, held.hidden, thing.origin.name))  # type: ignore[union-attr]
        keeps = keeps or kept == "result" or kept in named
    return saved, keeps


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
    """A layer refuses an inference tensor that it would have to save."""
    if not is_true(m.recording):
        return
    inner = m.simplified(flag_in(thing.attrs.get(torch_modules.INFERENCE, FALSE)))
    parts = [m.get(each) for each in torch_modules.own_parameters(m, ref)]
    if any(isinstance(part, Tensor) and not is_true(m.simplified(part.rg)) for part in parts):
        own = UNKNOWN  # some of them are frozen, perhaps those for whose sake it would be saved
    for kept, causes in row.saves:
        needed = [c for c in causes if (is_true(own) if c == "own" else c in named and is_true(rg_of(m, named[c])))]
        if causes and not needed or kept == "result":
            continue
        target = _inference_among(m, tensors_in(m, named.get(kept, NONE)))
        always = name.rpartition(".")[2].startswith(KEEP_WEIGHTS)
        if kept == "weight" and is_true(inner) and (always or any(c != "own" for c in needed)):
            origin = replace(m.origin("parameter", call.at, (), TRUE), modes=("torch.inference_mode()",))
            target = TensorFact("weight", TRUE, inference=TRUE, parameter=True, origin=origin, known=True)
        if target is not None:
            result = m.origin(name, call.at, list(named.values()), UNKNOWN)
            m.event(events.SavedInference, call.at, target=target, op=name, result=result if kept != "weight" else None)
            m.stop()
            return


def _inference_among(m: Machine, refs: list[Ref]) -> TensorFact | None:
    return next((m.fact(one) for one in refs if is_true(flag_of(m, one, "inference"))), None)


__all__ = ["NONE", "Opaque", "known"]
