"""Settings of one project as plain data, and which rules they turn on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol, TypeVar

from gradlint.sources.patterns import Patterns

EVERYTHING = "ALL"
SELECTOR = re.compile(r"[A-Z]+\d*|[a-z0-9-]+")
EXCLUDE = (
    ".bzr", ".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d", ".pyenv",
    ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode", "__pycache__", "__pypackages__",
    "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv",
)  # fmt: skip
NEWEST = (2, 13)
"""The release of torch whose behaviour is meant where nobody says another: the one that the claims are measured on."""

Selectors = tuple[str, ...]


class Described(Protocol):
    """What selection needs to know of a rule."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def default(self) -> bool: ...


R = TypeVar("R", bound=Described)


class SettingsError(Exception):
    """A setting that cannot be followed. The message names the place."""


@dataclass(frozen=True)
class Settings:
    """How one project is to be checked.

    named: folders that the user named, where imports are looked for, too.
    root: the folder of the configuration file, that patterns are relative to. source: that file, "" for none.
    select: empty for the rules that are on by default. target_torch: the oldest release that the code has to run on.
    baseline: the file of known findings, as it is to be opened; "" for none.
    """

    root: str = ""
    named: tuple[str, ...] = ()
    source: str = ""
    select: Selectors = ()
    ignore: Selectors = ()
    extend_select: Selectors = ()
    extend_ignore: Selectors = ()
    per_file_ignores: tuple[tuple[str, Selectors], ...] = ()
    exclude: tuple[str, ...] = EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    respect_gitignore: bool = True
    target_torch: tuple[int, int] = NEWEST
    report_unused_ignores: bool = False
    baseline: str = ""

    def chosen(self, rules: Sequence[R]) -> tuple[R, ...]:
        """The rules that are on. The most specific selector decides; between equal ones, `ignore` does."""
        wanted = (*self.select, *self.extend_select)
        unwanted = (*self.ignore, *self.extend_ignore)
        return tuple(rule for rule in rules if self._rank(rule, wanted) > _best(rule, unwanted))

    def _rank(self, rule: Described, wanted: Selectors) -> int:
        by_default = 1 if rule.default and not self.select else 0
        return max(by_default, _best(rule, wanted))

    def ignored_in(self, path: str) -> Selectors:
        """What per-file-ignores say of a file, given by its absolute path."""
        if not self.per_file_ignores:
            return ()
        inside = relative(path, self.root)
        return tuple(
            one for pattern, chosen in self.per_file_ignores if _patterns((pattern,)).covers(inside) for one in chosen
        )

    @property
    def excluded(self) -> Patterns:
        return _patterns((*self.exclude, *self.extend_exclude))

    def selectors(self) -> Iterable[tuple[str, str]]:
        """(setting, selector) for each selector that stands anywhere."""
        for name in ("select", "ignore", "extend_select", "extend_ignore"):
            for one in getattr(self, name):
                yield name.replace("_", "-"), one
        for pattern, chosen in self.per_file_ignores:
            for one in chosen:
                yield f'per-file-ignores."{pattern}"', one

    def verify(self, rules: Sequence[Described]) -> None:
        """Raises SettingsError for a selector that no rule answers to."""
        for where, one in self.selectors():
            if not any(answers(rule, one) for rule in rules):
                key = where.partition(".")[2].strip('"') or where
                place = located(self.source, key, one) if self.source else "command line"
                raise SettingsError(f"{place}: {where}: no rule is called `{one}`{_near(one, rules)}")


@dataclass(frozen=True)
class Overrides:
    """What the command line says on top of any configuration file. None: nothing."""

    select: Selectors | None = None
    ignore: Selectors | None = None
    extend_select: Selectors = ()
    extend_ignore: Selectors = ()
    exclude: tuple[str, ...] | None = None
    extend_exclude: tuple[str, ...] = ()
    respect_gitignore: bool | None = None
    target_torch: tuple[int, int] | None = None
    report_unused_ignores: bool | None = None
    baseline: str | None = None

    def over(self, base: Settings) -> Settings:
        made = replace(
            base,
            extend_select=(*base.extend_select, *self.extend_select),
            extend_ignore=(*base.extend_ignore, *self.extend_ignore),
            extend_exclude=(*base.extend_exclude, *self.extend_exclude),
        )
        if self.select is not None:  # a choice made on the command line replaces the project's
            made = replace(
                made, select=self.select, extend_select=self.extend_select, ignore=(), extend_ignore=self.extend_ignore
            )
        for name in (
            "ignore", "exclude", "respect_gitignore", "target_torch", "report_unused_ignores", "baseline",
        ):  # fmt: skip
            value = getattr(self, name)
            made = made if value is None else replace(made, **{name: value})
        return made


def located(file: str, key: str, value: str = "") -> str:
    """`file:line` of a key of our table in a configuration file, or of a value that stands behind it."""
    try:
        with open(file, encoding="utf-8") as handle:
            rows = list(enumerate(handle, 1))
    except (OSError, UnicodeDecodeError):
        return file
    header = next((n for n, row in rows if row.lstrip().startswith("[tool.gradlint")), 0)
    named = re.compile(rf"""\s*(?:tool\.gradlint\.)?["']?{re.escape(key)}["']?\s*[.=]""")
    at = next((n for n, row in rows if n > header and named.match(row)), header)
    at = next((n for n, row in rows if value and n >= at > 0 and value in row), at)
    return f"{file}:{at}" if at else file


def _near(name: str, rules: Sequence[Described]) -> str:
    """A guess at what was meant."""
    import difflib  # late: for a mistake only

    known = [word for rule in rules for word in (rule.code, rule.name)]
    near = difflib.get_close_matches(name if name.islower() else name.upper(), known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def answers(rule: Described, selector: str) -> bool:
    """Whether a selector (`ALL`, a code, a prefix of it, a name) means a rule."""
    return _specificity(rule, selector) > 0


def _specificity(rule: Described, selector: str) -> int:
    if selector == EVERYTHING:
        return 2
    if selector == rule.name:
        return 100
    if selector.startswith("GRD") and rule.code.startswith(selector):
        return 100 if selector == rule.code else 2 + len(selector)
    return 0


def _best(rule: Described, selectors: Selectors) -> int:
    return max((_specificity(rule, one) for one in selectors), default=0)


def relative(path: str, root: str) -> str:
    """The path below root with `/`; a path that lies elsewhere loses its root only."""
    path, root = os.path.abspath(path), os.path.abspath(root or os.curdir)
    inside = os.path.relpath(path, root) if os.path.splitdrive(path)[0] == os.path.splitdrive(root)[0] else path
    inside = inside.replace(os.sep, "/")
    return path.replace(os.sep, "/").lstrip("/") if inside.startswith("../") else inside


@cache
def _patterns(lines: tuple[str, ...]) -> Patterns:
    return Patterns(lines)
