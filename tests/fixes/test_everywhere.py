"""Every fix on every program of the fixtures, whatever its line ends: see `tools/try_fixes.py` for what is wanted."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gradlint import pipeline
from gradlint.findings import Edit, FileResult, Finding, Fix, Safety, Severity, Span

ROOT = Path(__file__).resolve().parents[2]
SOURCE = b"import torch\n# a comment\nx = 1\ny = 2\n"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("try_fixes", ROOT / "tools" / "try_fixes.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["try_fixes"] = module
    spec.loader.exec_module(module)
    return module


TOOL = load()


@pytest.mark.parametrize("unsafe", [True, False], ids=["unsafe", "safe"])
def test_all_fixes_of_all_programs(unsafe: bool) -> None:
    results = [TOOL.tried(name, source, alone=True, unsafe=unsafe) for name, source in TOOL.programs()]
    told = [f"{one.name}: {text}" for one in results for text in one.told]
    assert not told, "\n".join(told)
    assert sum(bool(one.fixes) for one in results) > 20


@pytest.mark.parametrize("form", ["crlf", "bom", "latin", "no end"])
def test_forms_of_text(form: str) -> None:
    tried = 0
    for name, source in TOOL.programs():
        if b"fixed" in source or not any(one.fix for one in TOOL._found(name, source, TOOL.EVERYTHING, True)):
            continue
        tried += 1
        result = TOOL.tried(name, formed(source, form), alone=True)
        assert result.fixes and not result.told, (name, result.told)
    assert tried > 20


def formed(source: bytes, form: str) -> bytes:
    text = source.decode()
    if form == "latin":
        return ("# coding: latin-1\n# \u00e9\n" + text).encode("latin-1", "replace")
    return {
        "crlf": source.replace(b"\n", b"\r\n"), "bom": b"\xef\xbb\xbf" + source, "no end": source.rstrip(b"\n"),
    }[form]  # fmt: skip


@pytest.mark.parametrize("span, text, told", [
    (Span(3, 1, 3, 6), "x = (", "does not parse"), (Span(2, 1, 3, 1), "", "comments"),
    (Span(3, 1, 4, 6), "x = 1", ""), (Span(3, 1, 3, 6), "x = 9\ny = 8", ""),
])  # fmt: skip
def test_what_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch, span: Span, text: str, told: str) -> None:
    fix = Fix("", (Edit(span, text),), Safety.SAFE)
    found = Finding("GRD101", "n", "a.py", Span(3, 1, 3, 2), "", Severity.ERROR, fix=fix)

    def check(name: str, source: bytes, *rest: object, **more: object) -> FileResult:
        return FileResult("a.py", (found,) if source == SOURCE else ())

    monkeypatch.setattr(pipeline, "check_bytes", check)
    if told == "does not parse":
        assert list(TOOL._against("a.py", SOURCE, b"x = (\n", [fix])) == ["does not parse any more"]
        return
    result = TOOL.tried("a.py", SOURCE, alone=True)
    assert told in " ".join(result.told) and bool(told) == bool(result.told)


def test_a_fix_that_never_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(name: str, source: bytes, *rest: object, **more: object) -> FileResult:
        fix = Fix("", (Edit(Span(1, 1, 1, 1), "a = 1\n"),), Safety.SAFE)
        return FileResult("a.py", (Finding("GRD101", "n", "a.py", Span(1, 1, 1, 2), "", Severity.ERROR, fix=fix),))

    monkeypatch.setattr(pipeline, "check_bytes", check)
    assert any("still changes" in told for told in TOOL.tried("a.py", SOURCE, alone=True).told)


def test_a_lost_line_is_told() -> None:
    fix = Fix("", (Edit(Span(3, 1, 3, 6), "x = 9"),), Safety.SAFE)
    assert any("is lost" in told for told in TOOL._against("a.py", SOURCE, SOURCE.replace(b"y = 2", b"y = 3"), [fix]))
    crlf = list(TOOL._against("a.py", SOURCE, SOURCE.replace(b"\n", b"\r\n"), [fix]))
    assert any("line ends" in told for told in crlf)
