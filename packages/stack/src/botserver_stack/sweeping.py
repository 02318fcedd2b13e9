"""Ends stacks whose keeper is dead: the last net, for when somebody has killed the keeper, too.

A folder whose lock can be taken has no keeper. Of what its record names, only processes that are the very same (number,
start time, boot) are signalled, and those that carry the stack's cookie.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from botserver_stack.ending import end_servers, kill_marked, remove_folder
from botserver_stack.errors import StackError
from botserver_stack.folders import find_folders, find_unfinished, lock_folder
from botserver_stack.keeper import END_SIGNAL
from botserver_stack.processes import send, wait_gone
from botserver_stack.records import read_record, write_record

if TYPE_CHECKING:
    from botserver_stack.records import StackRecord

#: Seconds for a keeper to end three layers of servers that do not listen to signals.
_END_SECONDS = 60.0


def sweep(root: str, *, kept: bool = False) -> list[str]:
    """End every stale stack of this user in `root`, and return their folders. With `kept`, also those to be kept."""
    swept = [folder for folder in find_folders(root) if _sweep_one(folder, kept=kept)]
    for folder in find_unfinished(root):
        remove_folder(folder)
    return swept


def end_stack(folder: str, record: StackRecord | None) -> None:
    """End this stack by its keeper, or sweep it when that is dead. A folder that was kept goes, too."""
    if record is not None and send(record.keeper, END_SIGNAL) and wait_gone([record.keeper], _END_SECONDS):
        raise StackError(f"The stack in {folder} did not end within {_END_SECONDS:g} seconds.")
    if os.path.isdir(folder):
        _sweep_one(folder, kept=record is not None and record.ended)


def _sweep_one(folder: str, *, kept: bool) -> bool:
    try:
        lock = lock_folder(folder)
    except OSError:
        return False  # somebody else has removed it
    if lock is None:
        return False
    try:
        record = read_record(folder)
        if record is not None:
            if record.ended and not kept:
                return False
            end_servers(record.servers)
            kill_marked(record.cookie)
            if record.keep and not kept:
                write_record(folder, record._replace(ended=True))
                return True
        remove_folder(folder)
        return True
    finally:
        os.close(lock)
