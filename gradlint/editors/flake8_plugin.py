"""gradlint inside flake8: its findings under the prefix `GRD`, with flake8's own selection and `# noqa` on top.

The configuration is `[tool.gradlint]`, as for the command. Findings in other files are told when flake8 comes to them.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from typing import ClassVar

from gradlint import __version__, pipeline
from gradlint.sources.config import Configs
from gradlint.sources.settings import SettingsError

Row = tuple[int, int, str, "type[Plugin]"]


class Plugin:
    """What flake8 makes one of for each file."""

    name: ClassVar[str] = "gradlint"
    version: ClassVar[str] = __version__
    _configs: ClassVar[Configs] = Configs()

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self.path = filename
        self.source = "".join(lines)

    def run(self) -> Iterator[Row]:
        """(line, column from 0, text, type) for each finding. A broken configuration ends flake8 with its message."""
        on_disk = os.path.exists(self.path)
        try:
            settings = self._configs.of_file(self.path) if on_disk else self._configs.of_folder(os.curdir)
            result = pipeline.check_bytes(self.path, pipeline.bytes_of(self.source), settings, alone=not on_disk)
        except SettingsError as error:
            raise SystemExit(f"gradlint: {error}") from None
        found = [finding for finding in result.findings if finding.path == self.path]
        for finding in pipeline.standing(pipeline.confirm(found)):
            text = f"{finding.code} {' '.join(finding.message.split())}"
            yield finding.span.line, finding.span.column - 1, text, Plugin
        # What does not parse flake8 reports itself (E999, E902).
        if result.failure and not result.failure.line:
            yield 1, 0, f"GRD000 {result.failure.message}", Plugin
