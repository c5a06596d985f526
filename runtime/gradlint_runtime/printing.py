"""How tensors are shown: torch's number formats, line breaking, and what stands behind the numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .dtypes import bool_, default_complex, default_float, dtype, int64
from .tensor import Tensor, needs_grad, node_of


class Options:
    """What `torch.set_printoptions` sets."""

    precision = 4
    threshold = 1000.0
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": (4, 1000.0, 3, 80),
    "short": (2, 1000.0, 2, 80),
    "full": (4, math.inf, 3, 80),
}


def set_printoptions(
    precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None,
    linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None,
) -> None:  # fmt: skip
    if profile is not None:
        Options.precision, Options.threshold, Options.edgeitems, Options.linewidth = _PROFILES[profile]
    for name, value in (
        ("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems), ("linewidth", linewidth),
    ):  # fmt: skip
        if value is not None:
            setattr(Options, name, value)
    Options.sci_mode = sci_mode


class _Formatter:
    """One width and one notation for all numbers of a tensor."""

    def __init__(self, array: np.ndarray) -> None:
        self.floating = array.dtype.kind == "f"
        self.whole = True
        self.scientific = False
        self.width = 1
        flat = array.reshape(-1)
        if not self.floating:
            for value in flat.tolist():
                self.width = max(self.width, len(f"{value}"))
            return
        kept = flat[np.isfinite(flat) & (flat != 0)].astype(np.float64)
        if not kept.size:
            self._sci_by_option()
            self._measure_whole(flat)
            return
        size = np.abs(kept)
        low, high = size.min(), size.max()
        self.whole = bool((kept == np.ceil(kept)).all())
        if self.whole:
            self.scientific = bool(high / low > 1000.0 or high > 1.0e8)
        else:
            self.scientific = bool(high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4)
        self._sci_by_option()
        if self.scientific:
            self._measure(kept, f".{Options.precision}e")
        elif self.whole:
            self._measure_whole(kept)
        else:
            self._measure(kept, f".{Options.precision}f")
        if not np.isfinite(flat).all():
            self.width = max(self.width, *[len(f"{value}") for value in flat[~np.isfinite(flat)].tolist()])

    def _sci_by_option(self) -> None:
        if Options.sci_mode is not None:
            self.scientific = Options.sci_mode

    def _measure_whole(self, values: np.ndarray) -> None:
        for value in values.tolist():
            self.width = max(self.width, len(f"{value:.0f}"))
        self.width += 1 if values.size and self.floating and np.isfinite(values).any() else 0

    def _measure(self, values: np.ndarray, form: str) -> None:
        self.width = max(self.width, *[len(f"{value:{form}}") for value in values.tolist()])

    def show(self, value: Any) -> str:
        if not self.floating:
            text = f"{value}"
        elif self.scientific:
            text = f"{value:{self.width}.{Options.precision}e}"
        elif self.whole:
            text = f"{value:.0f}"
            if math.isfinite(value):
                text += "."
        else:
            text = f"{value:.{Options.precision}f}"
        return " " * (self.width - len(text)) + text


class _ComplexFormatter:
    def __init__(self, array: np.ndarray) -> None:
        self.real, self.imag = _Formatter(array.real), _Formatter(array.imag)
        self.width = self.real.width + self.imag.width + 1

    def show(self, value: complex) -> str:
        real, imag = self.real.show(value.real), self.imag.show(value.imag).lstrip()
        return f"{real}{imag}j" if imag.startswith("-") else f"{real}+{imag}j"


def _line(array: np.ndarray, indent: int, formatter: Any, shortened: bool) -> str:
    width = formatter.width + 2
    per_line = max(1, (Options.linewidth - indent) // width)
    values = array.tolist()
    if shortened and len(values) > 2 * Options.edgeitems:
        edge = Options.edgeitems
        shown = [formatter.show(each) for each in values[:edge]] + [" ..."]
        shown += [formatter.show(each) for each in values[-edge:]]
    else:
        shown = [formatter.show(each) for each in values]
    lines = [", ".join(shown[start : start + per_line]) for start in range(0, len(shown), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _body(array: np.ndarray, indent: int, formatter: Any, shortened: bool) -> str:
    if array.ndim == 0:
        return formatter.show(array.item())
    if array.ndim == 1:
        return _line(array, indent, formatter, shortened)
    edge = Options.edgeitems
    if shortened and array.shape[0] > 2 * edge:
        rows = [_body(array[index], indent + 1, formatter, shortened) for index in range(edge)] + ["..."]
        rows += [_body(array[index], indent + 1, formatter, shortened) for index in range(-edge, 0)]
    else:
        rows = [_body(array[index], indent + 1, formatter, shortened) for index in range(array.shape[0])]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def _edges(array: np.ndarray) -> np.ndarray:
    """What is shown of a shortened tensor: the numbers that the format has to fit."""
    for dim, size in enumerate(array.shape):
        if size > 2 * Options.edgeitems:
            edge = Options.edgeitems
            key = [slice(None)] * array.ndim
            first, last = list(key), list(key)
            first[dim], last[dim] = slice(0, edge), slice(-edge, None)
            array = np.concatenate([array[tuple(first)], array[tuple(last)]], axis=dim)
    return array


def numbers(array: np.ndarray, indent: int) -> str:
    if array.size == 0:
        return "[" * array.ndim + "]" * array.ndim
    shortened = array.size > Options.threshold
    shown = _edges(array) if shortened else array
    formatter = _ComplexFormatter(shown) if array.dtype.kind == "c" else _Formatter(shown)
    return _body(array, indent, formatter, shortened)


def _default_dtypes() -> tuple[dtype, ...]:
    return default_float(), default_complex(), int64, bool_


def shown(tensor: Tensor) -> str:
    """`repr` of a tensor."""
    return with_suffixes("tensor(", tensor)


def with_suffixes(prefix: str, tensor: Tensor) -> str:
    array = tensor._array
    suffixes = []
    if array.size == 0:
        if array.ndim != 1:
            suffixes.append(f"size={tuple(array.shape)}")
        if tensor._dtype is not default_float():
            suffixes.append(f"dtype={tensor._dtype}")
        text = "[]"
    else:
        if tensor._dtype not in _default_dtypes():
            suffixes.append(f"dtype={tensor._dtype}")
        text = numbers(array, len(prefix))
    try:
        node = node_of(tensor)
    except RuntimeError:  # a view that must not be written, and whose base was
        return _joined(prefix + text, [*suffixes, "grad_fn=<Invalid>"], len(prefix))
    if node is not None:
        suffixes.append(f"grad_fn=<{type(node).__name__}>")
    elif needs_grad(tensor):
        suffixes.append("requires_grad=True")
    return _joined(prefix + text, suffixes, len(prefix))


def _joined(text: str, suffixes: list[str], indent: int) -> str:
    """Put what follows the numbers on the line where it fits, and on the next one where not."""
    parts = [text]
    last = len(text) - text.rfind("\n")
    for suffix in suffixes:
        if last + len(suffix) + 2 > Options.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            last = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            last += len(suffix) + 2
    return "".join(parts) + ")"
