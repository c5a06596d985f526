"""The whole way of a file: sift → parse → interpret → rules → ignore comments → result.

Bytes in, a FileResult out. Nothing of the source is ever executed, and nothing it may hold makes this raise: what
could not be analysed is a Failure in the result. A finding may lie in another file of the project, when the checked
file leads to it (a caller under `no_grad`); it carries that file's path, and that file's ignores apply.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from gradlint.findings import Failure, FileResult, Finding, Fix, Prediction, Severity, Silenced, Verdict, Witness
from gradlint.sources.ignores import Ignores
from gradlint.sources.notebooks import Cell, Notebook, NotebookError, is_notebook
from gradlint.sources.roots import roots_of
from gradlint.sources.settings import Settings, SettingsError, answers
from gradlint.sources.sift import CAUSES, Reach, brings_torch, facts_of, holds, wants

# What is imported inside functions is so for start-up time: most files are sifted out.
if TYPE_CHECKING:
    from gradlint.analysis.imports import Project
    from gradlint.analysis.run import Report
    from gradlint.rules.rule import Rule

DEFAULTS = Settings()
MAX_ROUNDS = 10
UNUSED_IGNORE = "GRD001"
"""The code of an ignore comment that silences nothing. It belongs to no rule: the whole run decides it."""
HEAD = re.compile(r"(?:[^\r\n]*(?:\r\n?|\n)?){2}")
ESCAPED = re.compile(rb"\\u00[2-7]")
"""Letters of a notebook that JSON writes in another way than they are."""
COOKIE = re.compile(r"coding[:=]")


def check_bytes(path: str, source: bytes, settings: Settings = DEFAULTS, *, alone: bool = False) -> FileResult:
    """The findings of one file; `alone` follows no imports."""
    if is_notebook(path):
        if not ESCAPED.search(source) and not holds(source, CAUSES) and not holds(source, _tokens(settings)):
            return FileResult(path)  # as sifting will say; the cells need not be taken out
        return _in_cells(path, source, lambda python: _checked(path, python, settings, alone))
    return _checked(path, source, settings, alone)


def _checked(path: str, source: bytes, settings: Settings, alone: bool) -> FileResult:
    try:
        if not wanted(path, source, settings, alone=alone):
            return FileResult(path)
        rules = chosen_rules(settings)
        report = _analysed(path, source, None if alone else project_of(path, settings), settings, predict=False)
        found = _found(report, rules)
        kept, silenced = _heeded(found, report, settings)
        return FileResult(path, kept, cuts=report.cuts, suppressed=len(found) - len(kept), silenced=silenced)
    except SettingsError:
        raise
    except Exception as error:  # whatever a file holds, the others go on
        return FileResult(path, failure=_failure(path, error))


def predict_bytes(path: str, source: bytes, settings: Settings = DEFAULTS, *, alone: bool = False) -> FileResult:
    """What every name of one file that is bound to a tensor holds, as far as the file itself tells."""
    result = view_bytes(path, source, settings, alone=alone)
    return replace(result, predictions=predictions_of([result]), views=())


def predictions_of(results: Sequence[FileResult]) -> tuple[Prediction, ...]:
    """What the names of some files hold, each function seen through its callers in any of them."""
    views = [view for result in results for view in result.views]
    if not views:
        return ()
    from gradlint.analysis.views import predictions_of

    order = {result.path: number for number, result in enumerate(results)}
    paths = {os.path.abspath(result.path): result.path for result in results if not result.failure}
    return tuple(sorted(predictions_of(views, paths), key=lambda p: order[p.path]))


def view_bytes(path: str, source: bytes, settings: Settings = DEFAULTS, *, alone: bool = False) -> FileResult:
    """What the ways into one file see, of itself and of the files that they lead to."""
    if is_notebook(path):
        return _in_cells(path, source, lambda python: _viewed(path, python, settings, alone))
    return _viewed(path, source, settings, alone)


def _viewed(path: str, source: bytes, settings: Settings, alone: bool) -> FileResult:
    try:
        if not brings_torch(path, source, None if alone else _reach(roots_of(path, settings))):
            return FileResult(path)
        report = _analysed(path, source, None if alone else project_of(path, settings), settings, predict=True)
        return FileResult(path, views=report.views, cuts=report.cuts)
    except Exception as error:
        return FileResult(path, failure=_failure(path, error))


def fix_bytes(
    path: str, source: bytes, settings: Settings = DEFAULTS, *, unsafe: bool = False, alone: bool = False
) -> bytes:  # fmt: skip
    """The file after its fixes, applied until nothing is left to mend. Fixes in other files are left out."""
    for _ in range(MAX_ROUNDS):
        found = check_bytes(path, source, settings, alone=alone).findings
        mended = mend(path, source, [f.fix for f in found if f.path == path], unsafe)
        if mended == source:
            break
        source = mended
    return source


def mend(path: str, source: bytes, fixes: Iterable[Fix | None], unsafe: bool) -> bytes:
    """The source with those fixes that fit together and leave it Python."""
    from gradlint.fixes.apply import applicable, apply

    if is_notebook(path):
        return _mend_cells(path, source, fixes, unsafe)
    chosen = applicable(fixes, unsafe)
    made = apply(source, chosen) if chosen else source
    if made == source or parses(path, made):
        return made
    good: list[Fix] = []
    for fix in chosen:
        if parses(path, apply(source, [*good, fix])):
            good.append(fix)
    return apply(source, good)


def confirm(findings: Sequence[Finding], engine: str = "engine") -> tuple[Finding, ...]:
    """The findings with the outcome of running their witnesses, refuted ones among them."""
    if not findings:
        return ()
    from gradlint import witness

    try:
        return tuple(witness.confirm(tuple(findings), engine=engine))
    except Exception as error:  # no finding is lost for another one's witness
        if len(findings) == 1:
            reason = f"gradlint failed to make a witness: {type(error).__name__}: {error}"
            return (replace(findings[0], witness=Witness(Verdict.UNCONFIRMED, reason)),)
        middle = len(findings) // 2
        return (*confirm(findings[:middle], engine), *confirm(findings[middle:], engine))


def standing(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that no witness refuted."""
    return tuple(f for f in findings if f.witness is None or f.witness.verdict is not Verdict.REFUTED)


def all_rules() -> tuple[Rule, ...]:
    from gradlint.rules.table import RULES

    return RULES


@lru_cache(maxsize=64)
def chosen_rules(settings: Settings) -> tuple[Rule, ...]:
    """The rules that are on. Raises SettingsError for a selector that none answers to."""
    settings.verify(all_rules())
    return settings.chosen(all_rules())


def wanted(path: str, source: bytes, settings: Settings = DEFAULTS, *, alone: bool = False) -> bool:
    """Whether a file can have a finding, as far as its bytes tell."""
    return wants(path, source, lambda: _tokens(settings), None if alone else _reach(roots_of(path, settings)))


def bytes_of(source: str | bytes) -> bytes:
    """A source as it would stand in a file. A text has no encoding any more, whatever its first two lines declare."""
    if isinstance(source, bytes):
        return source
    head = HEAD.match(source)
    end = head.end() if head else 0
    return (COOKIE.sub("coding ", source[:end]) + source[end:]).encode("utf-8", "surrogatepass")


def lines_of(path: str, source: bytes) -> list[str]:
    """The physical lines of a source (those of its cells, for a notebook), none where it cannot be read."""
    from gradlint.syntax.source import NEWLINE, SourceError, read

    try:
        if is_notebook(path):
            source = notebook_of(path, source).shown.encode("utf-8", "surrogatepass")
        return [line.decode("utf-8", "replace") for line in NEWLINE.split(read(path, source))]
    except (SourceError, NotebookError):
        return []


def unused_ignores(
    path: str, source: bytes, silenced: Iterable[Silenced], settings: Settings = DEFAULTS
) -> tuple[Finding, ...]:  # fmt: skip
    """The ignore comments of a file that silence nothing, given all that the run has silenced in it."""
    from gradlint.sources.unused_ignores import unused
    from gradlint.syntax.source import SourceError, read

    off = settings.ignored_in(path)
    on = [rule for rule in chosen_rules(settings) if not any(answers(rule, one) for one in off)]
    try:
        return tuple(unused(path, read(path, python_of(path, source)), silenced, on, all_rules()))
    except SourceError:
        return ()


def with_ignores(path: str, source: bytes, findings: Iterable[Finding], reason: str = "") -> bytes:
    """The source with comments that silence these findings; as it is where that cannot be done."""
    from gradlint.sources.new_ignores import new_ignores
    from gradlint.syntax.source import SourceError, read

    try:
        return mend(path, source, new_ignores(read(path, python_of(path, source)), findings, reason), unsafe=True)
    except SourceError:
        return source


@lru_cache(maxsize=8)
def notebook_of(path: str, source: bytes) -> Notebook:
    """The cells of a notebook, those that do not parse left out. Raises NotebookError."""
    made = Notebook(source)
    if made.cells and not parses(path, made.source.encode("utf-8", "surrogatepass")):
        return Notebook(source, frozenset(cell.number for cell, _ in _broken(path, made)))
    return made


def python_of(path: str, source: bytes) -> bytes:
    """The Python of a file: its cells, one after the other, for a notebook; nothing where that is none."""
    if not is_notebook(path):
        return source
    try:
        return notebook_of(path, source).source.encode("utf-8", "surrogatepass")
    except NotebookError:
        return b""


def _broken(path: str, notebook: Notebook) -> list[tuple[Cell, Failure]]:
    """The cells that do not parse."""
    found = []
    for cell in notebook.cells:
        why = _refused(path, cell.python.encode("utf-8", "surrogatepass"))
        if why:
            found.append((cell, replace(why, line=max(why.line, 1) + cell.first - 1)))
    return found


def _in_cells(path: str, source: bytes, look: Callable[[bytes], FileResult]) -> FileResult:
    """What a look at the cells shows. A cell that does not parse is told, and the others are looked at without it."""
    try:
        made = Notebook(source)
        result = look(made.source.encode("utf-8", "surrogatepass"))
        if not result.failure or not result.failure.line:
            return result
        broken = _broken(path, made)
        without = Notebook(source, frozenset(cell.number for cell, _ in broken))
        failure = broken[0][1] if broken else result.failure
        return replace(look(without.source.encode("utf-8", "surrogatepass")), failure=failure)
    except NotebookError as error:
        return FileResult(path, failure=Failure(path, error.line, 0, str(error)))


def _mend_cells(path: str, source: bytes, fixes: Iterable[Fix | None], unsafe: bool) -> bytes:
    """A notebook with those fixes that stay within one cell, each cell being Python by itself."""
    from gradlint.fixes.apply import applicable, within

    try:
        notebook = notebook_of(path, source)
    except NotebookError:
        return source
    changes: dict[int, str] = {}
    chosen = applicable(fixes, unsafe)
    for cell in notebook.cells:
        python = cell.python.encode("utf-8", "surrogatepass")
        here = within(chosen, cell.first, cell.python.count("\n"))
        made = mend(f"{path}.py", python, here, unsafe) if here else python
        if made != python and notebook.changed({cell.number: made.decode("utf-8", "surrogatepass")}) is not None:
            changes[cell.number] = made.decode("utf-8", "surrogatepass")
    return (notebook.changed(changes) or source) if changes else source


def parses(path: str, source: bytes) -> bool:
    return _refused(path, source) is None


def _refused(path: str, source: bytes) -> Failure | None:
    """Why a source does not parse."""
    from gradlint.syntax.unit import SourceError, Unit

    try:
        Unit(path, source).validate()
    except SourceError as error:
        return _failure(path, error)
    return None


def project_of(path: str, settings: Settings) -> Project:
    """The project that a file belongs to. Its sources are read once, until `forget`."""
    return _project(roots_of(path, settings))


def forget() -> None:
    """Read the files of projects anew: some have changed."""
    _project.cache_clear()
    _reach.cache_clear()


@lru_cache(maxsize=8)
def _project(roots: tuple[str, ...]) -> Project:
    from gradlint.analysis.imports import Project

    return Project(roots)


@lru_cache(maxsize=8)
def _reach(roots: tuple[str, ...]) -> Reach:
    return Reach(roots)


@lru_cache(maxsize=64)
def _tokens(settings: Settings) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(token for rule in chosen_rules(settings) for token in rule.tokens))


def _analysed(path: str, source: bytes, project: Project | None, settings: Settings, predict: bool) -> Report:
    from gradlint.analysis.run import analyse
    from gradlint.analysis.triggers import EVERYTHING, Around
    from gradlint.syntax.unit import Unit

    unit = Unit(path, source)
    unit.validate()
    advice = any(rule.severity is Severity.ADVICE for rule in chosen_rules(settings))
    if predict or advice:
        around = EVERYTHING
    else:
        around = Around(*(facts_of(source) if project is None else _reach(roots_of(path, settings)).view(path, source)))
    report = analyse(unit, project, predict=predict, advice=advice, around=around)
    report.target_torch = settings.target_torch
    return report


def _found(report: Report, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    from gradlint.rules.table import findings_of

    return findings_of(report, frozenset(rule.code for rule in rules))


def _heeded(
    found: Iterable[Finding], report: Report, settings: Settings
) -> tuple[tuple[Finding, ...], tuple[Silenced, ...]]:
    """The findings that no comment and no per-file ignore silences, in the file in which they lie; and what comments did."""
    units = {unit.path: unit for unit in report.units}
    rules = {rule.code: rule for rule in all_rules()}
    ignores: dict[str, Ignores] = {}
    kept: list[Finding] = []
    silenced: list[Silenced] = []
    for finding in found:
        path = finding.path
        if path not in ignores:
            ignores[path] = Ignores(units[path].data)
        if any(answers(rules[finding.code], one) for one in settings.ignored_in(path)):
            continue
        comment = ignores[path].silenced_by(finding)
        if comment:
            silenced.append(Silenced(path, comment.span.line, comment.span.column, finding.code, finding.name))
        else:
            kept.append(finding)
    return tuple(kept), tuple(silenced)


def _failure(path: str, error: Exception) -> Failure:
    from gradlint.syntax.source import SourceError

    if isinstance(error, SourceError):
        return Failure(path, error.line, error.column, error.message)
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return Failure(path, 0, 0, f"gradlint failed: {type(error).__name__}: {error} (at {' > '.join(frames[-4:])})")
