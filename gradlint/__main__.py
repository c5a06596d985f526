"""`python -m gradlint` is the command `gradlint`."""

import sys

from gradlint.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
