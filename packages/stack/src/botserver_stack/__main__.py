"""``python -m botserver_stack`` is ``bot-stack``."""

import sys

from botserver_stack.cli import main

if __name__ == "__main__":
    sys.exit(main())
