"""The command `gradlint`: arguments in, exit status out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradlint import __version__

if TYPE_CHECKING:
    import argparse

COMMANDS = ("check", "predict", "explain", "rule", "config", "run", "server")
STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """0: clean, 1: findings, 2: the work could not be done (bad arguments and settings among that)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):  # before anything is imported
        print(f"gradlint {__version__}")
        return 0
    meant = _meant(given[0]) if given and given[0] not in COMMANDS else ""
    if meant:
        print(f"gradlint: there is no command and no file `{given[0]}`; did you mean `{meant}`?", file=sys.stderr)
        return 2
    try:
        return _dispatch(_with_command(given))
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("gradlint: stopped", file=sys.stderr)
        return STOPPED


def _with_command(given: list[str]) -> list[str]:
    """`gradlint PATH…` is `gradlint check PATH…`."""
    if given and (given[0] in COMMANDS or given[0] in ("-h", "--help", "--version", "-V")):
        return given
    return ["check", *given]


def _meant(word: str) -> str:
    """The command that a first word is near to, "" where it names something that is there, or looks like a path."""
    if not word.isalpha() or os.path.exists(word):
        return ""
    import difflib  # late: for a mistake only

    return next(iter(difflib.get_close_matches(word, COMMANDS, n=1)), "")


def _dispatch(given: list[str]) -> int:
    from gradlint.cli.arguments import parser  # late: --version needs none of this
    from gradlint.sources.settings import SettingsError

    options = parser().parse_args(given)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a source may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(options)
    except SettingsError as error:
        print(f"gradlint: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    command: str = options.command
    if command == "run":
        from gradlint.cli.run import run as run_script

        return run_script(options)
    if command == "server":
        from gradlint.editors.server import serve  # late: no other command needs it

        return serve()
    if command == "rule":
        from gradlint.cli.rule import run as show_rule

        return show_rule(options)
    from gradlint.cli.arguments import overrides_of
    from gradlint.sources.config import Configs

    configs = Configs(overrides_of(options), options.config, options.isolated)
    if command == "config":
        from gradlint.cli.config import run as show_config

        return show_config(options, configs)
    from gradlint.cli.session import Session

    if command == "predict":
        from gradlint.cli.predict import run as predict

        return predict(options, Session(options.paths, configs, stdin_name=options.stdin_filename))
    if command == "explain":
        return _explain(options, configs)
    from gradlint.cli.check import run as check

    session = Session(options.paths, configs, force=options.force_exclude, stdin_name=options.stdin_filename)
    return check(options, session)


def _explain(options: argparse.Namespace, configs: object) -> int:
    from gradlint.cli.explain import place_of, run
    from gradlint.cli.session import Session
    from gradlint.cli.terminal import complain
    from gradlint.sources.config import Configs

    assert isinstance(configs, Configs)
    place = place_of(options.place)
    if place is None:
        complain(f"`{options.place}` is no FILE:LINE")
        return 2
    return run(options, Session([place[0], *options.paths], configs))
