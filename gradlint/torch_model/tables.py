"""What torch's functions, tensor methods and tensor attributes do: rows measured on real torch, looked up by name.

In goes a qualified name as user code writes it after imports are resolved; out comes an `Operator`, or None where nothing
was measured. The tables are text files beside this module, written by `tools/measure` and described in README.md.
A table is read when it is first asked, a row is parsed when it is first asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from gradlint.torch_model import rows
from gradlint.torch_model.rows import Case


@dataclass(frozen=True, slots=True)
class Operator:
    """One row. Tuples named "per output" have one word for each output, or a single word for all."""

    name: str
    args: tuple[str, ...] = ()
    """Positional argument names; of a method, the receiver is the first (`input`)."""
    keywords: tuple[str, ...] = ()
    """Names accepted by keyword only, or that another overload gives to a position."""
    variadic: bool = False
    """Further positional arguments belong to the last one: `x.view(2, 3)`, `torch.einsum(equation, a, b)`."""
    returns: str = "depends"
    """"t", "tt" … (a tuple of tensors), "t*" (any number of them), "tn" (a tuple with something else), "n", "none", "self",
    "depends"."""
    grad: tuple[str, ...] = ()
    """Per output: "diff", "never", "each" (output k requires grad iff operand k does), "?"."""
    alias: tuple[str, ...] = ()
    """Per output: "fresh", "self", "view", "shares" (self or view), "maybe-self" (self or fresh), "maybe-view" (any)."""
    off: tuple[str, ...] = ()
    """Per output, of what requires grad, under no_grad and in inference mode: "keeps", "drops", "?"."""
    of: tuple[str, ...] = ()
    """The arguments that outputs share memory with; the first argument where nothing is said."""
    dtype: tuple[str, ...] = ()
    """Per output: "same" (floating iff one of `dtype_of` is), "float", "complex", "int", "bool", "?"."""
    dtype_of: tuple[str, ...] = ()
    scalar: str = "?"
    """0-d: "always", "never", "broadcast" (iff all tensors are), "dim", "reduction", "?"."""
    diffargs: tuple[str, ...] = ()
    """Arguments through which gradient flows whenever they are floating tensors."""
    maybe_diffargs: tuple[str, ...] = ()
    """Arguments through which it flows in some calls only."""
    saves: tuple[str, ...] = ()
    """What is saved for backward: argument names, "result"."""
    saves_when: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Saved thing -> the arguments of which one must require grad for it to be saved."""
    may_save: tuple[str, ...] = ()
    """What some calls save and others do not."""
    writes: tuple[str, ...] = ()
    """Arguments written in place in every call."""
    may_write: tuple[str, ...] = ()
    writes_leaf: bool = False
    """Of what works in place: also on a leaf that requires grad, with grad on (`torch.nn.init`)."""
    refuses: tuple[str, ...] = ()
    """Arguments that must not require grad: the call raises; "name?" in some calls only."""
    requires_grad: bool = False
    """The function takes `requires_grad=` (a factory)."""
    cases: tuple[Case, ...] = ()
    """What holds under a condition on the arguments; see `refined`."""

    @property
    def inplace(self) -> bool:
        """Writes its first argument and returns it."""
        return self.returns == "self" and self.args[:1] == self.writes[:1]


def operator(name: str) -> Operator | None:
    """The row of a function: `torch.add`, `torch.nn.functional.relu`; `torch.Tensor.add` is the method."""
    if name.startswith("torch.Tensor."):
        last = name[13:]
        return tensor_method(last) or tensor_attribute(last)
    return _row("functions", name)


def tensor_method(name: str) -> Operator | None:
    """The row of a tensor's method: `mul_`, `__getitem__`."""
    return _row("methods", f"torch.Tensor.{name}")


def tensor_attribute(name: str) -> Operator | None:
    """The row of a tensor's attribute: `T`, `shape`."""
    return _row("attributes", f"torch.Tensor.{name}")


def names(table: str) -> list[str]:
    """The names in a table: "functions", "methods", "attributes"."""
    return rows.names(table)


def torch_version() -> str:
    """The torch that the tables were measured on."""
    return rows.torch_version("functions")


@cache
def _row(table: str, name: str) -> Operator | None:
    line = rows.find(table, name)
    return None if line is None else parse(line)


def parse(line: str) -> Operator:
    """A row from its text: `torch.name(a, *b, c=) -> t  grad=diff  alias=fresh`."""
    head, columns = rows.split(line)
    name, _, signature = head.partition("(")
    arguments, _, returns = signature.partition(") -> ")
    shown = arguments.split(", ") if arguments else []
    positional = tuple(a.lstrip("*") for a in shown if not a.endswith("="))
    grad, alias = rows.per_output(columns, "grad"), rows.per_output(columns, "alias")
    flows, writes, saves = (rows.words(columns, c) for c in ("flows", "writes", "saves"))
    dtypes = [word.partition(":") for word in rows.per_output(columns, "dtype")]
    dtype_of = next((of for _, _, of in dtypes if of), "")
    when = rows.with_causes(rows.sure(saves))
    return Operator(
        name=name, args=positional, keywords=tuple(a[:-1] for a in shown if a.endswith("=")), variadic="*" in arguments,
        returns=returns, grad=grad, alias=alias, off=rows.per_output(columns, "off") or rows.implied_off(grad, alias),
        of=rows.words(columns, "of") or positional[:1], dtype=tuple(word for word, _, _ in dtypes),
        dtype_of=tuple(dtype_of.split(",")) if dtype_of else (), scalar=columns.get("scalar", "?"),
        diffargs=rows.sure(flows), maybe_diffargs=rows.unsure(flows), saves=tuple(when), saves_when=when,
        may_save=rows.unsure(saves), writes=rows.sure(writes), may_write=rows.unsure(writes),
        refuses=rows.words(columns, "refuses"), requires_grad="factory" in columns,
        writes_leaf="leaf" in columns, cases=rows.cases(columns),
    )  # fmt: skip


def _kinds(text: str) -> tuple[str, ...]:
    """The kinds in a dtype column, one for each output: `same:a,b/int` as (same, int)."""
    return tuple(word.partition(":")[0] for word in text.split("/")) if text else ()


def _dtype_of(text: str) -> tuple[str, ...]:
    """The arguments that a dtype column names."""
    found = (name for word in text.split("/") for name in word.partition(":")[2].split(",") if name)
    return tuple(dict.fromkeys(found))


def refined(row: Operator, kinds: Mapping[str, str]) -> Operator:
    """The row for a call of which the kinds of its arguments are known: of each argument given "true", "false",
    "number", "list", "tensor", "dtype", "none", the text of a string, or "?" where that is not known. What `kinds` lacks is
    absent.
    """
    for case in row.cases:
        if rows.holds(case, dict(kinds)):
            row = _with(row, case)
    return row


def _with(row: Operator, case: Case) -> Operator:
    if case.column == "returns":
        return replace(row, returns=case.word)
    if case.column == "writes":
        return replace(row, writes=() if case.word == "nothing" else tuple(case.word.split(",")), may_write=())
    words = tuple(case.word.split("/"))
    if case.column == "alias":
        return replace(row, alias=words, off=rows.implied_off(row.grad, words))
    if case.column == "off":
        return replace(row, off=words)
    if case.column == "dtype":
        return replace(row, dtype=_kinds(case.word), dtype_of=_dtype_of(case.word))
    row = replace(row, grad=words, off=rows.implied_off(words, row.alias))
    if case.word == "diff":
        return replace(row, diffargs=row.diffargs + row.maybe_diffargs, maybe_diffargs=())
    return row
