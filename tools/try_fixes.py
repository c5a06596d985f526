"""Try every fix on every source below some folders, in memory, and tell what is wrong with one.

python tools/try_fixes.py [--jobs N] PATH ...     without a PATH: the programs of the fixtures

Of a source that is mended it wants: it still parses; comments, line ends, byte order mark and encoding are what they
were; a line that no edit touches is as it was; nothing that was mended is found again; no code but advice is new; a
second run changes nothing. Exit status 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import time
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "runtime"), str(ROOT / "tests")]

from gradlint import pipeline  # noqa: E402  (the checkout is to be tried, wherever it is run from)
from gradlint.findings import Edit, Finding, Fix, Safety, Severity  # noqa: E402
from gradlint.fixes.apply import decoded  # noqa: E402
from gradlint.sources.settings import Settings  # noqa: E402

EVERYTHING = Settings(select=("ALL",))
NEWLINE = re.compile(r"\r\n?|\n")
ADVICE = {rule.code for rule in pipeline.all_rules() if rule.severity is Severity.ADVICE}
"""What may be new: where a mode that was left on ends earlier, an evaluation behind it can do with one of its own."""
ROUNDS = pipeline.MAX_ROUNDS


@dataclass
class Tried:
    """What became of one source: how often each rule mended something, and what is wrong."""

    name: str
    fixes: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: int = 0
    told: list[str] = field(default_factory=list)


def tried(name: str, source: bytes, settings: Settings = EVERYTHING, *, alone: bool, unsafe: bool = True) -> Tried:
    """All fixes of one source, round by round, as `--fix` applies them."""
    made = Tried(name)
    before = _found(name, source, settings, alone)
    made.findings = len(before)
    known = {one.code for one in before}  # one mistake is told once: when it is mended, its like may come forth
    first, found = source, before
    for _ in range(ROUNDS):
        wanted = [one for one in found if _applies(one, unsafe)]
        mended = pipeline.mend(name, source, [one.fix for one in wanted], unsafe)
        if mended == source:
            if wanted:
                made.told.append(f"cannot be applied: {', '.join(_place(one) for one in wanted)}")
            break
        made.fixes.update((one.code, one.fix.safety.value) for one in wanted if one.fix)
        made.told += _against(name, source, mended, [one.fix for one in wanted if one.fix])
        source = mended
        found = _found(name, source, settings, alone)
    else:
        made.told.append(f"still changes after {ROUNDS} rounds")
    new = sorted({one.code for one in found} - known - ADVICE)
    made.told += [f"{code} is new" for code in new]
    if source != first and pipeline.fix_bytes(name, source, settings, unsafe=unsafe, alone=alone) != source:
        made.told.append("a second run changes it again")
    return made


def _found(name: str, source: bytes, settings: Settings, alone: bool) -> list[Finding]:
    result = pipeline.check_bytes(name, source, settings, alone=alone)
    return [one for one in result.findings if one.path == name]


def _applies(finding: Finding, unsafe: bool) -> bool:
    return finding.fix is not None and (unsafe or finding.fix.safety is Safety.SAFE)


def _place(finding: Finding) -> str:
    return f"{finding.code} in line {finding.span.line}"


def _against(name: str, before: bytes, after: bytes, fixes: Iterable[Fix]) -> Iterator[str]:
    """What is wrong with one round."""
    if not pipeline.parses(name, pipeline.python_of(name, after)):
        yield "does not parse any more"
        return
    old, new = (decoded(pipeline.python_of(name, one)) for one in (before, after))
    if old[:2] != new[:2]:
        yield f"encoding or byte order mark changed: {old[:2]} to {new[:2]}"
    if _comments(old[2]) != _comments(new[2]):
        yield "comments are not the same"
    if set(NEWLINE.findall(new[2])) - set(NEWLINE.findall(old[2]) or "\n"):
        yield "line ends are not the same"
    if _parses(old[2]) and not _parses(new[2]):
        yield "Python's own parser does not take it any more"
    lines = _untouched(NEWLINE.split(old[2]), [edit for fix in fixes for edit in fix.edits])
    rest = iter(NEWLINE.split(new[2]))
    lost = [line for line in lines if line not in rest]
    if lost:
        yield f"a line that no edit touches is lost: {lost[0]!r}"


def _untouched(lines: list[str], edits: list[Edit]) -> list[str]:
    touched = {n for edit in edits for n in range(edit.span.line, edit.span.end_line + 1)}
    return [line for n, line in enumerate(lines, 1) if n not in touched]


def _comments(text: str) -> list[str]:
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return sorted(one.string for one in tokens if one.type == tokenize.COMMENT)
    except (tokenize.TokenError, SyntaxError):
        return []


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def programs() -> Iterator[tuple[str, bytes]]:
    """The programs of the fixtures, by page and line."""
    from claims.claims import read_page

    for page in sorted((ROOT / "fixtures").rglob("*.md")):
        for block in read_page(page.read_text(encoding="utf-8"), page.relative_to(ROOT / "fixtures").as_posix()):
            yield f"{block.id}.py", block.source.encode()


def files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        inside = [path] if path.is_file() else sorted([*path.rglob("*.py"), *path.rglob("*.ipynb")])
        yield from (one for one in inside if one.is_file())


def _of_program(given: tuple[str, bytes]) -> Tried:
    return tried(*given, alone=True)


def _of_file(path: Path) -> Tried:
    try:
        return tried(str(path), path.read_bytes(), alone=False)
    except Exception as error:
        return Tried(str(path), told=[f"{type(error).__name__}: {error}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    started = time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        if options.paths:
            results = list(pool.map(_of_file, files(options.paths), chunksize=4))
        else:
            results = list(pool.map(_of_program, programs(), chunksize=16))
    fixes: Counter[tuple[str, str]] = sum((one.fixes for one in results), Counter())
    for (code, safety), count in sorted(fixes.items()):
        print(f"{code}  {safety:<6}  {count}")
    bad = [one for one in results if one.told]
    for one in bad:
        for told in one.told:
            print(f"{one.name}: {told}")
    mended = sum(bool(one.fixes) for one in results)
    print(
        f"{len(results)} sources, {sum(one.findings for one in results)} findings, {sum(fixes.values())} fixes in {mended} "
        f"sources, {len(bad)} sources with something wrong, {time.monotonic() - started:.0f} s"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
