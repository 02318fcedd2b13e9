"""The trial `faults`: each system call of a start fails once, in whichever process it is made."""

from __future__ import annotations

import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from botserver_stack.arena import BROKEN, clear, make_root, wait_clean
from botserver_stack.faults import FAULTS, Judge
from botserver_stack.leaks import look

if TYPE_CHECKING:
    import argparse

    from botserver_stack.arena import Report

#: Each start has so many system calls that can end with any of the faults.
_FEWEST_CALLS = 8


def try_faults(report: Report, options: argparse.Namespace) -> None:
    """Each system call of a start fails once, in whichever process, with each fault that it can have.

    With `--every N` each N-th on average, chosen by chance. A start ends with one sentence then, or works nevertheless.
    """
    chance = random.Random(options.seed)  # noqa: S311
    for fault in (options.fault,) if options.fault else FAULTS:
        number = chance.randint(1, min(options.every, _FEWEST_CALLS))
        while _try_fault(report, options, fault, number):
            number += chance.randint(1, 2 * options.every - 1)


def _try_fault(report: Report, options: argparse.Namespace, fault: str, number: int) -> bool:
    """Whether the start had so many calls. If so, one failed, and what was left or said wrong is in the report."""
    root = make_root()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        manager = _start_submitted(root, theirs, fault, options)
        theirs.close()
        judge = Judge(ours, fault, number)
    with manager:
        try:
            before = look(root)  # the manager waits for an answer
            said = _judge(judge, manager)
            struck = time.monotonic()
            found = wait_clean(root, before, options)
            seconds = time.monotonic() - struck
        finally:
            judge.close()
            clear(root, manager)
    if judge.hit is None:
        report.calls[fault] = judge.count
        return False
    report.tried += 1
    report.signals[fault] = report.signals.get(fault, 0) + 1
    report.worst = max(report.worst, seconds)
    if not _is_told(manager.returncode, fault, said):
        found["said"] = [f"exit code {manager.returncode}", *said.splitlines()]
    if found:
        report.leaks.append({"signal": fault, "moment": number, **judge.hit._asdict(), "left": found})
    return True


def _start_submitted(
    root: str, link: socket.socket, fault: str, options: argparse.Namespace
) -> subprocess.Popen[bytes]:
    words = ["up", "--services", options.services, "--stack-root", root, "--temp-stack-timeout", "0.01"]
    program = (
        f"{BROKEN.get(options.broken, '')}\n"
        "import socket, sys\n"
        "import botserver_stack.running\n"
        "from botserver_stack.cli import main\n"
        "from botserver_stack.faults import submit\n"
        f"submit(socket.socket(fileno={link.fileno()}), {fault!r})\n"
        f"sys.exit(main({words!r}))\n"
    )
    environment = os.environ | {"TMPDIR": root}
    command, pipe = [sys.executable, "-c", program], subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, pass_fds=(link.fileno(),))


def _judge(judge: Judge, manager: subprocess.Popen[bytes]) -> str:
    """Judge until all of its processes are gone; only until it says that it is ready can a call fail. What it said."""
    assert manager.stdout is not None
    assert manager.stderr is not None
    poll = select.poll()
    for source in (judge.listener, manager.stdout, manager.stderr):
        poll.register(source, select.POLLIN)
    said = {manager.stdout.fileno(): b"", manager.stderr.fileno(): b""}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        events = dict(poll.poll(1000))
        for descriptor in said.keys() & events.keys():
            said[descriptor] += (chunk := os.read(descriptor, 65536))
            if not chunk:
                poll.unregister(descriptor)
        if events.get(judge.listener, 0) & select.POLLIN:
            judge.answer(mercy=bool(said[manager.stdout.fileno()]))
        elif events.get(judge.listener, 0) & select.POLLHUP:
            break
    return said[manager.stderr.fileno()].decode(errors="replace")


def _is_told(code: int, fault: str, said: str) -> bool:
    """Whether the command has ended as it should: ready nevertheless, by one sentence, or killed itself."""
    if code == 0:
        return said == ""
    if code == 2:
        return re.fullmatch(r"bot-stack: [A-Z/].*\n", said) is not None
    return code == -signal.SIGKILL and fault == "SIGKILL"
