"""`gradlint run SCRIPT`: a script on the runtime engine, which stands in for torch.

This command, and no other, runs user code.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys

from gradlint.cli.terminal import complain


def run(options: argparse.Namespace) -> int:
    """Exit status of the script; 2 where it cannot be started."""
    if not os.path.isfile(options.script):
        complain(f"{options.script}: no such file")
        return 2
    try:
        import gradlint_runtime  # late: it needs numpy, which no other command does
    except ImportError as error:
        complain(f"the runtime engine cannot be loaded: {error}")
        return 2
    gradlint_runtime.install()
    sys.argv = [options.script, *options.arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(options.script)))
    runpy.run_path(options.script, run_name="__main__")
    return 0
