"""What is measured and what is not, and the parts that sample calls are made of; probe_calls.py holds the calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

Call = tuple[tuple[Any, ...], dict[str, Any]]

DUNDERS: dict[str, str] = {
    "__add__": "add", "__radd__": "add", "__iadd__": "add", "__sub__": "sub", "__rsub__": "rsub", "__isub__": "sub",
    "__mul__": "mul", "__rmul__": "mul", "__imul__": "mul", "__truediv__": "div", "__rtruediv__": "div",
    "__itruediv__": "div", "__div__": "div", "__rdiv__": "div", "__idiv__": "div", "__floordiv__": "floor_divide",
    "__rfloordiv__": "floor_divide", "__ifloordiv__": "floor_divide", "__mod__": "remainder", "__rmod__": "remainder",
    "__imod__": "remainder", "__pow__": "pow", "__rpow__": "pow", "__ipow__": "pow", "__matmul__": "matmul",
    "__rmatmul__": "matmul", "__and__": "bitwise_and", "__rand__": "bitwise_and", "__iand__": "bitwise_and",
    "__or__": "bitwise_or", "__ror__": "bitwise_or", "__ior__": "bitwise_or", "__xor__": "bitwise_xor",
    "__rxor__": "bitwise_xor", "__ixor__": "bitwise_xor", "__lshift__": "bitwise_left_shift",
    "__rlshift__": "bitwise_left_shift", "__ilshift__": "bitwise_left_shift", "__rshift__": "bitwise_right_shift",
    "__rrshift__": "bitwise_right_shift", "__irshift__": "bitwise_right_shift", "__neg__": "neg", "__pos__": "positive",
    "__abs__": "abs", "__invert__": "bitwise_not", "__eq__": "eq", "__ne__": "ne", "__lt__": "lt", "__le__": "le",
    "__gt__": "gt", "__ge__": "ge", "__getitem__": "__getitem__", "__reversed__": "abs", "__contains__": "eq",
    "__len__": "abs", "__bool__": "abs", "__int__": "abs", "__float__": "abs", "__complex__": "abs",
    "__index__": "__index__", "__array__": "abs", "__iter__": "abs", "__setitem__": "__setitem__", "__deepcopy__": "",
}  # fmt: skip
"""Tensor's special methods that are measured -> the function whose samples suit them."""

_SETTINGS = (
    "set_ get_ is_autocast is_anomaly is_deterministic is_warn init_num cudnn_ miopen_ mkldnn_ quantized_ fbgemm_ sym_ "
    "autocast_ parse_ import_ir merge_type profiler_ use_deterministic are_deterministic has_torch_function batch_norm_ "
    "jit_ unify_type thread_safe compiled_with is_vulkan prepare_multi fused_moving"
).split()
NO_OPERATOR = frozenset(
    "compile load save fork wait vmap cond while_loop classproperty overload boolean_dispatch handle_torch_function "
    "assert_int_or_pair Optional Union clear_autocast_cache eig solve symeig lstsq matrix_rank segment_reduce "
    "choose_qparams_optimized as_sparse_gradcheck seed manual_seed initial_seed empty_quantized scaled_mm "
    "scaled_grouped_mm grouped_mm to_sparse_semi_structured as_masked_tensor masked_tensor is_masked_tensor "
    "resize_as_sparse_ nested_tensor_from_jagged "
    "from_file to_dlpack from_dlpack set_ embedding_renorm_ dsmm hsmm is_storage "
    "constant dirac kaiming_normal kaiming_uniform orthogonal xavier_normal xavier_uniform calculate_gain "
    "clip_grad_norm clip_grad_norm_ clip_grad_value_ clip_grads_with_norm_ convert_conv2d_weight_memory_format "
    "convert_conv3d_weight_memory_format fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights "
    "remove_spectral_norm remove_weight_norm skip_init spectral_norm weight_norm vector_to_parameters invert_permutation "
    "bind copy_method_params".split()
)
"""Public names that compute no tensor, set the process up, or need hardware or tensors of special kinds."""
NO_METHOD = frozenset(
    "backward eig solve symeig lstsq cuda ipu xpu mtia to_mkldnn record_stream is_distributed reinforce module_load "
    "register_hook register_post_accumulate_grad_hook resize resize_as resize_as_sparse_ sparse_resize_ "
    "sparse_resize_and_clear_ pin_memory apply_ map_ map2_ __deepcopy__".split()
)
NO_ATTRIBUTE = frozenset({"volatile", "grad", "grad_fn"})


def is_setting(name: str) -> bool:
    return any(name.startswith(prefix) for prefix in _SETTINGS)


def f(*shape: int) -> Tensor:
    """Floats, different from each other, between 0.1 and 0.9."""
    count = max(1, int(np.prod(shape)))
    return torch.linspace(0.1, 0.9, count).reshape(shape)


def i(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.int64)


def c(*shape: int) -> Tensor:
    return f(*shape).to(torch.complex64)


def call(*args: Any, **kwargs: Any) -> Call:
    return args, kwargs


def flag(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.bool)


UNARY = [
    call(f(2, 3)),
    call(f(3)),
    call(f()),
    call(i(2, 3)),
    call(c(2, 2)),
    call(flag(2)),
    call(f(2, 3, 4)),
    call(f(1, 1)),
]
BINARY = [call(f(2, 3), f(2, 3)), call(f(3), f(3)), call(f(), f()), call(i(2), i(2)), call(f(2, 2), 2), call(f(3), 2.0)]
GENERIC = [*UNARY, *BINARY]
IMAGES = f(2, 4, 6, 6)

CASTS = "float double half bfloat16 cfloat cdouble chalf int long short bool byte char".split()
"""Conversions to a fixed dtype; probed with what they convert to, and with something else."""
