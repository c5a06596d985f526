"""Running a program on one module called `torch`, and writing down what is seen of its tensors.

Each statement at top level runs by itself, so that one that raises does not end the program; after each, the tensors
that changed are written down. What is written down is plain data, and the same for the engine and for PyTorch.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Record = tuple[Any, ...]

# PyTorch's own word for a fault in PyTorch: what comes after it means nothing.
INTERNAL = "INTERNAL ASSERT FAILED"

# With an index for a tensor without dimensions PyTorch looks up the size of a dimension that is not there. Which of two
# errors comes depends on what lies in that memory.
_NO_DIMENSION = re.compile(
    r"index -?\d+ is out of bounds for dimension 0 with size 0|select\(\) cannot be applied to a 0-dim tensor\."
)


class Refused(Exception):
    """The engine said aloud that it does not support something."""


class Run:
    """One program on one module."""

    def __init__(self, torch: Any, refusal: type[BaseException] | tuple[()]) -> None:
        self.torch, self.refusal = torch, refusal
        self.steps: list[list[Record]] = []
        self.noted: list[Record] = []
        self.refused = ""
        self.space: dict[str, Any] = {
            "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "note": self.note, "fail": _fail, "copy": copy,
            "contextlib": contextlib, "functools": functools, "threading": threading, "asyncio": asyncio,
            "in_thread": self.in_thread, "walk": self.walk, "caught": self.caught,
        }  # fmt: skip
        self.given = set(self.space)
        self.seen: dict[str, Record] = {}

    def note(self, *values: Any) -> None:
        for value in values:
            self.noted.append(("note", self.shown(value)))

    def in_thread(self, function: Callable[[], Any]) -> None:
        """Run a function in a thread of its own; its exceptions are written down."""

        def run() -> None:
            try:
                function()
            except NotImplementedError as error:
                self.refused = self.refused or str(error)
            except Exception as error:
                self.caught(error)

        worker = threading.Thread(target=run)
        worker.start()
        worker.join()

    def caught(self, error: BaseException) -> None:
        if isinstance(error, NotImplementedError) or INTERNAL in str(error):
            self.refused = self.refused or str(error)
        self.noted.append(_raised(error))

    def walk(self, tensor: Any) -> None:
        """Write down the nodes behind a tensor, along the first way that leads on."""
        node = tensor.grad_fn
        while node is not None:
            self.note(type(node).__name__, len(node.next_functions))
            node = next((each for each, _ in node.next_functions if each is not None), None)

    def shown(self, value: Any) -> Any:
        if isinstance(value, self.torch.Tensor):
            return self.tensor(value)
        if isinstance(value, (tuple, list)):
            return tuple(self.shown(each) for each in value)
        if isinstance(value, (bool, int, float, complex, type(None))):
            return value
        if isinstance(value, str):
            return _plain(value)
        if isinstance(value, np.ndarray):
            return ("array", value.dtype.str, value.shape, value.reshape(-1).tolist())
        return type(value).__name__

    def tensor(self, value: Any, of: str = "") -> Record:
        """Flags first: reading them is what a program would do, and it may raise."""
        try:
            node = value.grad_fn
        except RuntimeError as error:
            return ("tensor", _raised(error), ("requires_grad", value.requires_grad), ("is_view", value._is_view()))
        name = None if node is None else type(node).__name__
        inference = value.is_inference()
        try:
            version = None if inference else value._version
        except RuntimeError as error:
            version = _raised(error)
        grad = value.grad if value.is_leaf or value.retains_grad else None
        # A dimension of one place has no step.
        strides = tuple(step for step, size in zip(value.stride(), value.shape) if size != 1)
        flags = (
            ("requires_grad", value.requires_grad), ("is_leaf", value.is_leaf), ("is_view", value._is_view()),
            ("is_inference", inference), ("grad_fn", name), ("version", version),
            ("dtype", str(value.dtype)), ("shape", tuple(value.shape)), ("stride", strides),
            ("retains_grad", value.retains_grad), ("output_nr", value.output_nr),
            ("class", type(value).__name__),
        )  # fmt: skip
        made = value.detach()
        made = made.resolve_conj().resolve_neg()
        array = np.asarray(made.float() if "bfloat16" in str(value.dtype) else made)
        grad_shown = None if grad is None else self.tensor(grad, "grad") if grad is not value else "itself"
        if of == "grad":  # how often torch writes to a gradient before it is there is nobody's concern
            flags = tuple(each for each in flags if each[0] != "version")
        return ("tensor", flags, ("values", array.reshape(-1).tolist()), ("grad", grad_shown))

    def step(self, code: Any) -> None:
        self.noted = []
        try:
            exec(code, self.space)
        except self.refusal as error:
            self.refused = self.refused or str(error)
            return
        except NotImplementedError as error:
            # Which kernels torch has for which dtype says nothing of gradients.
            self.refused = f"torch: {error}"
            return
        except Exception as error:
            if "must be Tensor, not " in str(error):
                self.refused = "torch: something else for a tensor"
                return
            if INTERNAL in str(error):
                self.refused = "torch: a fault of its own"
                return
            self.noted.append(_raised(error))
        with_mode = ("modes", self.torch.is_grad_enabled(), self.torch.is_inference_mode_enabled())
        self.noted.append(with_mode)
        if self.refused:
            return
        for name, value in list(self.space.items()):
            if name not in self.given and isinstance(value, self.torch.Tensor):
                shown = self.tensor(value)
                if repr(self.seen.get(name)) != repr(shown):
                    self.seen[name] = shown
                    self.noted.append((name, shown))
        self.steps.append(self.noted)

    def all(self, codes: list[Any]) -> Run:
        """All statements, in a thread of their own: the modes of a thread end with it."""

        def work() -> None:
            with warnings.catch_warnings(), contextlib.redirect_stdout(None):
                warnings.simplefilter("ignore")
                self.torch.manual_seed(0)
                for code in codes:
                    try:
                        self.step(code)
                    except self.refusal as error:
                        self.refused = self.refused or str(error)
                    if self.refused:
                        break
            # A generator that is left suspended inside a mode ends here, in the thread whose mode it would change.
            self.space.clear()
            self.torch.autograd.set_detect_anomaly(False)

        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        return self


def _fail(*args: Any) -> Any:
    raise ValueError(args[0] if args and isinstance(args[0], str) else "failed")


def _plain(text: str) -> str:
    text = re.sub(r"0x[0-9a-f]+", "0x…", text)
    text = text.partition("Exception raised from ")[0].strip()
    text = re.sub(r"\bCPU(\w+)Type\b", r"torch.\1Tensor", text)
    text = _NO_DIMENSION.sub("index out of range for a tensor without dimensions", text)
    return re.sub(r"\s+", " ", text)


def _raised(error: BaseException) -> Record:
    return ("raises", type(error).__name__, _plain(str(error)))


def compiled(statements: list[str]) -> list[Any]:
    return [compile(text, f"<statement {at}>", "exec") for at, text in enumerate(statements)]
