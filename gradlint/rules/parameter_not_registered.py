"""A module keeps a parameter where `parameters()` does not find it, so that no optimizer ever changes it.

`nn.Parameter(...).to(...)` is a plain tensor computed from a parameter that nobody holds; a plain list or dict of
parameters or layers is no part of the module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradlint.analysis.events import ParameterNotRegistered, TensorFact
from gradlint.analysis.values import LIKELY_TRUE
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import line_of, tell

CONTAINERS = {
    ("list", "parameter"): "ParameterList",
    ("list", "module"): "ModuleList",
    ("dict", "parameter"): "ParameterDict",
    ("dict", "module"): "ModuleDict",
}
NN = re.compile(r"((?:\w+\.)*nn\.)[A-Z]\w*\(")
"""How the source calls `torch.nn`, from the layers and parameters that it makes."""

MODULE = "class Holder(torch.nn.Module):\n    pass"


def check(event: ParameterNotRegistered, report: Report) -> Iterator[Finding]:
    facts, flags = [event.value], [event.value.rg]
    if event.how == "computed":
        said = _computed(event)
        if event.value.leaf.value is None:
            facts, flags = [TensorFact(assumes=f"`{event.op or 'the conversion'}` makes a copy")], [LIKELY_TRUE]
    else:
        said = _contained(event, report)
        if event.likely:
            facts = [TensorFact(assumes="an optimizer is built over `parameters()`")]
    home = report.path(event.where)
    because = [note(report, event.optimizer, "this optimizer does not hold it", home)] if event.optimizer else []
    yield tell(
        RULE, report, event, said, facts=facts, flags=flags, because=because, evidence=_evidence(event),
        fix=_fix(event, report),
    )  # fmt: skip


def _computed(event: ParameterNotRegistered) -> str:
    op = f"`{event.op}`" if event.op else "what is done to it"
    return (
        f"{op} makes a plain tensor of the `nn.Parameter`, so `self.{event.attribute}` is not in `parameters()` and no "
        "optimizer changes it; convert the value first and wrap it last: `nn.Parameter(value…)`"
    )


def _contained(event: ParameterNotRegistered, report: Report) -> str:
    right = CONTAINERS.get((event.how, event.kind), "ModuleList")
    what = "layers" if event.kind == "module" else "parameters"
    missed = line_of(report, event.optimizer, event) if event.optimizer else ""
    holder = f"the optimizer{missed} does" if event.optimizer else "an optimizer over them does"
    return (
        f"`self.{event.attribute}` is a plain {event.how}, so its {what} are not in `parameters()`: {holder} not train "
        f"them, and `.to()` and `state_dict()` pass them by; use `nn.{right}`"
    )


def _fix(event: ParameterNotRegistered, report: Report) -> Fix | None:
    """`nn.ModuleList([...])`: training and checkpoints change, so this is left to the author's decision."""
    text = report.text(event.where)
    nn = NN.search(text)
    if event.how == "computed" or nn is None or text[0] not in "[{":
        return None
    right = CONTAINERS.get((event.how, event.kind), "ModuleList")
    edit = Edit(report.span(event.where), f"{nn[1]}{right}({text})")
    return Fix(f"Use `nn.{right}`", (edit,), Safety.UNSAFE)


def _evidence(event: ParameterNotRegistered) -> Evidence:
    if event.how == "computed":
        made = "holder.scale = torch.nn.Parameter(torch.ones(2)) * 0.1"
    elif event.kind == "module":
        layer = "torch.nn.Linear(2, 2)"
        made = f"holder.layers = [{layer}]" if event.how == "list" else f"holder.layers = {{'a': {layer}}}"
    else:
        leaf = "torch.nn.Parameter(torch.ones(2))"
        made = f"holder.weights = [{leaf}]" if event.how == "list" else f"holder.weights = {{'a': {leaf}}}"
    return Evidence(f"holder = Holder()\n{made}", text="list(holder.parameters()) == []", setup=MODULE)


RULE = Rule(
    "GRD311", "parameter-not-registered", Severity.WARNING, (ParameterNotRegistered,),
    (b"Parameter", b"Module", b"nn."), check,
)  # fmt: skip
