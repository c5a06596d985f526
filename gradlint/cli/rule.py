"""`gradlint rule [RULE]`: the list of rules, or their pages."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from gradlint import pipeline
from gradlint.cli.terminal import complain, wants_color
from gradlint.output.report import SEVERITY_STYLE, Page

HERE = os.path.dirname(os.path.abspath(__file__))
# Built packages hold the pages; a checkout holds the claims, which are the same files.
PACKAGE = os.path.dirname(HERE)
FOLDERS = (os.path.join(PACKAGE, "rules", "pages"), os.path.join(os.path.dirname(PACKAGE), "fixtures", "rules"))
UNUSED = """\
# GRD001 unused-ignore

An ignore comment silences nothing.

It is no rule, so it cannot be selected: `--report-unused-ignores`, or the setting of that name, asks for it. A comment is
used if anything in the run was silenced by it, so check all files that may lead to its finding. What rules that are off
would have found nobody knows: codes of such rules are left alone, and so are `# noqa` without codes and codes of other
tools. `--fix` removes what is unused.
"""
SETTING = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)


class Row(NamedTuple):
    """What is told of a rule."""

    code: str
    name: str
    severity: str
    default: bool
    page: str


def run(options: argparse.Namespace) -> int:
    """Exit status 0, or 2 for a rule that is none."""
    page = Page(wants_color(options.color, sys.stdout))
    rules = sorted(pipeline.all_rules(), key=lambda one: one.code)
    asked = (options.rule or "").upper()
    chosen = [one for one in rules if asked in (one.name.upper(), one.code)]
    whole = bool(chosen) or options.all
    chosen = chosen or [one for one in rules if one.code.startswith(asked)]
    if asked in (pipeline.UNUSED_IGNORE, "UNUSED-IGNORE"):
        sys.stdout.write(UNUSED)
        return 0
    if not chosen:
        names = [known for one in rules for known in (one.code, one.name)]
        near = difflib.get_close_matches(options.rule, names, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `gradlint rule` lists them"
        complain(f"no rule is called `{options.rule}`{hint}")
        return 2
    rows = [Row(one.code, one.name, one.severity.value, one.default, page_text(one.name)) for one in chosen]
    lost = [row for row in rows if not row.page]
    if lost:
        complain(f"{lost[0].code} {lost[0].name} has no page in this installation")
        return 2
    if options.output_format == "json":
        made = [{**row._asdict(), "summary": summary(row.page), "fix": fix_of(row.page)} for row in rows]
        sys.stdout.write(json.dumps(made, indent=2) + "\n")
    elif whole:
        sys.stdout.write("\n".join(styled(row.page, page) for row in rows))
    else:
        sys.stdout.write(listed(rows, page))
    sys.stdout.flush()
    return 0


def summary(text: str) -> str:
    """The first paragraph of a page, below its title."""
    return " ".join(text.split("\n\n")[1].split())


def fix_of(text: str) -> str | None:
    """The options that apply the rule's fix, as its page says; None where there is none."""
    told = text.partition("\n## Fix\n")[2]
    if "--unsafe-fixes" in told:
        return "--fix --unsafe-fixes"
    return "--fix" if "--fix" in told else None


def page_text(name: str) -> str:
    """The Markdown of a rule's page without what only tests read, "" where there is none."""
    for folder in FOLDERS:
        try:
            with open(os.path.join(folder, f"{name}.md"), encoding="utf-8") as handle:
                return SETTING.sub("", handle.read()).replace("\n\n\n", "\n\n")
        except OSError:
            continue
    return ""


def listed(rows: Sequence[Row], page: Page) -> str:
    """A line a rule; `*` marks those with a fix that `--fix` applies, `?` those whose fix guesses."""
    lines = []
    width = max(len(row.name) for row in rows)
    for row in rows:
        mark = {None: " ", "--fix": "*"}.get(fix_of(row.page), "?")
        told = page.paint(f"{row.severity:<7}", SEVERITY_STYLE[row.severity])
        lines.append(f"{page.paint(row.code, 'bold')} {mark} {row.name:<{width}}  {told}  {summary(row.page)}\n")
    notes = ["* mended by --fix", "? by --fix --unsafe-fixes"]
    if not all(row.default for row in rows):
        notes.append("advice is off until it is selected")
    return "".join(lines) + page.paint("; ".join(notes), "dim") + "\n"


def styled(text: str, page: Page) -> str:
    """Headings and code stand out on a terminal; elsewhere the page is plain Markdown."""
    if not page.color:
        return text
    rows = []
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            continue
        if fenced:
            code, mark, comment = line.partition("  #")
            rows.append("    " + page.paint(code, "cyan") + page.paint(mark + comment, "dim"))
        elif line.startswith("#"):
            rows.append(page.paint(line.lstrip("# "), "bold"))
        else:
            rows.append(re.sub(r"`([^`]+)`", lambda found: page.paint(found[1], "cyan"), line))
    return "\n".join(rows) + "\n"
