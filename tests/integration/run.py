"""Runs the integration suite of workflows, on a throw-away stack or in containers: `invoke integration.workflows`.

With `--compose` the services are those of `docker-compose.integration.yml`: images are built, containers started and
waited for; the suite talks to their ports; then everything is taken down, and the logs are kept when it failed. The
exit code is that of pytest, or 2 when there was nothing to test. `--debian` makes the base images of Debian packages,
for a machine that reaches no registry of images; that needs root, debootstrap, and what `.ci/debian-packages` installs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from composing import BUILD, Compose, ComposeError, make_site
from debian import open_debian

from botserver_client.waiting import main as wait_for_services

if TYPE_CHECKING:
    from collections.abc import Mapping


def main() -> int:
    parser = argparse.ArgumentParser(prog="invoke integration.workflows", description="Test workflows through HTTP.")
    parser.add_argument("--compose", action="store_true", help="in containers, not as processes on a throw-away stack")
    parser.add_argument("--debian", action="store_true", help="with --compose: make the base images here")
    parser.add_argument("--deadline", type=float, default=120.0, metavar="SECONDS", help="for the services to be ready")
    options = parser.parse_args()
    if not options.compose:
        return _run_suite({})
    try:
        return _run_in_containers(debian=options.debian, deadline=options.deadline)
    except (ComposeError, subprocess.CalledProcessError) as error:
        print(f"integration.workflows: {error}", file=sys.stderr)
        return 2


def _run_in_containers(*, debian: bool, deadline: float) -> int:
    with ExitStack() as stack:
        compose = Compose(stack.enter_context(open_debian()) if debian else os.environ)
        make_site(compose.python_version())
        stack.callback(compose.down)
        compose.up(deadline)
        code = wait_for_services(["--deadline", str(deadline), *compose.urls.values()])
        if code == 0:
            code = _run_suite(compose.urls)
        if code != 0:
            compose.save_logs(BUILD / "services.log")
        return code


def _run_suite(urls: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent)]
    return subprocess.run(command, env=os.environ | urls, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
