"""`torch.einsum`: the operands are permuted, multiplied in batches of matrices, and summed, two at a time."""

from __future__ import annotations

import string
from typing import Any

from ..tensor import Tensor
from .arithmetic import mul
from .matrix import bmm
from .pieces import diagonal
from .reduce import sum as sum_of
from .shape import permute, reshape, unsqueeze

_LETTERS = string.ascii_uppercase + string.ascii_lowercase


def einsum(*args: Any) -> Tensor:
    equation, operands = _parsed(args)
    for at, each in enumerate(operands):
        if not isinstance(each, Tensor):
            raise TypeError(f"expected Tensor as element {at} in argument 1, but got {type(each).__name__}")
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        more = "fewer" if len(terms) > len(operands) else "more"
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation")
    spread = max([_ellipsis_size(term, each) for term, each in zip(terms, operands, strict=True)], default=0)
    dots = [f"<{index}>" for index in range(spread)]
    named = [_labels(term, each, dots, at) for at, (term, each) in enumerate(zip(terms, operands, strict=True))]
    output = _output_labels(terms, right if arrow else None, dots, named)
    sizes: dict[str, int] = {}
    parts: list[Any] = []
    for labels, each in zip(named, operands, strict=True):
        each, labels = _without_repeats(each, labels)
        for label, size in zip(labels, each._array.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                if size != 1 and sizes[label] != 1:
                    raise _misfit(label, size, len(parts), sizes[label])
                sizes[label] = max(size, sizes[label])
        parts.append((each, labels))
    return _contracted(parts, output, sizes)


def _parsed(args: tuple[Any, ...]) -> tuple[str, list[Tensor]]:
    """The equation and the operands; also of the form with lists of numbers in the equation's place."""
    if isinstance(args[0], str):
        rest = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
        return args[0], list(rest)

    def text(items: Any) -> str:
        return "".join("..." if item is Ellipsis else _LETTERS[item] for item in items)

    operands, terms = list(args[: len(args) // 2 * 2 : 2]), [text(each) for each in args[1::2]]
    equation = ",".join(terms)
    return (f"{equation}->{text(args[-1])}" if len(args) % 2 else equation), operands


def _ellipsis_size(term: str, operand: Tensor) -> int:
    return operand._array.ndim - len(term.replace("...", "")) if "..." in term else 0


def _labels(term: str, operand: Tensor, dots: list[str], at: int) -> list[str]:
    before, found, after = term.partition("...")
    size = _ellipsis_size(term, operand)
    middle = dots[len(dots) - size :] if found else []
    labels = [*before, *middle, *after]
    if len(labels) != operand._array.ndim or size < 0:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(labels) - len(middle)}) "
            f"{'is more than' if size < 0 else 'does not match'} the number of dimensions ({operand._array.ndim}) for "
            f"operand {at}" + (" and no ellipsis was given" if not found else "")
        )
    return labels


def _output_labels(terms: list[str], right: str | None, dots: list[str], named: list[list[str]]) -> list[str]:
    if right is None:
        letters = sorted(letter for letter in set("".join(terms)) if letter.isalpha())
        once = [letter for letter in letters if sum(labels.count(letter) for labels in named) == 1]
        return [*dots, *once]
    before, found, after = right.partition("...")
    known = {label for labels in named for label in labels}
    for label in before + after:
        if label not in known:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input operand"
            )
        if (before + after).count(label) > 1:
            raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
    return [*before, *(dots if found else []), *after]


def _without_repeats(operand: Tensor, labels: list[str]) -> tuple[Tensor, list[str]]:
    """A label that stands twice in one operand means its diagonal."""
    for label in list(dict.fromkeys(labels)):
        while labels.count(label) > 1:
            a = labels.index(label)
            b = labels.index(label, a + 1)
            if operand._array.shape[a] != operand._array.shape[b]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand 0 but the sizes don't match, "
                    f"{operand._array.shape[b]} != {operand._array.shape[a]}"
                )
            operand = diagonal(operand, 0, a, b).movedim(-1, a)
            labels = labels[:b] + labels[b + 1 :]
    return operand, labels


def _misfit(label: str, size: int, operand: int, seen: int) -> RuntimeError:
    if label.startswith("<"):
        return RuntimeError(
            f"einsum(): dimension {label[1:-1]} covered by ellipsis in operand {operand}has size {size} which does not "
            f"broadcast with previously seen ellipsis with size {seen} for the respective dimension"
        )
    return RuntimeError(
        f"einsum(): subscript {label} has size {size} for operand {operand} which does not broadcast with previously seen "
        f"size {seen}"
    )


def _contracted(parts: list[tuple[Tensor, list[str]]], output: list[str], sizes: dict[str, int]) -> Tensor:
    first, labels = parts[0]
    order = [*output, *[label for label in sizes if label not in output]]
    current = _aligned(first, labels, order)
    later = [set(each) for _, each in parts]
    for index in range(1, len(parts)):
        other = _aligned(parts[index][0], parts[index][1], order)
        after = set().union(*later[index + 1 :]) if index + 1 < len(parts) else set()
        summed = [at for at, label in enumerate(order) if label not in output and label not in after]
        current = _pair(current, other, [at for at in summed if order[at] not in _gone(order, current, other)])
    if len(parts) == 1:
        rest = list(range(len(output), len(order)))
        return sum_of(current, rest) if rest else current
    if len(order) == len(output):
        return current
    # Dimensions that were summed away are still there, of size one.
    return reshape(current, [current._array.shape[at] for at in range(len(output))])


def _gone(order: list[str], a: Tensor, b: Tensor) -> set[str]:
    return {label for at, label in enumerate(order) if a._array.shape[at] == 1 and b._array.shape[at] == 1}


def _aligned(operand: Tensor, labels: list[str], order: list[str]) -> Tensor:
    """The operand with its dimensions in the common order, of size one where it lacks a label."""
    missing = [label for label in order if label not in labels]
    for _ in missing:
        operand = unsqueeze(operand, operand._array.ndim)
    have = [*labels, *missing]
    return permute(operand, [have.index(label) for label in order])


def _pair(a: Tensor, b: Tensor, summed: list[int]) -> Tensor:
    """The product of two aligned operands, summed over some dimensions, which stay with size one."""
    if not summed:
        return mul(a, b)
    x, y = a._array.shape, b._array.shape
    lone_a = [at for at in summed if x[at] > 1 and y[at] == 1]
    lone_b = [at for at in summed if y[at] > 1 and x[at] == 1]
    a = sum_of(a, lone_a, True) if lone_a else a
    b = sum_of(b, lone_b, True) if lone_b else b
    x, y = a._array.shape, b._array.shape
    contracted = [at for at in summed if x[at] == y[at]]
    rest = [at for at in range(len(x)) if at not in contracted]
    batch = [at for at in rest if x[at] == y[at]]
    only_a = [at for at in rest if x[at] != y[at] and y[at] == 1]
    only_b = [at for at in rest if x[at] != y[at] and x[at] == 1]
    left = permute(a, [*batch, *only_a, *contracted, *only_b])
    right = permute(b, [*batch, *contracted, *only_b, *only_a])

    def count(places: list[int], shape: Any) -> int:
        total = 1
        for at in places:
            total *= shape[at]
        return total

    made = bmm(
        reshape(left, (count(batch, x), count(only_a, x), count(contracted, x))),
        reshape(right, (count(batch, x), count(contracted, x), count(only_b, y))),
    )
    wide = reshape(
        made, [x[at] for at in batch] + [x[at] for at in only_a] + [1] * len(contracted) + [y[at] for at in only_b]
    )
    have = [*batch, *only_a, *contracted, *only_b]
    return permute(wide, [have.index(at) for at in range(len(x))])
