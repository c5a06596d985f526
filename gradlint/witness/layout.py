"""Which values unknown tensors get: a script is printed for one layout after the other until its set-up runs.

The analysis knows nothing of shapes, so a layout takes every unknown tensor to be a hypercube, `size` long in each of
`rank` dimensions: then products, layers, losses and reductions over any of the dimensions fit together. `size` 1 makes
every result a single number, which `backward()` accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RANKS = (2, 4, 3, 1, 0)


@dataclass(frozen=True)
class Layout:
    """exact: sizes that the source states are kept; else they are made to fit the others. shape: of unknown tensors.
    grad: whether a tensor of which it is not known requires grad. mode: what a mode of unknown flag is taken to be."""

    shape: tuple[int, ...]
    grad: bool = False
    exact: bool = False
    mode: bool = False

    @property
    def size(self) -> int:
        return self.shape[0] if self.shape else 1

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class Needs:
    """What the operations of a script ask of shapes: the rank that suits most of them, the least length of a dimension,
    the one shape that the source states (None where it states none, or several)."""

    rank: int = 2
    size: int = 2
    stated: tuple[int, ...] | None = None
    sized: bool = False


def layouts(needs: Needs, grads: Iterable[bool], modes: Iterable[bool]) -> Iterator[Layout]:
    """Layouts to try, best first; those with equal `grad` and `mode` follow each other."""
    shapes = [(needs.size,) * needs.rank, (1,) * max(needs.rank, 1)]
    shapes += [(needs.size,) * rank for rank in RANKS if rank != needs.rank]
    modes = tuple(modes)
    for grad in grads:
        for mode in modes:
            if needs.sized or needs.stated is not None:
                yield Layout(needs.stated if needs.stated is not None else shapes[0], grad, True, mode)
            for shape in shapes:
                yield Layout(shape, grad, False, mode)
