"""A function that switches the mode and does not switch it back on every way out."""

from __future__ import annotations

from collections.abc import Iterator

from gradlint.analysis.events import ModeLeft, Place
from gradlint.findings import Evidence, Finding, Fix, Note, Severity
from gradlint.rules.indenting import function_of, rest_under_with
from gradlint.rules.mode_wording import is_off, show, unsafe, warn
from gradlint.rules.rule import Report, Rule, fails, holds, note
from gradlint.rules.wording import line_of

PROGRAMS = frozenset({"", "main", "_main", "cli", "run_cli", "app", "entry_point"})
"""Functions that are the program, the code of a script itself ("") among them: when they end, nothing runs on."""
PAIRED = frozenset(
    f"{way}{what}" for way in ("setUp", "tearDown") for what in ("", "Class", "Module")
) | frozenset({
    "__enter__", "__exit__", "__aenter__", "__aexit__",
    *(f"{way}_{what}" for way in ("setup", "teardown") for what in ("method", "class", "module")),
})  # fmt: skip
"""Halves of a pair, called by Python or by a test framework: what one of them switches the other switches back."""
SWITCHES = frozenset({"set_grad_enabled", "__enter__"})

HOW = {
    "return": "when `{name}` returns",
    "raise": "when an exception leaves `{name}`",
    "init": "when `{name}` is constructed",
    "import": "when this module is imported",
}

RETURNS = """def leaves():
    {switch}
    return torch.ones(2)"""
RAISES = """def leaves():
    {switch}
    raise ValueError"""
CONSTRUCTS = """class leaves:
    def __init__(self):
        {switch}"""
CAUGHT = """try:
    leaves()
except ValueError:
    pass"""
ENTERED = "guard = torch.{kind}()\n{indent}guard.__enter__()"


def check(event: ModeLeft, report: Report) -> Iterator[Finding]:
    if event.undone or event.thread or fails(event.later) or _by_trade(event):
        return
    where = event.where
    if event.how == "import" and where.unit and event.path:
        where = event.path[-1]
    off = is_off(event.after)
    yield warn(
        RULE, report, event, _message(event, report, where, off), assuming=_assumption(event), where=where,
        because=_notes(event, report, where), evidence=_evidence(event, off), fix=_fix(event, report),
    )  # fmt: skip


def _by_trade(event: ModeLeft) -> bool:
    """Whether to switch is what the function is for (it computes nothing in the mode itself), or it is half of a pair,
    or the program."""
    if holds(event.later) or event.how in ("init", "import"):
        return False
    name = event.function.rpartition(".")[2]
    return fails(event.computes) or name in PROGRAMS or name in PAIRED


def _message(event: ModeLeft, report: Report, where: Place, off: bool) -> str:
    name = event.function.removesuffix(".__init__").rpartition(".<locals>.")[2]
    when = HOW.get(event.how, HOW["return"]).format(name=name or "this function")
    if where != event.where:
        switch, when = "this import switches the mode", "and nothing switches it back"
    elif event.switch == "set_grad_enabled":
        switch = f"`torch.set_grad_enabled({not off})` is not undone"
    else:
        switch = f"the mode entered here by `{event.switch}` is not left"
    met = f", {line_of(report, event.met, event).strip(' ()')} for one" if event.met else ""
    return (
        f"{switch} {when}: what runs after it{met} runs with gradients {'off' if off else 'on'}; "
        "use a `with` block, or restore in `finally` what `torch.is_grad_enabled()` said before"
    )


def _assumption(event: ModeLeft) -> str:
    if event.how == "raise" and not event.caught:
        return "somebody catches the exception and goes on"
    if event.how in ("return", "raise") and not holds(event.later):
        return "the program goes on to compute after it"
    return ""


def _notes(event: ModeLeft, report: Report, where: Place) -> list[Note]:
    home = report.path(where)
    notes = [note(report, event.where, "the mode is switched here", home)] if where != event.where else []
    return notes + ([note(report, event.met, "this runs in the mode that was left behind", home)] if event.met else [])


def _evidence(event: ModeLeft, off: bool) -> Evidence:
    setup = {"raise": RAISES, "init": CONSTRUCTS}.get(event.how, RETURNS)
    indent = " " * 8 if event.how == "init" else " " * 4
    switch = f"torch.set_grad_enabled({not off})"
    if event.switch != "set_grad_enabled":
        switch = ENTERED.format(kind="no_grad" if off else "enable_grad", indent=indent)
    action = CAUGHT if event.how == "raise" else "leaves()"
    effect = "not torch.is_grad_enabled()" if off else "torch.is_grad_enabled()"
    return show(action, effect, setup=setup.format(switch=switch), modes=() if off else ("torch.no_grad()",))


def _fix(event: ModeLeft, report: Report) -> Fix | None:
    """`with` over the rest of the function, where the switch is its first and not the second half of a pair."""
    if event.switch != "set_grad_enabled" or event.how == "import":
        return None
    lines, span = report.lines(event.where), report.span(event.where)
    if not SWITCHES.isdisjoint(function_of(lines, span)):
        return None
    return unsafe("enter the mode by `with` over the rest of the function", rest_under_with(lines, span, whole=True))


RULE = Rule(
    "GRD210", "grad-mode-leak", Severity.WARNING, (ModeLeft,),
    (b"set_grad_enabled", b"__enter__", b"enter_context"), check,
)  # fmt: skip
