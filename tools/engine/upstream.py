"""Run PyTorch's own `test_autograd.py` with the engine in the place of torch.

    python -m tools.engine.upstream PATH/test_autograd.py [--only WORDS] [--failures]

The file is not part of this project: take it from PyTorch's sources. Each test runs on PyTorch first; those that do not
pass there (CUDA, another version) are left out. What the engine refuses aloud is counted apart from what it gets wrong.
Only the test framework itself (`torch.testing`) is PyTorch's; results are carried over to be compared.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import re
import signal
import sys
import types
import unittest
import warnings
from collections import Counter
from typing import Any

import numpy as np
import torch
from gradlint_runtime import assemble
from gradlint_runtime.dtypes import dtype
from gradlint_runtime.errors import Unsupported
from gradlint_runtime.tensor import Tensor
from torch.testing._internal.common_utils import TestCase

engine = assemble()
# What the file asks for while its classes are made.
absent = types.SimpleNamespace(is_available=lambda: False)
engine.backends.mkldnn = absent
engine.profiler = types.SimpleNamespace(itt=absent)

# Classes of the file that are about what the engine is for.
CLASSES = (
    "TestAutograd",
    "TestAutogradInferenceMode",
    "TestAutogradForwardMode",
    "TestMultithreadAutograd",
    "TestNestedCheckpoint",
)
FROM_TORCH = ("torch.testing", "torch.utils._mode_utils", "torch.utils._python_dispatch", "torch.utils.flop_counter")
FROM_TORCH += ("torch.autograd.profiler", "torch.autograd._functions")


def carried(value: Any) -> Any:
    """What the engine made, as PyTorch's own test framework compares it."""
    if isinstance(value, Tensor):
        made = torch.from_numpy(np.array(value._array))
        return made.to(torch.bfloat16) if value._dtype.name == "bfloat16" else made
    if isinstance(value, dtype):
        return getattr(torch, value.name)
    if isinstance(value, engine.Size):
        return torch.Size(value)
    if type(value) in (list, tuple):
        return type(value)(map(carried, value))
    return value


class EngineCase(TestCase):
    """The test case, which understands the engine's tensors."""

    def assertEqual(self, x: Any, y: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        super().assertEqual(carried(x), carried(y), *args, **kwargs)

    def assertNotEqual(self, x: Any, y: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        super().assertNotEqual(carried(x), carried(y), *args, **kwargs)


class Missing:
    """Stands for a name that the engine has not; using it is a refusal."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return Missing(f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise Unsupported(f"{self._name} is not supported by the gradlint runtime engine")

    def __mro_entries__(self, bases: Any) -> Any:
        return (object,)


def found(path: str) -> Any:
    value: Any = engine
    for part in path.split(".")[1:]:
        try:
            value = getattr(value, part)
        except (AttributeError, NotImplementedError):
            return Missing(path)
    return value


def import_for_engine(name: str, globals: Any = None, locals: Any = None, wanted: Any = (), level: int = 0) -> Any:
    """`import` in the file: torch is the engine, the test framework is PyTorch's."""
    if name.split(".")[0] != "torch" or level:
        return builtins.__import__(name, globals, locals, wanted, level)
    if name.startswith(FROM_TORCH) and wanted:
        module = builtins.__import__(name, globals, locals, wanted, level)
        ours = types.SimpleNamespace(**{each: getattr(module, each) for each in wanted if hasattr(module, each)})
        if hasattr(ours, "TestCase"):
            ours.TestCase = EngineCase
        for each in ("dtypes", "dtypesIfCUDA", "dtypesIfMPS"):  # they know PyTorch's dtypes only
            setattr(ours, each, lambda *given: lambda function: function)
        for check in ("gradcheck", "gradgradcheck"):
            if hasattr(ours, check):
                setattr(ours, check, found(f"torch.autograd.{check}"))
        if hasattr(ours, "make_tensor"):
            ours.make_tensor = found("torch.testing.make_tensor")
        return ours
    if not wanted:
        return engine
    return types.SimpleNamespace(**{each: found(f"{name}.{each}") for each in wanted})


def classes_of(source: str, path: str, replaced: bool) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "upstream", "__file__": path}
    if replaced:
        space["__builtins__"] = {**vars(builtins), "__import__": import_for_engine}
    holder = types.ModuleType("upstream")
    holder.__dict__.update(space)
    sys.modules["upstream"] = holder
    exec(compile(source, path, "exec"), holder.__dict__)
    return {name: value for name, value in holder.__dict__.items() if isinstance(value, type)}


class TooSlow(Exception):
    pass


def outcome(case: unittest.TestCase, seconds: int) -> tuple[str, str]:
    """passed, skipped, refused or failed, and why."""

    def stop(*args: Any) -> None:
        raise TooSlow("took too long")

    result = unittest.TestResult()
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
            case.run(result)
    finally:
        signal.alarm(0)
        for module in (torch, engine):
            module.set_grad_enabled(True)
    told = [text for _, text in (*result.errors, *result.failures)]
    if told:
        lines = [line for line in told[0].partition("To execute this test")[0].split("\n") if line[:1].strip()]
        last = lines[-1][:200] if lines else ""
        refused = "not supported by the gradlint runtime engine" in told[0] or "Missing" in last
        return "refused" if refused else "failed", last
    return ("skipped", result.skipped[0][1]) if result.skipped else ("passed", "")


def names_of(kind: type, only: list[str]) -> list[str]:
    names = [name for name in dir(kind) if name.startswith("test_")]
    names = [name for name in names if "profiler" not in name]
    return [name for name in names if not only or any(word in name for word in only)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.engine.upstream", description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--only", nargs="*", default=[], help="tests whose name holds one of these words")
    parser.add_argument("--failures", action="store_true", help="say what fails and what is refused")
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    with open(options.path) as file:
        source = file.read()
    # What follows the classes brings other files in, and makes one test for each device.
    source = re.split(r"\n(?:instantiate_device_type_tests\(|from autograd\.|# Import test cases)", source)[0]
    torch.set_num_threads(1)
    theirs, ours = classes_of(source, options.path, False), classes_of(source, options.path, True)
    totals: Counter[str] = Counter()
    for name in CLASSES:
        here: Counter[str] = Counter()
        for test in names_of(theirs.get(name, object), options.only):
            try:
                case, twin = theirs[name](test), ours[name](test)
            except (TypeError, ValueError):  # a test of devices or parameters, which only torch's loader makes
                continue
            if outcome(case, options.seconds)[0] != "passed":
                continue
            verdict, why = outcome(twin, options.seconds)
            here[verdict] += 1
            if options.failures and verdict != "passed":
                print(f"{verdict:8} {name}.{test}: {why}", flush=True)
        print(f"{name}: of {sum(here.values())} that pass on torch {dict(here)}", flush=True)
        totals += here
    print(f"all: of {sum(totals.values())} that pass on torch {dict(totals)}")


if __name__ == "__main__":
    main()
