"""The standard library and numpy, as models by qualified name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gradlint.analysis import events, generators, python_handing, testing
from gradlint.analysis.calls import unknown_result
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Exits, Machine, join_all
from gradlint.analysis.python_functions import iterate_lazily, lazily, unknown_extern
from gradlint.analysis.python_handing import Model, identity
from gradlint.analysis.state import Mode
from gradlint.analysis.torch_ops import MAX_LOST
from gradlint.analysis.torch_values import rg_of, tensors_in
from gradlint.analysis.values import (
    FALSE,
    LIKELY_FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Class,
    Const,
    Descriptor,
    Extern,
    Generator,
    Instance,
    Opaque,
    Partial,
    Ref,
    Sequence,
    Storage,
    Table,
    Tensor,
    is_false,
    leaves,
)
from gradlint.records import replace

IDENTITY = "gradlint.identity"
"""A decorator that gives back what it is put on."""
NUMPY_LEAVES = frozenset({
    "mean", "sum", "max", "min", "amax", "amin", "prod", "std", "var", "all", "any", "flip", "real", "imag", "squeeze",
    "nonzero", "argwhere", "size", "shape", "ndim", "array_equal", "array_equiv", "array_split", "split", "hsplit", "vsplit",
    "isscalar", "iterable",
})  # fmt: skip
"""Functions of numpy that do not turn a tensor into an array: they call its own method, or fail in another way. All others,
and these where they are given a list of tensors, of
`numpy`, `numpy.linalg` and `numpy.testing` do, by `__array__` (measured with numpy 2.4)."""
REDUCTIONS = frozenset({"mean", "sum", "max", "min", "amax", "amin", "prod", "std", "var", "median", "average"})
"""Functions of numpy that make one number of a list of numbers."""
NUMBERS = frozenset({
    "math", "random", "time", "os", "sys", "re", "json", "datetime", "argparse", "logging", "pathlib", "glob", "shutil",
    "string", "struct", "socket", "subprocess", "platform", "getpass", "inspect", "warnings", "gc", "uuid", "csv",
    "hashlib", "operator", "statistics", "decimal", "fractions", "textwrap", "typing", "psutil", "tempfile", "zipfile",
    "traceback", "signal", "heapq", "bisect", "enum", "abc", "types", "numbers", "yaml", "PIL", "cv2", "pandas",
})  # fmt: skip
"""Modules whose functions never give a tensor that requires grad."""
ARRAYS = frozenset({"numpy", "scipy", "sklearn", "cupy", "PIL", "cv2", "pandas", "gym", "gymnasium", "matplotlib"})


def call_extern(m: Machine, call: Call) -> Any:
    """A function or class of the standard library or of another package."""
    model = FUNCTIONS.get(call.name)
    if model is not None:
        return model(m, call)
    top, _, rest = call.name.partition(".")
    if top == "numpy":
        return _numpy(m, call, rest)
    if top == "matplotlib" or top == "sklearn" or top == "seaborn":
        return _taken_to_numpy(m, call)
    if top in ARRAYS or top in NUMBERS:
        for value in call.args:
            iterate_lazily(m, value, call.at)
        return m.opaque(call.at, FALSE, "array" if top in ARRAYS else "number", tag=call.name)
    if top == "builtins":
        return (
            m.opaque(call.at, FALSE, "number", tag=call.name) if call.name[9:10].isupper() else unknown_extern(m, call)
        )
    from gradlint.analysis import torch_models

    made = torch_models.call_other(m, call)
    return unknown_extern(m, call) if made is None else made


# -- numpy


def _numpy(m: Machine, call: Call, rest: str) -> Any:
    package, _, name = rest.rpartition(".")
    listed = bool(call.args) and isinstance(m.get(m.simplified(call.args[0])), Sequence)
    if (
        listed
        and name in REDUCTIONS
        and len(call.args) == 1
        and not call.kwargs
        and not any(tensors_in(m, call.args[0]))
    ):
        return replace(m.opaque(call.at, FALSE, "number", tag=name), lost=_lost(m, call.args))
    if package in ("", "linalg", "testing") and (name not in NUMPY_LEAVES or listed):
        return _taken_to_numpy(m, call)
    return replace(m.opaque(call.at, FALSE, "array", tag=name), lost=_lost(m, call.args))


def _taken_to_numpy(m: Machine, call: Call) -> Any:
    for value in call.args:
        for ref in tensors_in(m, value):
            m.event(events.NumpyTaken, call.at, target=m.fact(ref), how=call.name)
    origin = m.origin("numpy", call.at, call.args, FALSE) if any(tensors_in(m, v) for v in call.args) else None
    return replace(m.opaque(call.at, FALSE, "array", tag=call.name, origin=origin), lost=_lost(m, call.args))


def _lost(m: Machine, values: Iterable[Any]) -> frozenset[int]:
    """The cuts that values carry, those in containers included."""
    found: set[int] = set()
    for value in values:
        for leaf in leaves(m.simplified(value)):
            thing = m.get(leaf)
            inside = [*thing.items, thing.rest] if isinstance(thing, Sequence) else [leaf]
            found |= {n for part in inside for one in leaves(part) if isinstance(one, Opaque) for n in one.lost}
        for ref in tensors_in(m, value):
            thing = m.get(ref)
            assert isinstance(thing, Tensor)
            found |= thing.lost
    return frozenset(sorted(found)[-MAX_LOST:])


# -- functools, contextlib, collections, itertools, copy


def _partial(m: Machine, call: Call) -> Any:
    if not call.args:
        return unknown_extern(m, call)
    return m.split(call.args[0], lambda leaf: Partial(leaf, call.args[1:], tuple(call.kwargs.items())))


def _identity_maker(m: Machine, call: Call) -> Any:
    return Extern(IDENTITY)


def _cache(m: Machine, call: Call) -> Any:
    first = m.simplified(call.arg(0))
    return Extern(IDENTITY) if first is None or isinstance(first, Const) else first


def _cached_property(m: Machine, call: Call) -> Any:
    return Descriptor("cached", call.arg(0, default=NONE))


def _contextmanager(m: Machine, call: Call) -> Any:
    return m.split(call.arg(0, default=NONE), lambda leaf: Descriptor("contextmanager", leaf))


def _nullcontext(m: Machine, call: Call) -> Any:
    result = call.arg(0, "enter_result", NONE)
    return m.alloc(call.at, Instance(Extern("contextlib.nullcontext"), {"enter_result": result}), "nullcontext")


def _exit_stack(m: Machine, call: Call) -> Any:
    entered = m.alloc(call.at, Sequence("list"), "entered")
    return m.alloc(call.at, Instance(Extern("contextlib.ExitStack"), {"_entered": entered}), "stack")


def _silent(name: str) -> Model:
    def model(m: Machine, call: Call) -> Any:
        return m.alloc(call.at, Instance(Extern(name), {}), "context")

    return model


def _reduce(m: Machine, call: Call) -> Any:
    items, rest = iterate(m, m.simplified(call.arg(1, default=NONE)), call.at)
    values = [*call.args[2:3], *items[:16], *([] if rest is None else [rest])]
    if not values:
        return unknown_extern(m, call)
    total = values[0]
    for value in values[1:] or ([rest] if rest is not None else []):
        total = m.services["call"](m, call.args[0], (total, value), {}, call.at, False)
    return total


def _in_context(m: Machine, call: Call) -> Any:
    """A call of a function that a `@contextmanager` decorates: its generator runs anew around each call."""
    from gradlint.analysis.withs import run_contextmanager

    thing = m.get(call.args[0])
    if not isinstance(thing, Generator):
        return m.services["call"](m, call.args[1], call.args[2:], call.kwargs, call.at, call.rest)
    ref = m.alloc(call.at, replace(thing, started=False, kind="contextmanager"), "around")
    held = m.alloc(call.at, Sequence("box", (NONE,)), "result")

    def body(bound: Any) -> None:
        made = m.services["call"](m, call.args[1], call.args[2:], call.kwargs, call.at, call.rest)
        if not m.dead():
            m.put(held, Sequence("box", (made,)))

    run_contextmanager(m, ref, body, call.at)
    box = m.get(held)
    return box.items[0] if isinstance(box, Sequence) and box.items and not m.dead() else NONE


def _ordered_dict(m: Machine, call: Call) -> Any:
    from gradlint.analysis.python_functions import BUILTINS

    return BUILTINS["dict"](m, call)


def _defaultdict(m: Machine, call: Call) -> Any:
    """Missing keys are made by the factory: the table's rest is what it gives."""
    factory = call.arg(0)
    rest: Any = m.opaque(call.at, FALSE, "number", tag="default")
    if factory is not None and factory != NONE:
        rest = m.services["call"](m, factory, (), {}, call.at, False)
    return m.alloc(call.at, Table({}, rest), "defaultdict")


def _counter(m: Machine, call: Call) -> Any:
    return m.alloc(call.at, Table({}, m.opaque(call.at, FALSE, "number")), "counter")


def _deque(m: Machine, call: Call) -> Any:
    items, rest = iterate(m, m.simplified(call.args[0]), call.at) if call.args else ([], None)
    if call.arg(1, "maxlen") not in (None, NONE) and items:
        return m.alloc(call.at, Sequence("deque", (), anonymous([*items, *([] if rest is None else [rest])])), "deque")
    return m.alloc(call.at, Sequence("deque", tuple(items), rest), "deque")


def _chain(m: Machine, call: Call) -> Any:
    every: list[Any] = []
    rests: list[Any] = []
    sources = call.args
    if call.name.endswith("from_iterable"):
        found, more = iterate(m, m.simplified(call.arg(0, default=NONE)), call.at)
        sources = (*found, *([] if more is None else [more]))
        rests += [] if more is None else iterate(m, m.simplified(more), call.at)[0]
    elif call.rest:
        sources = (*sources, m.opaque(call.at) if call.rest is True else call.rest)
    for source in sources:
        items, rest = iterate(m, m.simplified(source), call.at)
        every += items
        rests += [] if rest is None else [rest]
    if rests or call.rest:
        return m.alloc(call.at, Sequence("iterator", (), anonymous([*every, *rests])), "chain")
    return m.alloc(call.at, Sequence("iterator", tuple(every)), "chain")


def _first_source(m: Machine, call: Call) -> Any:
    """`islice`, `cycle`, `tqdm`: the items of the first argument, fewer or more often."""
    source = m.simplified(call.arg(0, "iterable", NONE))
    thing = m.get(source)
    if isinstance(thing, Generator) and call.name.endswith("islice"):
        return lazily(m, "islice", None, (source,), call.at)
    if isinstance(thing, (Generator, Instance)) or isinstance(source, Opaque):
        return source
    items, rest = iterate(m, source, call.at)
    if call.name.endswith(("islice", "cycle")):
        every = [*items, *([] if rest is None else [rest])]
        return m.alloc(call.at, Sequence("iterator", (), anonymous(every) if every else m.opaque(call.at)), "slice")
    return m.alloc(call.at, Sequence("iterator", tuple(items), rest), "passed")


def _repeat(m: Machine, call: Call) -> Any:
    return m.alloc(call.at, Sequence("iterator", (), call.arg(0, default=NONE)), "repeat")


def _count(m: Machine, call: Call) -> Any:
    return m.alloc(call.at, Sequence("iterator", (Const(0),), m.opaque(call.at, FALSE, "number", tag="count")), "count")


def _zip_longest(m: Machine, call: Call) -> Any:
    from gradlint.analysis.python_functions import BUILTINS

    return BUILTINS["zip"](m, call)


def _copy(m: Machine, call: Call) -> Any:
    """`copy.copy`: a new object with the same parts."""
    value = m.simplified(call.arg(0, default=NONE))
    thing = m.get(value)
    if isinstance(thing, (Instance, Sequence, Table)):
        return m.alloc(call.at, replace(thing, many=False), "copy")
    if isinstance(thing, Tensor):  # another leaf over the same memory
        inference = m.simplified(m.state.mode.inference)
        made = replace(
            thing, leaf=TRUE, inference=inference, base=0, bases=(), view_mode="", nodes=frozenset(), grad=None
        )
        return m.tensor(call.at, made, "copy")
    return value


def _deepcopy(m: Machine, call: Call) -> Any:
    return m.split(call.arg(0, default=NONE), lambda leaf: deepcopy(m, leaf, call.at, "deepcopy", {}))


def deepcopy(m: Machine, value: Any, at: int, how: str, memo: dict[int, Any], path: str = "") -> Any:
    """A copy all the way down; torch refuses to copy a non-leaf that requires grad."""
    from gradlint.analysis.torch_values import known

    value = known(m, value)
    thing = m.get(value)
    if not isinstance(value, Ref) or thing is None or len(path) > 60:
        return (
            replace(value, symbol=("copy", value.symbol))
            if isinstance(value, Opaque) and value.kind != "number"
            else value
        )
    if value.addr in memo:
        return memo[value.addr]
    if isinstance(thing, Tensor):
        m.event(events.Copied, at, target=m.fact(value), how=how)
        storage = m.alloc(at, Storage(), f"storage{path}").addr
        inference = m.simplified(m.state.mode.inference)
        made = replace(
            thing, storage=storage, base=0, view_mode="", nodes=frozenset(), sure=True, many=False, inference=inference
        )
        memo[value.addr] = m.alloc(at, made, f"copy{path}")
        return memo[value.addr]
    if not isinstance(thing, (Instance, Sequence, Table)):
        return value
    made_ref = memo[value.addr] = m.alloc(at, replace(thing, many=False), f"copy{path}")

    def part(number: int, held: Any) -> Any:
        return m.split(held, lambda leaf: deepcopy(m, leaf, at, how, memo, f"{path}.{number}"))

    if isinstance(thing, Instance):
        m.put(
            made_ref, replace(thing, attrs={k: part(n, v) for n, (k, v) in enumerate(thing.attrs.items())}, many=False)
        )
    elif isinstance(thing, Sequence):
        rest = None if thing.rest is None else part(-1, thing.rest)
        m.put(
            made_ref, replace(thing, items=tuple(part(n, v) for n, v in enumerate(thing.items)), rest=rest, many=False)
        )
    else:
        rest = None if thing.rest is None else part(-1, thing.rest)
        entries = {k: part(n, v) for n, (k, v) in enumerate(thing.entries.items())}
        m.put(made_ref, replace(thing, entries=entries, rest=rest, many=False))
    return made_ref


def _pickled(m: Machine, call: Call) -> Any:
    """Plain pickle takes a non-leaf and drops its graph."""
    return m.opaque(call.at, FALSE, "number", tag="pickle")


def serialized(m: Machine, values: tuple[Any, ...], at: int, how: str) -> None:
    """Values go through pickle, a queue or a pipe."""
    for value in values:
        for ref in tensors_in(m, value):
            m.event(events.Copied, at, target=m.fact(ref), how=how)


# -- dataclasses, typing


def _dataclass(m: Machine, call: Call) -> Any:
    first = m.simplified(call.arg(0))
    return first if first is not None and isinstance(m.get(first), Class) else Extern(IDENTITY)


def _field(m: Machine, call: Call) -> Any:
    if "default" in call.kwargs:
        return call.kwargs["default"]
    if "default_factory" in call.kwargs:
        return Descriptor("factory", call.kwargs["default_factory"])
    return m.opaque(call.at, tag="field")


def _replaced(m: Machine, call: Call) -> Any:
    value = m.simplified(call.arg(0, default=NONE))
    thing = m.get(value)
    if isinstance(thing, Instance):
        return m.alloc(call.at, replace(thing, attrs={**thing.attrs, **call.kwargs}, many=False), "replaced")
    return unknown_extern(m, call)


def _namedtuple(m: Machine, call: Call) -> Any:
    from gradlint.analysis.python_classes import named_tuple

    return named_tuple(m, call)


def _cast(m: Machine, call: Call) -> Any:
    return call.arg(1, "val", NONE)


# -- threads, processes, asyncio


def _thread(m: Machine, call: Call) -> Any:
    attrs = {
        "_at": Const(call.at), "_target": call.arg(1, "target", NONE), "_args": call.arg(3, "args", NONE),
        "_kwargs": call.arg(4, "kwargs", NONE),
    }  # fmt: skip
    return m.alloc(call.at, Instance(Extern(call.name), attrs), "thread")


def _executor(m: Machine, call: Call) -> Any:
    attrs = {"_how": Const(call.name), "_first": call.arg(2, "initializer", NONE)}
    return m.alloc(call.at, Instance(Extern("concurrent.futures.Executor"), attrs), "executor")


def _fork_pickler(m: Machine, call: Call) -> Any:
    return m.alloc(call.at, Instance(Extern("multiprocessing.reduction.ForkingPickler"), {}), "pickler")


def _queue(m: Machine, call: Call) -> Any:
    items = m.alloc(call.at, Sequence("list", (), m.opaque(call.at, LIKELY_FALSE, tag="received")), "queued")
    return m.alloc(call.at, Instance(Extern(call.name), {"_items": items}), "queue")


def _pipe(m: Machine, call: Call) -> Any:
    ends = tuple(
        m.alloc(call.at, Instance(Extern("multiprocessing.connection.Connection"), {}), f"end{n}") for n in range(2)
    )
    return m.alloc(call.at, Sequence("tuple", ends), "pipe")


def in_thread(
    m: Machine, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], at: int, how: str, first: Any = NONE,
    place: int = 0,
) -> Any:  # fmt: skip
    """Run something as a new thread does: in a mode of its own, which starts with grad enabled. `first`: what each worker
    of a pool runs when it starts."""
    m.unseen += 1
    outside, before, base = m.state.mode, m.recorded.get(0, (0, 0)), m.thread_base
    exits, m.exits = m.exits, Exits()
    m.state.mode, m.thread_base = Mode(), len(m.stack) + 1
    m.guarded += 1
    try:
        if first != NONE:
            m.services["call"](m, first, (), {}, at, False)
        result = m.services["call"](m, func, args, kwargs, at, False)
    finally:
        # What is raised in a thread ends that thread alone: whoever started it goes on.
        m.guarded -= 1
        m.state = join_all([m.state, *(state for state, _ in m.exits.raises)]).fork()
        m.exits = exits
        m.state.mode, m.thread_base = outside, base
    recorded = m.recorded_since(0, before)
    m.event(events.RanInThread, place or at, how=how, recorded=recorded, function=name_of(func))
    return result


def name_of(func: Any) -> str:
    """The name of a function of the project, for a message."""
    from gradlint.analysis.classes import underlying
    from gradlint.analysis.values import Method

    found = underlying(func.func if isinstance(func, Method) else func)
    return found.code.name if found is not None and found.code.name != "<lambda>" else ""


def _run_coroutine(m: Machine, call: Call) -> Any:
    return m.split(call.arg(0, "main", NONE), lambda leaf: generators.run_coroutine(m, leaf, call.at))


def _to_thread(m: Machine, call: Call) -> Any:
    return in_thread(m, call.arg(0, "func", NONE), call.args[1:], call.kwargs, call.at, "to_thread")


def _gather(m: Machine, call: Call) -> Any:
    """`await gather(...)`: the coroutines run when they are awaited; here they are taken to run at once, one after the
    other, unless one of them waits inside a mode: then nobody can tell in which mode the others run."""
    if sum(isinstance(m.get(m.simplified(v)), Generator) for v in call.args) > 1 and _overlap(m, call):
        m.state.mode = Mode(UNKNOWN, UNKNOWN, m.state.mode.stack)
    results = tuple(
        m.split(
            value,
            lambda leaf: generators.run_coroutine(m, leaf, call.at) if isinstance(m.get(leaf), Generator) else leaf,
        )
        for value in call.args
    )
    if call.rest:
        return m.opaque(call.at, tag="gathered")
    return m.alloc(call.at, Sequence("list", results), "gathered")


def _overlap(m: Machine, call: Call) -> bool:
    """Whether any of the coroutines waits inside a mode that it entered; tried out and forgotten."""
    before, waits = m.state, m.waits
    m.state, m.quiet = before.fork(), m.quiet + 1
    for value in call.args:
        m.split(value, lambda leaf: generators.run_coroutine(m, leaf, call.at))
        if m.dead():
            break
    m.state, m.quiet = before, m.quiet - 1
    return m.waits != waits


def _task(m: Machine, call: Call) -> Any:
    return call.arg(0, "coro", NONE)


def _none(m: Machine, call: Call) -> Any:
    return NONE


def _not_a_tensor(m: Machine, call: Call) -> Any:
    return m.opaque(call.at, FALSE, "number", tag=call.name)


FUNCTIONS: dict[str, Model] = {
    **testing.FUNCTIONS,
    IDENTITY: identity,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "functools.wraps": _identity_maker,
    "functools.update_wrapper": identity,
    "functools.lru_cache": _cache,
    "functools.cache": _cache,
    "functools.cached_property": _cached_property,
    "functools.reduce": _reduce,
    "functools.total_ordering": identity,
    "contextlib.contextmanager": _contextmanager,
    "contextlib.asynccontextmanager": _contextmanager,
    "contextlib.nullcontext": _nullcontext,
    "contextlib.ExitStack": _exit_stack,
    "contextlib.AsyncExitStack": _exit_stack,
    "contextlib.suppress": _silent("contextlib.suppress"),
    "contextlib.redirect_stdout": _silent("contextlib.redirect_stdout"),
    "contextlib.closing": _nullcontext,
    "warnings.catch_warnings": _silent("warnings.catch_warnings"),
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": _defaultdict,
    "collections.Counter": _counter,
    "collections.deque": _deque,
    "collections.namedtuple": _namedtuple,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _chain,
    "itertools.islice": _first_source,
    "itertools.cycle": _first_source,
    "itertools.repeat": _repeat,
    "itertools.count": _count,
    "itertools.zip_longest": _zip_longest,
    "copy.copy": _copy,
    "copy.deepcopy": _deepcopy,
    "pickle.dumps": _pickled,
    "pickle.dump": _pickled,
    "dataclasses.dataclass": _dataclass,
    "dataclasses.field": _field,
    "dataclasses.replace": _replaced,
    "typing.cast": _cast,
    "typing.final": identity,
    "typing.overload": identity,
    "typing.no_type_check": identity,
    "typing_extensions.override": identity,
    "typing.override": identity,
    "abc.abstractmethod": identity,
    "threading.Thread": _thread,
    "threading.Timer": _thread,
    # A context has what the module has.
    "multiprocessing.get_context": lambda m, call: Extern("multiprocessing"),
    "multiprocessing.Process": _thread,
    "concurrent.futures.ThreadPoolExecutor": _executor,
    "concurrent.futures.thread.ThreadPoolExecutor": _executor,
    "multiprocessing.pool.ThreadPool": _executor,
    "multiprocessing.reduction.ForkingPickler": _fork_pickler,
    "multiprocessing.Queue": _queue,
    "multiprocessing.SimpleQueue": _queue,
    "multiprocessing.JoinableQueue": _queue,
    "multiprocessing.Pipe": _pipe,
    "asyncio.run": _run_coroutine,
    "asyncio.run_coroutine_threadsafe": _run_coroutine,
    "asyncio.wait_for": _task,
    "asyncio.shield": _task,
    "asyncio.gather": _gather,
    "asyncio.to_thread": _to_thread,
    "contextlib.ContextDecorator()": _in_context,
    "asyncio.create_task": _task,
    "asyncio.ensure_future": _task,
    "asyncio.sleep": _none,
    "tqdm.tqdm": _first_source,
    "tqdm.auto.tqdm": _first_source,
    "tqdm.notebook.tqdm": _first_source,
    "tqdm.trange": lambda m, call: m.services["call"](m, Extern("builtins.range"), call.args, {}, call.at, call.rest),
    "rich.progress.track": _first_source,
    "random.shuffle": _none,
    **python_handing.FUNCTIONS,
}


def method(m: Machine, call: Call, thing: Instance) -> Any:
    """A method of an instance of one of the classes above; None where there is no model."""
    assert isinstance(thing.cls, Extern)
    model = METHODS.get((thing.cls.name, call.name)) or METHODS.get((thing.cls.name.rpartition(".")[2], call.name))
    return None if model is None else model(m, call, thing)


def _enter_context(m: Machine, call: Call, thing: Instance) -> Any:
    from gradlint.analysis.comprehensions import append

    value = call.arg(0, default=NONE)
    bound = m.services["enter"](m, value, call.at)
    append(m, thing.attrs["_entered"], value)
    return bound


def _close_stack(m: Machine, call: Call, thing: Instance) -> Any:
    from gradlint.analysis.withs import leave_any

    entered = m.get(thing.attrs["_entered"])
    if isinstance(entered, Sequence):
        for value in reversed(entered.items):
            leave_any(m, value)
        m.put(thing.attrs["_entered"], replace(entered, items=()))
    return NONE


def _start(m: Machine, call: Call, thing: Instance) -> Any:
    target = thing.attrs.get("_target", NONE)
    args, _ = (
        iterate(m, m.simplified(thing.attrs.get("_args", NONE)), call.at)
        if thing.attrs.get("_args", NONE) != NONE
        else ([], None)
    )
    table = m.get(thing.attrs.get("_kwargs", NONE))
    kwargs = {k: v for k, v in table.entries.items() if isinstance(k, str)} if isinstance(table, Table) else {}
    if target != NONE:
        how = thing.cls.name.rpartition(".")[2] if isinstance(thing.cls, Extern) else "Thread"
        made = thing.attrs.get("_at")
        in_thread(m, target, tuple(args), kwargs, call.at, how, place=made.value if isinstance(made, Const) else 0)
    return NONE


def _submit(m: Machine, call: Call, thing: Instance) -> Any:
    result = in_thread(
        m, call.arg(0, "fn", NONE), call.args[1:], call.kwargs, call.at, "submit", thing.attrs.get("_first", NONE)
    )
    return m.alloc(call.at, Instance(Extern("concurrent.futures.Future"), {"_result": result}), "future")


def _executor_map(m: Machine, call: Call, thing: Instance) -> Any:
    columns = [iterate(m, m.simplified(source), call.at) for source in call.args[1:]]
    row = tuple(anonymous([*items, *([] if rest is None else [rest])]) if items or rest is not None else m.opaque(call.at)
                for items, rest in columns)  # fmt: skip
    result = in_thread(m, call.arg(0, default=NONE), row, {}, call.at, call.name, thing.attrs.get("_first", NONE))
    return m.alloc(call.at, Sequence("iterator", (), result), "mapped")


def _future_result(m: Machine, call: Call, thing: Instance) -> Any:
    return thing.attrs.get("_result", m.opaque(call.at, unknown_result(m)))


def _put(m: Machine, call: Call, thing: Instance) -> Any:
    serialized(m, call.args[:1], call.at, "queue" if call.name.startswith("put") else "pipe")
    return NONE


def _receive(m: Machine, call: Call, thing: Instance) -> Any:
    return m.opaque(call.at, LIKELY_FALSE, tag="received")


METHODS: dict[tuple[str, str], Callable[[Machine, Call, Instance], Any]] = {
    ("ExitStack", "enter_context"): _enter_context,
    ("ExitStack", "enter_async_context"): _enter_context,
    ("ExitStack", "push"): lambda m, call, thing: call.arg(0, default=NONE),
    ("ExitStack", "close"): _close_stack,
    ("Thread", "start"): _start,
    ("Timer", "start"): _start,
    ("Executor", "submit"): _submit,
    ("Executor", "map"): _executor_map,
    ("Executor", "imap"): _executor_map,
    ("Executor", "apply_async"): lambda m, call, thing: _submit(m, _flattened(m, call), thing),
    ("Future", "result"): _future_result,
    ("Future", "get"): _future_result,
    **{(kind, name): _put for kind in ("Queue", "SimpleQueue", "JoinableQueue") for name in ("put", "put_nowait")},
    **{(kind, name): _receive for kind in ("Queue", "SimpleQueue", "JoinableQueue") for name in ("get", "get_nowait")},
    ("Connection", "send"): _put,
    ("ForkingPickler", "dump"): _put,
    ("Connection", "recv"): _receive,
}


def _flattened(m: Machine, call: Call) -> Call:
    """`apply_async(f, (a, b))` as `submit(f, a, b)`."""
    args, _ = (
        iterate(m, m.simplified(call.arg(1, "args", NONE)), call.at) if call.arg(1, "args") is not None else ([], None)
    )
    return replace(call, args=(call.arg(0, default=NONE), *args), kwargs={})


__all__ = [
    "FUNCTIONS",
    "LIKELY_FALSE",
    "Opaque",
    "call_extern",
    "deepcopy",
    "in_thread",
    "is_false",
    "lazily",
    "method",
    "rg_of",
]
