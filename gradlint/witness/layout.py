"""Which values unknown tensors get: a script is printed for one layout after the other until its set-up runs.

The analysis knows nothing of shapes, so a layout takes every unknown tensor to be a hypercube, `size` long in each of
`rank` dimensions: then products, layers, losses and reductions over any of the dimensions fit together. `size` 1 makes
every result a single number, which `backward()` accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RANKS = (4, 3, 1, 0)


@dataclass(frozen=True)
class Layout:
    """shape: of unknown tensors. turned: whether flags that are not known are turned round: a tensor requires grad that
    is else made without, or the other way round. exact: sizes that the source states are kept; else they are made to
    fit the others. mode: what a mode that is not known is taken to be. ranks: how many dimensions some steps have, by
    number; the others have the layout's shape."""

    shape: tuple[int, ...]
    turned: bool = False
    exact: bool = False
    mode: bool = False
    ranks: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        return self.shape[0] if self.shape else 1

    def shape_of(self, number: int) -> tuple[int, ...]:
        """The shape of the tensor that a step makes up."""
        rank = dict(self.ranks).get(number)
        return self.shape if rank is None else (self.size,) * rank


@dataclass(frozen=True)
class Needs:
    """What the operations of a script ask of shapes: the least length of a dimension, the one shape that the source
    states (None where it states none, or several), whether it states any, and the ranks that are insisted on."""

    size: int = 2
    stated: tuple[int, ...] | None = None
    sized: bool = False
    ranks: tuple[tuple[int, int], ...] = ()


def layouts(needs: Needs, turns: Iterable[bool], modes: Iterable[bool]) -> Iterator[Layout]:
    """Layouts to try, best first; those with equal `turned` and `mode` follow each other."""
    modes = tuple(modes)
    for turned in turns:
        for mode in modes:
            yield from _shapes(needs, turned, mode)


def _shapes(needs: Needs, turned: bool, mode: bool) -> Iterator[Layout]:
    n, ranks = needs.size, needs.ranks
    if needs.sized:
        yield Layout((n, n) if needs.stated is None else needs.stated, turned, True, mode, ranks)
    for shape in ((n, n), (1, 1), *((n,) * rank for rank in RANKS)):
        yield Layout(shape, turned, False, mode, ranks)
    if ranks:
        yield Layout((n,) * max(rank for _, rank in ranks), turned, False, mode)
