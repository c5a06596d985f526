"""`gradlint check`: files in, findings out, fixes applied where asked for."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TextIO

from gradlint import pipeline
from gradlint.cli.session import Session, failures_of
from gradlint.cli.terminal import complain, default_format, wants_color
from gradlint.findings import Failure, FileResult, Finding, Fix, Span
from gradlint.output.report import Page, Reported, counted, failure_text
from gradlint.output.table import findings_format

MAX_ROUNDS = pipeline.MAX_ROUNDS


def run(options: argparse.Namespace, session: Session) -> int:
    """Exit status 0: clean, 1: findings, 2: not all of the work could be done."""
    started = time.monotonic()
    session.verify()
    if not session.files and not session.failures:
        complain("no Python files found")
    given = dict(session.overlay)
    results, findings = _checked(options, session)
    failures = list(failures_of(session, results))
    if options.fix or options.diff:
        results, findings, failures = _fixed(options, session, results, findings, failures)
    if options.diff:
        return _show_diff(session, given, failures)
    stream = sys.stdout
    if options.fix and session.stdin:  # the mended source takes the place of what was read
        sys.stdout.buffer.write(session.overlay[session.stdin])
        sys.stdout.flush()
        stream = sys.stderr
    _print(options, session, Reported(findings, tuple(failures), files=len(session.files)), stream)
    if options.verbose:
        _tell(session, results, time.monotonic() - started)
    return 2 if failures else 1 if findings and not options.exit_zero else 0


def _checked(options: argparse.Namespace, session: Session) -> tuple[list[FileResult], tuple[Finding, ...]]:
    results = session.map(pipeline.check_bytes, options.jobs)
    findings = session.findings(results)
    if options.witness:
        findings = pipeline.standing(pipeline.confirm(findings, options.engine))
    return results, findings


def _fixed(
    options: argparse.Namespace, session: Session, results: list[FileResult], findings: tuple[Finding, ...],
    failures: list[Failure],
) -> tuple[list[FileResult], tuple[Finding, ...], list[Failure]]:  # fmt: skip
    """Fix and check again until nothing changes."""
    mended: set[str] = set()
    unwritten: list[Failure] = []
    for number in range(MAX_ROUNDS):
        # What other files say of a mended one is out of date where the mended one is only in memory.
        fixes = _by_file(findings, _own(results) if options.diff and number else None)
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
        results, findings = _checked(options, session)
        failures = list(failures_of(session, results))
    if mended and not options.diff:
        complain(f"mended {counted(len(mended), 'file')}")
    return results, findings, [*failures, *unwritten]


Key = tuple[str, Span, str]


def _own(results: Iterable[FileResult]) -> set[Key]:
    """The findings that the analysis of their own file has shown."""
    return {(f.path, f.span, f.code) for result in results for f in result.findings if f.path == result.path}


def _by_file(findings: Sequence[Finding], among: set[Key] | None) -> dict[str, list[Fix | None]]:
    """The fixes for each file."""
    fixes: dict[str, list[Fix | None]] = {}
    for finding in findings:
        if finding.fix and (among is None or (finding.path, finding.span, finding.code) in among):
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


def _show_diff(session: Session, given: dict[str, bytes], failures: list[Failure]) -> int:
    from gradlint.fixes.write import unified

    changed = 0
    for path in session.files:
        if path in session.overlay:
            old = given[path] if path in given else _on_disk(path)
            changed += old != session.overlay[path]
            sys.stdout.write(unified(path, old, session.overlay[path]))
    sys.stdout.flush()
    complain(f"{counted(changed, 'file')} would be mended")
    _print_failures(failures)
    return 2 if failures else 1 if changed else 0


def _on_disk(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()


def _print(options: argparse.Namespace, session: Session, run: Reported, stream: TextIO) -> None:
    page = Page(wants_color(options.color, stream), session.lines)
    if options.statistics:
        text = _statistics(run.findings)
    else:
        text = findings_format(options.output_format or default_format())(run, page)
    if options.output_file:
        with open(options.output_file, "w", encoding="utf-8") as handle:
            handle.write(text)
    else:
        stream.write(text)
        stream.flush()
    _print_failures(run.failures)


def _print_failures(failures: Iterable[Failure]) -> None:
    for failure in failures:
        print(failure_text(failure), file=sys.stderr)


def _statistics(findings: Sequence[Finding]) -> str:
    counts = Counter((f.code, f.name) for f in findings)
    fixable = {f.code for f in findings if f.fix}
    width = len(str(max(counts.values(), default=0)))
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "".join(
        f"{number:>{width}}  {code}  [{'*' if code in fixable else ' '}] {name}\n" for (code, name), number in rows
    )


def _tell(session: Session, results: Sequence[FileResult], seconds: float) -> None:
    """What `--verbose` adds."""
    for result in results:
        for cut in result.cuts:
            complain(f"{session.shown(cut.path)}:{cut.line}: {cut.reason}")
    silenced = sum(result.suppressed for result in results)
    complain(f"{counted(len(session.files), 'file')}, {counted(silenced, 'finding')} silenced, {seconds:.2f} s")
