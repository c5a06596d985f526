"""`python -m gradlint` is the command `gradlint`."""

import os
import sys

# `python -m` puts the current folder first; a file called numpy.py or libcst.py in there is to be read, never imported.
if sys.path[0] in ("", os.getcwd()) and os.path.dirname(os.path.dirname(os.path.abspath(__file__))) != os.getcwd():
    del sys.path[0]

from gradlint.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
