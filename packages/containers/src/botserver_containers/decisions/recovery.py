"""What to do at start-up, from the traces that the last run left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Trace(NamedTuple):
    """Who wrote the PID file: its process, when that one started (in ticks since boot), and the boot it lived in."""

    pid: int
    started: int | None = None
    boot: str = ""


class Verdict(NamedTuple):
    """What the last run came to. `reason` is a sentence for the log."""

    crashed: bool
    running: bool
    reason: str


def judge(trace: Trace | None, boot: str, started: int | None) -> Verdict:
    """What became of the process behind the PID file.

    `boot` is this boot; `started` is when the process that has this PID now was started, or None when none is alive
    (a zombie is not). PIDs are used again, so a living process is ours only when it was started at the same tick.
    A PID file that tells no such tick, as other programs of this kind write it, is believed.
    """
    if trace is None:
        return Verdict(crashed=False, running=False, reason="The last run ended in order.")
    if trace.boot and trace.boot != boot:
        return Verdict(crashed=True, running=False, reason="The machine was started again without a clean stop.")
    if started is None:
        return Verdict(crashed=True, running=False, reason=f"Process {trace.pid} of the last run is dead.")
    if trace.started is not None and trace.started != started:
        return Verdict(crashed=True, running=False, reason=f"Process {trace.pid} is another program now.")
    return Verdict(crashed=False, running=True, reason=f"Process {trace.pid} of another run is alive.")


def to_recover(snapshot: Sequence[str], installed: Collection[str], user_stopped: Collection[str]) -> list[str]:
    """Which of the apps that ran before are to be started: no guests, and none that the user stopped."""
    return [name for name in dict.fromkeys(snapshot) if name in installed and name not in user_stopped]
