"""The whole way does not break, whatever a stage does."""

from pathlib import Path

import pytest

from gradlint import pipeline, witness
from gradlint.findings import Finding, Severity, Span, Verdict, Witness
from gradlint.sources.settings import Settings, SettingsError

BAD = b"import torch\nx = torch.ones(3, requires_grad=True)\nwith torch.no_grad():\n    y = x * 2\ny.sum().backward()\n"


def finding(line: int) -> Finding:
    return Finding("GRD101", "n", "a.py", Span(line, 1, line, 2), "m", Severity.ERROR)


def test_a_witness_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def confirm(findings: tuple[Finding, ...], engine: str) -> tuple[Finding, ...]:
        if any(one.span.line == 3 for one in findings):
            raise KeyError("three")
        return tuple(
            Finding(
                **{**one.__dict__, "witness": Witness(Verdict.CONFIRMED if one.span.line != 5 else Verdict.REFUTED)}
            )
            for one in findings
        )

    monkeypatch.setattr(witness, "confirm", confirm)
    made = pipeline.confirm([finding(n) for n in range(1, 8)])
    assert [one.span.line for one in made] == list(range(1, 8))
    (lost,) = (one for one in made if one.witness and one.witness.verdict is Verdict.UNCONFIRMED)
    assert lost.span.line == 3 and lost.witness and "KeyError" in lost.witness.reason
    assert [one.span.line for one in pipeline.standing(made)] == [1, 2, 3, 4, 6, 7]


def test_a_stage_that_fails_is_told_as_a_failure_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **more: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(pipeline, "_analysed", broken)
    for look in (pipeline.check_bytes, pipeline.predict_bytes):
        failure = look("a.py", BAD).failure
        assert failure and failure.path == "a.py" and "ZeroDivisionError: oops" in failure.message


@pytest.mark.parametrize(
    ("more", "line", "column", "message"),
    [
        (b"x = f(\n  1,\ny = 2\n", 6, 6, "invalid syntax: '(' was never closed"),
        (b"for batch in loader:\n\n    batch.cuda(async=True)\n\ny = 2\n", 8, 16, "invalid syntax"),
        (b'print("\xc3\xa4", async=1)\n', 6, 12, "invalid syntax"),
    ],
)
def test_a_syntax_error_is_told_at_its_place(more: bytes, line: int, column: int, message: str) -> None:
    failure = pipeline.check_bytes("a.py", BAD + more).failure
    assert failure and (failure.line, failure.column, failure.message) == (line, column, message)


def test_a_bad_selection_is_no_failure_of_a_file() -> None:
    with pytest.raises(SettingsError):
        pipeline.check_bytes("a.py", BAD, Settings(select=("GRD999",)))


def test_a_fix_that_breaks_the_file_is_left_out() -> None:
    from gradlint.findings import Edit, Fix, Safety

    good = Fix("good", (Edit(Span(1, 1, 1, 2), "a"),), Safety.SAFE)
    bad = Fix("bad", (Edit(Span(2, 1, 2, 2), "("),), Safety.SAFE)
    assert pipeline.mend("a.py", b"x = 1\ny = 2\n", [bad, good, None], unsafe=False) == b"a = 1\ny = 2\n"


def test_ignores_of_the_file_in_which_a_finding_lies_hold(tmp_path: Path) -> None:
    steps = tmp_path / "steps.py"
    main = "import torch\nfrom steps import step\nw = torch.ones(2, requires_grad=True)\n"
    main += "with torch.no_grad():\n    loss = w.sum()\nstep(loss)  # noqa\n"
    for comment, count in (("", 1), ("  # noqa: GRD101", 0), ("  # gradlint: ignore", 0), ("  # noqa: E501", 1)):
        steps.write_text(f"def step(loss):\n    loss.backward(){comment}\n")
        pipeline.forget()
        result = pipeline.check_bytes(str(tmp_path / "main.py"), main.encode())
        assert [(Path(f.path).name, f.span.line) for f in result.findings] == [("steps.py", 2)] * count
        assert result.suppressed == 1 - count


def test_a_package_that_imports_a_module_from_itself_is_followed(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from pack import steps\nfrom pack import missing\n")
    (package / "steps.py").write_text("from pack import steps as me\n\ndef step(loss):\n    loss.backward()\n")
    main = "import torch\nfrom pack import missing, steps\nw = torch.ones(2, requires_grad=True)\n"
    main += "with torch.no_grad():\n    loss = w.sum()\nmissing()\nsteps.me.step(loss)\n"
    result = pipeline.check_bytes(str(tmp_path / "main.py"), main.encode())
    assert [(Path(f.path).name, f.span.line) for f in result.findings] == [("steps.py", 4)]
    assert not result.cuts
