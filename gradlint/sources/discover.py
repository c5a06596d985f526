"""Paths that a user names become the files to read: sorted, each once, excluded ones left out.

A file that is named itself is read whatever excludes say, unless `force` is given. Links to folders are not followed
below a named path; links to files are, once for each file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gradlint.findings import Failure
from gradlint.sources.config import Configs
from gradlint.sources.patterns import Patterns
from gradlint.sources.settings import Settings, relative

SUFFIXES = (".py", ".ipynb")
GITIGNORE = ".gitignore"
STDIN = "-"

# A `.gitignore` in force: the prefix to take off a path, and what it says.
Ignore = tuple[str, Patterns]


@dataclass(frozen=True)
class Discovered:
    files: tuple[str, ...]
    failures: tuple[Failure, ...] = ()


def discover(paths: Sequence[str], configs: Configs, force: bool = False) -> Discovered:
    """The files below the given paths, as they are to be shown. Raises SettingsError for a bad configuration."""
    found: list[str] = []
    failures: list[Failure] = []
    for path in dict.fromkeys(paths):
        path = os.path.normpath(path)
        if os.path.isdir(path):
            found += _below(path, configs, failures, force)
        elif not os.path.exists(path):
            failures.append(Failure(path, 0, 0, "no such file or directory"))
        elif not (force and is_excluded(path, configs.of_file(path))):
            found.append(path)
    return Discovered(tuple(_once(sorted(set(found), key=_sort_key))), tuple(failures))


def is_excluded(path: str, settings: Settings) -> bool:
    """Whether the settings exclude a path or a folder above it."""
    inside = relative(path, settings.root)
    return settings.excluded.covers(inside)


def _below(path: str, configs: Configs, failures: list[Failure], force: bool) -> Iterator[str]:
    settings = configs.of_folder(path)
    if force and is_excluded(path, settings):
        return
    ignores = tuple(_ignores_above(path)) if settings.respect_gitignore else ()
    top = "" if path == os.curdir else path
    yield from _walk(top, os.path.abspath(path), configs, ignores, failures)


def _walk(
    shown: str, folder: str, configs: Configs, ignores: tuple[Ignore, ...], failures: list[Failure]
) -> Iterator[str]:
    """Files below one folder. `shown` is what is put before names, `folder` the absolute path."""
    settings = configs.of_folder(folder)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        failures.append(Failure(shown or os.curdir, 0, 0, error.strerror or str(error)))
        return
    if settings.respect_gitignore and any(entry.name == GITIGNORE for entry in entries):
        ignores = (*ignores, *_ignores_in(folder, os.path.join(folder, GITIGNORE)))
    excluded = settings.excluded
    root = os.path.join(settings.root, "") if settings.root else os.path.join(folder, "")
    below = folder[len(root) :] + os.sep if folder.startswith(root) else ""
    below = below.replace(os.sep, "/")
    for entry in entries:
        name = entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if not is_folder and not name.endswith(SUFFIXES):
            continue
        if excluded.decide(below + name, is_folder) or _ignored(entry.path, is_folder, ignores):
            continue
        path = f"{shown}{os.sep}{name}" if shown else name
        if is_folder:
            yield from _walk(path, entry.path, configs, ignores, failures)
        elif entry.is_file():
            yield path


def _ignored(path: str, is_folder: bool, ignores: tuple[Ignore, ...]) -> bool:
    for prefix, patterns in reversed(ignores):
        said = patterns.decide(path[len(prefix) :].replace(os.sep, "/"), is_folder)
        if said is not None:
            return said
    return False


def _ignores_above(path: str) -> Iterator[Ignore]:
    """What the repository around a folder ignores, from its root down to the folder's parent."""
    folder = os.path.abspath(path)
    above = [folder]
    while not os.path.exists(os.path.join(above[-1], ".git")):
        parent = os.path.dirname(above[-1])
        if parent == above[-1]:
            return
        above.append(parent)
    root = above[-1]
    yield from _ignores_in(root, os.path.join(root, ".git", "info", "exclude"))
    for parent in reversed(above[1:]):
        yield from _ignores_in(parent, os.path.join(parent, GITIGNORE))


def _ignores_in(folder: str, file: str) -> Iterator[Ignore]:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as handle:
            patterns = Patterns(handle.read().split("\n"))
    except OSError:
        return
    if patterns:
        yield os.path.join(folder, ""), patterns


def _sort_key(path: str) -> list[str]:
    return path.split(os.sep)


def _once(files: Iterable[str]) -> Iterator[str]:
    """Each file once, however many names lead to it; only links can give it several."""
    seen: set[str] = set()
    links: list[str] = []
    kept: list[str] = []
    for path in files:
        absolute = os.path.abspath(path)
        if os.path.islink(path):
            links.append(path)
        elif absolute not in seen:
            seen.add(absolute)
            kept.append(path)
    if links:
        real = {os.path.realpath(path) for path in kept}
        for path in links:
            target = os.path.realpath(path)
            if target not in real:
                real.add(target)
                kept.append(path)
        kept.sort(key=_sort_key)
    return iter(kept)
