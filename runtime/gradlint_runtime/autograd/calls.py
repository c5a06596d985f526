"""`torch.autograd.backward` and `torch.autograd.grad`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import errors
from ..backward import run
from ..dtypes import FLOATING
from ..graph import Edge, Node
from ..ops.factories import ones, ones_like, zeros, zeros_like
from ..tensor import Tensor, edge_of, needs_grad, node_of
from ..things import Size


class GradientEdge(NamedTuple):
    """A place in the graph: an output of a node."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    edge = edge_of(tensor)
    if edge is None or not needs_grad(tensor):
        raise RuntimeError("Cannot get gradient edge of a tensor that does not require grad")
    return GradientEdge(*edge)


def _check_outputs(outputs: Sequence[Any]) -> None:
    for each in outputs:
        if not isinstance(each, Tensor | GradientEdge):
            raise AssertionError("Expected output to be a torch.Tensor")


def _not_a_place(value: Any) -> RuntimeError:
    return RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(value).__name__}")


def _listed(values: Any) -> list[Any]:
    if isinstance(values, Tensor | GradientEdge):
        return [values]
    return list(values)


def _shape_of(output: Any) -> tuple[int, ...]:
    return output.node.outputs[output.output_nr][0] if isinstance(output, GradientEdge) else output._array.shape


def _first_gradients(outputs: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """The gradient that each output starts with: what was given, or one for a single number."""
    made: list[Any] = []
    for at, (output, grad) in enumerate(zip(outputs, given, strict=True)):
        if isinstance(grad, Tensor):
            shape = _shape_of(output)
            if grad._array.shape != shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{at}] has a shape of {Size(grad._array.shape)} and output[{at}] "
                    f"has a shape of {Size(shape)}."
                )
            if isinstance(output, Tensor) and output._dtype.is_complex != grad._dtype.is_complex:
                raise RuntimeError(
                    "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
                    f"dtype: grad_output[{at}] has a dtype of {grad._dtype} and output[{at}] has a dtype of "
                    f"{output._dtype}."
                )
            made.append(grad)
        elif grad is None:
            made.append(_implicit(output))
        else:
            raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
    return made


def _implicit(output: Any) -> Any:
    if isinstance(output, GradientEdge):
        shape, kind = output.node.outputs[output.output_nr]
        if shape:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        return ones((), dtype=kind)
    if not needs_grad(output):
        return None
    if output._array.size != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if output._dtype.category != FLOATING:
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {output._dtype}")
    return ones_like(output)


def _roots(outputs: Sequence[Any]) -> list[Edge]:
    roots: list[Edge] = []
    for at, output in enumerate(outputs):
        if isinstance(output, GradientEdge):
            roots.append((output.node, output.output_nr))
            continue
        edge = edge_of(output)
        if edge is None or not needs_grad(output):
            raise RuntimeError(errors.NO_GRAPH.format(at))
        roots.append(edge)
    return roots


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    grad_variables: Any = None, inputs: Any = None,
) -> None:  # fmt: skip
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only "
                "use `grad_tensors`."
            )
        grad_tensors = grad_variables
    if inputs is not None and not _listed(inputs):
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    outputs = _listed(tensors)
    _check_outputs(outputs)
    given = [None] * len(outputs) if grad_tensors is None else _of_length(grad_tensors, len(outputs))
    grads = _first_gradients(outputs, given)
    keep = create_graph if retain_graph is None else retain_graph
    if create_graph:
        warnings.warn(
            "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
            "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid "
            "this. If you have to use this function, make sure to reset the .grad fields of your parameters to None "
            "after use to break the cycle and avoid the leak.",
            UserWarning,
            stacklevel=3,
        )
    roots = _roots(outputs)
    if inputs is None:
        run(roots, grads, keep=keep, create=create_graph)
    else:
        _into_inputs(roots, grads, keep, create_graph, _listed(inputs))


def _of_length(given: Any, count: int) -> list[Any]:
    listed = _listed(given)
    if len(listed) != count:
        raise RuntimeError(f"got {count} tensors and {len(listed)} gradients")
    return listed


def _into_inputs(roots: Any, grads: Any, keep: bool, create: bool, inputs: list[Any]) -> None:
    """`backward(inputs=…)`: gradients are added to these tensors only, leaves or not."""
    wanted: list[Edge | None] = []
    for each in inputs:
        if isinstance(each, GradientEdge):
            wanted.append((each.node, each.output_nr))
            continue
        if not isinstance(each, Tensor):
            raise _not_a_place(each)
        if node_of(each) is not None or not needs_grad(each):
            each.retain_grad()
        wanted.append(edge_of(each))
    run(roots, grads, keep=keep, create=create, wanted=wanted, accumulate=True)


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if is_grads_batched:
        raise errors.unsupported("torch.autograd.grad(is_grads_batched=True)")
    allowed = bool(materialize_grads) if allow_unused is None else allow_unused
    starts, ends = _listed(outputs), _listed(inputs)
    _check_outputs(starts)
    given = [None] * len(starts) if grad_outputs is None else _of_length(grad_outputs, len(starts))
    grads = _first_gradients(starts, given)
    if not ends:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    keep = create_graph if retain_graph is None else retain_graph
    results = run(_roots(starts), grads, keep=keep, create=create_graph, wanted=_wanted(ends))
    for at, result in enumerate(results):
        if result is None and not allowed:
            raise RuntimeError(errors.NOT_IN_GRAPH.format(at))
    if materialize_grads:
        missing = zip(results, ends, strict=True)
        if any(result is None and isinstance(end, GradientEdge) for result, end in missing):
            raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
        results = [
            _zeros_for(end, create_graph) if result is None else result
            for result, end in zip(results, ends, strict=True)
        ]
    return tuple(results)


def _zeros_for(end: Any, recorded: bool) -> Tensor:
    """The gradient that is not there, as a tensor."""
    if isinstance(end, GradientEdge):
        shape, kind = end.node.outputs[end.output_nr]
        return zeros(shape, dtype=kind, requires_grad=recorded)
    made: Tensor = zeros_like(end, requires_grad=recorded)
    return made


def _wanted(ends: Sequence[Any]) -> list[Edge | None]:
    wanted: list[Edge | None] = []
    for each in ends:
        if isinstance(each, GradientEdge):
            wanted.append((each.node, each.output_nr))
            continue
        if not isinstance(each, Tensor):
            raise _not_a_place(each)
        if not needs_grad(each):
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        wanted.append(edge_of(each))
    return wanted
