"""What depends on where the text goes: colours, progress, the default format."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from typing import TextIO

from gradlint.findings import Failure
from gradlint.output.report import Page, failure_text
from gradlint.sources.settings import SettingsError

MANY = 200
"""So many files that it is worth telling how far the work is."""
EVERY = 0.2


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def wants_color(choice: str, stream: TextIO) -> bool:
    """`always`, `never`, or what the terminal and the usual variables say."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def default_format() -> str:
    return "full" if is_terminal(sys.stdout) else "concise"


def complain(text: str) -> None:
    print(f"gradlint: {text}", file=sys.stderr)


class Progress:
    """A line on stderr that says how many files are done; silent where nobody sits in front of it."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.shown = total >= MANY and is_terminal(sys.stderr)
        self.last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if self.shown and now - self.last >= EVERY:
            self.last = now
            sys.stderr.write(f"\r{done} of {self.total} files")
            sys.stderr.flush()

    def close(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def print_failures(failures: Iterable[Failure], page: Page) -> None:
    for failure in failures:
        print(failure_text(failure, page), file=sys.stderr)


def write_text(file: str, text: str) -> None:
    """Write what the user wants in a file. Raises SettingsError where that cannot be done."""
    try:
        with open(file, "w", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror or error}") from None
