"""Prints the script of a finding: the steps of its slice, then the action, in which the fault must show.

    import torch

    x = torch.ones(2, 2)            # input
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():           # line 14
        loss = layer(x).sum()       # line 16
    try:
        loss.backward()             # line 18
    except RuntimeError as error:
        assert "does not require grad" in str(error), error
    else:
        raise AssertionError("nothing was raised")

Nothing of the analysed source is copied: names become identifiers (`names`), constants are written anew (`constants`),
operations are admitted by name (`ops`), and `guard` looks at the whole before it runs.
"""

from __future__ import annotations

import builtins
import re
import textwrap
from dataclasses import dataclass, field

from gradlint.findings import Evidence, Finding
from gradlint.witness import guard, ops
from gradlint.witness.constants import quoted
from gradlint.witness.expressions import Printer
from gradlint.witness.layout import Layout, layouts
from gradlint.witness.names import Names, comment, words
from gradlint.witness.needs import flags_to_try, modes_to_try, needs_of
from gradlint.witness.slice import NoScript, Slice, slice_of

STEP = "    "
WIDEST_CODE = 46
MOST_TEXT = 4000
INFERENCE = "nference tensor"
"""In the messages about inference tensors: a script in which none is made cannot refute one."""
_PLACE = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True)
class Script:
    """One attempt to show a finding.

    action: line where the set-up is over. check: line where what the action did is judged.
    believed: for each variable that holds a tensor, what the analyser believes of its requires_grad.
    """

    text: str
    action: int
    check: int
    layout: Layout
    believed: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Program:
    """All attempts for one finding, best first, and what the printer had to guess."""

    scripts: tuple[Script, ...]
    guesses: tuple[str, ...] = ()
    empty: str = ""
    """Why the scripts would show nothing, even where they run as predicted."""


@dataclass
class _Page:
    """Lines of a script as (indentation, code, comment)."""

    lines: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, code: str, note: str = "", depth: int = 0) -> None:
        self.lines.append((depth, code, note))

    def block(self, text: str, note: str = "", depth: int = 0) -> None:
        """Several lines; the note goes with the first one."""
        for number, line in enumerate(textwrap.dedent(text).strip("\n").split("\n")):
            self.add(line.rstrip(), "" if number else note, depth)

    def gap(self) -> None:
        if self.lines and self.lines[-1][1]:
            self.add("")

    @property
    def next_line(self) -> int:
        return len(self.lines) + 1

    def text(self) -> str:
        codes = [STEP * depth + code if code else "" for depth, code, _ in self.lines]
        noted = [len(c) for c, (_, _, note) in zip(codes, self.lines, strict=True) if note and len(c) <= WIDEST_CODE]
        column = max(noted, default=0)
        rows = (f"{c:<{column}}  # {note}" if note else c for c, (_, _, note) in zip(codes, self.lines, strict=True))
        return "\n".join(rows) + "\n"


def program_of(finding: Finding) -> Program:
    """The scripts of a finding. Raises NoScript, or guard.Refused, where none can be printed."""
    evidence = finding.evidence
    if evidence is None:
        raise NoScript("the rule offers nothing to run")
    _check_templates(evidence)
    made = slice_of(evidence)
    scripts: dict[str, Script] = {}
    for layout in layouts(needs_of(made), flags_to_try(made), modes_to_try(made, evidence.modes)):
        script = _print(finding, evidence, made, layout)
        scripts.setdefault(script.text, script)
    # The others differ from the first in sizes and flags only; each is looked at again before it is run.
    guard.check(next(iter(scripts)))
    guesses = dict.fromkeys(step.guess for step in made.steps if step.guess)
    if not all(map(ops.is_plain_mode, evidence.modes)):
        guesses["a mode is not known"] = None
    if INFERENCE in evidence.text and not any(ops.infers(step.origin.modes) for step in made.steps):
        guesses["where the inference tensor was made is not known"] = None
    return Program(tuple(scripts.values()), tuple(guesses), made.empty(silent=not evidence.raises))


def _check_templates(evidence: Evidence) -> None:
    """Refuse what no rule writes on purpose."""
    templates = [evidence.action, evidence.setup, *([] if evidence.raises else [evidence.text])]
    if max(map(len, (*templates, evidence.text))) > MOST_TEXT:
        raise NoScript("the rule's template is too long")
    for place in _PLACE.findall(" ".join(templates)):
        if int(place) >= len(evidence.subjects):
            raise NoScript(f"the rule's template speaks of a subject {place} that it does not have")
    if not evidence.action.strip():
        raise NoScript("the rule says no action")
    kind = getattr(builtins, evidence.raises, None) if evidence.raises.isidentifier() else None
    if evidence.raises and not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise NoScript(f"{evidence.raises!r} is no exception")
    if not evidence.raises and not evidence.text.strip():
        raise NoScript("the rule says no effect")


def _print(finding: Finding, evidence: Evidence, made: Slice, layout: Layout) -> Script:
    imports, setup = _hoisted(evidence.setup)
    templates = f"{evidence.action} {setup} {' '.join(imports)} {'' if evidence.raises else evidence.text}"
    printer = Printer(made, layout, Names(words(templates)), finding.path)
    page = _Page()
    page.add("import torch")
    functional = f"import {ops.FUNCTIONAL} as F"
    if functional not in imports and any(step.origin.op.startswith(f"{ops.FUNCTIONAL}.") for step in made.steps):
        page.add(functional)
    for line in imports:
        page.add(line)
    page.gap()
    for code, note in printer.definitions():
        page.add(code, note)
    last = _computed_by(evidence, made)
    _computing(page, printer, layout, last)
    subjects = [printer.value(number) for number in made.subjects]

    def fill(template: str) -> str:
        return _PLACE.sub(lambda place: subjects[int(place.group(1))], template)

    if setup.strip():
        page.gap()
        page.block(fill(setup))
        page.gap()
    template = evidence.action if last is None else printer.statement(last)
    action = page.next_line
    depth = _open(page, evidence.modes, 0, layout, "")
    note = f"line {finding.span.line}"
    if evidence.raises:
        page.add("try:", "", depth)
        page.block(fill(template), note, depth + 1)
        check = page.next_line
        _expect_exception(page, evidence, depth)
    else:
        page.block(fill(template), "", depth)
        check = page.next_line
        page.add(f"assert {fill(' '.join(evidence.text.split()))}", f"the finding at {note}", depth)
    return Script(page.text(), action, check, layout, printer.believed())


def _computed_by(evidence: Evidence, made: Slice) -> int | None:
    """The step that is itself the action, where this says nothing but `{0}`."""
    place = _PLACE.fullmatch(evidence.action.strip())
    number = made.subjects[int(place.group(1))] if place else None
    return number if number is not None and made.steps[number].is_computed else None


def _computing(page: _Page, printer: Printer, layout: Layout, but: int | None) -> None:
    """The statements, `but` for one step, in the contexts that they stood in."""
    current: tuple[str, ...] = ()
    for modes, mode_note, code, note in printer.statements(but):
        if modes != current[: len(modes)] or len(modes) != len(current):
            shared = 0
            while shared < min(len(modes), len(current)) and modes[shared] == current[shared]:
                shared += 1
            _open(page, modes, shared, layout, mode_note)
            current = modes
        page.add(code, note, len(modes))


def _open(page: _Page, modes: tuple[str, ...], start: int, layout: Layout, note: str) -> int:
    """Write the `with` lines for the contexts from `start` on; gives the depth inside all of them."""
    for depth in range(start, len(modes)):
        code = ops.mode_code(modes[depth], layout.mode)
        called = comment(modes[depth]) if not ops.is_plain_mode(modes[depth]) or code != modes[depth] else ""
        place = note if depth == len(modes) - 1 else ""
        page.add(f"with {code}:", ", ".join(part for part in (called, place) if part), depth)
    return len(modes)


def _expect_exception(page: _Page, evidence: Evidence, depth: int) -> None:
    page.add(f"except {evidence.raises} as error:" if evidence.text else f"except {evidence.raises}:", "", depth)
    page.add(f"assert {quoted(evidence.text)} in str(error), error" if evidence.text else "pass", "", depth + 1)
    page.add("else:", "", depth)
    page.add('raise AssertionError("nothing was raised")', "", depth + 1)


def _hoisted(setup: str) -> tuple[list[str], str]:
    """The imports of a set-up, and the rest of it."""
    imports: list[str] = []
    rest: list[str] = []
    for line in textwrap.dedent(setup).split("\n"):
        (imports if re.match(r"(import|from) ", line) else rest).append(line.rstrip())
    return [line for line in imports if line != "import torch"], "\n".join(rest)


__all__ = ["NoScript", "Program", "Script", "program_of"]
