"""The promises of a stack, tried on this machine: ``python -m botserver_stack.trials kills --count 60``.

Managers are killed at random moments, keepers too, or one system call of a start fails, and the machine is compared
before and after. The seed makes a run repeatable as far as processes are. Tests run a bounded sample. `--broken` names
a guard to take away, and then the trial has to find something: one that finds nothing there proves nothing. Prints
JSON; exit code 1 when something was left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict

from botserver_stack.arena import BROKEN, Report, clear, make_root, wait_clean
from botserver_stack.faulting import try_faults
from botserver_stack.faults import FAULTS
from botserver_stack.folders import find_folders
from botserver_stack.leaks import isolate, look
from botserver_stack.records import read_record
from botserver_stack.sweeping import sweep


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
    root = make_root()
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
            found = wait_clean(root, before, options, ignored=frozenset({"files"}))
            report.worst = max(report.worst, time.monotonic() - struck)
            sweep(root)
        found = found or wait_clean(root, before, options)
        if kind != "KILL BOTH":
            report.worst = max(report.worst, time.monotonic() - struck)
        if found:
            report.leaks.append({"signal": kind, "moment": round(moment, 3), "left": found})
    finally:
        clear(root, manager)


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


TRIALS = {"kills": try_kills, "keepers": try_keepers, "faults": try_faults}


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
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th call fails, on average")
    parser.add_argument("--fault", default="", choices=["", *FAULTS], help="only this fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", default="", choices=["", *BROKEN])
    options = parser.parse_args()
    options.own_machine = isolate()
    report = Report(options.trial, options.seed, own_machine=options.own_machine)
    start = time.monotonic()
    TRIALS[options.trial](report, options)
    report.seconds = round(time.monotonic() - start, 1)
    report.worst = round(report.worst, 2)
    print(json.dumps(asdict(report), indent=2))
    return 1 if report.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
