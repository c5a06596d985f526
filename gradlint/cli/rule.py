"""`gradlint rule [CODE|NAME]`: the list of rules, or the page of one."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys

from gradlint import pipeline
from gradlint.cli.terminal import complain, wants_color
from gradlint.output.report import SEVERITY_STYLE, Page

HERE = os.path.dirname(os.path.abspath(__file__))
# Built packages hold the pages; a checkout holds the claims, which are the same files.
PACKAGE = os.path.dirname(HERE)
FOLDERS = (os.path.join(PACKAGE, "rules", "pages"), os.path.join(os.path.dirname(PACKAGE), "fixtures", "rules"))
SETTING = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)


def run(options: argparse.Namespace) -> int:
    """Exit status 0, or 2 for a rule that is none."""
    page = Page(wants_color(options.color, sys.stdout))
    if not options.rule:
        sys.stdout.write(listed(page))
        return 0
    rules = pipeline.all_rules()
    rule = next((one for one in rules if options.rule.upper() in (one.name.upper(), one.code)), None)
    if rule is None:
        names = [known for one in rules for known in (one.code, one.name)]
        near = difflib.get_close_matches(options.rule, names, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `gradlint rule` lists them"
        complain(f"no rule is called `{options.rule}`{hint}")
        return 2
    text = page_text(rule.name)
    if text is None:
        complain(f"{rule.code} {rule.name} has no page in this installation")
        return 2
    sys.stdout.write(styled(text, page))
    sys.stdout.flush()
    return 0


def page_text(name: str) -> str | None:
    """The Markdown of a rule's page without what only tests read."""
    for folder in FOLDERS:
        try:
            with open(os.path.join(folder, f"{name}.md"), encoding="utf-8") as handle:
                return SETTING.sub("", handle.read())
        except OSError:
            continue
    return None


def listed(page: Page) -> str:
    rows = []
    rules = pipeline.all_rules()
    width = max((len(rule.name) for rule in rules), default=0)
    for rule in sorted(rules, key=lambda one: one.code):
        severity = rule.severity.value
        off = "" if rule.default else "  (off by default)"
        told = page.paint(severity, SEVERITY_STYLE[severity])
        rows.append(f"{page.paint(rule.code, 'bold')}  {rule.name:<{width}}  {told}{off}\n")
    return "".join(rows)


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
