"""In which order results lie in memory, and how often their making counts as writing."""

from __future__ import annotations

import pytest
from gradlint_runtime import assemble

torch = assemble()


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "softmax", "log_softmax", "logcumsumexp"])
def test_usual_order_however_the_input_lies(name: str) -> None:
    assert getattr(torch.rand(2, 3).T, name)(0).stride() == (2, 1)


def test_order_of_the_input() -> None:
    x = torch.rand(2, 3).T
    assert x.flip(0).stride() == x.argsort().stride() == x.sort()[0].stride() == (1, 3)
    assert x.unsqueeze(-1).stride() == (1, 3, 1)


def test_reductions_and_conversions_lie_in_the_usual_order() -> None:
    assert torch.rand(2, 3, 4).permute(2, 0, 1).sum(1).stride() == (3, 1)
    assert torch.rand(3).expand(2, 3).double().stride() == torch.rand(3).expand(2, 3).erf().stride() == (3, 1)


def test_masked_fill_makes_the_usual_order() -> None:
    x = torch.ones(2, 3).T
    assert x.masked_fill(x > 0, 0.0).stride() == (2, 1)


@pytest.mark.parametrize(("name", "count"), [("clone", 1), ("mean", 2), ("sum", 1), ("exp", 0), ("nan_to_num", 1)])
def test_kernels_write_into_what_they_make_of_inference_tensors(name: str, count: int) -> None:
    with torch.inference_mode():
        x = torch.ones(2, 3)
        assert getattr(x, name)().is_inference()
    assert getattr(x, name)()._version == count
    assert getattr(torch.ones(2, 3), name)()._version == 0
