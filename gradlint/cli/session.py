"""One run over what a user names: the files, their settings and sources, and the results put together.

A finding is shown in the file in which it lies, once, however many files lead to it, and only if that file was
asked for itself: what is wrong in a folder that nobody named is told when that folder is checked.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TextIO

from gradlint import pipeline
from gradlint.cli.parallel import map_files, processors
from gradlint.cli.terminal import Progress, wants_color
from gradlint.findings import Certainty, Failure, FileResult, Finding, Note
from gradlint.output.report import Page
from gradlint.sources.config import Configs
from gradlint.sources.discover import STDIN, discover
from gradlint.sources.notebooks import Notebook, NotebookError, is_notebook
from gradlint.sources.settings import Settings

Look = Callable[[str, bytes, Settings], FileResult]
LINE = re.compile(r"\bline (\d+)(?: of (\S+?\.\w+))?(?=[ ),.;:]|$)")
UNNAMED = "<stdin>"


class Session:
    """The files of one run. `overlay` holds sources that stand in for what is on disk."""

    def __init__(self, paths: Sequence[str], configs: Configs, *, force: bool = False, stdin_name: str = "") -> None:
        self.configs = configs
        self.overlay: dict[str, bytes] = {}
        named = [path for path in paths if path != STDIN]
        self.named = tuple(os.path.abspath(path) for path in named if os.path.isdir(path))
        self._settings: dict[Settings, Settings] = {}
        found = discover(named or ([] if STDIN in paths else [os.curdir]), configs, force)
        self.files = list(found.files)
        self.failures = list(found.failures)
        self.stdin = ""
        if STDIN in paths:
            self.stdin = stdin_name or UNNAMED
            self.overlay[self.stdin] = sys.stdin.buffer.read()
            self.files = list(dict.fromkeys([self.stdin, *self.files]))
        self.asked = {os.path.abspath(path): path for path in self.files}
        self.order = {path: number for number, path in enumerate(self.files)}

    def verify(self) -> None:
        """Raises SettingsError where a configuration in force names a rule that is none."""
        for settings in {self.settings(path) for path in self.files} or {self.configs.of_folder(os.curdir)}:
            if any(settings.selectors()):  # without one the rules need not be loaded
                pipeline.chosen_rules(settings)

    def settings(self, path: str) -> Settings:
        found = self.configs.of_folder(os.curdir) if path == UNNAMED else self.configs.of_file(path)
        if found not in self._settings:
            self._settings[found] = replace(found, named=self.named)
        return self._settings[found]

    def source(self, path: str) -> bytes:
        if path in self.overlay:
            return self.overlay[path]
        with open(path, "rb") as handle:
            return handle.read()

    def lines(self, path: str) -> list[str]:
        """The lines of a file that text may quote; none where it cannot be read."""
        return self._lines(path, self.overlay.get(path))

    @staticmethod
    @lru_cache(maxsize=64)
    def _lines(path: str, source: bytes | None) -> list[str]:
        try:
            if source is None:
                with open(path, "rb") as handle:
                    source = handle.read()
        except OSError:
            return []
        return pipeline.lines_of(path, source)

    def page(self, color: str, stream: TextIO) -> Page:
        return Page(wants_color(color, stream), self.lines, self.cell)

    def cell(self, path: str, line: int) -> tuple[int, int]:
        """The cell of a notebook and the line in it of a line of its source; (0, line) for any other file."""
        notebook = self._notebook_at(path)
        return notebook.place(line) if notebook else (0, line)

    def line(self, path: str, cell: int, line: int) -> int:
        """The line of the source of a line in a cell; 0 where there is none."""
        notebook = self._notebook_at(path)
        return (notebook.line(cell, line) or 0) if notebook else 0

    def _notebook_at(self, path: str) -> Notebook | None:
        return self._notebook(path, self.overlay.get(path)) if is_notebook(path) else None

    @staticmethod
    @lru_cache(maxsize=64)
    def _notebook(path: str, source: bytes | None) -> Notebook | None:
        try:
            if source is None:
                with open(path, "rb") as handle:
                    source = handle.read()
            return pipeline.notebook_of(path, source)
        except (OSError, NotebookError):
            return None

    def forget(self) -> None:
        """Some files have changed."""
        self._lines.cache_clear()
        self._notebook.cache_clear()
        pipeline.forget()

    def map(self, look: Look, jobs: int | None) -> list[FileResult]:
        """The result of each file, in order."""

        def work(path: str) -> FileResult:
            try:
                source = self.source(path)
            except OSError as error:
                return FileResult(path, failure=Failure(path, 0, 0, error.strerror or str(error)))
            return look(path, source, self.settings(path))

        progress = Progress(len(self.files))
        try:
            return map_files(work, self.files, jobs or processors(), progress)
        finally:
            progress.close()

    def findings(self, results: Iterable[FileResult]) -> tuple[Finding, ...]:
        """The findings of all results: each once, in the order of files and lines."""
        best: dict[tuple[str, object, str], tuple[tuple[bool, bool, str], Finding]] = {}
        for result in results:
            for finding in result.findings:
                known = finding.path in self.order
                shown = finding.path if known else self.asked.get(os.path.abspath(finding.path))
                if shown is None:
                    continue
                rank = (finding.certainty is not Certainty.CERTAIN, finding.path != result.path, finding.message)
                key = (shown, finding.span, finding.code)
                if key not in best or rank < best[key][0]:
                    best[key] = rank, self._renamed(finding, shown)
        return self.ordered(finding for _, finding in best.values())

    def ordered(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(sorted(findings, key=lambda f: (self.order[f.path], f.span, f.code)))

    def _renamed(self, finding: Finding, path: str) -> Finding:
        notes = tuple(self._renamed_note(note, finding.path, path) for note in finding.because)
        made = replace(finding, path=path, because=notes)
        books = {os.path.basename(one): one for one in (path, *(note.path or "" for note in notes))}
        if not any(is_notebook(one) for one in books):
            return made
        notes = tuple(replace(note, message=self._in_cells(note.message, path, books)) for note in notes)
        return replace(made, message=self._in_cells(made.message, path, books), because=notes)

    def _in_cells(self, message: str, path: str, books: dict[str, str]) -> str:
        """A message whose lines are told by cells: `line 3 of cell 2`."""

        def told(found: re.Match[str]) -> str:
            file = books.get(found[2] or "", "") if found[2] else path
            cell, line = self.cell(file, int(found[1]))
            return f"line {line} of cell {cell}" + (f" of {found[2]}" if found[2] else "") if cell else found[0]

        return LINE.sub(told, message)

    def _renamed_note(self, note: Note, home: str, path: str) -> Note:
        if note.path is None or note.path == home:
            return replace(note, path=None)
        return replace(note, path=self.shown(note.path))

    def shown(self, path: str) -> str:
        """A path as the user would write it."""
        absolute = os.path.abspath(path)
        if absolute in self.asked:
            return self.asked[absolute]
        inside = os.path.relpath(absolute)
        return absolute if inside.startswith(os.pardir) else inside


def failures_of(session: Session, results: Iterable[FileResult]) -> tuple[Failure, ...]:
    return (*session.failures, *(result.failure for result in results if result.failure))
