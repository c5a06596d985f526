"""Why a tensor does not require grad, in one phrase for a message."""

from __future__ import annotations

from gradlint.analysis.machine import Machine
from gradlint.analysis.values import Tensor
from gradlint.findings import Origin

_CUTS = {
    "torch.Tensor.detach": "it was detached",
    "torch.detach": "it was detached",
    "torch.Tensor.detach_": "it was detached",
    "torch.Tensor.data": "it was taken from `.data`",
    "torch.tensor": "`torch.tensor` copies values and leaves the graph behind",
    "torch.Tensor.item": "`.item()` turned it into a number",
    "torch.from_numpy": "it comes from numpy",
}


def cause_of(m: Machine, thing: Tensor) -> tuple[str, int]:
    """A phrase that settles why `thing` does not require grad, and the place it speaks of (0 for none); ("", 0)
    where it does require grad or nothing is known."""
    return explain(thing.origin, 0)


def explain(origin: Origin, depth: int) -> tuple[str, int]:
    if depth > 12 or origin.requires_grad is True:
        return "", 0
    if origin.op in _CUTS:
        return _CUTS[origin.op], origin.line
    if origin.requires_grad is False:
        if origin.modes and origin.op not in ("input", "python"):
            return f"it was computed under `{origin.modes[-1]}`", origin.mode_line
        operands = [a for a in _flat(origin) if a.requires_grad is not None]
        if any(a.requires_grad for a in operands):
            return f"`{origin.op.rpartition('.')[2]}` has no derivative", origin.line
        for operand in operands:
            found = explain(operand, depth + 1)
            if found[0]:
                return found
        if origin.op == "parameter":
            return "its parameters are frozen", origin.line
        if operands or origin.op in ("leaf", "input"):
            return "nothing it was computed from requires grad", origin.line
    return "", 0


def _flat(origin: Origin) -> list[Origin]:
    found: list[Origin] = []
    for part in (*origin.args, *(v for _, v in origin.kwargs)):
        if isinstance(part, Origin):
            found.append(part)
        elif isinstance(part, (list, tuple)):
            found += [p for p in part if isinstance(p, Origin)]
    return found


def is_whole(origin: Origin, depth: int = 0) -> bool:
    """Whether every operand on the way to a value is known: no unknown call, nothing from outside, nothing cut short."""
    if depth > 12 or origin.op in ("unknown", "module", "input"):
        return False
    return all(is_whole(a, depth + 1) for a in _flat(origin))
