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

pytestmark = pytest.mark.podman

COMMAND = (sys.executable, os.path.join(os.path.dirname(__file__), "server.py"))
#: How many moments are tried; `CONTAINERS_KILLS=100` is the whole promise.
KILLS = int(os.environ.get("CONTAINERS_KILLS", "2"))
#: Seconds until everything is in order again.
LIMIT = 30.0


@contextmanager
def server(lab: Lab, folder: Path) -> Iterator[tuple[Server, Client]]:
    with (
        serve(lab, str(folder / "data"), "settle=1", command=COMMAND) as running,
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


def install(client: Client, name: str) -> None:
    client.call("package.install", id=name, dockerImage="localhost/lab/sleep:1")
    client.wait(name, ("running",), LIMIT)


def test_what_ran_runs_again_and_what_was_stopped_does_not(lab: Lab, tmp_path: Path) -> None:
    with server(lab, tmp_path) as (running, client):
        for name in ("mempool-db", "filebrowser", "lnd"):
            install(client, name)
        client.call("package.stop", id="lnd")
        client.wait("lnd", ("stopped",), LIMIT)
        running.kill()
    for name in ("mempool-db", "filebrowser"):
        lab.run("kill", name)
    with server(lab, tmp_path) as (running, client):
        wait_for(lambda: settled(client), lambda: states(client))
        assert states(client) == {"filebrowser": "running", "lnd": "stopped", "mempool-db": "running"}
        told = [it["message"] for it in client.state()["notifications"]]
        assert any("of the last run is dead. 2 apps ran." in message for message in told), told
        assert running.stop() == 0
    assert names(lab) == ["filebrowser", "lnd", "mempool-db"], "the end of the service is no end of its apps"
    lab.run("rm", "--all", "--force", "--time", "0")


def test_a_pid_file_that_names_a_stranger_is_no_reason_to_wait(lab: Lab, tmp_path: Path) -> None:
    with server(lab, tmp_path) as (running, client):
        install(client, "a")
        running.kill()
    data = tmp_path / "data"
    trace = json.loads((data / "archipelago.pid.json").read_text())
    (data / "archipelago.pid").write_text(str(os.getpid()))
    (data / "archipelago.pid.json").write_text(json.dumps({**trace, "pid": os.getpid()}))
    lab.run("kill", "a")
    with server(lab, tmp_path) as (_running, client):
        wait_for(lambda: settled(client), lambda: states(client))
        assert states(client) == {"a": "running"}
        told = [it["message"] for it in client.state()["notifications"]]
        assert any("is another program now" in message for message in told), told
    lab.run("rm", "--all", "--force", "--time", "0")


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_at_any_moment_leaves_old_or_new(lab: Lab, tmp_path: Path, number: int) -> None:
    """One app is being installed, one being stopped, one just runs; the kill comes at any moment of that."""
    pause = random.Random(number).uniform(0.0, 2.5)
    with server(lab, tmp_path) as (running, client):
        for name in ("steady", "victim"):
            install(client, name)
        client.call("package.install", id="fresh", dockerImage="localhost/lab/sleep:1")
        client.call("package.stop", id="victim")
        time.sleep(pause)
        running.kill()
    lab.run("kill", "steady")
    with server(lab, tmp_path) as (_running, client):
        began = time.monotonic()
        wait_for(lambda: settled(client), lambda: states(client))
        wait_for(lambda: states(client)["victim"] == "stopped", lambda: states(client))
        found = states(client)
        assert found["steady"] == "running"
        assert found["victim"] == "stopped"
        assert found.get("fresh", "running") == "running"
        assert names(lab) == sorted(found), f"after a kill at {pause:.2f} s"
        assert time.monotonic() - began < LIMIT
        with pytest.raises(CallError):
            client.call("package.install", id="steady", dockerImage="localhost/lab/sleep:1")
    lab.run("rm", "--all", "--force", "--time", "0")
