"""The clock, the disk and the limits of this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

from botserver.doctor.finding import Finding

if TYPE_CHECKING:
    from botlib import Clock

_MEBIBYTE = 1024**2
#: Free space in bytes: with less than the first nothing works, with less than the second it soon will not.
DISK_FAIL, DISK_WARN = 64 * _MEBIBYTE, 1024 * _MEBIBYTE
#: Files and sockets that the process may have open.
FILES_FAIL, FILES_WARN = 256, 4096
#: Seconds that the time of day and that of the file system may be apart: stamps of files are compared with the clock.
DRIFT_WARN = 2.0
#: Seconds since 1970 that no clock can tell: this program was written later.
_PAST = 1_767_225_600


def check_clock(clock: Clock, folder: str) -> Finding:
    """Time of day against the file system of the folder, and that durations never go back."""
    stamps = [clock.monotonic() for _ in range(1000)]
    if stamps != sorted(stamps):
        return Finding("clock", "fail", "The monotonic clock goes back.", "Update the kernel or the virtual machine.")
    now = clock.now()
    if now.timestamp() < _PAST:
        return Finding("clock", "fail", f"It is {now:%Y-%m-%d} here, which is past.", "Set the clock, and run an NTP.")
    drift = abs(_stamp_of_new_file(folder) - time.time())
    if drift > DRIFT_WARN:
        text = f"The file system of {folder} is {drift:.0f} s apart from the clock."
        return Finding("clock", "warn", text, "Run an NTP client on both machines.")
    resolution = time.get_clock_info("monotonic").resolution
    return Finding("clock", "pass", f"{now:%Y-%m-%d %H:%M:%S} UTC, monotonic to {resolution * 1e9:g} ns")


def check_disk(folder: str) -> Finding:
    """Free space where the data is, or would be."""
    free = shutil.disk_usage(folder).free
    text = f"{free / _MEBIBYTE:,.0f} MiB free at {folder}"
    if free < DISK_FAIL:
        return Finding("disk", "fail", text, f"Free some: at least {DISK_WARN // _MEBIBYTE} MiB are a good start.")
    if free < DISK_WARN:
        return Finding("disk", "warn", text, "Free some before the database cannot grow any more.")
    return Finding("disk", "pass", text)


def check_open_files() -> Finding:
    """How many files and sockets the process may have open: each connection is one."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return Finding("open files", "pass", "not limited by this system")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"{_number(soft)} at most, which may be raised to {_number(hard)}"
    next_step = f"Run `ulimit -n {max(FILES_WARN, 65_536)}` first, or set LimitNOFILE= of the unit."
    if soft != resource.RLIM_INFINITY and soft < FILES_WARN:
        return Finding("open files", "fail" if soft < FILES_FAIL else "warn", text, next_step)
    return Finding("open files", "pass", text)


def _number(limit: int) -> str:
    return "no limit" if limit < 0 else f"{limit:,}"


def _stamp_of_new_file(folder: str) -> float:
    with tempfile.NamedTemporaryFile(dir=folder if os.access(folder, os.W_OK) else None) as file:
        return os.fstat(file.fileno()).st_mtime
