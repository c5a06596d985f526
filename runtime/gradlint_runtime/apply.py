"""The one place where an operator's result becomes a tensor, and where it is decided whether it is recorded.

An operator computes an array and ends in `record("MulBackward0", array, (x, way_back, saved…), …)`; see `graph.attach`
for what the ways mean. Nothing is recorded with grad mode off, in inference mode, when no input requires grad, or when
all inputs are inference tensors: those do not know autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import errors
from .dtypes import FLOATING, FROM_NUMPY, bfloat16, dtype, float32, round_to_bfloat16
from .graph import attach
from .inner_writes import INNER_WRITES, Inner
from .modes import mode
from .tensor import Tensor, Version, needs_grad

_new = object.__new__
ABSENT = ()
"""The input of a way where an operator was not given that tensor."""

# Operators whose results lie in the usual order, however their inputs do.
CONTIGUOUS = frozenset(
    f"{name}Backward{number}"
    for name in (
        "Sum", "Nansum", "Mean", "Amax", "Amin", "Prod", "Var", "Std", "Logsumexp", "Median", "Nanmedian", "Cumsum",
        "Cumprod", "Cummax", "Cummin", "Logcumsumexp", "Softmax", "LogSoftmax", "Roll", "Tril", "Triu", "Repeat",
    )
    for number in (0, 1)
)  # fmt: skip


def record(name: str, array: Any, *ways: Any, dtype: dtype | None = None) -> Tensor:
    """The tensor over a result that nothing else holds, with its node where recording is called for."""
    if type(array) is not np.ndarray:
        array = np.asarray(array)
    if dtype is None:
        dtype = FROM_NUMPY[array.dtype]
        if dtype is float32 and ways and _in_bfloat16(ways):
            dtype = bfloat16
    elif array.dtype != dtype.numpy:
        array = array.astype(dtype.numpy)
    if dtype is bfloat16:
        array = round_to_bfloat16(array)
    if array.ndim > 1 and name in CONTIGUOUS:
        array = np.ascontiguousarray(array)
    tensor = _new(Tensor)
    tensor._array = array
    tensor._dtype = dtype
    tensor._meta = None
    tensor._counter = None if mode.inference else Version()
    if ways:
        if mode.grad and not mode.inference and _recorded(ways):
            attach(name, (tensor,), ways)
        elif name in INNER_WRITES and not mode.inference:
            _count_inner_writes(INNER_WRITES[name], (tensor,), ways)
        if mode.forward is not None:
            mode.forward.result((tensor,), ways)
    return tensor


def _count_inner_writes(inner: Inner, results: Sequence[Tensor], ways: Sequence[Any]) -> None:
    """Nothing but inference tensors went in, outside inference mode: what comes out counts the writes of its making."""
    sources: list[Tensor] = []
    for source, *rest in ways:
        inputs = source if type(source) is tuple else (source,)
        if any(each is None or each._counter is not None for each in inputs):
            return
        if any(isinstance(each, Tensor) and each._counter is not None for each in rest):
            return
        sources += inputs
    if inner.function and mode.grad and any(needs_grad(each) for each in sources):
        raise RuntimeError(errors.OUT_WITH_GRAD.format(inner.function))
    for each in results:
        assert each._counter is not None
        each._counter.n = inner.writes


def counted(result: Tensor, writes: int) -> Tensor:
    """A new tensor that was filled by so many writes."""
    if result._counter is not None:
        result._counter.n = writes
    return result


def written(result: Tensor, *sources: Tensor, writes: int = 1, function: str = "") -> Tensor:
    """A result that is not in the table of `inner_writes`: where all sources are inference tensors, it counts its writes."""
    if result._counter is not None:
        _count_inner_writes(Inner(writes, function), (result,), [(each,) for each in sources])
    return result


def copied(
    name: str, array: Any, source: Tensor, way: Any, dtype: dtype | None = None, by: str = "CopyBackwards"
) -> Tensor:
    """The result of an operator whose kernel copies its input into a new tensor.

    An inference tensor knows no autograd, but outside inference mode the tensor that it is copied to does.
    """
    if source._counter is not None or mode.inference:
        return record(name, array, (source, way), dtype=dtype)
    kind = source._dtype if dtype is None else dtype
    made = record(by, array, (None,), (source, way), dtype=dtype) if kind.category >= FLOATING else plain(array, dtype)
    assert made._counter is not None
    made._counter.n = 1
    return made


def record_many(
    name: str, arrays: Sequence[Any], *ways: Any, shared: Sequence[bool] | None = None, dtypes: Any = None
) -> tuple[Tensor, ...]:
    """The same for an operator with several results. `shared` says which of them are differentiable."""
    low = bool(ways) and _in_bfloat16(ways)
    tensors = []
    for index, array in enumerate(arrays):
        kind = None if dtypes is None else dtypes[index]
        if kind is None and low and array.dtype == np.float32:
            kind = bfloat16
        tensors.append(record(name, array, dtype=kind))
    if mode.grad and not mode.inference and _recorded(ways):
        attach(name, tensors, ways, shared)
    elif name in INNER_WRITES and not mode.inference:
        _count_inner_writes(INNER_WRITES[name], tensors, ways)
    if mode.forward is not None:
        mode.forward.result(
            tensors if shared is None else [t for t, each in zip(tensors, shared, strict=True) if each], ways
        )
    return tuple(tensors)


def plain(array: Any, dtype: dtype | None = None) -> Tensor:
    """The result of an operator that is not differentiable."""
    return record("", array, dtype=dtype)


def recording(*tensors: Any) -> bool:
    """Whether an operator on these inputs is recorded."""
    return mode.grad and not mode.inference and _recorded([(tensor,) for tensor in tensors])


def _recorded(ways: Sequence[Any]) -> bool:
    wanted = normal = False
    for way in ways:
        source = way[0]
        for each in source if type(source) is tuple else (source,):
            if each is None:
                normal = True
            else:
                if each._meta is not None and needs_grad(each):
                    wanted = True
                if each._counter is not None:
                    normal = True
            if wanted and normal:
                return True
    return wanted and any(isinstance(each, Tensor) and each._counter is not None for way in ways for each in way[2:])


def _in_bfloat16(ways: Sequence[Any]) -> bool:
    """Arrays of bfloat16 tensors are float32, so that the dtype of a result has to come from the inputs."""
    for way in ways:
        source = way[0]
        for each in source if type(source) is tuple else (source,):
            if each is not None and each._dtype.is_floating_point:
                return each._dtype is bfloat16
    return False
