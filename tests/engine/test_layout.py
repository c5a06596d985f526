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


@pytest.mark.parametrize("name", ["any", "logical_not", "nonzero", "long", "argsort", "std", "cumsum"])
def test_so_do_operators_without_a_derivative_and_single_numbers(name: str) -> None:
    with torch.inference_mode():
        x = torch.tensor(0.5) if name in ("std", "cumsum") else torch.ones(2, 3)
    made = x.cumsum(0) if name == "cumsum" else getattr(x, name)()
    assert made._version == 1


@pytest.mark.parametrize(("name", "function"), [("abs", "abs"), ("mean", "sum"), ("logsumexp", "logsumexp")])
def test_a_kernel_that_writes_with_out_refuses_inference_tensors_that_require_grad(name: str, function: str) -> None:
    with torch.inference_mode():
        x = torch.ones(2, 3, requires_grad=True)
    arguments = (0,) if name == "logsumexp" else ()
    with pytest.raises(RuntimeError, match=rf"^{function}\(\): functions with out=... arguments don't support"):
        getattr(x, name)(*arguments)
    with torch.no_grad():
        assert not getattr(x, name)(*arguments).requires_grad


def test_a_number_or_mask_that_is_no_inference_tensor_lets_autograd_see_the_call() -> None:
    with torch.inference_mode():
        x = torch.ones(2, 3, requires_grad=True)
    assert type((1 - x).grad_fn).__name__ == "SubBackward0"
    assert type((x % 2).grad_fn).__name__ == "RemainderBackward1"
    assert torch.where(x > 0, x, x).requires_grad
    assert not x.clamp(-1, 1).requires_grad


def test_the_first_operand_decides_in_which_order_a_result_lies() -> None:
    turned, usual = torch.ones(2, 3).T, torch.ones(3, 2)
    assert (turned + usual).stride() == torch.where(turned > 0, usual, turned).stride() == (1, 3)
    assert (usual + turned).stride() == (2, 1)


def test_a_value_goes_to_the_places_it_is_meant_for_where_places_overlap() -> None:
    x = torch.tensor(2.0)
    x.expand(2).index_fill_(0, torch.tensor([0]), 0.5)
    assert x.item() == 0.5
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        torch.arange(3).expand(2, 3).tanh_()


def test_a_form_in_place_calls_itself_by_its_own_name() -> None:
    with pytest.raises(RuntimeError, match=r"^t_\(\) expects"):
        torch.ones(1, 2, 3).t_()
    x = torch.ones(2, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="aten::floor_divide_ is"):
        x.floor_divide_(2).sum().backward()
    with pytest.raises(RuntimeError, match="Long can't be cast to the desired output type bool"):
        (torch.ones(2) > 0).clamp_(0, 1)


def test_the_error_of_recording_comes_before_that_of_computing() -> None:
    with torch.inference_mode():
        kept = torch.ones(2, 2)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        torch.maximum(kept, torch.ones(2, 3, requires_grad=True))


def test_hooks_hear_of_a_gradient_that_is_not_there() -> None:
    class Nothing(torch.autograd.Function):  # type: ignore[name-defined, misc]
        @staticmethod
        def forward(ctx: object, x: object) -> object:
            return x * 2  # type: ignore[operator]

        @staticmethod
        def backward(ctx: object, grad: object) -> None:
            return None

    heard: list[object] = []
    w = torch.ones(2, requires_grad=True)
    w.register_hook(heard.append)
    Nothing.apply(w).sum().backward()
    assert heard == [None]


def test_what_has_no_derivative_raises_before_anything_is_accumulated() -> None:
    w = torch.ones(2, requires_grad=True)
    floored = torch.ones(2, requires_grad=True) // 2
    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
        torch.autograd.backward([w.sum(), floored.sum()])
    assert w.grad is None


def test_a_transform_of_a_view_made_with_grad_off_requires_grad_outside() -> None:
    w = torch.zeros(3, requires_grad=True)
    with torch.no_grad():
        part = w[1:]
    assert torch.func.vjp(torch.sin, part)[0].requires_grad


def test_a_result_saved_in_place_on_a_view_keeps_the_history_of_the_view() -> None:
    x = torch.tensor([[[[1.0, 1.0]]]], requires_grad=True)
    net = torch.nn.Sequential(torch.nn.InstanceNorm2d(2), torch.nn.ReLU(True))
    (slope,) = torch.autograd.grad(net(x).pow(2), [x], torch.ones(1, 1, 1, 2), create_graph=True)
    torch.autograd.grad(slope.sum(), [x])


def test_a_saved_tensor_that_was_detached_in_place_is_told_of() -> None:
    a = torch.tensor(1.0, requires_grad=True).clone()
    b = a.sin()
    a.detach_()
    with pytest.raises(RuntimeError, match="saved tensor that has been detached in-place"):
        b.backward()


def test_the_private_switch_of_grad_mode() -> None:
    torch._C._set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch._C._set_grad_enabled(True)
    with pytest.raises(NotImplementedError, match=r"torch\._C\._nothing"):
        torch._C._nothing()
