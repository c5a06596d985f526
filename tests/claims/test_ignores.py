"""4. With each code turned into an ignore comment there is silence; so there is with those that `--add-ignores` writes."""

import ast

import pytest

from gradlint import pipeline

from .claims import Block
from .judges import PATH, Analyser, settings_of
from .rewrite import with_comments, without_comments

pytestmark = pytest.mark.analyser

FORMS = ("gradlint: ignore[{}]", "noqa: {}")


def complaints(analyser: Analyser, block: Block) -> list[str]:
    told = []
    bare = without_comments(block.source)
    codes: dict[int, set[str]] = {}
    for finding in analyser.findings(bare, block.options):
        codes.setdefault(finding.span.line, set()).add(finding.code)
    for form in FORMS if codes else ():
        comments = {line: form.format(", ".join(sorted(found))) for line, found in codes.items()}
        for finding in analyser.findings(with_comments(bare, comments), block.options):
            told.append(f"{block.place(finding.span.line)}: {finding.code} in spite of # {form.format(finding.code)}")
    return told


def test_an_ignore_comment_silences(block: Block, analyser: Analyser) -> None:
    told = complaints(analyser, block)
    assert not told, "\n".join(told)


def test_comments_that_are_added_silence_and_are_needed(block: Block) -> None:
    bare = without_comments(block.source).encode()
    settings = settings_of(block.options)
    found = pipeline.check_bytes(PATH, bare, settings, alone=True).findings
    made = pipeline.with_ignores(PATH, bare, found)
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(bare))
    after = pipeline.check_bytes(PATH, made, settings, alone=True)
    assert not after.findings, made.decode()
    assert not pipeline.unused_ignores(PATH, made, after.silenced, settings), made.decode()
