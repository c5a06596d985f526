"""Why a tensor does not require grad, in one phrase for a message, with the places it speaks of."""

from __future__ import annotations

from dataclasses import dataclass

from gradlint.analysis.values import Tensor
from gradlint.findings import Origin

CUTS = {
    "torch.Tensor.detach": ("detach", "it was detached"),
    "torch.detach": ("detach", "it was detached"),
    "torch.Tensor.detach_": ("detach", "it was detached"),
    "torch.Tensor.data": ("data", "it was taken from `.data`"),
    "torch.nn.Module.state_dict": ("detach", "`state_dict()` detaches what it gives"),
    "torch.tensor": ("copy", "`torch.tensor` copies values and leaves the graph behind"),
    "torch.Tensor.item": ("item", "`.item()` turned it into a number"),
    "torch.from_numpy": ("numpy", "it comes from numpy"),
    "torch.autograd.grad": ("grad", "`autograd.grad` gave it without `create_graph=True`"),
}
FUNCTION = "autograd.Function"
MAX_DEPTH = 12


@dataclass(frozen=True)
class Cause:
    """phrase: "it was computed under `torch.no_grad()`"; kind: see `TensorFact.cause_kind`; where: the place the phrase
    speaks of, made: where the value that settles it was computed; 0 for no place."""

    phrase: str = ""
    kind: str = ""
    where: int = 0
    made: int = 0


NOTHING = Cause()


def cause_of(thing: Tensor) -> Cause:
    """Why a tensor does not require grad; nothing where it does, or where nothing is known."""
    return explain(thing.origin)


def explain(origin: Origin, depth: int = 0) -> Cause:
    """The same of an origin."""
    if depth > MAX_DEPTH or origin.requires_grad is True:
        return NOTHING
    if origin.op in CUTS:
        kind, phrase = CUTS[origin.op]
        return Cause(phrase, kind, origin.line, origin.line)
    if origin.requires_grad is not False:
        return NOTHING
    operands = [a for a in flat(origin) if a.requires_grad is not None]
    if origin.op == "module" and not origin.modes:
        return Cause("the parameters of the module that computed it are frozen", "frozen", origin.line, origin.line)
    if origin.op == "module" or origin.op.startswith("torch.nn.") and dict(origin.kwargs).get("module") is True:
        operands.append(Origin("parameter", requires_grad=True))
    if origin.modes and origin.op not in ("input", "python", "leaf"):
        # An operand that lost its graph earlier, in another way, settles it before the mode does.
        for operand in operands:
            found = explain(operand, depth + 1)
            if found.phrase and not any(a.requires_grad for a in operands):
                return found
        mode = origin.modes[-1]
        if mode == FUNCTION:
            return Cause(
                "it was computed in an `autograd.Function`, which runs with gradients off",
                "function",
                origin.mode_line,
                origin.line,
            )
        kind = "inference" if "inference" in mode else "mode"
        return Cause(
            f"it was computed under {mode if mode.startswith('the ') else f'`{mode}`'}",
            kind,
            origin.mode_line,
            origin.line,
        )
    if any(a.requires_grad for a in operands):
        return Cause(f"`{origin.op.rpartition('.')[2]}` has no derivative", "op", origin.line, origin.line)
    for operand in operands:
        found = explain(operand, depth + 1)
        if found.phrase and found.kind != "input":
            return found
    if origin.op == "parameter" or dict(origin.kwargs).get("module") is False:
        return Cause("its parameters are frozen", "frozen", origin.line, origin.line)
    if operands or origin.op in ("leaf", "input"):
        return Cause("nothing it was computed from requires grad", "input", 0, origin.line)
    return NOTHING


def assumption(origin: Origin | None, depth: int = 0) -> str:
    """What a belief about requires_grad rests on, as a clause; "" where it rests on nothing in particular."""
    if origin is None or depth > MAX_DEPTH:
        return ""
    if origin.op == "module":
        trained = "trainable" if origin.requires_grad is not False else "all frozen"
        return f"the parameters of the module that computed it are {trained}"
    if origin.op == "torch.autograd.grad":
        return "the derivative depends on what requires grad"
    for operand in flat(origin):
        found = assumption(operand, depth + 1)
        if found:
            return found
    return ""


def flat(origin: Origin) -> list[Origin]:
    """The operands of an origin that are origins themselves, lists looked through."""
    found: list[Origin] = []
    for part in (*origin.args, *(v for _, v in origin.kwargs)):
        if isinstance(part, Origin):
            found.append(part)
        elif isinstance(part, (list, tuple)):
            found += [p for p in part if isinstance(p, Origin)]
    return found


def is_whole(origin: Origin, depth: int = 0) -> bool:
    """Whether every operand on the way to a value is known: no unknown call, nothing from outside, nothing cut short."""
    if depth > MAX_DEPTH or origin.op in ("unknown", "module"):
        return False
    if origin.op == "input" and origin.requires_grad is not False:
        return False
    return all(is_whole(a, depth + 1) for a in flat(origin))
