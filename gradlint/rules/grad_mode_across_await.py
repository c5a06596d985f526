"""`await`, `async for` or `async with` inside a mode: other tasks of the event loop run in it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import Suspended
from gradlint.findings import Finding, Severity
from gradlint.rules.mode_wording import LEAF, UNTRACKED, is_off, place_notes, show, warn
from gradlint.rules.rule import Report, Rule, fails
from gradlint.rules.wording import line_of

SETUP = (
    """import asyncio


async def waits():
    with {mode}:
        await asyncio.sleep(0.01)


async def computes():
    return x * 2


async def both():
    return (await asyncio.gather(waits(), computes()))[1]


"""
    + LEAF
)


def check(event: Suspended, report: Report) -> Iterator[Finding]:
    if event.how != "await" or not is_off(event.mode) or is_off(event.outside) or fails(event.suspends):
        return
    mode = "torch.set_grad_enabled(False)" if event.kind == "set_grad_enabled" else f"torch.{event.kind}()"
    line = line_of(report, event.entered, event) if event.entered else ""
    yield warn(
        RULE, report, event,
        f"`await` inside `{mode}`{line}: while it waits, every other task of the event loop runs with gradients off, "
        "and two such blocks that overlap leave them off for good; await first, then enter the mode around the "
        "computation alone",
        because=place_notes(report, event, event.entered, "the mode is entered here"),
        evidence=show("y = asyncio.run(both())", UNTRACKED, setup=SETUP.format(mode=mode)),
    )  # fmt: skip


RULE = Rule("GRD207", "grad-mode-across-await", Severity.WARNING, (Suspended,), (b"await", b"async"), check)
