"""Small changes of source text that fixes are made of."""

import pytest

from gradlint.rules.snippets import torch_name, with_argument


@pytest.mark.parametrize("call, made", [
    ("grad(a, b)", "grad(a, b, k=True)"), ("t.grad()", "t.grad(k=True)"), ("grad(a,)", "grad(a, k=True)"),
    ("grad(\n    a,\n    b\n)", "grad(\n    a,\n    b, k=True\n)"), ("grad(f(k=1))", "grad(f(k=1), k=True)"),
    ("grad(a, k=False)", ""), ("grad(a, **more)", ""), ("grad(a  # why\n)", ""), ("a + b", ""),
])  # fmt: skip
def test_one_more_argument(call: str, made: str) -> None:
    assert with_argument(call, "k=True") == made


@pytest.mark.parametrize("text, name", [
    ("import os\nimport torch\n", "torch"), ("import torch as th  # short", "th"), ("    import torch", "torch"),
    ("from torch import nn", ""), ("import torch.nn", ""), ("import torchvision", ""), ("# import torch", ""),
])  # fmt: skip
def test_what_torch_is_called(text: str, name: str) -> None:
    assert torch_name(text.split("\n")) == name
