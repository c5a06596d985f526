"""What torch's functions, tensor methods and tensor attributes do: rows measured on real torch, looked up by name.

In goes a qualified name as user code writes it after imports are resolved; out comes an `Operator`, or None where nothing
was measured. The tables are text files beside this module, written by `tools/measure` and described in README.md.
A table is read when it is first asked, a row is parsed when it is first asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    """Where every argument named in `when` is of its kind ("absent" where it is not given), `column` is `word`."""

    when: tuple[tuple[str, str], ...]
    column: str
    word: str


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
    """"t", "tt" … (a tuple of tensors), "t*" (any number), "tn" (a tuple with something else), "n", "none", "self", "depends"."""
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
    diffargs: tuple[str, ...] | None = ()
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
    refuses: tuple[str, ...] = ()
    """Arguments that must not require grad: the call raises."""
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


def names(table: str) -> Iterator[str]:
    """The names in a table: "functions", "methods", "attributes"."""
    return (name for name in lines(table) if name[0] != "#")


def refined(row: Operator, kinds: Mapping[str, str]) -> Operator:
    """The row as it is for a call of which the kinds of its arguments are known: for each argument given "true", "false", "number",
    "list", "tensor", "dtype", "none", the text of a string, or "?" where its kind is not known. What `kinds` lacks is absent.
    """
    for case in row.cases:
        if all(kinds.get(name, "absent") == kind for name, kind in case.when):
            row = _with(row, case)
    return row


def _with(row: Operator, case: Case) -> Operator:
    if case.column == "returns":
        return replace(row, returns=case.word)
    if case.column == "writes":
        return replace(row, writes=() if case.word == "nothing" else _names(case.word), may_write=())
    if case.column == "alias":
        return replace(row, alias=(case.word,), off=implied_off(row.grad, (case.word,)))
    flows = row.diffargs + row.maybe_diffargs if row.diffargs is not None else None
    moved = {"diffargs": flows, "maybe_diffargs": ()} if case.word == "diff" else {}
    return replace(row, grad=(case.word,), off=implied_off((case.word,), row.alias), **moved)


@cache
def torch_version() -> str:
    """The torch that the tables were measured on."""
    return _text("functions").partition("\n")[0].rpartition(" ")[2]


def _text(table: str) -> str:
    return (HERE / f"{table}.txt").read_text(encoding="utf-8")


@cache
def lines(table: str) -> dict[str, str]:
    """The lines of a table by the name that each starts with; another name for the same function is `name = other`."""
    found = {}
    for line in _text(table).splitlines():
        name, bracket, _ = line.partition("(")
        found[name if bracket else line.partition(" ")[0]] = line
    return found


@cache
def _row(table: str, name: str) -> Operator | None:
    line = lines(table).get(name)
    if line is None:
        return None
    return _row(table, line.partition(" = ")[2]) if line.startswith(f"{name} = ") else parse(line)


def parse(line: str) -> Operator:
    """A row from its text: `torch.name(a, *b, c=) -> t  grad=diff  alias=fresh`."""
    name = line.partition("(")[0]
    head, *pairs = line.split("  ")
    arguments, _, returns = head[len(name) + 1 :].partition(") -> ")
    shown = arguments.split(", ") if arguments else []
    columns = dict(pair.split("=", 1) for pair in pairs)
    positional = tuple(a.lstrip("*") for a in shown if not a.endswith("="))
    keywords = tuple(a[:-1] for a in shown if a.endswith("="))
    grad, alias = _per_output(columns.get("grad", "")), _per_output(columns.get("alias", ""))
    dtype, _, dtype_of = columns.get("dtype", "").partition(":")
    saves, when, may_save = _saves(_names(columns.get("saves", "")))
    flows, writes = _names(columns.get("flows", "")), _names(columns.get("writes", ""))
    return Operator(
        name=name, args=positional, keywords=keywords, variadic=any(a.startswith("*") for a in shown), returns=returns,
        grad=grad, alias=alias, off=_per_output(columns["off"]) if "off" in columns else implied_off(grad, alias),
        of=_names(columns.get("of", "")) or positional[:1], dtype=_per_output(dtype), dtype_of=_names(dtype_of),
        scalar=columns.get("scalar", "?"), diffargs=_sure(flows), maybe_diffargs=_unsure(flows),
        saves=saves, saves_when=when, may_save=may_save, writes=_sure(writes), may_write=_unsure(writes),
        refuses=_names(columns.get("refuses", "")), requires_grad="factory" in columns,
        cases=_cases(columns.get("cases", "")),
    )  # fmt: skip


def _cases(text: str) -> tuple[Case, ...]:
    found = []
    for item in text.split("; ") if text else ():
        conditions, _, outcome = item.partition(":")
        column, _, word = outcome.partition(" ")
        pairs = (condition.partition(" is ") for condition in conditions.split(" & "))
        found.append(Case(tuple((name, kind) for name, _, kind in pairs), column, word))
    return tuple(found)


def implied_off(grad: tuple[str, ...], alias: tuple[str, ...]) -> tuple[str, ...]:
    """What `off` is where a row does not say it: what shares memory keeps requires_grad, what is fresh drops it."""
    count = max(len(grad), len(alias))
    pairs = ((grad[min(k, len(grad) - 1)], alias[min(k, len(alias) - 1)]) for k in range(count))
    return tuple(_off(g, a) for g, a in pairs)


def _off(grad: str, alias: str) -> str:
    if grad == "never" or alias == "fresh":
        return "drops"
    return "keeps" if alias in ("self", "view", "shares") else "?"


def _per_output(text: str) -> tuple[str, ...]:
    return tuple(text.split("/")) if text else ()


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _sure(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(w for w in words if not w.endswith("?"))


def _unsure(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(w[:-1] for w in words if w.endswith("?"))


def _saves(words: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]], tuple[str, ...]]:
    when: dict[str, tuple[str, ...]] = {}
    for word in _sure(words):
        thing, _, causes = word.partition(":")
        when[thing] = tuple(causes.split("+"))
    return tuple(when), when, _unsure(words)
