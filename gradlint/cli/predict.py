"""`gradlint predict`: files in, what each name bound to a tensor holds out."""

from __future__ import annotations

import argparse
import sys

from gradlint import pipeline
from gradlint.cli.session import Session, failures_of
from gradlint.cli.terminal import complain, print_failures
from gradlint.output.report import Reported
from gradlint.output.table import predictions_format


def run(options: argparse.Namespace, session: Session) -> int:
    """Exit status 0, or 2 where a file could not be analysed."""
    if not session.files and not session.failures:
        complain("no Python files found")
    results = session.map(pipeline.view_bytes, options.jobs)
    failures = failures_of(session, results)
    made = pipeline.predictions_of(results)
    page = session.page(options.color, sys.stdout)
    run = Reported(predictions=made, failures=failures, files=len(session.files))
    sys.stdout.write(predictions_format(options.output_format or "concise")(run, page))
    sys.stdout.flush()
    print_failures(failures, page)
    return 2 if failures else 0
