"""What `torch.optim` does: optimizers with their closures and leaves, and the schedulers' names.

In goes a qualified name (`torch.optim.SGD`, also `torch.optim.sgd.SGD`); out comes an `Optimizer`, or None where nothing was
measured. The table is `optimizers.txt`, written by `tools/measure` and described in README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gradlint.torch_model import rows


@dataclass(frozen=True, slots=True)
class Optimizer:
    """One row."""

    name: str
    args: tuple[str, ...] = ()
    closure_required: bool = False
    closure_mode: tuple[str, str, str] = ("on", "on", "inference")
    """How `step` runs its closure when it is called with grad on, under no_grad, in inference mode."""
    nonleaf: str = "accepted"
    """What the constructor raises for a tensor that is no leaf: an exception's name, or "accepted"."""
    frozen: str = "accepted"
    """The same for a leaf that does not require grad."""
    empty: str = "accepted"
    """The same for no parameters at all."""
    zero_grad: str = "none"
    """What `zero_grad()` leaves in `.grad`: "none", "zeros"."""


@cache
def optimizer(name: str) -> Optimizer | None:
    """The row of an optimizer class."""
    if not name.startswith("torch.optim.") or is_scheduler(name):
        return None
    line = rows.find("optimizers", f"torch.optim.{name.rpartition('.')[2]}")
    return None if line is None else parse(line)


def is_scheduler(name: str) -> bool:
    """Whether a class is a learning-rate scheduler."""
    return "kind=scheduler" in rows.lines("optimizers").get(name, "")


def names() -> list[str]:
    """The optimizers' names."""
    return [name for name in rows.names("optimizers") if not is_scheduler(name)]


def parse(line: str) -> Optimizer:
    head, columns = rows.split(line)
    name, _, arguments = head.partition("(")
    on, off, inference = columns["closure_mode"].split("/")
    return Optimizer(
        name=name, args=tuple(arguments[:-1].split(", ")), closure_required=columns["closure"] == "required",
        closure_mode=(on, off, inference), nonleaf=columns["nonleaf"], frozen=columns["frozen"], empty=columns["empty"],
        zero_grad=columns["zero_grad"],
    )  # fmt: skip
