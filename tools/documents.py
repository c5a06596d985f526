"""Bring the README up to date: outputs that it shows, and the table of rules. `make docs` writes it; a test compares.

python tools/documents.py
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOWN = re.compile(r"(?<=<!-- output of: gradlint )(?P<command>.*?) -->\n```text\n.*?```", re.DOTALL)
RULES = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- end of rules -->)", re.DOTALL)
SETTING = re.compile(r"^<!--.*?-->\n+", re.MULTILINE | re.DOTALL)


def refreshed(text: str) -> str:
    """The text with its generated parts as they have to be."""
    text = RULES.sub(lambda _: rule_table(), text)
    return SHOWN.sub(lambda found: f"{found['command']} -->\n```text\n{output_of(found['command'])}```", text)


def output_of(command: str) -> str:
    """What `gradlint COMMAND` prints in the root of the checkout. RuntimeError where it does not do its work."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
    done = subprocess.run(
        [sys.executable, "-m", "gradlint", *shlex.split(command)], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
    )  # fmt: skip
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"gradlint {command} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def rule_table() -> str:
    """One row a rule, with the first sentence of its page."""
    from gradlint.rules.table import RULES as rules

    rows = ["| code | name | severity | what |", "|---|---|---|---|"]
    for rule in sorted(rules, key=lambda one: one.code):
        rows.append(f"| {rule.code} | {rule.name} | {rule.severity.value} | {summary(rule.name)} |")
    return "\n".join(rows) + "\n"


def summary(name: str) -> str:
    page = (ROOT / "fixtures" / "rules" / f"{name}.md").read_text(encoding="utf-8")
    return " ".join(SETTING.sub("", page).split("\n\n")[1].split())


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "runtime")]
    readme = ROOT / "README.md"
    readme.write_text(refreshed(readme.read_text(encoding="utf-8")), encoding="utf-8")
