"""Misspellings of `requires_grad`: assignments that Python takes and torch never looks at."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import events
from gradlint.analysis.machine import Machine
from gradlint.analysis.values import summary

RIGHT = "requires_grad"
KNOWN = frozenset({"requires_grad", "requires_grad_", "grad", "_grad", "retains_grad", "requires_gradient_sync"})


def check_typo(m: Machine, name: str, at: int, value: Any, owner: str) -> None:
    """Emit an event for a stored attribute that is a near miss of `requires_grad`."""
    if is_typo(name):
        in_vain(m, name, at, value, owner, "typo")


def in_vain(m: Machine, name: str, at: int, value: Any, owner: str, how: str) -> None:
    """Emit the event of a flag that is set in vain."""
    from gradlint.analysis.operators import truth_of

    called, written = m.assigned
    m.event(
        events.AttributeTypo, at, attribute=name, how=how, owner=owner, name=called, value=summary(truth_of(m, value)),
        written=m.place(m.here(written)) if written else None,
    )  # fmt: skip


def is_typo(name: str) -> bool:
    """Whether a name is a near miss: one or two letters off, or another ending."""
    if name in KNOWN or "grad" not in name or abs(len(name) - len(RIGHT)) > 4:
        return False
    if name in (
        "require_grad",
        "requires_grads",
        "require_gradient",
        "requires_gradient",
        "require_grads",
        "requiregrad",
        "requiresGrad",
        "requires_Grad",
    ):
        return True
    return _distance(name, RIGHT) <= 2


def _distance(a: str, b: str) -> int:
    """Edit distance (insert, delete, replace, swap neighbours counted as two)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]
