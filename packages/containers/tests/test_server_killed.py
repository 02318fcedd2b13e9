"""The server is killed at any moment, and the next one brings everything in order (promises C4, C6 and C7)."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from botserver_containers.client import CallError, Client, connect
from botserver_containers.throwaway import Server, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botserver_containers.lab import Lab

pytestmark = [pytest.mark.podman, pytest.mark.slow]

COMMAND = (sys.executable, os.path.join(os.path.dirname(__file__), "server.py"))
#: How many moments are tried; `CONTAINERS_KILLS=100` is the whole promise.
KILLS = int(os.environ.get("CONTAINERS_KILLS", "2"))
#: Seconds until everything is in order again.
LIMIT = 30.0


@contextmanager
def server(lab: Lab, folder: Path) -> Iterator[tuple[Server, Client]]:
    with (
        serve(lab, str(folder / "data"), "settle=0.3", command=COMMAND) as running,
        connect(running.url) as client,
    ):
        yield running, client


def wait_for(condition: Callable[[], bool], what: Callable[[], object], seconds: float = LIMIT) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def states(client: Client) -> dict[str, str]:
    return {name: entry["state"] for name, entry in client.state()["package-data"].items()}


def settled(client: Client) -> bool:
    return bool(client.call("health")["recovered"]) and set(states(client).values()) <= {"running", "stopped", "exited"}


def names(lab: Lab) -> list[str]:
    return sorted(lab.run("ps", "--all", "--format", "{{.Names}}").stdout.decode().split())


def install(client: Client, *apps: str) -> None:
    for name in apps:
        client.call("package.install", id=name, dockerImage="localhost/lab/sleep:1")
    for name in apps:
        client.wait(name, ("running",), LIMIT)


def told(client: Client) -> str:
    return "\n".join(it["message"] for it in client.state()["notifications"])


def test_what_ran_runs_again_and_what_was_stopped_does_not(lab: Lab, tmp_path: Path) -> None:
    with server(lab, tmp_path) as (running, client):
        install(client, "mempool-db", "filebrowser", "lnd")
        client.call("package.stop", id="lnd")
        client.wait("lnd", ("stopped",), LIMIT)
        running.kill()
    lab.run("kill", "mempool-db", "filebrowser")
    wanted = {"filebrowser": "running", "lnd": "stopped", "mempool-db": "running"}
    with server(lab, tmp_path) as (running, client):
        wait_for(lambda: settled(client), lambda: states(client))
        assert states(client) == wanted
        assert "of the last run is dead. 2 apps ran." in told(client)
        running.kill()
    # The process id belongs to somebody else by now: no reason to wait, and no reason to touch that one.
    data = tmp_path / "data"
    trace = json.loads((data / "archipelago.pid.json").read_text())
    (data / "archipelago.pid").write_text(str(os.getpid()))
    (data / "archipelago.pid.json").write_text(json.dumps({**trace, "pid": os.getpid()}))
    lab.run("kill", "filebrowser")
    with server(lab, tmp_path) as (running, client):
        wait_for(lambda: settled(client), lambda: states(client))
        assert states(client) == wanted
        assert "is another program now" in told(client)
        assert running.stop() == 0
    assert names(lab) == sorted(wanted), "the end of the service is no end of its apps"
    lab.run("rm", "--all", "--force", "--time", "0")


def test_a_kill_at_any_moment_leaves_old_or_new(lab: Lab, tmp_path: Path) -> None:
    """One app is being installed, one being stopped, one just runs; the kill comes at any moment of that."""
    with server(lab, tmp_path) as (running, client):
        install(client, "steady", "victim")
        pause = break_off(running, client, 0)
    for number in range(1, KILLS + 1):
        lab.run("kill", "steady")
        with server(lab, tmp_path) as (running, client):
            began = time.monotonic()
            wait_for(lambda: settled(client), lambda: states(client))
            wait_for(lambda: states(client)["victim"] == "stopped", lambda: states(client))
            found = states(client)
            assert (found["steady"], found.get("fresh", "running")) == ("running", "running")
            assert names(lab) == sorted(found), f"after a kill at {pause:.2f} s"
            assert time.monotonic() - began < LIMIT
            with pytest.raises(CallError):
                client.call("package.install", id="steady", dockerImage="localhost/lab/sleep:1")
            if number < KILLS:
                pause = break_off(running, client, number)
    lab.run("rm", "--all", "--force", "--time", "0")


def break_off(running: Server, client: Client, number: int) -> float:
    """Begin an installation and a stop, and kill the server after a moment, which is given."""
    if "fresh" in states(client):
        client.call("package.uninstall", id="fresh")
        client.wait("fresh", ("gone",), LIMIT)
    if states(client)["victim"] == "stopped":
        client.call("package.start", id="victim")
        client.wait("victim", ("running",), LIMIT)
    client.call("package.install", id="fresh", dockerImage="localhost/lab/sleep:1")
    client.call("package.stop", id="victim")
    pause = random.Random(number).uniform(0.0, 1.8)
    time.sleep(pause)
    running.kill()
    return pause
