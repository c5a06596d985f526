"""What a run has to say, and what a format may ask of the place it is printed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gradlint.findings import Failure, Finding, Prediction, Safety, Span


@dataclass(frozen=True)
class Reported:
    """The outcome of a run over some files, in the order in which it is told."""

    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    files: int = 0


def no_lines(path: str) -> list[str]:
    return []


def no_cells(path: str, line: int) -> tuple[int, int]:
    return 0, line


@dataclass(frozen=True)
class Page:
    """Where text goes: with colours or not; the lines of the files that it may quote; and for a line of a notebook its cell
    and the line there, (0, line) for one of any other file."""

    color: bool = False
    lines: Callable[[str], list[str]] = field(default=no_lines)
    cell: Callable[[str, int], tuple[int, int]] = field(default=no_cells)

    def paint(self, text: str, *styles: str) -> str:
        if not self.color or not text:
            return text
        return "".join(f"\x1b[{STYLES[style]}m" for style in styles) + text + "\x1b[0m"


TOP = Span(1, 1, 1, 1)
STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "advice": "cyan"}


def place(path: str, line: int, column: int, page: Page) -> str:
    """`path:line:col`, or `path:cell 3:line:col`, without what is not known."""
    if not line:
        return path
    cell, line = page.cell(path, line)
    return f"{path}:cell {cell}:{line}:{max(column, 1)}" if cell else f"{path}:{line}:{max(column, 1)}"


def failure_text(failure: Failure, page: Page) -> str:
    return f"{place(failure.path, failure.line, failure.column, page)}: error: {one_line(failure.message)}"


def without_cells(run: Reported, page: Page) -> Reported:
    """For formats that know lines only: a finding in a cell stands at the top of its file, and its message names the cell."""
    return replace(
        run,
        findings=tuple(_at_top(one, page) for one in run.findings),
        failures=tuple(_failure_at_top(one, page) for one in run.failures),
    )


def _at_top(finding: Finding, page: Page) -> Finding:
    cell, line = page.cell(finding.path, finding.span.line)
    if not cell:
        return finding
    told = f"cell {cell}, line {line}: {finding.message}"
    notes = tuple(note for note in finding.because if not page.cell(note.path or finding.path, note.span.line)[0])
    return replace(finding, span=TOP, message=told, because=notes, fix=None)


def _failure_at_top(failure: Failure, page: Page) -> Failure:
    cell, line = page.cell(failure.path, failure.line)
    return replace(failure, line=1, message=f"cell {cell}, line {line}: {failure.message}") if cell else failure


def one_line(text: str) -> str:
    return " ".join(text.split())


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def fix_option(safety: Safety) -> str:
    """The option of `check` that applies a fix."""
    return "--fix" if safety is Safety.SAFE else "--fix --unsafe-fixes"
