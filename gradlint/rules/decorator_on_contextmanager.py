"""A mode above or below `@contextmanager`: the body of the `with` does not run in it."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ModeDecorated
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.mode_wording import TRACKED, UNTRACKED, show, turns_on, warn, written
from gradlint.rules.rule import Report, Rule, fails

SETUP = """from contextlib import contextmanager


{decorators}
def region():
    yield


x = torch.ones(2, requires_grad=True)"""


def check(event: ModeDecorated, report: Report) -> Iterator[Finding]:
    if event.target != "contextmanager" or event.below and not fails(event.computes):
        return
    made = written(event.kind, event.flag)
    reason = "the mode is left at the `yield`" if event.below else "only the making of the context manager is covered"
    yield warn(
        RULE, report, event,
        f"`@{made}` has no effect in the body of `with {event.name}(...)`: {reason}; "
        f"write `with {made}:` around the `yield` instead",
        evidence=_evidence(event),
    )  # fmt: skip


def _evidence(event: ModeDecorated) -> Evidence:
    mode = "@" + written(event.kind, event.flag).replace("…", "False")
    both = ("@contextmanager", mode) if event.below else (mode, "@contextmanager")
    setup = SETUP.format(decorators="\n".join(both))
    action = "with region():\n    y = x * 2"
    if turns_on(event.kind, event.flag):
        return show(action, UNTRACKED, setup=setup, modes=("torch.no_grad()",))
    return show(action, TRACKED, setup=setup)


RULE = Rule("GRD205", "decorator-on-contextmanager", Severity.WARNING, (ModeDecorated,), (b"contextmanager",), check)
