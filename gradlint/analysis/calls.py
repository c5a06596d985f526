"""Calls of every kind of value: functions of the project, classes, bound methods, externs, unknowns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradlint.analysis import attributes, classes, contexts, torch_advice
from gradlint.analysis.garbage import sweep
from gradlint.analysis.machine import MAX_DEPTH, Activation, Call, Exits, Machine, join_all
from gradlint.analysis.operators import symbol_of
from gradlint.analysis.state import Mark
from gradlint.analysis.values import (
    LIKELY_FALSE,
    NONE,
    UNKNOWN,
    Builtin,
    Class,
    Const,
    Context,
    Descriptor,
    Extern,
    Flag,
    Frame,
    Func,
    Generator,
    Instance,
    Method,
    Moded,
    Opaque,
    Partial,
    Phi,
    Ref,
    Sequence,
    Table,
    Tensor,
    is_false,
    is_true,
)
from gradlint.records import replace
from gradlint.syntax import ir

MAX_RECURSION = 3
FORWARD = "forward"


def call(m: Machine, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], at: int, rest: Any = False) -> Any:
    """The value of calling `func`; effects happen in the machine's state."""
    m.step()
    return m.split(func, lambda leaf: _call(m, leaf, args, kwargs, at, rest))


def _call(m: Machine, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], at: int, rest: Any) -> Any:
    kind = type(func)
    if kind is Extern:
        if func.name not in contexts.KINDS:
            m.may_raise()
        return call_extern(m, Call(func.name, args, kwargs, at, rest))
    if kind is Method:
        return call(m, func.func, (func.self, *args), kwargs, at, rest)
    if kind is Func:
        return call_function(m, func, args, kwargs, at, rest)
    if kind is Builtin:
        if not _never_raises(m, func, args, kwargs):
            m.may_raise()
        return attributes.call_builtin(m, func, Call(func.name, args, kwargs, at, rest, func.self))
    if kind is Partial:
        return call(m, func.func, (*func.args, *args), {**dict(func.kwargs), **kwargs}, at, rest)
    if kind is Moded:
        return _call_moded(m, func, args, kwargs, at, rest)
    if kind is Descriptor:
        return _call_descriptor(m, func, args, kwargs, at, rest)
    thing = m.get(func)
    if isinstance(thing, Class):
        return instantiate(m, func, args, kwargs, at, rest)
    if isinstance(thing, Generator) and thing.kind == "contextmanager" and len(args) == 1:
        return Partial(Extern("contextlib.ContextDecorator()"), (func, args[0]), ())
    if isinstance(thing, Context):
        return contexts.call_context(m, func, Call("", args, kwargs, at, rest))
    if isinstance(thing, Instance):
        return call_instance(m, func, args, kwargs, at, rest)
    return call_unknown(m, func, args, kwargs, at)


def _never_raises(m: Machine, func: Builtin, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a method of a tensor works whatever the shapes are."""
    thing = m.get(func.self)
    if not isinstance(thing, Tensor) or args or kwargs:
        return False
    if func.name == "requires_grad_":
        return is_true(thing.floating) and is_false(thing.inference)
    return func.name in ("detach", "clone", "dim", "numel", "size")


def call_extern(m: Machine, call_: Call) -> Any:
    """A function or class that lives outside the project."""
    kind = contexts.KINDS.get(call_.name)
    if kind:
        return contexts.make(m, kind, call_)
    if call_.name.startswith("torch."):
        from gradlint.analysis import torch_models

        return torch_models.call_extern(m, call_)
    from gradlint.analysis import python_functions

    return python_functions.call_extern(m, call_)


def _call_moded(m: Machine, func: Moded, args: Any, kwargs: Any, at: int, rest: Any) -> Any:
    target = classes.underlying(func)
    if target is not None and target.code.made.is_generator and not isinstance(func.func, Descriptor):
        made = call(m, func.func, args, kwargs, at, rest)
        thing = m.get(made)
        if isinstance(thing, Generator):
            # The decorator enters its mode each time that the generator is resumed, never between.
            m.put(made, replace(thing, mode=func.mode))
        return made
    name = target.code.name if target is not None else ""
    return contexts.under(m, func.mode, lambda: call(m, func.func, args, kwargs, at, rest), at, name)


def _call_descriptor(m: Machine, func: Descriptor, args: Any, kwargs: Any, at: int, rest: Any) -> Any:
    made = call(m, func.func, args, kwargs, at, rest)
    thing = m.get(made)
    if func.kind == "contextmanager" and isinstance(thing, Generator):
        m.put(made, replace(thing, kind="contextmanager"))
    return made


def call_unknown(m: Machine, func: Any, args: Iterable[Any], kwargs: dict[str, Any], at: int) -> Any:
    """A call of something unknown: it may keep or change what it is given, its result is unknown."""
    m.may_raise()
    # Methods of numbers, strings and arrays have nothing to do with tensors.
    m.unseen += not (isinstance(func, Opaque) and func.kind in ("number", "array"))
    values = (*args, *kwargs.values())
    if isinstance(func, Opaque):
        from gradlint.analysis import torch_models

        if func.kind in ("", "module") and not m.quiet:
            m.ways[-1].open.add(str(func.symbol[2]) if func.symbol[0] == "attr" else FORWARD)
            if any(not isinstance(value, Const) for value in values):
                m.ways[-1].open.add(FORWARD)  # what is called may be a module
        made = torch_models.call_opaque(m, func, Call("", tuple(args), kwargs, at))
        if made is not None:
            for value in values:
                if isinstance(value, (Func, Method, Moded, Partial)):
                    _called_later(m, value)
            return made
    escape(m, values)
    return m.opaque(at, unknown_result(m), tag="call", origin=m.origin("unknown", at, values))


def unknown_result(m: Machine) -> Flag:
    """What is believed of a tensor that an unknown call returns: nothing is recorded where grad is off (that an
    unknown call does not switch it on is an assumption)."""
    return LIKELY_FALSE if is_false(m.recording) else UNKNOWN


def escape(m: Machine, values: Iterable[Any]) -> None:
    """Unknown code gets hold of these values: lists may grow, flags may be set; what was certain becomes likely."""
    values = tuple(values)
    torch_advice.handed_on(m, values)
    for value in values:
        for leaf in _leaves(m, value):
            thing = m.get(leaf)
            if isinstance(thing, Tensor):
                torch_advice.meets(m, thing)
                if not is_assumed_tensor(thing):
                    m.put(leaf, replace(thing, rg=_likely(thing.rg), sure=False))
            elif isinstance(thing, Sequence) and thing.kind == "list" and thing.exact:
                from gradlint.analysis.joins import anonymous

                m.put(leaf, Sequence("list", (), anonymous([*thing.items, Opaque(("wide",))]), thing.many))
            elif isinstance(thing, Table) and thing.rest is None:
                m.put(leaf, replace(thing, rest=Opaque(("wide",)), last=None))
            elif isinstance(leaf, (Func, Method, Moded, Partial)):
                _called_later(m, leaf)
        torch_watch_escaped(m, value)


def torch_watch_escaped(m: Machine, value: Any) -> None:
    from gradlint.analysis import torch_watch

    torch_watch.escaped(m, value)


def is_assumed_tensor(thing: Tensor) -> bool:
    from gradlint.analysis.values import is_assumed

    return is_assumed(thing.rg)


def _likely(flag: Flag) -> Flag:
    from gradlint.analysis.values import lift

    return lift(lambda t: t.likely(), flag)


def _leaves(m: Machine, value: Any) -> Iterable[Any]:
    from gradlint.analysis.values import leaves

    return leaves(m.simplified(value))


def _called_later(m: Machine, func: Any) -> None:
    """A callback handed to unknown code is run as an entry point, if at all: nothing says when and how it is called."""
    from gradlint.analysis import callbacks

    callbacks.kept(m, func, lambda leaf: escape(m, (leaf,)))


def call_function(m: Machine, func: Func, args: tuple[Any, ...], kwargs: dict[str, Any], at: int, rest: Any) -> Any:
    """Follow a function of the project into its body."""
    m.step(4)
    m.called.add(func.key)
    if not is_false(m.recording):
        m.called_recording.add(func.key)
    if not m.quiet:
        m.ways[-1].calls.add(func.key)
    same = sum(1 for a in m.stack if a.code is func.code)
    if len(m.stack) >= MAX_DEPTH or same >= MAX_RECURSION:
        m.cut(
            at,
            f"calls nest too deep at `{func.code.qualname}`"
            if same < MAX_RECURSION
            else f"`{func.code.qualname}` calls itself",
        )
        escape(m, (*args, *kwargs.values()))
        return m.opaque(at, unknown_result(m), tag="deep")
    site = m.here(at)
    with m.within((site, func.key)) as context:
        m.contexts.calls(context, site, func.code.name == "__init__")
        address = m.contexts.address(m.context, 0, "frame", func.frame)
        frame = Frame(bind_arguments(m, func, args, kwargs, at, rest), func.frame, func.module)
        if address in m.state.heap:
            m.state.drop(address)
        m.state.alloc(address, frame)
        code = func.code
        mark = m.state.mark()
        if code.made.is_generator or code.is_async:
            kind = ("asyncgen" if code.made.is_generator else "coroutine") if code.is_async else "generator"
            mode = m.state.mode
            m.deferred += 1
            # In a loop the one that this call made before is dropped.
            contexts.dropped(m, Ref(m.contexts.address(m.context, site, "generator")))
            return m.alloc(
                at, Generator(kind, func, address, made_mode=(mode.grad, mode.inference), at=site), "generator"
            )
        receiver = args[0] if args else None
        if m.patient:
            from gradlint.analysis import patience

            given = (*args, *kwargs.values())
            result = patience.followed(m, func, given, at, lambda: run_body(m, func, address, receiver, site))
        else:
            result = run_body(m, func, address, receiver, site)
        if not m.dead():
            _drop_locals(m, address, result)
            _forget_callee(m, mark, result)
        return result


def _drop_locals(m: Machine, frame: int, result: Any) -> None:
    """Generators that only the ended function held are collected."""
    held = m.state.heap.get(frame)
    for value in held.names.values() if isinstance(held, Frame) else ():
        if type(value) in (Ref, Phi) and value != result:
            contexts.dropped(m, value)


MANY_CHANGES = 24


def _forget_callee(m: Machine, mark: Mark, result: Any) -> None:
    """What a call made and nobody can reach any more goes with it."""
    changed = m.state.changed_after(mark)
    if changed is None or len(changed) < MANY_CHANGES:
        return
    contexts, context, heap = m.contexts, m.context, m.state.heap
    young = {a for a in changed if a in heap and contexts.below(contexts.context_of(a), context)}
    sweep(m.state, young, [result, *(heap[a] for a in changed if a not in young and a in heap)])


def unit_of(func: Func) -> int:
    return func.key[0]


def run_body(m: Machine, func: Func, frame: int, receiver: Any, site: int, decorated: str = "") -> Any:
    """Run a function's body in its frame: joins all its ways out, and gives what it returns."""
    from gradlint.analysis.statements import run_block

    entry = m.state.mode
    act = Activation(
        frame, unit_of(func), func.code, func.owner, receiver, entry, m.state.facts, m.context, site=site, loops=len(m.rounds),
        decorated=decorated, decorated_at=m.decorator,
    )  # fmt: skip
    m.decorator = 0
    m.stack.append(act)
    outer, m.exits = m.exits, Exits()
    slot = m.contexts.address(m.context, 0, "return")
    try:
        run_block(m, func.code.body)
        exits = m.exits
        ends = [_with_result(state, slot, value) for state, value in exits.returns]
        if not m.dead():
            ends.append(_with_result(m.state, slot, NONE))
        from gradlint.analysis.leaks import function_ended

        m.state = join_all(ends) if ends else m.state
        function_ended(m, act, exits, ends)
    finally:
        m.stack.pop()
        outer.raises += m.exits.raises
        m.exits = outer
    if m.dead():
        return NONE
    held = m.state.heap.get(slot)
    assert isinstance(held, Frame)
    m.state.drop(slot)
    return held.names["value"]


def run_generator_body(m: Machine, thing: Generator, consume: Any, consumer: tuple[Any, int, Exits]) -> Any:
    """Run the body of a generator function in its frame, handing each yielded value to `consume`, which runs in the
    consumer's activations, context and ways out."""
    from gradlint.analysis.statements import run_block

    func = classes.underlying(thing.func)
    assert func is not None
    stack, context, outer = consumer

    def resume(value: Any) -> Any:
        mine = m.stack, m.context, m.exits
        m.stack, m.context, m.exits = stack, context, outer
        try:
            return consume(value)
        finally:
            m.stack, m.context, m.exits = mine
            m.exits.raises += m.thrown
            m.thrown = []

    names = m.state.heap.get(thing.frame)
    first = func.code.params[0].name if func.code.params else ""
    receiver = names.names.get(first) if isinstance(names, Frame) else None
    act = Activation(
        thing.frame,
        unit_of(func),
        func.code,
        func.owner,
        receiver,
        m.state.mode,
        m.state.facts,
        m.context,
        site=thing.at,
        loops=len(m.rounds),
        on_yield=resume,
    )
    m.stack = [*stack, act]
    m.exits = Exits()
    slot = m.contexts.address(m.context, 0, "return")
    try:
        run_block(m, func.code.body)
        exits = m.exits
        ends = [_with_result(state, slot, value) for state, value in exits.returns]
        if not m.dead():
            ends.append(_with_result(m.state, slot, NONE))
        from gradlint.analysis.leaks import function_ended

        m.state = join_all(ends) if ends else m.state
        function_ended(m, act, exits, ends)
    finally:
        outer.raises += m.exits.raises
        m.stack, m.exits = stack, outer
    if m.dead():
        return NONE
    held = m.state.heap.get(slot)
    assert isinstance(held, Frame)
    m.state.drop(slot)
    return held.names["value"]


def _with_result(state: Any, slot: int, value: Any) -> Any:
    state = state.fork()
    state.put(slot, Frame({"value": value}))
    return state


def bind_arguments(
    m: Machine, func: Func, args: tuple[Any, ...], kwargs: dict[str, Any], at: int, rest: Any
) -> dict[str, Any]:
    """Parameter names with their values, by Python's rules; what cannot be known is an unknown parameter."""
    names: dict[str, Any] = {}
    left, named = list(args), dict(kwargs)
    defaults = dict(func.defaults)
    for param in func.code.params:
        if param.kind in ("positional", "normal"):
            if left:
                names[param.name] = left.pop(0)
            elif param.name in named and param.kind == "normal":
                names[param.name] = named.pop(param.name)
            elif param.name in defaults and not rest:
                names[param.name] = defaults[param.name]
            else:
                names[param.name] = parameter(m, func, param)
        elif param.kind == "star":
            unknown = parameter(m, func, param) if rest else None
            names[param.name] = m.alloc(
                param.at or at, Sequence("tuple", () if rest else tuple(left), unknown), param.name
            )
            left = []
        elif param.kind == "keyword":
            if param.name in named:
                names[param.name] = named.pop(param.name)
            elif param.name in defaults and not rest:
                names[param.name] = defaults[param.name]
            else:
                names[param.name] = parameter(m, func, param)
        elif param.kind == "starstar":
            table = Table(dict(named), parameter(m, func, param) if rest else None)
            names[param.name] = m.alloc(param.at or at, table, param.name)
    return names


def parameter(m: Machine, func: Func, param: ir.Param) -> Opaque:
    """What a parameter holds that nobody in view gives a value."""
    return Opaque(("param", func.key, m.context, param.name), origin=m.origin("input", param.at))


def instantiate(m: Machine, ref: Ref, args: tuple[Any, ...], kwargs: dict[str, Any], at: int, rest: Any) -> Any:
    """Make an instance of a user class: allocate, then `__init__` (or what an external base does)."""
    bases = classes.externs(m, ref)
    from gradlint.analysis import torch_models

    special = torch_models.instantiate(m, ref, bases, Call("", args, kwargs, at, rest))
    if special is not None:
        return special
    attrs = torch_models.initial_attributes(m, bases, at)
    complete = not classes.has_unknown_base(m, ref)
    before = m.state.fork()
    obj = m.alloc(at, Instance(ref, attrs, complete), "instance")
    found = classes.find(m, ref, "__init__")
    if found is not None and found[0] is not None:
        call(m, found[0], (obj, *args), kwargs, at, rest)
    else:
        made = _implicit_init(m, obj, ref, found, args, kwargs, at, rest)
        if made is not None:
            return made
    if not m.dead():
        torch_models.constructed(m, obj, before)
    return obj


def _implicit_init(m: Machine, obj: Ref, ref: Ref, found: Any, args: Any, kwargs: Any, at: int, rest: Any) -> Any:
    """Classes without an `__init__` of their own: dataclasses, named tuples, external bases."""
    from gradlint.analysis import python_classes, torch_models

    if python_classes.construct(m, obj, ref, Call("", args, kwargs, at, rest)):
        return None
    if found is not None:
        return torch_models.super_init(m, obj, found[1].name, Call("", args, kwargs, at, rest))
    return None


def call_instance(m: Machine, ref: Ref, args: tuple[Any, ...], kwargs: dict[str, Any], at: int, rest: Any) -> Any:
    """`instance(...)`: `__call__`, or `forward` with hooks for modules."""
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    method = attributes.find_method(m, ref, "__call__", at)
    if method is not None:
        return call(m, method, args, kwargs, at, rest)
    from gradlint.analysis import torch_models

    made = torch_models.call_instance(m, ref, Call("__call__", args, kwargs, at, rest, ref))
    if made is not None:
        return made
    return call_unknown(m, Opaque(("attr", ("ref", ref.addr), "__call__")), args, kwargs, at)


def expand_arguments(m: Machine, node: ir.Call) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Evaluate the arguments of a call: positional, by keyword, and what stands for further ones, if there may be any."""
    from gradlint.analysis.expressions import evaluate
    from gradlint.analysis.iteration import iterate

    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    rest: Any = False
    for arg in node.args:
        value = evaluate(m, arg.value)
        if arg.star == 1:
            items, more = iterate(m, m.simplified(value), node.at)
            args += items
            if more is not None:
                rest = rest or more
        elif arg.star == 2:
            table = m.get(value)
            if isinstance(table, Table):
                kwargs.update({k: v for k, v in table.entries.items() if isinstance(k, str)})
                rest = rest or table.rest is not None
            else:
                rest = True
        elif arg.keyword is not None:
            kwargs[arg.keyword] = value
        else:
            args.append(value)
    return tuple(args), kwargs, rest


__all__ = ["call", "escape", "expand_arguments", "symbol_of", "Const", "UNKNOWN"]
