"""Measures what torch's functions, tensor methods and tensor attributes do, and writes the rows of the operator tables.

For each public name: find sample calls (bank.py), run them from every side (observe.py), join what was seen into words
(words.py). A name without a sample that runs gets no row; `missing()` lists them with the reason.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from gradlint.torch_model import rows
from tools.measure import conditions, observe, probe_calls, probes, words
from tools.measure.bank import Call, varied
from tools.measure.observe import Sample, Seen, Slot
from tools.measure.signatures import Signature, signature

NAMESPACES = {
    "torch": torch,
    "torch.nn.functional": torch.nn.functional,
    "torch.linalg": torch.linalg,
    "torch.fft": torch.fft,
    "torch.special": torch.special,
    "torch.functional": torch.functional,
    "torch.sparse": torch.sparse,
    "torch.masked": torch.masked,
    "torch.signal.windows": torch.signal.windows,
    "torch.nested": torch.nested,
    "torch.nn.init": torch.nn.init,
    "torch.nn.utils": torch.nn.utils,
    "torch.nn.utils.rnn": torch.nn.utils.rnn,
}
SAMPLES = 20
"""Sample calls of a function that are run from every side."""
EXTRA = 12
"""Further ones with flags set the other way."""
SIZED, KINDED = 14, 6
"""Sample calls that are run with other sizes, with other dtypes."""


@dataclass(frozen=True)
class Target:
    """A function to be measured, by the name users write."""

    name: str
    function: Callable[..., Any]

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def inplace(self) -> bool:
        own = self.last
        return own.endswith("_") and not own.endswith("__") or own in INPLACE_DUNDERS


INPLACE_DUNDERS = {f"__i{n}__" for n in "add sub mul truediv floordiv mod pow and or xor lshift rshift div".split()}


def functions() -> Iterator[Target]:
    for prefix, module in NAMESPACES.items():
        for name in sorted(dir(module)):
            found = getattr(module, name)
            left_out = name.startswith("_") or name in probes.NO_OPERATOR or probes.is_setting(name)
            if left_out or not callable(found) or isinstance(found, TypeVar) or inspect.isclass(found):
                continue
            yield Target(f"{prefix}.{name}", found)


def methods() -> Iterator[Target]:
    for name in sorted(dir(Tensor)):
        found = inspect.getattr_static(Tensor, name)
        if name.startswith("_") and name not in probes.DUNDERS or name in probes.NO_METHOD:
            continue
        if callable(getattr(Tensor, name)) and not inspect.isdatadescriptor(found):
            yield Target(f"torch.Tensor.{name}", getattr(Tensor, name))


def attributes() -> Iterator[Target]:
    for name in sorted(dir(Tensor)):
        public = not name.startswith("_") and name not in probes.NO_ATTRIBUTE
        if public and inspect.isdatadescriptor(inspect.getattr_static(Tensor, name)):
            yield Target(f"torch.Tensor.{name}", lambda t, n=name: getattr(t, n))


RECEIVERS = {"torch.Tensor.where": 1, "torch.Tensor.polygamma": 1}
"""Methods whose receiver does not stand first in the function of the same name, and where it stands there."""


def candidates(target: Target, bank: dict[str, list[Call]]) -> list[Call]:
    """Sample calls that may suit a target: its own, and those of functions of the same name elsewhere."""
    own = target.last
    bare = probes.DUNDERS.get(own, own)
    family = target.name.split(".")[-2]
    if target.function.__name__ == "<lambda>":
        return probe_calls.attribute_calls()
    names = [f"{family}_{own}", own, bare, bare.rstrip("_")]
    names += [f"{p}_{bare}" for p in ("linalg", "special", "fft", "sparse")]
    found = [bank[name] for name in dict.fromkeys(names) if bank.get(name)]
    calls = [call for calls in found[:2] for call in calls] or probes.GENERIC
    place = RECEIVERS.get(target.name, 0)
    return [((args[place], *args[:place], *args[place + 1 :]), kwargs) for args, kwargs in calls if len(args) > place]


def as_sample(target: Target, sign: Signature | None, call: Call) -> Sample:
    args, kwargs = call
    names = (
        sign.bind(args, kwargs)
        if sign is not None
        else ["input", *(f"arg{n}" for n in range(1, len(args)))][: len(args)]
    )
    slots = [Slot(tuple(n.split("|")), v) for n, v in zip(names, args, strict=True)]
    slots += [Slot(("input" if k == "self" else k,), v, k) for k, v in kwargs.items()]
    return Sample(target.function, tuple(slots))


@dataclass
class Row:
    """One line of a table, before it is written."""

    name: str
    args: tuple[str, ...]
    keywords: tuple[str, ...]
    variadic: bool
    returns: str
    columns: dict[str, str]

    @property
    def text(self) -> str:
        shown = [*self.args[:-1], ("*" if self.variadic else "") + self.args[-1]] if self.args else []
        head = f"{self.name}({', '.join([*shown, *(k + '=' for k in self.keywords)])}) -> {self.returns}"
        return "  ".join([head, *(f"{k}={v}" for k, v in self.columns.items() if v)])


def measure(target: Target, bank: dict[str, list[Call]]) -> Row | None:
    """The row of a target; None where no sample call of it runs."""
    sign = signature(target.function, target.last) if target.function.__name__ != "<lambda>" else None
    seen = observed(target, samples_of(target, sign, bank), SAMPLES + EXTRA)
    if not seen:
        return None
    if depends_on_arguments(seen):
        seen += observed(target, [v for sample, _ in reversed(seen) for v in shortened(sample)], 2 * SAMPLES)
    return row(target, sign, seen)


def observed(target: Target, samples: list[Sample], limit: int) -> list[tuple[Sample, Seen]]:
    """What the samples that run showed, up to a number of them."""
    seen: list[tuple[Sample, Seen]] = []
    for sample in samples:
        try:
            seen.append((sample, observe.observe(sample, target.inplace)))
        except words.ERRORS:
            continue
        if len(seen) >= limit:
            break
    return seen


def depends_on_arguments(seen: list[tuple[Sample, Seen]]) -> bool:
    """Whether samples disagree on something that conditions may explain."""
    outs = [s.outs[0] for _, s in seen if s.outs]
    return (
        words.shape_word(s.shape for _, s in seen) in ("depends", "t*") or words.write_word([s.writes for _, s in seen]) == "?"
        or bool(outs) and not conditions.specific("alias", words.alias_word({w for o in outs for w in o.alias}))
        or words.grad_word(outs) == "?"
    )  # fmt: skip


def shortened(sample: Sample) -> list[Sample]:
    """The sample without one of its keyword arguments, and without its last positional one: so that arguments vary
    independently, and none takes the credit for what another decides."""
    last = max((i for i, s in enumerate(sample.slots) if not s.keyword), default=0)
    dropped = [i for i, s in enumerate(sample.slots) if s.keyword or i == last and i > 0]
    return [Sample(sample.function, tuple(s for k, s in enumerate(sample.slots) if k != i)) for i in dropped]


def samples_of(target: Target, sign: Signature | None, bank: dict[str, list[Call]]) -> list[Sample]:
    """Sample calls without empty tensors; some of them again with flags set."""
    calls = [c for c in candidates(target, bank) if all(t.numel() for t in observe.tensors_of([*c[0], *c[1].values()]))]
    plain = [as_sample(target, sign, call) for call in varied(calls, 2 * SAMPLES)]
    known = () if sign is None else (*sign.args, *sign.keywords)
    flagged = [
        words.with_keyword(s, n, v) for n, values in FLAGS.items() if n in known for v in values for s in plain[:3]
    ]
    return plain[:SAMPLES] + flagged + plain[SAMPLES:]


FLAGS: dict[str, tuple[Any, ...]] = {
    "inplace": (True,), "training": (False, True), "return_indices": (True,), "as_tuple": (True,), "copy": (True,),
    "return_inverse": (True,), "return_counts": (True,), "get_infos": (True,), "need_weights": (False,), "hard": (True,),
}  # fmt: skip


def row(target: Target, sign: Signature | None, seen: list[tuple[Sample, Seen]]) -> Row:
    all_seen = [s for _, s in seen]
    samples = [s for s, _ in seen]
    returns = words.shape_word(s.shape for s in all_seen)
    writes = words.each(all_seen, lambda s: s.writes)
    columns: dict[str, str] = {}
    main = "input" if sign is None else next(iter(sign.args), "input")
    returned_self = target.inplace and all(o.alias == {"self"} for s in all_seen for o in s.outs)
    if returned_self and returns == "t":
        returns = "self"
    case_texts = conditions.cases("returns", [(s, n.shape) for s, n in seen], words.shape_word)
    if case_texts and returns == "t*":
        returns = "depends"
    if any(s.outs for s in all_seen):
        count = max(len(s.outs) for s in all_seen) if returns != "t*" else 0
        count = 1 if returns == "depends" else count
        columns |= output_columns(all_seen, count, main)
        if words.one_to_one(all_seen):
            columns["grad"] = "each"
        columns |= value_columns(samples, count)
        case_texts += tuple_cases(case_texts, seen) + output_cases(seen)
    columns["flows"] = ",".join(words.flow_words(all_seen))
    columns["saves"] = ",".join(words.save_words(all_seen))
    columns["writes"] = ",".join(writes)
    columns["refuses"] = ",".join(words.refusals(all_seen))
    columns["cases"] = "; ".join(case_texts)
    columns["factory"] = "requires_grad" if takes_requires_grad(samples) else ""
    columns["leaf"] = "written" if returns == "self" and writes_leaf(samples) else ""
    args = sign.args if sign is not None else most_slots(samples)
    variadic = sign is not None and bool(sign.main.rest) or sign is not None and takes_splat(seen, len(sign.args))
    return Row(target.name, args, () if sign is None else sign.keywords, variadic, returns, columns)


def output_columns(seen: list[Seen], count: int, main: str) -> dict[str, str]:
    """The columns that have a word for each output."""
    grad, alias, off, shares = [], [], [], set()
    for k in range(count or 1):
        outs = [o for s in seen for o in (s.outs[k : k + 1] if count else s.outs)]
        grad.append(words.grad_word(outs))
        alias.append(words.alias_word({w for o in outs for w in o.alias}))
        off.append(words.off_word({w for o in outs for w in o.kept}))
        shares |= {w for o in outs for w in o.shares}
    return {
        "grad": joined(grad),
        "alias": joined(alias),
        "off": joined(off) if tuple(off) != rows.implied_off(tuple(grad), tuple(alias)) else "",
        "of": ",".join(sorted(shares)) if shares - {main} else "",
    }


def tuple_cases(shapes: list[str], seen: list[tuple[Sample, Seen]]) -> list[str]:
    """Where a condition makes a function return a tuple: the words of each of its tensors."""
    texts = []
    for text in shapes:
        condition, _, outcome = text.partition(":")
        count = outcome.count("t", len("returns ")) if outcome.startswith("returns tt") else 0
        found = conditions.where(text, seen) if count else []
        if found:
            columns = output_columns([s for _, s in found], count, "") | value_columns([s for s, _ in found], count)
            texts += [
                f"{condition}:{name} {columns[name]}" for name in ("grad", "alias", "dtype") if "/" in columns[name]
            ]
    return texts


def output_cases(seen: list[tuple[Sample, Seen]]) -> list[str]:
    """What flags and types of arguments decide about the first output."""
    outs = [(sample, s.outs[0]) for sample, s in seen if s.outs]
    texts = conditions.cases("writes", [(sample, s.writes) for sample, s in seen], words.write_word)
    texts += conditions.cases("grad", [p for p in outs if p[1].flows], words.grad_word)
    shared = conditions.cases("alias", outs, lambda found: words.alias_word({w for o in found for w in o.alias}))
    for text in shared:
        condition, _, outcome = text.partition(":alias ")
        off = words.off_word({w for _, o in conditions.where(text, outs) for w in o.kept})
        if any(o.kept for _, o in conditions.where(text, outs)) and (off,) != rows.implied_off(("diff",), (outcome,)):
            texts.append(f"{condition}:off {off}")
    return shared + texts


def value_columns(samples: list[Sample], count: int) -> dict[str, str]:
    """dtype and scalar."""
    kinds = [r for s in samples[:KINDED] for r in words.kind_runs(s)]
    sizes = [r for s in sized(samples) for r in words.size_runs(s)]
    sizes += [r for s in samples[SIZED:] for r in words.size_runs(s, vary=False)]
    return {"dtype": dtype_column(kinds, count), "scalar": words.scalar_word(sizes)}


def dtype_column(kinds: list[words.Kinds], count: int) -> str:
    """The dtype words of `count` outputs, or one for all of any number of them."""
    words_ = []
    for k in range(count or 1):
        runs = [(given, kind) for given, made in kinds for kind in (made[k : k + 1] if count else made)]
        words_.append(words.dtype_word(runs))
    return joined(words_)


def sized(samples: list[Sample]) -> list[Sample]:
    found, extra = samples[:SIZED], []
    for name, values in (("reduction", ("none", "mean", "sum")), ("dim", (0,)), ("keepdim", (True,))):
        for sample in found[:4]:
            extra += [words.with_keyword(sample, name, value) for value in values]
    return found + extra


def most_slots(samples: list[Sample]) -> tuple[str, ...]:
    """The argument names of the longest sample: of a function that has no signature, or of an attribute."""
    return max((tuple(s.names[0] for s in sample.slots) for sample in samples), key=len)


def takes_requires_grad(samples: list[Sample]) -> bool:
    """Whether the function makes leaves: `requires_grad=True` is accepted and obeyed."""
    for sample in samples[:4]:
        try:
            made = observe.outputs(observe.run(words.with_keyword(sample, "requires_grad", True), set()).result)[1]
        except words.ERRORS:
            continue
        if made and all(t.requires_grad and t.is_leaf for t in made):
            return True
    return False


def writes_leaf(samples: list[Sample]) -> bool:
    """Whether an in-place function takes a leaf that requires grad: it writes under no_grad."""
    for sample in samples[:4]:
        if observe.differentiable(sample.slots[0]):
            try:
                return bool(observe.run(sample, {0}))
            except words.ERRORS:
                return False
    return False


def joined(words_: list[str]) -> str:
    return words_[0] if len(set(words_)) == 1 else "/".join(words_)


def takes_splat(seen: list[tuple[Sample, Seen]], count: int) -> bool:
    """Whether a list of integers in the last of `count` places may be given as several arguments: `x.view(2, 3)`."""
    for sample, _ in seen:
        plain = [s for s in sample.slots if not s.keyword]
        last = plain[-1].value if len(plain) == count else None
        if isinstance(last, (list, tuple)) and len(last) > 1 and all(isinstance(v, int) for v in last):
            slots = (*plain[:-1], *(Slot(plain[-1].names, v) for v in last), *(s for s in sample.slots if s.keyword))
            try:
                made, listed = observe.run(Sample(sample.function, slots), set()), observe.run(sample, set())
            except words.ERRORS:
                continue
            return [t.shape for t in observe.tensors_of(made.result)] == [
                t.shape for t in observe.tensors_of(listed.result)
            ]
    return False


def tables(bank: dict[str, list[Call]], only: str = "") -> dict[str, list[str]]:
    """The lines of each operator table, by file name."""
    made: dict[str, list[str]] = {"functions": [], "methods": [], "attributes": []}
    known: dict[int, str] = {}
    for table, targets in (("functions", functions()), ("methods", methods()), ("attributes", attributes())):
        for target in targets:
            if only and only not in target.name:
                continue
            same = known.setdefault(id(target.function), target.name) if table == "functions" else target.name
            if same != target.name:
                made[table].append(f"{target.name} = {same}")
                continue
            found = measure(target, bank)
            if found is not None:
                made[table].append(found.text)
    return made
