"""Documents say what is: shown output is what the command prints, lists hold what there is, links lead somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from gradlint import __version__
from gradlint.cli.main import COMMANDS
from gradlint.output.table import FORMATS
from gradlint.sources.config import READERS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tool(name: str) -> ModuleType:
    """A script of `tools`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date() -> None:
    documents = tool("documents")
    assert documents.SHOWN.search(README) and documents.RULES.search(README)
    assert documents.refreshed(README) == README, "the README is out of date: run `make docs`"


def test_every_command_format_and_key_is_described() -> None:
    for command in COMMANDS:
        assert f"gradlint {command}" in README, command
    for form in FORMATS:
        assert f"`{form}`" in README, form
    assert {"ignore", "per-file-ignores", "target-torch"} <= set(READERS)


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_files_that_are_named_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"`((?:gradlint|runtime|fixtures|tests|tools|examples)/[\w./-]*\w)/?`", text)
    named += re.findall(r"`([A-Z]+\.md|Makefile|\.ci/run)`", text)
    assert named
    assert not [one for one in named if not (ROOT / one).exists()]


def test_the_tools_named_in_contributing_are_targets_of_make() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", README + (ROOT / "CONTRIBUTING.md").read_text()))
    assert named and named <= targets
