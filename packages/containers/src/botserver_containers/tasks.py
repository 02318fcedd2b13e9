"""Invoke tasks: `smoke.containers` and `dev.containers`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    name="containers",
    help={
        "url": "a running orchestrator (default: one that is started for the test, over a Podman of its own)",
        "image": "what is installed; needed with --url",
        "directory": "the data directory of that orchestrator; needed with --url",
        "output": "a file for the JSON result too",
    },
)
def smoke(_context: Context, url: str = "", image: str = "", directory: str = "", output: str = "") -> None:
    """Take a real app through its whole life; JSON on standard output, exit code 1 when a step fails."""
    from botserver_containers.client import connect
    from botserver_containers.lab import create_lab
    from botserver_containers.smoke import run_smoke
    from botserver_containers.throwaway import Here, serve

    if url:
        with connect(url, os.environ.get("BOT_CONTAINERS_PASSWORD", "")) as client:
            report = run_smoke(client, Here(directory), image)
    else:
        lab = create_lab(tempfile.mkdtemp(prefix="lab"), ("serve",))
        try:
            with serve(lab, os.path.join(lab.folder, "data"), "settle=5") as server, connect(server.url) as client:
                report = run_smoke(client, server, "localhost/lab/serve:1")
                report["log"] = [] if report["passed"] else server.read_log().splitlines()[-40:]
        finally:
            lab.clean()
    text = json.dumps(report, indent=2)
    print(text)
    if output:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    if not report["passed"]:
        raise Exit(code=1)


@task(
    name="containers",
    positional=[],
    help={
        "host": "USER@HOST where it is tested",
        "once": "run once instead of waiting for Enter",
        "port": "the port of SSH there",
        "identity": "the file of the key to log in with",
        "folder": "where the code goes on that machine",
        "image": "what the smoke test installs there",
    },
)
def dev(
    _context: Context,
    host: str,
    once: bool = False,
    port: int = 22,
    identity: str = "",
    folder: str = "botserver-dev",
    image: str = "docker.io/filebrowser/filebrowser:v2",
) -> None:
    """Edit here, test there: copy, install, restart, wait for health, the eight smoke steps, state and logs."""
    from botserver_containers.devloop import Machine, run_loop

    machine = Machine(host, port, identity, folder)
    if not run_loop(machine, os.getcwd(), image, once=once, ask=sys.stdin.readline):
        raise Exit(code=1)


def add_tasks(namespace: Collection) -> None:
    """Put them into the collections `smoke` and `dev` of a namespace."""
    for name, one in (("smoke", smoke), ("dev", dev)):
        if name not in namespace.collections:
            namespace.add_collection(Collection(name))
        namespace.collections[name].add_task(one)
