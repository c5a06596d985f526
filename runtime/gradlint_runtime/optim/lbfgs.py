"""LBFGS: quasi-Newton steps from the last gradients, with an optional line search of strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..modes import grad_mode
from ..ops.factories import zeros_like
from ..ops.joining import cat
from ..tensor import Tensor
from .descent import _number, _real
from .optimizer import Optimizer, stepping


class LBFGS(Optimizer):
    def __init__(
        self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None, tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9, history_size: int = 100, line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn,
        })  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def _flat_grad(self) -> Tensor:
        found = [zeros_like(each) if each.grad is None else each.grad for each in self._params]
        return cat([each.reshape(-1) for each in _real(*found)])

    def _move(self, rate: float, direction: Tensor) -> None:
        start = 0
        for each in _real(*self._params):
            count = each.numel()
            each.add_(direction[start : start + count].view_as(each), alpha=_number(rate))
            start += count

    def _at(
        self, closure: Callable[[], Any], held: list[Tensor], rate: float, direction: Tensor
    ) -> tuple[float, Tensor]:
        """Loss and gradient at a distance along the direction; the parameters come back afterwards."""
        self._move(rate, direction)
        loss, grad = float(closure()), self._flat_grad()
        for each, before in zip(self._params, held, strict=True):
            each.copy_(before)
        return loss, grad

    @stepping
    def step(self, closure: Callable[[], Any]) -> Any:
        def evaluate() -> Any:
            with grad_mode(True):
                return closure()

        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = evaluate()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if grad.abs().max() <= group["tolerance_grad"]:
            return first_loss
        direction, rate = state.get("d"), state.get("t")
        changes, steps, inverses = state.get("old_dirs", []), state.get("old_stps", []), state.get("ro", [])
        scale, before, loss_before = state.get("H_diag"), state.get("prev_flat_grad"), state.get("prev_loss")
        done = 0
        while done < group["max_iter"]:
            done += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction, changes, steps, inverses, scale = grad.neg(), [], [], [], 1
            else:
                scale = self._remember(grad.sub(before), direction.mul(rate), changes, steps, inverses, scale)
                direction = _two_loops(
                    grad, changes, steps, inverses, scale, state.setdefault("al", [None] * group["history_size"])
                )
            before = grad.clone() if before is None else before.copy_(grad)
            loss_before = loss
            lr = group["lr"]
            rate = min(1.0, 1.0 / float(grad.abs().sum())) * lr if state["n_iter"] == 1 else lr
            slope = grad.dot(direction)
            if slope > -group["tolerance_change"]:
                break
            tried = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                held = [each.clone() for each in self._params]
                at = lambda t, d=direction, h=held: self._at(evaluate, h, t, d)  # noqa: E731
                loss, grad, rate, tried = strong_wolfe(at, rate, direction, loss, grad, slope)
                self._move(rate, direction)
                opposite = grad.abs().max() <= group["tolerance_grad"]
            else:
                self._move(rate, direction)
                opposite = False
                if done != group["max_iter"]:
                    loss, grad, tried = float(evaluate()), self._flat_grad(), 1
                    opposite = grad.abs().max() <= group["tolerance_grad"]
            evaluations += tried
            state["func_evals"] += tried
            if done == group["max_iter"] or evaluations >= group["max_eval"] or opposite:
                break
            if direction.mul(rate).abs().max() <= group["tolerance_change"]:
                break
            if abs(loss - loss_before) < group["tolerance_change"]:
                break
        state.update(
            d=direction, t=rate, old_dirs=changes, old_stps=steps, ro=inverses, H_diag=scale, prev_flat_grad=before,
            prev_loss=loss_before,
        )  # fmt: skip
        return first_loss

    def _remember(
        self, change: Tensor, step: Tensor, changes: list[Any], steps: list[Any], inverses: list[Any], scale: Any
    ) -> Any:
        product = change.dot(step)
        if product <= 1e-10:
            return scale
        if len(changes) == self.param_groups[0]["history_size"]:
            changes.pop(0)
            steps.pop(0)
            inverses.pop(0)
        changes.append(change)
        steps.append(step)
        inverses.append(1.0 / product)
        return product / change.dot(change)


def _two_loops(
    grad: Tensor, changes: list[Any], steps: list[Any], inverses: list[Any], scale: Any, weights: list[Any]
) -> Tensor:
    """The direction: the inverse Hessian, as the last steps tell of it, times the gradient."""
    q = grad.neg()
    for at in range(len(changes) - 1, -1, -1):
        weights[at] = steps[at].dot(q) * inverses[at]
        q.add_(changes[at] * -weights[at])
    direction = q * scale
    for at in range(len(changes)):
        back = changes[at].dot(direction) * inverses[at]
        direction.add_(steps[at] * (weights[at] - back))
    return direction


def _cubic(x1: float, f1: float, g1: Any, x2: float, f2: float, g2: Any, bounds: Any = None) -> float:
    """Where the cubic through two points with these slopes has its minimum."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1**2 - g1 * g2
    if square < 0:
        return (low + high) / 2.0
    d2 = math.sqrt(float(square))
    at = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2)) if x1 <= x2 else (
        x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    )  # fmt: skip
    return min(max(float(at), low), high)


def strong_wolfe(
    at: Callable[[float], tuple[float, Tensor]], t: float, direction: Tensor, f: float, g: Tensor, slope: Any,
    c1: float = 1e-4, c2: float = 0.9, tolerance: float = 1e-9, limit: int = 25,
) -> tuple[float, Tensor, float, int]:  # fmt: skip
    """A step length with enough descent and a slope that is flat enough: bracket it, then close in."""
    largest = direction.abs().max()
    g = g.clone()
    f_new, g_new = at(t)
    count = 1
    slope_new = g_new.dot(direction)
    t_last, f_last, g_last, slope_last = 0.0, f, g, slope
    done, tries = False, 0
    bracket: list[tuple[float, float, Tensor, Any]] = []
    while tries < limit:
        if f_new > f + c1 * t * slope or (tries > 1 and f_new >= f_last):
            bracket = [(t_last, f_last, g_last, slope_last), (t, f_new, g_new.clone(), slope_new)]
            break
        if abs(slope_new) <= -c2 * slope:
            bracket, done = [(t, f_new, g_new, slope_new)], True
            break
        if slope_new >= 0:
            bracket = [(t_last, f_last, g_last, slope_last), (t, f_new, g_new.clone(), slope_new)]
            break
        low, high = t + 0.01 * (t - t_last), t * 10
        next_t = _cubic(t_last, f_last, slope_last, t, f_new, slope_new, (low, high))
        t_last, f_last, g_last, slope_last = t, f_new, g_new.clone(), slope_new
        t = next_t
        f_new, g_new = at(t)
        count += 1
        slope_new = g_new.dot(direction)
        tries += 1
    if tries == limit:
        bracket = [(0.0, f, g, slope), (t, f_new, g_new, slope_new)]
    stuck = False
    order = (0, 1) if len(bracket) == 1 or bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and tries < limit:
        low, high = order
        ends = (bracket[0][0], bracket[1][0])
        if abs(ends[1] - ends[0]) * largest < tolerance:
            break
        t = _cubic(bracket[0][0], bracket[0][1], bracket[0][3], bracket[1][0], bracket[1][1], bracket[1][3])
        margin = 0.1 * (max(ends) - min(ends))
        if min(max(ends) - t, t - min(ends)) < margin:
            if stuck or t >= max(ends) or t <= min(ends):
                t = max(ends) - margin if abs(t - max(ends)) < abs(t - min(ends)) else min(ends) + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        f_new, g_new = at(t)
        count += 1
        slope_new = g_new.dot(direction)
        tries += 1
        if f_new > f + c1 * t * slope or f_new >= bracket[low][1]:
            bracket[high] = (t, f_new, g_new.clone(), slope_new)
            order = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(slope_new) <= -c2 * slope:
                done = True
            elif slope_new * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = (t, f_new, g_new.clone(), slope_new)
    best = bracket[order[0]] if len(bracket) > 1 else bracket[0]
    return best[1], best[2], best[0], count
