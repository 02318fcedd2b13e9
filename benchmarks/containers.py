"""The orchestrator beside the bare `podman` command, in one run: `uv run python benchmarks/containers.py`."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING

from botserver_containers.client import Client, connect
from botserver_containers.decisions.monitor import decide
from botserver_containers.decisions.observation import ContainerState, Observation
from botserver_containers.decisions.tracker import History
from botserver_containers.lab import Lab, create_lab
from botserver_containers.throwaway import Server, serve

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = "localhost/lab/sleep:1"
OPTIONS = (
    "--cap-drop", "all", "--security-opt", "no-new-privileges", "--pids-limit", "512", "--network", "none",
    "--restart", "no", "--stop-timeout", "30",
)  # fmt: skip


def main() -> int:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of start and stop, in turns (9)")
    parser.add_argument("--containers", type=int, default=100, help="how many idle ones (100); 0 leaves that out")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds that they are watched (60)")
    options = parser.parse_args()
    rows = [("a decision pass over 1,000 containers", f"{decision_pass() * 1000:.1f} ms", "", "20 ms")]
    lab = create_lab(tempfile.mkdtemp(prefix="lab"), ("sleep",))
    try:
        with serve(lab, os.path.join(lab.folder, "data"), "settle=0.1") as server, connect(server.url) as client:
            rows += start_and_stop(lab, client, options.rounds)
            rows += crash(lab, server, client, options.rounds)
            if options.containers:
                rows += idle(client, server, options.containers, options.idle)
    finally:
        lab.clean()
    print("| what | measured | ratio | bound |\n|---|--:|--:|--:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    return 0


def decision_pass() -> float:
    """Seconds of one pass over containers of which each third is up, down, or given up."""
    seen, tracker = [], {}
    for number in range(1000):
        name = f"app-{number}"
        state = ContainerState.RUNNING if number % 3 == 0 else ContainerState.EXITED
        seen.append(Observation(name, state, 1, down_since=1e9, depends_on=(f"app-{(number * 7) % 1000}",)))
        if number % 3 == 2:
            tracker[name] = History(3, 1e9, told=True)
    return statistics.median(_time(lambda: decide(seen, tracker, set(), 1e9 + 5)) for _ in range(21))


def start_and_stop(lab: Lab, client: Client, rounds: int) -> list[tuple[str, str, str, str]]:
    """Ours from the call until the state is told, theirs from the command to its end; in turns."""
    client.call("package.install", id="ours", dockerImage=IMAGE, containerConfig={"network": "none"})
    client.wait("ours", ("running",), 60)
    lab.run("create", "--name", "bare", *OPTIONS, *_init(), IMAGE)
    lab.run("start", "bare")
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for verb, state in (("stop", "stopped"), ("start", "running")):
            words = ["stop", "--time", "30", "bare"] if verb == "stop" else ["start", "bare"]
            times.setdefault(f"podman {verb}", []).append(_time(partial(lab.run, *words)))
            times.setdefault(verb, []).append(_time(partial(_change, client, verb, state)))
    client.call("package.uninstall", id="ours")
    client.wait("ours", ("gone",), 60)
    lab.run("rm", "--force", "--time", "0", "bare")
    rows = []
    for verb in ("start", "stop"):
        ours, bare = (statistics.median(times[name]) for name in (verb, f"podman {verb}"))
        text = f"{ours * 1000:.0f} ms against {bare * 1000:.0f} ms"
        rows.append((f"{verb}, against `podman {verb}`", text, f"{ours / bare:.2f}", "1.15"))
    return rows


def crash(lab: Lab, server: Server, client: Client, rounds: int) -> list[tuple[str, str, str, str]]:
    """Seconds from the kill of a process until its app is told to be down."""
    client.call("package.install", id="crash", dockerImage=IMAGE, containerConfig={"network": "none"})
    client.wait("crash", ("running",), 60)
    noticed = []
    for _ in range(rounds):
        pid = int(lab.run("inspect", "--format", "{{.State.Pid}}", "crash").stdout)
        began = time.monotonic()
        os.kill(pid, 9)
        while client.state()["package-data"]["crash"]["state"] == "running":
            time.sleep(0.002)
        noticed.append(time.monotonic() - began)
        client.call("package.start", id="crash")
        client.wait("crash", ("running",), 60)
    client.call("package.uninstall", id="crash")
    client.wait("crash", ("gone",), 60)
    del server
    worst = f"{statistics.median(noticed) * 1000:.0f} ms, at most {max(noticed) * 1000:.0f} ms"
    return [("a crash is noticed", worst, "", "1 s")]


def idle(client: Client, server: Server, count: int, seconds: float) -> list[tuple[str, str, str, str]]:
    """What the server takes while many apps run and nothing happens; Podman's commands counted in."""
    for number in range(count):
        client.call("package.install", id=f"idle-{number}", dockerImage=IMAGE, containerConfig={"network": "none"})
        client.wait(f"idle-{number}", ("running",), 60)
    time.sleep(5)
    before, began = _cpu(server.process.pid), time.monotonic()
    time.sleep(seconds)
    share = (_cpu(server.process.pid) - before) / (time.monotonic() - began)
    with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as file:
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    return [
        (f"processor, idle with {count} containers", f"{share * 100:.2f} %", "", "1 %"),
        (f"memory, idle with {count} containers", f"{resident / 1024:.0f} MiB", "", "80 MiB"),
    ]


def _change(client: Client, verb: str, state: str) -> None:
    client.call(f"package.{verb}", id="ours")
    deadline = time.monotonic() + 60
    while client.state()["package-data"]["ours"]["state"] != state:
        if time.monotonic() > deadline:
            raise TimeoutError(f"it is not {state}")
        time.sleep(0.002)


def _init() -> list[str]:
    path = shutil.which("catatonit") or shutil.which("tini")
    return ["--init", "--init-path", path] if path else []


def _cpu(pid: int) -> float:
    """Seconds of processor that a process and its children, those that ended too, have taken."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _time(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
