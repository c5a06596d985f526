"""Grad mode and inference mode: one pair of switches per thread, and everything that moves them.

`mode.grad` and `mode.inference` are the whole state. The context managers here are also decorators and, in the case
of `set_grad_enabled`, plain functions, as in torch 2.13. `behave_as("1.13")` brings back what that version did.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

VERSIONS = ("2.13", "1.13")


class Mode(threading.local):
    """The switches of the running thread. A new thread starts with the values written here."""

    grad = True
    inference = False
    # Forward-mode differentiation, anomaly detection and saved-tensor hooks are thread-local in torch as well.
    anomaly = False
    check_nan = True
    multithreading = True
    saved_hooks: tuple[Any, ...] = ()
    saved_hooks_disabled: str | None = None
    forward: Any = None  # the tangents of the level of forward-mode differentiation that is open
    forward_busy = False
    autocast: Any = None  # the dtype of lower precision, where autocast is on
    autocast_dtype: Any = None
    autocast_cache: dict[int, Any] = {}


mode = Mode()


class _Behaviour:
    version = "2.13"


def behave_as(version: str) -> None:
    """Choose whose answers count where versions differ: "2.13" or "1.13"."""
    if version not in VERSIONS:
        raise ValueError(f"the engine behaves as torch {' or '.join(VERSIONS)}, not {version}")
    _Behaviour.version = version


def old() -> bool:
    return _Behaviour.version == "1.13"


def is_grad_enabled() -> bool:
    return mode.grad


def is_inference_mode_enabled() -> bool:
    return mode.inference


def switch_grad(enabled: bool) -> None:
    """What `torch._C._set_grad_enabled` does."""
    if not isinstance(enabled, bool):
        raise TypeError(
            f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not {type(enabled).__name__}"
        )
    mode.grad = enabled


class grad_mode:
    """For the engine's own use: run a block with recording on or off."""

    __slots__ = ("before", "enabled")

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __enter__(self) -> None:
        self.before = mode.grad
        mode.grad = self.enabled

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        mode.grad = self.before


def _steps(make: Callable[[], Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """A generator function whose body runs inside fresh contexts, while its consumer keeps its own mode."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        inner = function(*args, **kwargs)
        resume: Callable[[], Any] = lambda: inner.send(None)  # noqa: E731
        while True:
            try:
                with make():
                    produced = resume()
            except StopIteration as done:
                return done.value
            try:
                received = yield produced
            except GeneratorExit:
                with make():
                    inner.close()
                raise
            except BaseException:
                raised = sys.exc_info()[1]
                resume = functools.partial(inner.throw, raised)
            else:
                resume = functools.partial(inner.send, received)

    return run


class DecoratorContextManager:
    """A context manager that is a decorator as well: each call of the function enters a clone of its own."""

    def __call__(self, function: Any) -> Any:
        if inspect.isclass(function) and not old():
            warnings.warn(
                "Decorating classes is deprecated and will be disabled in future versions. You should only decorate "
                "functions or methods. To preserve the current behavior of class decoration, you can directly "
                "decorate the `__init__` method and nothing else.",
                FutureWarning,
                stacklevel=2,
            )
            made = function
            function = lambda *args, **kwargs: made(*args, **kwargs)  # noqa: E731
        if inspect.isgeneratorfunction(function):
            return _steps(self.clone, function)

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return decorated

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        raise NotImplementedError

    def clone(self) -> Any:
        return type(self)()


class _Bare(DecoratorContextManager):
    """One that takes no parameters, so that `@torch.no_grad` works without parentheses."""

    def __new__(cls, function: Any = None) -> Any:
        if function is None:
            return super().__new__(cls)
        if old():
            raise TypeError(f"{cls.__name__}.__init__() takes 1 positional argument but 2 were given")
        return cls()(function)


class no_grad(_Bare):
    """`torch.no_grad`"""

    def __init__(self) -> None:
        self.prev = False

    def __enter__(self) -> None:
        self.prev = mode.grad
        mode.grad = False

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        mode.grad = self.prev


class enable_grad(_Bare):
    """`torch.enable_grad`"""

    def __enter__(self) -> None:
        self.prev = mode.grad
        mode.grad = True

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        mode.grad = self.prev


class set_grad_enabled(DecoratorContextManager):
    """`torch.set_grad_enabled`: acts when it is made; leaving its block restores what stood before that."""

    def __init__(self, mode: bool) -> None:
        self.prev = is_grad_enabled()
        self.mode = mode
        switch_grad(mode)

    def __call__(self, function: Any) -> Any:
        if not old():
            switch_grad(self.prev)
        return super().__call__(function)

    def __enter__(self) -> None:
        switch_grad(self.mode)

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        switch_grad(self.prev)

    def __str__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}(mode={self.mode})"

    __repr__ = __str__

    def clone(self) -> Any:
        return type(self)(self.mode)


class _Guard:
    """One stay in inference mode, which ends once."""

    def __init__(self, inference: bool) -> None:
        self.before: tuple[bool, bool] | None = (mode.grad, mode.inference)
        mode.grad, mode.inference = not inference, inference

    def __del__(self) -> None:
        # A guard that nobody holds any more ends its stay.
        self.restore()

    def restore(self) -> None:
        if self.before is not None:
            mode.grad, mode.inference = self.before
            self.before = None


class inference_mode(DecoratorContextManager):
    """`torch.inference_mode`: sets grad mode too, on for `inference_mode(False)`."""

    def __new__(cls, mode: Any = True) -> Any:
        if isinstance(mode, bool):
            return super().__new__(cls)
        if old():
            raise TypeError(f"inference_mode(): argument must be bool, not {type(mode).__name__}")
        return cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        # An object entered again drops the guard of its first entry, which restores what stood before that one.
        held = self.__dict__.get("_inference_mode_context")
        self._inference_mode_context = _Guard(self.mode)
        if held is not None:
            held.restore()

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        self._inference_mode_context.restore()

    def clone(self) -> Any:
        return type(self)(self.mode)


class set_multithreading_enabled(DecoratorContextManager):
    """Kept as a flag: the engine's backward always runs in the thread that calls it."""

    def __init__(self, mode: bool) -> None:
        self.prev = _multithreading(mode)
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        _multithreading(self.prev)

    def clone(self) -> Any:
        return type(self)(self.mode)


def _multithreading(enabled: bool) -> bool:
    before = mode.multithreading
    mode.multithreading = enabled
    return before


for _kind in (no_grad, enable_grad, set_grad_enabled, inference_mode, set_multithreading_enabled):
    _kind.__module__ = "torch.autograd.grad_mode"
