"""A baseline: the findings that an old code base has already, kept in a file beside it, so that only new ones are told.

A finding is known by its path (from the folder of the baseline, with `/`), its code and the text of its line. So lines
may move; two alike on lines of one text count as two, and a third is new.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gradlint.findings import Finding
from gradlint.sources.settings import SettingsError, relative

VERSION = 1

Key = tuple[str, str, str]
Lines = Callable[[str], list[str]]


@dataclass(frozen=True)
class Baseline:
    """How often each finding is known. `folder` is what its paths are relative to."""

    folder: str
    known: Counter[Key]

    def new(self, findings: Sequence[Finding], lines: Lines) -> tuple[tuple[Finding, ...], int]:
        """(The findings that are not in it, how many of its own are no longer there)."""
        left = self.known.copy()
        found = []
        for finding in findings:
            key = _key(finding, self.folder, lines)
            if left[key] > 0:
                left[key] -= 1
            else:
                found.append(finding)
        return tuple(found), sum(left.values())


def read(file: str) -> Baseline:
    """Raises SettingsError where the file is no baseline."""
    try:
        with open(file, encoding="utf-8") as handle:
            whole = json.load(handle)
        known = Counter({
            (str(path), str(row["code"]), str(row["line"])): _count(row)
            for path, rows in _versioned(whole)["findings"].items() for row in rows
        })  # fmt: skip
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror or error}; `--write-baseline` makes one") from None
    except json.JSONDecodeError as error:
        raise SettingsError(f"{file}:{error.lineno}: no baseline of gradlint: {error.msg}") from None
    except (UnicodeDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{file}: no baseline of gradlint: {error}") from None
    return Baseline(os.path.dirname(os.path.abspath(file)), known)


def written(file: str, findings: Iterable[Finding], lines: Lines) -> str:
    """The text of a baseline that knows these findings, one a line, so that a change of it is easy to read."""
    folder = os.path.dirname(os.path.abspath(file))
    known = Counter(_key(finding, folder, lines) for finding in findings)
    files: dict[str, list[str]] = {}
    for (path, code, line), count in sorted(known.items()):
        row: dict[str, Any] = {"code": code, "line": line}
        files.setdefault(path, []).append(json.dumps({**row, "count": count} if count > 1 else row))
    parts = [
        f"    {json.dumps(path)}: [\n" + ",\n".join(f"      {row}" for row in rows) + "\n    ]"
        for path, rows in files.items()
    ]
    inside = "{\n" + ",\n".join(parts) + "\n  }" if parts else "{}"
    return f'{{\n  "version": {VERSION},\n  "findings": {inside}\n}}\n'


def _key(finding: Finding, folder: str, lines: Lines) -> Key:
    rows = lines(finding.path)
    number = finding.span.line
    text = rows[number - 1].strip() if 0 < number <= len(rows) else ""
    return relative(finding.path, folder), finding.code, text


def _versioned(whole: Any) -> Any:
    if whole["version"] != VERSION:
        raise ValueError(f"version {whole['version']} is not known, this gradlint writes {VERSION}")
    return whole


def _count(row: Any) -> int:
    count = row.get("count", 1)
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"a count of {count!r}")
    return count
