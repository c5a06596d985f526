"""Sample calls of torch functions, by function name: torch's own sample inputs, and those of probes.py.

torch's operator database wraps many operators in lambdas that shuffle their arguments. What is kept is therefore the
call that reaches the public function itself, caught on its way by a `TorchFunctionMode`.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.testing._internal.common_methods_invocations import op_db

from tools.measure import observe, probe_calls

Call = tuple[tuple[Any, ...], dict[str, Any]]
LOOKED_AT = 28
"""Sample inputs of an operator and dtype that are looked at."""
DTYPES = ((torch.float32, 24), (torch.float64, 0), (torch.int64, 4), (torch.complex64, 4), (torch.bool, 2))
"""Sample inputs of an operator that are kept, by dtype; float64 only where there is no float32."""
SKIPPED = ("jiterator", "_flash", "_efficient", "_scaled_mm", "triton")


class Catch(TorchFunctionMode):
    """Collects the calls that reach torch's public functions, with their operands."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Call]] = []

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name not in ("__get__", "__set__"):
            self.calls.append((name, (tuple(args), dict(kwargs or {}))))
        return func(*args, **(kwargs or {}))


def shape_of(value: Any) -> Any:
    """What makes two sample values alike: kind and dimensions of tensors, type of the rest, value of flags and words."""
    if isinstance(value, Tensor):
        return ("tensor", value.dtype, min(value.dim(), 3), value.numel() == 0)
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *(shape_of(v) for v in value[:3]))
    return value if isinstance(value, (bool, str)) or value is None else type(value).__name__


def varied(calls: list[Call], limit: int) -> list[Call]:
    """At most `limit` calls, the most different ones first."""
    groups: dict[Any, list[Call]] = {}
    for call in calls:
        key = (tuple(shape_of(a) for a in call[0]), tuple((k, shape_of(v)) for k, v in sorted(call[1].items())))
        groups.setdefault(repr(key), []).append(call)
    rounds = itertools.zip_longest(*groups.values())
    return [call for layer in rounds for call in layer if call is not None][:limit]


def small(call: Call) -> bool:
    return all(t.numel() <= 20_000 for t in observe.tensors_of([*call[0], *call[1].values()]))


def calls_of(op: Any, dtype: torch.dtype) -> Iterator[tuple[str, Call]]:
    observe.seed()
    for sample in itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=False), LOOKED_AT):
        catch = Catch()
        args = (sample.input, *sample.args)
        if not small((args, sample.kwargs)):
            continue
        try:
            with catch:
                op.op(*args, **sample.kwargs)
        except Exception:  # a sample that torch itself refuses teaches nothing
            continue
        yield from {name: (name, call) for name, call in reversed(catch.calls)}.values()


def supported(op: Any) -> Iterator[tuple[torch.dtype, int]]:
    dtypes = op.supported_dtypes("cpu")
    for dtype, keep in DTYPES:
        if dtype == torch.float64 and torch.float32 in dtypes:
            continue
        if dtype in dtypes:
            yield dtype, keep or 24


def build(only: Callable[[str], bool] = lambda name: True) -> dict[str, list[Call]]:
    """Sample calls by the name of the function called."""
    bank: dict[str, list[Call]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for op in op_db:
            if any(word in op.name for word in SKIPPED) or not only(op.name):
                continue
            for dtype, keep in supported(op):
                try:
                    found = list(calls_of(op, dtype))
                except Exception:  # an operator without samples of this dtype
                    continue
                by_name: dict[str, list[Call]] = {}
                for name, call in found:
                    by_name.setdefault(name, []).append(call)
                for name, calls in by_name.items():
                    bank.setdefault(name, []).extend(varied(calls, keep))
            for alias in op.aliases:
                bank.setdefault(_plain(alias.name), []).extend(bank.get(_plain(op.name), []))
    for name, calls in probe_calls.by_name().items():
        bank[name] = [*calls, *bank.get(name, [])]
    return bank


def _plain(name: str) -> str:
    """A database name as the function calls itself: `linalg.det` is `linalg_det`."""
    return name.removeprefix("nn.functional.").replace(".", "_")
