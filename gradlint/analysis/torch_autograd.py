"""Differentiation: `backward()`, `autograd.grad`, `autograd.Function`, checkpointing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gradlint.analysis import events, torch_cuts, torch_modules, torch_rebinding
from gradlint.analysis.events import Place, TensorFact
from gradlint.analysis.iteration import iterate
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.operators import truth_of
from gradlint.analysis.reasons import explain
from gradlint.analysis.state import Mode
from gradlint.analysis.torch_ops import is_vague, sources_of
from gradlint.analysis.torch_values import any_of, as_tensor, known, may_be, rg_of
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
    Instance,
    Node,
    Opaque,
    Ref,
    Sequence,
    Storage,
    Table,
    Tensor,
    Truth,
    both,
    either,
    is_false,
    is_true,
    leaves,
    negate,
    summary,
)
from gradlint.findings import Origin
from gradlint.records import replace


def backward(m: Machine, roots: list[Any], call: Call, how: str) -> Any:
    """`root.backward()` in any of its forms."""
    position = 0 if how in ("tensor", "scaler") else 1
    gradient = m.simplified(
        call.arg(position if how != "accelerator" else -1, "gradient", call.arg(-1, "grad_tensors", NONE))
    )
    retain = _flag(m, call.arg(1 if how == "tensor" else 2, "retain_graph"))
    create = _flag(m, call.arg(2 if how == "tensor" else 3, "create_graph"))
    inputs = _listed(m, call.arg(3 if how == "tensor" else 5, "inputs", NONE), call.at)
    wanted = _wanted(m, inputs, call.rest)
    for number, root in enumerate(roots):
        # They are differentiated together: what one leads to is not freed before the others are done.
        held = TRUE if number < len(roots) - 1 else retain
        m.split(root, lambda leaf: _backward(m, leaf, call.at, how, gradient != NONE, held, create, wanted) or NONE)  # noqa: B023
        if m.dead():
            return NONE
    keep = create if retain is None else retain
    for root in roots[:-1]:
        thing = m.get(known(m, m.simplified(root)))
        if isinstance(thing, Tensor) and (keep is None or not is_true(keep)):
            free(m, _Graph(m, thing, wanted).nodes, FALSE if keep is None else keep, m.here(call.at), set(thing.nodes))
    return NONE


def _flag(m: Machine, value: Any) -> Flag | None:
    return None if value is None or m.simplified(value) == NONE else truth_of(m, value)


def _backward(
    m: Machine,
    root: Any,
    at: int,
    how: str,
    has_gradient: bool,
    retain: Flag | None,
    create: Flag | None,
    wanted: Wanted | None,
) -> Any:
    root = known(m, root)
    if isinstance(root, (Opaque, Const)) and (isinstance(root, Const) or root.kind == "number"):
        return _number(m, root, at)
    ref = as_tensor(m, root)
    if ref is None:
        m.event(events.BackwardCalled, at, root=_root_fact(m, root), how=how, has_gradient=has_gradient)
        m.may_raise()
        return NONE
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    found = _Graph(m, thing, wanted)
    m.differentiations += 1
    if is_false(m.simplified(thing.rg)) and (
        torch_rebinding.missed(m, thing, at) or _differentiated_again(m, [ref], at)
    ):
        m.stop()
        return NONE
    m.event(
        events.BackwardCalled, at, root=_root_fact(m, ref), how=how, has_gradient=has_gradient, freed=tuple(found.freed),
        modified=tuple(found.modified), hidden=tuple(found.hidden), earlier=tuple(found.earlier), changed=tuple(found.changed),
    )  # fmt: skip
    rg = m.simplified(thing.rg)
    m.may_raise()
    if is_false(rg) and not is_assumed_flag(rg):
        m.stop()
        return NONE
    if not is_false(rg):
        from gradlint.analysis import torch_watch

        torch_cuts.root(m, ref, at)
        if (found.freed or found.modified) and is_true(rg):
            m.stop()
            return NONE
        torch_watch.differentiated(m, ref, at)
    keep = create if retain is None else retain
    if keep is None or not is_true(keep):
        m.freed_roots[m.here(at)] = m.fact(ref)
        free(m, found.nodes, FALSE if keep is None else keep, m.here(at), {*found.some, *found.passed})
    accumulate(m, thing, ref, at, wanted, create)
    return NONE


def _root_fact(m: Machine, value: Any) -> TensorFact:
    """What is known of something that is differentiated. That a gradient has no graph is but a habit, which whoever
    differentiates it again does not have: it is not believed of what is computed from one."""
    fact = m.fact(value)
    if fact.rg.assumed and fact.rg.value is False and torch_rebinding.uses_gradient(fact.origin):
        return replace(fact, rg=UNKNOWN)
    return fact


def _differentiated_again(m: Machine, roots: list[Any], at: int) -> bool:
    """Whether roots without graph are derivatives taken without `create_graph`: says so in an event of its own."""
    for root in roots:
        thing = m.get(root)
        if not isinstance(thing, Tensor) or not is_false(m.simplified(thing.rg)):
            continue
        for number in sorted(thing.lost):
            record = m.ledger.cuts[number - 1]
            if record.kind == "grad" and explain(thing.origin).kind in ("grad", "input", ""):
                m.event(
                    events.PenaltyWithoutGraph, at, grad_call=m.place(record.where), how="backward", value=m.fact(root)
                )
                return True
    return False


def is_assumed_flag(flag: Flag) -> bool:
    return any(t.assumed for t in leaves(flag))


def _number(m: Machine, root: Any, at: int) -> Any:
    """`.backward()` on a Python number."""
    origin = root.origin if isinstance(root, Opaque) else None
    taken = _taken(origin, 0)
    if taken is not None:
        op, here, source = taken
        m.event(
            events.NumberBackward, at, name=_name_of(m, root), cut=m.place(here), how=torch_cuts.SHOWN.get(op, op),
            source=TensorFact(source.name, Truth(True), origin=source, known=True) if source is not None else TensorFact(),
        )  # fmt: skip
        m.stop()
    return NONE


def _name_of(m: Machine, value: Any) -> str:
    return value.origin.name if isinstance(value, Opaque) and value.origin is not None else ""


NUMBERS = frozenset({"torch.Tensor.item", "torch.Tensor.tolist", "builtins.float", "builtins.int"})


def _taken(origin: Any, depth: int) -> tuple[str, int, Origin | None] | None:
    """Where a number was taken out of a tensor that requires grad, on the way to a value."""
    if not isinstance(origin, Origin) or depth > 12:
        return None
    if origin.op in NUMBERS:
        first = next((a for a in origin.args if isinstance(a, Origin)), None)
        return origin.op, origin.line, first
    for part in origin.args:
        for one in part if isinstance(part, (list, tuple)) else (part,):
            found = _taken(one, depth + 1)
            if found is not None:
                return found
    return None


def number_backward(m: Machine, value: Const, call: Call) -> Any:
    """`.backward()` on a number that is written in the source."""
    m.may_raise()
    return NONE


class Wanted:
    """The tensors whose gradients are asked for: a node is run only where it leads to one of them."""

    def __init__(self, m: Machine, inputs: list[Ref]) -> None:
        self.m = m
        things = [m.get(ref) for ref in inputs]
        self.leaves = {ref.addr for ref in inputs}
        self.ends = {a for thing in things if isinstance(thing, Tensor) for a in thing.nodes}
        self.found: dict[int, bool] = {}

    def below(self, address: int) -> bool:
        """Whether a node leads to what is wanted; a tensor's own node is not run for its sake."""
        if address not in self.found:
            self.found[address] = False
            node = self.m.state.heap.get(address)
            if isinstance(node, Node):
                further = (*node.inputs, *node.maybe)
                self.found[address] = (
                    bool((node.leaves | node.sources) & self.leaves)
                    or any(a in self.ends for a in further)
                    or any(self.below(a) for a in further)
                )
        return self.found[address]


def _wanted(m: Machine, inputs: list[Any], rest: bool) -> Wanted | None:
    """What is asked for, where every input is a tensor in view."""
    refs = [known(m, m.simplified(value)) for value in inputs]
    things = [m.get(ref) for ref in refs]
    if rest or not refs or not all(isinstance(thing, Tensor) and not thing.many for thing in things):
        return None
    return Wanted(m, refs)


class _Graph:
    """What a walk over the graph of a root finds: its nodes, what was freed and what was changed since it was saved."""

    def __init__(self, m: Machine, thing: Tensor, wanted: Wanted | None = None) -> None:
        self.wanted = wanted
        self.passed: set[int] = set()
        """Nodes that the walk may pass by, since nothing that is wanted lies below them."""
        self.nodes: list[int] = []
        self.freed: list[Place] = []
        self.earlier: list[TensorFact] = []
        self.modified: list[tuple[str, Place]] = []
        self.changed: list[TensorFact] = []
        self.hidden: list[tuple[str, Place]] = []
        self.some: set[int] = set()
        """Nodes that stand for several, of which the graph holds one, or some."""
        self.m = m
        certain = thing.sure and len(thing.nodes) == 1
        self._walk([(a, certain) for a in sorted(thing.nodes)])
        self._find_some(thing)

    def _find_some(self, thing: Tensor) -> None:
        """An operation on one item of a list leads to the nodes of one item, an operation on the list to those of all."""
        whole: set[int] = set()
        todo = [a for a in thing.nodes if not self.m.contexts.is_old(a)]
        while todo:
            address = todo.pop()
            node = self.m.state.heap.get(address)
            if address in whole or not isinstance(node, Node):
                continue
            whole.add(address)
            inside = self.m.contexts.is_old(address)
            todo += [a for a in node.inputs if inside or not self.m.contexts.is_old(a)]
            todo += node.maybe
        self.some = {a for a in self.nodes if a not in whole}

    def _walk(self, todo: list[tuple[int, bool]]) -> None:
        seen: dict[int, bool] = {}
        while todo and len(seen) < torch_cuts.MAX_WALK:
            address, certain = todo.pop()
            if seen.get(address) or address in seen and not certain:
                continue
            seen[address] = certain
            node = self.m.state.heap.get(address)
            if not isinstance(node, Node):
                continue
            self.nodes.append(address)
            if self.wanted is not None and not self.wanted.below(address):
                self.passed.add(address)
                certain = False
            if certain:
                self._look(node)
            stop = certain and self._is_freed(node)
            todo += [(a, certain and not stop) for a in sorted(node.inputs)]
            # Whichever of them it leads to, that one is freed.
            gone = certain and not stop and all(self._is_freed(self.m.state.heap.get(a)) for a in node.maybe)
            todo += [(a, gone) for a in sorted(node.maybe)]

    def _is_freed(self, node: Any) -> bool:
        return isinstance(node, Node) and node.keeps and is_true(self.m.simplified(node.freed))

    def _look(self, node: Node) -> None:
        m = self.m
        if node.keeps and is_true(m.simplified(node.freed)):
            place = m.place(node.freed_at)
            if place not in self.freed:
                self.freed.append(place)
                self.earlier.append(m.freed_roots.get(node.freed_at, TensorFact()))
            return
        for storage, version, hidden, name in node.saved:
            held = m.state.heap.get(storage)
            if not isinstance(held, Storage) or not held.exact or not held.writes:
                continue
            if held.version != version:
                seen = next((w for w, h in reversed(held.writes) if not h), 0)
                self.modified.append((name, m.place(seen)))
                self.changed.append(TensorFact(name, known=True))
            elif held.hidden != hidden:
                seen = next((w for w, h in reversed(held.writes) if h), 0)
                self.hidden.append((name, m.place(seen)))


def free(m: Machine, nodes: list[int], keep: Flag, here: int, some: Collection[int] = ()) -> None:
    """backward() without retain_graph frees what the graph saved. `some`: nodes that stand for more than it frees."""
    for address in nodes:
        node = m.state.heap.get(address)
        if isinstance(node, Node) and not is_true(node.freed):
            gone = negate(keep) if not any(t.value is None for t in leaves(keep)) and address not in some else UNKNOWN
            m.state.put(address, replace(node, freed=gone, freed_at=here))


LAYER_GRADS = ":gradients"
"""Attribute of a layer: whether the parameters in it that nobody has looked at have got gradients."""


def accumulate(m: Machine, thing: Tensor, ref: Ref, at: int, wanted: Wanted | None, create: Flag | None) -> None:
    """Leaves of the graph get a gradient, or those that are wanted. With `create` it may require grad itself."""
    from gradlint.analysis import torch_steps

    inference = m.simplified(m.state.mode.inference)
    sources = sources_of(m, ref, thing)
    torch_steps.graded(m, sources, is_vague(m, [ref]), at)
    for address in sorted(sources if wanted is None else sources & wanted.leaves):
        held = m.state.heap.get(address)
        if isinstance(held, Tensor) and isinstance(m.get(held.grad), Tensor):
            from gradlint.analysis.torch_inplace import changed

            # It adds while nothing is recorded; under create_graph it makes a new tensor.
            mode, m.state.mode = m.state.mode, replace(m.state.mode, grad=FALSE)
            changed(m, held.grad, [], at, "backward")
            m.state.mode = mode
            if m.dead():
                return
        elif isinstance(held, Tensor) and (held.grad is None or held.grad == NONE):
            plain = create is None or is_false(create)
            made = Tensor(
                rg=FALSE if plain else UNKNOWN,
                leaf=TRUE if plain else UNKNOWN,
                floating=TRUE,
                inference=inference,
                sure=plain,
                origin=m.origin("torch.Tensor.grad", at, (), FALSE),
            )
            storage = m.contexts.address(m.contexts.context_of(address), "gradstorage", address)
            m.state.alloc(storage, Storage())
            grad = m.contexts.address(m.contexts.context_of(address), "grad", address)
            m.state.put(address, replace(held, grad=m.state.alloc(grad, replace(made, storage=storage))))
        elif isinstance(held, Instance) and held.attrs.get(LAYER_GRADS) != TRUE:
            m.state.put(address, replace(held, attrs={**held.attrs, LAYER_GRADS: TRUE}))


def clear_grads(m: Machine, addresses: frozenset[int], at: int) -> None:
    """`zero_grad()`: gradients become None."""
    from gradlint.analysis import torch_steps

    torch_steps.cleared(m, addresses, at)
    for address in addresses:
        held = m.state.heap.get(address)
        if isinstance(held, Tensor) and held.grad is not None and held.grad != NONE:
            m.state.put(address, replace(held, grad=NONE))
        elif isinstance(held, Instance) and LAYER_GRADS in held.attrs:
            m.state.put(address, replace(held, attrs={**held.attrs, LAYER_GRADS: FALSE}))


def may_have_gradient(m: Machine, address: int) -> bool:
    """Whether a parameter, or one of those that a layer holds and nobody has looked at, has got a gradient on some path."""
    held = m.state.heap.get(address)
    if isinstance(held, Tensor):
        return held.grad is not None and any(leaf != NONE for leaf in leaves(m.simplified(held.grad)))
    given = m.simplified(held.attrs.get(LAYER_GRADS, FALSE)) if isinstance(held, Instance) else FALSE
    return any(leaf != FALSE for leaf in leaves(given))


# -- autograd.grad and autograd.backward


def grad(m: Machine, call: Call) -> Any:
    """`torch.autograd.grad(outputs, inputs, …)`."""
    outputs = _listed(m, call.arg(0, "outputs", NONE), call.at)
    inputs = _listed(m, call.arg(1, "inputs", NONE), call.at)
    create = _flag(m, call.arg(4, "create_graph")) or FALSE
    retain = _flag(m, call.arg(3, "retain_graph"))
    unused = either(_flag(m, call.arg(6, "allow_unused")) or FALSE, _flag(m, call.arg(8, "materialize_grads")) or FALSE)
    wanted = _wanted(m, inputs, call.rest)
    nodes: list[int] = []
    graphs: list[_Graph] = []
    for value in outputs:
        ref = as_tensor(m, m.simplified(value))
        thing = m.get(ref)
        if isinstance(thing, Tensor):
            found = _Graph(m, thing, wanted)
            graphs.append(found)
            nodes += found.nodes
            if not is_false(m.simplified(thing.rg)):
                torch_cuts.root(m, ref, call.at, is_true(create))  # type: ignore[arg-type]
    if _differentiated_again(m, [known(m, m.simplified(v)) for v in outputs], call.at):
        m.stop()
        return NONE
    m.event(
        events.GradCalled, call.at, outputs=tuple(_root_fact(m, v) for v in outputs), inputs=tuple(m.fact(v) for v in inputs),
        outside=tuple(_outside(m, outputs, v) for v in inputs), create_graph=is_true(create), allow_unused=not is_false(unused),
        has_gradient=m.simplified(call.arg(2, "grad_outputs", NONE)) != NONE,
        freed=tuple(p for g in graphs for p in g.freed), modified=tuple(p for g in graphs for p in g.modified),
        earlier=tuple(f for g in graphs for f in g.earlier), changed=tuple(f for g in graphs for f in g.changed),
    )  # fmt: skip
    m.may_raise()
    m.differentiations += 1
    for value in outputs:
        flag = rg_of(m, value)
        if is_false(flag) and not is_assumed_flag(flag):
            m.stop()
            return NONE
    keep = create if retain is None else retain
    if not is_true(keep):
        free(m, nodes, keep, m.here(call.at), {a for g in graphs for a in g.passed})
    return _gradients(m, call, outputs, inputs, create)


def _gradients(m: Machine, call: Call, outputs: list[Any], inputs: list[Any], create: Flag) -> Any:
    """The results of `autograd.grad`: one for each input, or any number where the inputs are not all known."""
    group = any(isinstance(v, Opaque) and torch_modules.is_parameter(v) for v in inputs)
    if call.rest or not inputs or group:
        made = _gradient(m, call, outputs, Opaque(("wide",)), create, 0, known_input=True)
        return m.alloc(call.at, Sequence("tuple", (), made), "grads")
    items = tuple(
        _gradient(
            m,
            call,
            outputs,
            value,
            create,
            number,
            known_input=isinstance(m.get(known(m, m.simplified(value))), Tensor),
        )
        for number, value in enumerate(inputs)
    )
    return m.alloc(call.at, Sequence("tuple", items), "grads")


def _gradient(
    m: Machine, call: Call, outputs: list[Any], value: Any, create: Flag, number: int, known_input: bool
) -> Ref:
    """One result of `autograd.grad`."""
    kept = any(_keeps(m, output) for output in outputs)
    rg: Flag = (LIKELY_TRUE if kept else UNKNOWN) if is_true(create) else FALSE if is_false(create) else UNKNOWN
    origin = m.origin("torch.autograd.grad", call.at, (*outputs, value), rg)
    below = frozenset().union(*(_below(m, o) for o in outputs)) if outputs else frozenset()
    lost: frozenset[int] = frozenset()
    if is_false(rg) and known_input and outputs and isinstance(m.get(outputs[0]), Tensor):
        lost = frozenset({torch_cuts.cut(m, "grad", "torch.autograd.grad", below, outputs[0], call.at)})
    nodes: frozenset[int] = frozenset()
    if is_true(create):
        # The gradient is computed from everything that the outputs were computed from.
        inputs_of = frozenset().union(*(_nodes(m, o) for o in outputs)) if outputs else frozenset()
        node = Node("torch.autograd.grad", inputs_of, sources=below, at=m.here(call.at))
        nodes = frozenset({m.alloc(call.at, node, f"gradnode{number}").addr})
    made = Tensor(rg=rg, leaf=negate(rg), floating=TRUE, nodes=nodes, sure=False, lost=lost, origin=origin)
    return m.tensor(call.at, made, f"grad{number}")


def _keeps(m: Machine, value: Any) -> bool:
    """Whether some operation in the graph of a value may keep a tensor, so that the derivative depends on one: that of sums
    and products with numbers is a constant, and does not require grad."""
    thing = m.get(known(m, m.simplified(value)))
    if not isinstance(thing, Tensor) or not thing.nodes or not thing.sure:
        return True
    nodes = [m.state.heap.get(address) for address in torch_cuts.reachable(m, thing)]
    return any(
        not isinstance(node, Node) or node.saved or node.vague or node.keeps and node.op.startswith("torch.nn.")
        for node in nodes
    )


def _nodes(m: Machine, value: Any) -> frozenset[int]:
    thing = m.get(known(m, m.simplified(value)))
    return thing.nodes if isinstance(thing, Tensor) else frozenset()


def _below(m: Machine, value: Any) -> frozenset[int]:
    ref = known(m, m.simplified(value))
    thing = m.get(ref)
    return sources_of(m, ref, thing) if isinstance(thing, Tensor) else frozenset()


def _listed(m: Machine, value: Any, at: int) -> list[Any]:
    value = m.simplified(value)
    thing = m.get(known(m, value))
    if isinstance(thing, Tensor):
        return [value]
    if isinstance(thing, (Sequence, Table)):
        items, rest = iterate(m, value, at)
        return [*items, *([] if rest is None else [rest])]
    return [] if value == NONE else [value]


def _outside(m: Machine, outputs: list[Any], value: Any) -> bool:
    """Whether the graph of the outputs is known whole and does not hold an input."""
    ref = known(m, m.simplified(value))
    thing = m.get(ref)
    if not isinstance(thing, Tensor) or thing.many:
        return False
    for output in outputs:
        root = m.get(known(m, m.simplified(output)))
        if not isinstance(root, Tensor) or not whole(m, root):
            return False
        held = torch_cuts.reachable(m, root)
        below = torch_cuts.identities(m, sources_of(m, known(m, m.simplified(output)), root))
        if thing.nodes & set(held) or m.contexts.identity(ref.addr) in below:
            return False
        own = known(m, m.simplified(output))
        if ref == own or own.addr in m.twins.get(ref.addr, ()):
            return False
    return True


def whole(m: Machine, root: Tensor) -> bool:
    """Whether every operand on the way to a tensor is known: nothing unknown takes part in its graph."""
    from gradlint.analysis.reasons import is_whole

    return root.sure and is_whole(root.origin)


def backward_function(m: Machine, call: Call) -> Any:
    """`torch.autograd.backward(tensors, grad_tensors, …)`."""
    return backward(m, _listed(m, call.arg(0, "tensors", NONE), call.at), call, "autograd")


# -- autograd.Function


def apply_function(m: Machine, cls: Ref, call: Call) -> Any:
    """`MyFunction.apply(...)`: forward runs with grad off; its results require grad where an argument does."""
    from gradlint.analysis.attributes import class_attr

    given = any_of(m, call.args)
    # Inference mode itself is not asked, only whether grad mode is on.
    flag = both(m.state.mode.grad, either(given, UNKNOWN) if call.rest else given)
    ctx = m.alloc(call.at, Instance(Extern("torch.autograd.FunctionCtx"), {}, complete=False), "ctx")
    forward = class_attr(m, cls, "forward", call.at)
    before = m.state.mode
    m.state.mode = Mode(FALSE, before.inference, (*before.stack, ("autograd.Function", m.here(call.at))))
    result = m.services["call"](m, forward, (ctx, *call.args), call.kwargs, call.at, call.rest)
    m.state.mode = before
    if m.dead():
        return NONE
    below = (
        frozenset().union(*(_below(m, v) for v in call.args if isinstance(known(m, v), (Ref, Opaque))))
        if call.args
        else frozenset()
    )
    if is_false(flag):
        # Nothing is recorded: a view that `forward` made is handed out as it is, anything else without a graph.
        arguments = {leaf for v in call.args for leaf in leaves(m.simplified(v))}
        return m.split(result, lambda leaf: _handed_out(m, leaf, arguments, below, call))
    return m.split(result, lambda leaf: _function_result(m, leaf, flag, below, call, _marked(m, ctx)))


def _handed_out(m: Machine, value: Any, arguments: set[Any], below: frozenset[int], call: Call) -> Any:
    """What is returned by `forward` where nothing is recorded: a view as it is, but of an argument another one."""
    thing = m.get(value)
    made = isinstance(thing, Tensor) and value not in arguments
    if isinstance(thing, Tensor) and made and thing.base != 0:
        return value
    result = _function_result(m, value, FALSE, below, call)
    if isinstance(thing, Tensor) and made and any(t.value is None for t in leaves(m.simplified(thing.rg))):
        m.put(result, replace(m.get(result), rg=UNKNOWN))  # type: ignore[arg-type]  # it may be a view
    return may_be(m, result, value) if made and isinstance(result, Ref) else result


MARKED = "_non_differentiable"


def _marked(m: Machine, ctx: Ref) -> frozenset[Any]:
    """What `forward` has said to have no derivative."""
    thing = m.get(ctx)
    held = m.get(thing.attrs.get(MARKED)) if isinstance(thing, Instance) else None
    items = held.items if isinstance(held, Sequence) else ()
    return frozenset(leaf for item in items for leaf in leaves(m.simplified(item)))


def _function_result(
    m: Machine,
    value: Any,
    flag: Flag,
    below: frozenset[int],
    call: Call,
    marked: frozenset[Any] = frozenset(),
    number: int = 0,
) -> Any:
    thing = m.get(value)
    if value in marked:
        flag = FALSE
    if isinstance(thing, Tensor):
        rg = both(flag, thing.floating) if not is_false(flag) else FALSE
        nodes: frozenset[int] = frozenset()
        if not is_false(rg):
            made = Node(
                "Function", frozenset().union(*(_nodes(m, v) for v in call.args)), sources=below, at=m.here(call.at)
            )
            nodes = frozenset({m.alloc(call.at, made, f"node{number}").addr})
        origin = m.origin("autograd.Function", call.at, call.args, rg)
        return m.tensor(
            call.at,
            replace(
                thing, rg=rg, leaf=negate(rg), nodes=nodes, sure=is_true(rg), lost=frozenset(), base=0, origin=origin
            ),
            f"out{number}",
        )
    if isinstance(thing, Sequence) and thing.exact:
        items = tuple(_function_result(m, item, flag, below, call, marked, n) for n, item in enumerate(thing.items))
        return m.alloc(call.at, replace(thing, items=items), "outs")
    if isinstance(value, Opaque) and value.kind != "number":
        belief = flag if not is_true(flag) else LIKELY_TRUE
        return m.opaque(call.at, belief, tag="out", origin=m.origin("autograd.Function", call.at, call.args, belief))
    return value


CTX_METHODS = frozenset(
    {"save_for_backward", "save_for_forward", "mark_dirty", "mark_non_differentiable", "set_materialize_grads"}
)


def ctx_attribute(m: Machine, ref: Any, name: str, at: int) -> Any:
    """`ctx.saved_tensors`: what forward saved, unknown to a backward that is run on its own."""
    if name == "saved_tensors":
        return Opaque(("attr", ("ref", getattr(ref, "addr", 0)), name), UNKNOWN, "tensors")
    return None


# -- checkpointing


def checkpoint(m: Machine, call: Call) -> Any:
    """`torch.utils.checkpoint.checkpoint(function, *args, use_reentrant=…)`."""
    func, args = call.arg(0, "function", NONE), call.args[1:]
    given = call.kwargs.get("use_reentrant")
    kwargs = {
        k: v
        for k, v in call.kwargs.items()
        if k not in ("use_reentrant", "preserve_rng_state", "context_fn", "determinism_check", "debug")
    }
    reentrant: Flag = TRUE if given is None or m.simplified(given) == NONE else truth_of(m, given)
    inputs = any_of(m, args)
    if is_false(reentrant):
        return m.services["call"](m, func, args, kwargs, call.at, call.rest)
    before = m.state.mode
    known_before = m.computed
    m.state.mode = before if not is_true(reentrant) else Mode(FALSE, before.inference, before.stack)
    quiet, m.quiet = m.quiet, m.quiet + 1
    result = m.services["call"](m, func, args, kwargs, call.at, call.rest)
    m.quiet = quiet
    m.state.mode = before
    if m.dead():
        return NONE
    m.event(
        events.CheckpointCalled, call.at, any_input=summary(inputs), reentrant=summary(reentrant),
        trainable=_trainable_in(m, func), explicit=given is not None, inputs=tuple(m.fact(v) for v in args if _is_tensor(m, v)),
    )  # fmt: skip
    _ = known_before
    below = frozenset().union(frozenset(), *(_below(m, v) for v in args))
    flag = both(m.state.mode.grad, inputs)
    return m.split(result, lambda leaf: _function_result(m, leaf, flag, below, call))


def _is_tensor(m: Machine, value: Any) -> bool:
    return isinstance(m.get(known(m, m.simplified(value))), Tensor) or isinstance(m.simplified(value), Opaque)


def _trainable_in(m: Machine, func: Any) -> Truth:
    """Whether the checkpointed function has parameters to train: those of the module that it is or belongs to."""
    from gradlint.analysis.values import Method

    func = m.simplified(func)
    ref = func.self if isinstance(func, Method) else func
    if torch_modules.is_module(m, ref):
        return summary(torch_modules.trainable(m, ref))
    return UNKNOWN


# -- torch.func and torch.autograd.functional


def transformed(m: Machine, call: Call) -> Any:
    """`torch.func.grad(f)`: a function that calls f."""
    from gradlint.analysis.values import Partial

    if not call.args:
        return m.opaque(call.at)
    return Partial(Extern(f"{call.name}()"), (call.args[0], Const(m.here(call.at))), ())


def call_transformed(m: Machine, call: Call) -> Any:
    """A call of what `transformed` made: f runs with grad on, whatever mode is outside (but vmap leaves the mode alone); a
    mode inside f is respected."""
    func, args = call.args[0], call.args[2:]
    name = call.name.removesuffix("()")
    short = name.rpartition(".")[2]
    before = m.state.mode
    if short != "vmap":
        m.state.mode = Mode(TRUE, FALSE, before.stack)
    given = args
    if short in FORWARD:
        given = tuple(_tracked(m, v, call.at, n) if _is_tensor(m, v) else v for n, v in enumerate(args))
    result = m.services["call"](m, func, given, call.kwargs, call.at, call.rest)
    m.state.mode = before
    if m.dead():
        return NONE
    if short in FORWARD:
        _report_forward(m, result, short, call)
    rg = FALSE if is_false(m.recording) else UNKNOWN
    return m.opaque(call.at, rg if short != "vmap" else rg_of(m, result), tag=short)


FORWARD = frozenset({"jacfwd", "jvp", "hessian"})


def _tracked(m: Machine, value: Any, at: int, number: int) -> Any:
    """The argument as forward mode sees it: something that derivatives flow from."""
    held = m.get(known(m, m.simplified(value)))
    origin = held.origin if isinstance(held, Tensor) else Origin("input")
    return m.tensor(
        at,
        Tensor(rg=TRUE, leaf=TRUE, floating=TRUE, sure=True, origin=replace(origin, requires_grad=True)),
        f"dual{number}",
    )


def _report_forward(m: Machine, result: Any, transform: str, call: Call) -> None:
    from gradlint.analysis.torch_values import tensors_in

    for ref in tensors_in(m, result):
        thing = m.get(ref)
        assert isinstance(thing, Tensor)
        for number in sorted(thing.lost):
            record = m.ledger.cuts[number - 1]
            if record.kind == "mode" and record.blamed:
                kind = record.mode.stack[-1][0].partition("(")[0].rpartition(".")[2] if record.mode.stack else "no_grad"
                m.emit_at(
                    events.ForwardModeDifferentiated,
                    record.blamed,
                    transform=transform,
                    kind=kind,
                    call=m.place(m.here(call.at)),
                )


def jvp(m: Machine, call: Call) -> Any:
    """`torch.func.jvp(f, primals, tangents)`."""
    primals = _listed(m, call.arg(1, "primals", NONE), call.at)
    inner = replace(
        call, name=f"{call.name}()", args=(call.arg(0, "func", NONE), Const(m.here(call.at)), *primals), kwargs={}
    )
    out = call_transformed(m, inner)
    return m.alloc(call.at, Sequence("tuple", (out, m.opaque(call.at, tag="tangent"))), "jvp")


def functional(m: Machine, call: Call) -> Any:
    """`torch.autograd.functional.jacobian(f, inputs)` and its like switch grad on themselves."""
    short = call.name.rpartition(".")[2]
    m.event(events.DerivativeInInference, call.at, function=short) if is_true(
        m.simplified(m.state.mode.inference)
    ) else None
    args = _listed(m, call.arg(1, "inputs", NONE), call.at)
    before = m.state.mode
    m.book.met |= {here for _, here in before.stack}  # it records, which inference mode does not allow
    m.state.mode = Mode(TRUE, before.inference, before.stack)
    given = tuple(_tracked(m, v, call.at, n) for n, v in enumerate(args))
    m.services["call"](m, call.arg(0, "func", NONE), given, {}, call.at, call.rest)
    m.state.mode = before
    if m.dead():
        return NONE
    create = _flag(m, call.kwargs.get("create_graph"))
    return m.opaque(call.at, LIKELY_FALSE if create is None or is_false(create) else UNKNOWN, tag=short)
