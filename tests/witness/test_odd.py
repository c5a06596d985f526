"""Whatever origins hold, a script is printed or refused with a reason; nothing else is ever raised."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gradlint.findings import Evidence, Origin
from gradlint.witness import guard, ops
from gradlint.witness.layers import LAYERS
from gradlint.witness.program import NoScript, program_of

from .cases import finding

NAMES = ["", "x", "self.w", "loss", "x; import os", "🙂", "F", "torch", "out[0]"]
MODES = ["torch.no_grad()", "torch.enable_grad()", "torch.inference_mode()", "torch.set_grad_enabled(…)", "a hook", ""]
FUNCTIONS = sorted({
    *ops.RANKS, *ops.REDUCTIONS, *ops.RESHAPES, *ops.OPERANDS, *ops.TUPLES, *ops.FACTORIES, *ops.DIMS, "T", "add_"
})  # fmt: skip
KEYS = ["dim", "keepdim", "class", "__x", "a b", "module"]
KINDS = [
    "input", "leaf", "parameter", "module", "python", "unknown", "", "numpy", ops.INDEXING, ops.INDEX_WRITE, ops.GRADIENT
]  # fmt: skip
PLAIN: list[Any] = [
    0, 1, -1, 3, True, None, ..., 0.5, "mean", "cuda", b"x", slice(None, 2), 10**30, float("nan"), 2j, object()
]  # fmt: skip


def operation(pick: random.Random) -> str:
    space = pick.choice(["torch", "torch.Tensor", "torch.nn.functional", "torch.linalg", "torch.nn", "os"])
    some = [f"{space}.{pick.choice(FUNCTIONS)}", f"torch.nn.{pick.choice(list(LAYERS))}"]
    return pick.choice([*KINDS, *ops.INFIX, *ops.PREFIX, *some * 4])


def operand(pick: random.Random, known: list[Origin], depth: int = 0) -> Any:
    if known and pick.random() < 0.6:
        return pick.choice(known)
    if depth < 2 and pick.random() < 0.3:
        kind = pick.choice([list, tuple])
        return kind(operand(pick, known, depth + 1) for _ in range(pick.randrange(4)))
    return pick.choice(PLAIN)


def origin(pick: random.Random, known: list[Origin]) -> Origin:
    return Origin(
        operation(pick),
        tuple(operand(pick, known) for _ in range(pick.randrange(4))),
        tuple((pick.choice(KEYS), operand(pick, known)) for _ in range(pick.randrange(3))),
        tuple(pick.choice(MODES) for _ in range(pick.randrange(3))),
        pick.choice(NAMES), pick.choice([True, False, None]), pick.choice([True, False, None]), pick.randrange(9),
        pick.choice([None, None, "other\n.py"]), 1, pick.randrange(9),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_any_origins_are_printed_or_refused(seed: int) -> None:
    pick = random.Random(seed)
    printed = 0
    for _ in range(25):
        known: list[Origin] = []
        for _ in range(pick.randrange(1, 9)):
            known.append(origin(pick, known))
        evidence = pick.choice([
            Evidence("{0}.backward()", (known[-1],), raises="RuntimeError", text="grad"),
            Evidence("{0}", (known[-1],), (pick.choice(MODES),), raises="RuntimeError"),
            Evidence("{1}.add_(1)\n{0}.sum()", (known[-1], known[0]), text="{0} is not None"),
        ])  # fmt: skip
        try:
            program = program_of(finding(evidence))
        except NoScript:
            continue
        printed += 1
        for script in program.scripts:
            guard.check(script.text)
            assert script.action <= script.check <= len(script.text.splitlines())
    assert printed
