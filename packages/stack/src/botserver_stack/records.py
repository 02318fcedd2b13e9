"""What is written down about a stack: `botserver/state.json`.

The keeper alone writes it, whole or not at all; everybody else reads. The standard library only.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from botserver_stack.processes import Process

#: Where it lies in the folder of the stack.
STATE_FILE = os.path.join("botserver", "state.json")


class ServerRecord(NamedTuple):
    """A server that was started.

    `signals` are names of signals with the seconds that each is given, tried in this order; SIGKILL comes after the
    last. Servers of a higher `layer` are ended first. `lock_file` is the postmaster.pid of a PostgreSQL, or "".
    """

    name: str
    process: Process
    signals: tuple[tuple[str, float], ...]
    layer: int = 1
    lock_file: str = ""
    program: str = ""


class StackRecord(NamedTuple):
    """A stack. `cookie` marks its processes; `ended` is set when a folder that is kept has no process any more."""

    id: str
    cookie: str
    keep: bool
    manager: Process
    keeper: Process
    facts: dict[str, Any]
    servers: tuple[ServerRecord, ...] = ()
    ended: bool = False


def write_record(folder: str, record: StackRecord) -> None:
    """Write it down, all or nothing. Raises `OSError`."""
    whole = {"schema": 1, **record._asdict(), "servers": [it._asdict() for it in record.servers]}
    path = os.path.join(folder, STATE_FILE)
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=2)
        file.write("\n")
    os.replace(temporary, path)


def read_record(folder: str) -> StackRecord | None:
    """What is written down; None when there is nothing, or nothing that can be believed."""
    try:
        with open(os.path.join(folder, STATE_FILE), encoding="utf-8") as file:
            found = json.load(file)
        if found.pop("schema") != 1:
            return None
        servers = tuple(_server(it) for it in found.pop("servers"))
        manager, keeper = (Process(*found.pop(name)) for name in ("manager", "keeper"))
        return StackRecord(**found, manager=manager, keeper=keeper, servers=servers)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _server(found: dict[str, Any]) -> ServerRecord:
    signals = tuple((str(name), float(seconds)) for name, seconds in found.pop("signals"))
    return ServerRecord(**found | {"process": Process(*found["process"])}, signals=signals)
