"""Entry points: which functions of a file are run on their own, in which order, and with what.

A function that somebody in view calls is seen through its callers. The others are called as from outside: unknown
arguments, `self` an instance made by running `__init__` with unknown arguments, of which only what no other method
assigns is relied on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradlint.analysis import attributes, calls, classes, testing, torch_frameworks, torch_modules
from gradlint.analysis.joins import anonymous
from gradlint.analysis.machine import Call, Exhausted, Machine
from gradlint.analysis.state import Mode
from gradlint.analysis.triggers import Around, is_hot
from gradlint.analysis.values import (
    LIKELY_FALSE,
    Class,
    Const,
    Descriptor,
    Frame,
    Func,
    Instance,
    Moded,
    Opaque,
    Phi,
    Ref,
    Sequence,
    Table,
    Tensor,
)
from gradlint.records import replace
from gradlint.syntax import ir
from gradlint.syntax.unit import Unit

_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")
_STORED = re.compile(rb"\.(\w+)\s*(?:,|\)|(?:[-+*/@%&|^]|//|\*\*|<<|>>)?=(?!=))")
_GROWN = re.compile(rb"(\w+)\s*(?:\.(?:append|extend|insert|pop|update)\s*\(|\[[^\]\n]*\]\s*=(?!=))")
_ANY_GROWN = re.compile(rb"add_module\s*\(|register_module\s*\(|setattr\s*\(|_modules\b")
_GLOBAL = re.compile(rb"\bglobal\s+([\w, ]+)")


@dataclass(frozen=True)
class Entry:
    """A function to run on its own: its code and the value to call, None where only the raw function is known."""

    code: ir.Code
    cls: str = ""
    """The class that inherits a method, where it is run as that of another class than the one that defines it."""


def entries_of(m: Machine, unit: Unit, *, everything: bool, advice: bool, around: Around) -> list[Entry]:
    """The functions of a file, those first that nothing else in the file names. Without `everything` only those that
    hold something without which no rule can fire (`advice`: nor any piece of advice), and those that name one of these."""
    codes = [c for c in unit.functions() if "<locals>" not in c.qualname]
    if not everything:
        codes = _triggered(unit, codes, advice, around)
    mentions = _mentions(codes)
    first: list[ir.Code] = []
    later: list[ir.Code] = []
    for code in codes:
        outer = code.qualname.rpartition(".")[0]
        names = {code.name.encode(), *([outer.rpartition(".")[2].encode()] if outer else [])}
        users = (c for name in names for c in mentions.get(name, ()) if c.at != code.at and not _same_class(c, outer))
        # Or another method of the same class names this one.
        within = (c for c in mentions.get(code.name.encode(), ()) if c.at != code.at and _same_class(c, outer))
        (later if any(users) or any(within) else first).append(code)
    return [Entry(c) for c in (*first, *later)]


def _mentions(codes: list[ir.Code]) -> dict[bytes, list[ir.Code]]:
    """The functions that name each of these functions, or the class that one lies in."""
    found: dict[bytes, list[ir.Code]] = {part.encode(): [] for c in codes for part in c.qualname.split(".")}
    for code in codes:
        for name in found.keys() & set(_IDENTIFIER.findall(code.text)):
            found[name].append(code)
    return found


def _same_class(code: ir.Code, outer: str) -> bool:
    return bool(outer) and code.qualname.rpartition(".")[0] == outer


def _triggered(unit: Unit, codes: list[ir.Code], advice: bool, around: Around) -> list[ir.Code]:
    hot = [c for c in codes if is_hot(unit, c.text, advice, around)]
    names = {c.name.encode() for c in hot} - {b"__init__", b"forward", b"__call__", b"step", b"run", b"main", b"train"}
    keep = {c.start for c in hot}
    if not names:
        return hot
    users = re.compile(rb"\b(?:" + b"|".join(map(re.escape, sorted(names))) + rb")\s*\(")
    return [c for c in codes if c.start in keep or users.search(c.text)]


def isolated(m: Machine, entry: Entry) -> None:
    """Call an entry as from outside."""
    code = entry.code
    parts = [entry.cls, code.name] if entry.cls else code.qualname.split(".")
    frame = m.state.heap[m.contexts.address(0, "moduleframe", 0)]
    assert isinstance(frame, Frame)
    _forget_globals(m, frame)
    value: Any = frame.names.get(parts[0]) or frame.names.get(parts[0] + "#set")
    holder: Any = None
    for part in parts[1:]:
        holder = _class_in(m, value)
        thing = m.get(holder)
        value = thing.attrs.get(part, thing.attrs.get(part + "#set")) if isinstance(thing, Class) else None
    if entry.cls:
        value = (classes.find(m, holder, code.name) or (None,))[0]
    raw: Any = classes.underlying(value) if entry.cls else m.defs.get((0, code.at))
    if raw is None:
        return
    if classes.underlying(_first(value)) is not raw and classes.underlying(_first(value)) != raw:
        value = raw
    value = _first(value)
    _hooked(m, code.name)
    if isinstance(m.get(holder), Class):
        unknown, named = _unknown(m, raw), _unknown(m, raw, ("keyword",))
        _method(m, code, value, raw, holder, list(unknown.values()), named)
        return
    unknown, named = _given(m, raw, None), _given(m, raw, None, ("keyword",))
    if m.dead():
        return
    _finish(m, calls.call(m, value, tuple(unknown.values()), named, 0, _has_star(raw)), raw)


_HOOKED = re.compile(
    rb"\.register_(?:full_backward_|full_backward_pre_|backward_|post_accumulate_grad_|multi_grad_|pre)?hook\("
    rb"(?:\[[^\]]*\]\s*,)?\s*(?:\w+\.)*(\w+)"
)


def _hooked(m: Machine, name: str) -> None:
    """A function that torch calls on the way back runs as a backward does, whoever else calls it."""
    names = m.services.get("hooked")
    if names is None:
        names = m.services["hooked"] = {n for unit in m.services["units"] for n in _HOOKED.findall(unit.data)}
    if name.encode() in names:
        from gradlint.analysis.torch_models import backward_mode

        m.ways[-1].runner = True
        m.state.mode = backward_mode(m, 0)


def _unknown(m: Machine, raw: Func, kinds: tuple[str, ...] = ("positional", "normal")) -> dict[str, Any]:
    return {p.name: calls.parameter(m, raw, p) for p in raw.code.params if p.kind in kinds}


def _given(m: Machine, raw: Func, holder: Any, kinds: tuple[str, ...] = ("positional", "normal")) -> dict[str, Any]:
    """What the parameters of an entry hold: what a test runner passes, else unknown."""
    made = _unknown(m, raw, kinds)
    defaults = dict(raw.defaults)
    for p in raw.code.params[holder is not None :]:
        if p.kind in kinds and p.name not in defaults and not m.dead():
            value = testing.value_of(m, raw, p, holder)
            if value is not None:
                made[p.name] = value
    return made


def _first(value: Any) -> Any:
    return _first(value.then) if isinstance(value, Phi) else value


def _has_star(raw: Func) -> bool:
    return any(p.kind in ("star", "starstar") for p in raw.code.params)


def _class_in(m: Machine, value: Any) -> Any:
    value = _first(value)
    while isinstance(value, (Moded, Descriptor)):
        value = value.func
    return value


def _method(m: Machine, code: ir.Code, value: Any, raw: Func, holder: Ref, unknown: list[Any], named: Any) -> None:
    target = value
    static = (
        isinstance(target, Descriptor)
        and target.kind == "static"
        or isinstance(target, Moded)
        and isinstance(target.func, Descriptor)
    )
    from gradlint.analysis import torch_models

    if torch_models.function_entry(m, holder, code.name, raw, unknown):
        return
    if static:
        _finish(
            m,
            calls.call(m, attributes.class_attr(m, holder, code.name, 0), tuple(unknown), named, 0, _has_star(raw)),
            raw,
        )
        return
    if code.name in ("__init__", "__new__"):
        m.called.discard(raw.key)
        calls.call(m, holder, (), {}, 0, True)
        return
    m.ways[-1].runner = code.name.startswith(testing.TESTS) and testing.is_case(m, holder)
    obj = receiver(m, holder)
    if m.dead():
        return
    testing.prepare(m, holder, obj, code.name)
    if m.dead():
        return
    if raw.key in m.given or code.name.startswith(testing.TESTS):
        unknown = list(_given(m, raw, obj).values())
        named = _given(m, raw, obj, ("keyword",))
    if len(unknown) > 1 and torch_frameworks.gets_batch(m, holder, code.name) and isinstance(unknown[1], Opaque):
        unknown = [unknown[0], replace(unknown[1], rg=LIKELY_FALSE), *unknown[2:]]
    mode = torch_models.entry_mode(m, holder, code.name)
    if mode is not None:
        m.state.mode = mode
    _hooked(m, code.name)
    if isinstance(target, Descriptor) and target.kind in ("property", "cached"):
        target = target.func
    if isinstance(target, Descriptor) and target.kind == "class":
        _finish(m, calls.call(m, target.func, (holder, *unknown[1:]), named, 0, _has_star(raw)), raw)
        return
    _finish(m, calls.call(m, target, (obj, *unknown[1:]), named, 0, _has_star(raw)), raw)


def receiver(m: Machine, holder: Any) -> Any:
    """An instance as a method finds it: made by `__init__` with unknown arguments, then whatever else happened. It is made
    once for all methods of its class; unknown where the class is (something made another one of it)."""
    if type(holder) is not Ref:
        return m.opaque(0, tag="self")
    made = m.services.setdefault("receivers", {})
    if holder.addr not in made:
        context, m.context = m.context, m.contexts.enter(0, ("receiver", holder.addr))
        steps = m.steps
        obj = _receiver(m, holder)
        m.context, m.limit = context, m.limit + m.steps - steps
        made[holder.addr] = m.state.fork(), obj
    state, obj = made[holder.addr]
    m.state = state.fork()
    m.state.dead = False
    return obj


def _receiver(m: Machine, holder: Ref) -> Any:
    quiet, m.quiet = m.quiet, m.quiet + 1
    called, recording = set(m.called), set(m.called_recording)
    before = m.state.fork()
    try:
        obj = calls.instantiate(m, holder, (), {}, 0, True)
    except Exhausted:
        m.state = before
        return m.opaque(0, tag="self")
    finally:
        m.quiet, m.called, m.called_recording = quiet, called, recording
    thing = m.get(obj)
    if m.dead() or not isinstance(thing, Instance):
        m.state = before
        return m.opaque(0, tag="self")
    loosen(m, obj, stored_elsewhere(m), 0)
    m.state.mode = Mode()
    return obj


def stored_elsewhere(m: Machine) -> frozenset[str]:
    """Names of attributes that some function of the file other than a constructor assigns."""
    return _outside_constructors(m, "stored", assigned_in)


def assigned_in(text: bytes) -> set[str]:
    """Names of attributes that some code assigns."""
    return {name.decode() for name in _STORED.findall(text)}


def _outside_constructors(m: Machine, key: str, names_in: Callable[[bytes], set[str]]) -> frozenset[str]:
    """What is named in the functions of the file other than constructors, found out once."""
    found = m.services.get(key)
    if found is None:
        texts = [code.text for code in m.services["units"][0].functions() if code.name != "__init__"]
        found = m.services[key] = frozenset(name for text in texts for name in names_in(text))
    return found


def loosen(m: Machine, obj: Any, stored: frozenset[str], depth: int, called: str = "") -> None:
    """Forget what other methods may have changed: attributes stored elsewhere, contents of containers, training. `called`:
    the attribute that holds the object."""
    thing = m.get(obj)
    if not isinstance(thing, Instance) or depth > 4:
        return
    attrs = dict(thing.attrs)
    for name, value in thing.attrs.items():
        unknown = Opaque(("attr", ("ref", obj.addr), name))
        if name == "training":
            attrs[name] = unknown
        elif name in stored and name[0] != ":":
            attrs[name] = anonymous([value, unknown])
    m.put(obj, replace(thing, attrs=attrs))
    for name, value in thing.attrs.items():
        held = m.get(value)
        if isinstance(held, Instance):
            loosen(m, value, stored, depth + 1, name)
        elif name == torch_modules.CHILDREN and called and called not in _grown(m) and "" not in _grown(m):
            # The layers of a container are what its constructor was given.
            items = (
                held.items if isinstance(held, Sequence) else held.entries.values() if isinstance(held, Table) else ()
            )
            for child in items:
                loosen(m, child, stored, depth + 1, called)
        elif isinstance(held, (Tensor, Sequence, Table)):
            calls.escape(m, (value,))
            if isinstance(held, Sequence):
                for item in held.items:
                    loosen(m, item, stored, depth + 1)


def _grown(m: Machine) -> frozenset[str]:
    """Names of what some function of the file other than a constructor puts items into or takes items out of; "" among
    them where it may be any container of layers."""
    return _outside_constructors(m, "grown", _grown_in)


def _grown_in(text: bytes) -> set[str]:
    names = {name.decode() for name in _GROWN.findall(text)}
    return names | {""} if _ANY_GROWN.search(text) else names


def _forget_globals(m: Machine, frame: Frame) -> None:
    """Globals that some function assigns may hold anything by the time that another one runs."""
    names = m.services.get("globals")
    if names is None:
        names = set()
        for code in m.services["units"][0].functions():
            for group in _GLOBAL.findall(code.text):
                names |= {n.strip().decode() for n in group.split(b",")}
        m.services["globals"] = names
    changed = {n: anonymous([frame.names[n], Opaque(("name", 0, n))]) for n in names if n in frame.names}
    if changed:
        m.state.put(m.contexts.address(0, "moduleframe", 0), replace(frame, names={**frame.names, **changed}))


def _finish(m: Machine, result: Any, raw: Func) -> None:
    """Run what the call only made: a generator or coroutine is consumed in the mode of the caller."""
    from gradlint.analysis import generators
    from gradlint.analysis.values import NONE, Generator

    if not m.dead():
        from gradlint.analysis import torch_advice

        torch_advice.handed_on(m, (result,))
    thing = m.get(result)
    if isinstance(thing, Generator) and not m.dead():
        m.put(result, replace(thing, kind="generator" if thing.kind == "contextmanager" else thing.kind))
        generators.run(m, result, lambda value: NONE)


__all__ = ["Call", "Const", "Entry", "entries_of", "isolated"]
