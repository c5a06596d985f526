"""The witness: a finding is confirmed by a small PyTorch program that was run and showed the fault.

Findings with evidence come in; the same findings with a verdict and the script come out. This package reads
neither the analyser's values nor its knowledge of torch: it is a second opinion.

    slice      from an evidence to the steps that lead to it
    program    prints them as scripts (expressions, layers, layout, needs, names, constants, ops say how)
    guard      what a script may say at all
    run        has scripts run by `child` in a subprocess (`confine`: what it is kept from), and judges the outcomes
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gradlint.findings import Finding, Verdict, Witness
from gradlint.witness.guard import Refused
from gradlint.witness.program import NoScript, Program, program_of
from gradlint.witness.run import NoEngine, judge, run_all

SECONDS = 5.0
WHOLE = 120.0


def confirm(
    findings: Iterable[Finding], engine: str = "engine", timeout: float = SECONDS, whole: float = WHOLE
) -> tuple[Finding, ...]:
    """The findings, in order, each with its witness.

    engine: "engine" (gradlint_runtime) or "torch". timeout: seconds for one script. whole: seconds for all of them.
    """
    if engine not in ("engine", "torch"):
        raise ValueError(f"no such engine: {engine!r}")
    findings = tuple(findings)
    programs: dict[int, Program] = {}
    witnesses: dict[int, Witness] = {}
    for number, finding in enumerate(findings):
        try:
            programs[number] = program_of(finding)
        except (NoScript, Refused) as error:
            witnesses[number] = Witness(Verdict.UNCONFIRMED, str(error))
    distinct = list(dict.fromkeys(programs.values()))
    verdicts = dict(zip(distinct, _verdicts(distinct, engine, timeout, whole), strict=True))
    witnesses |= {number: verdicts[program] for number, program in programs.items()}
    return tuple(replace(finding, witness=witnesses[number]) for number, finding in enumerate(findings))


def _verdicts(programs: list[Program], engine: str, timeout: float, whole: float) -> list[Witness]:
    if not programs:
        return []
    try:
        outcomes = run_all(programs, engine, timeout, whole)
    except NoEngine as error:
        return [Witness(Verdict.UNCONFIRMED, str(error), program.scripts[0].text) for program in programs]
    return [judge(program, made) for program, made in zip(programs, outcomes, strict=True)]


def script(finding: Finding) -> str:
    """The script for a finding: the one that was run, or the first that would be; "" where none can be printed."""
    if finding.witness is not None:
        return finding.witness.script
    try:
        return program_of(finding).scripts[0].text
    except (NoScript, Refused):
        return ""


__all__ = ["confirm", "script"]
