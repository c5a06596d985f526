"""The rules, ordered by code, and what they make of the events of a file.

In: a report of the analysis and the codes that are asked for. Out: findings, one a mistake, in the order of the source.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from gradlint.analysis.events import Event, Place, TensorFact
from gradlint.findings import Certainty, Finding, Span
from gradlint.rules import (
    autocast_cache,
    backward_through_freed_graph,
    backward_without_graph,
    checkpoint_inputs_without_grad,
    closure_under_no_grad,
    context_class_not_called,
    context_covers_nothing,
    context_instance_reentered,
    context_not_entered,
    data_attribute,
    data_edit_bypasses_check,
    decorator_on_async,
    decorator_on_class,
    decorator_on_contextmanager,
    decorator_over_descriptor,
    deepcopy_nonleaf,
    enable_grad_in_inference_mode,
    eval_without_no_grad,
    forward_ad_ignores_no_grad,
    freeze_has_no_effect,
    grad_input_outside_graph,
    grad_mode_across_await,
    grad_mode_across_yield,
    grad_mode_leak,
    grad_of_nonleaf,
    grad_without_graph,
    graph_cut_by_detach,
    graph_cut_by_rewrap,
    hook_needs_grad,
    inference_mode_false_enables_grad,
    inference_tensor_inplace,
    inference_tensor_requires_grad,
    inference_tensor_saved,
    inplace_on_leaf,
    lazy_under_mode,
    loss_accumulation_keeps_graph,
    missing_create_graph,
    mode_not_inherited_by_thread,
    no_grad_could_be_inference_mode,
    non_scalar_backward,
    nondifferentiable_op,
    numpy_on_grad_tensor,
    optimising_nonleaf,
    optimizer_holds_old_parameters,
    parameter_not_registered,
    parameter_rebound,
    redundant_mode,
    releaf_hides_missing_graph,
    requires_grad_on_integer,
    requires_grad_on_nonleaf,
    requires_grad_too_late,
    saved_tensor_modified,
    serialize_nonleaf,
    set_grad_enabled_decorator_leak,
    step_without_gradients,
    target_not_detached,
    trained_module_under_no_grad,
    view_no_grad_inplace,
)
from gradlint.rules.pileup import Line, Sighting, settle
from gradlint.rules.rule import Report, Rule
from gradlint.rules.wording import ALSO, ancestors, outcome

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
    context_not_entered.RULE,
    enable_grad_in_inference_mode.RULE,
    decorator_on_async.RULE,
    decorator_on_class.RULE,
    decorator_on_contextmanager.RULE,
    grad_mode_across_yield.RULE,
    grad_mode_across_await.RULE,
    mode_not_inherited_by_thread.RULE,
    lazy_under_mode.RULE,
    grad_mode_leak.RULE,
    context_instance_reentered.RULE,
    set_grad_enabled_decorator_leak.RULE,
    inference_mode_false_enables_grad.RULE,
    closure_under_no_grad.RULE,
    context_covers_nothing.RULE,
    forward_ad_ignores_no_grad.RULE,
    autocast_cache.RULE,
    parameter_rebound.RULE,
    releaf_hides_missing_graph.RULE,
    graph_cut_by_rewrap.RULE,
    freeze_has_no_effect.RULE,
    data_edit_bypasses_check.RULE,
    grad_of_nonleaf.RULE,
    trained_module_under_no_grad.RULE,
    graph_cut_by_detach.RULE,
    nondifferentiable_op.RULE,
    requires_grad_too_late.RULE,
    parameter_not_registered.RULE,
    optimizer_holds_old_parameters.RULE,
    step_without_gradients.RULE,
    eval_without_no_grad.RULE,
    loss_accumulation_keeps_graph.RULE,
    redundant_mode.RULE,
    data_attribute.RULE,
    no_grad_could_be_inference_mode.RULE,
    target_not_detached.RULE,
)  # fmt: skip

WAYS = 32
"""How many of the ways to one finding are looked at when findings are held against each other."""

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
    # Calls in a chain begin at one place: `e.mul_(a).add_(b)` makes one mistake.
    first: dict[tuple[str, int, int, str, str], Sighting] = {}
    for sighting in sightings:
        first.setdefault(_start(sighting.finding), sighting)
    return settle(list(first.values()))


TESTS_SHOWN = 2


def _start(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.path, finding.span.line, finding.span.column, finding.code, finding.message


def _sighting(report: Report, found: list[tuple[Finding, Event]]) -> Sighting:
    """One finding for one place and code: the most certain, then the one that explains most."""
    best = min((finding for finding, _ in found), key=_rank)  # the first of those that explain equally much
    events = [event for _, event in found[:WAYS]]
    ways = frozenset((event.entry, _places(report, event)) for event in events)
    origins = frozenset(line for event in events for line in _origins(report, event))
    modes = frozenset((report.path(p), report.line(p)) for event in events for _, p in event.mode.stack if p.at)
    if when := _when(report, best, [event for _, event in found]):
        plain, also, rest = best.message.partition(ALSO)
        best = replace(best, message=f"{plain} ({when}, {also[2:]}{rest}" if also else f"{plain} ({when})")
    return Sighting(best, ways, origins, modes)


def _when(report: Report, finding: Finding, events: list[Event]) -> str:
    """The outcomes of tests without which none of the events happens: "when `phase` is false (line 3)"."""
    first = events[0].when
    common = [pair for pair in first if all(pair in event.when for event in events)]
    told = dict.fromkeys(outcome(report, place, held, finding) for place, held in common)
    return f"when {' and '.join(list(told)[:TESTS_SHOWN])}" if told else ""


def _places(report: Report, event: Event) -> tuple[tuple[str, Span], ...]:
    return tuple((report.path(place), report.span(place)) for place in (*event.path, event.where))


def _origins(report: Report, event: Event) -> set[Line]:
    """The lines on which the value that an event speaks of was computed."""
    fact = getattr(event, "root", None) or getattr(event, "target", None)
    if not isinstance(fact, TensorFact):
        return set()
    main = report.path(Place(0, 0))
    return {(part.path or main, part.line) for part in ancestors(report.origin(fact.origin))}


def _rank(finding: Finding) -> tuple[bool, bool, int]:
    return finding.certainty is not Certainty.CERTAIN, finding.evidence is None, -len(finding.because)


def _order(finding: Finding) -> tuple[str, Span, str]:
    return finding.path, finding.span, finding.code
