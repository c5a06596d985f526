"""Path patterns decide as git does."""

import subprocess
from pathlib import Path

import pytest

from gradlint.sources.patterns import Patterns

FILES = (
    "a.py", "b.txt", "build/x.py", "src/build/x.py", "src/a.py", "src/deep/down/a.py", "doc/a.py", "doc/frotz/a.py",
    "a/doc/frotz/b.py", "x y.py", "#hash.py", "!bang.py", "star*.py", "data1.py", "data2.py", "dataX.py", "[k].py",
    "foo/bar/baz.py", "foo/x/bar/baz.py", "foo/keep.py", "trailing .py", "-d.py", "a]b.py", "back\\slash.py", "Ünï.py",
)  # fmt: skip
LISTS = (
    "*.py", "build/", "/build", "build", "doc/frotz", "doc/frotz/", "frotz/", "**/bar", "foo/**", "foo/**/baz.py", "/*.py",
    "src/*", "src/**/a.py", "\\#hash.py", "\\!bang.py", "# comment", "data[12].py", "data[!1].py", "data[^12].py",
    "data[0-9].py", "star\\*.py", "x\\ y.py", "x y.py   ", "a*/", "*\n!src/\n!src/a.py", "*.py\n!a.py", "!a.py\n*.py",
    "foo/*\n!foo/keep.py", "foo/\n!foo/keep.py", "**", "**/", "/**", "a/**/b.py", "***/a.py", "do?", "[a-b].py", "[[]k].py",
    "[]-]*", "a[]]b.py", "", "/", "  ", "[", "data[", "*[!a-z].py", "[[:alpha:]].py", "[![:digit:]].py", "back\\\\slash.py",
    "foo**bar", "src/de*", "src/de*/down", "*/a.py", "data[a-", "x[[:space:]]y.py", "\\a.py", "Ü*", "foo/bar/",
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("text", LISTS)
def test_decides_as_git_does(text: str, repository: Path) -> None:
    (repository / ".gitignore").write_text(text + "\n", encoding="utf-8")
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", "ls-files", "-z", "--others", "--exclude-standard"],
        cwd=repository, capture_output=True, check=True,
    )  # fmt: skip
    left = set(done.stdout.decode().split("\0")) - {"", ".gitignore"}
    patterns = Patterns(text.split("\n"))
    assert {name for name in FILES if not patterns.covers(name)} == left


def test_the_last_pattern_decides() -> None:
    patterns = Patterns(["*.py", "!a.py", "a.py"])
    assert patterns.decide("a.py", False) is True
    assert patterns.decide("a.txt", False) is None
    assert Patterns(["*.py", "!a.py"]).decide("a.py", False) is False
