"""Write the names that PyTorch offers to `runtime/gradlint_runtime/face/names.txt`.

The engine needs them to tell what PyTorch has and the engine has not (NotImplementedError) from what neither has
(AttributeError). Only names are written: `python tools/engine/measure_names.py`, with the PyTorch to follow installed.
"""

from __future__ import annotations

import importlib
import pkgutil
import textwrap
import types
from pathlib import Path

import torch

TARGET = Path(__file__).resolve().parents[2] / "runtime" / "gradlint_runtime" / "face" / "names.txt"
MODULES = (
    "torch", "torch.amp", "torch.autograd", "torch.autograd.forward_ad", "torch.autograd.function",
    "torch.autograd.functional", "torch.autograd.grad_mode", "torch.autograd.graph", "torch.autograd.anomaly_mode",
    "torch.autograd.profiler", "torch.autograd.gradcheck", "torch.backends", "torch.backends.cudnn", "torch.cpu",
    "torch.cuda", "torch.cuda.amp", "torch.distributions", "torch.fft", "torch.func", "torch.hub", "torch.jit",
    "torch.linalg", "torch.masked", "torch.multiprocessing", "torch.nn", "torch.nn.functional", "torch.nn.init",
    "torch.nn.modules", "torch.nn.parameter", "torch.nn.utils", "torch.nn.utils.rnn", "torch.nn.utils.parametrize",
    "torch.nn.utils.parametrizations", "torch.nn.utils.stateless", "torch.optim", "torch.optim.lr_scheduler",
    "torch.optim.swa_utils", "torch.random", "torch.return_types", "torch.signal", "torch.signal.windows",
    "torch.sparse", "torch.special", "torch.testing", "torch.utils", "torch.utils.checkpoint", "torch.utils.data",
    "torch.utils.hooks", "torch.version", "torch.overrides",
)  # fmt: skip
CLASSES = (torch.Tensor, torch.nn.Module, torch.optim.Optimizer, torch.autograd.Function, torch.Generator)


def names_of(thing: object) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("__")]


def submodules(package: types.ModuleType) -> list[str]:
    path = getattr(package, "__path__", None)
    return [] if path is None else [info.name for info in pkgutil.iter_modules(path)]


def main() -> None:
    sections = []
    for name in MODULES:
        module = importlib.import_module(name)
        sections.append((name, sorted({*names_of(module), *submodules(module)})))
    for kind in CLASSES:
        sections.append((f"{kind.__module__}.{kind.__qualname__}", sorted(names_of(kind))))
    lines = [
        f"# Names that PyTorch {torch.__version__.partition('+')[0]} offers. Written by tools/engine/measure_names.py."
    ]
    for title, names in sections:
        lines.append(f"[{title}]")
        lines += textwrap.wrap(" ".join(names), 118, break_long_words=False, break_on_hyphens=False)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
