"""What the commands understand."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gradlint import __version__
from gradlint.output.table import ALIASES, FORMATS, PREDICTIONS
from gradlint.sources.config import release, selectors
from gradlint.sources.settings import Overrides

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

USAGE = {
    "check": " [PATH ...]", "predict": " [PATH ...]", "explain": " FILE:LINE [PATH ...]", "rule": " [RULE]",
    "config": " [PATH]", "run": " SCRIPT [ARGUMENT ...]",
}  # fmt: skip
"""What stands behind the options; the options themselves are told by `--help`."""
TOP = """\
examples:
  gradlint                              check the Python files below the current folder
  gradlint check src train.py           check what is named (`check` may be left out)
  gradlint check --fix --diff           show what could be mended
  gradlint explain train.py:42          why a finding stands, with a program that shows it
  gradlint predict model.py             which names hold tensors that require grad
  gradlint rule GRD101                  what a rule means
exit status: 0 nothing found, 1 findings, 2 not all of the work could be done
"""
RULE = """\
examples:
  gradlint rule                         all rules, a line each
  gradlint rule GRD2                    those whose code begins so
  gradlint rule backward-without-graph  the page of one
  gradlint rule --all --output-format json
"""
CHECK = """\
examples:
  gradlint check
  gradlint check --select GRD1,context-not-entered src
  gradlint check --extend-select GRD4 --statistics
  gradlint check --output-format sarif --output-file gradlint.sarif
  gradlint check --write-baseline known.json && gradlint check --baseline known.json
  git show :train.py | gradlint check --stdin-filename train.py -
exit status: 0 nothing found, 1 findings, 2 not all of the work could be done
"""


def parser() -> argparse.ArgumentParser:
    top = _parser(
        prog="gradlint", epilog=TOP,
        description="Finds misuse of PyTorch's gradient modes, and predicts which tensors require grad.",
    )  # fmt: skip
    top.add_argument("-V", "--version", action="version", version=f"gradlint {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _check(commands)
    _predict(commands)
    _explain(commands)
    _rule(commands)
    one = _command(commands, "config", "show the settings in force for a path")
    one.add_argument("path", nargs="?", default=".", metavar="PATH")
    _add_settings(one)
    one = _command(commands, "run", "run a script on the runtime engine, which stands in for torch")
    one.add_argument("script", metavar="SCRIPT")
    one.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT")
    _command(commands, "server", "serve editors: the Language Server Protocol on standard input and output")
    return top


def overrides_of(options: argparse.Namespace) -> Overrides:
    """What the options say on top of a configuration file."""
    return Overrides(
        select=options.select,
        ignore=options.ignore,
        extend_select=options.extend_select or (),
        extend_ignore=options.extend_ignore or (),
        exclude=options.exclude,
        extend_exclude=options.extend_exclude or (),
        respect_gitignore=options.respect_gitignore,
        target_torch=options.target_torch,
        report_unused_ignores=getattr(options, "report_unused_ignores", None),
        baseline=getattr(options, "baseline", None),
    )


def _parser(**about: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **about  # type: ignore[arg-type]
    )  # fmt: skip


def _command(commands: Commands, name: str, about: str, epilog: str = "") -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=about, description=about[0].upper() + about[1:] + ".", epilog=epilog, allow_abbrev=False,
        usage=f"gradlint {name} [OPTIONS]{USAGE.get(name, '')}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    return made


def _check(commands: Commands) -> None:
    one = _command(commands, "check", "report misuse of gradient modes", CHECK)
    _add_paths(one)
    output = one.add_argument_group("output")
    output.add_argument(
        "--output-format", choices=[*FORMATS, *ALIASES], metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; default: full on a terminal, concise elsewhere",
    )  # fmt: skip
    output.add_argument("-o", "--output-file", metavar="FILE", help="write there instead of to standard output")
    output.add_argument("--statistics", action="store_true", help="count findings by rule")
    output.add_argument("--exit-zero", action="store_true", help="exit 0 in spite of findings")
    output.add_argument("-v", "--verbose", action="store_true", help="tell what was cut short, and how long it took")
    _add_color(output)
    fixes = one.add_argument_group("fixes")
    fixes.add_argument("--fix", action="store_true", help="apply safe fixes")
    fixes.add_argument("--unsafe-fixes", action="store_true", help="with --fix or --diff: those that guess as well")
    fixes.add_argument("--diff", action="store_true", help="show what fixes would change, and change nothing")
    _add_known(one)
    _add_settings(one)
    _add_work(one)


def _add_known(one: argparse.ArgumentParser) -> None:
    known = one.add_argument_group("findings to live with")
    known.add_argument("--add-ignores", action="store_true", help="write an ignore comment for each finding")
    known.add_argument("--reason", default="", metavar="TEXT", help="with --add-ignores: stands behind each comment")
    known.add_argument("--report-unused-ignores", action="store_const", const=True,
                       help="report comments that silence nothing, too (GRD001; --fix removes them)")  # fmt: skip
    known.add_argument("--baseline", metavar="FILE", help="report only what is not in this file of known findings")
    known.add_argument("--write-baseline", metavar="FILE", help="write all findings to such a file")


def _predict(commands: Commands) -> None:
    one = _command(commands, "predict", "predict which names hold tensors that require grad")
    _add_paths(one)
    formats = [*PREDICTIONS, *ALIASES]
    one.add_argument("--output-format", choices=formats, metavar="FORMAT", help=", ".join(PREDICTIONS))
    _add_color(one)
    _add_settings(one)
    _add_jobs(one)


def _rule(commands: Commands) -> None:
    one = _command(commands, "rule", "list the rules, or show their pages", RULE)
    one.add_argument("rule", nargs="?", metavar="RULE", help="a code or a name; a prefix of codes for a list")
    one.add_argument("--all", action="store_true", help="the pages of all rules")
    one.add_argument("--output-format", choices=("text", "json"), default="text", metavar="FORMAT", help="text, json")
    _add_color(one)


def _explain(commands: Commands) -> None:
    one = _command(commands, "explain", "show why a finding stands, and a program that shows it")
    one.add_argument("place", metavar="FILE:LINE")
    one.add_argument("paths", nargs="*", metavar="PATH", help="files that may lead to the finding: callers")
    _add_color(one)
    _add_settings(one)
    _add_work(one)


def _add_paths(one: argparse.ArgumentParser) -> None:
    one.add_argument("paths", nargs="*", default=["."], metavar="PATH", help="files and folders; - for standard input")
    one.add_argument("--stdin-filename", default="", metavar="PATH", help="what standard input is called")


def _add_color(one: argparse._ActionsContainer) -> None:
    one.add_argument("--color", choices=("auto", "always", "never"), default="auto", metavar="WHEN",
                     help="auto, always, never; NO_COLOR and FORCE_COLOR are heeded")  # fmt: skip


def _add_settings(one: argparse.ArgumentParser) -> None:
    rules = one.add_argument_group("rules: codes, prefixes of codes, names, ALL; separated by commas")
    for name, about in (
        ("select", "these instead of those that are on"),
        ("extend-select", "these as well"),
        ("ignore", "all but these"),
        ("extend-ignore", "these neither, whatever the configuration ignores"),
    ):
        rules.add_argument(f"--{name}", type=_selectors, action=_Extend, metavar="RULES", help=about)
    files = one.add_argument_group("files")
    for name, about in (("exclude", "instead of the usual ones"), ("extend-exclude", "as well")):
        files.add_argument(f"--{name}", type=_patterns, action=_Extend, metavar="PATTERNS", help=about)
    files.add_argument("--force-exclude", action="store_true", help="leave out excluded files that are named, too")
    files.add_argument("--no-respect-gitignore", dest="respect_gitignore", action="store_const", const=False,
                       help="read what git ignores too")  # fmt: skip
    one.add_argument(
        "--target-torch", type=_release, metavar="RELEASE", help="the oldest torch that the code has to run on"
    )
    which = one.add_argument_group("configuration").add_mutually_exclusive_group()
    which.add_argument("--config", metavar="FILE", help="a pyproject.toml to use for all files")
    which.add_argument("--isolated", action="store_true", help="read no configuration file")


def _add_work(one: argparse.ArgumentParser) -> None:
    work = _add_jobs(one)
    work.add_argument("--no-witness", dest="witness", action="store_false", help="do not run witnesses")
    work.add_argument("--engine", choices=("engine", "torch"), default="engine", help="what witnesses run on")


def _add_jobs(one: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    work = one.add_argument_group("work")
    work.add_argument("-j", "--jobs", type=_positive, metavar="N", help="processes; default: one for each processor")
    return work


class _Extend(argparse.Action):
    """An option that may be given several times, each with several values."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:  # fmt: skip
        assert isinstance(values, tuple)
        setattr(namespace, self.dest, (*(getattr(namespace, self.dest) or ()), *values))


def _selectors(text: str) -> tuple[str, ...]:
    try:
        return selectors(list(_patterns(text)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _release(text: str) -> tuple[int, int]:
    try:
        return release(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of processes")
    return number
