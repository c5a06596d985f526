"""1b. Predictions are as marked; unknown where a definite answer stands is a failure too."""

import pytest

from .claims import Block
from .judges import Analyser
from .rewrite import Probes, Question

pytestmark = pytest.mark.analyser

ANSWERS = {"True": True, "on": True, "False": False, "off": False, "unknown": None}


def complaints(analyser: Analyser, block: Block) -> list[str]:
    source, questions = Probes(block).text()
    if not questions:
        return []
    answers: dict[tuple[int, str, str], set[bool | None]] = {}
    for prediction in analyser.predictions(source, block.options):
        for field in ("requires_grad", "grad_mode", "inference_mode"):
            key = (prediction.line, prediction.name, field)
            answers.setdefault(key, set()).add(getattr(prediction, field))
    outcomes = [(question, _verdict(question, answers)) for question in questions]
    return _told(block, outcomes)


def _verdict(question: Question, answers: dict[tuple[int, str, str], set[bool | None]]) -> str:
    """`right`, `missed` (unknown, though the mark is definite) or `wrong`."""
    wanted = ANSWERS[question.mark.value]
    seen: set[bool | None] = set()
    for line in question.lines:
        seen |= answers.get((line, question.name, question.field), set())
    # No prediction at all says as much as unknown does.
    seen = seen or {None}
    if seen == {wanted}:
        return "right"
    return "missed" if seen <= {wanted, None} else "wrong"


def _told(block: Block, outcomes: list[tuple[Question, str]]) -> list[str]:
    """The verdicts that no known-error mark excuses, and the known errors that are cured."""
    told = []
    known = {(mark.line, mark.value): mark.kind for mark in block.of("missed", "wrong") if "GRD" not in mark.value}
    for question, verdict in outcomes:
        if verdict not in ("right", known.get((question.mark.line, question.field), "right")):
            told.append(f"{block.place(question.mark.line)}: {question.mark.text!r} of {question.name} is {verdict}")
    for (line, field), kind in known.items():
        if not any((q.mark.line, q.field, verdict) == (line, field, kind) for q, verdict in outcomes):
            told.append(f"{block.place(line)}: {kind}: {field} is no longer so, take the mark away")
    return told


def test_predictions_are_as_marked(block: Block, analyser: Analyser) -> None:
    told = complaints(analyser, block)
    assert not told, "\n".join(told)
