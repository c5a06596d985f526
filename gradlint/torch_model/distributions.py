"""What `torch.distributions` gives: through which constructor arguments gradient reaches each method and attribute.

In go a qualified class name and a member (`torch.distributions.Normal`, `rsample`); out comes a `Member`, or None where nothing
was measured. The table is `distributions.txt`, written by `tools/measure` and described in README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gradlint.torch_model import rows


@dataclass(frozen=True, slots=True)
class Member:
    """A method or attribute. `flows`: the constructor arguments, and "value" for the method's own, through which gradient
    reaches the result; empty where it never requires grad. `off`: whether it still requires grad when asked for under
    no_grad: "drops", "keeps" (it is stored, or computed with grad on), "?"."""

    flows: tuple[str, ...] = ()
    maybe_flows: tuple[str, ...] = ()
    off: str = "drops"


@dataclass(frozen=True, slots=True)
class Distribution:
    name: str
    args: tuple[str, ...]
    members: dict[str, Member]
    has_rsample: bool | None
    """None where the distributions that it is made of decide."""


@cache
def distribution(name: str) -> Distribution | None:
    """The row of a class, also by the module it is defined in."""
    if not name.startswith("torch.distributions."):
        return None
    line = rows.find("distributions", f"torch.distributions.{name.rpartition('.')[2]}")
    return None if line is None else parse(line)


def member(name: str, attribute: str) -> Member | None:
    """A member of a distribution class; None where it has none or it was not measured."""
    row = distribution(name)
    return None if row is None else row.members.get(attribute)


def names() -> list[str]:
    return rows.names("distributions")


def parse(line: str) -> Distribution:
    head, columns = rows.split(line)
    name, _, arguments = head.partition("(")
    has = columns.pop("has_rsample", None)
    members = {key: _member(text) for key, text in columns.items()}
    return Distribution(name, tuple(arguments[:-1].split(", ")), members, None if has is None else has == "yes")


def _member(text: str) -> Member:
    names_, _, off = text.partition(":")
    found = () if names_ == "never" else tuple(names_.split(","))
    return Member(rows.sure(found), rows.unsure(found), off or "drops")
