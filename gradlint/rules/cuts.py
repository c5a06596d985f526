"""How the rules about silently lost gradients (GRD303, 307, 308, 309) speak of a cut, and what their witnesses show.

A Cut says where the graph ended and how it was proved that something ought to have learnt through it; the rules only
differ in how the graph was cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradlint.analysis.events import Cut, TensorFact
from gradlint.analysis.values import LIKELY_TRUE
from gradlint.findings import Evidence, Finding, Fix, Note
from gradlint.rules.rule import Report, Rule, note
from gradlint.rules.wording import called, line_of, shown, tell

SHOWN = 3
MODULES = ("torch.nn.", "module")
"""How the operations begin whose origin stands for the output of a module."""


def listed(names: Sequence[str], otherwise: str) -> str:
    """Names for a message: `a`, `b` and 2 more."""
    if not names:
        return otherwise
    told = ", ".join(f"`{name}`" for name in names[:SHOWN])
    return told + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def cut_finding(
    rule: Rule, report: Report, event: Cut, how: str, way_out: str, *, because: Sequence[Note] = (),
    fix: Fix | None = None,
) -> Finding:  # fmt: skip
    """The finding of a cut: `how` is what happens at its place, as a clause; `way_out` how to keep the graph."""
    facts, flags = [event.source, event.root], [event.source.rg, event.root.rg]
    if event.proof == "starved" and not event.dedicated:
        be = "is" if len(event.lost) < 2 else "are"
        meant = f"{listed(event.lost, 'what the optimizer holds')} {be} meant to be trained"
        facts, flags = [TensorFact(assumes=meant), *facts], [LIKELY_TRUE, *flags]
    return tell(
        rule, report, event, f"{how}, {_consequence(event, report)}; {way_out}",
        facts=facts, flags=flags, because=[*because, *notes(event, report)], evidence=evidence(event, report), fix=fix,
    )  # fmt: skip


def _consequence(event: Cut, report: Report) -> str:
    where = line_of(report, event.reached, event) if event.reached else ""
    if event.proof == "constant":
        term = called(event.term or TensorFact(), "this term of the loss")
        lost = listed(event.lost, "what it was computed from")
        return f"so {term} is a constant in the loss{where} and gives {lost} no gradient"
    lost, get = listed(event.lost, "what it was computed from"), "get" if len(event.lost) > 1 else "gets"
    if event.proof == "asked":
        return f"so `backward()`{where} stops at the copy and {lost} {get} no gradient"
    held = line_of(report, event.optimizer, event) if event.optimizer else ""
    them = "them" if len(event.lost) > 1 else "it"
    return f"so {lost} {get} no gradient from the loss{where}, nor from any other, although an optimizer{held} holds {them}"


def notes(event: Cut, report: Report) -> list[Note]:
    home = report.path(event.where)
    made = [note(report, place, "the graph is cut here, too", home) for place in event.also]
    if event.reached:
        made.append(note(report, event.reached, "what is computed from it is differentiated here", home))
    if event.optimizer and event.proof == "starved":
        made.append(note(report, event.optimizer, "the optimizer that holds it is built here", home))
    return made


def evidence(event: Cut, report: Report) -> Evidence:
    """A script in which the root is differentiated and nothing arrives before the cut.

    A source that has a graph is asked for its gradient; the output of a module that ran without a graph, or a constant
    term, shows itself that it has none.
    """
    if event.proof == "constant" and event.term:
        root, term = shown(report, event.root.origin, event.term.origin)
        return Evidence("{0}.backward()", (root, term), text="not getattr({1}, 'requires_grad', False)")
    source = event.source.origin
    if event.proof != "constant" and source.requires_grad and not source.op.startswith(MODULES):
        root, lost = shown(report, event.root.origin, source)
        return Evidence(
            "given = torch.autograd.grad({0}.sum(), {1}, allow_unused=True)[0]", (root, lost), text="given is None"
        )
    root, value = shown(report, event.root.origin, event.value.origin)
    return Evidence("{0}.sum().backward()", (root, value), text="not getattr({1}, 'requires_grad', False)")
