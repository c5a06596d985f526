"""No input makes the analysis hang; what was cut off is told."""

import time

import pytest

from gradlint import pipeline

HEAD = "import torch\nw = torch.ones(3, requires_grad=True)\n"
SECONDS = 60.0
"""Of the processor, for what takes a few where nothing else runs."""


def lines(count: int) -> str:
    return "".join(f"x{i} = w * {i}\n" for i in range(count)) + "w.sum().backward()\n"


def functions(count: int) -> str:
    return "".join(f"def f{i}(a):\n    a.backward()\n    return f{i - 1}(a)\n" for i in range(count))


def branches(count: int) -> str:
    cases = "".join(
        f"    elif state == {i}:\n        x = x * {i}\n        state = {i * 7 % 999}\n" for i in range(count)
    )
    head = "def step(state, x):\n    if state == -1:\n        x = x.detach()\n"
    return f"{head}{cases}    return state, x\nstate = 0\nwhile True:\n    state, w = step(state, w)\n    w.sum().backward()\n"


@pytest.mark.parametrize("text", [
    lines(20_000), functions(3_000), branches(1_000),
    "y = " + "f(" * 10_000 + "w" + ")" * 10_000 + "\ny.backward()\n",
    "y = w" + ".add(1)" * 10_000 + "\ny.sum().backward()\n",
    "".join(" " * i + "with torch.no_grad():\n" for i in range(90)) + " " * 90 + "y = w.sum()\ny.backward()\n",
    "".join(" " * i + "with torch.no_grad():\n" for i in range(500)) + " " * 500 + "y = w.sum()\ny.backward()\n",
    "def f(x):\n" + "".join(" " * i + f" for i{i} in range(9):\n" for i in range(18)) + " " * 19 + "x = x * 2\n x.backward()\n",
], ids=["lines", "functions", "branches", "calls", "chain", "contexts", "too many contexts", "loops"])  # fmt: skip
def test_it_ends(text: str) -> None:
    started = time.process_time()
    result = pipeline.check_bytes("a.py", (HEAD + text).encode(), alone=True)
    assert time.process_time() - started < SECONDS
    assert result.findings or result.cuts or result.failure
