"""A value on its way to a loss is copied out of its graph: the copy is a constant, and what made it never learns.

`torch.tensor` of tensors, numbers taken with `.item()`, `.data`, a way through numpy, a new `nn.Parameter` of a
computed value. Copies that only show, weigh or bound something are no cut: the event says what ought to have learnt.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import NumberBackward, Rewrapped
from gradlint.findings import Edit, Evidence, Finding, Fix, Safety, Severity
from gradlint.rules.cuts import cut_finding
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.snippets import arguments, callee
from gradlint.rules.wording import line_of, shown, tell

TOKENS = (
    b"tensor", b"Tensor", b"item", b"float", b"tolist", b"data", b"numpy", b"np.", b"Parameter", b"Variable",
    b"asarray",
)  # fmt: skip
STACK = "keep the graph with `torch.stack` or `torch.cat`"
NUMBERS = {".item()": "{0}.sum().item()", ".tolist()": "{0}.sum().tolist()", "float()": "float({0}.sum())"}
"""How a number is taken out of a graph, and how a witness does it."""


def check(event: Rewrapped | NumberBackward, report: Report) -> Iterator[Finding]:
    if isinstance(event, NumberBackward):
        yield _of_number(event, report)
        return
    yield cut_finding(RULE, report, event, _how(event), _way_out(event), fix=_fix(event, report))


def _how(event: Rewrapped) -> str:
    if event.how == ".data":
        return "`.data` leaves the graph"
    if event.how in NUMBERS:
        return f"`{event.how}` takes numbers out of the graph"
    if event.how == "nn.Parameter":
        return "`nn.Parameter` makes a new leaf of the value and leaves its graph behind"
    if event.how == ".numpy()":
        return "the way through numpy leaves the graph behind"
    return f"`{event.how}` copies the values and leaves their graph behind"


def _way_out(event: Rewrapped) -> str:
    if event.how == ".data":
        return "use the tensor itself"
    if event.how in NUMBERS:
        return "use the tensor, and take the number for printing only"
    if event.how == "nn.Parameter":
        return "use the computed value as it is"
    if event.how == ".numpy()":
        return "stay with torch operations on the way to the loss"
    return STACK if event.how != "Variable" else "use the tensor itself"


def _of_number(event: NumberBackward, report: Report) -> Finding:
    name = f"`{event.name}`" if event.name else "this"
    cut = event.cut
    line = line_of(report, cut, event) if cut else ""
    taken = f"`{event.how}` takes a number out of the graph here"
    because = [note(report, cut, taken, report.path(event.where))] if cut else []
    action = NUMBERS.get(event.how, NUMBERS[".item()"])
    return tell(
        RULE, report, event,
        f"{name} is a Python number, since `{event.how}`{line} left the graph, so `.backward()` raises AttributeError; "
        "add up the tensors, and take the number for printing only",
        facts=[event.source], flags=[event.source.rg], because=because,
        evidence=Evidence(
            f"{action}.backward()", shown(report, event.source.origin), raises="AttributeError",
            text="object has no attribute 'backward'",
        ),
    )  # fmt: skip


def _fix(event: Rewrapped, report: Report) -> Fix | None:
    """`torch.tensor([a, b])` becomes `torch.stack([a, b])`; the shapes have to fit, so this is a guess."""
    text = report.text(event.where)
    name, given = callee(text), arguments(text)
    if not name.endswith(".tensor") or not given or not given[0].startswith("["):
        return None
    if [part for part in given[1:] if part.replace(" ", "") != "requires_grad=True"]:
        return None
    made = f"{name.removesuffix('tensor')}stack({given[0]})"
    return Fix("Stack the tensors, which keeps their graph", (Edit(report.span(event.where), made),), Safety.UNSAFE)


RULE = Rule(
    "GRD303", "graph-cut-by-rewrap", Severity.WARNING, (Rewrapped, NumberBackward), TOKENS, check,
)  # fmt: skip
