"""Names of submodules and parameters as `named_modules()` and `named_parameters()` give them, where all are in view.

A name decides what code does that picks layers by it (`if "head" in name`), so it is told for certain or not at all.
"""

from __future__ import annotations

from typing import Any

from gradlint.analysis.machine import Machine
from gradlint.analysis.torch_modules import children, has_rest, is_module, is_whole, layer_names, materialise
from gradlint.analysis.values import Instance, Ref, Tensor, leaves

MAX_MODULES = 24
MAX_PARAMETERS = 24


def modules(m: Machine, ref: Any) -> list[tuple[str, Ref]] | None:
    """The modules below a module with their dotted names, itself first (""); None where some are not known one by one."""
    found: list[tuple[str, Ref]] = []
    return found if is_whole(m, ref) and _collect(m, ref, "", found) else None


def _collect(m: Machine, value: Any, name: str, found: list[tuple[str, Ref]]) -> bool:
    value = m.simplified(value)
    thing = m.get(value)
    if not isinstance(thing, Instance) or not is_module(m, value) or thing.many or len(found) >= MAX_MODULES:
        return False
    if any(value == other for _, other in found):
        return True
    found.append((name, value))
    for part, child in children(m, value):
        if not part or len(list(leaves(m.simplified(child)))) != 1:
            return False
        if isinstance(m.get(m.simplified(child)), Tensor):
            continue
        if not _collect(m, child, f"{name}.{part}" if name else part, found):
            return False
    return True


def parameters(m: Machine, ref: Any, most: int = MAX_PARAMETERS) -> list[tuple[str, Ref]] | None:
    """The parameters below a module with their dotted names; None where some are not known one by one, or there are more
    than `most`."""
    below = modules(m, ref)
    if below is None:
        return None
    wanted: list[tuple[str, Ref, str]] = []
    for prefix, one in below:
        names = _own_names(m, one)
        if names is None:
            return None
        wanted += [(f"{prefix}.{name}" if prefix else name, one, name) for name in names]
    if len(wanted) > most:
        return None
    found: dict[Ref, str] = {}
    for path, one, name in wanted:
        value = _held(m, one, name)
        if value is None:
            return None
        found.setdefault(value, path)
    return [(path, value) for value, path in found.items()]


def _own_names(m: Machine, ref: Ref) -> list[str] | None:
    """Names of the parameters that one module registers itself."""
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    named = [name for name, value in children(m, ref) if isinstance(m.get(m.simplified(value)), Tensor)]
    if not has_rest(m, thing):
        return named
    built = layer_names(m, thing)
    return list(dict.fromkeys((*built, *named))) if built else None


def _held(m: Machine, ref: Ref, name: str) -> Ref | None:
    thing = m.get(ref)
    assert isinstance(thing, Instance)
    value = thing.attrs.get(name)
    if value is None:
        value = next((v for n, v in children(m, ref) if n == name), None)
    if value is None:
        materialise(m, ref, name)
        thing = m.get(ref)
        assert isinstance(thing, Instance)
        value = thing.attrs.get(name)
    value = m.simplified(value)
    held = m.get(value)
    return value if isinstance(value, Ref) and isinstance(held, Tensor) and held.parameter and not held.many else None
