"""Each format holds what a finding says, in the form that its readers expect."""

import json
from xml.etree import ElementTree

import pytest

from gradlint.findings import (
    Certainty,
    Edit,
    Failure,
    Finding,
    Fix,
    Note,
    Prediction,
    Safety,
    Severity,
    Span,
    Verdict,
    Witness,
)  # fmt: skip
from gradlint.output.report import Page, Reported, failure_text
from gradlint.output.table import ALIASES, FORMATS, PREDICTIONS, findings_format, predictions_format

SOURCE = ["import torch", "", "with torch.no_grad():", "\tloss = net(x, größe)", "loss.backward()", "a = [", "]"]
FINDING = Finding(
    "GRD101", "backward-without-graph", "src/a b,c.py", Span(5, 1, 5, 16),
    "`loss` does not require grad:\n100% <computed> under `no_grad`, & \"so\" on", Severity.ERROR, Certainty.LIKELY,
    (Note("grad mode is off from here", Span(3, 6, 3, 21)), Note("called here", Span(1, 1, 1, 2), "main.py")),
    Fix("move it out", (Edit(Span(4, 1, 4, 2), ""),), Safety.UNSAFE),
    witness=Witness(Verdict.CONFIRMED, "RuntimeError at line 4", "import torch\n"),
)  # fmt: skip
SECOND = Finding("GRD201", "context-not-entered", "src/b.py", Span(6, 5, 7, 2), "no effect", Severity.WARNING)
ADVICE = Finding("GRD401", "eval-without-no-grad", "src/b.py", Span(7, 1, 7, 2), "memory", Severity.ADVICE)
RUN = Reported(
    (FINDING, SECOND, ADVICE),
    (Failure("bad.py", 3, 7, "not\nPython"), Failure("gone.py", 0, 0, "no such file")),
    files=4,
)
PREDICTION = Prediction("a.py", 4, 2, "loss", False, Certainty.LIKELY, False, None, "computed under no_grad (line 3)")
UNKNOWN = Prediction("a.py", 5, 1, "y", None, Certainty.CERTAIN, True, False, "")


def lines(path: str) -> list[str]:
    return SOURCE if path.startswith("src") else []


def text_of(form: str, run: Reported = RUN, color: bool = False) -> str:
    return findings_format(form)(run, Page(color, lines))


def test_concise() -> None:
    first, second, third = text_of("concise").splitlines()
    assert first == (
        'src/a b,c.py:5:1: GRD101 `loss` does not require grad: 100% <computed> under `no_grad`, & "so" on'
    )
    assert (second, third) == ("src/b.py:6:5: GRD201 no effect", "src/b.py:7:1: GRD401 memory")
    assert text_of("text") == text_of("concise")


def test_full_shows_reasons_certainty_witness_and_fix() -> None:
    text = text_of("full", Reported((FINDING,), files=1))
    assert (
        text
        == """\
GRD101 backward-without-graph: `loss` does not require grad: 100% <computed> under `no_grad`, & "so" on
 --> src/a b,c.py:5:1
3 | with torch.no_grad():
  |      --------------- grad mode is off from here
4 |     loss = net(x, größe)
5 | loss.backward()
  | ^^^^^^^^^^^^^^^
 --> main.py:1:1
  = called here
  = error, likely: it rests on an assumption
  = confirmed by running a witness: RuntimeError at line 4
  = fix: move it out (--fix --unsafe-fixes)

1 finding in 1 file. 1 can be mended by --fix --unsafe-fixes.
"""
    )


def test_full_does_not_call_clean_what_it_could_not_read() -> None:
    text = text_of("full", Reported(failures=RUN.failures, files=3))
    assert text == "No findings in 3 files. Not analysed: 2 files, named on standard error.\n"


def test_full_marks_wide_text_and_tabs_where_they_stand() -> None:
    rows = ["\tx = '漢字'; y.backward()"]
    finding = Finding("GRD101", "n", "a.py", Span(1, 12, 1, 24), "m", Severity.ERROR)
    text = findings_format("full")(Reported((finding,), files=1), Page(lines=lambda path: rows))
    shown, marks = text.splitlines()[2:4]
    assert shown == "1 |     x = '漢字'; y.backward()"
    assert marks == "  | " + " " * (4 + 5 + 4 + 3) + "^" * 12


def test_full_keeps_control_characters_from_the_terminal() -> None:
    finding = Finding("GRD101", "n", "a.py", Span(1, 1, 1, 2), "m", Severity.ERROR)
    text = findings_format("full")(Reported((finding,), files=1), Page(lines=lambda path: ["x = '\x1b[2J'"]))
    assert "\x1b" not in text


def test_colors_only_where_asked_for() -> None:
    for form in FORMATS:
        assert "\x1b" not in text_of(form)
    assert "\x1b[1m" in text_of("concise", color=True) and "\x1b[31m" in text_of("full", color=True)


def test_jsonl_and_json() -> None:
    rows = [json.loads(line) for line in text_of("jsonl").splitlines()]
    assert rows[0] == {
        "path": "src/a b,c.py", "line": 5, "column": 1, "end_line": 5, "end_column": 16, "code": "GRD101",
        "name": "backward-without-graph", "message": FINDING.message, "severity": "error", "certainty": "likely",
        "witness": {"verdict": "confirmed", "reason": "RuntimeError at line 4"},
        "notes": [
            {"path": "src/a b,c.py", "line": 3, "column": 6, "end_line": 3, "end_column": 21,
             "message": "grad mode is off from here"},
            {"path": "main.py", "line": 1, "column": 1, "end_line": 1, "end_column": 2, "message": "called here"},
        ],
        "fix": {"message": "move it out", "safety": "unsafe",
                "edits": [{"line": 4, "column": 1, "end_line": 4, "end_column": 2, "text": ""}]},
    }  # fmt: skip
    whole = json.loads(text_of("json"))
    assert whole["findings"] == rows and whole["files"] == 4
    assert whole["errors"][0] == {"path": "bad.py", "line": 3, "column": 7, "message": "not\nPython"}
    assert rows[1]["witness"] is None and rows[1]["fix"] is None


def test_github() -> None:
    first, second, third = text_of("github").splitlines()
    assert first.startswith("::error title=gradlint (GRD101),file=src/a b%2Cc.py,line=5,col=1,endLine=5,endColumn=16::")
    assert first.endswith('GRD101 `loss` does not require grad: 100%25 <computed> under `no_grad`, & "so" on')
    assert second.startswith("::warning title=gradlint (GRD201),file=src/b.py,line=6,endLine=7::")
    assert third.startswith("::notice ")


def test_gitlab() -> None:
    rows = json.loads(text_of("gitlab"))
    assert [(row["check_name"], row["severity"], row["location"]["path"]) for row in rows] == [
        ("GRD101", "major", "src/a b,c.py"), ("GRD201", "major", "src/b.py"), ("GRD401", "info", "src/b.py"),
    ]  # fmt: skip
    assert len({row["fingerprint"] for row in rows}) == 3
    assert rows[0]["location"]["positions"]["begin"] == {"line": 5, "column": 1}


def test_gitlab_fingerprints_stay_when_lines_move_and_differ_between_twins() -> None:
    def prints(source: list[str], *numbers: int) -> list[str]:
        found = tuple(Finding("GRD101", "n", "a.py", Span(n, 1, n, 2), "m", Severity.ERROR) for n in numbers)
        text = findings_format("gitlab")(Reported(found), Page(lines=lambda path: source))
        return [row["fingerprint"] for row in json.loads(text)]

    before = prints(["x.backward()", "x.backward()"], 1, 2)
    assert len(set(before)) == 2
    assert prints(["import os", "x.backward()", "x.backward()"], 2, 3) == before


def test_sarif() -> None:
    (run,) = json.loads(text_of("sarif"))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["GRD101", "GRD201", "GRD401"]
    first, second, third = run["results"]
    assert (first["level"], second["level"], third["level"]) == ("error", "warning", "note")
    assert all(run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "src/a%20b%2Cc.py"
    assert place["region"] == {"startLine": 5, "startColumn": 1, "endLine": 5, "endColumn": 16}
    assert [one["message"]["text"] for one in first["relatedLocations"]] == [
        "grad mode is off from here",
        "called here",
    ]
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] == ""
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 2


def test_junit() -> None:
    root = ElementTree.fromstring(text_of("junit"))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "3", "2")
    cases = list(root.iter("testcase"))
    assert [len(case.findall("failure")) for case in cases] == [1, 1, 1, 0, 0]
    assert cases[0].get("line") == "5" and "100% <computed>" in (cases[0].find("failure").get("message") or "")  # type: ignore[union-attr]
    odd = Finding("GRD101", "n", "a\x00.py", Span(1, 1, 1, 1), "\x01", Severity.ERROR)
    ElementTree.fromstring(text_of("junit", Reported((odd,))))
    clean = ElementTree.fromstring(text_of("junit", Reported()))
    assert (clean.get("tests"), clean.get("failures")) == ("1", "0")


@pytest.mark.parametrize("form", FORMATS)
def test_a_clean_run_is_a_text_of_the_format(form: str) -> None:
    text = text_of(form, Reported(files=3))
    if form in ("json", "gitlab", "sarif"):
        json.loads(text)
    elif form == "full":
        assert text == "No findings in 3 files.\n"
    elif form != "junit":
        assert text == ""


def test_failures() -> None:
    assert [failure_text(one, Page()) for one in RUN.failures] == [
        "bad.py:3:7: error: not Python",
        "gone.py: error: no such file",
    ]


def test_predictions() -> None:
    run = Reported(predictions=(PREDICTION, UNKNOWN))
    assert predictions_format("concise")(run, Page()).splitlines() == [
        "a.py:4:2: loss requires_grad=False (likely), grad mode off, inference mode unknown: computed under no_grad (line 3)",
        "a.py:5:1: y requires_grad=unknown, grad mode on",
    ]
    rows = [json.loads(line) for line in predictions_format("jsonl")(run, Page()).splitlines()]
    assert rows[0] == {
        "path": "a.py", "line": 4, "column": 2, "name": "loss", "requires_grad": False, "certainty": "likely",
        "grad_mode": False, "inference_mode": None, "why": "computed under no_grad (line 3)",
    }  # fmt: skip
    assert json.loads(predictions_format("json")(run, Page()))["predictions"] == rows


def test_every_name_leads_to_a_format() -> None:
    assert set(ALIASES.values()) <= set(FORMATS) and set(PREDICTIONS) <= set(FORMATS)
    for name in (*FORMATS, *ALIASES):
        assert callable(findings_format(name))
