"""`python -m tools.enumerate [NAME...]`: every transfer function of the analyser over all its finite inputs.

Each function, method and attribute in the tables (calls.txt), and each statement in subjects.txt, is written as a small
program once for each combination of its inputs (cases.py), analysed, and run on the engine, or with `--judge torch` on
PyTorch (judge.py); where the engine contradicts and PyTorch is installed, PyTorch decides. Exit status 1 if any answer
that is certain is contradicted.

    python -m tools.enumerate --slice --judge torch    a handful of cases of each name, half a minute
    python -m tools.enumerate --judge torch            all of them, an hour
    python -m tools.enumerate torch.add Tensor.mul_    those whose names contain a text
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from .cases import CALLS, SUBJECTS, Case, Subject, cases, subjects
from .judge import AT_ONCE, FLAGS, Report, Runner, judge


def runner_of(name: str) -> Runner:
    if name == "torch":
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        return Runner(torch, ())
    engine = importlib.import_module("gradlint_runtime")
    return Runner(
        engine.assemble(), (importlib.import_module("gradlint_runtime.errors").Unsupported, NotImplementedError)
    )


def all_subjects() -> list[Subject]:
    return [subject for path in (CALLS, SUBJECTS) if path.exists() for subject in subjects(path)]


def judged(task: tuple[Subject, str, str]) -> Report:
    subject, judge_name, share = task
    report = _judged(subject, judge_name, share)
    if judge_name == "engine" and (report.wrong or report.doubtful) and importlib.util.find_spec("torch"):
        # When the two differ PyTorch is right.
        right = _judged(subject, "torch", share)
        report.apart = [text for text in report.wrong if text not in right.wrong]
        report.wrong, report.doubtful = right.wrong, right.doubtful
    return report


def _judged(subject: Subject, judge_name: str, share: str) -> Report:
    runner = runner_of(judge_name)
    report = Report()
    todo: list[Case] = list(cases(subject, share))
    for first in range(0, len(todo), AT_ONCE):
        report.add(judge(todo[first : first + AT_ONCE], runner))
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.enumerate", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names; all where none is given")
    parser.add_argument("--judge", choices=("engine", "torch"), default="engine")
    parser.add_argument("--slice", action="store_true", help="a handful of cases of the first call of each name")
    parser.add_argument("--first", action="store_true", help="all cases of the first call of each name, and no others")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--likely", action="store_true", help="show contradicted likely answers, too")
    options = parser.parse_args()
    chosen = [s for s in all_subjects() if not options.names or any(part in s.name for part in options.names)]
    first = {id(subject) for subject in {s.name: s for s in reversed(chosen)}.values()}
    tasks = [
        (s, options.judge, "slice" if options.slice else "whole" if id(s) in first or s.name[0] == "~" else "further")
        for s in chosen
        if id(s) in first or not options.slice and not options.first
    ]
    start = time.perf_counter()
    report = Report()
    shown: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        for one in pool.map(judged, tasks, chunksize=4):
            show(one.wrong, "certain", shown)
            show(one.apart, "PyTorch differs from the engine", shown)
            show(one.doubtful if options.likely else [], "likely", shown)
            report.add(one)
    tell(report, options.judge, time.perf_counter() - start)
    return 1 if report.wrong else 0


def show(found: list[str], what: str, shown: Counter[tuple[str, str]]) -> None:
    """The first contradiction of each kind, by the name of the subject and what is said."""
    for text in found:
        kind = text.partition(": ")[0], text.rpartition("]: ")[2]
        shown[kind] += 1
        if shown[kind] == 1:
            print(f"{what}: {text}", flush=True)


def tell(report: Report, judge_name: str, seconds: float) -> None:
    counts: Counter[str] = report.counts
    print(
        f"judge {judge_name}: names {len(report.names)}, cases {counts['cases']}, of these refused by it {counts['refused']}, "
        f"run to the end {counts['ran']}"
    )
    for group in ("", "vague "):
        for flag in FLAGS:
            asked = counts[f"{group}{flag} asked"]
            if asked:
                answered, certain = counts[f"{group}{flag} answered"], counts[f"{group}{flag} certain"]
                print(
                    f"  {group + flag:16} asked {asked:8}, answered {answered / asked:7.2%}, certain {certain / asked:7.2%}"
                )
    print(
        f"errors told {counts['errors told']}; certain answers contradicted {len(report.wrong)}, likely ones "
        f"{len(report.doubtful)}, by the engine alone {len(report.apart)}; {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
