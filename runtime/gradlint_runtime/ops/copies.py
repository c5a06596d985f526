"""The view operators as copies: `torch.view_copy` and its kin, by the names that their nodes have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..apply import record, record_many
from ..modes import grad_mode
from ..tensor import Tensor, sharing, wrap
from . import complex, pieces, shape, strided
from .common import zeros_of


def _copying(name: str, view: Callable[..., Any]) -> Callable[..., Any]:
    """An operator that returns what a view would show, on memory of its own."""

    def operator(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        with grad_mode(False):
            made = view(sharing(input), *args, **kwargs)
        several = isinstance(made, tuple)
        results = made if several else (made,)
        before = input._array.shape

        def way(grads: Any) -> Any:
            listed = [grads] if isinstance(grads, Tensor) else list(grads)
            return _put_back(listed, before, args, kwargs, view)

        node = f"{name}Backward{_NUMBERS.get((name, len(args) + len(kwargs)), 0)}_copy"
        arrays = [each._array.copy() for each in results]
        if not several:
            return record(node, arrays[0], (input, way), dtype=results[0]._dtype)
        return record_many(node, arrays, (input, way), dtypes=[each._dtype for each in results])

    operator.__name__ = operator.__qualname__ = f"{view.__name__}_copy"
    return operator


# The overloads of squeeze have nodes of their own.
_NUMBERS = {("Squeeze", 1): 1}


def _put_back(grads: list[Any], before: tuple[int, ...], args: Any, kwargs: Any, view: Callable[..., Any]) -> Tensor:
    """The adjoint of a view: zeros, to whose view the gradients are added."""
    kind = next(grad for grad in grads if grad is not None)
    whole = np.zeros(before, kind._array.dtype)
    with grad_mode(False):
        made = view(wrap(whole, kind._dtype), *args, **kwargs)
        listed = made if isinstance(made, tuple) else (made,)
        for part, grad in zip(listed, grads, strict=True):
            if grad is not None:
                _add_to(whole, part._array, grad._array)

    present = tuple(grad for grad in grads if grad is not None)

    def spread(g: Any, wanted: Any) -> Any:
        shown = view(g, *args, **kwargs)
        shown = shown if isinstance(shown, tuple) else (shown,)
        return [part for part, grad in zip(shown, grads, strict=True) if grad is not None]

    return record("CopyAdjointBackward0", whole, (present, spread), dtype=kind._dtype)


def _add_to(whole: np.ndarray, part: np.ndarray, grad: np.ndarray) -> None:
    """Add to a view whose elements may lie on one another."""
    np.add.at(whole.reshape(-1), strided.place_numbers(part, whole).reshape(-1), grad.reshape(-1))


view_copy = _copying("View", shape.view_op)
transpose_copy = _copying("Transpose", shape.transpose)
t_copy = _copying("T", shape.t)
permute_copy = _copying("Permute", shape.permute)
squeeze_copy = _copying("Squeeze", shape.squeeze)
unsqueeze_copy = _copying("Unsqueeze", shape.unsqueeze)
alias_copy = _copying("Alias", shape.alias)
expand_copy = _copying("Expand", shape.expand)
select_copy = _copying("Select", pieces.select)
slice_copy = _copying("Slice", pieces.slice_op)
unbind_copy = _copying("Unbind", pieces.unbind)
split_copy = _copying("Split", pieces.split)
split_with_sizes_copy = _copying("SplitWithSizes", pieces.split_with_sizes)
unfold_copy = _copying("Unfold", pieces.unfold)
as_strided_copy = _copying("AsStrided", strided.as_strided)
view_as_real_copy = _copying("ViewAsReal", complex.view_as_real)


def narrow_copy(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    with grad_mode(False):
        made = pieces.narrow(sharing(input), dim, start, length)
    before = input._array.shape
    way = lambda grad: _put_back([grad], before, (dim, start, length), {}, pieces.narrow)  # noqa: E731
    return record("NarrowCopyBackward0", made._array.copy(), (input, way), dtype=input._dtype)


def as_strided_scatter(
    input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    value = input._array.copy("K")
    with grad_mode(False):
        part = strided.as_strided(wrap(value, input._dtype), size, stride, storage_offset)
        part._array[...] = src._array

    def cut(grad: Any) -> Any:
        return strided.as_strided(grad.contiguous(), size, stride, storage_offset)

    def to_self(grad: Any) -> Any:
        # What torch computes: the gradient inside the window, not outside of it.
        return as_strided_scatter(zeros_of(grad), cut(grad), size, stride, storage_offset)

    return record("AsStridedScatterBackward0", value, (input, to_self), (src, cut), dtype=input._dtype)
