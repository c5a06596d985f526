"""Fixes change what they say and nothing else: encodings, line ends, marks and modes stay."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from gradlint.findings import Edit, Fix, Safety, Span
from gradlint.fixes.apply import applicable, apply
from gradlint.fixes.write import replace_file, unified


def fix(*edits: tuple[int, int, int, int, str], safety: Safety = Safety.SAFE) -> Fix:
    return Fix("mend", tuple(Edit(Span(*place), text) for *place, text in edits), safety)  # type: ignore[arg-type]


def test_edits_are_replacements_insertions_and_deletions() -> None:
    source = b"with torch.no_grad:\n    y = x\nz = 1\n"
    assert apply(source, [fix((1, 19, 1, 19, "()"))]) == b"with torch.no_grad():\n    y = x\nz = 1\n"
    assert apply(source, [fix((3, 1, 4, 1, ""))]) == b"with torch.no_grad:\n    y = x\n"
    assert apply(source, [fix((2, 9, 2, 10, "x.detach()"), (1, 1, 1, 1, "import torch\n"))]) == (
        b"import torch\nwith torch.no_grad:\n    y = x.detach()\nz = 1\n"
    )


def test_columns_are_code_points() -> None:
    assert apply("größe = ä.data\n".encode(), [fix((1, 10, 1, 15, ".detach()"))]) == "größe = ä.detach()\n".encode()
    assert (
        apply("s = '\U0001f600'; x.data\n".encode(), [fix((1, 12, 1, 16, "y"))]) == "s = '\U0001f600'; x.y\n".encode()
    )


@pytest.mark.parametrize("source, expected", [
    (b"\xef\xbb\xbfx.data\r\ny\r\n", b"\xef\xbb\xbfx.a\r\nb\r\ny\r\n"),
    (b"# coding: latin-1\nx.data # \xe9\n", None),
    (b"x.data", b"x.a\nb"),
    (b"x.data\ry\r", b"x.a\rb\ry\r"),
])  # fmt: skip
def test_the_file_keeps_its_ways(source: bytes, expected: bytes | None) -> None:
    if expected is None:
        assert apply(source, [fix((2, 3, 2, 7, "ü"))]) == b"# coding: latin-1\nx.\xfc # \xe9\n"
    else:
        assert apply(source, [fix((1, 3, 1, 7, "a\nb"))]) == expected


def test_fixes_that_overlap_wait_for_the_next_round() -> None:
    source = b"abcdef\n"
    first, second, third = fix((1, 1, 1, 4, "X")), fix((1, 3, 1, 5, "Y")), fix((1, 5, 1, 6, "Z"))
    assert apply(source, [second, first, third]) == b"XdZf\n"
    assert apply(source, [fix((1, 2, 1, 2, "1")), fix((1, 2, 1, 2, "2"))]) in (b"a1bcdef\n", b"a2bcdef\n")
    # One that needs two places is applied to both or to none.
    assert apply(source, [first, fix((1, 2, 1, 3, "?"), (1, 6, 1, 7, "?"))]) == b"Xdef\n"


def test_an_edit_may_be_shared() -> None:
    shared = (1, 1, 1, 1, "import torch\n")
    one, two = fix(shared, (1, 1, 1, 2, "A")), fix(shared, (1, 3, 1, 4, "C"))
    assert apply(b"abc\n", [fix(shared, (1, 2, 1, 3, "B")), two]) == b"import torch\naBC\n"
    assert apply(b"abc\n", [one]) in (b"import torch\nAbc\n", b"abc\n")


def test_unsafe_fixes_are_asked_for() -> None:
    safe, unsafe = fix((1, 1, 1, 2, "a")), fix((1, 1, 1, 2, "b"), safety=Safety.UNSAFE)
    assert applicable([safe, None, unsafe, safe], unsafe=False) == (safe,)
    assert applicable([safe, None, unsafe, safe], unsafe=True) == (safe, unsafe)


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o750)
    link = tmp_path / "link.py"
    link.symlink_to(path)
    assert replace_file(str(link), b"new", b"old")
    assert link.is_symlink() and path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert sorted(os.listdir(tmp_path)) == ["a.py", "link.py"]


def test_a_file_that_has_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"edited")
    assert not replace_file(str(path), b"new", b"old")
    assert path.read_bytes() == b"edited"


@pytest.mark.parametrize("before, after", [
    (b"a\nb\nc\n", b"a\nB\nc\n"), (b"a\nb", b"a\nB"), (b"a\r\nb\r\n", b"a\r\nB\r\n"), (b"a\nb", b"a\nb\n"),
    ("ä\nb\n".encode(), "ä\nB\n".encode()), (b"a\rb\rc\r", b"a\rB\rc\r"),
])  # fmt: skip
def test_git_applies_the_diff(tmp_path: Path, before: bytes, after: bytes) -> None:
    (tmp_path / "a.py").write_bytes(before)
    diff = unified("a.py", before, after)
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(command, input=diff.encode(), cwd=tmp_path, check=True)
    assert (tmp_path / "a.py").read_bytes() == after
