"""`grad`, `vjp`, `jvp`, `jacrev`, `jacfwd`, `hessian`, `vmap` and `functional_call`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from ..autograd.calls import grad as autograd_grad
from ..autograd.forward import dual_level, make_dual, unpack_dual
from ..ops.factories import ones_like, zeros_like
from ..ops.joining import stack
from ..ops.pieces import select
from ..tensor import Tensor, needs_grad
from .levels import leaving, level, map_tensors, tensors_in, tracked


def _check_tensors(value: Any) -> None:
    if isinstance(value, list | tuple | dict):
        for each in value.values() if isinstance(value, dict) else value:
            _check_tensors(each)
    elif not isinstance(value, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(value)}")


def _wrapped(args: tuple[Any, ...], argnums: Any, outside: bool) -> tuple[list[Any], list[Tensor]]:
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    made = list(args)
    for at in wanted:
        if not -len(args) <= at < len(args):
            raise RuntimeError(f"Got argnum={at}, but only {len(args)} positional inputs")
        _check_tensors(args[at])
        made[at] = map_tensors(lambda tensor: tracked(tensor, outside), args[at])
    inputs = [tensor for at in wanted for tensor in tensors_in(made[at])]
    return made, inputs


def _like_arguments(argnums: Any, made: Sequence[Any], grads: Sequence[Any]) -> Any:
    """Gradients in the structure of the arguments that they belong to."""
    left = iter(grads)
    if isinstance(argnums, int):
        return map_tensors(lambda tensor: next(left), made[argnums])
    return tuple(map_tensors(lambda tensor: next(left), made[at]) for at in argnums)


def _leaving_all(inputs: list[Tensor], outside: bool) -> Callable[[Any], Any]:
    return lambda value: map_tensors(lambda tensor: leaving(tensor, inputs, outside), value)


def _gradients(output: Tensor, inputs: Sequence[Tensor], start: Any = None) -> list[Tensor]:
    if not needs_grad(output):
        return [zeros_like(each) for each in inputs]
    start = ones_like(output) if start is None else start
    found = autograd_grad(output, inputs, start, retain_graph=True, create_graph=True, allow_unused=True)
    return [zeros_like(each) if grad is None else grad for grad, each in zip(found, inputs, strict=True)]


def grad_and_value(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        with level() as outside:
            made, inputs = _wrapped(args, argnums, outside)
            output = func(*made, **kwargs)
            aux = None
            if has_aux:
                if not (isinstance(output, tuple) and len(output) == 2):
                    raise RuntimeError(
                        "grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) if has_aux is "
                        "True"
                    )
                output, aux = output
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(output)}"
                )
            if output.dim():
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            out = _leaving_all(inputs, outside)
            grads = out(_like_arguments(argnums, made, _gradients(output, inputs)))
            return (grads, (out(output), out(aux))) if has_aux else (grads, out(output))

    return call


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return call


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    with level() as outside:
        made, inputs = _wrapped(primals, tuple(range(len(primals))), outside)
        output = func(*made)
        aux = None
        if has_aux:
            output, aux = output
    outputs = tensors_in(output)
    out = _leaving_all(inputs, outside)

    def back(*cotangents: Any, retain_graph: bool = True, create_graph: bool = True) -> Any:
        with level() as now:
            starts = tensors_in(cotangents)
            live = [(each, start) for each, start in zip(outputs, starts, strict=True) if needs_grad(each)]
            found: Sequence[Any] = [None] * len(inputs)
            if live:
                found = autograd_grad(
                    [each for each, _ in live], inputs, [start for _, start in live], retain_graph=True,
                    create_graph=True, allow_unused=True,
                )  # fmt: skip
            grads = [zeros_like(each) if one is None else one for one, each in zip(found, inputs, strict=True)]
            result = _like_arguments(tuple(range(len(primals))), made, grads)
            return map_tensors(lambda tensor: leaving(tensor, inputs, outside or now), result)

    return (out(output), back, out(aux)) if has_aux else (out(output), back)


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    with dual_level():
        pairs = iter(zip(tensors_in(primals), tensors_in(tangents), strict=True))
        duals = map_tensors(lambda tensor: make_dual(*next(pairs)), primals)
        output = func(*duals)
        aux = None
        if has_aux:
            output, aux = output
        value = map_tensors(lambda tensor: unpack_dual(tensor).primal, output)
        tangent = map_tensors(_tangent_or_zeros, output)
    return (value, tangent, aux) if has_aux else (value, tangent)


def _tangent_or_zeros(tensor: Tensor) -> Tensor:
    found = unpack_dual(tensor)
    return zeros_like(found.primal) if found.tangent is None else found.tangent


def _basis(tensor: Tensor) -> list[Tensor]:
    """The unit tensors of a shape."""
    made = []
    for at in range(tensor.numel()):
        unit = zeros_like(tensor).contiguous()
        unit._array.reshape(-1)[at] = 1
        made.append(unit)
    return made


def jacrev(
    func: Callable[..., Any], argnums: Any = 0, *, has_aux: bool = False, chunk_size: Any = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        with level() as outside:
            made, inputs = _wrapped(args, argnums, outside)
            output = func(*made, **kwargs)
            aux = None
            if has_aux:
                output, aux = output
            out = _leaving_all(inputs, outside)

            def rows(tensor: Tensor) -> Any:
                found = [_gradients(tensor, inputs, unit) for unit in _basis(tensor)]
                parts = [
                    stack([row[at] for row in found]).reshape((*tensor.shape, *each.shape))
                    if found else each.new_zeros((*tensor.shape, *each.shape))
                    for at, each in enumerate(inputs)
                ]  # fmt: skip
                return _like_arguments(argnums, made, parts)

            jacobian = out(map_tensors(rows, output))
            return (jacobian, out(aux)) if has_aux else jacobian

    return call


def jacfwd(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        aux: Any = None

        def with_respect_to(at: int) -> Any:
            nonlocal aux
            columns = []
            for unit in _basis(args[at]):
                with dual_level():
                    given = [make_dual(each, unit) if index == at else each for index, each in enumerate(args)]
                    output = func(*given, **kwargs)
                    if has_aux:
                        output, aux = output
                    columns.append(map_tensors(_tangent_or_zeros, output))
            flat = [tensors_in(column) for column in columns]
            parts = iter([
                stack([column[k] for column in flat], -1).reshape((*flat[0][k].shape, *args[at].shape))
                for k in range(len(flat[0]))
            ])  # fmt: skip
            return map_tensors(lambda tensor: next(parts), columns[0])

        found = [with_respect_to(at) for at in wanted]
        result = found[0] if isinstance(argnums, int) else tuple(found)
        return (result, aux) if has_aux else result

    return call


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: Any = None
) -> Callable[..., Any]:
    """One call of the function for each sample, and the results put together."""

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        dims = (in_dims,) * len(args) if isinstance(in_dims, int) else tuple(in_dims)
        sizes = {
            tensor.size(dim)
            for arg, dim in zip(args, dims, strict=True) if dim is not None
            for tensor in tensors_in(arg)
        }  # fmt: skip
        if len(sizes) != 1:
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                f"{sorted(sizes)} for the mapped dimension"
            )
        (size,) = sizes

        def sample(at: int) -> Any:
            return func(
                *[
                    arg if dim is None else map_tensors(functools.partial(select, dim=dim, index=at), arg)
                    for arg, dim in zip(args, dims, strict=True)
                ],
                **kwargs,
            )

        results = [sample(at) for at in range(size)]
        flat = [tensors_in(result) for result in results]
        where = out_dims if isinstance(out_dims, int) else out_dims[0]
        parts = iter([stack([each[k] for each in flat], where) for k in range(len(flat[0]))])
        return map_tensors(lambda tensor: next(parts), results[0])

    return call


@contextmanager
def _swapped(module: Any, values: dict[str, Any], tie_weights: bool) -> Any:
    """The module with other parameters and buffers, for the time of a call."""
    with ExitStack() as undo:
        for name, value in values.items():
            path, _, last = name.rpartition(".")
            owner = module.get_submodule(path)
            for kept in (owner._parameters, owner._buffers):
                if last in kept:
                    undo.callback(kept.__setitem__, last, kept[last])
                    kept[last] = value
                    break
            else:
                raise KeyError(f"{name} is not a parameter or buffer of the module")
        yield


def functional_call(
    module: Any, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Any = None, *, tie_weights: bool = True,
    strict: bool = False,
) -> Any:  # fmt: skip
    given = parameter_and_buffer_dicts
    values: dict[str, Any] = {}
    for each in [given] if isinstance(given, dict) else given:
        values.update(each)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, values, tie_weights):
        return module(*args, **(kwargs or {}))
