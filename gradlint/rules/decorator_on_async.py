"""A mode above `async def`: it is left before the coroutine, or the asynchronous generator, runs."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ModeDecorated
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.mode_wording import TRACKED, UNTRACKED, show, turns_on, warn, written
from gradlint.rules.rule import Report, Rule

COROUTINE = """import asyncio


@{mode}
async def double(x):
    return x * 2


x = torch.ones(2, requires_grad=True)"""

GENERATOR = """import asyncio


@{mode}
async def doubled(x):
    yield x * 2


async def first():
    async for y in doubled(x):
        return y


x = torch.ones(2, requires_grad=True)"""


def check(event: ModeDecorated, report: Report) -> Iterator[Finding]:
    if event.target not in ("async", "asyncgen"):
        return
    made = written(event.kind, event.flag)
    what = "the generator" if event.target == "asyncgen" else "the coroutine"
    yield warn(
        RULE, report, event,
        f"`@{made}` has no effect on `async def {event.name}`: the mode is left before {what} runs; "
        f"write `with {made}:` around the computation in its body, without an `await` inside",
        evidence=_evidence(event),
    )  # fmt: skip


def _evidence(event: ModeDecorated) -> Evidence:
    setup, call = (GENERATOR, "first()") if event.target == "asyncgen" else (COROUTINE, "double(x)")
    setup = setup.format(mode=written(event.kind, event.flag).replace("…", "False"))
    action = f"y = asyncio.run({call})"
    if turns_on(event.kind, event.flag):
        return show(action, UNTRACKED, setup=setup, modes=("torch.no_grad()",))
    return show(action, TRACKED, setup=setup)


RULE = Rule("GRD203", "decorator-on-async", Severity.WARNING, (ModeDecorated,), (b"async",), check)
