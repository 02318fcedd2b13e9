"""The promises of a stack, tried on this machine: ``python -m botserver_stack.trials kills --count 60``.

Managers are killed at random moments, keepers too, and the machine is compared before and after. The seed makes a run
repeatable as far as processes are. Tests run a bounded sample. `--broken` names a guard to take away, and then the
trial has to find leaks: one that finds none there proves nothing. Prints JSON; exit code 1 when something was left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from botserver_stack.folders import find_folders, find_unfinished
from botserver_stack.leaks import Snapshot, differences, isolate, look
from botserver_stack.processes import send
from botserver_stack.records import read_record
from botserver_stack.sweeping import sweep

#: Seconds after which nothing may be left.
_CLEAN_SECONDS = 10.0

#: Guard -> the program text that takes it away, in the manager before it starts.
BROKEN = {
    # A keeper that does not notice that its stack's owner is gone.
    "keeper": (
        "import botserver_stack.keeping as k\n"
        "k._PROGRAM = k._PROGRAM.replace('main()', \"import botserver_stack.keeper as q, time; s = q._Keeper.serve;"
        ' q._Keeper.serve = lambda *a: (s(*a), time.sleep(15)); main()")\n'
    ),
    # Servers that the kernel does not end with their keeper.
    "death-signal": (
        "import botserver_stack.keeping as k\n"
        "k._PROGRAM = k._PROGRAM.replace('main()',"
        " 'import botserver_stack.spawning as s; s._prctl = lambda *a: None; main()')\n"
    ),
}


@dataclass
class Report:
    """What was tried and what came of it. `worst` is the longest time in seconds until nothing was left."""

    trial: str
    seed: int
    tried: int = 0
    leaks: list[dict[str, Any]] = field(default_factory=list)
    worst: float = 0.0
    seconds: float = 0.0
    signals: dict[str, int] = field(default_factory=dict)
    own_machine: bool = False


def try_kills(report: Report, options: argparse.Namespace) -> None:
    """Managers get signals at random moments of their lives; some run to their end."""
    chance = random.Random(options.seed)  # noqa: S311 - repeatable is the point
    kinds = ["KILL"] * options.kills + ["INT"] * (options.kills // 2) + ["TERM"] * (options.kills // 2)
    kinds += ["INT INT"] * (options.kills // 4)
    kinds += [""] * max(options.count - len(kinds), 0)
    chance.shuffle(kinds)
    for kind in kinds[: options.count]:
        _try_one(report, options, kind, chance.uniform(0, options.window))


def try_keepers(report: Report, options: argparse.Namespace) -> None:
    """The manager and its keeper are both killed, at random moments.

    The kernel ends the servers, which remove their shared memory; only files are left for the next sweep.
    """
    chance = random.Random(options.seed)  # noqa: S311
    for _ in range(options.count):
        _try_one(report, options, "KILL BOTH", chance.uniform(0, options.window))


def _try_one(report: Report, options: argparse.Namespace, kind: str, moment: float) -> None:
    root = tempfile.mkdtemp(prefix="stack-trial-")
    os.chmod(root, 0o711)  # noqa: S103 - PostgreSQL goes through it to its data
    before = look(root)
    report.tried += 1
    report.signals[kind or "none"] = report.signals.get(kind or "none", 0) + 1
    manager = _start_manager(root, kind, options)
    try:
        _let_live(manager, kind, root, options, moment)
        _strike(manager, kind, root)
        struck = time.monotonic()
        manager.wait(60)
        found = {}
        if kind == "KILL BOTH":
            found = _wait_clean(root, before, options, ignored=frozenset({"files"}))
            report.worst = max(report.worst, time.monotonic() - struck)
            sweep(root)
        found = found or _wait_clean(root, before, options)
        if kind != "KILL BOTH":
            report.worst = max(report.worst, time.monotonic() - struck)
        if found:
            report.leaks.append({"signal": kind, "moment": round(moment, 3), "left": found})
    finally:
        _clean(root, manager)


def _let_live(
    manager: subprocess.Popen[bytes], kind: str, root: str, options: argparse.Namespace, moment: float
) -> None:
    """Wait for the moment: seconds since it began to make its folder, or since it was ready."""
    if not kind:
        manager.wait(120)
        return
    begun = _is_ready if options.when == "ready" else _has_begun
    while not begun(root) and manager.poll() is None:
        time.sleep(0.001)
    deadline = time.monotonic() + moment
    while time.monotonic() < deadline and manager.poll() is None:
        time.sleep(0.001)


def _has_begun(root: str) -> bool:
    return bool(os.listdir(root))


def _is_ready(root: str) -> bool:
    records = [read_record(it) for it in find_folders(root)]
    return any(it is not None and "ready" in it.facts for it in records)


def _start_manager(root: str, kind: str, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    program = (
        f"{BROKEN.get(options.broken, '')}\n"
        "from botserver_stack.running import Wish, keep_up\n"
        f"services, root, lifetime = {tuple(options.services.split(','))!r}, {root!r}, {30 if kind else 0.05}\n"
        "keep_up(Wish(services, root, lifetime, plan_ports=False), print)\n"
    )
    environment = os.environ | {"TMPDIR": root}
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=quiet, stderr=quiet)


def _strike(manager: subprocess.Popen[bytes], kind: str, root: str) -> None:
    if kind == "KILL BOTH":
        for folder in find_folders(root):
            record = read_record(folder)
            if record is not None:
                os.kill(record.keeper.pid, signal.SIGKILL)
        manager.kill()
        return
    for name in kind.split():
        manager.send_signal(signal.Signals[f"SIG{name}"])


def _wait_clean(
    root: str, before: Snapshot, options: argparse.Namespace, ignored: frozenset[str] = frozenset()
) -> dict[str, list[str]]:
    deadline = time.monotonic() + (options.seconds or _CLEAN_SECONDS)
    while os.listdir(root) and "files" not in ignored and time.monotonic() < deadline:
        time.sleep(0.005)  # looking at everything costs as much as a start
    while True:
        found = {kind: it for kind, it in differences(before, look(root)).items() if kind not in ignored}
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def _clean(root: str, manager: subprocess.Popen[bytes]) -> None:
    """After a leak, so that the next trial starts clean. Only what this trial started is killed."""
    if manager.poll() is None:
        manager.kill()
        manager.wait()
    for folder in (*find_folders(root), *find_unfinished(root)):
        record = read_record(folder)
        if record is not None:
            for process in (record.keeper, *(it.process for it in record.servers)):
                send(process, signal.SIGKILL)
    shutil.rmtree(root, ignore_errors=True)


TRIALS = {"kills": try_kills, "keepers": try_keepers}


def main() -> int:
    """Run one trial."""
    parser = argparse.ArgumentParser(prog="python -m botserver_stack.trials", description="Try what a stack promises.")
    parser.add_argument("trial", choices=sorted(TRIALS))
    parser.add_argument("--count", type=int, default=60, help="stacks")
    parser.add_argument("--kills", type=int, default=12, help="managers that get a SIGKILL; half as many INT and TERM")
    parser.add_argument("--window", type=float, default=0.8, help="seconds within which they are hit")
    parser.add_argument("--when", choices=["folder", "ready"], default="folder", help="what the seconds count from")
    parser.add_argument("--seconds", type=float, default=0.0, help="after so many nothing may be left (default: 10)")
    parser.add_argument("--services", default="postgres,redis")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", default="", choices=["", *BROKEN])
    options = parser.parse_args()
    report = Report(options.trial, options.seed, own_machine=isolate())
    start = time.monotonic()
    TRIALS[options.trial](report, options)
    report.seconds = round(time.monotonic() - start, 1)
    report.worst = round(report.worst, 2)
    print(json.dumps(asdict(report), indent=2))
    return 1 if report.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
