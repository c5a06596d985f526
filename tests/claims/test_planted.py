"""Each judge and each check can fail: an error is planted for every one, and has to be found.

The running judges get programs with a wrong mark. The analyser's checks get an oracle that answers as the marks say,
which they must let pass, and then one that errs in one way.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from gradlint.findings import (
    Certainty,
    Edit,
    Finding,
    Fix,
    Prediction,
    Safety,
    Severity,
    Span,
    Verdict,
    Witness,
)

from . import (
    formats,
    judges,
    test_findings,
    test_fixes,
    test_formats,
    test_ignores,
    test_ir,
    test_predictions,
    test_sift,
    test_torch,
    test_twins,
    test_witness,
)
from .claims import FLAGS, MODES, Block, read_page
from .conftest import BLOCKS, Runner
from .judges import Options
from .rewrite import Probes, tokens

FIELDS = ("requires_grad", "grad_mode", "inference_mode")


def block_of(*rows: str, words: str = "") -> Block:
    (block,) = read_page("\n".join([f"```python {words}".rstrip(), *rows, "```"]) + "\n", "planted.md")
    return block


# The running judges: what is planted, the lines of the program, and a part of what must be said against it.
WRONG_MARKS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("a flag", ("y = torch.ones(2)  # requires_grad: True",), "requires_grad: True': is False"),
    ("a flag of no tensor", ("y = 3  # requires_grad: True",), "int has None"),
    (
        "one name of two",
        ("a, b = torch.ones(2), torch.ones(2, requires_grad=True)  # requires_grad(b): False",),
        "is True",
    ),
    ("a leaf", ("y = torch.ones(2, requires_grad=True) * 2  # is_leaf: True",), "is_leaf: True': is False"),
    ("an inference tensor", ("y = torch.ones(2)  # inference: True",), "inference: True': is False"),
    ("grad mode", ("with torch.no_grad():  # grad_mode: on", "    pass"), "grad_mode: on': is off"),
    ("grad mode after a block", ("with torch.no_grad():", "    pass", "y = 1  # grad_mode: off"), "is on"),
    ("inference mode", ("with torch.inference_mode():", "    pass  # inference_mode: off"), "is on"),
    ("an exception that does not come", ("y = 1  # raises: RuntimeError",), "did not raise"),
    ("an exception of another type", ("raise KeyError('a')  # raises: RuntimeError",), "raised KeyError"),
    (
        "an exception of another text",
        ("raise RuntimeError('a')  # raises: RuntimeError \"b\"",),
        "raised RuntimeError: a",
    ),
    ("an exception without a mark", ("y = 1", "raise RuntimeError('a')"), "planted.md:3: unexpected RuntimeError: a"),
    (
        "an exception from the body, marked on the header",
        ("with torch.no_grad():  # raises: ValueError", "    raise ValueError('a')"),
        "unexpected ValueError",
    ),
    ("a warning that does not come", ('y = 1  # warns: "careful"',), "warned of nothing"),
    ("a statement that does not hold", ("y = 1  # holds: y == 2",), "does not hold"),
    ("a statement that cannot be evaluated", ("y = 1  # holds: z == 2",), "NameError"),
    ("a mark that is never reached", ("def f():", "    y = 1  # holds: y == 1"), "never reached"),
    (
        "a mark that is wrong in the second round",
        ("for k in (1.0, 2.0):", "    y = torch.tensor(k, requires_grad=k == 1.0)  # requires_grad: True"),
        "is False",
    ),
    ("a crash", ("import os", "os.abort()"), "ended by status"),
)
RIGHT = block_of(
    "x = torch.ones(2, requires_grad=True)  # requires_grad: True  is_leaf: True  grad_mode: on",
    "with torch.no_grad():  # grad_mode: off",
    "    y = x * 2  # requires_grad: False  inference: False  holds: y.tolist() == [2.0, 2.0]",
    'y.sum().backward()  # raises: RuntimeError "does not require grad"',
)
CURED = block_of("x = torch.ones(2)  # requires_grad: False  engine: differs", "y = x * 2  # engine: unsupported")


@pytest.mark.parametrize(
    "judge",
    [
        pytest.param(
            "torch",
            marks=[pytest.mark.torch, pytest.mark.skipif(not judges.have_torch(), reason="torch is not installed")],
        ),
        pytest.param(
            "engine",
            marks=[
                pytest.mark.engine,
                pytest.mark.skipif(
                    importlib.util.find_spec("gradlint_runtime") is None, reason="no engine on the path"
                ),
            ],
        ),
    ],
)
def test_a_running_judge_finds_wrong_marks(judge: str) -> None:
    planted = [replace(block_of(*rows), page=f"planted{n}.md") for n, (_, rows, _) in enumerate(WRONG_MARKS)]
    right = replace(RIGHT, page="right.md")
    cured = replace(CURED, page="cured.md")
    outcomes = judges.run_blocks(judge, [*planted, right, cured])
    for block, (what, _, complaint) in zip(planted, WRONG_MARKS):
        told = "\n".join(outcomes[block.id].failures).replace(block.page, "planted.md")
        assert complaint in told, f"{what} on {judge}: {told!r}"
    assert not outcomes[right.id].failures
    # Known errors of the engine say nothing about torch; on the engine these two are cured.
    assert len(outcomes[cured.id].failures) == (2 if judge == "engine" else 0)


@pytest.mark.parametrize("required, outcome", [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_torch_fails_where_it_is_required(
    required: str,
    outcome: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    run_on: Runner,
) -> None:
    monkeypatch.setattr(judges, "have_torch", lambda: False)
    monkeypatch.setenv(judges.REQUIRE_TORCH, required)
    with pytest.raises(outcome):
        test_torch.test_torch_agrees(RIGHT, run_on)


def finding(line: int, code: str, fix: Fix | None = None) -> Finding:
    return Finding(code, "planted", "claim.py", Span(line, 1, line, 2), "planted", Severity.ERROR, fix=fix)


class Oracle(judges.Analyser):
    """Answers about one block, in whatever text it comes, as the marks of that block say."""

    def __init__(self, block: Block) -> None:
        self.block = block

    def findings(self, source: str, options: Options) -> list[Finding]:
        shift = next(n for n, line in enumerate(source.splitlines()) if line.strip() == "import torch")
        comments = {t.start[0] - shift: t.string for t in tokens(source) if t.string.startswith("#")}
        return [
            finding(line + shift, code)
            for line, code in self.block.expected()
            if f"ignore[{code}]" not in comments.get(line, "") and f"noqa: {code}" not in comments.get(line, "")
        ]

    def predictions(self, source: str, options: Options) -> list[Prediction]:
        _, questions = Probes(self.block).text()
        found = []
        for question in questions:
            answer = test_predictions.ANSWERS[question.mark.value]
            for line in question.lines:
                flag, grad, inference = (answer if question.field == field else None for field in FIELDS)
                found.append(
                    Prediction("claim.py", line, 1, question.name, flag, Certainty.CERTAIN, grad, inference, "")
                )
        return self.one_each(found)

    def one_each(self, found: Sequence[Prediction]) -> list[Prediction]:
        """Predictions of one place joined, as a real analyser gives them."""
        joined: dict[tuple[int, str], Prediction] = {}
        for prediction in found:
            old = joined.setdefault((prediction.line, prediction.name), prediction)
            joined[prediction.line, prediction.name] = replace(
                old,
                requires_grad=old.requires_grad if prediction.requires_grad is None else prediction.requires_grad,
                grad_mode=old.grad_mode if prediction.grad_mode is None else prediction.grad_mode,
                inference_mode=old.inference_mode if prediction.inference_mode is None else prediction.inference_mode,
            )
        return list(joined.values())

    def wants(self, source: str, options: Options) -> bool:
        return True

    def broken_ir(self, source: str) -> list[str]:
        return []

    def mended(self, source: str, options: Options) -> str:
        return source

    def confirmed(self, source: str, options: Options, engine: str) -> list[Finding]:
        known = {mark.line for mark in self.block.of("witness")}
        return [
            replace(f, witness=Witness(Verdict.UNCONFIRMED if f.span.line in known else Verdict.CONFIRMED))
            for f in self.findings(source, options)
        ]


class Mends(Oracle):
    """Reports `with torch.no_grad:` and puts the parentheses there."""

    def findings(self, source: str, options: Options) -> list[Finding]:
        found = []
        for number, line in enumerate(source.splitlines(), 1):
            if line.endswith("no_grad:"):
                edit = Edit(Span(number, len(line), number, len(line)), "()")
                found.append(finding(number, "GRD131", Fix("call it", (edit,), Safety.SAFE)))
        return found

    def mended(self, source: str, options: Options) -> str:
        return source.replace("no_grad:", "no_grad():")


Check = Callable[[judges.Analyser, Block], list[str]]
CHECKS: dict[str, Check] = {
    "findings": test_findings.complaints,
    "predictions": test_predictions.complaints,
    "ir": test_ir.complaints,
    "sift": test_sift.complaints,
    "ignores": test_ignores.complaints,
    "fixes": test_fixes.complaints,
    "twins": test_twins.complaints,
    "witness": lambda analyser, block: test_witness.complaints(analyser, block, "engine"),
}
BAD = block_of(
    "x = torch.ones(2, requires_grad=True)  # requires_grad: True",
    "with torch.no_grad():  # grad_mode: off",
    "    y = x * 2  # requires_grad: False",
    "(y * 2).sum()  # requires_grad: False",
    "y.sum().backward()  # GRD101  raises: RuntimeError",
)
KNOWN = block_of(
    "x = torch.ones(2)  # requires_grad: False  missed: requires_grad",
    "y = x * 2  # requires_grad: False  wrong: requires_grad",
    "z = y  # missed: GRD101",
    "z = y  # false alarm: GRD102",
    "z = y  # GRD103  witness: unconfirmed",
)
UNFIXED = block_of("with torch.no_grad:  # GRD131", "    pass")


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_every_check_lets_the_truth_pass(check: Check) -> None:
    # An oracle does not err in the predictions that some blocks record as missed or wrong.
    errs = {block.id for block in BLOCKS for mark in block.of("missed", "wrong") if mark.value in MODES + FLAGS}
    told = [text for block in BLOCKS if block.id not in errs for text in check(Oracle(block), block)]
    assert not told, "\n".join(told)


def lying(base: Oracle, **methods: Callable[..., object]) -> judges.Analyser:
    """An oracle of which some methods are replaced."""
    for name, method in methods.items():
        setattr(base, name, method)
    return base


def twisted(block: Block, **changes: object) -> judges.Analyser:
    """An oracle whose predictions all have a field changed."""
    found = [replace(p, **changes) for p in Oracle(block).predictions("", ())]  # type: ignore[arg-type]
    return lying(Oracle(block), predictions=lambda source, options: found)


def verdict(block: Block, given: Verdict) -> judges.Analyser:
    witnessed = [replace(f, witness=Witness(given)) for f in Oracle(block).findings(block.source, ())]
    return lying(Oracle(block), confirmed=lambda source, options, engine: witnessed)


def only_in(block: Block, text: str) -> judges.Analyser:
    """An oracle that loses its findings in programs that hold `text`."""
    oracle = Oracle(block)
    return lying(
        Oracle(block), findings=lambda source, options: [] if text in source else oracle.findings(source, options)
    )


LIES: tuple[tuple[str, str, judges.Analyser, Block], ...] = (
    ("a missed alarm", "findings", lying(Oracle(BAD), findings=lambda s, o: []), BAD),
    (
        "a false alarm",
        "findings",
        lying(Oracle(BAD), findings=lambda s, o: [finding(8, "GRD101"), finding(5, "GRD101")]),
        BAD,
    ),
    ("a finding told twice", "findings", lying(Oracle(BAD), findings=lambda s, o: [finding(8, "GRD101")] * 2), BAD),
    (
        "the right code on the wrong line",
        "findings",
        lying(Oracle(BAD), findings=lambda s, o: [finding(7, "GRD101")]),
        BAD,
    ),
    (
        "a missed alarm that is cured",
        "findings",
        lying(Oracle(KNOWN), findings=lambda s, o: [finding(6, "GRD101"), finding(7, "GRD102"), finding(8, "GRD103")]),
        KNOWN,
    ),
    (
        "a false alarm that is cured",
        "findings",
        lying(Oracle(KNOWN), findings=lambda s, o: [finding(8, "GRD103")]),
        KNOWN,
    ),
    ("unknown for a definite answer", "predictions", twisted(BAD, requires_grad=None), BAD),
    ("the opposite answer", "predictions", twisted(BAD, requires_grad=True), BAD),
    ("no predictions", "predictions", lying(Oracle(BAD), predictions=lambda s, o: []), BAD),
    ("a wrong mode", "predictions", twisted(BAD, grad_mode=True), BAD),
    ("a missed prediction that is cured", "predictions", twisted(KNOWN, requires_grad=False), KNOWN),
    ("IR that breaks a rule", "ir", lying(Oracle(BAD), broken_ir=lambda s: ["planted"]), BAD),
    ("a sieve too fine", "sift", lying(Oracle(BAD), wants=lambda s, o: False), BAD),
    (
        "an ignore comment that is overlooked",
        "ignores",
        lying(Oracle(BAD), findings=lambda s, o: [finding(8, "GRD101")]),
        BAD,
    ),
    ("a fix that does not parse", "fixes", lying(Mends(UNFIXED), mended=lambda s, o: s + ")"), UNFIXED),
    ("a fix that mends nothing", "fixes", lying(Mends(UNFIXED), mended=lambda s, o: s), UNFIXED),
    (
        "a fix that goes on and on",
        "fixes",
        lying(Mends(UNFIXED), mended=lambda s, o: s.replace("no_grad:", "no_grad():") + "pass\n"),
        UNFIXED,
    ),
    ("a twin under another module name", "twins", only_in(BAD, "import torch as th"), BAD),
    ("a twin under other mode names", "twins", only_in(BAD, "no_grad as ng"), BAD),
    ("a twin in a function", "twins", only_in(BAD, "wrapped_program"), BAD),
    ("a witness that is missing", "witness", lying(Oracle(BAD), confirmed=lambda s, o, e: [finding(8, "GRD101")]), BAD),
    ("a witness that shows nothing", "witness", verdict(BAD, Verdict.UNCONFIRMED), BAD),
    ("a witness that refutes", "witness", verdict(BAD, Verdict.REFUTED), BAD),
    ("a witness that is cured", "witness", verdict(KNOWN, Verdict.CONFIRMED), KNOWN),
)


@pytest.mark.parametrize("check, liar, about", [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_every_check_finds_a_planted_error(check: str, liar: judges.Analyser, about: Block) -> None:
    assert CHECKS[check](liar, about)


def test_every_check_has_a_planted_error() -> None:
    assert {lie[1] for lie in LIES} == set(CHECKS)


def test_a_fix_that_mends_passes() -> None:
    assert not test_fixes.complaints(Mends(UNFIXED), UNFIXED)


def test_a_page_that_shows_another_fix_is_found() -> None:
    wrong = block_of("with torch.no_grad():", "    pass", "    pass")
    right = block_of("with torch.no_grad():  # called", "    pass")
    assert test_fixes.shown_fix_differs(Mends(UNFIXED), UNFIXED, wrong)
    assert not test_fixes.shown_fix_differs(Mends(UNFIXED), UNFIXED, right)


ROWS = (("a.py", 3, "GRD101"), ("b.py", 1, "GRD201"))
PRINTED = {
    "text": "\n".join(f"{path}:{line}:1: {code} planted" for path, line, code in ROWS),
    "json": json.dumps([{"path": path, "line": line, "code": code} for path, line, code in ROWS]),
    "jsonl": "\n".join(json.dumps({"path": path, "line": line, "code": code}) for path, line, code in ROWS),
    "sarif": json.dumps(
        {
            "runs": [
                {
                    "results": [
                        {
                            "ruleId": code,
                            "locations": [
                                {"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": line}}}
                            ],
                        }
                        for path, line, code in ROWS
                    ]
                }
            ]
        }
    ),
    "github": "\n".join(f"::error file={path},line={line},col=1,title={code}::planted" for path, line, code in ROWS),
    "gitlab": json.dumps(
        [{"check_name": code, "location": {"path": path, "lines": {"begin": line}}} for path, line, code in ROWS]
    ),
    "junit": "<testsuites><testsuite>"
    + "".join(
        f'<testcase name="{code}" file="{path}" line="{line}"><failure message="planted"/></testcase>'
        for path, line, code in ROWS
    )
    + "</testsuite></testsuites>",
}


def printed(**changed: str) -> dict[tuple[str, int], str]:
    """What each format prints under each seed; `changed` gives some another text under the last seed."""
    last = test_formats.SEEDS[-1]
    return {
        (form, seed): changed.get(form, text) if seed == last else text
        for form, text in PRINTED.items()
        for seed in test_formats.SEEDS
    }


def test_formats_that_agree_pass() -> None:
    assert set(PRINTED) == set(formats.READERS)
    assert not test_formats.complaints(printed())


@pytest.mark.parametrize("form", PRINTED)
def test_formats_that_differ_are_found(form: str) -> None:
    wrong_line = PRINTED[form].replace("3", "4", 1)
    assert formats.READERS[form](wrong_line) != list(ROWS)
    assert test_formats.complaints(printed(**{form: wrong_line}))
    assert test_formats.complaints(printed(**{form: PRINTED[form] + "\n"}))


def test_formats_that_all_say_nothing_are_found() -> None:
    assert test_formats.complaints({("jsonl", seed): "" for seed in test_formats.SEEDS})
