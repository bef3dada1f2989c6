"""`python -m thalweg` is the `thalweg` command."""

import sys

from thalweg.cli import main

if __name__ == "__main__":
    sys.exit(main())
