"""What the comparisons of whole parts, modules and optimizers, have in common: options, workers, and the table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def parser(about: str, dtypes: str = "float64,float32") -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=about)
    made.add_argument("--only", help="names, separated by commas")
    made.add_argument("--dtypes", default=dtypes)
    made.add_argument("--samples", type=int, default=10_000, help="at most so many samples of each dtype")
    made.add_argument("--seconds", type=int, default=20, help="limit for one sample")
    made.add_argument("--jobs", type=int, default=2)
    made.add_argument("--json")
    made.add_argument("--quiet", action="store_true", help="only what differs")
    return made


def put(report: Any, label: str, told: str) -> None:
    """What came of one sample: equal, or how it differs."""
    if told:
        report.wrong.append(f"{label} {told}")
    else:
        report.equal += 1


def gathered(chosen: list[int], examine: Callable[..., Any], options: argparse.Namespace) -> list[Any]:
    """The reports of those that are chosen, by several workers; also in a file, where one is asked for."""
    if options.jobs == 1:
        reports = [examine(index, options) for index in chosen]
    else:
        with ProcessPoolExecutor(options.jobs) as pool:
            reports = list(pool.map(examine, chosen, [options] * len(chosen), chunksize=2))
    if options.json:
        with open(options.json, "w") as file:
            json.dump([{**vars(report), "refused": dict(report.refused)} for report in reports], file, indent=1)
    return reports


def examined(what: str, names: list[str], examine: Callable[..., Any], options: argparse.Namespace) -> None:
    asked = options.only.split(",") if options.only else names
    chosen = [index for index, name in enumerate(names) if name in asked]
    show(what, gathered(chosen, examine, options), options.quiet)


def show(what: str, reports: list[Any], quiet: bool) -> None:
    for report in reports:
        refused = sum(report.refused.values())
        state = "DIFFERS" if report.wrong else "missing" if not report.equal else "ok"
        if not quiet or report.wrong:
            print(f"{report.name:32} {state:8} samples {report.samples:4} equal {report.equal:4} refused {refused:4} "
                  f"different {len(report.wrong):3} second {report.second:4}")  # fmt: skip
        for line in report.wrong[:3]:
            print("     ", line[:260])
        if not quiet:
            for reason, count in report.refused.most_common(3):
                print("       refused", count, reason[:200])
    supported = [report for report in reports if report.equal]
    print(
        f"\n{what} by name: {len(reports)}, supported {len(supported)}, of these without a difference "
        f"{sum(not report.wrong for report in supported)}; samples {sum(r.samples for r in reports)}, equal "
        f"{sum(r.equal for r in reports)}, refused aloud {sum(sum(r.refused.values()) for r in reports)}, different "
        f"{sum(len(r.wrong) for r in reports)}; with second derivatives {sum(r.second for r in reports)}"
    )
