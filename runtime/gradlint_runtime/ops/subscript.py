"""`x[...]` and `x[...] = value`: what an index means, as views first and then one advanced index for what is left."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..dtypes import BOOL, FLOATING, INTEGRAL, bool_, dtype, int64
from ..face.guard import check_recording
from ..inplace import check_overlap
from ..tensor import Tensor, wrap
from .data import array_of
from .index import index, index_put_
from .pieces import selected, sliced
from .shape import alias, expand, reshape, unsqueeze

_BAD = "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {})"


def _as_items(key: Any) -> tuple[Any, ...]:
    """The items of an index; a list that holds anything but numbers is read as a tuple, as it always was."""
    if isinstance(key, tuple):
        return key
    if isinstance(key, Tensor | np.ndarray) or not isinstance(key, list) or len(key) >= 32:
        return (key,)
    for each in key:
        if isinstance(each, slice | list | tuple | Tensor | np.ndarray) or each is None or each is Ellipsis:
            return tuple(key) if not all(isinstance(item, list | tuple) for item in key) else (key,)
    return (key,)


def _takes(item: Any) -> int:
    """How many dimensions an item uses up."""
    if item is None or item is Ellipsis or isinstance(item, bool | np.bool_):
        return 0
    kind, ndim = _mask(item)
    if kind:
        return ndim
    return 1


def _mask(item: Any) -> tuple[bool, int]:
    if isinstance(item, Tensor):
        return item._dtype is bool_ or item._dtype.name == "uint8", item._array.ndim
    if isinstance(item, np.ndarray):
        return item.dtype in (np.bool_, np.uint8), item.ndim
    return False, 0


def _integer(item: Any) -> int | None:
    """The number that an item is, where it is one."""
    if isinstance(item, bool | np.bool_):
        return None
    if isinstance(item, int | np.integer):
        return int(item)
    if isinstance(item, Tensor) and not item._array.ndim and item._dtype.category == INTEGRAL:
        return None if item._dtype.name == "uint8" else int(item._array)
    if isinstance(item, np.ndarray) and not item.ndim and item.dtype.kind in "iu":
        return int(item)
    return None


def _bound(value: Any) -> int | None:
    return None if value is None else operator.index(value)


def _slice(item: slice, extent: int) -> tuple[int, int, int]:
    step = 1 if item.step is None else operator.index(item.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step < 0:
        raise ValueError("step must be greater than zero")
    start, stop, _ = slice(_bound(item.start), _bound(item.stop)).indices(extent)
    return start, max(start, stop), step


def _as_index_tensor(item: Any) -> Tensor:
    if isinstance(item, Tensor):
        return item
    if isinstance(item, np.ndarray):
        return wrap(item)
    if isinstance(item, range):
        item = list(item)
    if not isinstance(item, list | tuple):
        if isinstance(item, str):
            raise TypeError("new(): invalid data type 'str'")
        raise IndexError(_BAD.format(type(item).__name__))
    array, kind = array_of(list(item), None)
    return wrap(array.astype(np.int64), int64) if not array.size else wrap(array, kind)


def resolve(source: Tensor, key: Any) -> tuple[Tensor, list[Tensor | None]]:
    """The view that the plain items make, and for each of its dimensions the tensor that indexes it, if any."""
    items = _as_items(key)
    ndim = source._array.ndim
    used = sum([_takes(item) for item in items])
    if used > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    result = source
    indices: dict[int, Tensor] = {}
    dim = 0
    for item in items:
        if type(item) is slice:
            extent = result._array.shape[dim]
            start, stop, step = _slice(item, extent)
            if (start, stop, step) != (0, extent, 1):
                result = sliced(result, dim, start, stop, step)
            dim += 1
            continue
        number = _integer(item)
        if number is not None:
            result = _select(result, dim, number)
        elif item is Ellipsis:
            skipped = ndim - used
            dim += skipped
            used += skipped
        elif item is None:
            result = unsqueeze(result, dim)
            dim += 1
        elif isinstance(item, bool | np.bool_) or (_mask(item)[0] and not _mask(item)[1]):
            result = unsqueeze(result, dim)
            indices[dim] = wrap(np.zeros(1 if bool(item) else 0, np.int64), int64)
            dim += 1
        else:
            tensor = _as_index_tensor(item)
            indices[dim] = tensor
            dim += max(tensor._array.ndim, 1) if _mask(tensor)[0] else 1
    found: list[Tensor | None] = []
    if indices:
        found = [indices.get(at) for at in range(max(indices) + 1)]
    return result, found


def _select(source: Tensor, dim: int, number: int) -> Tensor:
    extent = source._array.shape[dim]
    if not -extent <= number < extent:
        raise IndexError(f"index {number} is out of bounds for dimension {dim} with size {extent}")
    return selected(source, dim, number)


def _flattened(indices: list[Tensor | None]) -> list[Tensor | None]:
    """The list as `index` takes it: a mask of several dimensions stands once for all of them."""
    flat: list[Tensor | None] = []
    skip = 0
    for each in indices:
        if skip:
            skip -= 1
            continue
        flat.append(each)
        if each is not None and _mask(each)[0]:
            skip = each._array.ndim - 1
    return flat


def _index_of_scalar(key: int) -> IndexError:
    if key:
        return IndexError(f"index {key} is out of bounds for dimension 0 with size 0")
    return IndexError(
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
        "tensor to a number"
    )


def getitem(source: Tensor, key: Any) -> Tensor:
    kind = type(key)
    if kind is int:
        if not source._array.ndim:
            raise _index_of_scalar(key)
        return _select(source, 0, key)
    if kind is slice:
        if not source._array.ndim:
            error = IndexError("slice() cannot be applied to a 0-dim tensor.")
            check_recording(error, getitem, (source,), {})
            raise error
        return sliced(source, 0, *_slice(key, source._array.shape[0]))
    view, indices = resolve(source, key)
    if indices:
        return index(view, _flattened(indices))
    return alias(view) if view is source else view


def setitem(target: Tensor, key: Any, value: Any) -> None:
    if not isinstance(value, Tensor):
        value = _value_for(target, value)
    view, indices = resolve_for_write(target, key)
    if view is None:
        return
    if not indices:
        _copy_to(view, value)
        return
    if value._dtype is not view._dtype and not value._array.ndim:
        value = value.to(view._dtype)
    shape = value._array.shape
    lead = 0
    while lead < len(shape) and shape[lead] == 1:
        lead += 1
    if lead:
        value = reshape(value, shape[lead:])
    index_put_(view, tuple(_flattened(indices)), value)


def resolve_for_write(target: Tensor, key: Any) -> tuple[Any, list[Tensor | None]]:
    if key is False:
        return None, []
    if key is True:
        return unsqueeze(target, 0), []
    if type(key) is int and not target._array.ndim:
        raise _index_of_scalar(key)
    return resolve(target, key)


def _value_for(target: Tensor, value: Any) -> Tensor:
    kind: dtype = target._dtype
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, bool | int | float | complex):
        raise TypeError(f"can't assign a {_type_name(value)} to a torch.{kind.short}Tensor")
    if isinstance(value, complex) and kind.category <= FLOATING:
        raise RuntimeError(f"value cannot be converted to type {_value_name(kind)} without overflow")
    number: Any = value
    number = int(number) if kind.category == INTEGRAL else bool(value) if kind.category == BOOL else number
    return wrap(np.array(number).astype(kind.numpy), kind)


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _value_name(kind: dtype) -> str:
    return {"float32": "float", "float64": "double"}.get(kind.name, kind.name)


def _copy_to(view: Tensor, value: Tensor) -> None:
    shape, target = value._array.shape, view._array.shape
    if not shape and target:
        check_overlap(view._array)
        view.fill_(value)
        return
    if shape != target:
        lead = 0
        while lead < len(shape) and shape[lead] == 1:
            lead += 1
        if lead:
            value = reshape(value, shape[lead:])
        if value._array.shape != target:
            value = expand(value, target)
    view.copy_(value)
