"""SGD, Adam, AdamW and their relatives, one parameter at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..ops.complex import view_as_complex, view_as_real
from ..ops.factories import zeros_like
from ..tensor import Tensor
from .optimizer import Optimizer, add_to, check_rate, counter, evaluated, stepping

Closure = Callable[[], Any] | None


def _decayed(parameter: Tensor, grad: Tensor, weight_decay: float) -> Tensor:
    return grad.add(parameter, alpha=weight_decay) if weight_decay else grad


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def _real(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Complex numbers as pairs of real ones, each of which moves for itself."""
    return tuple(view_as_real(each) if each._dtype.is_complex else each for each in tensors)


class OneByOne(Optimizer):
    """An optimizer whose step treats each parameter for itself."""

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        raise NotImplementedError

    @stepping
    def step(self, closure: Closure = None) -> Any:
        loss = evaluated(closure)
        for group in self.param_groups:
            for parameter, grad in self.with_grad(group):
                self._update(parameter, grad, group)
        return loss


class SGD(Optimizer):
    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: Any = None, differentiable: bool = False,
        fused: Any = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if momentum < 0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        })  # fmt: skip

    @stepping
    def step(self, closure: Closure = None) -> Any:
        loss = evaluated(closure)
        for group in self.param_groups:
            for parameter, grad in self.with_grad(group):
                grad = _decayed(parameter, grad, group["weight_decay"])
                if group["momentum"]:
                    grad = self._with_momentum(parameter, grad, group)
                add_to(parameter, grad, -_number(group["lr"]))
        return loss

    def _with_momentum(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[parameter]
        held = state.get("momentum_buffer")
        if held is None:
            held = state["momentum_buffer"] = grad.detach().clone()
        else:
            held.mul_(group["momentum"]).add_(grad, alpha=1 - group["dampening"])
        return grad.add(held, alpha=group["momentum"]) if group["nesterov"] else held


class Adam(OneByOne):
    decoupled = False

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
        amsgrad: bool = False, *, foreach: Any = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False, fused: Any = None, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_rate(eps, "epsilon value")
        for at, beta in enumerate(betas):
            if not 0.0 <= _number(beta) < 1.0:
                raise ValueError(f"Invalid beta parameter at index {at}: {beta}")
        check_rate(weight_decay, "weight_decay value")
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        })  # fmt: skip

    def _state(self, parameter: Tensor, amsgrad: bool) -> dict[str, Any]:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state["step"] = counter()
            state["exp_avg"] = zeros_like(parameter)
            state["exp_avg_sq"] = zeros_like(parameter)
            if amsgrad:
                state["max_exp_avg_sq"] = zeros_like(parameter)
        return state

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        lr, (beta1, beta2) = _number(group["lr"]), group["betas"]
        state = self._state(parameter, group["amsgrad"])
        state["step"].add_(1)
        step = state["step"].item()
        if group["weight_decay"]:
            if group["decoupled_weight_decay"]:
                parameter.mul_(1 - lr * group["weight_decay"])
            else:
                grad = grad.add(parameter, alpha=group["weight_decay"])
        parameter, grad, mean, square = _real(parameter, grad, state["exp_avg"], state["exp_avg_sq"])
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        first, root = 1 - beta1**step, math.sqrt(1 - beta2**step)
        if group["amsgrad"]:
            (highest,) = _real(state["max_exp_avg_sq"])
            highest.copy_(highest.maximum(square))
            square = highest
        scale = (square.sqrt() / root).add_(group["eps"])
        parameter.addcdiv_(mean, scale, value=-lr / first)


class AdamW(Adam):
    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 1e-2,
        amsgrad: bool = False, *, maximize: bool = False, foreach: Any = None, capturable: bool = False,
        differentiable: bool = False, fused: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip


class RMSprop(OneByOne):
    def __init__(
        self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: Any = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_rate(eps, "epsilon value")
        check_rate(momentum, "momentum value")
        check_rate(weight_decay, "weight_decay value")
        check_rate(alpha, "alpha value")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        })  # fmt: skip

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        grad = _decayed(parameter, grad, group["weight_decay"])
        state = self.state[parameter]
        if not state:
            state["step"] = counter()
            state["square_avg"] = zeros_like(parameter)
            if group["momentum"] > 0:
                state["momentum_buffer"] = zeros_like(parameter)
            if group["centered"]:
                state["grad_avg"] = zeros_like(parameter)
        state["step"].add_(1)
        alpha, lr = group["alpha"], _number(group["lr"])
        parameter, grad, square = _real(parameter, grad, state["square_avg"])
        square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            (mean,) = _real(state["grad_avg"])
            mean.lerp_(grad, 1 - alpha)
            size = square.addcmul(mean, mean, value=-1).sqrt_()
        else:
            size = square.sqrt()
        size.add_(group["eps"])
        if group["momentum"] > 0:
            (held,) = _real(state["momentum_buffer"])
            held.mul_(group["momentum"]).addcdiv_(grad, size)
            parameter.add_(held, alpha=-lr)
        else:
            parameter.addcdiv_(grad, size, value=-lr)


class Adagrad(Optimizer):
    def __init__(
        self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: Any = None, *, maximize: bool = False,
        differentiable: bool = False, fused: Any = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_rate(lr_decay, "lr_decay value")
        check_rate(weight_decay, "weight_decay value")
        check_rate(initial_accumulator_value, "initial_accumulator_value value")
        check_rate(eps, "epsilon value")
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        })  # fmt: skip
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["step"] = counter()
                least = group["initial_accumulator_value"]
                state["sum"] = zeros_like(parameter) + (complex(least, least) if parameter._dtype.is_complex else least)
                state["sum"].detach_()

    @stepping
    def step(self, closure: Closure = None) -> Any:
        loss = evaluated(closure)
        for group in self.param_groups:
            for parameter, grad in self.with_grad(group):
                state = self.state[parameter]
                state["step"].add_(1)
                grad = _decayed(parameter, grad, group["weight_decay"])
                rate = _number(group["lr"]) / (1 + (state["step"].item() - 1) * group["lr_decay"])
                parameter, grad, total = _real(parameter, grad, state["sum"])
                total.addcmul_(grad, grad, value=1)
                parameter.addcdiv_(grad, total.sqrt().add_(group["eps"]), value=-rate)
        return loss


class Adadelta(Optimizer):
    def __init__(
        self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: Any = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_rate(eps, "epsilon value")
        check_rate(weight_decay, "weight_decay value")
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        })  # fmt: skip

    @stepping
    def step(self, closure: Closure = None) -> Any:
        loss = evaluated(closure)
        for group in self.param_groups:
            rho, eps = group["rho"], group["eps"]
            for parameter, grad in self.with_grad(group):
                state = self.state[parameter]
                if not state:
                    state["step"] = counter()
                    state["square_avg"], state["acc_delta"] = zeros_like(parameter), zeros_like(parameter)
                state["step"].add_(1)
                grad = _decayed(parameter, grad, group["weight_decay"])
                grad, square, moved = _real(grad, state["square_avg"], state["acc_delta"])
                square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
                size = square.add(eps).sqrt_()
                delta = moved.add(eps).sqrt_().div_(size).mul_(grad)
                moved.mul_(rho).addcmul_(delta, delta, value=1 - rho)
                delta = view_as_complex(delta) if parameter._dtype.is_complex else delta
                parameter.add_(delta, alpha=-_number(group["lr"]))
        return loss


class Adamax(Optimizer):
    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
        foreach: Any = None, *, maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_rate(eps, "epsilon value")
        check_rate(weight_decay, "weight_decay value")
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })  # fmt: skip

    @stepping
    def step(self, closure: Closure = None) -> Any:
        loss = evaluated(closure)
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter, grad in self.with_grad(group):
                state = self.state[parameter]
                if not state:
                    state["step"] = counter()
                    state["exp_avg"], state["exp_inf"] = zeros_like(parameter), zeros_like(parameter)
                state["step"].add_(1)
                grad = _decayed(parameter, grad, group["weight_decay"])
                rate = _number(group["lr"]) / (1 - beta1 ** state["step"].item())
                parameter, grad, mean, highest = _real(parameter, grad, state["exp_avg"], state["exp_inf"])
                mean.lerp_(grad, 1 - beta1)
                highest.copy_(highest.mul_(beta2).maximum(grad.abs().add_(group["eps"])))
                parameter.addcdiv_(mean, highest, value=-rate)
        return loss
