"""`[tool.gradlint]` of the nearest pyproject.toml becomes Settings. Unknown keys and wrong types are errors."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from gradlint.sources.settings import SELECTOR, Overrides, Settings, SettingsError, located

FILE = "pyproject.toml"
TABLE = b"tool.gradlint"
PLACE = re.compile(r" \(at line (\d+), column (\d+)\)")
RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?")


class Configs:
    """The settings that hold for a folder: those of the nearest configuration file, with the command line's on top."""

    def __init__(self, overrides: Overrides | None = None, file: str | None = None, isolated: bool = False) -> None:
        self.overrides = overrides or Overrides()
        self.bare = self.overrides.over(Settings())
        self.fixed = self.bare if isolated else None
        if file:
            self.fixed = self._made(file, None) or self.bare
        self._known: dict[str, Settings | None] = {}

    def of_folder(self, folder: str) -> Settings:
        """Raises SettingsError where the configuration cannot be followed."""
        if self.fixed is not None:
            return self.fixed
        folder = os.path.abspath(folder)
        return self._nearest(folder) or self.bare

    def of_file(self, path: str) -> Settings:
        return self.of_folder(os.path.dirname(os.path.abspath(path)))

    def _nearest(self, folder: str) -> Settings | None:
        if folder not in self._known:
            above = os.path.dirname(folder)
            here = self._read(os.path.join(folder, FILE))
            self._known[folder] = here or (None if above == folder else self._nearest(above))
        return self._known[folder]

    def _read(self, file: str) -> Settings | None:
        try:
            with open(file, "rb") as handle:
                text = handle.read()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        except OSError as error:
            raise SettingsError(f"{file}: {error.strerror}") from None
        # A file that does not name the table is none of our business, not even where it is broken.
        return self._made(file, text) if TABLE in text else None

    def _made(self, file: str, text: bytes | None) -> Settings | None:
        if text is None:
            try:
                with open(file, "rb") as handle:
                    text = handle.read()
            except OSError as error:
                raise SettingsError(f"{file}: {error.strerror}") from None
        table = _table(file, text)
        return None if table is None else self.overrides.over(settings_of(table, file))


def _table(file: str, text: bytes) -> dict[str, Any] | None:
    try:
        toml = import_module("tomllib")  # late: most runs meet no table
    except ImportError:  # Python 3.10
        toml = import_module("tomli")
    try:
        whole = toml.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, toml.TOMLDecodeError) as error:
        found = PLACE.search(str(error))
        place, told = (f"{file}:{found[1]}:{found[2]}", PLACE.sub("", str(error))) if found else (file, str(error))
        raise SettingsError(f"{place}: not a TOML file: {told}") from None
    tool = whole.get("tool", {})
    table = tool.get("gradlint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{located(file, 'gradlint')}: tool.gradlint: a table is expected")
    return table


def settings_of(table: dict[str, Any], file: str) -> Settings:
    """The settings that a table says; `file` is "" for one that no file holds."""
    made: dict[str, Any] = {"root": os.path.dirname(os.path.abspath(file)) if file else "", "source": file}

    def place(key: str) -> str:
        return f"{located(file, key)}: tool.gradlint.{key}" if file else f"setting {key}"

    for key, value in table.items():
        if key not in READERS:
            near = difflib.get_close_matches(key, READERS, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; known are {', '.join(sorted(READERS))}"
            raise SettingsError(f"{place(key)}: unknown key{hint}")
        try:
            made[key.replace("-", "_")] = READERS[key](value)
        except ValueError as error:
            raise SettingsError(f"{place(key)}: {error}") from None
    if made.get("baseline"):
        made["baseline"] = os.path.join(made["root"], made["baseline"])
    return Settings(**made)


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise ValueError("a list of strings is expected")
    return tuple(value)


def selectors(value: Any) -> tuple[str, ...]:
    """Codes, prefixes of codes, names of rules, or ALL."""
    for one in _strings(value):
        if not SELECTOR.fullmatch(one):
            raise ValueError(f"`{one}` is no code, prefix or name of a rule")
    return _strings(value)


def _per_file(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise ValueError("a table from patterns to lists of codes is expected")
    return tuple((pattern, selectors(chosen)) for pattern, chosen in value.items())


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a string is expected")
    return value


def release(value: Any) -> tuple[int, int]:
    """A release of torch: `2.1`."""
    found = RELEASE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError('a release of torch such as "2.1" is expected')
    return int(found[1]), int(found[2])


READERS: dict[str, Callable[[Any], Any]] = {
    "select": selectors,
    "ignore": selectors,
    "extend-select": selectors,
    "extend-ignore": selectors,
    "per-file-ignores": _per_file,
    "exclude": _strings,
    "extend-exclude": _strings,
    "respect-gitignore": _truth,
    "target-torch": release,
    "report-unused-ignores": _truth,
    "baseline": _text,
}
