"""How the rules about modes (GRD2xx) speak of a mode, and what their witnesses are made of.

A witness of these rules does what the finding describes with a mode of the same kind and looks at one tensor after it:
the effect lies in the mode alone, not in the values that the program computes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gradlint.analysis.events import Event, ModeFact, Place
from gradlint.analysis.values import Truth
from gradlint.findings import Edit, Evidence, Finding, Fix, Note, Safety
from gradlint.rules.rule import Report, Rule, fails, holds, note
from gradlint.rules.wording import call_notes, line_of

LEAF = "x = torch.ones(2, requires_grad=True)"
TRACKED, UNTRACKED = "y.requires_grad", "not y.requires_grad"
MODE = re.compile(r"((?:\w+\.)*)(no_grad|enable_grad|inference_mode)(\(\))?")


def written(kind: str, flag: Truth | None = None) -> str:
    """A context as the source would have it: `torch.no_grad()`, `torch.set_grad_enabled(False)`."""
    if kind == "set_grad_enabled" or kind == "inference_mode" and flag is not None and flag.value is False:
        return f"torch.{kind}({'…' if flag is None or flag.value is None else flag.value})"
    return f"torch.{kind}()"


def turns_off(kind: str, flag: Truth) -> bool:
    """Whether a context of this kind keeps operations from being recorded, for certain or by assumption."""
    if kind == "set_grad_enabled":
        return fails(flag)
    return kind == "no_grad" or kind == "inference_mode" and not fails(flag)


def turns_on(kind: str, flag: Truth) -> bool:
    return kind == "enable_grad" or kind == "set_grad_enabled" and holds(flag)


def is_off(mode: ModeFact) -> bool:
    """Whether nothing is recorded in this mode, for certain or by assumption."""
    return fails(mode.grad) or holds(mode.inference)


def assumed(*flags: Truth) -> bool:
    return any(flag.assumed for flag in flags)


def innermost(mode: ModeFact, kind: str = "") -> tuple[str, Place] | None:
    """The innermost context in force (of a kind, where one is named) with its place."""
    for text, place in reversed(mode.stack):
        if not kind or text.startswith(f"torch.{kind}("):
            return text, place
    return None


def under(report: Report, event: Event, mode: ModeFact, kind: str = "", otherwise: str = "this mode") -> str:
    """`` `torch.no_grad()` (line 12)``: the innermost context in force."""
    found = innermost(mode, kind)
    if found is None:
        return otherwise
    text, place = found
    return f"`{text}`" + (line_of(report, place, event) if place.at else "")


def mode_notes(
    report: Report, event: Event, mode: ModeFact, kind: str = "", what: str = "the mode is entered here"
) -> list[Note]:  # fmt: skip
    found = innermost(mode, kind)
    return place_notes(report, event, found[1], what) if found and found[1] != event.where else []


def place_notes(report: Report, event: Event, place: Place | None, what: str) -> list[Note]:
    """A note of a place, where there is one."""
    return [note(report, place, what, report.path(event.where))] if place and place.at else []


def by_call(report: Report, event: Event, function: str) -> str:
    """` when it is called (line 12)` for what happens in a function; "" where nobody in view calls it."""
    if not function or not event.path:
        return ""
    return f" when it is called{line_of(report, event.path[-1], event)}"


def standing(event: Event) -> tuple[str, ...]:
    """The contexts in force at the event, as a witness enters them; those whose flag is not known are left away."""
    return tuple(text for text, _ in event.mode.stack if "…" not in text)


def show(action: str, text: str, *, setup: str = LEAF, modes: tuple[str, ...] = ()) -> Evidence:
    """A witness that passes silently and leaves `text` true."""
    return Evidence(action, modes=modes, text=text, setup=setup)


def warn(
    rule: Rule, report: Report, event: Event, message: str, *, assuming: str = "", because: Iterable[Note] = (),
    evidence: Evidence | None = None, fix: Fix | None = None, where: Place | None = None,
) -> Finding:  # fmt: skip
    """A finding at the event's place, or at `where`. It is likely where it rests on `assuming`, or the event on an
    assumption."""
    if event.likely and not assuming:
        assuming = "this line is reached"
    if assuming:
        message += f" (assuming that {assuming})"
    notes = dict.fromkeys([*because, *call_notes(report, event)])
    return rule.found(
        report, where or event.where, message, likely=bool(assuming), because=notes, evidence=evidence, fix=fix
    )  # fmt: skip


def sibling(text: str, kind: str) -> str:
    """Another mode in the words of this one: `th.no_grad()` gives `th.enable_grad()`; "" where only the name itself is
    imported."""
    found = MODE.fullmatch(text)
    return f"{found[1]}{kind}()" if found and found[1] else ""


def unsafe(message: str, edits: Iterable[Edit]) -> Fix | None:
    """An unsafe fix, None where there is nothing to edit."""
    edits = tuple(edits)
    return Fix(message, edits, Safety.UNSAFE) if edits else None
