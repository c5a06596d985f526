"""What PyTorch's samples of its modules leave out: padding in encoders, lazy modules before their first input."""

from __future__ import annotations

import pytest
from gradlint_runtime import assemble

torch = assemble()
nn = torch.nn


def test_encoder_puts_zeros_for_padding_where_nothing_is_recorded() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2).eval()
    padding = torch.tensor([[False, False, True]])
    with torch.no_grad():
        made = encoder(torch.rand(1, 3, 4), src_key_padding_mask=padding)
    assert made[0, 2].tolist() == [0.0] * 4
    assert made[0, 1].abs().sum() > 0
    assert encoder(torch.rand(1, 3, 4), src_key_padding_mask=padding)[0, 2].abs().sum() > 0


def test_lazy_modules_become_ordinary_ones() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d(), nn.LazyLinear(1, bias=False))
    assert repr(model[0].weight) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        print(model[0].weight.shape)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.rand(4, 5)).sum().backward()
    optimizer.step()
    assert [type(each) for each in model] == [nn.Linear, nn.BatchNorm1d, nn.Linear]
    assert model[0].weight.shape == (3, 5)
    assert all(each.grad is not None and each.grad.shape == each.shape for each in model.parameters())


def test_neighbours_that_look_the_same_are_shown_once() -> None:
    shown = repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()]))
    assert shown == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
