"""Sample calls of torch's functions, methods and attributes as source text: `python -m tools.enumerate.sample_calls`.

Torch's own sample inputs (tools/measure/bank.py) are written down as programs would say them, and kept in calls.txt where
the text runs: a name of the tables, the body, the expressions of the tensors `a`, `b`, ... and what comes back.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gradlint.torch_model import rows
from tools.measure import bank, observe, operators
from tools.measure.bank import Call, varied
from tools.measure.operators import Target

CALLS = Path(__file__).parent / "calls.txt"
MOST = 3
"""Calls of one name that are kept, the most different ones."""
LONGEST = 300
LETTERS = "abcdefghij"
SYNTAX = {
    "__add__": "+", "__sub__": "-", "__mul__": "*", "__truediv__": "/", "__floordiv__": "//", "__mod__": "%",
    "__pow__": "**", "__matmul__": "@", "__and__": "&", "__or__": "|", "__xor__": "^", "__lshift__": "<<",
    "__rshift__": ">>", "__eq__": "==", "__ne__": "!=", "__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">=",
}  # fmt: skip
PREFIX = {"__neg__": "-{}", "__pos__": "+{}", "__invert__": "~{}", "__abs__": "abs({})", "__len__": "len({})",
          "__bool__": "bool({})", "__int__": "int({})", "__float__": "float({})", "__complex__": "complex({})"}  # fmt: skip


class Unwritable(Exception):
    """A value for which there is no short text."""


class Writer:
    """The text of values; each tensor gets a letter and an expression that makes one like it."""

    def __init__(self, literal: bool) -> None:
        self.literal = literal
        self.operands: dict[int, tuple[str, str]] = {}

    def text(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return self.operand(value)
        if value is None or isinstance(value, bool | int | str | type(Ellipsis)):
            return "..." if value is Ellipsis else repr(value)
        if isinstance(value, float):
            return repr(value) if value == value and abs(value) != float("inf") else f'float("{value}")'
        if isinstance(value, complex):
            return repr(value)
        if isinstance(value, torch.dtype | torch.layout | torch.memory_format):
            return str(value)
        if isinstance(value, torch.device):
            return repr(str(value))
        if isinstance(value, slice):
            return f"slice({self.text(value.start)}, {self.text(value.stop)}, {self.text(value.step)})"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.text, value)) + "]"
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            items = [self.text(item) for item in value]
            return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        raise Unwritable(type(value).__name__)

    def index(self, value: Any) -> str:
        """What stands between the brackets of a subscript."""
        if isinstance(value, tuple):
            return ", ".join(map(self.index, value)) + ("," if len(value) == 1 else "") if value else "()"
        if isinstance(value, slice):
            parts = ["" if part is None else self.text(part) for part in (value.start, value.stop, value.step)]
            return ":".join(parts if parts[2] else parts[:2])
        return self.text(value)

    def operand(self, tensor: Tensor) -> str:
        if id(tensor) not in self.operands:
            if len(self.operands) >= len(LETTERS) or tensor.layout is not torch.strided or tensor.is_quantized:
                raise Unwritable(str(tensor.layout))
            if tensor.is_nested or tensor.is_conj() or type(tensor) is not Tensor:
                raise Unwritable("kind of tensor")
            made = literal(tensor) if self.literal else alike(tensor)
            self.operands[id(tensor)] = LETTERS[len(self.operands)], made
        return self.operands[id(tensor)][0]


def alike(tensor: Tensor) -> str:
    """A factory of tensors of this shape and dtype."""
    shape = ", ".join(map(str, tensor.shape))
    dtype = "" if tensor.dtype == torch.float32 else f", dtype={tensor.dtype}"
    if not tensor.dtype.is_floating_point and not tensor.dtype.is_complex:
        return f"torch.ones({shape or '()'}{dtype})" if tensor.dim() else f"torch.tensor({tensor.item()}{dtype})"
    if not tensor.dim():
        return f"torch.tensor(0.5{dtype})"
    square = tensor.dim() == 2 and tensor.shape[0] == tensor.shape[1]
    return f"torch.eye({tensor.shape[0]}{dtype})" if square else f"torch.rand({shape}{dtype})"


def literal(tensor: Tensor) -> str:
    if tensor.numel() > 24:
        raise Unwritable("large")
    values = tensor.tolist() if tensor.dtype != torch.bfloat16 else tensor.float().tolist()
    dtype = "" if tensor.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={tensor.dtype}"
    return f"torch.tensor({_rounded(values)}{dtype})".replace("nan", "0.5").replace("inf", "0.5")


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 2) if isinstance(value, float) else value


def written(target: Target, call: Call, writer: Writer) -> str:
    """The statement that makes a call; what it gives is bound to `r`."""
    args, kwargs = call
    if target.function.__name__ == "<lambda>":
        return f"r = {writer.text(args[0])}.{target.last}"
    if not target.name.startswith("torch.Tensor."):
        return f"r = {target.name.replace('torch.nn.', 'nn.').replace('nn.functional', 'F')}({arguments(args, kwargs, writer)})"
    receiver = writer.text(args[0])
    if not isinstance(args[0], Tensor):
        raise Unwritable("receiver")
    own = target.last
    if own == "__getitem__":
        return f"r = {receiver}[{writer.index(args[1])}]"
    if own == "__setitem__":
        return f"{receiver}[{writer.index(args[1])}] = {writer.text(args[2])}; r = {receiver}"
    if own in PREFIX and len(args) == 1:
        return "r = " + PREFIX[own].format(receiver)
    if own in SYNTAX and len(args) == 2 and not kwargs:
        return f"r = {receiver} {SYNTAX[own]} {writer.text(args[1])}"
    reversed_, inplace = own.replace("__r", "__", 1), own.replace("__i", "__", 1)
    if own.startswith("__r") and reversed_ in SYNTAX and len(args) == 2 and not isinstance(args[1], Tensor):
        return f"r = {writer.text(args[1])} {SYNTAX[reversed_]} {receiver}"
    if own.startswith("__i") and inplace in SYNTAX and len(args) == 2:
        return f"r = {receiver}; r {SYNTAX[inplace]}= {writer.text(args[1])}"
    return f"r = {receiver}.{own}({arguments(args[1:], kwargs, writer)})"


def arguments(args: tuple[Any, ...], kwargs: dict[str, Any], writer: Writer) -> str:
    return ", ".join([*map(writer.text, args), *(f"{key}={writer.text(value)}" for key, value in kwargs.items())])


def paths(value: Any, path: str = "r") -> Iterator[str]:
    """Where in a result there are tensors."""
    if isinstance(value, Tensor):
        yield path
    elif isinstance(value, tuple | list) and not isinstance(value, torch.Size) and not hasattr(value, "sorted_indices"):
        for number, item in enumerate(value[:3]):
            yield from paths(item, f"{path}[{number}]")


def runs(body: str, operands: dict[str, str]) -> list[str] | None:
    """Where the tensors of the result stand; None where the body does not run."""
    space: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    observe.seed()
    try:
        for name, expression in operands.items():
            space[name] = eval(expression, space)
        exec(body, space)
    except Exception:  # whatever torch says, the text is no sample
        return None
    return list(paths(space["r"]))


def lines_of(target: Target, calls: list[Call]) -> list[str]:
    found: list[str] = []
    for call in calls:
        for whole in (False, True):
            writer = Writer(whole)
            try:
                body = written(target, call, writer)
            except Unwritable:
                continue
            operands = dict(writer.operands.values())
            places = runs(body, operands)
            if places is None:
                continue
            parts = [target.name, body, *(f"{name} = {text}" for name, text in operands.items())]
            line = " | ".join([*parts, "-> " + " ".join(places)])
            if len(line) <= LONGEST and line not in found:
                found.append(line)
                break
        if len(found) >= MOST:
            break
    return found


def all_lines(only: Callable[[str], bool] = lambda name: True) -> Iterator[str]:
    made = bank.build()
    known = {name for table in ("functions", "methods", "attributes") for name in rows.names(table)}
    for target in itertools.chain(operators.functions(), operators.methods(), operators.attributes()):
        if target.name in known and only(target.name):
            calls = [c for c in operators.candidates(target, made) if _full(c)]
            yield from lines_of(target, varied(sorted(calls, key=_order), 8 * MOST))


def _order(call: Call) -> tuple[bool, bool, int]:
    """Floating tensors with dimensions come first, small ones before large ones."""
    tensors = observe.tensors_of([*call[0], *call[1].values()])
    floating = any(t.is_floating_point() for t in tensors)
    return not floating, not all(t.dim() for t in tensors), sum(t.numel() for t in tensors)


def _full(call: Call) -> bool:
    return all(t.numel() for t in observe.tensors_of([*call[0], *call[1].values()]))


def main() -> int:
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = sorted(set(all_lines()))
    version = torch.__version__.partition("+")[0]
    head = f"# Sample calls: name | body | tensors | places of what comes back; by sample_calls.py on torch {version}"
    CALLS.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    print(f"{len(lines)} calls of {len({line.partition(' | ')[0] for line in lines})} names")
    return 0


if __name__ == "__main__":
    sys.exit(main())
