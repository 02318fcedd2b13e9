"""What trials have in common: a folder for one stack, guards that can be taken away, and the look at what is left."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botserver_stack.folders import find_folders, find_unfinished
from botserver_stack.leaks import MACHINE_WIDE, differences, look
from botserver_stack.processes import send
from botserver_stack.records import read_record

if TYPE_CHECKING:
    import argparse
    import subprocess

    from botserver_stack.leaks import Snapshot

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
    # A keeper that ends and cleans up nothing.
    "end": (
        "import botserver_stack.keeping as k\n"
        "k._PROGRAM = k._PROGRAM.replace('main()',"
        " 'import botserver_stack.keeper as q; q._Keeper.end = lambda *a, **k: None; main()')\n"
    ),
    # A command that leaves errors to Python.
    "words": "import botlib, botserver_stack.cli as c\nbotlib.BotError, c._explain = KeyError, None\n",
}


@dataclass
class Report:
    """What was tried and what came of it.

    `worst` is the longest time in seconds until nothing was left; `calls` how many of a start can end with a fault.
    """

    trial: str
    seed: int
    tried: int = 0
    leaks: list[dict[str, Any]] = field(default_factory=list)
    worst: float = 0.0
    seconds: float = 0.0
    signals: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    own_machine: bool = False


def make_root() -> str:
    """A folder for one stack."""
    root = tempfile.mkdtemp(prefix="stack-trial-")
    os.chmod(root, 0o711)  # noqa: S103 - PostgreSQL goes through it to its data
    return root


def wait_clean(
    root: str, before: Snapshot, options: argparse.Namespace, ignored: frozenset[str] = frozenset()
) -> dict[str, list[str]]:
    """What is left of a trial when the time is over, by kind. Kinds that are `ignored` may be left.

    Without a machine of our own that is everything that could be anybody's.
    """
    ignored |= frozenset() if options.own_machine else MACHINE_WIDE
    deadline = time.monotonic() + (options.seconds or _CLEAN_SECONDS)
    while os.listdir(root) and "files" not in ignored and time.monotonic() < deadline:
        time.sleep(0.005)  # looking at everything costs as much as a start
    while True:
        found = {kind: it for kind, it in differences(before, look(root)).items() if kind not in ignored}
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def clear(root: str, manager: subprocess.Popen[bytes]) -> None:
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
