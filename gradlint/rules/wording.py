"""What several rules need to turn the facts of an event into words, notes and evidence.

A message is one line: what is wrong, why (with its line), what follows, and the way out. Where it rests on an
assumption, the assumption stands behind it in brackets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

from gradlint.analysis.events import Event, Place, TensorFact
from gradlint.analysis.values import Truth
from gradlint.findings import Evidence, Finding, Fix, Note, Origin
from gradlint.rules.rule import Report, Rule, note

CALLS_SHOWN = 3
LONGEST_TEST = 60
ALSO = " (assuming that "

WAYS_OUT = {
    "mode": "move the forward pass out of it",
    "inference": "compute it outside of inference mode, where `enable_grad()` has no effect",
    "function": "wrap the computation in `torch.enable_grad()`",
    "detach": "use the tensor from before the detach",
    "data": "use the tensor itself instead of its `.data`",
    "copy": "use `torch.stack`, `torch.cat` or arithmetic, which keep the graph",
    "item": "keep the tensor, and take the number for printing only",
    "numpy": "stay with torch operations on the way",
    "op": "use a differentiable operation on the way",
    "frozen": "unfreeze what is to be trained",
    "checkpoint": "give the checkpoint `use_reentrant=False`",
    "input": "compute it from parameters or from tensors that require grad",
}
"""By `TensorFact.cause_kind`: how a value gets its graph back."""


def called(fact: TensorFact, otherwise: str = "this value") -> str:
    """How a message speaks of a tensor."""
    return f"`{fact.name}`" if fact.name else otherwise


def quoted(source: str, otherwise: str) -> str:
    """Source text as a message shows it."""
    return f"`{source}`" if source and "`" not in source else source or otherwise


def line_of(report: Report, place: Place, event: Event) -> str:
    """` (line 12)`, with the file where it is another one; "" where it is the line of the finding itself."""
    path, home = report.path(place), report.path(event.where)
    line = report.line(place)
    if path != home:
        return f" (line {line} of {PurePath(path).name})"
    return f" (line {line})" if line != report.line(event.where) else ""


def why(report: Report, event: Event, fact: TensorFact) -> str:
    """`: it was computed under `torch.no_grad()` (line 12)`, or "" where nothing is known of the cause."""
    if not fact.cause:
        return ""
    return f": {fact.cause}" + (line_of(report, fact.cause_place, event) if fact.cause_place else "")


def way_out(fact: TensorFact) -> str:
    """How a value without graph gets one."""
    return WAYS_OUT.get(fact.cause_kind, "compute it with gradients on, from something that requires grad")


def cause_notes(report: Report, event: Event, fact: TensorFact) -> list[Note]:
    """Where the value lost its graph, and where it was computed."""
    home = report.path(event.where)
    notes = []
    if fact.cause_place:
        notes.append(note(report, fact.cause_place, fact.cause or "it comes from here", home))
    if fact.made and fact.made not in (fact.cause_place, event.where):
        notes.append(note(report, fact.made, f"{called(fact, 'the value')} is computed here", home))
    return notes


def made_line(report: Report, event: Event, fact: TensorFact) -> str:
    """The line where a tensor was computed, as `line_of` gives it."""
    return line_of(report, fact.made, event) if fact.made else ""


def made_note(report: Report, event: Event, fact: TensorFact) -> list[Note]:
    """Where a tensor was computed, if that is another line."""
    if fact.made is None or not line_of(report, fact.made, event):
        return []
    return [note(report, fact.made, f"{called(fact, 'it')} is computed here", report.path(event.where))]


def call_notes(report: Report, event: Event) -> list[Note]:
    """The last calls on the way to the event, outermost first."""
    home = report.path(event.where)
    return [note(report, place, "called from here", home) for place in event.path[-CALLS_SHOWN:]]


def outcome(report: Report, test: Place, held: bool, finding: Finding) -> str:
    """How a test must have ended, for a message: "`phase` (line 3) is false"."""
    text = " ".join(report.text(test).split())
    source = quoted(text, "the test") if len(text) <= LONGEST_TEST else "the test"
    path, line = report.path(test), report.line(test)
    where = f" (line {line} of {PurePath(path).name})" if path != finding.path else f" (line {line})"
    return f"{source}{where} is {'true' if held else 'false'}"


def assumption(event: Event, facts: Iterable[TensorFact], flags: Iterable[Truth]) -> str:
    """What a likely finding rests on, as a clause."""
    for fact in facts:
        if fact.assumes:
            return fact.assumes
    if event.one_of:
        return "it holds this one of several values"
    for flag in flags:
        if flag.assumed:
            return (
                "its parameters are trainable" if flag.value else "code that is not in view does not turn gradients on"
            )
    return "this line is reached"


def tell(
    rule: Rule, report: Report, event: Event, message: str, *, facts: Iterable[TensorFact] = (),
    flags: Iterable[Truth] = (), because: Iterable[Note] = (), evidence: Evidence | None = None, fix: Fix | None = None,
) -> Finding:  # fmt: skip
    """A finding at the event's place. It is likely where one of the `flags` that it rests on is assumed."""
    flags = tuple(flags)
    likely = event.likely or any(flag.assumed for flag in flags)
    if likely:
        message += f"{ALSO}{assumption(event, facts, flags)})"
    notes = dict.fromkeys([*because, *call_notes(report, event)])
    return rule.found(report, event.where, message, likely=likely, because=notes, evidence=evidence, fix=fix)


def shown(report: Report, *origins: Origin) -> tuple[Origin, ...]:
    """Origins as subjects of evidence; what they share stays shared."""
    return report.origin(Origin("python", origins)).args


def ancestors(origin: Origin) -> Iterator[Origin]:
    """An origin and all that it was made from, nearest first."""
    waiting: deque[Any] = deque([origin])
    while waiting:
        part = waiting.popleft()
        if isinstance(part, Origin):
            yield part
            waiting.extend([*part.args, *(value for _, value in part.kwargs)])
        elif isinstance(part, (list, tuple)):
            waiting.extend(part)


def modes(event: Event) -> tuple[str, ...]:
    """The modes in force at the event, as evidence wants them."""
    return tuple(text for text, _ in event.mode.stack)
