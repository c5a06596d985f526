"""One call of a torch function, looked at from every side.

In goes a `Sample` (a function, its values, the names they belong to); out comes `Seen`: what the call returned, which
outputs require grad for the sake of which argument, what is shared with the inputs, written, and saved for backward.
Everything is found by running the call again and again on fresh copies of its inputs.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Slot:
    """One value of a call: `names` it goes by, whether it was given by keyword."""

    names: tuple[str, ...]
    value: Any
    keyword: str = ""


@dataclass(frozen=True)
class Sample:
    function: Callable[..., Any]
    slots: tuple[Slot, ...]

    def with_values(self, values: list[Any]) -> Sample:
        return Sample(
            self.function, tuple(Slot(s.names, v, s.keyword) for s, v in zip(self.slots, values, strict=True))
        )


@dataclass
class Out:
    """One output tensor over all the runs of a sample. alias: "fresh", "self", "view" as seen; shares: the arguments.
    grad: None where nothing could be learnt. flows: argument -> does this output require grad when only it, or only one
    of its tensors, does."""

    kind: str = ""
    zero_d: bool = False
    grad: bool | None = None
    flows: dict[str, set[bool]] = field(default_factory=dict)
    alias: set[str] = field(default_factory=set)
    shares: set[str] = field(default_factory=set)
    kept: set[bool] = field(default_factory=set)


@dataclass
class Seen:
    """What a sample showed. saves: saved thing ("result" or an argument) -> the sets of arguments, each alone requiring grad,
    under which it was saved; tried: the arguments tried alone; present: those given as tensors
    that have bytes; full: no output is empty (what is empty cannot be recognised when it is saved)."""

    shape: str
    outs: list[Out]
    writes: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    present: set[str] = field(default_factory=set)
    saves: dict[str, set[str]] = field(default_factory=dict)
    full: bool = True
    complex: bool = False
    each: bool | None = None
    """Whether output k requires grad iff operand k does; None where there are not as many of both."""
    error: str = ""


@dataclass
class Run:
    """A single call: its result and the tensors that went in, by slot."""

    result: Any
    inputs: list[list[Tensor]]
    before: list[list[int]]
    old: list[list[Tensor]]
    saved: list[tuple[int, int]]


def rebuild(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The value with each tensor in it replaced."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, torch.Size):
        return value
    if isinstance(value, (list, tuple)):
        items = [rebuild(v, change) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {k: rebuild(v, change) for k, v in value.items()}
    return value


def tensors_of(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    rebuild(value, lambda t: (found.append(t), t)[1])
    return found


def can_require_grad(t: Tensor) -> bool:
    return t.is_floating_point() or t.is_complex()


def differentiable(slot: Slot) -> bool:
    return any(can_require_grad(t) for t in tensors_of(slot.value))


def copy_of(t: Tensor, rg: bool, leaf: bool) -> Tensor:
    """A tensor of its own storage like `t`. Conjugate and negative bits are kept by conjugating the copy again."""
    if t.is_conj():
        return copy_of(t.conj(), rg, leaf).conj()
    made = t.detach().clone()
    if rg and can_require_grad(t):
        made.requires_grad_()
        return made if leaf else made.clone()
    return made


MODES: dict[str, Callable[[], Any]] = {
    "grad": contextlib.nullcontext, "no_grad": torch.no_grad, "inference": torch.inference_mode,
}  # fmt: skip


def run(sample: Sample, wanting: set[int], mode: str = "grad", leaf: bool = True, part: int | None = None) -> Run:
    """Call once. The slots in `wanting` require grad, or only their tensor number `part`; slot 0 is no leaf where
    `leaf` is False (an in-place target)."""
    values = []
    for i, s in enumerate(sample.slots):
        numbers = itertools.count()
        wanted = [] if i not in wanting else [part] if part is not None else range(1000)
        values.append(rebuild(s.value, lambda t, i=i, n=numbers, w=wanted: copy_of(t, next(n) in w, leaf or i != 0)))
    inputs = [tensors_of(v) for v in values]
    before = [[t._version for t in group] for group in inputs]
    old = [[t.detach().clone() for t in group] for group in inputs]
    saved: list[tuple[int, int]] = []

    def pack(t: Tensor) -> Tensor:
        saved.append((_storage(t), t._version))
        return t

    args = [v for v, s in zip(values, sample.slots, strict=True) if not s.keyword]
    kwargs = {s.keyword: v for v, s in zip(values, sample.slots, strict=True) if s.keyword}
    seed()
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t) if mode == "grad" else contextlib.nullcontext()
    with warnings.catch_warnings(), MODES[mode](), hooks:
        warnings.simplefilter("ignore")
        result = sample.function(*args, **kwargs)
        result = list(result) if hasattr(result, "__next__") else result
    if result is NotImplemented:
        raise TypeError("NotImplemented")
    return Run(result, inputs, before, old, saved)


def seed() -> None:
    """Start every source of random numbers anew. `torch.manual_seed` would walk the stack for each kind of device."""
    torch.default_generator.manual_seed(0)
    random.seed(0)
    np.random.seed(0)


def _storage(t: Tensor) -> int:
    try:
        return t.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0


def outputs(result: Any) -> tuple[str, list[Tensor]]:
    """The shape of a result and its tensors in order: "t", "tt", "tn" (a tensor and something else), "t(tt)", "none", "n",
    "*2" (a list of two tensors)."""
    if result is None:
        return "none", []
    if isinstance(result, list):
        tensors = [t for t in result if isinstance(t, Tensor)]
        return (f"*{len(result)}", tensors) if len(tensors) == len(result) else ("n", [])
    if isinstance(result, tuple) and not isinstance(result, torch.Size):
        tensors = tensors_of(result)
        if len(result) == 1 and isinstance(result[0], Tensor):
            return "*1", tensors
        return ("".join(_pattern(r) for r in result), tensors) if tensors else ("n", [])
    return ("t", [result]) if isinstance(result, Tensor) else ("n", [])


def _pattern(value: Any) -> str:
    if isinstance(value, (list, tuple)) and tensors_of(value):
        return f"({''.join(_pattern(v) for v in value)})"
    return "t" if isinstance(value, Tensor) else "n"


def kind_of(t: Tensor) -> str:
    if t.dtype == torch.bool:
        return "bool"
    return "complex" if t.is_complex() else "float" if t.is_floating_point() else "int"


def alias_of(out: Tensor, ran: Run, sample: Sample) -> tuple[str, tuple[str, ...]]:
    """How an output hangs together with the inputs: the same object, shared bytes, or nothing."""
    for slot, group in zip(sample.slots, ran.inputs, strict=True):
        if any(out is t for t in group):
            return "self", slot.names
    base = out._base if out._is_view() else None
    for slot, group in zip(sample.slots, ran.inputs, strict=True):
        for t in group:
            if base is not None and (base is t or base is t._base) or _storage(t) and _storage(out) == _storage(t):
                return "view", slot.names
    return "fresh", ()


def observe(sample: Sample, inplace: bool = False) -> Seen:
    """Everything about one sample. Errors of the plain call are raised; those of a variant are recorded."""
    inplace = inplace or any("inplace" in s.names and s.value is True for s in sample.slots)
    plain = run(sample, set())
    shape, tensors = outputs(plain.result)
    seen = Seen(shape, [Out(kind_of(t), t.dim() == 0) for t in tensors])
    _note_alias(seen, plain, sample)
    _note_writes(seen, plain, sample)
    seen.present = {n for s in sample.slots if any(_storage(t) for t in tensors_of(s.value)) for n in s.names}
    seen.complex = any(t.is_complex() for s in sample.slots for t in tensors_of(s.value))
    seen.full = all(t.numel() for t in tensors)
    free = [i for i, s in enumerate(sample.slots) if differentiable(s)]
    seen.tried = {n for i in free for n in sample.slots[i].names}
    for i in list(free):
        try:
            _note_single(seen, run(sample, {i}, leaf=not inplace), sample, i)
            parts = [j for j, t in enumerate(tensors_of(sample.slots[i].value)) if can_require_grad(t)]
            for part in {parts[0], parts[-1]} if len(parts) > 1 else ():
                _note_flows(seen, run(sample, {i}, part=part), sample.slots[i].names)
        except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
            free.remove(i)
            seen.error = str(error)
            seen.refused |= set(sample.slots[i].names)
            seen.tried -= set(sample.slots[i].names)
    operands = [(i, j) for i in free for j in range(len(tensors_of(sample.slots[i].value)))]
    if 1 < len(operands) == len(seen.outs):
        rows = [[t.requires_grad for t in outputs(run(sample, {i}, part=j).result)[1]] for i, j in operands]
        seen.each = rows == [[k == n for k in range(len(rows))] for n in range(len(rows))]
    if free:
        _note_all(seen, sample, set(free), inplace)
    return seen


def _each(seen: Seen, ran: Run) -> Iterator[tuple[Out, Tensor]]:
    shape, tensors = outputs(ran.result)
    if shape != seen.shape:
        seen.shape = "depends"
    yield from zip(seen.outs, tensors, strict=False)


def _note_alias(seen: Seen, ran: Run, sample: Sample) -> None:
    for out, t in _each(seen, ran):
        word, names = alias_of(t, ran, sample)
        out.alias.add(word)
        out.shares |= set(names[:1])


def _note_writes(seen: Seen, ran: Run, sample: Sample) -> None:
    for slot, group, versions, old in zip(sample.slots, ran.inputs, ran.before, ran.old, strict=True):
        if any(t._version != v or _differs(t, o) for t, v, o in zip(group, versions, old, strict=True)):
            seen.writes |= set(slot.names)


def _differs(new: Tensor, old: Tensor) -> bool:
    """Whether the values changed: some kernels write without counting a version."""
    try:
        return new.shape == old.shape and not torch.equal(torch.nan_to_num(new), torch.nan_to_num(old))
    except (RuntimeError, NotImplementedError):
        return False


def _note_single(seen: Seen, ran: Run, sample: Sample, index: int) -> None:
    names = sample.slots[index].names
    _note_flows(seen, ran, names)
    for name in _saved(ran, sample):
        seen.saves.setdefault(name, set()).update(names)


def _note_flows(seen: Seen, ran: Run, names: tuple[str, ...]) -> None:
    for out, t in _each(seen, ran):
        for name in names if can_require_grad(t) else ():
            out.flows.setdefault(name, set()).add(t.requires_grad)


def _saved(ran: Run, sample: Sample) -> set[str]:
    """What the graph of a run saved: "result", or names of arguments. What was overwritten since counts as the argument."""
    found: set[str] = set()
    made = {_storage(t) for t in outputs(ran.result)[1]} - {0}
    for storage, version in ran.saved:
        owner = None
        for slot, group, before in zip(sample.slots, ran.inputs, ran.before, strict=True):
            for t, v in zip(group, before, strict=True):
                if storage and _storage(t) == storage:
                    changed = t._version != v
                    owner = ("result",) if changed and version == t._version else slot.names
        if owner is None and storage in made:
            owner = ("result",)
        found |= set(owner or ())
    return found


def _note_all(seen: Seen, sample: Sample, free: set[int], inplace: bool) -> None:
    ran = run(sample, free, leaf=not inplace)
    _note_alias(seen, ran, sample)
    for out, t in _each(seen, ran):
        if can_require_grad(t):
            out.grad = t.requires_grad
    for mode in ("no_grad", "inference"):
        ran = run(sample, free, mode)
        _note_alias(seen, ran, sample)
        for out, t in _each(seen, ran):
            if can_require_grad(t):
                out.kept.add(t.requires_grad)
