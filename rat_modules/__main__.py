"""`python -m rat_modules` is the command `rat-modules`."""

import sys

from rat_modules.cli import main

if __name__ == "__main__":
    sys.exit(main())
