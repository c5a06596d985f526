"""Which files are read: sorted, each once, without what is excluded."""

import os
from pathlib import Path

import pytest

from gradlint.sources.config import Configs
from gradlint.sources.discover import discover
from gradlint.sources.settings import Overrides


def tree(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(*paths: str, force: bool = False, **overrides: object) -> list[str]:
    return list(discover(paths or (".",), Configs(Overrides(**overrides)), force).files)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_files_in_order(here: Path) -> None:
    tree(here, "b.py", "a/z.py", "a.py", "a/b/c.py", "a-b/x.py", "notes.txt", "types.pyi")
    assert found() == [f"a{os.sep}b{os.sep}c.py", f"a{os.sep}z.py", f"a-b{os.sep}x.py", "a.py", "b.py"]


def test_usual_folders_are_left_out(here: Path) -> None:
    tree(here, "a.py", ".venv/lib/x.py", "node_modules/x.py", "src/build/x.py", ".git/hooks/x.py", "src/b.py")
    assert found() == ["a.py", os.path.join("src", "b.py")]


def test_a_named_folder_is_read_even_if_its_name_is_excluded(here: Path) -> None:
    tree(here, "build/x.py", "build/build/y.py")
    assert found("build") == [os.path.join("build", "x.py")]


def test_a_named_file_is_read_unless_exclusion_is_forced(here: Path) -> None:
    tree(here, "build/x.py")
    assert found("build/x.py") == [os.path.join("build", "x.py")]
    assert found("build/x.py", force=True) == []
    assert found("build", force=True) == []


def test_a_named_file_needs_no_suffix(here: Path) -> None:
    tree(here, "script")
    assert found("script") == ["script"]


def test_gitignore_is_heeded_in_every_folder(here: Path) -> None:
    tree(here, ".git/HEAD", "a.py", "skip.py", "sub/skip.py", "sub/keep.py", "sub/other.py", "out/x.py")
    (here / ".gitignore").write_text("skip.py\nout/\n")
    (here / "sub" / ".gitignore").write_text("!skip.py\nother.py\n")
    (here / ".git" / "info").mkdir()
    (here / ".git" / "info" / "exclude").write_text("keep.py\n")
    assert found() == ["a.py", os.path.join("sub", "skip.py")]
    assert found("sub") == [os.path.join("sub", "skip.py")]
    assert len(found(respect_gitignore=False)) == 6


def test_excludes_of_the_configuration_are_relative_to_it(here: Path) -> None:
    tree(here, "project/src/a.py", "project/src/gen/b.py", "project/gen/c.py")
    (here / "project" / "pyproject.toml").write_text("[tool.gradlint]\nextend-exclude = ['src/gen']\n")
    assert found() == [os.path.join("project", "gen", "c.py"), os.path.join("project", "src", "a.py")]
    assert found("project/src") == [os.path.join("project", "src", "a.py")]


def test_each_file_once(here: Path) -> None:
    tree(here, "a/x.py")
    assert found("a", "a/x.py", "./a", str(here / "a")) in (
        [os.path.join("a", "x.py")], [str(here / "a" / "x.py")],
    )  # fmt: skip


def test_links(here: Path) -> None:
    tree(here, "real/x.py", "elsewhere/y.py")
    os.symlink(here / "real", here / "real" / "loop")
    os.symlink(here / "real" / "x.py", here / "a_link.py")
    os.symlink(here / "nowhere.py", here / "broken.py")
    assert found() == [os.path.join("elsewhere", "y.py"), os.path.join("real", "x.py")]
    os.symlink(here / "elsewhere", here / "named")
    assert found("named") == [os.path.join("named", "y.py")]
    assert found("a_link.py") == ["a_link.py"]


def test_what_is_not_there_is_named() -> None:
    (failure,) = discover(["gone.py"], Configs()).failures
    assert (failure.path, failure.message) == ("gone.py", "no such file or directory")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="every folder can be read")
def test_a_folder_that_cannot_be_read_is_named(here: Path) -> None:
    tree(here, "closed/x.py")
    os.chmod(here / "closed", 0)
    try:
        (failure,) = discover(["."], Configs()).failures
    finally:
        os.chmod(here / "closed", 0o755)
    assert failure.path == "closed"
