"""`python -m botserver_client` is the `tasker-cli` command."""

import sys

from botserver_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
