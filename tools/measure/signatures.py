"""The argument names of torch's functions, and which argument each value of a call belongs to.

Python functions tell by `inspect`; native ones by their registered schemas (`self` is called `input`, as torch's
Python bindings call it). Several overloads are kept: the longest names the arguments, the others lend names to
their own positions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str = ""
    required: bool = True


@dataclass(frozen=True)
class Overload:
    positional: tuple[Parameter, ...]
    keywords: tuple[Parameter, ...] = ()
    rest: str = ""
    """Name of `*args`."""


@dataclass(frozen=True)
class Signature:
    overloads: tuple[Overload, ...]

    @property
    def main(self) -> Overload:
        return max(self.overloads, key=lambda o: len(o.positional))

    @property
    def args(self) -> tuple[str, ...]:
        main = self.main
        return tuple(p.name for p in main.positional) + ((main.rest,) if main.rest else ())

    @property
    def keywords(self) -> tuple[str, ...]:
        seen: dict[str, None] = {}
        for overload in self.overloads:
            seen.update(dict.fromkeys(p.name for p in overload.keywords))
            seen.update(dict.fromkeys(p.name for p in overload.positional))
        return tuple(n for n in seen if n not in self.args)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
        """A name for each positional value; "a|b" where the canonical and the matching overload's names differ."""
        main = self.args
        match = next((o for o in self.overloads if _accepts(o, args, kwargs)), None)
        names = []
        for position in range(len(args)):
            canonical = main[min(position, len(main) - 1)] if main else f"arg{position}"
            own = canonical
            if match is not None and position < len(match.positional):
                own = match.positional[position].name
            names.append(canonical if own == canonical else f"{canonical}|{own}")
        return names


def _accepts(overload: Overload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if len(args) > len(overload.positional) and not overload.rest:
        return False
    pairs = list(zip(overload.positional, args, strict=False))
    return all(_fits(p.type, v) for p, v in pairs) and not (
        {p.name for p in overload.positional if p.required} - {p.name for p, _ in pairs} - set(kwargs)
    )


def _fits(kind: str, value: Any) -> bool:
    if not kind or value is None:
        return True
    if isinstance(value, torch.Tensor):
        return kind.startswith(("Tensor", "Optional[Tensor]", "number", "Optional[number]")) and not kind.startswith(
            "List"
        )
    if isinstance(value, (list, tuple)):
        return "List" in kind
    if isinstance(value, bool):
        return "bool" in kind or "number" in kind
    if isinstance(value, (int, float, complex)):
        return any(word in kind for word in ("int", "float", "number", "List"))
    if isinstance(value, str):
        return "str" in kind
    return "Tensor" not in kind


BY_HAND = {
    "as_tensor": "data, dtype=0, device=0",
    "tensor": "data, *, dtype=0, device=0, requires_grad=0, pin_memory=0",
    "asarray": "obj, *, dtype=0, device=0, copy=0, requires_grad=0",
    "from_numpy": "ndarray",
    "frombuffer": "buffer, *, dtype, count=0, offset=0, requires_grad=0",
    "from_file": "filename, shared=0, size=0, *, dtype=0, layout=0, device=0, pin_memory=0, requires_grad=0",
    "new_tensor": "input, data, *, dtype=0, device=0, requires_grad=0, layout=0, pin_memory=0",
    "einsum": "equation, *operands",
    "unique": "input, sorted=0, return_inverse=0, return_counts=0, dim=0",
    "unique_consecutive": "input, return_inverse=0, return_counts=0, dim=0",
    "nonzero": "input, *, as_tuple=0",
    "copy_": "input, other, non_blocking=0",
    "set_": "input, source=0, storage_offset=0, size=0, stride=0",
    "numpy": "input, *, force=0",
    "map_": "input, other, callable",
    "map2_": "input, other, other2, callable",
    "apply_": "input, callable",
    "type": "input, dtype=0, non_blocking=0",
    "requires_grad_": "input, requires_grad=0",
    "as_subclass": "input, cls",
    "__setitem__": "input, index, value",
    "__getitem__": "input, index",
    "index": "input, index",
    "new": "input, *size",
}
"""Signatures that neither Python nor a schema tells, as Python writes them."""


def signature(function: Callable[..., Any], name: str) -> Signature | None:
    """The signature of a torch function known as `name` (the last part of its qualified name); None if unknown."""
    if name in BY_HAND:
        scope: dict[str, Any] = {}
        exec(f"def f({BY_HAND[name]}): ...", scope)
        return Signature((_from_python(inspect.signature(scope["f"])),))
    native = _native(name, function)
    if native is not None and not inspect.isfunction(function):
        return native
    try:
        found = inspect.signature(function)
    except (ValueError, TypeError):
        return native or _override(function)
    if all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found.parameters.values()):
        inner = _dispatched(function)
        if inner is not None:
            return Signature((_from_python(inspect.signature(inner)),))
    return Signature((_from_python(found),))


def _dispatched(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """One of the functions between which a `boolean_dispatch` function chooses."""
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    return next((c for c in cells if inspect.isfunction(c)), None)


def _from_python(found: inspect.Signature) -> Overload:
    positional, keywords, rest = [], [], ""
    for p in found.parameters.values():
        name = "input" if p.name == "self" else p.name
        required = p.default is p.empty
        if p.kind is p.VAR_POSITIONAL:
            rest = name
        elif p.kind is p.KEYWORD_ONLY:
            keywords.append(Parameter(name, required=required))
        elif p.kind is not p.VAR_KEYWORD and not name.startswith("_"):
            positional.append(Parameter(name, required=required))
    return Overload(tuple(positional), tuple(keywords), rest)


_PREFIXES = ("", "linalg_", "fft_", "special_", "nested_", "sparse_")


def _native(name: str, function: Callable[..., Any]) -> Signature | None:
    own = getattr(function, "__name__", name)
    for candidate in dict.fromkeys([own, name, *(p + name for p in _PREFIXES)]):
        method = hasattr(function, "__objclass__")
        overloads = [_from_schema(s, method) for s in torch._C._jit_get_schemas_for_operator(f"aten::{candidate}")]
        kept = tuple(dict.fromkeys(o for o in overloads if o is not None))
        if kept:
            return Signature(kept)
    return None


def _from_schema(schema: Any, method: bool) -> Overload | None:
    """The overload of a schema; of a method, `self` stands in front wherever the schema has it (`where`)."""
    if any(a.is_out for a in schema.arguments):
        return None
    types = [str(a.type) for a in schema.arguments] + [str(r.type) for r in schema.returns]
    if not any("Tensor" in t for t in types) or any(t in ("t", "List[t]") for t in types):
        return None
    positional, keywords = [], []
    for a in schema.arguments:
        name = "input" if a.name == "self" else a.name
        made = Parameter(name, str(a.type), not a.has_default_value())
        (keywords if a.kwarg_only else positional).append(made)
    if method:
        positional.sort(key=lambda p: p.name != "input")
        if positional and positional[0].name == "input" and positional[0].type != "Tensor":
            return None
    return Overload(tuple(positional), tuple(keywords))


def _override(function: Callable[..., Any]) -> Signature | None:
    """What torch's own table of overridable functions says; for functions that neither Python nor a schema describes."""
    dummy = torch.overrides.get_testing_overrides().get(function)
    return None if dummy is None else Signature((_from_python(inspect.signature(dummy)),))
