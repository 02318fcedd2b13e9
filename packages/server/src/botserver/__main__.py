"""`python -m botserver` is the `botserver` command."""

import sys

from botserver.cli import main

if __name__ == "__main__":
    sys.exit(main())
