"""Functions of the namespace that write into their input, and noise whose numbers are known."""

from __future__ import annotations

import pytest
from gradlint_runtime import assemble

torch = assemble()


@pytest.mark.parametrize("name", ["sigmoid_", "relu_", "exp_", "sqrt_", "clamp_", "neg_", "celu_", "selu_", "tanh_"])
def test_written_in_place(name: str) -> None:
    x = torch.tensor([0.25, 0.75], requires_grad=True) * 1
    arguments = (0.3, 0.5) if name == "clamp_" else ()
    assert getattr(torch, name)(x, *arguments) is x
    assert x._version == 1
    x.sum().backward()


def test_written_in_place_only_into_tensors() -> None:
    with pytest.raises(TypeError, match=r"sigmoid_\(\): argument 'input' \(position 1\) must be Tensor, not float"):
        torch.sigmoid_(0.5)


def test_alpha_dropout_moves_what_is_dropped_below_zero() -> None:
    torch.manual_seed(0)
    made = torch.nn.functional.alpha_dropout(torch.tensor([0.25, 0.75, 1.0, 2.0]), 0.5, True)
    assert [round(each, 4) for each in made.tolist()] == [-0.7792, -0.7792, 1.6656, -0.7792]


def test_uniform_rounds_once() -> None:
    """The product and the sum of `uniform_` are rounded together."""
    torch.manual_seed(11)
    drawn = torch.empty(5).uniform_(-0.7, 0.7)
    torch.manual_seed(11)
    exact = torch.rand(5).double() * float(torch.tensor(1.4)) + float(torch.tensor(-0.7))
    assert drawn.tolist() == exact.float().tolist()
