"""A generator that yields inside a mode: between two items its consumer runs in that mode."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import Suspended
from gradlint.findings import Evidence, Finding, Severity
from gradlint.rules.mode_wording import LEAF, TRACKED, UNTRACKED, is_off, place_notes, show, warn
from gradlint.rules.rule import Report, Rule, fails, holds
from gradlint.rules.wording import line_of

DRIVERS = ("contextmanager", "fixture", "hookimpl", "hookspec")
"""Ends of names of decorators that make something else of a generator, whose yield is the place for other code."""
PLAIN = frozenset({
    "staticmethod", "classmethod", "property", "no_grad", "enable_grad", "inference_mode", "set_grad_enabled",
})  # fmt: skip
"""Decorators that leave a generator a generator."""

SETUP = (
    """def items():
    with {mode}:
        yield 1


"""
    + LEAF
)


def check(event: Suspended, report: Report) -> Iterator[Finding]:
    if event.how != "yield" or event.in_contextmanager or event.in_fixture or _is_driven(event):
        return
    off = is_off(event.mode)
    if off == is_off(event.outside) or not off and not (holds(event.mode.grad) and fails(event.outside.grad)):
        return
    mode = f"torch.{event.kind}()" if event.kind != "set_grad_enabled" else f"torch.set_grad_enabled({not off})"
    line = line_of(report, event.entered, event) if event.entered else ""
    name = f"`{event.function}`" if event.function else "the generator"
    yield warn(
        RULE, report, event,
        f"`yield` inside `{mode}`{line}: whoever consumes {name} runs with gradients {'off' if off else 'on'} between "
        f"two items, and after them if it stops early; decorate {name} with `@{mode}` or close the block before the "
        "`yield`",
        because=place_notes(report, event, event.entered, "the mode is entered here"),
        evidence=_evidence(mode, off),
    )  # fmt: skip


def _is_driven(event: Suspended) -> bool:
    """Whether the function's decorators make something else of it, or may do so."""
    names = [name.rpartition(".")[2] for name in event.decorators]
    return any(name.endswith(DRIVERS) or name not in PLAIN for name in names)


def _evidence(mode: str, off: bool) -> Evidence:
    action = "for _ in items():\n    y = x * 2"
    if off:
        return show(action, UNTRACKED, setup=SETUP.format(mode=mode))
    return show(action, TRACKED, setup=SETUP.format(mode=mode), modes=("torch.no_grad()",))


RULE = Rule("GRD206", "grad-mode-across-yield", Severity.WARNING, (Suspended,), (b"yield",), check)
