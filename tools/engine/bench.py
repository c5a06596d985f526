"""Time training loops on the engine, on HIPS autograd and on PyTorch with one thread.

    python -m tools.engine.bench [--steps N] [--runs N]

A network of three linear layers and a small convolutional one, plain gradient descent, the same data everywhere. What is
not installed is left out. The best of some runs counts; numpy keeps to one thread as well.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from gradlint_runtime import assemble  # noqa: E402

WIDTHS = (32, 64, 64, 10)
BATCH = 64
Step = Callable[[], float]


def data(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def weights() -> list[tuple[np.ndarray, np.ndarray]]:
    source = np.random.default_rng(0)
    return [
        ((source.standard_normal((a, b)) / np.sqrt(a)).astype(np.float32), np.zeros(b, np.float32))
        for a, b in zip(WIDTHS, WIDTHS[1:])
    ]


def trained(torch: Any, model: Any, x: Any, y: Any) -> Step:
    """A step of gradient descent as people write it for torch."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step() -> float:
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def layers_on(torch: Any) -> Step:
    """The loop as people write it for torch; the engine runs the same."""
    nn = torch.nn
    parts: list[Any] = []
    for weight, bias in weights():
        layer = nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weight.T.copy()))
            layer.bias.copy_(torch.tensor(bias))
        parts += [layer, nn.Tanh()]
    model = nn.Sequential(*parts[:-1])
    x, y = torch.tensor(data(BATCH, WIDTHS[0])), torch.tensor(data(BATCH, WIDTHS[-1]) * 0.1)
    return trained(torch, model, x, y)


def layers_on_autograd() -> Step:
    anp, grad = importlib.import_module("autograd.numpy"), importlib.import_module("autograd").value_and_grad
    held = weights()
    x, y = data(BATCH, WIDTHS[0]), data(BATCH, WIDTHS[-1]) * np.float32(0.1)

    def loss(parameters: Any) -> Any:
        made = x
        for at, (weight, bias) in enumerate(parameters):
            made = anp.dot(made, weight) + bias
            if at < len(parameters) - 1:
                made = anp.tanh(made)
        return anp.mean((made - y) ** 2)

    slope = grad(loss)

    def step() -> float:
        nonlocal held
        value, grads = slope(held)
        held = [(w - 0.01 * gw, b - 0.01 * gb) for (w, b), (gw, gb) in zip(held, grads)]
        return float(value)

    return step


def convolutions_on(torch: Any) -> Step:
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 10),
    )  # fmt: skip
    x, y = torch.tensor(data(16, 1, 28, 28)), torch.tensor(data(16, 10) * 0.1)
    return trained(torch, model, x, y)


def convolutions_on_autograd() -> Step:
    anp, value_and_grad = importlib.import_module("autograd.numpy"), importlib.import_module("autograd").value_and_grad
    convolve = importlib.import_module("autograd.scipy.signal").convolve
    source = np.random.default_rng(0)
    shapes = [(1, 8, 5, 5), (8, 16, 5, 5), (256, 10)]
    held = [source.standard_normal(shape) * 0.1 for shape in shapes]
    x, y = data(16, 1, 28, 28), data(16, 10) * 0.1

    def pooled(image: Any) -> Any:
        n, c, h, w = image.shape
        return anp.max(anp.max(image.reshape(n, c, h // 2, 2, w // 2, 2), axis=5), axis=3)

    def loss(parameters: Any) -> Any:
        made = x
        for kernel in parameters[:2]:
            made = pooled(
                anp.maximum(convolve(made, kernel, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid"), 0)
            )
        return anp.mean((anp.dot(made.reshape(16, -1), parameters[2]) - y) ** 2)

    slope = value_and_grad(loss)

    def step() -> float:
        nonlocal held
        value, grads = slope(held)
        held = [each - 0.01 * grad for each, grad in zip(held, grads)]
        return float(value)

    return step


def best(step: Step, steps: int, runs: int) -> float:
    """Milliseconds for a step."""
    step()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        times.append((time.perf_counter() - start) / steps)
    return min(times) * 1e3


def have(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.engine.bench", description=__doc__)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    rivals: dict[str, Any] = {"engine": assemble()}
    if have("torch"):
        rivals["torch, one thread"] = importlib.import_module("torch")
        rivals["torch, one thread"].set_num_threads(1)
    for title, ours, theirs, steps in (
        ("three linear layers", layers_on, layers_on_autograd, options.steps),
        ("two convolutions", convolutions_on, convolutions_on_autograd, max(options.steps // 10, 2)),
    ):
        for name, module in rivals.items():
            print(f"{title:20} {name:18} {best(ours(module), steps, options.runs):8.3f} ms a step")
        if have("autograd"):
            print(f"{title:20} {'HIPS autograd':18} {best(theirs(), steps, options.runs):8.3f} ms a step")


if __name__ == "__main__":
    main()
