"""What a script knows of operations: which may be written, how they are spelt, what their operands must be.

The names are torch's public ones; an operation that is not admitted here is replaced by an input, so that nothing that
loads, saves, compiles or starts anything is ever written, whatever the analysed source calls.
"""

from __future__ import annotations

import keyword
import re
from enum import Enum

from gradlint.findings import Origin
from gradlint.witness.guard import REFUSED_ATTRIBUTES
from gradlint.witness.layers import class_of


class Kind(Enum):
    """How a value comes into a script."""

    INPUT = "input"
    UNFOLLOWED = "unfollowed"
    LEAF = "leaf"
    PARAMETER = "parameter"
    LAYER = "layer"
    CALL = "call"


PARAMETERS = frozenset({"parameter", "torch.nn.Parameter", "torch.nn.parameter.Parameter"})
FACTORIES = frozenset({
    "ones", "zeros", "empty", "full", "rand", "randn", "randint", "eye", "arange", "linspace", "logspace", "tensor",
    "normal", "randperm", "as_tensor", "asarray", "FloatTensor", "DoubleTensor", "Tensor", "LongTensor",
    "IntTensor",
})  # fmt: skip
SHAPED = frozenset({"ones", "zeros", "empty", "rand", "randn"})
"""Factories whose positional arguments are the shape."""

_SPACES = ("torch", "torch.Tensor", "torch.nn.functional", "torch.linalg", "torch.fft", "torch.special")
_REFUSED = frozenset({
    "load", "save", "compile", "from_file", "frombuffer", "fork", "wait", "jit", "hub", "set_default_device",
    "set_num_threads", "manual_seed", "seed", "initial_seed", "set_default_dtype", "map_", "map2_", "apply_",
    "backward", "share_memory_", "is_shared", "record_stream", "cuda", "xpu", "ipu", "module_load", "numpy",
    "resize_", "set_", "register_hook", "storage", "untyped_storage", "vmap", "cond", "while_loop", "export",
    "import_ir_module",
})  # fmt: skip

INFIX = {
    "torch.add": "+", "torch.sub": "-", "torch.mul": "*", "torch.div": "/", "torch.true_divide": "/",
    "torch.floor_divide": "//", "torch.remainder": "%", "torch.matmul": "@", "torch.pow": "**", "torch.eq": "==",
    "torch.ne": "!=", "torch.lt": "<", "torch.le": "<=", "torch.gt": ">", "torch.ge": ">=",
    "torch.bitwise_and": "&", "torch.bitwise_or": "|", "torch.bitwise_xor": "^", "torch.bitwise_left_shift": "<<",
    "torch.bitwise_right_shift": ">>",
}  # fmt: skip
PREFIX = {"torch.neg": "-", "torch.positive": "+", "torch.bitwise_not": "~"}
ATTRIBUTES = frozenset({"T", "H", "mT", "mH", "data", "grad", "real", "imag"})
INDEXING = "torch.Tensor.__getitem__"
INDEX_WRITE = "torch.Tensor.index"
GRADIENT = "torch.autograd.grad"
"""Its origin has the outputs and, last, the one input whose gradient the value is."""

DTYPES = frozenset({
    "torch.float", "torch.float16", "torch.float32", "torch.float64", "torch.double", "torch.half", "torch.bfloat16",
    "torch.complex64", "torch.complex128", "torch.int", "torch.int8", "torch.int16", "torch.int32", "torch.int64",
    "torch.long", "torch.short", "torch.uint8", "torch.bool",
})  # fmt: skip
CONVERSIONS = frozenset({"to", "type", "type_as"})
RESHAPES = frozenset({"view", "reshape", "expand", "broadcast_to", "new_ones", "new_zeros", "new_empty", "resize"})
NUMBERS_BEHIND = RESHAPES | frozenset({
    "permute", "transpose", "swapaxes", "swapdims", "movedim", "flatten", "unflatten", "sum", "mean", "prod",
    "squeeze", "unsqueeze", "repeat", "repeat_interleave", "narrow", "select", "softmax", "log_softmax", "chunk",
    "split", "roll", "flip", "tile", "unbind", "argmax", "argmin", "argsort", "sort", "topk", "norm", "std", "var",
    "logsumexp", "cumsum", "cumprod", "amax", "amin", "dropout", "interpolate", "pad", "pixel_shuffle",
    "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d",
    "adaptive_avg_pool2d", "unfold", "fold", "diagonal", "triu", "tril", "size", "glu", "leaky_relu", "elu",
    "gumbel_softmax", "normalize", "one_hot", "layer_norm", "multinomial", "new_full",
})  # fmt: skip
"""Operations whose operands behind the first are numbers, not tensors."""

DIMS = frozenset({
    "transpose", "swapaxes", "swapdims", "movedim", "sum", "mean", "prod", "squeeze", "softmax", "log_softmax",
    "argmax", "argmin", "cat", "concat", "logsumexp", "std", "var", "amax", "amin", "cumsum", "chunk", "unbind",
    "select", "max", "min", "norm", "flip", "diff", "gather", "index_select", "narrow", "sort", "unfold", "flatten",
    "all", "any", "median", "mode", "scatter", "scatter_add",
})  # fmt: skip
"""Operations whose integer constants behind the tensors name dimensions."""

RANKS: dict[str, tuple[int, ...]] = {
    "conv1d": (3, 3, 1), "conv_transpose1d": (3, 3, 1), "max_pool1d": (3,), "avg_pool1d": (3,),
    "adaptive_avg_pool1d": (3,), "conv2d": (4, 4, 1), "conv_transpose2d": (4, 4, 1), "max_pool2d": (4,),
    "avg_pool2d": (4,), "adaptive_avg_pool2d": (4,), "adaptive_max_pool2d": (4,), "interpolate": (4,),
    "pixel_shuffle": (4,), "grid_sample": (4, 4), "fold": (3,), "unfold": (4,), "bmm": (3, 3), "baddbmm": (3, 3, 3),
    "mm": (2, 2), "addmm": (2, 2, 2), "t": (2,), "dot": (1, 1), "outer": (1, 1), "ger": (1, 1), "mv": (2, 1),
    "addmv": (1, 2, 1), "cdist": (2, 2), "cross_entropy": (2,), "nll_loss": (2,), "trace": (2,), "kron": (2, 2),
    "inverse": (2,),
}  # fmt: skip
"""Ranks that operations insist on, by position of the operand (0: any)."""
REDUCTIONS = frozenset({
    "sum", "mean", "prod", "max", "min", "amax", "amin", "argmax", "argmin", "logsumexp", "std", "var", "norm",
    "all", "any", "median", "mode", "nansum", "nanmean",
})  # fmt: skip
LOSSES = frozenset({
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss", "multilabel_soft_margin_loss",
    "multi_margin_loss",
})  # fmt: skip
"""Functions whose second operand is a tensor, too."""


OPERANDS: dict[str, dict[int, str]] = {
    "embedding": {0: "index", 1: "table"}, "one_hot": {0: "index"}, "embedding_bag": {0: "index", 1: "table"},
    "gather": {2: "index"}, "take_along_dim": {1: "index"}, "take": {1: "index"}, "scatter": {2: "index"},
    "scatter_add": {2: "index"}, "scatter_": {2: "index"}, "scatter_add_": {2: "index"},
    "scatter_reduce": {2: "index"}, "index_select": {2: "vector index"}, "index_add": {2: "vector index"},
    "index_add_": {2: "vector index"}, "index_copy_": {2: "vector index"}, "index_fill_": {2: "vector index"},
    "cross_entropy": {1: "classes"}, "nll_loss": {1: "classes"}, "multi_margin_loss": {1: "classes"},
    "masked_fill": {1: "mask"}, "masked_fill_": {1: "mask"}, "masked_select": {1: "mask"},
    "masked_scatter": {1: "mask"}, "where": {0: "mask"}, "logical_not": {0: "mask"},
    "__getitem__": {1: "vector index"}, "inv": {0: "square"}, "inverse": {0: "square"}, "cholesky": {0: "square"},
    "solve": {0: "square"}, "det": {0: "square"}, "logdet": {0: "square"}, "slogdet": {0: "square"},
    "eigh": {0: "square"}, "eigvalsh": {0: "square"},
}  # fmt: skip
"""What an operand must be, by operation (its last name) and position, where an ordinary float tensor does not do."""

TUPLES = frozenset({
    "sort", "topk", "kthvalue", "cummax", "cummin", "mode", "unbind", "split", "chunk", "tensor_split",
    "split_with_sizes", "svd", "qr", "eigh", "eig", "slogdet", "lu", "meshgrid", "broadcast_tensors", "var_mean",
    "std_mean", "frexp", "aminmax", "hsplit", "vsplit", "dsplit", "multi_head_attention_forward",
})  # fmt: skip
PAIRS = frozenset({"max", "min", "median", "nanmedian"})
"""Operations that give (values, indices) where a dimension is given."""
WITH_INDICES = PAIRS | frozenset({"sort", "topk", "kthvalue", "cummax", "cummin", "mode"})


PRECEDENCE = {
    "**": 14, "*": 12, "/": 12, "//": 12, "%": 12, "@": 12, "+": 11, "-": 11, "<<": 10, ">>": 10, "&": 9, "^": 8,
    "|": 7, "==": 6, "!=": 6, "<": 6, "<=": 6, ">": 6, ">=": 6,
}  # fmt: skip
UNARY, ATOM = 13, 20
"""How tightly expressions hold together: what is looser than its place is put in brackets."""


def short(op: str) -> str:
    return op.rpartition(".")[2]


FUNCTIONAL = "torch.nn.functional"


def function_name(op: str) -> str:
    """How a function is called in a script, which imports torch.nn.functional as F."""
    return f"F.{short(op)}" if op.rpartition(".")[0] == FUNCTIONAL else op


def is_method(op: str) -> bool:
    return op.startswith("torch.Tensor.")


def is_factory(op: str) -> bool:
    return op.rpartition(".")[0] == "torch" and short(op) in FACTORIES


def in_place(op: str) -> bool:
    """Whether the operation changes its first operand: `torch.Tensor.add_`, `x[i] = y`."""
    name = short(op)
    return op == INDEX_WRITE or (name.endswith("_") and not name.endswith("__") and kind_of(op) is Kind.CALL)


def kind_of(op: str) -> Kind:
    """How a value that `op` made comes into a script."""
    if op in ("input", "leaf"):
        return Kind(op)
    if op in PARAMETERS:
        return Kind.PARAMETER
    if op == "module" or class_of(op):
        return Kind.LAYER
    space, _, name = op.rpartition(".")
    plain = re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) is not None and not keyword.iskeyword(name)
    refused = name in _REFUSED or name in REFUSED_ATTRIBUTES
    admitted = space in _SPACES and not refused and (plain or op == INDEXING)
    return Kind.CALL if admitted or op == GRADIENT else Kind.UNFOLLOWED


def operand_kind(op: str, position: int) -> str:
    """What the operand at a position must be: "" for any float tensor, else a word that `program` knows."""
    return OPERANDS.get(short(op), {}).get(position, "")


def is_other_device(text: str) -> bool:
    """Whether a text names a device that a script cannot count on."""
    return re.fullmatch(r"(cuda|mps|xpu|npu|hpu|tpu)(:\d+)?", text) is not None


def picks(origin: Origin) -> str:
    """What is taken of the result where an operation gives several: `[0]`, `[1]` or nothing."""
    name = short(origin.op)
    keys = {key for key, _ in origin.kwargs}
    behind = origin.args[1:]
    dimension = bool(keys & {"dim", "axis"}) or (bool(behind) and type(behind[0]) is int)
    if name in TUPLES or (name in PAIRS and dimension):
        return "[1]" if name in WITH_INDICES and origin.floating is False else "[0]"
    return ""


_MODE = re.compile(
    r"torch\.((no_grad|enable_grad|inference_mode)\(\)|(inference_mode|set_grad_enabled)\((True|False)\))"
)
_FUNCTION = "autograd.Function"


def is_plain_mode(text: str) -> bool:
    """Whether a mode is written as it can stand in a script, so that nothing has to be guessed."""
    return _MODE.fullmatch(text) is not None or text == _FUNCTION


def mode_code(text: str, guess: bool) -> str:
    """A context as source text. The forward of an autograd.Function runs as under `no_grad`; what a framework enters is
    known by its name only, and a condition that is not known is shown as `…`: these are taken to be `guess`."""
    if text == _FUNCTION:
        return "torch.no_grad()"
    code = text.replace("…", str(guess))
    if _MODE.fullmatch(code):
        return code
    return "torch.no_grad()" if guess else "torch.inference_mode()"


def records(modes: tuple[str, ...]) -> bool:
    """Whether autograd records inside these contexts."""
    return _state(modes) == (True, False)


def infers(modes: tuple[str, ...]) -> bool:
    """Whether tensors that come into being inside these contexts are inference tensors."""
    return _state(modes)[1]


def _state(modes: tuple[str, ...]) -> tuple[bool, bool]:
    """Grad mode and inference mode inside these contexts."""
    grad, inference = True, False
    for mode in (mode_code(text, False) for text in modes):
        if "inference_mode" in mode:
            inference = "False" not in mode
            grad = not inference
        elif "set_grad_enabled" in mode:
            grad = "True" in mode
        else:
            grad = "enable_grad" in mode
    return grad, inference
