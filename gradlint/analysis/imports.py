"""Imports: modules of the project are found on disk and run on demand, everything else is external.

Nothing is ever imported by Python: a module of the project is read, lowered and interpreted like the file that is
being checked, in the state of the importing one, once.
"""

from __future__ import annotations

import os
from typing import Any

from gradlint.analysis.machine import Activation, Exhausted, Exits, Machine
from gradlint.analysis.state import Mode
from gradlint.analysis.values import Const, Extern, Frame, Module, Opaque, Pending, Ref
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.unit import SourceError, Unit

MAX_MODULES = 40
MAX_SOURCE = 1_500_000
MODULE_STEPS = 5_000
EAGER = b"set_grad_enabled"
"""A module that names this may switch the mode when it is imported."""
EXTERNAL = frozenset({"torch", "numpy", "builtins"})


class Project:
    """Where modules are looked for. Sources are read once per process; `roots` are directories, nearest first."""

    def __init__(self, roots: tuple[str, ...] = ()) -> None:
        self.roots = tuple(dict.fromkeys(os.path.abspath(r) for r in roots))
        self._units: dict[str, Unit | None] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        self._seen_from: dict[tuple[str, str], str | None] = {}

    def seen_from(self, dotted: str, path: str) -> str | None:
        """The file that a module's name means in the file at `path`."""
        key = (dotted, path)
        if key not in self._seen_from:
            self._seen_from[key] = self.find(dotted, path) or _own_package(self, dotted, path)
        return self._seen_from[key]

    def find(self, dotted: str, near: str) -> str | None:
        """The file of a module, looked for in the folder of `near` (a script's own) and in the roots."""
        folder = os.path.dirname(near)
        key = (dotted, folder)
        if key not in self._found:
            self._found[key] = self._search(dotted, folder)
        return self._found[key]

    def _search(self, dotted: str, folder: str) -> str | None:
        if dotted.partition(".")[0] in EXTERNAL:
            return None
        relative = dotted.replace(".", os.sep)
        for root in (folder, *self.roots):
            for candidate in (os.path.join(root, relative + ".py"), os.path.join(root, relative, "__init__.py")):
                if os.path.isfile(candidate):
                    return candidate
        return None

    def unit(self, path: str) -> Unit | None:
        """The source at a path; None where it cannot be read."""
        if path not in self._units:
            self._units[path] = self._read(path)
        return self._units[path]

    def _read(self, path: str) -> Unit | None:
        try:
            if os.path.getsize(path) > MAX_SOURCE:
                return None
            with open(path, "rb") as handle:
                return Unit(path, handle.read())
        except (OSError, SourceError):
            return None


def package_of(path: str) -> str:
    """The dotted package that a file lies in, by the `__init__.py` files above it."""
    parts: list[str] = []
    folder = os.path.dirname(os.path.abspath(path))
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, name = os.path.split(folder)
        if not name:
            break
        parts.append(name)
    return ".".join(reversed(parts))


def module_name(path: str) -> str:
    """The dotted name under which a file would be imported."""
    package = package_of(path)
    stem = os.path.splitext(os.path.basename(path))[0]
    if stem == "__init__":
        return package
    return f"{package}.{stem}" if package else stem


def load(m: Machine, dotted: str, near: int | None = None, path: str | None = None) -> Ref | None:
    """The module object of a project module, by name or at a path, run if it has not been; None where there is none in
    view."""
    project = m.services.get("project")
    units: list[Unit] = m.services["units"]
    path = path or find(m, dotted, m.unit if near is None else near)
    if path is None:
        return None
    number = _number_of(m, path)
    if number is not None:
        address = m.contexts.address(0, "module", number)
        if address in m.state.heap:
            return Ref(address)
    if len(units) >= MAX_MODULES:
        return None
    unit = project.unit(path) if project is not None else None
    if unit is None:
        return None
    if number is None or units[number] is not unit:
        number = next((n for n, u in enumerate(units) if u is unit), len(units))
    if number == len(units):
        units.append(unit)
    return run_module(m, unit, number, dotted)


def _number_of(m: Machine, path: str) -> int | None:
    """The first unit of a path."""
    units, numbers = m.services["units"], m.services.setdefault("unit_numbers", {})
    for number in range(m.services.get("units_numbered", 0), len(units)):
        numbers.setdefault(units[number].path, number)
    m.services["units_numbered"] = len(units)
    return numbers.get(path)


def find(m: Machine, dotted: str, near: int) -> str | None:
    """The file of a module of the project, None where there is none in view."""
    project = m.services.get("project")
    if project is None:
        return None
    return project.seen_from(dotted, m.services["units"][near].path)


def _later(m: Machine, dotted: str, name: str) -> Pending | None:
    """A name of a module of the project, to be looked at when it is needed; None where the module has to run now, or is
    not in view."""
    path = find(m, dotted, m.unit)
    if path is None:
        return None
    unit = m.services["project"].unit(path)
    if unit is None or EAGER in unit.data:
        return None
    return Pending(dotted, name, m.unit)


def arrive(m: Machine, value: Pending) -> Any:
    """What a name imported from the project is: its module is run now, in a mode of its own.

    A package that imports a name from itself means its submodule."""
    if value in m.arriving:
        return load(m, f"{value.module}.{value.name}", value.near) or Opaque(("import", value.module, value.name))
    m.arriving.append(value)
    saved = m.state.mode, m.rounds, m.round_contexts, m.round_places, m.forwards, m.runs_main, m.thread_base
    m.rounds, m.round_contexts, m.round_places, m.forwards, m.runs_main, m.thread_base = [], [], [], 0, False, -1
    m.state.mode = Mode()
    try:
        found = load(m, value.module, value.near)
        if value.name and found is not None:
            made = _name_in(m, found, value.name, value.module, value.near)
        else:
            made = found
    finally:
        m.arriving.pop()
        m.state.mode, m.rounds, m.round_contexts, m.round_places, m.forwards, m.runs_main, m.thread_base = saved
    return made if made is not None else Opaque(("import", value.module, value.name))


def _name_in(m: Machine, module: Ref, name: str, dotted: str, near: int) -> Any:
    thing = m.get(module)
    frame = m.state.heap.get(thing.frame) if isinstance(thing, Module) else None
    if isinstance(frame, Frame) and name in frame.names:
        value = frame.names[name]
        return arrive(m, value) if isinstance(value, Pending) else value
    return load(m, f"{dotted}.{name}", near)


def _own_package(project: Project, dotted: str, near: str) -> str | None:
    """A module of the package that the importing file lies in, wherever that package lies."""
    package = package_of(near)
    if not package or dotted.split(".")[0] != package.split(".")[0]:
        return None
    root = os.path.abspath(near)
    for _ in range(len(package.split(".")) + 1):
        root = os.path.dirname(root)
    return project.find(dotted, os.path.join(root, "x.py"))


def run_module(m: Machine, unit: Unit, number: int, dotted: str, as_main: bool = False) -> Ref | None:
    """Interpret a module's body in the current state."""
    from gradlint.analysis.leaks import function_ended, program_ended
    from gradlint.analysis.statements import run_block

    frame = m.contexts.address(0, "moduleframe", number)
    address = m.contexts.address(0, "module", number)
    names = {"__name__": Const("__main__" if as_main else dotted), "__file__": Opaque(("file", number), kind="number")}
    m.state.alloc(frame, Frame(names, 0, frame))
    m.state.alloc(address, Module(dotted, frame, number))
    saved = m.stack, m.context, m.exits, m.limit, m.guarded
    act = Activation(frame, number, entry_mode=m.state.mode, loops=len(m.rounds))
    m.stack, m.context, m.exits, m.guarded = [act], m.contexts.enter(0, ("module", number)), Exits(), 0
    if m.hasty:
        m.limit = m.steps - m.grace + MODULE_STEPS  # what is imported is needed all the same
    elif not as_main:
        m.limit = min(m.limit, m.steps + MODULE_STEPS)
    before, begun = m.state, m.steps
    try:
        body = unit.module
        m.services["before_main"](m, body) if as_main else run_block(m, body)
        function_ended(m, act, m.exits)
        if as_main:
            program_ended(m, act)
        if m.dead():
            m.state = before.fork()
    except SourceError:
        return None
    except Exhausted:
        m.cut(0, f"importing `{dotted}` takes too many steps")
        if as_main:
            raise
        m.state = m.state.fork()
        m.state.dead = False
        _partly(m, frame)
    finally:
        m.stack, m.context, m.exits, m.limit, m.guarded = saved
        m.grace += m.steps - begun if m.hasty else 0
    return Ref(address)


def loaded(m: Machine, dotted: Any) -> Ref | None:
    """The module of this name, where it has been run or is being run."""
    for number in range(len(m.services["units"])):
        address = m.contexts.address(0, "module", number)
        thing = m.state.heap.get(address)
        if isinstance(thing, Module) and (thing.name == dotted or (not number and dotted == "__main__")):
            return Ref(address)
    return None


def _partly(m: Machine, frame: int) -> None:
    """A module whose body was cut off may hold further names."""
    thing = m.state.heap.get(frame)
    if isinstance(thing, Frame):
        m.state.put(frame, replace(thing, names={**thing.names, "*": Opaque(("wide",))}))


def absolute(m: Machine, module: str, level: int) -> str:
    """The dotted name that a relative import means."""
    if not level:
        return module
    units: list[Unit] = m.services["units"]
    parts = package_of(units[m.unit].path).split(".")
    parts = parts[: len(parts) - level + 1] if level > 1 else parts
    return ".".join([*[p for p in parts if p], *([module] if module else [])])


def import_module(m: Machine, dotted: str, aliased: bool, at: int) -> Any:
    """`import a.b` binds the top package, `import a.b as c` the module itself."""
    if aliased:
        return _later(m, dotted, "") or load(m, dotted) or _external(m, dotted)
    if "." not in dotted:
        later = _later(m, dotted, "")
        if later is not None:
            return later
    found = load(m, dotted)
    top = dotted.partition(".")[0]
    if top == dotted:
        return found or _external(m, dotted)
    if found is not None:
        return load(m, top) or _external(m, top)
    return _external(m, top)


def _external(m: Machine, dotted: str) -> Any:
    from gradlint.analysis import torch_models

    return torch_models.extern_name(m, dotted)


def import_name(m: Machine, node: ir.ImportFrom, name: str) -> Any:
    """`from module import name`."""
    dotted = absolute(m, node.module, node.level)
    later = _later(m, dotted, name)
    if later is not None:
        return later
    found = load(m, dotted)
    if found is None:
        if node.level and not dotted:
            return load(m, name) or m.opaque(node.at, tag=name)
        return (
            _external(m, f"{dotted}.{name}")
            if not node.level
            else (load(m, f"{dotted}.{name}") or m.opaque(node.at, tag=name))
        )
    thing = m.get(found)
    assert isinstance(thing, Module)
    frame = m.state.get(thing.frame)
    assert isinstance(frame, Frame)
    if name in frame.names:
        value = frame.names[name]
        return arrive(m, value) if isinstance(value, Pending) else value
    return load(m, f"{dotted}.{name}") or m.opaque(node.at, tag=name)


def import_star(m: Machine, node: ir.ImportFrom) -> None:
    """`from module import *`: what the project's module binds, else unknown names."""
    from gradlint.analysis import frames

    dotted = absolute(m, node.module, node.level)
    found = load(m, dotted)
    if found is None:
        frames.bind(m, "*", Extern(dotted))
        return
    thing = m.get(found)
    assert isinstance(thing, Module)
    frame = m.state.get(thing.frame)
    assert isinstance(frame, Frame)
    for name, value in frame.names.items():
        if (not name.startswith("_") or name == "*") and not _comes_back(m, name, value):
            frames.bind(m, name, value)


def _comes_back(m: Machine, name: str, value: Any) -> bool:
    """Whether a name of another module is this module's own, imported by it from here."""
    if type(value) is not Pending or value.name != name:
        return False
    return find(m, value.module, value.near) == m.services["units"][m.unit].path


def submodule(m: Machine, thing: Module, name: str) -> Any:
    """`package.name` where name is a module that nobody has imported yet."""
    return load(m, f"{thing.name}.{name}")
