"""What the system says of processes: whether one lives, and when it began."""

from __future__ import annotations


def started_at(pid: int) -> int | None:
    """When the process began, in ticks since boot; None when it is dead. A zombie is dead: it only waits to be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name of the program is in parentheses and may hold any character, so count from the last one.
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def is_alive(pid: int) -> bool:
    """Whether the process lives."""
    return started_at(pid) is not None


def boot_id() -> str:
    """A name of this boot of the machine; another one after every start."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
