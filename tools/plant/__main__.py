"""`python -m tools.plant [SCRIPT ...]`: mistakes planted into scripts that work, and how many gradlint finds.

Without scripts, those of `tools/plant/scripts`. Needs PyTorch. Exit status 1 if an original does not run or has a finding,
or if a smaller share is found than `--aim` asks for.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .judge import Original, Verdict, judged, original
from .kinds import KINDS, plantings
from .run import load
from .script import Script

SCRIPTS = Path(__file__).parent / "scripts"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.plant", description=__doc__)
    parser.add_argument("paths", nargs="*", metavar="SCRIPT", help="scripts that run without arguments")
    parser.add_argument("--kind", default="", help="only kinds whose name holds this text")
    parser.add_argument("--most", type=int, default=6, help="plantings of one kind in one script")
    parser.add_argument("--aim", type=float, default=0, help="percentage that has to be found")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--missed", type=Path, help="a folder to write what is missed to")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell each planting that does harm")
    options = parser.parse_args()

    load()
    start = time.perf_counter()
    kinds = [number for number, kind in enumerate(KINDS) if options.kind in kind.name]
    verdicts: list[Verdict] = []
    sound = True
    with multiprocessing.get_context("fork").Pool(options.jobs) as pool:
        for script in pool.map(original, options.paths or sorted(map(str, SCRIPTS.glob("*.py"))), chunksize=1):
            sound &= _tell_original(script)
            work = [] if script.outcome.error else [(script, number, options.most) for number in kinds]
            for some in pool.imap(_judged, work):
                _tell(some, options.verbose)
                verdicts += some
    table(verdicts)
    if options.missed:
        _write_missed(verdicts, options.missed)
    print(f"{time.perf_counter() - start:.0f} s")
    return 0 if sound and share(verdicts) >= options.aim else 1


def _judged(work: tuple[Original, int, int]) -> list[Verdict]:
    """What comes of planting one kind into one script."""
    script, number, most = work
    return [judged(script, planting) for planting in plantings(KINDS[number], _parsed(script.text), most)]


@functools.lru_cache(maxsize=1)
def _parsed(text: str) -> Script:
    return Script(text)


def _tell_original(script: Original) -> bool:
    if script.outcome.error:
        print(f"{script.path} does not run: {script.outcome.error[:200]}", file=sys.stderr)
    for finding in script.findings:
        print(f"{script.path}:{finding.span.line}: {finding.code} in the original", file=sys.stderr)
    return not script.outcome.error and not script.findings


def share(verdicts: Sequence[Verdict]) -> float:
    """The percentage found of what does harm."""
    kept = [verdict for verdict in verdicts if verdict.harm]
    return 100 * sum(verdict.found for verdict in kept) / len(kept) if kept else 100.0


def table(verdicts: Sequence[Verdict]) -> None:
    """A row for each kind, as Markdown."""
    planted, kept, found, fits = (
        Counter(verdict.planting.kind for verdict in verdicts if wanted(verdict))
        for wanted in (lambda v: True, lambda v: v.harm, lambda v: v.harm and v.found, lambda v: v.harm and v.fits)
    )
    print("| mistake | planted | does harm | found | code fits |", "|---|---|---|---|---|", sep="\n")
    for kind in KINDS:
        if planted[kind.name]:
            print(f"| {kind.name} |", *(f"{count[kind.name]} |" for count in (planted, kept, found, fits)))
    print("| all |", *(f"{count.total()} |" for count in (planted, kept, found, fits)))
    print(f"\n{share(verdicts):.1f} % found")


def _tell(verdicts: Sequence[Verdict], verbose: bool) -> None:
    for verdict in verdicts:
        if verdict.harm and (verbose or not verdict.found):
            word = " ".join(verdict.findings) or "MISSED"
            at = f"raised at {verdict.line}, " if verdict.line else ""
            where = f"{verdict.path}:{verdict.planting.line}"
            print(f"{where}: {verdict.planting.kind}: {word} ({at}{verdict.harm[:150]})", flush=True)


def _write_missed(verdicts: Sequence[Verdict], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, verdict in enumerate(verdicts):
        if verdict.harm and not verdict.found:
            kind = verdict.planting.kind.replace(" ", "-")
            name = f"{Path(verdict.path).stem}-{verdict.planting.line}-{kind}-{number}.py"
            (folder / name).write_text(f"{verdict.planting.text}\n# {verdict.harm} (line {verdict.line})\n")


if __name__ == "__main__":
    sys.exit(main())
