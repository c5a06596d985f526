"""Cases: a subject (some statements over tensors) with one choice for each of its finite inputs, written as a function.

The inputs are what the abstract domain tells apart: of each tensor whether it requires grad, is a leaf, a view, made in
inference mode, and in which mode its view was made; of the place the grad mode and inference mode. Two inputs are
unknown to the analyser, and stand for all that they may be: an argument that is any tensor, and a flag that is either.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = Path(__file__).parent / "calls.txt"
SUBJECTS = Path(__file__).parent / "subjects.txt"

KINDS = {
    "plain": "{n} = {e}",
    "leaf": "{n} = {e}\n{n}.requires_grad_()",
    "nonleaf": "{n} = {e}.requires_grad_().clone()",
    "inference": "with torch.inference_mode():\n    {n} = {e}",
    "leaf made in inference": "with torch.inference_mode():\n    {n} = {e}.requires_grad_()",
    "view": "{n} = {e}[...]",
    "view of leaf": "{n} = {e}.requires_grad_()[...]",
    "view of nonleaf": "{n} = {e}.requires_grad_().clone()[...]",
    "view made off": "{n} = {e}.requires_grad_().clone()\nwith torch.no_grad():\n    {n} = {n}[...]",
    "view made in inference": "{n} = {e}.requires_grad_().clone()\nwith torch.inference_mode():\n    {n} = {n}[...]",
    "either": "{n} = {e}.requires_grad_({n}0)",
    "any": "",
}
"""How a tensor `{n}` is made from an expression `{e}`; of "either" the flag is an argument, of "any" the tensor is."""
WITHOUT_GRAD = ("plain", "inference", "view")
"""The kinds of tensors that cannot require grad: of integers and truth values."""
KNOWN = tuple(kind for kind in KINDS if kind not in ("either", "any"))
FEW = ("plain", "leaf", "nonleaf", "inference")
MODES = {
    "on": "",
    "off": "torch.no_grad()",
    "inference": "torch.inference_mode()",
    "on in inference": "torch.inference_mode(), torch.enable_grad()",
    "either": "torch.set_grad_enabled(g0)",
}
ANY = ("plain", "leaf", "nonleaf", "inference", "view", "view of leaf", "view of nonleaf")
"""What "any" stands for. It is taken for granted that what is not known is no inference tensor that requires grad, and no
view made with gradients off of something else that requires grad."""


@dataclass(frozen=True)
class Subject:
    """`places`: where tensors stand in what the body binds to `r`. `options`: lines before the body, one of each group."""

    name: str
    body: str
    operands: tuple[tuple[str, str], ...]
    places: tuple[str, ...]
    options: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Case:
    """A subject with its inputs chosen. `unknown`: arguments that the analyser knows nothing of, and the expressions or
    flags that they stand for."""

    subject: Subject
    kinds: tuple[str, ...]
    mode: str
    options: tuple[str, ...] = ()

    @property
    def unknown(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for (name, made), kind in zip(self.subject.operands, self.kinds, strict=True):
            if kind == "either":
                found[f"{name}0"] = ("False", "True")
            elif kind == "any":
                kinds = WITHOUT_GRAD if not floating(made) else ANY
                found[name] = tuple(f"made({KINDS[each].format(n=name, e=made)!r}, {name!r})" for each in kinds)
        if self.mode == "either":
            found["g0"] = ("False", "True")
        return found

    def text(self, name: str, number: int) -> str:
        lines = [
            KINDS[kind].format(n=n, e=e)
            for (n, e), kind in zip(self.subject.operands, self.kinds, strict=True)
            if kind != "any"
        ]
        lines += [option for option in self.options if option]
        body = "\n".join(self.subject.body.split("; "))
        around = MODES[self.mode]
        lines.append(f"with {around}:\n{textwrap.indent(body, '    ')}" if around else body)
        values = ["torch.zeros(1)", *self.subject.places, *(n for n, _ in self.subject.operands)]
        lines += [f"{bound} = {value}" for bound, value in zip(self.names(number), values, strict=True)]
        lines.append("return locals()")
        return f"def {name}({', '.join(self.unknown)}):\n{textwrap.indent(chr(10).join(lines), '    ')}\n"

    def names(self, number: int) -> list[str]:
        """The names that are looked at in case `number` of a program: its end, what comes back, the operands."""
        found = ["end", *self.subject.places, *(n for n, _ in self.subject.operands)]
        return [f"{each.replace('[', '').replace(']', '')}__{number}" for each in found]

    def __str__(self) -> str:
        chosen = [f"{n} {kind}" for (n, _), kind in zip(self.subject.operands, self.kinds, strict=True)]
        return f"{self.subject.name}: {self.subject.body} [{', '.join([*chosen, f'mode {self.mode}', *self.options])}]"


def floating(expression: str) -> bool:
    """Whether an expression of calls.txt makes a tensor that can require grad."""
    whole = ("int", "bool", "short", "long")
    dtype = expression.partition("dtype=torch.")[2]
    if dtype:
        return not dtype.startswith((*whole, "uint"))
    return not expression.startswith("torch.tensor(") or "." in expression.partition("(")[2]


def subjects(path: Path) -> list[Subject]:
    """The subjects of a file: `name | body | a = expression | option 1 // option 2 | -> places`."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, body, *parts = line.split(" | ")
        places = tuple(part[3:].split() for part in parts if part.startswith("-> "))
        operands = tuple(part.partition(" = ")[::2] for part in parts if part[1:4] == " = ")
        options = tuple(tuple(part[2:].split(" // ")) for part in parts if part.startswith("? "))
        found.append(Subject(name, body, operands, tuple(places[0]) if places else (), options))
    return found


def cases(subject: Subject, share: str = "whole") -> Iterator[Case]:
    """All cases of a subject; of a "further" call of the same function only the few most different kinds; of a "slice" a
    handful."""
    modes = tuple(MODES) if share == "whole" else ("on", "off", "inference")
    for kinds in chosen_kinds(subject, share):
        for mode in modes:
            for options in itertools.product(*subject.options):
                yield Case(subject, kinds, mode, options)


def chosen_kinds(subject: Subject, share: str) -> list[tuple[str, ...]]:
    """Of one tensor all kinds; of two each kind of one with the few most different ones of the other; of three all
    combinations of these few; of more tensors, those of any two of them. And each tensor unknown alone, and all of them."""
    count = len(subject.operands)
    able = [floating(made) for _, made in subject.operands]

    def allowed(kinds: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [tuple(k for k in kinds if can or k in WITHOUT_GRAD) for can in able]

    if share == "slice":
        return list(itertools.product(*allowed(("plain", "leaf") if count > 1 else FEW)))[:8]
    if share == "further" and count <= 2:
        return [*itertools.product(*allowed(FEW)), ("any",) * count]
    if count <= 2:
        every, few = allowed(KNOWN), allowed(FEW)
        found = [
            kinds
            for n in range(max(count, 1))
            for kinds in itertools.product(*(every[i] if i == n else few[i] for i in range(count)))
        ]
    elif count == 3:
        found = list(itertools.product(*allowed(FEW)))
    else:
        found = []
        for one, two in itertools.combinations(range(count), 2):
            choice = [kinds if n in (one, two) else ("plain",) for n, kinds in enumerate(allowed(FEW))]
            found += itertools.product(*choice)
    for vague in ("either", "any"):
        for number in range(count):
            if able[number] or vague == "any":
                found.append(tuple(vague if n == number else "plain" for n in range(count)))
        if count > 1 and all(able):
            found.append((vague,) * count)
    return list(dict.fromkeys(found))
