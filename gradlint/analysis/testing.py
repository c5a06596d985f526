"""What test runners give: parameters and fixtures of pytest, `setUp` of unittest.

A test function that nobody calls is called by its runner. In go the decorators as they are evaluated and the function
that is about to be run as an entry; out comes what its parameters hold, as far as the files in view tell.
"""

from __future__ import annotations

import os
from typing import Any

from gradlint.analysis import classes
from gradlint.analysis.iteration import iterate
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.values import (
    NONE,
    Class,
    Const,
    Descriptor,
    Extern,
    Frame,
    Func,
    Generator,
    Instance,
    Moded,
    Module,
    Partial,
    Pending,
    Ref,
    Sequence,
)
from gradlint.syntax import ir

TESTS = ("test",)
"""What the names of functions start with that a test runner calls, with grad on."""
CLASSES = ("Test",)
"""What the names of classes start with whose methods pytest runs."""
SETUPS = ("setUpClass", "setup_class", "setUp", "setup_method")
MAX_FIXTURES = 12


def parametrize(m: Machine, call: Call) -> Any:
    """`pytest.mark.parametrize(names, values)`: a decorator that keeps what it was given with the function."""
    return Partial(
        Extern("pytest.mark.parametrize()"), (call.arg(0, "argnames", NONE), call.arg(1, "argvalues", NONE)), ()
    )


def parametrized(m: Machine, call: Call) -> Any:
    """That decorator applied."""
    names, values, target = call.arg(0), call.arg(1), call.arg(2)
    func = _function(target)
    if func is not None:
        keys = _names(m, names, call.at)
        items, rest = iterate(m, m.simplified(values), call.at)
        given = m.given.setdefault(func.key, {})
        rows = [*items, *([] if rest is None else [rest])]
        for number, key in enumerate(keys):
            given[key] = _column(m, rows, number, len(keys), call.at)
    return target


def expand(m: Machine, call: Call) -> Any:
    """`parameterized.expand(values)`: rows of positional arguments."""
    return Partial(Extern("parameterized.parameterized.expand()"), (call.arg(0, "input", NONE),), ())


def expanded(m: Machine, call: Call) -> Any:
    values, target = call.arg(0), call.arg(1)
    func = _function(target)
    if func is not None:
        items, rest = iterate(m, m.simplified(values), call.at)
        rows = [*items, *([] if rest is None else [rest])]
        keys = [p.name for p in func.code.params if p.kind in ("positional", "normal")][1:]
        single = bool(rows) and not isinstance(m.get(m.simplified(rows[0])), Sequence)
        given = m.given.setdefault(func.key, {})
        for number, key in enumerate(keys):
            given[key] = _column(m, rows, number, 1 if single else 2, call.at)
    return target


def fixture(m: Machine, call: Call) -> Any:
    """`pytest.fixture`, called or not."""
    if call.args and _function(call.args[0]) is not None:
        func = _function(call.args[0])
        assert func is not None
        m.given.setdefault(func.key, {})
        return call.args[0]
    return Partial(Extern("pytest.fixture()"), (call.arg(-1, "params", NONE),), ())


def fixed(m: Machine, call: Call) -> Any:
    params, target = call.arg(0), call.arg(1)
    func = _function(target)
    if func is not None:
        given = m.given.setdefault(func.key, {})
        if params is not NONE:
            items, rest = iterate(m, m.simplified(params), call.at)
            rows = [_plain(m, v) for v in (*items, *([] if rest is None else [rest]))]
            if rows:
                request = Instance(Extern("pytest.FixtureRequest"), {"param": anonymous(rows)}, complete=False)
                given["request"] = m.alloc(call.at, request, "request")
    return target


def param(m: Machine, call: Call) -> Any:
    """`pytest.param(a, b, id=…)`: a row."""
    return m.alloc(call.at, Sequence("row", call.args), "row")


EXPECTED = "pytest.raises()"
"""The class of what `with pytest.raises(…):` and `with self.assertRaises(…):` enter: an error in the body is meant."""
EXPECTING = {"assertRaises": 1, "assertRaisesRegex": 2, "assertRaisesRegexp": 2}
"""Methods of test cases that make one, and how many arguments they take; what is given behind them is a function to call."""


def expected(m: Machine, call: Call, takes: int) -> Any:
    """A context in which an error is meant; None where there is a function to call."""
    if len(call.args) > takes or call.rest:
        return None
    return m.alloc(call.at, Instance(Extern(EXPECTED), {}, complete=False), "expected")


def raises(m: Machine, call: Call) -> Any:
    """`pytest.raises(…)`: a context, or a call of what is given behind the error."""
    made = expected(m, call, 1)
    if made is None:
        m.services["escape"](m, call.all_args)
    return m.opaque(call.at) if made is None else made


FUNCTIONS = {
    "pytest.raises": raises,
    "pytest.mark.parametrize": parametrize,
    "pytest.mark.parametrize()": parametrized,
    "pytest.fixture": fixture,
    "pytest.fixture()": fixed,
    "pytest.param": param,
    "parameterized.parameterized.expand": expand,
    "parameterized.parameterized.expand()": expanded,
}


def _function(value: Any) -> Func | None:
    return classes.underlying(value) if isinstance(value, (Func, Moded, Descriptor)) else None


def _names(m: Machine, value: Any, at: int) -> list[str]:
    value = m.simplified(value)
    if isinstance(value, Const) and isinstance(value.value, str):
        return [name.strip() for name in value.value.split(",") if name.strip()]
    items, _ = iterate(m, value, at)
    return [item.value for item in items if isinstance(item, Const) and isinstance(item.value, str)]


def _plain(m: Machine, row: Any) -> Any:
    thing = m.get(m.simplified(row))
    return thing.items[0] if isinstance(thing, Sequence) and thing.kind == "row" and thing.items else row


def _column(m: Machine, rows: list[Any], number: int, width: int, at: int) -> Any:
    if width == 1:
        found = [_plain(m, row) for row in rows]
    else:
        found = [m.split(row, lambda leaf: m.services["item"](m, leaf, Const(number), at)) for row in rows]
    return anonymous(found) if found else m.opaque(at, tag="row")


def value_of(m: Machine, func: Func, given: ir.Param, holder: Any, depth: int = 0) -> Any:
    """What a runner passes for a parameter of a test or fixture; None where nothing in view tells."""
    known = m.given.get(func.key)
    if known is None and not func.code.name.startswith(TESTS):
        return None
    if known and given.name in known:
        return known[given.name]
    found = _fixture_named(m, given.name, holder) if depth < MAX_FIXTURES else None
    if found is None:
        return None
    source, where = found
    args = {}
    for number, each in enumerate(source.code.params):
        if where is not None and number == 0:
            args[each.name] = where
        elif each.kind in ("normal", "keyword"):
            value = value_of(m, source, each, where, depth + 1)
            if value is not None:
                args[each.name] = value
    made = m.services["call"](m, source, (), args, 0, True)
    return _yielded(m, made)


def _yielded(m: Machine, made: Any) -> Any:
    """What a fixture gives: where it is a generator, what it yields."""
    if not isinstance(m.get(made), Generator):
        return made
    held: list[Any] = []

    def consume(value: Any) -> Any:
        held.append(value)
        return NONE

    m.services["run_generator"](m, made, consume)
    return held[0] if len(held) == 1 and not m.dead() else None


def _fixture_named(m: Machine, name: str, holder: Any) -> tuple[Func, Any] | None:
    """A fixture by its name: of the class, of the module, or of a `conftest.py` above it."""
    if holder is not None:
        thing = m.get(holder)
        found = classes.find(m, thing.cls if isinstance(thing, Instance) else holder, name)
        func = _function(found[0]) if found is not None and found[0] is not None else None
        if func is not None and func.key in m.given:
            return func, holder
    for frame in _frames(m):
        value = frame.names.get(name)
        if type(value) is Pending:
            from gradlint.analysis.imports import arrive

            value = arrive(m, value)
        func = _function(value)
        if func is not None and func.key in m.given:
            return func, None
    return None


def _frames(m: Machine) -> list[Frame]:
    found: list[Any] = [m.state.heap.get(m.contexts.address(0, "moduleframe", 0))]
    for ref in _conftests(m):
        thing = m.get(ref)
        if isinstance(thing, Module):
            found.append(m.state.heap.get(thing.frame))
    return [frame for frame in found if isinstance(frame, Frame)]


def _conftests(m: Machine) -> list[Ref]:
    """The modules named `conftest` in the folders above the file, nearest first."""
    from gradlint.analysis.imports import load

    project, units = m.services.get("project"), m.services["units"]
    if project is None:
        return []
    folder, found = os.path.dirname(os.path.abspath(units[0].path)), []
    for _ in range(4):
        if os.path.isfile(os.path.join(folder, "conftest.py")):
            ref = load(m, "conftest", path=os.path.join(folder, "conftest.py"))
            if ref is not None:
                found.append(ref)
        folder = os.path.dirname(folder)
    return found


def prepare(m: Machine, holder: Ref, obj: Any, name: str) -> None:
    """What a runner calls before a test method of a class."""
    if not name.startswith(TESTS):
        return
    thing = m.get(holder)
    if not isinstance(thing, Class):
        return
    for step in SETUPS:
        found = classes.find(m, holder, step)
        if found is None or found[0] is None or m.dead():
            continue
        value = found[0]
        target = value.func if isinstance(value, Descriptor) and value.kind == "class" else value
        receiver = holder if isinstance(value, Descriptor) and value.kind == "class" else obj
        m.services["call"](m, target, (receiver,), {}, 0, False)


def is_case(m: Machine, holder: Any) -> bool:
    """Whether a runner collects the test methods of a class."""
    thing = m.get(holder)
    return isinstance(thing, Class) and (
        thing.name.startswith(CLASSES) or any(name in classes.CASES for name in classes.externs(m, holder))
    )


def inherited(m: Machine) -> list[tuple[str, Func]]:
    """The test methods that classes of the file inherit: (name of the class, method). A runner calls each of them once for
    every class that it collects, and only there is known what the methods call that the classes define."""
    address = m.contexts.address(0, "moduleframe", 0)
    frame, found = m.state.heap.get(address), []
    for name, value in frame.names.items() if isinstance(frame, Frame) else ():
        thing = m.get(value)
        if not isinstance(thing, Class) or thing.at >> 32 or "." in thing.qualname or not is_case(m, value):
            continue
        have = set(thing.attrs)
        for base in classes.mro(m, value)[1:]:
            held = m.get(base)
            for key, method in held.attrs.items() if isinstance(held, Class) else ():
                func = _function(method)
                if func is not None and key.startswith(TESTS) and key not in have:
                    found.append((name, func))
                have.add(key)
    return found
