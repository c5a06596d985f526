"""One mistake gives one finding, and two mistakes give two."""

from __future__ import annotations

from gradlint.findings import Finding, Note, Severity, Span
from gradlint.rules.pileup import Line, Sighting, settle

HOME = "train.py"


def at(line: int, column: int = 1, width: int = 10) -> Span:
    return Span(line, column, line, column + width)


def seen(
    code: str, line: int, *causes: int, calls: tuple[int, ...] = (), origins: tuple[int, ...] = (), entry: int = 0,
) -> Sighting:  # fmt: skip
    """A finding at a line, whose notes name the lines `causes`, reached from a function through calls at the lines `calls`."""
    notes = tuple(Note("a cause", at(cause)) for cause in causes) + tuple(
        Note("called from here", at(c)) for c in calls
    )
    found = Finding(code, code.lower(), HOME, at(line), f"{code} at {line}", Severity.ERROR, because=notes)
    places = tuple((HOME, at(place)) for place in (*calls, line))
    lines: frozenset[Line] = frozenset((HOME, origin) for origin in origins)
    return Sighting(found, frozenset({(entry, places)}), lines)


def kept(*sightings: Sighting) -> list[tuple[str, int]]:
    return [(finding.code, finding.span.line) for finding in settle(sightings)]


def test_backward_on_a_loss_of_a_leaked_mode_is_told_with_the_leak() -> None:
    (leak,) = settle([seen("GRD210", 3), seen("GRD101", 20, 3)])
    assert leak.code == "GRD210"
    assert [(n.span.line, n.message) for n in leak.because] == [(20, "what follows: GRD101 at 20")]


def test_a_yield_and_what_fails_in_its_consumer_share_the_block() -> None:
    assert kept(seen("GRD206", 5, 4), seen("GRD101", 12, 4)) == [("GRD206", 5)]


def test_what_a_reentered_object_leaves_behind_is_told_with_it() -> None:
    again = Sighting(seen("GRD211", 8, 3).finding, modes=frozenset({(HOME, 12)}))
    assert kept(again, seen("GRD101", 20, 12)) == [("GRD211", 8)]
    assert kept(again, seen("GRD101", 20, 13)) == [("GRD211", 8), ("GRD101", 20)]


def test_different_causes_stay_apart() -> None:
    assert kept(seen("GRD210", 3), seen("GRD101", 20, 9)) == [("GRD210", 3), ("GRD101", 20)]


def test_calls_that_both_share_are_no_cause() -> None:
    both = [("GRD210", 3), ("GRD101", 20)]
    assert kept(seen("GRD210", 3, calls=(50,)), seen("GRD101", 20, 9, calls=(50,))) == both


def test_the_closure_that_fails_is_explained_by_the_step_that_calls_it() -> None:
    assert kept(seen("GRD214", 7), seen("GRD101", 20, 2, calls=(30, 7))) == [("GRD214", 7)]


def test_two_closures_in_one_block_are_one_mistake() -> None:
    assert kept(seen("GRD214", 7, 2), seen("GRD214", 9, 2)) == [("GRD214", 7)]
    assert kept(seen("GRD214", 7, 2), seen("GRD214", 9, 8)) == [("GRD214", 7), ("GRD214", 9)]
    assert len(kept(seen("GRD214", 7, 2), seen("GRD214", 30, 2, calls=(8,)))) == 2


def test_what_an_evaluation_with_gradients_keeps_is_told_with_it() -> None:
    assert kept(seen("GRD401", 5), seen("GRD402", 6)) == [("GRD401", 5)]
    assert kept(seen("GRD401", 5, calls=(50,)), seen("GRD402", 60)) == [("GRD401", 5), ("GRD402", 60)]


def test_two_backwards_of_one_cause_are_two_findings() -> None:
    assert kept(seen("GRD101", 10, 4), seen("GRD101", 20, 4)) == [("GRD101", 10), ("GRD101", 20)]


def test_the_hook_that_raises_first_stands_for_the_backward_behind_it() -> None:
    assert kept(seen("GRD101", 11, 4), seen("GRD114", 9, 4)) == [("GRD114", 9)]


def test_what_raises_in_a_deeper_call_comes_first_too() -> None:
    assert kept(seen("GRD101", 11, 4), seen("GRD114", 30, 4, calls=(10,))) == [("GRD114", 30)]
    assert kept(seen("GRD101", 11, 4, calls=(50,)), seen("GRD114", 30, 4, calls=(60,))) == [("GRD101", 11)]


def test_two_functions_that_nothing_calls_are_two_runs() -> None:
    assert kept(seen("GRD114", 9, 4, entry=1), seen("GRD101", 20, 4, entry=2)) == [("GRD114", 9), ("GRD101", 20)]
    assert kept(seen("GRD114", 9, 4, entry=1), seen("GRD101", 20, 4, entry=1)) == [("GRD114", 9)]


def test_an_argument_is_passed_before_the_call_around_it() -> None:
    inner = Sighting(seen("GRD121", 8, 4).finding, frozenset({(0, ((HOME, Span(8, 20, 8, 30)),))}))
    outer = Sighting(seen("GRD101", 8, 4).finding, frozenset({(0, ((HOME, Span(8, 5, 8, 40)),))}))
    assert kept(outer, inner) == [("GRD121", 8)]


def test_a_value_that_another_finding_made_is_explained_by_it() -> None:
    assert kept(seen("GRD133", 6), seen("GRD101", 9, origins=(8, 6))) == [("GRD133", 6)]
    assert kept(seen("GRD133", 6), seen("GRD101", 9, origins=(8,))) == [("GRD133", 6), ("GRD101", 9)]


def test_at_one_place_the_more_telling_one_wins() -> None:
    assert kept(seen("GRD101", 9), seen("GRD105", 9)) == [("GRD105", 9)]
    assert kept(seen("GRD101", 9), seen("GRD105", 10)) == [("GRD101", 9), ("GRD105", 10)]


def test_what_raises_goes_before_what_is_lost_silently() -> None:
    assert kept(seen("GRD307", 5, 4), seen("GRD101", 9, 4)) == [("GRD101", 9)]


def test_a_chain_of_reasons_ends_in_one_finding_with_all_of_them() -> None:
    (leak,) = settle([seen("GRD210", 3), seen("GRD101", 20, 3), seen("GRD307", 15, 3)])
    assert leak.code == "GRD210"
    assert [n.span.line for n in leak.because] == [20, 15]


def test_two_that_would_explain_each_other_leave_one() -> None:
    assert len(settle([seen("GRD302", 9, 4), seen("GRD101", 9, 4)])) == 1
