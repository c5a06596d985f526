"""What helps to begin with an old code base: a baseline of known findings, ignore comments for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradlint import pipeline
from gradlint.cli.session import Session
from gradlint.cli.terminal import complain, write_text
from gradlint.findings import Failure, FileResult, Finding, Silenced, Span
from gradlint.output.report import counted
from gradlint.sources import baseline

Outcome = tuple[tuple[Finding, ...], int, int]
"""The findings that are new; how many are known; how many that the baselines know are gone."""


def new_ones(session: Session, findings: Sequence[Finding]) -> Outcome:
    """The findings that no baseline in force knows. Raises SettingsError for a baseline that cannot be read."""
    files = {path: session.settings(path).baseline for path in session.files}
    if not any(files.values()):
        return tuple(findings), 0, 0
    kept: set[tuple[str, Span, str]] = set()
    gone = 0
    for file in dict.fromkeys(files.values()):
        here = [finding for finding in findings if files[finding.path] == file]
        found, left = baseline.read(file).new(here, session.lines) if file else (tuple(here), 0)
        kept.update((one.path, one.span, one.code) for one in found)
        gone += left
    new = tuple(finding for finding in findings if (finding.path, finding.span, finding.code) in kept)
    return new, len(findings) - len(new), gone


def write_baseline(session: Session, file: str, findings: Sequence[Finding]) -> None:
    write_text(file, baseline.written(file, findings, session.lines))
    complain(f"wrote {counted(len(findings), 'finding')} to {file}")


def unused_ignores(session: Session, results: Sequence[FileResult]) -> list[Finding]:
    """The comments that silence nothing, in the files whose settings ask for it and that were analysed."""
    broken = {result.path for result in results if result.failure}
    silenced: dict[str, list[Silenced]] = {}
    for one in (one for result in results for one in result.silenced):
        silenced.setdefault(session.shown(one.path), []).append(one)
    found: list[Finding] = []
    for path in session.files:
        settings = session.settings(path)
        if settings.report_unused_ignores and path not in broken:
            found += pipeline.unused_ignores(path, session.source(path), silenced.get(path, ()), settings)
    return found


def add_ignores(session: Session, findings: Iterable[Finding], reason: str) -> tuple[int, list[Failure]]:
    """Write a comment for each finding; (how many files were changed, those that could not be)."""
    from gradlint.fixes.write import replace_file  # late: few runs write anything

    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        by_file.setdefault(finding.path, []).append(finding)
    changed, failures = 0, []
    for path, here in by_file.items():
        try:
            source = session.source(path)
            made = pipeline.with_ignores(path, source, here, reason)
            if made == source:
                failures.append(Failure(path, here[0].span.line, 0, "no comment can be put on this statement"))
            elif path in session.overlay:
                session.overlay[path] = made
                changed += 1
            else:
                changed += replace_file(path, made, source)
        except OSError as error:
            failures.append(Failure(path, 0, 0, f"no comments written: {error.strerror or error}"))
    return changed, failures
