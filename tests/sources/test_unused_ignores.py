"""Which ignore comments silence nothing, and what is left of them after the fix."""

import pytest

from gradlint import pipeline
from gradlint.findings import Silenced
from gradlint.sources.settings import Settings

DEFAULTS = Settings()
LOSS = "loss.backward()"


def mended(text: str, *silenced: Silenced, settings: Settings = DEFAULTS) -> str:
    found = pipeline.unused_ignores("a.py", text.encode(), silenced, settings)
    return pipeline.mend("a.py", text.encode(), [one.fix for one in found], unsafe=False).decode()


def by(column: int, code: str = "GRD101", name: str = "backward-without-graph", line: int = 1) -> Silenced:
    return Silenced("a.py", line, column, code, name)


@pytest.mark.parametrize("comment, left", [
    ("# gradlint: ignore", ""), ("# gradlint: ignore[GRD101] a reason", ""), ("# gradlint: ignore[nonsense]", ""),
    ("# noqa: GRD101", ""), ("# noqa: grd1", ""), ("# noqa: GRD999", ""), ("# noqa: E501, GRD101", "  # noqa: E501"),
    ("# type: ignore  # noqa: GRD101", "  # type: ignore"), ("# noqa: GRD101  # type: ignore", "  # type: ignore"),
    ("# gradlint: ignore[GRD101] why  # fmt: skip", "  # fmt: skip"), ("# it is meant  # noqa: GRD101", "  # it is meant"),
    ("# gradlint: ignore[ALL]", ""),
])  # fmt: skip
def test_unused_ones_go(comment: str, left: str) -> None:
    assert mended(f"{LOSS}  {comment}\n") == f"{LOSS}{left}\n"


@pytest.mark.parametrize("comment", [
    "# noqa", "# noqa: it is fine", "# noqa: E501", "# noqa: F401, E501",  # they may serve another tool
    "# gradlint: ignore[GRD402]", "# noqa: GRD4", "# gradlint: ignore[data-attribute]",  # rules that are off
    "# a comment",
])  # fmt: skip
def test_what_nobody_can_know_stays(comment: str) -> None:
    assert mended(f"{LOSS}  {comment}\n") == f"{LOSS}  {comment}\n"


@pytest.mark.parametrize("comment", [
    "# gradlint: ignore", "# gradlint: ignore[GRD101] reason", "# noqa: GRD101", "# noqa: GRD1", "# noqa: grd101",
    "# gradlint: ignore[backward-without-graph]", "# gradlint: ignore-file",
])  # fmt: skip
def test_used_ones_stay(comment: str) -> None:
    text = f"{LOSS}  {comment}\n"
    assert mended(text, by(len(LOSS) + 3)) == text


def test_of_several_codes_the_used_ones_stay_with_the_reason() -> None:
    text = f"{LOSS}  # gradlint: ignore[GRD102, GRD101, GRD402] see #12\n"
    assert mended(text, by(len(LOSS) + 3)) == f"{LOSS}  # gradlint: ignore[GRD101, GRD402] see #12\n"


def test_a_line_that_held_the_comment_only_goes() -> None:
    assert mended("import torch\r\n# gradlint: ignore-file\r\nx = 1\r\n") == "import torch\r\nx = 1\r\n"
    assert mended("x = 1\n    # gradlint: ignore-file") == "x = 1\n"


def test_rules_that_are_off_in_a_file() -> None:
    text = f"{LOSS}  # noqa: GRD101\n"
    assert mended(text, settings=Settings(ignore=("GRD101",))) == text
    assert mended(text, settings=Settings(per_file_ignores=(("*.py", ("GRD1",)),))) == text


def test_a_broken_file_is_left_alone() -> None:
    assert not pipeline.unused_ignores("a.py", b"\xff  # noqa: GRD101\n", ())
