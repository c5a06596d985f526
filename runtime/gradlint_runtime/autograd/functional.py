"""`torch.autograd.functional`: Jacobians, Hessians and products with them, by walks back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import errors
from ..modes import grad_mode
from ..ops.factories import ones_like, zeros_like
from ..ops.joining import stack
from ..tensor import Tensor, needs_grad
from .calls import grad


def _as_tuple(value: Any, what: str, function: str) -> tuple[bool, tuple[Tensor, ...]]:
    listed = value if isinstance(value, tuple) else (value,)
    for at, each in enumerate(listed):
        if not isinstance(each, Tensor):
            if isinstance(value, tuple):
                raise TypeError(
                    f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the value at "
                    f"index {at} has type {type(each)}."
                )
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the given {what} has "
                f"type {type(each)}."
            )
    return isinstance(value, tuple), tuple(listed)


def _prepared(inputs: Sequence[Tensor], create_graph: bool) -> tuple[Tensor, ...]:
    made = []
    for each in inputs:
        if create_graph:
            made.append(each.view_as(each))
        else:
            made.append(each.detach().requires_grad_(needs_grad(each)))
    return tuple(each if needs_grad(each) else each.requires_grad_() for each in made)


def _grads(outputs: Sequence[Tensor], inputs: Sequence[Tensor], starts: Any, create_graph: bool) -> tuple[Any, ...]:
    live = [at for at, output in enumerate(outputs) if needs_grad(output)]
    if not live:
        return (None,) * len(inputs)
    given = None if starts is None else [starts[at] for at in live]
    return grad(
        [outputs[at] for at in live], inputs, given, allow_unused=True, create_graph=create_graph, retain_graph=True
    )


def _strict(value: Any, strict: bool, what: str) -> None:
    if strict and (value is None or not needs_grad(value)):
        raise RuntimeError(f"{what} is independent of the inputs. This is not allowed in strict mode.")


def _leaving(value: Any, create_graph: bool) -> Any:
    if isinstance(value, tuple):
        return tuple(_leaving(each, create_graph) for each in value)
    return value if create_graph else value.detach()


def _shaped(result: Sequence[Any], many_outputs: bool, many_inputs: bool) -> Any:
    rows = [tuple(row) if many_inputs else row[0] for row in result]
    return tuple(rows) if many_outputs else rows[0]


def jacobian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    if strategy != "reverse-mode":
        raise errors.unsupported("torch.autograd.functional.jacobian(strategy='forward-mode')")
    with grad_mode(True):
        many_inputs, given = _as_tuple(inputs, "inputs", "jacobian")
        prepared = _prepared(given, create_graph)
        many_outputs, outputs = _as_tuple(func(*prepared), "outputs of the user-provided function", "jacobian")
        for output in outputs:
            _strict(output, strict, "Output 0 of the user-provided function")
        rows = []
        for output in outputs:
            columns: list[list[Tensor]] = [[] for _ in prepared]
            flat = output.reshape(-1)
            for at in range(output.numel()):
                found = _grads((flat[at],), prepared, None, create_graph)
                for column, each, one in zip(columns, prepared, found, strict=True):
                    column.append(zeros_like(each) if one is None else one)
            rows.append([
                stack(column).view((*output.shape, *each.shape)) if column else each.new_zeros((*output.shape, *each.shape))
                for column, each in zip(columns, prepared, strict=True)
            ])  # fmt: skip
        return _leaving(_shaped(rows, many_outputs, many_inputs), create_graph)


def hessian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    many, given = _as_tuple(inputs, "inputs", "hessian")

    def slopes(*tensors: Tensor) -> Any:
        output = _single(func(*tensors), "hessian")
        found = _grads((output,), tensors, None, True)
        return tuple(zeros_like(each) if one is None else one for one, each in zip(found, tensors, strict=True))

    result = jacobian(slopes, given, create_graph, strict)
    return result if many else result[0][0]


def _single(output: Any, function: str) -> Tensor:
    if not isinstance(output, Tensor) or output.numel() != 1:
        raise RuntimeError(
            f"The function given to {function} should return a single value but it returns a Tensor with "
            f"{output.numel() if isinstance(output, Tensor) else 'no'} elements"
        )
    return output.squeeze()


def _product(
    name: str, func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, compute: Callable[..., Any]
) -> Any:
    with grad_mode(True):
        many_inputs, given = _as_tuple(inputs, "inputs", name)
        prepared = _prepared(given, create_graph)
        many_outputs, outputs = _as_tuple(func(*prepared), "outputs of the user-provided function", name)
        starts = None if v is None else _as_tuple(v, "v", name)[1]
        if starts is not None:
            _check_sizes(starts, outputs if name == "vjp" else prepared)
        found = compute(outputs, prepared, starts)
        value = tuple(outputs) if many_outputs else outputs[0]
        return _leaving(value, create_graph), found, many_inputs, many_outputs


def _check_sizes(v: Sequence[Tensor], like: Sequence[Tensor]) -> None:
    if len(v) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
    for at, (each, other) in enumerate(zip(v, like, strict=True)):
        if each.size() != other.size():
            entry = f"Entry {at} in v" if len(v) > 1 else "v"
            raise RuntimeError(f"{entry} has invalid size: should be {other.size()} but got {each.size()}.")


def _filled(found: Sequence[Any], like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(zeros_like(each) if one is None else one for one, each in zip(found, like, strict=True))


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    def compute(outputs: Any, prepared: Any, given: Any) -> Any:
        starts = given if given is not None else [ones_like(_single(outputs[0], "vjp"))]
        return _filled(_grads(outputs, prepared, starts, create_graph), prepared)

    value, found, many, _ = _product("vjp", func, inputs, v, create_graph, compute)
    return value, _leaving(found if many else found[0], create_graph)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    def compute(outputs: Any, prepared: Any, given: Any) -> Any:
        starts = tuple(zeros_like(each).requires_grad_() for each in outputs)
        back = _filled(_grads(outputs, prepared, starts, True), prepared)
        weights = given if given is not None else (ones_like(prepared[0]),)
        return _filled(_grads(back, starts, weights, create_graph), outputs)

    value, found, _, many = _product("jvp", func, inputs, v, create_graph, compute)
    return value, _leaving(found if many else found[0], create_graph)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    def compute(outputs: Any, prepared: Any, given: Any) -> Any:
        slopes = _filled(_grads((_single(outputs[0], "vhp"),), prepared, None, True), prepared)
        weights = given if given is not None else (ones_like(prepared[0]),)
        return _filled(_grads(slopes, prepared, weights, create_graph), prepared)

    value, found, many, _ = _product("vhp", func, inputs, v, create_graph, compute)
    return value, _leaving(found if many else found[0], create_graph)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    def compute(outputs: Any, prepared: Any, given: Any) -> Any:
        slopes = _filled(_grads((_single(outputs[0], "hvp"),), prepared, None, True), prepared)
        starts = tuple(zeros_like(each).requires_grad_() for each in prepared)
        twice = _filled(_grads(slopes, prepared, starts, True), prepared)
        weights = given if given is not None else (ones_like(prepared[0]),)
        return _filled(_grads(twice, starts, weights, create_graph), prepared)

    value, found, many, _ = _product("hvp", func, inputs, v, create_graph, compute)
    return value, _leaving(found if many else found[0], create_graph)
