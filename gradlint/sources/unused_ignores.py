"""Ignore comments that silence nothing: the comments of a file and what they silenced in, findings out.

A comment is used if anything in the run was silenced by it, whichever file led there. What rules say that are off in
this run nobody knows, so codes of such rules are left alone; so is `# noqa` without codes, and codes of other tools.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gradlint.findings import Edit, Finding, Fix, Safety, Severity, Silenced, Span
from gradlint.sources.ignores import Comment, Ignores
from gradlint.sources.settings import Described, answers

CODE, NAME = "GRD001", "unused-ignore"


def unused(
    path: str, data: bytes, silenced: Iterable[Silenced], on: Sequence[Described], known: Sequence[Described]
) -> Iterator[Finding]:  # fmt: skip
    """The comments of one file (as UTF-8, without byte order mark) that silence nothing, each with its fix."""
    by_comment: dict[tuple[int, int], list[Silenced]] = {}
    for one in silenced:
        by_comment.setdefault((one.line, one.column), []).append(one)
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for comment in Ignores(data).comments:
        used = by_comment.get((comment.span.line, comment.span.column), [])
        idle = [code for code in comment.codes if _idle(code, comment, used, on, known)]
        if not idle and (comment.codes or comment.kind == "noqa" or used):
            continue
        yield Finding(
            CODE, NAME, path, comment.span, _message(comment, idle, known), Severity.ADVICE,
            fix=Fix("Remove what silences nothing", _edits(comment, idle, lines[comment.line - 1]), Safety.SAFE),
        )  # fmt: skip


def _idle(
    code: str, comment: Comment, used: Sequence[Silenced], on: Sequence[Described], known: Sequence[Described]
) -> bool:  # fmt: skip
    if any(one.name == code or one.code.startswith(code.upper()) for one in used):
        return False
    meant = [rule for rule in known if _answers(rule, code)]
    if not meant:  # for `noqa` it may be a code of another tool
        return comment.kind != "noqa" or code.upper().startswith("GRD")
    return any(rule in on for rule in meant)


def _answers(rule: Described, code: str) -> bool:
    return answers(rule, code) or answers(rule, code.upper())


def _message(comment: Comment, idle: Sequence[str], known: Sequence[Described]) -> str:
    unknown = [code for code in idle if not any(_answers(rule, code) for rule in known)]
    what = " and ".join(f"`{code}`" for code in idle)
    where = "this file" if comment.kind == "ignore-file" else "this statement"
    told = f"{what} is ignored in {where} and not found there" if idle else f"nothing is found in {where} to ignore"
    told += "; remove the " + ("code" if len(idle) < len(comment.codes) else "comment")
    if unknown:
        told += f" (no rule is called {', '.join(f'`{code}`' for code in unknown)})"
    return told


def _edits(comment: Comment, idle: Sequence[str], line: str) -> tuple[Edit, ...]:
    """The comment without what is idle; nothing of it remains where all of it is."""
    span = comment.span
    kept = [code for code in comment.codes if code not in idle]
    if kept:
        head = "noqa: " if comment.kind == "noqa" else f"gradlint: {comment.kind}["
        tail = "" if comment.kind == "noqa" else "]"
        return (Edit(span, f"# {head}{', '.join(kept)}{tail}"),)
    end = span.end_column - 1
    other = line.find("#", end)
    if other >= 0:  # another comment stands behind it
        return (Edit(Span(span.line, span.column, span.line, other + 1), ""),)
    before = line[: span.column - 1].rstrip()
    if not before:
        return (Edit(Span(span.line, 1, span.line + 1, 1), ""),)
    return (Edit(Span(span.line, len(before) + 1, span.line, len(line) + 1), ""),)
