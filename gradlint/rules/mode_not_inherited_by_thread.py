"""Work handed to a thread under a mode: modes belong to a thread, and the new one records gradients."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import RanInThread
from gradlint.findings import Edit, Finding, Fix, Severity
from gradlint.rules.arguments import find_argument
from gradlint.rules.mode_wording import (
    TRACKED,
    assumed,
    innermost,
    is_off,
    mode_notes,
    show,
    sibling,
    under,
    unsafe,
    warn,
)
from gradlint.rules.rule import Report, Rule, holds

SETUP = """import threading

x = torch.ones(2, requires_grad=True)
results = []


def work():
    results.append(x * 2)"""

ACTION = """worker = threading.Thread(target=work)
worker.start()
worker.join()
y = results[0]"""


def check(event: RanInThread, report: Report) -> Iterator[Finding]:
    if not holds(event.recorded) or not is_off(event.mode):
        return
    mode = f"torch.{_kind(event)}()"
    name = f"`{event.function}`" if event.function else "the work"
    yield warn(
        RULE, report, event,
        f"{name} runs in another thread, which does not inherit {under(report, event, event.mode)}: it records "
        f"gradients there; enter the mode in the work itself (decorate it with `@{mode}`)",
        assuming="it is started in this mode" if assumed(event.mode.grad, event.mode.inference) else "",
        because=mode_notes(report, event, event.mode),
        evidence=show(ACTION, TRACKED, setup=SETUP, modes=(mode,)),
        fix=_fix(event, report),
    )  # fmt: skip


def _kind(event: RanInThread) -> str:
    return "inference_mode" if holds(event.mode.inference) else "no_grad"


def _fix(event: RanInThread, report: Report) -> Fix | None:
    """`torch.no_grad()(work)` in place of the work, in the words in which the source has the mode."""
    found = innermost(event.mode)
    work = find_argument(report, event.where, lambda text: text.rpartition(".")[2] == event.function != "")
    if work is None or found is None or not found[1].at or report.path(found[1]) != report.path(event.where):
        return None
    mode = sibling(report.text(found[1]), _kind(event))
    return unsafe("enter the mode in the thread", [Edit(work[0], f"{mode}({work[1]})")] if mode else [])


RULE = Rule(
    "GRD208", "mode-not-inherited-by-thread", Severity.WARNING, (RanInThread,),
    (b"Thread", b"Timer", b"submit", b"map", b"apply", b"to_thread", b"run_in_executor"), check,
)  # fmt: skip
