"""Modules: instances of `torch.nn` classes and of user classes derived from them.

An Instance that is a module holds its submodules and parameters as attributes. Besides these, under names that Python
code cannot write:

    ":own"       flag: whether those parameters of a torch layer require grad that nobody has looked at one by one yet
                 (they become tensors of the heap when their name is read); of a module of unknown class, all of them
    ":children"  a Sequence or Table with the children of a container
    ":hooks"     a list of forward hooks, ":pre" of forward pre-hooks
    ":inference" flag: whether its parameters are inference tensors, where it was built in inference mode

`parameters()` of more than a few layers is one value that stands for all of them (its symbol is ("params", addresses)):
what is done to it in a loop is done to each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradlint.analysis import layer_rows, torch_freezing
from gradlint.analysis.classes import externs, has_unknown_base
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.values import (
    FALSE,
    LIKELY_TRUE,
    NONE,
    TRUE,
    UNKNOWN,
    Class,
    Const,
    Extern,
    Flag,
    Instance,
    Node,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Storage,
    Symbol,
    Table,
    Tensor,
    Truth,
    either,
    is_false,
    leaves,
    summary,
)
from gradlint.findings import Origin
from gradlint.records import replace

OWN, CHILDREN, HOOKS, PRE, INFERENCE = ":own", ":children", ":hooks", ":pre", ":inference"
GIVEN = ":given."
"""Stands before the name of a constructor argument that has the name of a parameter: `bias`."""
MODULE = "torch.nn.Module"
CONTAINERS = frozenset({
    "torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.ParameterList", "torch.nn.ParameterDict",
})  # fmt: skip
WRAPPERS = frozenset({
    "torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel", "torch.nn.parallel.DataParallel",
    "torch.distributed.fsdp.FullyShardedDataParallel", "torch.optim.swa_utils.AveragedModel",
})  # fmt: skip
BASES = (
    MODULE, "pytorch_lightning.LightningModule", "transformers.PreTrainedModel", "torchvision.models.",
    "timm.", "torch_geometric.nn.", "diffusers.ModelMixin", "fairseq.models.", "keras.Model",
)  # fmt: skip
MAX_TREE = 400
UNROLLED = 8


def is_module_class(name: str) -> bool:
    """Whether an external class is an nn.Module, by its qualified name."""
    if name.startswith("torch.nn."):
        return layer_rows.exists(name) or name in CONTAINERS or name in WRAPPERS or name == MODULE
    return name.startswith(BASES[1:])


def is_module(m: Machine, value: Any) -> bool:
    """Whether a value is an instance of a module class."""
    thing = m.get(value)
    if not isinstance(thing, Instance):
        return False
    if OWN in thing.attrs:
        return True
    if isinstance(thing.cls, Extern):
        return is_module_class(thing.cls.name)
    return any(is_module_class(name) for name in externs(m, thing.cls))


def flag_in(value: Any) -> Flag:
    """A flag kept as an attribute; unknown where joining has made something else of it."""
    if value is None:
        return FALSE
    return value if all(isinstance(leaf, Truth) for leaf in leaves(value)) else UNKNOWN


# -- the tree


def children(m: Machine, ref: Any) -> list[tuple[str, Any]]:
    """Submodules and parameters registered on a module, by name."""
    thing = m.get(ref)
    if not isinstance(thing, Instance):
        return []
    found = [(name, value) for name, value in thing.attrs.items() if name[0] != ":" and registers(m, value)]
    held = m.get(thing.attrs.get(CHILDREN))
    if isinstance(held, Sequence):
        found += [(str(n), value) for n, value in enumerate(held.items)]
        found += [("", held.rest)] if held.rest is not None else []
    elif isinstance(held, Table):
        found += [(str(name), value) for name, value in held.entries.items()]
        found += [("", held.rest)] if held.rest is not None else []
    return found


def stored_modules(m: Machine, ref: Any) -> list[Any]:
    """The modules that are attributes of a module, in the order in which they were registered."""
    thing = m.get(ref)
    if not isinstance(thing, Instance):
        return []
    stored = (value for name, value in thing.attrs.items() if name[0] != ":" and registers(m, value))
    return [value for value in stored if not isinstance(m.get(value), Tensor)]


def registers(m: Machine, value: Any) -> bool:
    """Whether a module registers what is stored in it: a parameter, or another module."""
    for leaf in leaves(value) if isinstance(value, Phi) else (value,):
        thing = m.get(leaf)
        if isinstance(thing, Tensor) and thing.parameter or isinstance(thing, Instance) and is_module(m, leaf):
            return True
        if isinstance(leaf, Opaque) and leaf.kind == "module":
            return True
    return False


def tree(m: Machine, ref: Any) -> list[Ref]:
    """The modules below a module, itself first, each once."""
    found: dict[int, Ref] = {}
    todo = [ref]
    while todo and len(found) < MAX_TREE:
        value = todo.pop(0)
        for leaf in leaves(m.simplified(value)):
            leaf = _known(m, leaf)
            if isinstance(leaf, Ref) and leaf.addr not in found and is_module(m, leaf):
                found[leaf.addr] = leaf
                todo += [child for _, child in children(m, leaf)]
    return list(found.values())


def _known(m: Machine, value: Any) -> Any:
    if isinstance(value, Opaque) and value.kind == "module":
        from gradlint.analysis.torch_values import as_module

        return as_module(m, value) or value
    return value


def is_whole(m: Machine, ref: Any) -> bool:
    """Whether everything below a module is in view: no unknown part, no unknown class."""
    for one in tree(m, ref):
        thing = m.get(one)
        assert isinstance(thing, Instance)
        if not thing.complete or isinstance(thing.cls, (Opaque, Phi)) or has_unknown_base(m, thing.cls):
            return False
        if isinstance(thing.cls, Ref):
            if any(
                isinstance(leaf, Opaque) and leaf.kind != "number" for v in thing.attrs.values() for leaf in leaves(v)
            ):
                return False
        if any(isinstance(leaf, Opaque) for _, child in children(m, one) for leaf in leaves(child)):
            return False
    return True


def own_parameters(m: Machine, ref: Any) -> list[Ref]:
    """Parameters of one module that are tensors of the heap, children of containers included."""
    found = []
    for _, value in children(m, ref):
        for leaf in leaves(m.simplified(value)):
            thing = m.get(leaf)
            if isinstance(thing, Tensor) and thing.parameter:
                found.append(leaf)
    return found


def layer_name(m: Machine, thing: Instance) -> str:
    """The torch layer that a module is, or that its class derives from and has initialised; "" where there is none."""
    if isinstance(thing.cls, Extern):
        return thing.cls.name if layer_rows.layer(thing.cls.name) is not None else ""
    if OWN not in thing.attrs:
        return ""
    return next((name for name in externs(m, thing.cls) if layer_rows.layer(name) is not None), "")


def layer_names(m: Machine, thing: Instance) -> tuple[str, ...]:
    """Names of the parameters that a torch layer has, as built."""
    name = layer_name(m, thing)
    row = layer_rows.layer(name)
    if row is None:
        return ()
    given, default = options(m, thing), layer_rows.defaults(name)
    return tuple(n for n, _ in row.parameters if layer_rows.has_parameter(row, n, given, default))


def options(m: Machine, thing: Instance) -> dict[str, Any]:
    """What a layer was built with: constants where they are known, UNSEEN where they are not."""
    row = layer_rows.layer(layer_name(m, thing))
    found = {}
    for key in row.arguments if row is not None else ():
        given = thing.attrs.get(GIVEN + key, thing.attrs.get(key))
        if given is not None:
            value = m.simplified(given)
            found[key] = value.value if isinstance(value, Const) else layer_rows.UNSEEN
    return found


def layer_attributes(m: Machine, name: str, call: Call) -> dict[str, Any]:
    """What the constructor of a torch layer leaves on the module: its arguments, and whether it has parameters."""
    row = layer_rows.layer(name)
    attrs: dict[str, Any] = {}
    if row is not None:
        given = {**dict(zip(row.arguments, call.args)), **call.kwargs}
        if call.rest:
            given.update((key, m.opaque(call.at, tag=key)) for key in row.arguments if key not in given)
        own = {parameter for parameter, _ in row.parameters}
        attrs.update((GIVEN + key if key in own else key, value) for key, value in given.items())
    if row is None or row.has_children or layer_names(m, Instance(Extern(name), attrs)):
        attrs[OWN] = TRUE if row is not None else LIKELY_TRUE
        if m.state.mode.inference != FALSE:
            attrs[INFERENCE] = m.state.mode.inference
    return attrs


def has_rest(m: Machine, thing: Instance) -> bool:
    """Whether ":own" still stands for a parameter that is not on the heap."""
    if OWN not in thing.attrs:
        return False
    names = layer_names(m, thing)
    return not names or any(name not in thing.attrs for name in names)


def trainable(m: Machine, ref: Any) -> Flag:
    """Whether any parameter below a module requires grad."""
    flag: Flag = FALSE
    for one in tree(m, ref):
        thing = m.get(one)
        assert isinstance(thing, Instance)
        if has_rest(m, thing):
            flag = either(flag, m.simplified(flag_in(thing.attrs[OWN])))
        for parameter in own_parameters(m, one):
            held = m.get(parameter)
            assert isinstance(held, Tensor)
            flag = either(flag, m.simplified(held.rg))
        if is_false(flag) and not thing.complete and isinstance(thing.cls, Ref) and has_unknown_base(m, thing.cls):
            flag = either(flag, UNKNOWN)
    return flag


def sources(m: Machine, ref: Any) -> frozenset[int]:
    """Addresses that stand for the parameters below a module which may require grad: tensors, and layers for the
    parameters that nobody has looked at."""
    found: set[int] = set()
    for one in tree(m, ref):
        thing = m.get(one)
        assert isinstance(thing, Instance)
        if has_rest(m, thing) and not is_false(m.simplified(flag_in(thing.attrs[OWN]))):
            found.add(one.addr)
        for parameter in own_parameters(m, one):
            held = m.get(parameter)
            if isinstance(held, Tensor) and not is_false(m.simplified(held.rg)):
                found.add(parameter.addr)
    return frozenset(found)


# -- making


def initial_attributes(m: Machine, at: int) -> dict[str, Any]:
    return {"training": Const(True)}


def make_layer(m: Machine, call: Call) -> Any:
    """`torch.nn.Linear(3, 4)`: constructor arguments are kept as attributes."""
    name = call.name
    m.touched += 1
    if name in CONTAINERS:
        return container(
            m, m.alloc(call.at, Instance(Extern(name), initial_attributes(m, call.at)), "module"), name, call
        )
    attrs = initial_attributes(m, call.at) | layer_attributes(m, name, call)
    thing = Instance(Extern(name), attrs)
    if name in WRAPPERS:
        attrs.pop(OWN, None)
        attrs["module"] = call.arg(0, "module", NONE)
    for key, value in list(attrs.items()):
        if key[0] != ":" and isinstance(m.get(value), Instance) and is_module(m, value) and name not in WRAPPERS:
            attrs.setdefault(CHILDREN, m.alloc(call.at, Sequence("list", (), value), "children"))
    return m.alloc(call.at, replace(thing, attrs=attrs), "module")


def container(m: Machine, ref: Ref, name: str, call: Call) -> Ref:
    """Fill a container from its arguments."""
    held: Any
    short = name.rpartition(".")[2]
    if short == "Sequential":
        first = m.get(m.simplified(call.args[0])) if len(call.args) == 1 else None
        held = first if isinstance(first, Table) else Sequence("list", tuple(call.args))
        if call.rest:
            held = Sequence("list", (), anonymous([*call.args, m.opaque(call.at, kind="module", tag="layer")]))
    elif short in ("ModuleDict", "ParameterDict"):
        first = m.get(m.simplified(call.args[0])) if call.args else None
        held = first if isinstance(first, Table) else Table({}, m.opaque(call.at, tag="entry") if call.args else None)
    else:
        from gradlint.analysis.iteration import iterate

        items, rest = iterate(m, m.simplified(call.args[0]), call.at) if call.args else ([], None)
        held = Sequence("list", tuple(items), rest)
        if short == "ParameterList":
            held = replace(held, items=tuple(as_parameter(m, v, call.at, f"p{n}") for n, v in enumerate(held.items)))
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    m.put(ref, replace(thing, attrs={**thing.attrs, CHILDREN: m.alloc(call.at, replace(held, many=False), "children")}))
    return ref


def as_parameter(m: Machine, value: Any, at: int, tag: str = "") -> Any:
    """What `nn.Parameter(value)` gives; a parameter itself."""
    thing = m.get(value)
    if isinstance(thing, Tensor) and thing.parameter:
        return value
    return m.services["call"](m, Extern("torch.nn.Parameter"), (value,), {}, at, False)


def materialise(m: Machine, ref: Ref, name: str) -> Any:
    """The parameter `name` of a torch layer as a tensor of the heap; None where the layer has none of that name."""
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    row = layer_rows.layer(layer_name(m, thing))
    if row is None:
        return None
    if name not in layer_names(m, thing):
        return NONE if any(name == n for n, _ in row.parameters) else None
    flag = m.simplified(flag_in(thing.attrs.get(OWN, FALSE)))
    address = m.contexts.address(m.contexts.context_of(ref.addr), "param", ref.addr, name)
    if name.startswith("weight"):
        storage = layer_storage(m, ref.addr)
    else:
        storage = m.contexts.address(m.contexts.context_of(address), "storage", address)
        m.state.alloc(storage, Storage())
    made = parameter_tensor(m, flag, address, name, thing.many, storage, flag_in(thing.attrs.get(INFERENCE)))
    m.put(ref, replace(m.get(ref), attrs={**thing.attrs, name: made}))  # type: ignore[arg-type]
    return made


def layer_storage(m: Machine, address: int) -> int:
    """The storage of a layer's weight, whether that is on the heap or not."""
    storage = m.contexts.address(m.contexts.context_of(address), "layerstorage", address)
    if storage not in m.state.heap:
        m.state.alloc(storage, Storage())
    return storage


def parameter_tensor(
    m: Machine, flag: Flag, address: int, name: str, many: bool, storage: int, inference: Flag = FALSE
) -> Ref:
    """A parameter at an address of its own."""
    origin = Origin("parameter", name=name, requires_grad=None if isinstance(flag, Phi) else flag.value)
    made = Tensor(
        rg=flag, leaf=TRUE, floating=TRUE, inference=inference, plain=UNKNOWN, storage=storage, sure=True,
        parameter=True, many=many,
        origin=origin,
    )  # fmt: skip
    return m.state.alloc(address, made)


# -- parameters(), modules() and what is done to all of them


def group(kind: str, addresses: Iterable[int]) -> Symbol:
    return (kind, tuple(sorted(addresses)))


def members(symbol: Symbol) -> tuple[str, tuple[int, ...]] | None:
    """("params" or "modules", addresses) of the group that an unknown value stands for, every one of them; None for any
    other, or for a part of a group."""
    while symbol and symbol[0] in ("new", "old"):
        if symbol[0] == "old":
            symbol = symbol[1]
        elif len(symbol) > 4 and symbol[3] == "item" and isinstance(symbol[4], tuple):
            symbol = symbol[4]
        else:
            return None
    return symbol if symbol and symbol[0] in ("params", "modules") else None


def stand_in(m: Machine, value: Any, at: int) -> Any:
    """For an unknown value that is one of a group of parameters, a tensor that stands for it in one operation: its graph
    leads to all of the group. Any other value as it is."""
    if type(value) is not Opaque:
        return value
    found = _parameters_meant(value.symbol)
    if found is None:
        return value
    addresses, whole = found
    node = Node("parameter", leaves=frozenset(addresses), sources=frozenset(addresses), vague=not whole, at=m.here(at))
    rg = FALSE if _all_frozen(m, addresses) else m.simplified(value.rg)
    origin = value.origin or Origin("parameter", requires_grad=summary(rg).value)
    storage = m.new_storage(at, "parameter")
    return m.tensor(at, Tensor(
        rg=rg, leaf=TRUE, floating=TRUE, storage=storage, nodes=frozenset({m.alloc(at, node, "parameters").addr}),
        sure=True, parameter=True, many=True, origin=origin,
    ), "parameter")  # fmt: skip


def _all_frozen(m: Machine, addresses: tuple[int, ...]) -> bool:
    """Whether none of a group of parameters requires grad by now, whatever was believed when one of them was bound."""
    things = [m.state.heap.get(address) for address in addresses]
    return bool(things) and all(is_false(m.simplified(_flag_of(thing))) for thing in things)


def _flag_of(thing: Any) -> Flag:
    """The flag of a parameter, or that which stands for those of a layer."""
    if isinstance(thing, Tensor):
        return thing.rg
    return flag_in(thing.attrs.get(OWN)) if isinstance(thing, Instance) else UNKNOWN


def is_parameter(value: Opaque) -> bool:
    """Whether an unknown value is one of a group of parameters."""
    return _parameters_meant(value.symbol) is not None


def _parameters_meant(symbol: Any) -> tuple[tuple[int, ...], bool] | None:
    """The addresses of the group of parameters that a value is one of, and whether they are all known."""
    if symbol[0] == "some":
        symbol = symbol[1]
    found = members(symbol)
    if found is not None:
        return (found[1], True) if found[0] == "params" else None
    address = _of_unknown_module(symbol)
    return ((address,), False) if address else None


def _of_unknown_module(symbol: Any) -> int:
    """The address of the module of unknown class whose parameters are meant; 0 for anything else."""
    while isinstance(symbol, tuple) and symbol:
        if symbol[0] == "unknown-params":
            return int(symbol[1])
        if symbol[0] in ("item", "old"):
            symbol = symbol[1]
        elif symbol[0] == "new" and len(symbol) > 4 and symbol[3] == "item":
            symbol = symbol[4]
        else:
            return 0
    return 0


def part_of(value: Any) -> Any:
    """Some of a group: an item picked out of it, a slice of it."""
    if isinstance(value, Phi):
        return Phi(value.cond, part_of(value.then), part_of(value.other))
    if isinstance(value, Opaque) and members(value.symbol):
        return replace(value, symbol=("some", value.symbol))
    return value


def parameters(m: Machine, ref: Any, at: int, *, recurse: bool = True) -> tuple[list[tuple[str, Any]], Any]:
    """The parameters below a module: those on the heap by name, and one value for all others (None where none are)."""
    known: list[tuple[str, Any]] = []
    rest: list[int] = []
    flag: Flag | None = None
    for one in tree(m, ref) if recurse else [ref]:
        thing = m.get(one)
        assert isinstance(thing, Instance)
        if has_rest(m, thing):
            mine = m.simplified(flag_in(thing.attrs[OWN]))
            names = layer_names(m, thing)
            if one.addr == getattr(ref, "addr", 0) and names:
                for name in names:
                    if name not in thing.attrs:
                        materialise(m, one, name)
            else:
                rest.append(one.addr)
                flag = mine if flag is None else mine if flag == mine else _mixed(flag, mine)
        for name, value in children(m, one):
            for leaf in leaves(m.simplified(value)):
                held = m.get(leaf)
                if isinstance(held, Tensor) and held.parameter and (name, leaf) not in known:
                    known.append((name, leaf))
    if len(known) > 24:
        tensors = [m.get(leaf) for _, leaf in known]
        for tensor in tensors:
            assert isinstance(tensor, Tensor)
            mine = m.simplified(tensor.rg)
            flag = mine if flag is None or flag == mine else _mixed(flag, mine)
        rest += [leaf.addr for _, leaf in known]
        known = []
    if not rest and not is_whole(m, ref):
        return known, Opaque(
            ("attr", ("ref", getattr(ref, "addr", 0)), "parameters"), LIKELY_TRUE, "", Origin("parameter")
        )
    if not rest:
        return known, None
    return known, Opaque(group("params", rest), flag or UNKNOWN, "", Origin("parameter", requires_grad=None))


def _mixed(a: Flag, b: Flag) -> Flag:
    from gradlint.analysis.values import join_truths

    return join_truths([*leaves(a), *leaves(b)])


def set_all(m: Machine, addresses: Iterable[int], flag: Flag, at: int = 0) -> None:
    """`requires_grad` of every parameter in a group: of tensors, and of what layers hold (not of their submodules). `at`:
    where this is asked for."""
    addresses = list(addresses)
    torch_freezing.flags_set(m, addresses, flag, at)
    for address in addresses:
        thing = m.state.heap.get(address)
        if isinstance(thing, Tensor):
            rg = flag if not thing.many else thing.rg if thing.rg == flag else UNKNOWN
            origin = replace(thing.origin, requires_grad=rg.value if isinstance(rg, Truth) else None)
            m.state.put(address, replace(thing, rg=rg, origin=origin))
        elif isinstance(thing, Instance) and OWN in thing.attrs:
            m.state.put(address, replace(thing, attrs={**thing.attrs, OWN: flag}))


def freeze(m: Machine, ref: Any, flag: Flag, at: int = 0) -> None:
    """`module.requires_grad_(flag)`."""
    for one in tree(m, ref):
        set_all(m, [one.addr, *(p.addr for p in own_parameters(m, one))], flag, at)


def freeze_through(m: Machine, obj: Opaque, flag: Flag, at: int = 0) -> bool:
    """`p.requires_grad = flag` where `p` stands for a group of parameters; False where it does not."""
    if obj.symbol[0] == "some":
        whole = members(obj.symbol[1])
        if whole is not None:
            set_all(m, whole[1], UNKNOWN, at)
            return True
    found = members(obj.symbol)
    if found is None:
        return _through_unknown_module(m, obj.symbol, flag)
    if found[0] == "params":
        set_all(m, found[1], flag, at)
    else:
        for address in found[1]:
            freeze(m, Ref(address), flag, at)
    return True


def _through_unknown_module(m: Machine, symbol: Any, flag: Flag) -> bool:
    """`for p in model.parameters(): p.requires_grad = flag` over a module of unknown class."""
    if not isinstance(symbol, tuple) or not symbol:
        return False
    if symbol[0] == "unknown-params":
        freeze(m, Ref(symbol[1]), flag)
        return True
    return any(_through_unknown_module(m, part, flag) for part in symbol[1:] if isinstance(part, tuple))


def set_training(m: Machine, ref: Any, value: Any) -> None:
    """`train()` and `eval()`: the flag of every module below."""
    for one in tree(m, ref):
        thing = m.get(one)
        if isinstance(thing, Instance) and thing.attrs.get("training") != value:
            m.put(one, replace(thing, attrs={**thing.attrs, "training": value}))


def all_modules(m: Machine, refs: list[Any], at: int) -> Any:
    """A list of modules: themselves where they are few, one value for all where they are many."""
    if len(refs) <= UNROLLED:
        return m.alloc(at, Sequence("iterator", tuple(refs)), "modules")
    addresses = [r.addr for r in refs if isinstance(r, Ref)]
    flag: Flag = UNKNOWN
    return m.alloc(at, Sequence("iterator", (), Opaque(group("modules", addresses), flag, "module")), "modules")


__all__ = [
    "Class",
    "LIKELY_TRUE",
    "NONE",
    "Symbol",
    "children",
    "container",
    "freeze",
    "freeze_through",
    "is_module",
    "make_layer",
    "materialise",
]
