"""Judges cases: what the analyser believes of each name, against what the name holds when the case runs.

A case is sound where all that was seen lies within what is believed: each flag that is believed has that value, a line that
the analyser holds for unreachable is not reached, an error that it is certain of is raised. A flag is *answered* where it
is believed at all; it has an answer where all runs of the case agree.
"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gradlint import pipeline
from gradlint.analysis import run as analysis
from gradlint.analysis.machine import Machine
from gradlint.analysis.values import Const, Opaque, Tensor, Truth, join_truths, leaves, summary
from gradlint.findings import Certainty, Severity
from gradlint.sources.settings import Settings
from gradlint.syntax.unit import Unit

from .cases import Case

PRELUDE = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n"
FLAGS = ("rg", "leaf", "floating", "inference", "scalar", "single", "plain")
AT_ONCE = 40
"""Cases that are put in one program."""
SETTINGS = Settings(select=("ALL",))
MARK = "__"
"""Names with this are looked at: each is bound once in a program."""


@dataclass
class Believed:
    """What the analyser holds of the names of a program. `flags`: by name, a truth for each flag; `other`: the names that
    hold no tensor, for certain; `errors`: the lines of errors that it finds, with whether it is certain."""

    flags: dict[str, dict[str, Truth]] = field(default_factory=dict)
    other: set[str] = field(default_factory=set)
    errors: dict[int, list[tuple[str, bool]]] = field(default_factory=lambda: defaultdict(list))
    failed: str = ""


@dataclass
class Seen:
    """What the runs of a program showed."""

    flags: dict[str, list[dict[str, bool]]] = field(default_factory=lambda: defaultdict(list))
    other: set[str] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)


@dataclass
class Report:
    """`wrong`: contradictions of certain answers, `doubtful`: of likely ones; `apart`: those of the engine that PyTorch does
    not share; `counts`: of each flag, how often there was an
    answer, and how often it was given."""

    wrong: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)

    def add(self, other: Report) -> None:
        self.wrong += other.wrong
        self.doubtful += other.doubtful
        self.apart += other.apart
        self.counts += other.counts
        self.names |= other.names


class _Listening(Machine):
    """The machine, telling what it binds to names."""

    heard: Believed

    def bound(self, name: str, at: int, value: Any) -> None:
        super().bound(name, at, value)
        if self.quiet or self.state.dead or MARK not in name or self.disbelief:
            return
        for leaf in leaves(self.state.simplify(value)):
            thing = self.get(leaf)
            if isinstance(thing, Tensor):
                told = {flag: summary(self.simplified(getattr(thing, flag))) for flag in FLAGS}
            elif isinstance(leaf, Opaque) and leaf.kind not in ("number", "module", "array"):
                told = {flag: Truth(None) for flag in FLAGS} | {"rg": summary(self.simplified(leaf.rg))}
            else:
                if isinstance(leaf, Const):
                    self.heard.other.add(name)
                continue
            known = self.heard.flags.setdefault(name, told)
            self.heard.flags[name] = {flag: join_truths({known[flag], told[flag]}) for flag in FLAGS}


def believed(source: str) -> Believed:
    unit = Unit("program.py", source.encode())
    heard = Believed()

    class Here(_Listening):
        pass

    Here.heard = heard
    kept = analysis.Machine, analysis.views_of
    analysis.Machine, analysis.views_of = Here, lambda *_: ()  # type: ignore[misc, assignment]
    try:
        report = analysis.analyse(unit, predict=True)
    except Exception as error:  # a crash is what is looked for, too
        heard.failed = f"{type(error).__name__}: {error}"
        return heard
    finally:
        analysis.Machine, analysis.views_of = kept  # type: ignore[misc]
    if report.cuts:
        heard.failed = report.cuts[0].reason
    for finding in pipeline._found(report, pipeline.chosen_rules(SETTINGS)):
        if finding.severity is Severity.ERROR:
            told = f"{finding.code} {finding.message}", finding.certainty is Certainty.CERTAIN
            heard.errors[finding.span.line].append(told)
    return heard


class _Watch(ast.NodeTransformer):
    """Puts a call behind each statement that says that its line has ended."""

    def _behind(self, node: ast.stmt) -> list[ast.stmt]:
        call = ast.Call(ast.Name("ended__", ast.Load()), [ast.Constant(node.lineno)], [])
        return [node, ast.Expr(call)]

    visit_Assign = visit_AugAssign = visit_Expr = _behind


class Runner:
    """Runs cases on a module called `torch`; `refusal` is what that raises for what it does not support."""

    def __init__(self, torch: Any, refusal: tuple[type[BaseException], ...]) -> None:
        self.torch, self.refusal = torch, refusal

    def run(self, source: str, calls: Iterable[tuple[str, Case]]) -> tuple[Seen, set[str]]:
        """What was seen in all runs of the functions; and which of them ran into something that is not supported."""
        seen, refused = Seen(), set()
        space = self.space(seen)
        text = "\n" * PRELUDE.count("\n") + source.removeprefix(PRELUDE)
        tree = ast.fix_missing_locations(_Watch().visit(ast.parse(text)))
        exec(compile(tree, "program", "exec"), space)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, case in calls:
                for values in itertools.product(*case.unknown.values()):
                    if not self.once(space, name, values):
                        refused.add(name)
        return seen, refused

    def seed(self) -> None:
        generator = getattr(self.torch, "default_generator", None)
        (generator or self.torch).manual_seed(0)  # `torch.manual_seed` walks the stack for each kind of device

    def once(self, space: dict[str, Any], name: str, values: tuple[str, ...]) -> bool:
        self.seed()
        try:
            for bound, value in space[name](*(eval(value, space) for value in values)).items():
                if MARK in bound:
                    space["look"](bound, value)
        except self.refusal:
            return False
        except Exception:  # what a program raises is its own affair
            pass
        finally:
            self.torch.set_grad_enabled(True)
        return True

    def space(self, seen: Seen) -> dict[str, Any]:
        torch = self.torch

        def look(name: str, value: Any) -> None:
            if not isinstance(value, torch.Tensor):
                seen.other.add(name)
                return
            floating = value.is_floating_point() or value.is_complex()
            seen.flags[name].append({
                "rg": value.requires_grad, "leaf": value.is_leaf, "inference": value.is_inference(),
                "floating": floating, "scalar": value.dim() == 0,
                "single": value.numel() == 1, "plain": not floating or value.dtype == torch.float32,
            })  # fmt: skip

        def made(text: str, name: str) -> Any:
            space: dict[str, Any] = {"torch": torch}
            exec(text, space)
            return space[name]

        return {
            "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "look": look, "ended__": seen.ended.add,
            "made": made, "__name__": "program",
        }  # fmt: skip


def program(cases: list[Case]) -> tuple[str, list[tuple[str, Case]], list[int]]:
    """A program with a function for each case, the names of the functions, and the line behind each."""
    text, named, ends = PRELUDE, [], []
    for number, case in enumerate(cases):
        name = f"case_{number}"
        text += case.text(name, number)
        named.append((name, case))
        ends.append(text.count("\n"))
    return text, named, ends


def called(named: list[tuple[str, Case]]) -> str:
    """Calls of the functions whose arguments are known: the others are ways into the program of their own."""
    return "".join(f"try:\n    {name}()\nexcept Exception:\n    pass\n" for name, case in named if not case.unknown)


def judge(cases: list[Case], runner: Runner) -> Report:
    source, named, ends = program(cases)
    heard = believed(source + called(named))
    seen, refused = runner.run(source, named)
    report = Report(names={case.subject.name for case in cases})
    if heard.failed:
        report.wrong.append(f"{cases[0]}: the analysis failed: {heard.failed}")
        return report
    first = PRELUDE.count("\n") + 1
    for number, ((name, case), last) in enumerate(zip(named, ends, strict=True)):
        report.counts["cases"] += 1
        if name in refused:
            report.counts["refused"] += 1
        else:
            _case(report, case, number, range(first, last + 1), heard, seen)
        first = last + 1
    return report


def _case(report: Report, case: Case, number: int, lines: range, heard: Believed, seen: Seen) -> None:
    for line in lines:
        for text, certain in heard.errors.get(line, ()):
            report.counts["errors told"] += 1
            if line in seen.ended:
                _say(report, case, certain, f"line {line - lines.start}: {text}: and it ran")
    report.counts["ran"] += f"end{MARK}{number}" in seen.flags
    for name in case.names(number):
        if name in seen.flags or name in seen.other:
            for certain, text in contradictions(name, heard, seen, report.counts, bool(case.unknown)):
                _say(report, case, certain, f"{name.partition(MARK)[0]}: {text}")


def _say(report: Report, case: Case, certain: bool, text: str) -> None:
    (report.wrong if certain else report.doubtful).append(f"{case}: {text}")


def contradictions(
    name: str, heard: Believed, seen: Seen, counts: Counter[str], vague: bool
) -> Iterator[tuple[bool, str]]:
    told, held = heard.flags.get(name), seen.flags.get(name, [])
    if told is None and name not in heard.other:
        if held:
            counts["unheard"] += 1
            if name.startswith("end"):
                yield True, "held for unreachable, and reached"
        return
    if told is None:
        if held and not vague:  # of two unknown values it is only the outcome of a comparison that is asked for
            yield True, "held for no tensor, and is one"
        return
    for flag in FLAGS if held else ():
        values = {each[flag] for each in held}
        truth = told[flag]
        group = f"{'vague ' if vague else ''}{flag}"
        if flag == "plain":
            if truth.value and values != {True}:
                yield not truth.assumed, "plain is True, and was False"
            continue
        if len(values) == 1:
            counts[f"{group} asked"] += 1
            counts[f"{group} answered"] += truth.value is not None
            counts[f"{group} certain"] += truth.value is not None and not truth.assumed
        if truth.value is not None and values != {truth.value}:
            yield not truth.assumed, f"{flag} is {truth.value}, and was {sorted(values)}"
