"""Optimizers beside the plain ones: NAdam, RAdam, Rprop, ASGD, Adafactor, Muon."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bfloat16
from ..ops.data import tensor
from ..ops.factories import full_like, ones_like, zeros_like
from ..ops.matrix import addmm
from ..tensor import Tensor
from .descent import OneByOne, _decayed, _number, _real
from .optimizer import check_rate, counter


def _check_betas(betas: Any) -> None:
    for at, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {at}: {beta}")


def _moments(state: dict[str, Any], parameter: Tensor, **more: Tensor) -> None:
    state["step"] = counter()
    state.update(more)
    state["exp_avg"], state["exp_avg_sq"] = zeros_like(parameter), zeros_like(parameter)


def _weighed_down(parameter: Tensor, grad: Tensor, group: dict[str, Any], rate: float) -> Tensor:
    """The gradient after weight decay, which may act on the parameter instead."""
    if group["weight_decay"] and group["decoupled_weight_decay"]:
        parameter.mul_(1 - rate * group["weight_decay"])
        return grad
    return _decayed(parameter, grad, group["weight_decay"])


class NAdam(OneByOne):
    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
        momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *, foreach: Any = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_rate(eps, "epsilon value")
        _check_betas(betas)
        check_rate(weight_decay, "weight_decay value")
        check_rate(momentum_decay, "momentum_decay value")
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable,
        })  # fmt: skip

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        lr, (beta1, beta2) = _number(group["lr"]), group["betas"]
        state = self.state[parameter]
        if not state:
            _moments(state, parameter, mu_product=tensor(1.0))
        parameter, grad, mean, square = _real(parameter, grad, state["exp_avg"], state["exp_avg_sq"])
        state["step"].add_(1)
        step = state["step"].item()
        grad = _weighed_down(parameter, grad, group, lr)
        decay = group["momentum_decay"]
        now, then = (beta1 * (1.0 - 0.5 * 0.96 ** (at * decay)) for at in (step, step + 1))
        state["mu_product"].mul_(now)
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        size = square.div(1 - beta2**step).sqrt().add_(group["eps"])
        product = state["mu_product"].item()
        parameter.addcdiv_(grad, size, value=-lr * (1.0 - now) / (1.0 - product))
        parameter.addcdiv_(mean, size, value=-lr * then / (1.0 - product * then))


class RAdam(OneByOne):
    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
        decoupled_weight_decay: bool = False, *, foreach: Any = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_rate(eps, "epsilon value")
        _check_betas(betas)
        check_rate(weight_decay, "weight_decay value")
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        })  # fmt: skip

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        lr, (beta1, beta2) = _number(group["lr"]), group["betas"]
        state = self.state[parameter]
        if not state:
            _moments(state, parameter)
        parameter, grad, mean, square = _real(parameter, grad, state["exp_avg"], state["exp_avg_sq"])
        state["step"].add_(1)
        step = state["step"].item()
        grad = _weighed_down(parameter, grad, group, lr)
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        left = 1 - beta2**step
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / left
        move = mean / (1 - beta1**step) * lr
        if length > 5.0:
            # The variance is known well enough to scale by it.
            sure = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
            move = move * (left**0.5 / square.sqrt().add_(group["eps"])) * sure
        parameter.add_(move, alpha=-1.0)


class Rprop(OneByOne):
    def __init__(
        self, params: Any, lr: Any = 1e-2, etas: Any = (0.5, 1.2), step_sizes: Any = (1e-6, 50), *,
        capturable: bool = False, foreach: Any = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        })  # fmt: skip

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            rate = _number(group["lr"])
            state["step"], state["prev"] = counter(), zeros_like(parameter)
            state["step_size"] = full_like(grad, complex(rate, rate) if grad._dtype.is_complex else rate)
        state["step"].add_(1)
        parameter, grad, before, size = _real(parameter, grad, state["prev"], state["step_size"])
        less, more = group["etas"]
        turn = grad.mul(before).sign()
        factor = ones_like(turn).masked_fill_(turn.gt(0), more).masked_fill_(turn.lt(0), less)
        size.mul_(factor).clamp_(*group["step_sizes"])
        grad = grad.masked_fill(turn.lt(0), 0)
        parameter.addcmul_(grad.sign(), size, value=-1)
        before.copy_(grad)


class ASGD(OneByOne):
    def __init__(
        self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: Any = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_rate(weight_decay, "weight_decay value")
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })  # fmt: skip

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state, lr, lambd = self.state[parameter], _number(group["lr"]), group["lambd"]
        if not state:
            state["step"], state["eta"], state["mu"] = counter(), tensor(float(lr)), tensor(1.0)
            state["ax"] = zeros_like(parameter)
        grad, parameter, mean = _real(grad, parameter, state["ax"])
        state["step"].add_(1)
        grad = _decayed(parameter, grad, group["weight_decay"])
        eta, step = state["eta"].item(), state["step"].item()
        parameter.mul_(1 - lambd * eta)
        parameter.add_(grad, alpha=-eta)
        share = state["mu"].item()
        if share == 1:
            mean.copy_(parameter)
        else:
            mean.add_(parameter.sub(mean).mul_(share))
        state["eta"].fill_(lr / (1 + lambd * lr * step) ** group["alpha"])
        state["mu"].fill_(1 / max(1, step - group["t0"]))


class Adafactor(OneByOne):
    def __init__(
        self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8, eps: Any = (None, 1e-3), d: float = 1.0,
        weight_decay: float = 0.0, *, foreach: Any = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        for name, value, fine, bound in (
            ("Learning rate", lr, lr >= 0, ">= 0"), ("beta2_decay", beta2_decay, beta2_decay <= 0, "<= 0"),
            ("epsilon1", eps[0], eps[0] is None or eps[0] >= 0, ">= 0"), ("epsilon2", eps[1], eps[1] >= 0, ">= 0"),
            ("Clipping threshold d", d, d >= 1, ">= 1"), ("weight_decay", weight_decay, weight_decay >= 0, ">= 0"),
        ):  # fmt: skip
            if not fine:
                raise ValueError(f"{name} should be {bound} but is: {value}")
        super().__init__(params, {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize,
        })  # fmt: skip

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if parameter._dtype.is_complex:
            raise RuntimeError("Adafactor does not support complex parameters")
        state, lr, (least, floor) = self.state[parameter], _number(group["lr"]), group["eps"]
        if not state:
            state.update(_factors(grad))
        least = float(np.finfo(parameter._array.dtype).eps) if least is None else least
        state["step"].add_(1)
        step = state["step"].item()
        fresh = step ** group["beta2_decay"]
        rate = max(floor, parameter.norm(2).item() / parameter.numel() ** 0.5) * min(lr, 1 / step**0.5)
        if group["weight_decay"]:
            parameter.mul_(1 - lr * group["weight_decay"])
        update = _variance(state, grad, fresh, least).clamp_(min=least * least).rsqrt_().mul_(grad)
        size = max(1.0, update.norm(2).item() / (update.numel() ** 0.5 * group["d"]))
        parameter.add_(update, alpha=-rate / size)


def _factors(grad: Tensor) -> dict[str, Tensor]:
    """Fresh state: the variance of a matrix is kept as a row and a column of it."""
    if grad.dim() <= 1:
        return {"step": counter(), "variance": zeros_like(grad)}
    *outer, rows, columns = grad.shape
    row, column = grad.new_zeros((*outer, rows, 1)), grad.new_zeros((*outer, 1, columns))
    return {"step": counter(), "row_var": row, "col_var": column}


def _variance(state: dict[str, Any], grad: Tensor, fresh: float, least: float) -> Tensor:
    if grad.dim() <= 1:
        state["variance"].lerp_(grad * grad, fresh)
        return state["variance"].clone()
    row, column = state["row_var"], state["col_var"]
    row.lerp_(grad.norm(dim=-1, keepdim=True).square_().div_(grad.size(-1)), fresh)
    column.lerp_(grad.norm(dim=-2, keepdim=True).square_().div_(grad.size(-2)), fresh)
    return (row @ column).div_(row.mean(dim=-2, keepdim=True).clamp_(min=least))


class Muon(OneByOne):
    def __init__(
        self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: Any = (3.4445, -4.7750, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if value < 0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        })  # fmt: skip
        for group in self.param_groups:
            for each in group["params"]:
                if each.dim() != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {each.shape}"
                    )

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if parameter._dtype.is_complex:
            raise RuntimeError("Muon does not support complex parameters")
        state, lr, momentum = self.state[parameter], _number(group["lr"]), group["momentum"]
        held = state.setdefault("momentum_buffer", zeros_like(grad))
        held.lerp_(grad, 1 - momentum)
        move = grad.lerp(held, momentum) if group["nesterov"] else held
        rows, columns = parameter.shape
        matched = group["adjust_lr_fn"] == "match_rms_adamw"
        ratio = 0.2 * math.sqrt(max(rows, columns)) if matched else math.sqrt(max(1, rows / columns))
        move = _orthogonal(move, group["ns_coefficients"], group["ns_steps"], group["eps"])
        parameter.mul_(1 - lr * group["weight_decay"])
        parameter.add_(move, alpha=-lr * ratio)


def _orthogonal(matrix: Tensor, coefficients: Any, steps: int, least: float) -> Tensor:
    """The nearest matrix with orthogonal rows, roughly: Newton and Schulz's iteration, in bfloat16."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    high = matrix.size(0) > matrix.size(1)
    made = matrix.to(bfloat16)
    made = made.T if high else made
    made.div_(made.norm().clamp(min=least))
    for _ in range(steps):
        gram = made @ made.T
        made = addmm(made, addmm(gram, gram, gram, beta=b, alpha=c), made, beta=a)
    return made.T if high else made
