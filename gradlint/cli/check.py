"""`gradlint check`: files in, findings out, fixes applied where asked for."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from gradlint import pipeline
from gradlint.cli.adopt import add_ignores, new_ones, unused_ignores, write_baseline
from gradlint.cli.session import Session, failures_of
from gradlint.cli.terminal import complain, default_format, print_failures, write_text
from gradlint.findings import Failure, FileResult, Finding, Fix, Span
from gradlint.output.report import Reported, counted
from gradlint.output.table import findings_format

MAX_ROUNDS = pipeline.MAX_ROUNDS
UNUSED = pipeline.UNUSED_IGNORE


def run(options: argparse.Namespace, session: Session) -> int:
    """Exit status 0: clean, 1: findings, 2: not all of the work could be done."""
    started = time.monotonic()
    wrong = _contradiction(options)
    if wrong:
        complain(wrong)
        return 2
    session.verify()
    if not session.files and not session.failures:
        complain("no Python files found")
    given = dict(session.overlay)
    checked = _checked(options, session)
    failures = list(failures_of(session, checked.results))
    if options.add_ignores or options.write_baseline:
        return _adopted(options, session, checked, failures)
    if options.fix or options.diff:
        checked, failures = _fixed(options, session, checked, failures)
    if options.diff:
        return _show_diff(options, session, given, failures)
    stream = sys.stdout
    if options.fix and session.stdin:  # the mended source takes the place of what was read
        sys.stdout.buffer.write(session.overlay[session.stdin])
        sys.stdout.flush()
        stream = sys.stderr
    _print(options, session, Reported(checked.findings, tuple(failures), files=len(session.files)), stream)
    if options.verbose:
        _tell(session, checked, time.monotonic() - started)
    return 2 if failures else 1 if checked.findings and not options.exit_zero else 0


def _contradiction(options: argparse.Namespace) -> str:
    """What is wrong with the options together, "" where that is nothing."""
    writes = "--add-ignores" if options.add_ignores else "--write-baseline" if options.write_baseline else ""
    changes = "--fix" if options.fix else "--diff" if options.diff else ""
    if writes and changes:
        return f"{writes} and {changes} do not go together: one run, one change of the files"
    if options.reason and not options.add_ignores:
        return "--reason says why --add-ignores adds a comment, and without that it says nothing"
    return ""


@dataclass(frozen=True)
class Checked:
    """What one round over the files has shown. known, gone: of the baseline."""

    results: list[FileResult]
    findings: tuple[Finding, ...]
    known: int = 0
    gone: int = 0


def _checked(options: argparse.Namespace, session: Session) -> Checked:
    results = session.map(pipeline.check_bytes, options.jobs)
    findings, known, gone = session.findings(results), 0, 0
    if not options.write_baseline:
        findings, known, gone = new_ones(session, findings)
    if options.witness:
        findings = pipeline.standing(pipeline.confirm(findings, options.engine))
    unused = unused_ignores(session, results)
    return Checked(results, session.ordered([*findings, *unused]) if unused else findings, known, gone)


def _adopted(options: argparse.Namespace, session: Session, checked: Checked, failures: list[Failure]) -> int:
    """Exit status 0 where all that was found is written down, as a comment or in a baseline; or else 2."""
    found = [finding for finding in checked.findings if finding.code != UNUSED]
    if options.write_baseline:
        write_baseline(session, options.write_baseline, found)
    if options.add_ignores:
        changed, more = add_ignores(session, found, options.reason)
        failures += more
        complain(f"wrote ignore comments to {counted(changed, 'file')}")
        if session.stdin:
            sys.stdout.buffer.write(session.overlay[session.stdin])
            sys.stdout.flush()
    print_failures(failures, session.page(options.color, sys.stderr))
    return 2 if failures else 0


def _fixed(
    options: argparse.Namespace, session: Session, checked: Checked, failures: list[Failure]
) -> tuple[Checked, list[Failure]]:
    """Fix and check again until nothing changes."""
    mended: set[str] = set()
    unwritten: list[Failure] = []
    for number in range(MAX_ROUNDS):
        # What other files say of a mended one is out of date where the mended one is only in memory.
        fixes = _by_file(checked.findings, _own(checked.results) if options.diff and number else None)
        changed = set()
        for path, wanted in fixes.items():
            try:
                changed |= {path} if _mend(options, session, path, wanted) else set()
            except OSError as error:
                unwritten.append(Failure(path, 0, 0, f"not fixed: {error.strerror or error}"))
        mended |= changed
        if not changed or unwritten:
            break
        session.forget()
        checked = _checked(options, session)
        failures = list(failures_of(session, checked.results))
    if mended and not options.diff:
        complain(f"mended {counted(len(mended), 'file')}")
    return checked, [*failures, *unwritten]


Key = tuple[str, Span, str]


def _own(results: Iterable[FileResult]) -> set[Key]:
    """The findings that the analysis of their own file has shown."""
    return {(f.path, f.span, f.code) for result in results for f in result.findings if f.path == result.path}


def _by_file(findings: Sequence[Finding], among: set[Key] | None) -> dict[str, list[Fix | None]]:
    """The fixes for each file."""
    fixes: dict[str, list[Fix | None]] = {}
    for finding in findings:
        own = finding.code == UNUSED or among is None or (finding.path, finding.span, finding.code) in among
        if finding.fix and own:
            fixes.setdefault(finding.path, []).append(finding.fix)
    return fixes


def _mend(options: argparse.Namespace, session: Session, path: str, fixes: Iterable[Fix | None]) -> bool:
    from gradlint.fixes.write import replace_file  # late: few runs fix anything

    source = session.source(path)
    made = pipeline.mend(path, source, fixes, options.unsafe_fixes)
    if made == source:
        return False
    if options.diff or path in session.overlay:
        session.overlay[path] = made
        return True
    return replace_file(path, made, source)


def _show_diff(options: argparse.Namespace, session: Session, given: dict[str, bytes], failures: list[Failure]) -> int:
    from gradlint.fixes.write import unified

    changed = 0
    for path in session.files:
        if path in session.overlay:
            old = given[path] if path in given else _on_disk(path)
            changed += old != session.overlay[path]
            sys.stdout.write(unified(path, old, session.overlay[path]))
    sys.stdout.flush()
    complain(f"{counted(changed, 'file')} would be mended")
    print_failures(failures, session.page(options.color, sys.stderr))
    return 2 if failures else 1 if changed else 0


def _on_disk(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()


def _print(options: argparse.Namespace, session: Session, run: Reported, stream: TextIO) -> None:
    page = session.page(options.color, stream)
    if options.statistics:
        text = _statistics(run.findings)
    else:
        text = findings_format(options.output_format or default_format())(run, page)
    if options.output_file:
        write_text(options.output_file, text)
    else:
        stream.write(text)
        stream.flush()
    print_failures(run.failures, page)


def _statistics(findings: Sequence[Finding]) -> str:
    counts = Counter((f.code, f.name) for f in findings)
    fixable = {f.code for f in findings if f.fix}
    width = len(str(max(counts.values(), default=0)))
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "".join(
        f"{number:>{width}}  {code}  [{'*' if code in fixable else ' '}] {name}\n" for (code, name), number in rows
    )


def _tell(session: Session, checked: Checked, seconds: float) -> None:
    """What `--verbose` adds."""
    for result in checked.results:
        for cut in result.cuts:
            complain(f"{session.shown(cut.path)}:{cut.line}: {cut.reason}")
    silenced = sum(result.suppressed for result in checked.results)
    if checked.known or checked.gone:
        complain(f"the baseline knows {counted(checked.known, 'finding')} of these, and {checked.gone} that are gone")
    complain(f"{counted(len(session.files), 'file')}, {counted(silenced, 'finding')} silenced, {seconds:.2f} s")
