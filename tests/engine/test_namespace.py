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


def test_linear_on_what_is_not_contiguous() -> None:
    """A batch that was transposed goes through matmul, and the bias is added in place: no view comes out."""
    layer = torch.nn.Linear(3, 4)
    made = layer(torch.ones(2, 5, 3).transpose(0, 1))
    assert (type(made.grad_fn).__name__, made._version, made._is_view()) == ("AddBackward0", 1, False)
    made = layer(torch.ones(2, 5, 3))
    assert (type(made.grad_fn).__name__, made._version, made._is_view()) == ("ViewBackward0", 0, True)


def test_which_of_equal_elements_is_the_kth() -> None:
    """The gradient goes to the element that torch's selection ends on."""
    x = torch.zeros(3, requires_grad=True)
    x.kthvalue(1)[0].backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_inference_leaf_written_outside() -> None:
    """Autograd is asked only where a normal tensor comes with it."""
    with torch.inference_mode():
        leaf = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode"):
        leaf.floor_()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        leaf.add_(1)
