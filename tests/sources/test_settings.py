"""Settings: read from pyproject.toml, laid over by the command line, turned into rules."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradlint.sources.config import Configs, settings_of
from gradlint.sources.settings import Overrides, Settings, SettingsError


@dataclass(frozen=True)
class Known:
    code: str
    name: str
    default: bool = True


RULES = (
    Known("GRD101", "backward-without-graph"), Known("GRD102", "grad-without-graph"), Known("GRD201", "context-not-entered"),
    Known("GRD401", "eval-without-no-grad", default=False),
)  # fmt: skip


def on(settings: Settings) -> list[str]:
    return [rule.code for rule in settings.chosen(RULES)]


@pytest.mark.parametrize("table, codes", [
    ({}, "101 102 201"),
    ({"select": ["ALL"]}, "101 102 201 401"),
    ({"select": ["GRD"]}, "101 102 201 401"),
    ({"select": ["GRD1"]}, "101 102"),
    ({"select": ["GRD1", "GRD401"]}, "101 102 401"),
    ({"select": ["context-not-entered"]}, "201"),
    ({"ignore": ["GRD1"]}, "201"),
    ({"ignore": ["GRD1"], "extend-select": ["GRD101"]}, "101 201"),
    ({"extend-select": ["GRD4"]}, "101 102 201 401"),
    ({"extend-select": ["eval-without-no-grad"], "ignore": ["GRD4"]}, "101 102 201 401"),
    ({"select": ["ALL"], "ignore": ["GRD101", "GRD4"]}, "102 201"),
    ({"select": ["GRD101"], "ignore": ["GRD101"]}, ""),
    ({"select": ["GRD101"], "extend-ignore": ["backward-without-graph"]}, ""),
    ({"ignore": ["ALL"]}, ""),
])  # fmt: skip
def test_selection(table: dict[str, list[str]], codes: str) -> None:
    assert on(settings_of(table, "")) == [f"GRD{code}" for code in codes.split()]


def test_the_command_line_lies_over_the_file() -> None:
    base = settings_of({"select": ["GRD2"], "extend-select": ["GRD401"], "ignore": ["GRD101"]}, "")
    assert on(Overrides().over(base)) == ["GRD201", "GRD401"]
    assert on(Overrides(select=("GRD101",)).over(base)) == ["GRD101"]
    assert on(Overrides(extend_select=("GRD102",)).over(base)) == ["GRD102", "GRD201", "GRD401"]
    assert on(Overrides(extend_ignore=("GRD2",)).over(base)) == ["GRD401"]


def test_per_file_ignores(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    settings = settings_of({"per-file-ignores": {"tests/*": ["GRD1"], "**/conftest.py": ["ALL"]}}, str(file))
    assert settings.ignored_in(str(tmp_path / "tests" / "deep" / "test_a.py")) == ("GRD1",)
    assert settings.ignored_in(str(tmp_path / "src" / "conftest.py")) == ("ALL",)
    assert settings.ignored_in(str(tmp_path / "src" / "a.py")) == ()


def test_an_unknown_selector_is_named() -> None:
    with pytest.raises(SettingsError, match="extend-ignore: no rule is called `GRD999`"):
        settings_of({"extend-ignore": ["GRD999"]}, "").verify(RULES)
    settings_of({"select": ["GRD1", "ALL", "grad-without-graph"]}, "").verify(RULES)


@pytest.mark.parametrize("text, told", [
    ("[tool.gradlint]\nselct = []", r"pyproject.toml:2: tool.gradlint.selct: unknown key; did you mean `select`"),
    ("[tool.other]\nfrob = 1\n[tool.gradlint]\nfrob = 2", r"pyproject.toml:4: tool.gradlint.frob: unknown key; known are"),
    ("[tool.gradlint]\nselect = 'GRD101'", "tool.gradlint.select: a list of strings is expected"),
    ("[tool.gradlint]\nselect = ['grd 101']", "`grd 101` is no code"),
    ("[tool.gradlint]\nper-file-ignores = ['a']", "a table from patterns to lists of codes is expected"),
    ("[tool.gradlint]\nrespect-gitignore = 1", "true or false is expected"),
    ("[tool.gradlint\n", r"pyproject.toml:1:15: not a TOML file"),
    ("[tool]\ngradlint = 3 # tool.gradlint", "a table is expected"),
])  # fmt: skip
def test_what_is_wrong_in_a_file_is_named_with_the_file(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        Configs().of_folder(str(tmp_path))
    assert str(file) in str(error.value) and told in str(error.value)


def test_the_nearest_file_with_a_table_holds(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.gradlint]\nselect = ['GRD1']\n")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.black]\n[broken")  # none of our business
    configs = Configs()
    assert configs.of_file(str(tmp_path / "a" / "b" / "x.py")).select == ("GRD1",)
    (tmp_path / "a" / "b" / "pyproject.toml").write_text("[tool.gradlint]\n")
    assert Configs().of_file(str(tmp_path / "a" / "b" / "x.py")).select == ()
    assert Configs(isolated=True).of_folder(str(tmp_path)).select == ()
    named = Configs(file=str(tmp_path / "pyproject.toml"))
    assert named.of_folder("/").select == ("GRD1",)
    with pytest.raises(SettingsError, match="gone.toml"):
        Configs(file=str(tmp_path / "gone.toml"))
