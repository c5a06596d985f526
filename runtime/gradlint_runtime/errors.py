"""The wording of torch 2.13's errors, where more than one place raises them. Functions return the exception."""

from __future__ import annotations

import re
from typing import Any

from .modes import mode

NOT_IN_GRAPH = (
    "The differentiated Tensor at index {} appears to not have been used in the graph. "
    "Set allow_unused=True if this is the desired behavior."
)
FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access saved "
    "tensors after calling backward."
)
INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
    "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
)
SAVED_DETACHED = (
    "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, please use "
    "out-of-place `.detach()` instead"
)
INFERENCE_INPLACE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed."
    "You can make a clone to get a normal tensor before doing inplace update."
    "See https://github.com/pytorch/rfcs/pull/17 for more details."
)
OUT_WITH_GRAD = (
    "{}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires "
    "grad."
)
INFERENCE_REQUIRES_GRAD = "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
INFERENCE_VERSION = "Inference tensors do not track version counter."
LEAF_INPLACE = "a leaf Variable that requires grad is being used in an in-place operation."
LEAF_VIEW_INPLACE = "a view of a leaf Variable that requires grad is being used in an in-place operation."
NON_LEAF_FLAG = "you can only change requires_grad flags of leaf variables."
DETACH_HINT = (
    " If you want to use a computed variable in a subgraph that doesn't require differentiation use "
    "var_no_grad = var.detach()."
)
LEAF_IN_GRAD = (
    "A leaf node was passed to _will_engine_execute_node but we are currently running autograd.grad(). This is currently "
    "not supported."
)
NO_GRAPH = "element {} of tensors does not require grad and does not have a grad_fn"
DEEPCOPY = (
    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  If you "
    "were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see "
    "https://github.com/pytorch/pytorch/pull/103001"
)
NUMPY_NEEDS_DETACH = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
INTERNAL_OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
    "Please clone() the tensor before performing the operation."
)
DETACH_VIEW = (
    "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, "
    "and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be "
    "called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
    "torch/optim/optimizer.py as the solution."
)

# What makes a view that must not be written with grad mode on: see `views.Creation`.
_MULTIPLE = (
    " This view is the output of a function that returns multiple views. Such functions do not allow the output views "
    "to be modified inplace. You should replace the inplace operation by an out-of-place one."
)
_CUSTOM = (
    " This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic "
    "to handle view+inplace would override the custom backward associated with the custom Function, leading to "
    "incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function."
)
_AMBIGUOUS = (
    " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both "
    "the view and the inplace either both inside the {0} block (if you don't want the inplace to be tracked) or both "
    "outside (if you want the inplace to be tracked)."
)
PARTIAL_OVERLAP = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
    "Please clone() the tensor before performing the operation."
)

VIEW_REASONS = {
    "multiple": _MULTIPLE,
    "function": _CUSTOM,
    "no_grad": _AMBIGUOUS.format("no_grad"),
    "inference": _AMBIGUOUS.format("inference_mode"),
}


class Unsupported(NotImplementedError):
    """What PyTorch does and this engine does not."""


def unsupported(what: str) -> Unsupported:
    return Unsupported(f"{what} is not supported by the gradlint runtime engine")


def plain_name(node: str) -> str:
    """How messages call a node: `MulBackward0` is Mul, `ProdBackward1` is Prod1; what is no operator keeps its name."""
    return re.sub(r"Backward0?(\d*)(_copy)?$", r"\1", node)


_UNTRACED = (
    "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
    "torch.autograd.set_detect_anomaly(True, check_nan=False)."
)
_TRACED = (
    "Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable in question "
    "was changed in there or anywhere later. Good luck!"
)


def modified(kind: Any, shape: tuple[int, ...], node: str | None, nr: int, now: int, saved: int) -> RuntimeError:
    """A tensor that backward needs was written after it was saved."""
    origin = f", which is output {nr} of {plain_name(node)}," if node else ""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{kind.short}Tensor {list(shape)}]{origin} is at version {now}; expected version {saved} instead. "
        f"{_TRACED if mode.anomaly else _UNTRACED}"
    )


def dim_out_of_range(dim: int, ndim: int) -> IndexError:
    span = max(ndim, 1)
    return IndexError(f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})")


def sizes_differ(a: int, b: int, dim: int) -> RuntimeError:
    return RuntimeError(
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension {dim}"
    )


def cannot_cast(source: Any, target: Any, *, in_c: bool = False) -> RuntimeError:
    name = name_in_c(target) if in_c else target.short
    return RuntimeError(f"result type {source.short} can't be cast to the desired output type {name}")


# How C++ spells the dtypes in some messages.
C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "int64": "long int",
    "int32": "int", "int16": "short int", "int8": "signed char", "uint8": "unsigned char",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


def name_in_c(kind: Any) -> str:
    return C_NAMES.get(kind.name, kind.name)


def not_a_tensor(function: str, name: str, position: int, value: Any) -> TypeError:
    return TypeError(
        f"{function}(): argument '{name}' (position {position}) must be Tensor, not {type(value).__name__}"
    )


def bad_arguments(function: str, got: str, *signatures: str) -> TypeError:
    lines = "".join(f" * {signature}\n" for signature in signatures)
    return TypeError(
        f"{function}() received an invalid combination of arguments - got {got}, but expected one of:\n{lines}"
    )
