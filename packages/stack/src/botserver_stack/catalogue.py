"""The stacks that are there: who runs, who is dead, who was kept."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from botserver_stack.environment import ENVIRONMENT_FILE
from botserver_stack.errors import StackError
from botserver_stack.folders import find_folders, lock_folder
from botserver_stack.records import read_record

if TYPE_CHECKING:
    from botserver_stack.records import StackRecord

RUNNING, STARTING, DEAD, KEPT = "running", "starting", "dead", "kept"


class Found(NamedTuple):
    """A stack. `state` is one of running, starting, dead (its keeper was killed) and kept (nothing of it runs)."""

    id: str
    folder: str
    state: str
    record: StackRecord | None

    @property
    def ports(self) -> dict[str, int]:
        """Server -> port, once it is ready."""
        return dict(self.record.facts.get("ports", {})) if self.record else {}


def list_stacks(root: str) -> list[Found]:
    """Every stack of this user in `root`, oldest first."""
    return [_look(folder) for folder in find_folders(root)]


def find_stack(root: str, name: str) -> Found:
    """The stack of this id. With "" the one that runs; raises `StackError` when that does not name exactly one."""
    stacks = list_stacks(root)
    if not name:
        running = [it for it in stacks if it.state == RUNNING]
        if len(running) == 1:
            return running[0]
        what = "No stack runs" if not running else f"{len(running)} stacks run"
        remedy = "Start one: bot-stack up" if not running else f"Name one: {', '.join(it.id for it in running)}."
        raise StackError(f"{what} in {root}.", remedy=remedy)
    for stack in stacks:
        if stack.id == name:
            return stack
    known = f"There are {', '.join(it.id for it in stacks)}." if stacks else "There is none."
    raise StackError(f"There is no stack {name} in {root}.", remedy=known)


def read_environment(stack: Found) -> dict[str, str]:
    """What its `env.stack` says. Raises `StackError` when its servers do not run: their ports may be others'."""
    if stack.state != RUNNING:
        sentences = {
            STARTING: "is not ready yet",
            DEAD: "is dead: its servers were ended with their keeper",
            KEPT: "does not run any more: only its files were kept",
        }
        raise StackError(f"Stack {stack.id} {sentences[stack.state]}.", remedy="See them all: bot-stack list")
    try:
        with open(os.path.join(stack.folder, ENVIRONMENT_FILE), encoding="utf-8") as file:
            words = [word for line in file for word in shlex.split(line)]
    except OSError as error:
        raise StackError(f"The environment of stack {stack.id} cannot be read: {error.strerror}.") from None
    return dict(word.split("=", 1) for word in words)


def find_logs(stack: Found) -> dict[str, str]:
    """Name -> path of every log that is not empty, sorted."""
    logs: dict[str, str] = {}
    for folder, folders, files in os.walk(stack.folder):
        folders[:] = [it for it in folders if it != "data"]
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith(".log") and os.path.getsize(path):
                logs[name.removesuffix(".log")] = path
    return dict(sorted(logs.items()))


def _look(folder: str) -> Found:
    name = os.path.basename(folder).removeprefix("botserver-test-")
    record = read_record(folder)
    try:
        lock = lock_folder(folder)
    except OSError:
        return Found(name, folder, DEAD, record)
    if lock is None:
        return Found(name, folder, RUNNING if record and "ready" in record.facts else STARTING, record)
    os.close(lock)
    return Found(name, folder, KEPT if record and record.ended else DEAD, record)
