"""`python -m tools.fuzz --seed S --count N`: N random programs on the engine and on PyTorch; exit status 1 if any differ.

Each kind of difference is shown once, with the smallest program that shows it. Needs PyTorch, and `runtime` on the path.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from .compare import Difference, shrunk
from .generate import program
from .judge import judge_seed, judge_text
from .workers import apart


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first program; the next have the next seeds")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--show", action="store_true", help="print the programs and do not run them")
    parser.add_argument("--most", type=int, default=12, help="shrink and show at most so many kinds of difference")
    parser.add_argument("--refusals", action="store_true", help="say what the engine does not support, and how often")
    options = parser.parse_args()
    if options.show:
        for seed in range(options.seed, options.seed + options.count):
            print(f"# seed {seed}", *program(seed), sep="\n", end="\n\n")
        return 0
    start = time.perf_counter()
    found: dict[tuple[str, str, str], tuple[int, Difference]] = {}
    times: Counter[tuple[str, str, str]] = Counter()
    totals: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    for seed, judged in apart(judge_seed, list(range(options.seed, options.seed + options.count))):
        if judged is None:
            totals["crashed"] += 1
            continue
        totals[judged.verdict] += 1
        totals["statements"] += judged.steps
        if judged.refused:
            refusals[judged.refused] += 1
        if judged.difference is not None:
            found.setdefault(judged.difference.kind, (seed, judged.difference))
            times[judged.difference.kind] += 1
    for _, shown in apart(told, list(found.values())[: options.most]):
        print(shown or "(PyTorch crashes while the program is made smaller)", flush=True)
    for kind, count in times.most_common(options.most):
        print(f"different {count:4} {' | '.join(kind)[:160]}")
    for reason, count in refusals.most_common(40) if options.refusals else ():
        print(f"refused {count:5} {reason[:160]}")
    print(
        f"programs {options.count}: equal {totals['equal']}, equal until refused aloud {totals['refused']}, different "
        f"{totals['different']} in {len(found)} ways, PyTorch crashed {totals['crashed']}; "
        f"statements compared {totals['statements']}; {time.perf_counter() - start:.0f} s"
    )
    return 1 if totals["different"] else 0


def told(difference_at: tuple[int, Difference]) -> str:
    """A difference with the smallest program that shows it."""
    seed, difference = difference_at

    def still(statements: list[str]) -> bool:
        found = judge_text(statements).difference
        return found is not None and found.kind == difference.kind

    small = shrunk(program(seed), still)
    again = judge_text(small).difference or difference
    answers = f"    engine: {again.ours[:300]}\n    torch:  {again.theirs[:300]}"
    return "\n".join([f"--- seed {seed}, {again.what}", answers, *small, ""])


if __name__ == "__main__":
    sys.exit(main())
