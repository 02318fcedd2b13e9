"""Runs bots as processes of this machine.

A bot holds a lock on its file in the run folder as long as it lives: it inherits the lock from the manager that starts
it, and the system gives it up with the last process that has it. So there is no moment in which a bot runs without a
mark, a manager that was killed finds its bots again, and a number that now is another process misleads nobody.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

from botserver_meetings.botconfig import VARIABLE
from botserver_meetings.errors import LaunchError
from botserver_meetings.staleness import Sight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from botlib import Clock

#: What is run, with the path of its mark as argument, where it writes its number first of all. The bot of this package
#: plays a simulated meeting.
PROGRAM = (sys.executable, "-m", "botserver_meetings.bot")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}")
_PAUSE = 0.05  # seconds between two looks at a bot that was asked to end
_KILL_TIME = 5.0


class ProcessRunner:
    """A `BotRunner`. Managers that share a run folder see each other's bots; each ends its own when it is closed."""

    def __init__(self, folder: Path, clock: Clock, program: Sequence[str]) -> None:
        self._folder = folder.absolute()  # it is told to processes
        self._clock = clock
        self._program = tuple(program)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    async def start(self, name: str, config: str) -> None:
        self._reap()
        child = await asyncio.to_thread(self._spawn, name, config)
        if child is not None:
            self._children[name] = child

    async def stop(self, name: str, grace: float) -> None:
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILL_TIME)):
            if await self.look(name) is not Sight.RUNNING:
                return
            self._signal(name, number)
            await self._wait_for_end(name, patience)

    async def look(self, name: str) -> Sight:
        self._reap()
        path = self._path(name)
        if not path.exists():
            return Sight.UNKNOWN
        with _try_lock(path) as locked:
            return Sight.EXITED if locked else Sight.RUNNING

    async def names(self) -> list[str]:
        return sorted(it.stem for it in self._folder.glob("*.bot"))

    async def forget(self, name: str) -> None:
        for path in (self._path(name), self._path(name).with_suffix(".log")):
            path.unlink(missing_ok=True)

    async def close(self) -> None:
        """End the bots that were started here, and wait for them."""
        await asyncio.gather(*(self.stop(name, 2.0) for name in tuple(self._children)))
        for child in self._children.values():
            child.wait()

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!a} cannot be the name of a bot.")
        return self._folder / f"{name}.bot"

    def _spawn(self, name: str, config: str) -> subprocess.Popen[bytes] | None:
        path = self._path(name)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _try_lock(path) as locked, path.with_suffix(".log").open("ab") as log:
                if locked is None:
                    return None
                os.ftruncate(locked, 0)  # the number of one that ran before may be that of a stranger by now
                return subprocess.Popen(
                    [*self._program, str(path)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**_environment(), VARIABLE: config},
                    pass_fds=(locked,),
                    start_new_session=True,
                )
        except OSError as error:
            raise LaunchError(f"The process of a bot could not be started: {error.strerror}.") from error

    def _signal(self, name: str, number: signal.Signals) -> None:
        child = self._children.get(name)
        with suppress(OSError, ValueError):
            # The lock is held, so whoever wrote this is the bot; it leads a group of its own.
            os.killpg(child.pid if child is not None else int(self._path(name).read_text()), number)

    async def _wait_for_end(self, name: str, patience: float) -> None:
        deadline = self._clock.monotonic() + patience
        while await self.look(name) is Sight.RUNNING and self._clock.monotonic() < deadline:
            await self._clock.sleep(_PAUSE)

    def _reap(self) -> None:
        for name, child in tuple(self._children.items()):
            if child.poll() is not None:
                del self._children[name]


@asynccontextmanager
async def open_processes(folder: Path, clock: Clock) -> AsyncIterator[ProcessRunner]:
    """A runner that ends its bots when it is closed."""
    runner = ProcessRunner(folder, clock, PROGRAM)
    try:
        yield runner
    finally:
        await runner.close()


@contextmanager
def _try_lock(path: Path) -> Iterator[int | None]:
    """The open file with its lock, or None when a living process has it. Whoever inherits the file keeps the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    # Nothing of the server's own settings: they may hold secrets.
    return {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR") if name in os.environ}
