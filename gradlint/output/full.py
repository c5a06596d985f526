"""A finding for human eyes: the message, the lines that matter with their reasons, certainty, witness and fix."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from gradlint.findings import Certainty, Finding, Note, Safety, Span, Verdict
from gradlint.output.report import SEVERITY_STYLE, Page, Reported, counted, fix_option, one_line, place

TAB = 4
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What would move the cursor or change the terminal."""
NEAR = 2
"""Lines shown where two labelled ones lie so close that leaving them out saves nothing."""


@dataclass(frozen=True)
class Label:
    """A stretch of one line with what is said of it."""

    line: int
    column: int
    end_column: int
    message: str
    main: bool


def render(run: Reported, page: Page) -> str:
    blocks = [one_finding(finding, page) for finding in run.findings]
    told = f"{counted(len(run.findings), 'finding')} in {counted(run.files, 'file')}."
    for safety in Safety:
        number = sum(f.fix.safety is safety for f in run.findings if f.fix)
        told += f" {number} can be mended by {fix_option(safety)}." if number else ""
    if not run.findings:
        told = f"No findings in {counted(run.files, 'file')}."
    if run.failures:
        told += f" Not analysed: {counted(len(run.failures), 'file')}, named on standard error."
    return "".join(f"{block}\n" for block in blocks) + told + "\n"


def one_finding(finding: Finding, page: Page) -> str:
    """A finding with its frame, as text of several lines."""
    style = SEVERITY_STYLE[finding.severity.value]
    head = f"{page.paint(finding.code, 'bold', style)} {page.paint(finding.name, style)}: {one_line(finding.message)}"
    here = [note for note in finding.because if note.path is None or note.path == finding.path]
    elsewhere = [note for note in finding.because if note not in here]
    rows = [head, *frame(finding.path, _labels(finding, here, page), page)]
    for note in elsewhere:
        rows += frame(note.path or "", [_label(note.span, note.message, False)], page)
    rows += [f"  {page.paint('=', 'blue')} {line}" for line in _closing(finding, page)]
    return "\n".join(rows) + "\n"


def frame(path: str, labels: list[Label], page: Page) -> list[str]:
    """The labelled lines of a file with marks under them."""
    lines = page.lines(path)
    main = next((label for label in labels if label.main), labels[0])
    numbers = _shown({label.line for label in labels if label.line <= len(lines)})
    shown = {number: page.cell(path, number) for number in numbers}
    width = len(str(max((line for _, line in shown.values()), default=0)))
    rows = [f"{' ' * width}{page.paint('-->', 'blue')} {place(path, main.line, main.column, page)}"]
    bar = page.paint("|", "blue")
    last = 0
    for number in numbers:
        if last and shown[last][0] != shown[number][0]:
            rows.append(page.paint(f"{'.' * max(width, 3)} cell {shown[number][0]}", "blue"))
        elif last and number > last + 1:
            rows.append(page.paint("." * max(width, 3), "blue"))
        last = number
        text = CONTROL.sub("?", lines[number - 1])
        rows.append(f"{page.paint(str(shown[number][1]).rjust(width), 'blue')} {bar} {text.expandtabs(TAB)}".rstrip())
        for label in sorted((one for one in labels if one.line == number), key=lambda one: (one.column, not one.main)):
            start = _width(text[: label.column - 1])
            length = max(_width(text[: label.end_column - 1]) - start, 1)
            mark = ("^" if label.main else "-") * length + (f" {label.message}" if label.message else "")
            rows.append(f"{' ' * width} {bar} {' ' * start}{page.paint(mark, 'red' if label.main else 'cyan')}")
    unseen = [label.message for label in labels if label.message and label.line not in numbers]
    rows += [f"  {page.paint('=', 'blue')} {message}" for message in unseen]
    return rows


def _labels(finding: Finding, notes: list[Note], page: Page) -> list[Label]:
    return [_label(finding.span, "", True), *(_label(note.span, note.message, False) for note in notes)]


def _label(span: Span, message: str, main: bool) -> Label:
    # What spans several lines is marked from its start to the end of its first line.
    end = span.end_column if span.end_line == span.line else 10_000
    return Label(span.line, span.column, end, one_line(message), main)


def _shown(labelled: set[int]) -> list[int]:
    """The labelled lines, and those between two that lie close together."""
    numbers: list[int] = []
    for line in sorted(labelled):
        if numbers and line - numbers[-1] <= NEAR:
            numbers += range(numbers[-1] + 1, line)
        numbers.append(line)
    return numbers


def _closing(finding: Finding, page: Page) -> list[str]:
    certain = "certain" if finding.certainty is Certainty.CERTAIN else "likely: it rests on an assumption"
    rows = [f"{finding.severity.value}, {certain}"]
    witness = finding.witness
    if witness is not None:
        style = {Verdict.CONFIRMED: "green", Verdict.UNCONFIRMED: "dim", Verdict.REFUTED: "red"}[witness.verdict]
        reason = f": {one_line(witness.reason)}" if witness.reason else ""
        by = " by running a witness" if witness.verdict is Verdict.CONFIRMED else ""
        rows.append(f"{page.paint(witness.verdict.value, style)}{by}{reason}")
    if finding.fix:
        rows.append(f"fix: {one_line(finding.fix.message)} ({fix_option(finding.fix.safety)})")
    return rows


def _width(text: str) -> int:
    """Columns that a text takes on a terminal, tabs expanded."""
    return sum(_columns(character) for character in text.expandtabs(TAB))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
