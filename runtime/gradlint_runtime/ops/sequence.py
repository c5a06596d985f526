"""Connectionist temporal classification: the likelihood of a labelling over all its alignments with the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..apply import plain, record
from ..tensor import Tensor
from .common import OUT
from .losses import REDUCTIONS


def _lengths(given: Any) -> np.ndarray:
    return np.atleast_1d(given._array if isinstance(given, Tensor) else np.asarray(given)).astype(np.int64)


def _extended(targets: np.ndarray, lengths: np.ndarray, blank: int) -> np.ndarray:
    """Each labelling with blanks before, between and after its labels."""
    width = int(lengths.max(initial=0))
    padded = np.full((len(lengths), width), blank, np.int64)
    inside = np.arange(width) < lengths[:, None]
    padded[inside] = targets[: lengths.sum()] if targets.ndim == 1 else targets[:, :width][inside]
    made = np.full((len(lengths), 2 * width + 1), blank, np.int64)
    made[:, 1::2] = padded
    return made


def _shifted(row: np.ndarray, by: int) -> np.ndarray:
    made = np.full_like(row, -np.inf)
    if row.shape[1] > by:
        made[:, by:] = row[:, : row.shape[1] - by]
    return made


def _forwards(emitted: np.ndarray, labels: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Log-likelihoods of all beginnings: by time, by sample, by place in the labelling."""
    steps, batch, places = emitted.shape
    skips = np.zeros(labels.shape, bool)
    skips[:, 3::2] = labels[:, 3::2] != labels[:, 1:-2:2]
    within = np.arange(places) < 2 * targets[:, None] + 1
    made = np.full(emitted.shape, -np.inf, emitted.dtype)
    if steps:
        made[0, :, :2] = np.where(within, emitted[0], -np.inf)[:, :2]
        made[0][inputs == 0] = np.where(np.arange(places) == 0, 0, -np.inf)
    for at in range(1, steps):
        before = made[at - 1]
        ways = np.logaddexp(before, _shifted(before, 1))
        ways = np.logaddexp(ways, np.where(skips, _shifted(before, 2), -np.inf))
        made[at] = np.where(within, ways + emitted[at], -np.inf)
    return made


def _reversed(values: np.ndarray, inputs: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Time and places turned round, for each sample within its own lengths."""
    steps, batch, places = values.shape
    times = (inputs[None] - 1 - np.arange(steps)[:, None]) % max(steps, 1)
    spots = (widths[:, None] - 1 - np.arange(places)) % places
    return values[times[:, :, None], np.arange(batch)[None, :, None], spots[None]]


def _ends(alpha: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    rows = np.arange(len(inputs))
    last = alpha[np.maximum(inputs - 1, 0), rows]
    final = last[rows, 2 * targets]
    return np.where(targets > 0, np.logaddexp(final, last[rows, np.maximum(2 * targets - 1, 0)]), final)


def _check(log_probs: Tensor, inputs: np.ndarray, targets: np.ndarray, blank: int) -> None:
    steps, batch, classes = log_probs._array.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if len(inputs) != batch:
        raise RuntimeError("input_lengths must be of size batch_size")
    if len(targets) != batch:
        raise RuntimeError("target_lengths must be of size batch_size")
    if (inputs > steps).any():
        at = int((inputs > steps).argmax())
        raise RuntimeError(
            f"Expected input_lengths to have value at most {steps}, but got value {inputs[at]} (while checking arguments "
            "for ctc_loss_cpu)"
        )


def _ctc(log_probs: Tensor, targets: Tensor, inputs: np.ndarray, lengths: np.ndarray, blank: int, zero: bool) -> Tensor:
    """The loss of each sample."""
    logs = log_probs._array
    labels = _extended(targets._array, lengths, blank)
    emitted = np.take_along_axis(logs, np.broadcast_to(labels, (logs.shape[0], *labels.shape)), 2)
    with np.errstate(invalid="ignore"):
        alpha = _forwards(emitted, labels, inputs, lengths)
        losses = -_ends(alpha, inputs, lengths)
    value = np.where(np.isinf(losses), 0, losses) if zero else losses

    def way(grad: Any, log_probs: Any, result: Any) -> Any:
        return _ctc_way(grad, logs, (labels, emitted, alpha, losses), inputs, lengths, zero, log_probs)

    return record(
        "CtcLossBackward0", value.astype(logs.dtype), (log_probs, way, log_probs, OUT), dtype=log_probs._dtype
    )


def _ctc_way(
    grad: Tensor, logs: np.ndarray, known: tuple[np.ndarray, ...], inputs: np.ndarray, lengths: np.ndarray, zero: bool,
    source: Tensor,
) -> Tensor:  # fmt: skip
    """What softmax would be corrected by: the probabilities less the share of each class in the alignments."""
    labels, emitted, alpha, losses = known
    widths = 2 * lengths + 1
    turned = np.take_along_axis(labels, (widths[:, None] - 1 - np.arange(labels.shape[1])) % labels.shape[1], 1)
    with np.errstate(invalid="ignore", over="ignore"):
        beta = _reversed(_forwards(_reversed(emitted, inputs, widths), turned, inputs, lengths), inputs, widths)
        both = alpha + beta
        shares = np.full(logs.shape, -np.inf, logs.dtype)
        rows = np.arange(logs.shape[1])
        for place in range(labels.shape[1]):
            classes = labels[:, place]
            shares[:, rows, classes] = np.logaddexp(shares[:, rows, classes], both[:, :, place])
        made = (np.exp(logs) - np.exp(shares + losses[:, None] - logs)) * grad._array[:, None]
    made[np.arange(logs.shape[0])[:, None] >= inputs] = 0
    if zero:
        made[:, np.isinf(losses)] = 0

    def refuse(again: Any) -> Any:
        raise NotImplementedError("derivative for aten::_ctc_loss_backward is not implemented")

    return record("NotImplemented", made, (grad, refuse), (source, refuse), dtype=grad._dtype)


def ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    batched = log_probs.dim() == 3
    inputs, lengths = _lengths(input_lengths), _lengths(target_lengths)
    probs = log_probs if batched else log_probs.unsqueeze(1)
    _check(probs, inputs, lengths, blank)
    losses = _ctc(probs, targets, inputs, lengths, blank, zero_infinity)
    if reduction == "mean":
        return (losses / plain(np.maximum(lengths, 1), dtype=None)).mean()
    if reduction == "sum":
        return losses.sum()
    return losses if batched else losses.squeeze(0)
