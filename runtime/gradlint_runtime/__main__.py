"""`python -m gradlint_runtime script.py [arguments]`: run a script with the engine in the place of torch."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from . import install


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print("usage: python -m gradlint_runtime script.py [arguments]")
        raise SystemExit(0 if len(sys.argv) > 1 else 2)
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(script).resolve().parent)
    install()
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
