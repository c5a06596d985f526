"""`gradlint explain FILE:LINE`: why the finding there stands, and the program that shows it."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable

from gradlint import pipeline
from gradlint.cli.session import Session, failures_of
from gradlint.cli.terminal import complain, print_failures
from gradlint.findings import Finding, Prediction
from gradlint.output.concise import render_predictions
from gradlint.output.full import one_finding
from gradlint.output.report import Page, Reported

PLACE = re.compile(r"(?P<path>.+?)(?::cell (?P<cell>\d+))?:(?P<line>\d+)(?::\d+)?:?")


def place_of(text: str) -> tuple[str, int, int] | None:
    """The file, the cell (0: none) and the line of `FILE:LINE`, `FILE:LINE:COLUMN` or `FILE:cell 3:LINE`."""
    found = PLACE.fullmatch(text)
    return (found["path"], int(found["cell"] or 0), int(found["line"])) if found else None


def run(options: argparse.Namespace, session: Session) -> int:
    """Exit status 0 where something is said, 1 where nothing is known of the line, 2 where the work cannot be done.

    The first file of the session is the one that is asked about; the others may lead to it.
    """
    session.verify()
    place = place_of(options.place)
    assert place is not None
    cell, line = place[1:]
    if cell:
        line = session.line(place[0], cell, line)
    page = session.page(options.color, sys.stdout)
    results = session.map(pipeline.check_bytes, options.jobs)
    failures = failures_of(session, results)
    home = session.shown(place[0])
    there = [f for f in session.findings(results) if f.path == home and f.span.line <= line <= _last(f)]
    for finding in pipeline.confirm(there, options.engine) if options.witness else there:
        sys.stdout.write(_explained(finding, page))
    predictions = [] if there else list(_predicted(session, home, line))
    if predictions:
        print(f"No finding on line {place[2]} of {home}. What is known of the names bound there:")
        sys.stdout.write(render_predictions(Reported(predictions=tuple(predictions)), page))
    sys.stdout.flush()
    print_failures(failures, page)
    if failures:
        return 2
    if not there and not predictions:
        complain(
            f"{options.place}: no finding here, and no name is bound to a tensor; if others lead to it, name them too"
        )
        return 1
    return 0


def _last(finding: Finding) -> int:
    """A finding on something of many lines is asked for by its first ones."""
    return max(finding.span.line, finding.span.end_line - (finding.span.end_column == 1))


def _predicted(session: Session, path: str, line: int) -> Iterable[Prediction]:
    try:
        source = session.source(path)
    except OSError:  # the session has told it
        return ()
    result = pipeline.predict_bytes(path, source, session.settings(path))
    return (one for one in result.predictions if one.line == line)


def _explained(finding: Finding, page: Page) -> str:
    text = one_finding(finding, page)
    script = finding.witness.script if finding.witness else ""
    if script:
        told = "Witness: this program runs unchanged on the engine (`gradlint run`) and on PyTorch."
        text += f"\n{page.paint(told, 'bold')}\n\n{script.rstrip()}\n"
    return text + "\n"
