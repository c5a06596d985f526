"""`python -m tools.fuzz.predict --seed S --count N`: N random programs, predicted by the analyser and then run on PyTorch.

A prediction is refuted where a name holds something else when the program runs, or is bound in another mode; an error
that the analyser is certain of is refuted where its line was run to the end. Exit status 1 if any certain one is.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import queue
import sys
import threading
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from gradlint import pipeline
from gradlint.findings import Certainty, Finding, Prediction, Severity
from gradlint.sources.settings import Settings

from . import constructs, generate
from .compare import shrunk
from .observe import compiled
from .workers import apart

PRELUDE = """import asyncio, collections, concurrent.futures, contextlib, copy
import dataclasses, functools, itertools, threading, zlib
import torch
import torch.nn as nn
import torch.nn.functional as F


def note(*values):
    return None


def walk(tensor):
    return None


def caught(error):
    return None


def coin(number):
    return zlib.crc32(b"%d" % number) % 2 == 0


def fail(*args):
    raise ValueError("failed")


def in_thread(function):
    worker = threading.Thread(target=function)
    worker.start()
    worker.join()


"""
LINES = PRELUDE.count("\n")
"""How many lines stand before the first of a program."""
SEEN = "__seen__"
BEGUN = "__begun__"
ENDED = "__ended__"
SETTINGS = Settings(select=("ALL",))
TOGETHER = 20
"""Seeds that one process judges in a go."""
WRITERS = {"operators": generate.program, "python": constructs.program}
"""What writes the program of a seed, by what most of it is about."""
Bound = tuple[int, str]


@dataclass
class Watched:
    """What a run showed: by line and name what was bound there (requires_grad, grad mode, inference mode), and the lines
    of statements that ran to their end."""

    bound: dict[Bound, set[tuple[bool, bool, bool]]] = field(default_factory=lambda: defaultdict(set))
    begun: Counter[int] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)
    loops: list[tuple[int, int]] = field(default_factory=list)
    """First and last lines of loops: where one raises, what it has run once it may not run again."""

    @property
    def raised(self) -> set[int]:
        """The lines of statements that did not come to their end."""
        return {line for line, count in self.begun.items() if count != self.ended[line]}


@dataclass(frozen=True)
class Refuted:
    what: str
    line: int
    certain: bool
    kind: str


class _Watch(ast.NodeTransformer):
    """Puts a call behind each statement: which line has ended, and what its names hold."""

    def _behind(self, node: ast.stmt) -> list[ast.stmt]:
        self.generic_visit(node)
        begun = _call(BEGUN, ast.Constant(node.lineno))
        calls = [_call(ENDED, ast.Constant(node.lineno))]
        for name in _names(node):
            held = ast.Name(name.id, ast.Load())
            calls.append(_call(SEEN, ast.Constant(name.lineno), ast.Constant(name.id), held))
        return [begun, node, *calls]

    visit_Assign = visit_AugAssign = visit_Expr = _behind

    def visit_For(self, node: ast.For) -> ast.stmt:
        self.generic_visit(node)
        node.body = [*_looks(node.target), *node.body]
        return node

    def visit_With(self, node: ast.With) -> ast.stmt:
        self.generic_visit(node)
        node.body = [*(look for item in node.items for look in _looks(item.optional_vars)), *node.body]
        return node

    def visit_If(self, node: ast.If) -> ast.stmt:
        self.generic_visit(node)
        for part in ast.walk(node.test):
            if isinstance(part, ast.NamedExpr):
                node.body = [*_looks(part.target), *node.body]
        return node


def _looks(target: ast.expr | None) -> list[ast.stmt]:
    """Statements that look at what the names of a target hold."""
    names = [name for name in ast.walk(target) if isinstance(name, ast.Name)] if target is not None else []
    return [_call(SEEN, ast.Constant(n.lineno), ast.Constant(n.id), ast.Name(n.id, ast.Load())) for n in names]


def _call(function: str, *args: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Name(function, ast.Load()), list(args), []))


def _names(node: ast.stmt) -> Iterator[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part


def watched(source: str) -> Watched:
    """Run a program on PyTorch, to its end or to the first exception."""
    tree = ast.fix_missing_locations(_Watch().visit(ast.parse(source)))
    code = compile(tree, "program", "exec")
    result = Watched()
    result.loops = [(node.lineno, node.end_lineno or 0) for node in ast.walk(tree) if isinstance(node, ast.For)]

    def seen(line: int, name: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            result.bound[line, name].add(
                (value.requires_grad, torch.is_grad_enabled(), torch.is_inference_mode_enabled())
            )

    def begun(line: int) -> None:
        result.begun[line] += 1

    def ended(line: int) -> None:
        result.ended[line] += 1

    def work() -> None:
        space: dict[str, Any] = {SEEN: seen, BEGUN: begun, ENDED: ended, "__name__": "__main__"}
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            with contextlib.suppress(BaseException):
                exec(code, space)
        space.clear()

    _in_thread(work)
    return result


def _in_thread(work: Callable[[], None]) -> None:
    """Run it in a thread of its own: the modes of a thread end with it."""
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    torch.autograd.set_detect_anomaly(False)


def whole(statements: list[str]) -> str:
    return PRELUDE + "\n".join(statements) + "\n"


def settled(seed: int, about: str = "operators") -> list[str]:
    """The statements of a seed without those at its top level that raise, except the last."""
    statements = WRITERS[about](seed)
    failed = _failing(statements)
    return [text for number, text in enumerate(statements) if number not in failed or number == len(statements) - 1]


def _failing(statements: list[str]) -> set[int]:
    """The numbers of the statements that raise when all are run, each by itself."""
    found: set[int] = set()
    codes = compiled([PRELUDE, *statements])

    def work() -> None:
        space: dict[str, Any] = {"__name__": "__main__"}
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            for number, code in enumerate(codes):
                try:
                    exec(code, space)
                except BaseException:
                    found.add(number - 1)
        space.clear()

    _in_thread(work)
    return found


def judged(source: str) -> tuple[list[Refuted], Counter[str]]:
    """What a run refutes, and how much there was to refute."""
    run = watched(source)
    totals: Counter[str] = Counter()
    told: list[Refuted] = []
    predicted = pipeline.predict_bytes("program.py", source.encode(), alone=True)
    checked = pipeline.check_bytes("program.py", source.encode(), SETTINGS, alone=True)
    for failure in (predicted.failure, checked.failure):
        if failure is not None:
            told.append(Refuted(failure.message, 0, True, failure.message))
    for one in predicted.predictions:
        told += _of_prediction(one, run, totals)
    for finding in checked.findings:
        told += _of_finding(finding, run, totals)
    return told, totals


def _of_prediction(one: Prediction, run: Watched, totals: Counter[str]) -> Iterator[Refuted]:
    seen = run.bound.get((one.line, one.name))
    if not seen:
        return
    certain = one.certainty is Certainty.CERTAIN
    for what, value, held in (
        ("requires_grad", one.requires_grad, {flag for flag, _, _ in seen}),
        ("grad_mode", one.grad_mode, {mode for _, mode, _ in seen}),
        ("inference_mode", one.inference_mode, {mode for _, _, mode in seen}),
    ):
        totals[f"{what} {'unknown' if value is None else 'certain' if certain else 'likely'}"] += 1
        if value is not None and held != {value}:
            text = (
                f"{one.name}: {what}={value} ({'certain' if certain else 'likely'}), and was {sorted(held)}: {one.why}"
            )
            yield Refuted(text, one.line, certain, f"{what}={value} {one.why}")


def _of_finding(finding: Finding, run: Watched, totals: Counter[str]) -> Iterator[Refuted]:
    totals[f"finding {finding.code}"] += 1
    line = finding.span.line
    certain = finding.certainty is Certainty.CERTAIN
    whole_line = line == finding.span.end_line and line not in run.raised
    whole_line = whole_line and not any(
        first <= line <= last and any(first <= at <= last for at in run.raised) for first, last in run.loops
    )
    if finding.severity is Severity.ERROR and line in run.ended and whole_line:
        yield Refuted(f"{finding.code} {finding.message}", line, certain, finding.code)


def show(seed: int, about: str, one: Refuted) -> None:
    """The smallest program that shows the same."""

    def found(statements: list[str]) -> list[Refuted]:
        told, _ = judged(whole(statements))
        return [each for each in told if (each.certain, each.kind) == (one.certain, one.kind)]

    small = shrunk(settled(seed, about), lambda statements: bool(found(statements)))
    again = (found(small) or [one])[0]
    print(f"--- seed {seed}, line {again.line - LINES}: {again.what}")
    print("\n".join(small))


Told = tuple[list[tuple[int, Refuted]], Counter[str]]


def judged_seeds(about: str, seeds: range) -> Told:
    """What the programs of some seeds refute, and how much there was to refute."""
    threading.excepthook = lambda args: None  # what threads of the programs raise is theirs
    torch.set_num_threads(1)
    found: list[tuple[int, Refuted]] = []
    totals: Counter[str] = Counter()
    for seed in seeds:
        told, seen = judged(whole(settled(seed, about)))
        found += [(seed, one) for one in told]
        totals += seen
        totals["programs"] += 1
    return found, totals


def several(about: str, blocks: list[range], jobs: int) -> Iterator[Told]:
    """The blocks of seeds in processes of their own: a program may bring PyTorch to a crash, and is lost then."""
    done: queue.SimpleQueue[Told | None] = queue.SimpleQueue()

    def work(own: list[range]) -> None:
        judge = partial(judged_seeds, about)
        for block, result in apart(judge, own):
            if result is not None:
                done.put(result)
                continue
            for _, one in apart(judge, [range(seed, seed + 1) for seed in block]):
                done.put(one or ([], Counter({"programs lost in a crash": 1})))
        done.put(None)

    workers = [threading.Thread(target=work, args=(blocks[number::jobs],), daemon=True) for number in range(jobs)]
    for worker in workers:
        worker.start()
    while workers:
        result = done.get()
        if result is None:
            workers.pop()
        else:
            yield result


def main() -> int:
    threading.excepthook = lambda args: None  # what threads of the programs raise is theirs
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz.predict", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first program; the next have the next seeds")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--about", choices=list(WRITERS), default="operators", help="what the programs are made of")
    parser.add_argument("--most", type=int, default=10, help="show at most so many kinds of refuted answers")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    start = time.perf_counter()
    totals: Counter[str] = Counter()
    kinds: dict[tuple[bool, str], tuple[int, Refuted]] = {}
    refuted: Counter[bool] = Counter()
    seeds = range(options.seed, options.seed + options.count)
    blocks = [seeds[at : at + TOGETHER] for at in range(0, options.count, TOGETHER)]
    for told, seen in several(options.about, blocks, options.jobs):
        totals += seen
        for seed, one in told:
            refuted[one.certain] += 1
            if (one.certain, one.kind) not in kinds:
                kinds[one.certain, one.kind] = seed, one
                print(f"seed {seed}: {one.what}", flush=True)
    for _, (seed, one) in sorted(kinds.items(), key=lambda item: not item[0][0])[: options.most]:
        show(seed, options.about, one)
    for name, count in sorted(totals.items()):
        print(f"{name:32} {count}")
    print(
        f"{totals['programs']} programs, {refuted[True]} certain answers refuted, {refuted[False]} likely ones, "
        f"in {len(kinds)} ways; {time.perf_counter() - start:.0f} s"
    )
    return 1 if refuted[True] else 0


if __name__ == "__main__":
    sys.exit(main())
