"""Measures torch and writes the tables of `gradlint/torch_model`, or checks that they still say what torch does.

python -m tools.measure                     write every table
python -m tools.measure operators           write those of one kind
python -m tools.measure --check             measure again; exit 1 and show the rows that differ
python -m tools.measure --only Tensor.view  print the rows whose names contain a text, write nothing
python -m tools.measure --hold-out          judge the operator rows on all sample calls; exit 1 where one is wrong
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from tools.measure import bank, callers, distributions, hold_out, modules, operators, optimizers

TABLES = Path(__file__).resolve().parents[2] / "gradlint" / "torch_model"
OTHERS = {
    "modules": modules.table,
    "optimizers": optimizers.table,
    "distributions": distributions.table,
    "callers": callers.table,
}
KINDS = ("operators", *OTHERS)
HEADERS = {
    "functions": "What torch's functions do",
    "methods": "What a tensor's methods do",
    "attributes": "What a tensor's attributes are",
    "modules": "What the classes of torch.nn do",
    "optimizers": "What optimizers and schedulers do",
    "distributions": "Through which arguments of a distribution gradient flows",
    "callers": "How torch runs functions of the user",
}


def measured(kinds: list[str], only: str) -> dict[str, list[str]]:
    """The lines of the tables asked for, by file name."""
    torch.set_num_threads(1)
    made: dict[str, list[str]] = {}
    if "operators" in kinds:
        made |= operators.tables(bank.build(), only)
    for kind, table in OTHERS.items():
        if kind in kinds:
            made[kind] = table(only)
    return made


def as_text(table: str, lines: list[str]) -> str:
    version = torch.__version__.partition("+")[0]
    head = f"# {HEADERS[table]}; measured by tools/measure (see README.md) on torch {version}"
    return "\n".join([head, *lines, ""])


def differences(table: str, lines: list[str]) -> list[str]:
    """The rows in which the committed table and the measured one differ."""
    path = TABLES / f"{table}.txt"
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    new = as_text(table, lines).splitlines()
    gone, come = [line for line in old if line not in set(new)], [line for line in new if line not in set(old)]
    return [f"- {line}" for line in gone] + [f"+ {line}" for line in come]


def main(arguments: list[str] | None = None) -> int:
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tools.measure", description=__doc__, formatter_class=layout)
    parser.add_argument("kinds", nargs="*", help=f"what to measure: {', '.join(KINDS)} (default: everything)")
    parser.add_argument("--check", action="store_true", help="compare with the committed tables, write nothing")
    parser.add_argument("--only", default="", help="print the rows whose names contain this text, write nothing")
    parser.add_argument("--hold-out", action="store_true", help="judge the committed operator rows on other calls")
    options = parser.parse_args(arguments)
    if options.hold_out:
        torch.set_num_threads(1)
        judged, found = hold_out.wrong(bank.build(), options.only)
        sys.stdout.write("".join(line + "\n" for line in found) + f"{judged} runs judged, {len(found)} rows wrong\n")
        return 1 if found else 0
    made = measured(options.kinds or list(KINDS), options.only)
    if options.only:
        sys.stdout.write("".join(line + "\n" for lines in made.values() for line in lines))
        return 0
    wrong = 0
    for table, lines in made.items():
        if options.check:
            found = differences(table, lines)
            wrong += len(found)
            sys.stdout.write("".join(f"{table}: {line}\n" for line in found))
        else:
            (TABLES / f"{table}.txt").write_text(as_text(table, lines), encoding="utf-8")
    if options.check:
        sys.stdout.write(f"{sum(map(len, made.values()))} rows measured, {wrong} lines differ\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
