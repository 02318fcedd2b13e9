"""The command and a WebSocket, against a server that is a process of its own, on real Podman."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import jsonpatch
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_socket
from websockets.typing import Origin

from botserver_containers.cli import main
from botserver_containers.client import connect
from botserver_containers.smoke import CI_STEPS, run_smoke
from botserver_containers.throwaway import serve

if TYPE_CHECKING:
    from pathlib import Path

    from botserver_containers.lab import Lab

pytestmark = pytest.mark.podman
COMMAND = (sys.executable, os.path.join(os.path.dirname(__file__), "server.py"))


def test_a_person_with_a_terminal_and_one_who_watches(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> tuple[int, str]:
        code = main(["--url", server.url, *words])
        said = capsys.readouterr()
        return code, (said.out + said.err).strip()

    with serve(lab, str(tmp_path / "data"), "settle=0.3", command=COMMAND) as server:
        socket_url = f"{server.url.replace('http', 'ws')}/ws/db"
        with connect_socket(socket_url) as socket:
            first = json.loads(socket.recv(timeout=20))
            assert (first["type"], first["data"]["package-data"]) == ("initial", {})
            assert run("list") == (0, "No app is installed.")
            assert run("install", "a", "--image", "localhost/lab/greet:1") == (0, "a is running.")
            assert run("stop", "a") == (0, "a is stopped.")
            assert run("start", "a") == (0, "a is running.")
            assert run("restart", "a") == (0, "a is running.")
            assert run("health") == (0, "a                        unknown")
            code, text = run("list", "--json")
            (listed,) = json.loads(text)["containers"]
            assert (code, listed["name"], listed["state"]) == (0, "a", "running")
            assert run("reconcile") == (0, "leave     a                        it is as it should be")
            assert run("install", "b", "--image", "localhost/lab/fail-0s:1") == (
                1,
                "b is not running: b ended with exit code 3. It said: no config",
            )
            assert run("install", "b", "--image", "evil.example/b:1")[0] == 1
            assert run("logs", "nobody") == (
                1,
                "No app named 'nobody' is installed. package.install installs one.",
            )
            manifest = tmp_path / "c.yml"
            manifest.write_text("app: {id: c, container: {image: localhost/lab/sleep:1, network: none}}")
            assert run("install", "c", "--manifest", str(manifest)) == (0, "c is running.")
            assert run("uninstall", "c") == (0, "c is gone.")
            assert run("uninstall", "a") == (0, "a is gone.")
            with connect(server.url) as client:
                assert follow(socket, first, client.state()) == STEPS
        with (
            pytest.raises(InvalidStatus, match="403"),
            connect_socket(socket_url, origin=Origin("http://evil.example")),
        ):
            pass
    assert main(["--url", "http://127.0.0.1:9", "list"]) == 1


#: What one who watches sees of the first app.
STEPS = [
    "installing", "running", "stopping", "stopped", "starting", "running", "restarting", "running", "removing", "gone",
]  # fmt: skip


def follow(socket: Any, first: dict[str, Any], last: Any) -> list[str]:
    """The states of the first app that a watcher sees until its document is the last one."""
    document, rev = first["data"], first["rev"]
    states = []
    while document != last:
        frame = json.loads(socket.recv(timeout=20))
        assert frame["rev"] == rev + 1
        document, rev = jsonpatch.apply_patch(document, frame["patch"]), frame["rev"]
        states.append(document["package-data"].get("a", {}).get("state", "gone"))
    return [state for state, before in zip(states, [None, *states], strict=False) if state != before]


def test_the_smoke_test_passes_and_removes_what_it_made(lab: Lab, tmp_path: Path) -> None:
    with (
        serve(lab, str(tmp_path / "data"), "settle=0.3", command=COMMAND) as server,
        connect(server.url) as client,
    ):
        report = run_smoke(client, server, "localhost/lab/sleep:1")
        assert (report["passed"], len(report["steps"])) == (True, 8), report
        broken = run_smoke(client, server, "localhost/lab/fail-0s:1", CI_STEPS)
        assert (broken["passed"], [step["name"] for step in broken["steps"]]) == (False, ["install"])
        assert client.call("container.list") == {"containers": []}
