"""Names under which torch offers one operator several times, and where this package calls one otherwise than torch."""

from __future__ import annotations

# torch's name -> this package's name.
RENAMED = {
    "view": "view_op", "slice": "slice_op", "range": "range_op", "type": "type_op", "float": "float_op",
    "conj": "conj_op", "int": "int_op", "bool": "bool_op", "bfloat16": "bfloat16_op",
}  # fmt: skip

ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "negative": "neg", "multiply": "mul", "subtract": "sub", "divide": "div",
    "clip": "clamp", "fix": "trunc", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "not_equal": "ne", "concat": "cat", "concatenate": "cat", "row_stack": "vstack", "swapaxes": "transpose",
    "swapdims": "transpose", "moveaxis": "movedim", "ger": "outer", "special_expit": "sigmoid",
    "linalg_vector_norm": "vector_norm",
}  # fmt: skip
