"""What a run has to say, and what a format may ask of the place it is printed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gradlint.findings import Failure, Finding, Prediction, Safety


@dataclass(frozen=True)
class Reported:
    """The outcome of a run over some files, in the order in which it is told."""

    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    files: int = 0


def no_lines(path: str) -> list[str]:
    return []


@dataclass(frozen=True)
class Page:
    """Where text goes: with colours or not, and the lines of the files that it may quote."""

    color: bool = False
    lines: Callable[[str], list[str]] = field(default=no_lines)

    def paint(self, text: str, *styles: str) -> str:
        if not self.color or not text:
            return text
        return "".join(f"\x1b[{STYLES[style]}m" for style in styles) + text + "\x1b[0m"


STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
SEVERITY_STYLE = {"error": "red", "warning": "yellow", "advice": "cyan"}


def place(path: str, line: int, column: int) -> str:
    """`path:line:col`, without what is not known."""
    return f"{path}:{line}:{max(column, 1)}" if line else path


def failure_text(failure: Failure) -> str:
    return f"{place(failure.path, failure.line, failure.column)}: error: {one_line(failure.message)}"


def one_line(text: str) -> str:
    return " ".join(text.split())


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def fix_option(safety: Safety) -> str:
    """The option of `check` that applies a fix."""
    return "--fix" if safety is Safety.SAFE else "--fix --unsafe-fixes"
