"""A term of the loss is computed by an operation without derivative: it is a constant, whatever the network does.

`argmax`, comparisons and casts to integers end the graph. Where nothing else is left of it `backward()` raises.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import NonDifferentiable
from gradlint.findings import Finding, Severity
from gradlint.rules.cuts import cut_finding
from gradlint.rules.rule import Report, Rule

WAYS_OUT = {
    "argmax": "use the scores or a softmax over them",
    "argmin": "use the scores or a softmax over them",
    "argsort": "use the sorted values",
    "long": "keep the floating values",
    "int": "keep the floating values",
    "bool": "keep the floating values",
}


def check(event: NonDifferentiable, report: Report) -> Iterator[Finding]:
    name = event.op.rpartition(".")[2]
    way_out = WAYS_OUT.get(name, "use a smooth stand-in (a sigmoid, a margin)")
    yield cut_finding(RULE, report, event, f"`{name}` has no derivative", way_out)


RULE = Rule(
    "GRD309", "nondifferentiable-op", Severity.WARNING, (NonDifferentiable,),
    (b"backward", b"autograd", b"loss", b"forward"), check,
)  # fmt: skip
