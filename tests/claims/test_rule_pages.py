"""A rule page is named after its rule, has the sections of the template, and shows its code where it says so."""

import re
from pathlib import Path

import pytest

from .claims import CODE, FIXTURES, Block, read_page

SECTIONS = ("What goes wrong", "Why it matters", "Bad", "Good", "What it leaves alone", "Fix")
TITLE = re.compile(r"# (GRD\d{3}) ([a-z0-9-]+)")
PAGES = sorted((FIXTURES / "rules").glob("*.md"))


def complaints(name: str, text: str) -> list[str]:
    """What is wrong with the page of the rule called `name`."""
    title = TITLE.fullmatch(text.partition("\n")[0])
    if not title:
        return [f"{name}: the first line is not `# GRDnnn {name}`"]
    told = [] if title[2] == name else [f"{name}: the title says {title[2]}"]
    sections = tuple(re.findall(r"^## (.+?) *$", text, re.MULTILINE))
    if sections != SECTIONS:
        told.append(f"{name}: the sections are {', '.join(sections) or 'none'}")
    marked: dict[str, set[str]] = {}
    for block in read_page(text, name):
        codes = {m.value for m in block.of("finding", "missed") if CODE.fullmatch(m.value)}
        marked.setdefault(section_of(block), set()).update(codes)
    if title[1] not in marked.get("Bad", set()):
        told.append(f"{name}: nothing under Bad is marked {title[1]}")
    for section in ("Good", "What it leaves alone"):
        told += [f"{name}: {code} is marked under {section}" for code in sorted(marked.get(section, set()))]
    return told


def section_of(block: Block) -> str:
    return block.heading[1] if len(block.heading) > 1 else ""


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_rule_page(path: Path) -> None:
    told = complaints(path.stem, path.read_text(encoding="utf-8"))
    assert not told, "\n".join(told)


def page(
    title: str = "# GRD101 a-rule",
    bad: str = "GRD101",
    good: str = "no mark",
    sections: tuple[str, ...] = SECTIONS,
) -> str:
    code = {"Bad": f"x = 1  # {bad}", "Good": f"x = 1  # {good}"}
    return "\n".join([title, *(f"## {s}\n```python\n{code.get(s, 'x = 1')}\n```" for s in sections)]) + "\n"


def test_a_good_page_passes() -> None:
    assert not complaints("a-rule", page())


@pytest.mark.parametrize(
    "text",
    [
        page(title="# a-rule"),
        page(title="# GRD101 another-rule"),
        page(sections=SECTIONS[:-1]),
        page(sections=(*SECTIONS[:2], *reversed(SECTIONS[2:]))),
        page(bad="no mark"),
        page(bad="GRD102"),
        page(good="GRD101"),
    ],
)
def test_a_bad_page_is_found(text: str) -> None:
    assert complaints("a-rule", text)
