"""What the classes of `torch.nn` do: their parameters and buffers, and what calling an instance does, in each mode.

In goes a qualified name (`torch.nn.Linear`, also `torch.nn.modules.linear.Linear`); out comes a `Module`, or None where
nothing was measured. The table is `modules.txt`, written by `tools/measure` and described in README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from gradlint.torch_model import rows
from gradlint.torch_model.rows import Case

CONTAINERS = frozenset({
    "torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.ParameterList", "torch.nn.ParameterDict",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Module:
    """One row. In columns about the call, `self.weight` is a parameter or buffer, `self.children` those of submodules."""

    name: str
    args: tuple[str, ...] = ()
    """The constructor's argument names."""
    defaults: dict[str, str] = field(default_factory=dict, hash=False)
    """The defaults of its switches and words: {"bias": "True", "reduction": "mean"}."""
    forward: tuple[str, ...] = ()
    """The argument names of forward."""
    returns: str = "depends"
    """"t", "tt", "t(tt)" (LSTM), "depends"."""
    params: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Own parameters (all floating, all trainable) -> the constructor's switches that must be on for it to be there."""
    buffers: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    children: dict[str, str] = field(default_factory=dict, hash=False)
    """Submodules -> their class in torch.nn."""
    grad: tuple[str, ...] = ()
    alias: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    dtype: tuple[str, ...] = ()
    dtype_of: tuple[str, ...] = ()
    scalar: str = "?"
    diffargs: tuple[str, ...] = ()
    """What makes the output require grad: inputs, `self.weight`, `self.children`."""
    maybe_diffargs: tuple[str, ...] = ()
    saves: tuple[str, ...] = ()
    saves_when: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    may_save: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    may_write: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    """Inputs that must not require grad (targets): the call raises; "name?" in some calls only."""
    cases: tuple[Case, ...] = ()
    """What holds under a condition on the constructor's arguments."""
    in_eval: tuple[tuple[str, str], ...] = ()
    """The columns that differ in eval mode, with their words there."""

    @property
    def trainable(self) -> bool:
        """Whether the class has parameters, of its own or of its submodules, whatever it is built with."""
        return (
            any(not switches for switches in self.params.values())
            or "self.children" in self.diffargs + self.maybe_diffargs
        )


@cache
def module(name: str) -> Module | None:
    """The row of a class of torch.nn."""
    if not name.startswith("torch.nn."):
        return None
    line = rows.find("modules", f"torch.nn.{name.rpartition('.')[2]}")
    return None if line is None else parse(line)


def names() -> list[str]:
    return rows.names("modules")


def parse(line: str) -> Module:
    """A row from its text: `torch.nn.Name(constructor)(forward) -> t  params=…  grad=…`."""
    head, columns = rows.split(line)
    name, _, rest = head.partition("(")
    constructor, _, rest = rest.partition(")(")
    forward, _, returns = rest.partition(") -> ")
    shown = [a.partition("=") for a in constructor.split(", ")] if constructor else []
    made = Module(
        name=name, args=tuple(a.lstrip("*") for a, _, _ in shown), defaults={a: d for a, sign, d in shown if sign},
        forward=tuple(forward.split(", ")) if forward else (), returns=returns,
        params=rows.with_causes(rows.words(columns, "params")), buffers=rows.with_causes(rows.words(columns, "buffers")),
        children={k: v[0] for k, v in rows.with_causes(rows.words(columns, "children")).items()},
        refuses=rows.words(columns, "refuses"), cases=rows.cases(columns), in_eval=_in_eval(columns.get("eval", "")),
    )  # fmt: skip
    for column in ("grad", "alias", "dtype", "scalar", "flows", "saves", "writes"):
        made = _with(made, column, columns.get(column, "?" if column == "scalar" else "nothing"))
    off = rows.per_output(columns, "off")
    return replace(made, off=off) if off else made


def _in_eval(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.partition(" ") for item in text.split("; ")) if text else ()
    return tuple((column, word) for column, _, word in pairs)


def refined(row: Module, kinds: Mapping[str, str], training: bool | None) -> Module:
    """The row for an instance: built with constructor arguments of these kinds (see tables.refined), in this mode.

    `training` None: not known; then what differs in eval mode is widened to unknown.
    """
    for case in row.cases:
        if rows.holds(case, dict(kinds)):
            row = _with(row, case.column, case.word)
    for column, word in row.in_eval if training is not True else ():
        row = _with(row, column, word if training is False else _either(row, column, word))
    return row


def _either(row: Module, column: str, word: str) -> str:
    """A word that covers training and eval mode."""
    if column == "alias":
        return "maybe-self" if {word, *row.alias} <= {"self", "fresh", "maybe-self"} else "maybe-view"
    if column in ("writes", "flows"):
        old = row.writes + row.may_write if column == "writes" else row.diffargs + row.maybe_diffargs
        new = () if word == "nothing" else tuple(w.rstrip("?") for w in word.split(","))
        return ",".join(f"{w}?" for w in dict.fromkeys(old + new)) or "nothing"
    return "?" if column != "returns" else "depends"


def _with(row: Module, column: str, word: str) -> Module:
    """The row with another text in one column."""
    found = () if word == "nothing" else tuple(word.split(","))
    if column == "returns":
        return replace(row, returns=word)
    if column == "scalar":
        return replace(row, scalar=word)
    if column == "grad":
        grad = () if word == "nothing" else tuple(word.split("/"))
        return replace(row, grad=grad, off=rows.implied_off(grad, row.alias) if row.alias else ())
    if column == "alias":
        alias = () if word == "nothing" else tuple(word.split("/"))
        return replace(row, alias=alias, off=rows.implied_off(row.grad, alias) if row.grad else ())
    if column == "dtype":
        kinds, _, of = word.partition(":")
        return replace(row, dtype=tuple(kinds.split("/")), dtype_of=tuple(of.split(",")) if of else ())
    if column == "flows":
        return replace(row, diffargs=rows.sure(found), maybe_diffargs=rows.unsure(found))
    if column == "writes":
        return replace(row, writes=rows.sure(found), may_write=rows.unsure(found))
    if column == "saves":
        when = rows.with_causes(rows.sure(found))
        return replace(row, saves=tuple(when), saves_when=when, may_save=rows.unsure(found))
    if column == "off":
        return replace(row, off=tuple(word.split("/")))
    if column == "refuses":
        return replace(row, refuses=found)
    raise ValueError(f"unknown column {column!r} in the row of {row.name}")
