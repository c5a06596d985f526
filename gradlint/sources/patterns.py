"""Path patterns in the language of `.gitignore`: text in, a decision about a relative path out.

Git is the judge: `tests/sources/test_patterns.py` compares with `git check-ignore`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

SEGMENT = re.compile(r"\*+|\?|\[[!^]?\]?(?:\\.|\[:[a-z]+:\]|[^\]\\])*\]|\\.|[^*?\[\\]+|\[|\\", re.DOTALL)
POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "space": r"\s",
    "xdigit": "0-9A-Fa-f", "punct": r"!-/:-@\[-`{-~", "blank": r" \t",
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Neighbouring patterns that decide alike: `everything` matches any path, `folders` only those of folders."""

    excludes: bool
    everything: re.Pattern[str] | None
    folders: re.Pattern[str] | None

    def hits(self, path: str, is_folder: bool) -> bool:
        if self.everything is not None and self.everything.match(path):
            return True
        return is_folder and self.folders is not None and bool(self.folders.match(path))


class Patterns:
    """Lines of a `.gitignore`, the last one that matches decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        parsed = [one for one in map(_parsed, lines) if one is not None]
        self.groups = tuple(reversed([_group(excludes, same) for excludes, same in _runs(parsed)]))

    def __bool__(self) -> bool:
        return bool(self.groups)

    def decide(self, path: str, is_folder: bool) -> bool | None:
        """True: excluded, False: taken back by a `!` line, None: nothing said. `path` is relative, with `/`."""
        for group in self.groups:
            if group.hits(path, is_folder):
                return group.excludes
        return None

    def covers(self, path: str) -> bool:
        """Whether a file is excluded itself or through a folder above it."""
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if self.decide("/".join(parts[:depth]), True):
                return True
        return bool(self.decide(path, False))


def _runs(parsed: list[tuple[bool, str, bool]]) -> Iterator[tuple[bool, list[tuple[bool, str, bool]]]]:
    for excludes, same in groupby(parsed, key=lambda one: one[0]):
        yield excludes, list(same)


def _group(excludes: bool, same: list[tuple[bool, str, bool]]) -> Group:
    everything = [regex for _, regex, only_folders in same if not only_folders]
    folders = [regex for _, regex, only_folders in same if only_folders]
    return Group(excludes, _either(everything), _either(folders))


def _either(regexes: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{one})" for one in regexes), re.DOTALL) if regexes else None


def _parsed(line: str) -> tuple[bool, str, bool] | None:
    """(excludes, regular expression, only folders) of one line; None where it says nothing."""
    line = line.rstrip("\r\n")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    excludes = not line.startswith("!")
    line = line if excludes else line[1:]
    only_folders = line.endswith("/")
    line = line.rstrip("/") if only_folders else line
    if not line:
        return None
    anchored = "/" in line
    regex = _regex(line.removeprefix("/"))
    try:
        re.compile(regex)
    except re.error:  # a bad range such as [z-a] matches nothing
        return None
    return excludes, (regex if anchored else f"(?:.*/)?{regex}") + r"\Z", only_folders


def _regex(pattern: str) -> str:
    made = ""
    parts = pattern.split("/")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if len(part) > 1 and not part.strip("*"):
            made += ".+" if last else "(?:.*/)?"
        else:
            made += _segment(part) + ("" if last else "/")
    return made


def _segment(text: str) -> str:
    made = ""
    for piece in SEGMENT.findall(text):
        if piece.startswith("*"):
            made += "[^/]*"
        elif piece == "?":
            made += "[^/]"
        elif len(piece) > 1 and piece.startswith("["):
            made += _choice(piece[1:-1])
        elif len(piece) == 2 and piece.startswith("\\"):
            made += re.escape(piece[1])
        else:
            made += re.escape(piece)
    return made


def _choice(inside: str) -> str:
    negated = inside[:1] in ("!", "^")
    inside = inside[1:] if negated else inside
    inside = re.sub(r"\[:([a-z]+):\]", lambda found: "\0" + found[1] + "\0", inside)
    inside = re.sub(r"\\(.)", lambda found: "\\" + found[1], inside) if "\\" in inside else inside
    inside = inside.replace("[", r"\[").replace("&&", r"&\&").replace("||", r"|\|").replace("~~", r"~\~")
    inside = r"\]" + inside[1:] if inside.startswith("]") else inside
    inside = re.sub("\0([a-z]+)\0", lambda found: POSIX.get(found[1], ""), inside)
    return f"(?!/)[{'^' if negated else ''}{inside}]"
