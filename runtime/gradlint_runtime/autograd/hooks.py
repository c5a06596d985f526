"""What hangs on the graph from outside: saved-tensor hooks, multi-gradient hooks, anomaly mode."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..backward import current_walk
from ..modes import mode
from ..tensor import Tensor, edge_of, needs_grad, sharing, wrap

# `mode` is also the name of a parameter of torch's.
_mode = mode


class saved_tensors_hooks:
    """`torch.autograd.graph.saved_tensors_hooks`"""

    def __init__(self, pack_hook: Callable[..., Any], unpack_hook: Callable[..., Any]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if mode.saved_hooks_disabled is not None:
            raise RuntimeError(mode.saved_hooks_disabled)
        mode.saved_hooks = (*mode.saved_hooks, (self.pack_hook, self.unpack_hook))

    def __exit__(self, *args: object) -> None:
        mode.saved_hooks = mode.saved_hooks[:-1]


class save_on_cpu(saved_tensors_hooks):
    """`torch.autograd.graph.save_on_cpu`: a copy, which later writes do not reach."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(tensor: Tensor) -> Any:
            return sharing(tensor, tensor._array.copy("K"))

        def unpack(packed: Any) -> Tensor:
            return wrap(packed._array, packed._dtype)

        super().__init__(pack, unpack)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    before = mode.saved_hooks_disabled
    if mode.saved_hooks:
        raise RuntimeError(error_message)
    mode.saved_hooks_disabled = error_message
    try:
        yield
    finally:
        mode.saved_hooks_disabled = before


class _Handles:
    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *args: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all") -> _Handles:
    """Call a hook once for a walk, with the gradients of all tensors, or with the first that comes."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    state: dict[int, list[Any]] = {}
    nodes: list[Any] = []
    done: set[int] = set()

    def hook_for(at: int) -> Callable[[Any], None]:
        def hook(grad: Any) -> None:
            walk = current_walk()
            key = id(walk)
            if mode == "any":
                if key not in done:
                    done.add(key)
                    walk.at_end.append(lambda: done.discard(key))
                    fn(grad)
                return
            held = state.get(key)
            if held is None:
                held = state[key] = [None] * (len(tensors) + 1)
                held[-1] = sum(walk.will_execute(each) for each in nodes)
                walk.at_end.append(lambda: state.pop(key, None))
            held[at] = grad
            held[-1] -= 1
            if not held[-1]:
                fn(held[:-1])

        return hook

    if mode == "any":
        return _Handles([each.register_hook(hook_for(at)) for at, each in enumerate(tensors) if needs_grad(each)])
    for each in tensors:  # what they are now, whatever becomes of their flags
        if (_mode.inference or each._counter is None) and needs_grad(each) and each.is_leaf:
            raise AttributeError("'NoneType' object has no attribute 'next_functions'")
        edge = edge_of(each)
        if edge is None:
            raise AssertionError("Expected gradient function to be set")
        nodes.append(edge[0])
    return _Handles([each.register_hook(hook_for(at)) for at, each in enumerate(tensors)])


def increment_version(tensor: Any) -> None:
    for each in [tensor] if isinstance(tensor, Tensor) else tensor:
        if each._counter is not None:
            each._counter.n += 1


class set_detect_anomaly:
    """`torch.autograd.set_detect_anomaly`"""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.prev = (_mode.anomaly, _mode.check_nan)
        _mode.anomaly, _mode.check_nan = mode, check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *args: object) -> None:
        _mode.anomaly, _mode.check_nan = self.prev


class detect_anomaly:
    """`torch.autograd.detect_anomaly`"""

    def __init__(self, check_nan: bool = True) -> None:
        self.prev = (_mode.anomaly, _mode.check_nan)
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            UserWarning,
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self.prev = (_mode.anomaly, _mode.check_nan)
        _mode.anomaly, _mode.check_nan = True, self.check_nan

    def __exit__(self, *args: object) -> None:
        _mode.anomaly, _mode.check_nan = self.prev


def is_anomaly_enabled() -> bool:
    return _mode.anomaly
