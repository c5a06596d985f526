"""The rules, ordered by code, and what they make of the events of a file.

In: a report of the analysis and the codes that are asked for. Out: findings, one a mistake, in the order of the source.
"""

from __future__ import annotations

from functools import cache

from gradlint.analysis.events import Event, TensorFact
from gradlint.findings import Certainty, Finding, Origin, Span
from gradlint.rules import (
    backward_through_freed_graph,
    backward_without_graph,
    checkpoint_inputs_without_grad,
    context_class_not_called,
    decorator_over_descriptor,
    deepcopy_nonleaf,
    grad_input_outside_graph,
    grad_without_graph,
    hook_needs_grad,
    inference_tensor_inplace,
    inference_tensor_requires_grad,
    inference_tensor_saved,
    inplace_on_leaf,
    missing_create_graph,
    non_scalar_backward,
    numpy_on_grad_tensor,
    optimising_nonleaf,
    requires_grad_on_integer,
    requires_grad_on_nonleaf,
    saved_tensor_modified,
    serialize_nonleaf,
    view_no_grad_inplace,
)
from gradlint.rules.pileup import Line, Sighting, settle
from gradlint.rules.rule import Report, Rule

RULES: tuple[Rule, ...] = (
    backward_without_graph.RULE,
    grad_without_graph.RULE,
    grad_input_outside_graph.RULE,
    backward_through_freed_graph.RULE,
    missing_create_graph.RULE,
    saved_tensor_modified.RULE,
    non_scalar_backward.RULE,
    inplace_on_leaf.RULE,
    requires_grad_on_nonleaf.RULE,
    requires_grad_on_integer.RULE,
    hook_needs_grad.RULE,
    numpy_on_grad_tensor.RULE,
    deepcopy_nonleaf.RULE,
    serialize_nonleaf.RULE,
    optimising_nonleaf.RULE,
    view_no_grad_inplace.RULE,
    inference_tensor_saved.RULE,
    inference_tensor_inplace.RULE,
    inference_tensor_requires_grad.RULE,
    context_class_not_called.RULE,
    decorator_over_descriptor.RULE,
    checkpoint_inputs_without_grad.RULE,
)  # fmt: skip

_Key = tuple[str, Span, str]


@cache
def _by_code() -> dict[str, Rule]:
    return {rule.code: rule for rule in RULES}


def by_code(code: str) -> Rule:
    """The rule of a code. KeyError where there is none."""
    return _by_code()[code]


def findings_of(report: Report, codes: frozenset[str]) -> tuple[Finding, ...]:
    """What the rules of these codes find in the events of a report."""
    rules: dict[type[Event], list[Rule]] = {}
    for rule in RULES:
        if rule.code in codes:
            for kind in rule.events:
                rules.setdefault(kind, []).append(rule)
    seen: dict[_Key, list[tuple[Finding, Event]]] = {}
    for event, _ in dict.fromkeys((event, event.path) for event in report.events):
        for rule in rules.get(type(event), ()):
            for finding in rule.check(event, report):
                seen.setdefault((finding.path, finding.span, finding.code), []).append((finding, event))
    sightings = [_sighting(report, found) for found in seen.values()]
    sightings.sort(key=lambda s: _order(s.finding))
    return settle(sightings)


def _sighting(report: Report, found: list[tuple[Finding, Event]]) -> Sighting:
    """One finding for one place and code: the most certain, then the one that explains most."""
    best = min((finding for finding, _ in found), key=_rank)
    events = [event for _, event in found]
    chains = frozenset(
        tuple((report.path(place), report.span(place)) for place in (*event.path, event.where)) for event in events
    )
    return Sighting(best, chains, frozenset(line for event in events for line in _origins(report, event)))


def _origins(report: Report, event: Event) -> set[Line]:
    """The lines on which the value that an event speaks of was computed."""
    fact = getattr(event, "root", None) or getattr(event, "target", None)
    if not isinstance(fact, TensorFact):
        return set()
    home = report.path(event.where)
    found: set[Line] = set()
    waiting = [report.origin(fact.origin)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Origin):
            found.add((part.path or home, part.line))
            waiting += [*part.args, *(value for _, value in part.kwargs)]
        elif isinstance(part, (list, tuple)):
            waiting += part
    return found


def _rank(finding: Finding) -> tuple[bool, bool, int, str]:
    return finding.certainty is not Certainty.CERTAIN, finding.evidence is None, -len(finding.because), finding.message


def _order(finding: Finding) -> tuple[str, Span, str]:
    return finding.path, finding.span, finding.code
