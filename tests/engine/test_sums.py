"""Gradients that meet are added without changing what somebody else holds."""

from __future__ import annotations

import pytest
from gradlint_runtime import assemble

torch = assemble()


def test_second_derivative_where_a_gradient_passes_through() -> None:
    """The gradient of a difference is that of its result, the same tensor, which the first walk has saved."""
    g = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    h = torch.tensor([3.0, -1.0], dtype=torch.float64, requires_grad=True)
    first = torch.autograd.grad(((h - g) * h).pow(2).sum(), [g, h], create_graph=True)
    second = torch.autograd.grad(sum((each * each).sum() for each in first), [g, h])
    assert [each.tolist() for each in second] == [[-6336.0, 696.0], [11904.0, -2280.0]]


def test_gradients_given_stay_as_they_are() -> None:
    x = torch.ones(2, requires_grad=True)
    start = torch.ones(2)
    (x + x * 2 + x.sin()).backward(start)
    assert start.tolist() == [1.0, 1.0]


def test_square_saves_its_input_for_the_second_derivative() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    v = w + w
    (slope,) = torch.autograd.grad(v.pow(2).sum(), v, create_graph=True)
    v.abs_()
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        slope.sum().backward()
