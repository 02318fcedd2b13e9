"""One server of a running stack: started, watched until it is ready, ended, started again."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from botserver_stack.errors import PortTakenError, StackError
from botserver_stack.ports import reserve_port
from botserver_stack.spawning import Order
from botserver_stack.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from botlib import Randomness
    from botserver_stack.keeping import Keeper
    from botserver_stack.ports import Port
    from botserver_stack.recipes import Recipe, Site

#: How often a server is started on another port when somebody took the one it was given.
_PORT_TRIES = 10
#: A disk with fewer bytes left is full.
_FULL = 65_536
#: What servers say then.
_TAKEN = ("Address already in use", "address already in use", "Address in use")


class Server:
    """A server of one stack. `port` is kept reserved while the stack lives, also while the server does not run."""

    def __init__(self, recipe: Recipe, site: Site, port: Port, keeper: Keeper) -> None:
        self.recipe = recipe
        self.site = site
        self._port = port
        self._keeper = keeper
        self._settled = False

    async def start(self, *, seconds: float) -> None:
        """Start it on the port it has, and return when a client can use it."""
        launch = await self.recipe.launch(self.site)
        before = _size(launch.order.log)
        try:
            self._keeper.spawn(
                self.recipe.name,
                launch.order,
                signals=launch.signals,
                layer=self.recipe.layer,
                lock_file=launch.lock_file,
            )
        except OSError as error:
            raise StackError(
                f"{self.recipe.title} cannot be started: {error.strerror}: {error.filename}.", remedy=_remedy(error)
            ) from None
        await self._wait(self.recipe.is_up, seconds, launch.order.log, before)
        if not self._settled:
            await self.recipe.settle(self.site)
            self._settled = True
        await self._wait(self.recipe.is_ready, seconds, launch.order.log, before)

    async def start_first(self, *, seconds: float, randomness: Randomness) -> None:
        """Prepare it and start it for the first time, on another port when somebody is quicker to take this one."""
        await self.recipe.prepare(self.site, self._run)
        for _ in range(_PORT_TRIES):
            try:
                await self.start(seconds=seconds)
            except PortTakenError:
                self._move(reserve_port(randomness))
            else:
                return
        raise StackError(
            f"{self.recipe.title} found each of {_PORT_TRIES} ports taken by others.", remedy="End what takes them."
        )

    async def stop(self) -> None:
        """End it as an operator would; its files stay."""
        await asyncio.to_thread(self._keeper.stop, self.recipe.name)

    async def kill(self) -> None:
        """SIGKILL, to all of its processes. When this returns they are gone."""
        await asyncio.to_thread(self._keeper.kill, self.recipe.name)

    def close(self) -> None:
        """Give its port back."""
        self._port.close()

    def _move(self, port: Port) -> None:
        self._keeper.kill(self.recipe.name)
        self._port.close()
        self._port = port
        self.site = replace(self.site, port=port.number)

    async def _wait(self, probe: Callable[[Site], Awaitable[bool]], seconds: float, log: str, log_start: int) -> None:
        async def look() -> bool:
            code = self._keeper.exit_code(self.recipe.name)
            if code is not None:
                raise self._ended(code, log, log_start)
            return await probe(self.site)

        if not await wait_until(look, seconds=seconds, clock=self.site.clock):
            said = await self.recipe.explain(self.site) or f"Its last words: {_last_line(log, log_start)}"
            raise StackError(f"{self.recipe.title} was not ready within {seconds:g} seconds.", remedy=said)

    def _ended(self, code: int, log: str, log_start: int) -> StackError:
        text = _read(log, log_start)
        if any(it in text for it in _TAKEN):
            return PortTakenError(f"{self.recipe.title} found port {self.site.port} taken.")
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        return StackError(f"{self.recipe.title} ended by itself ({how}): {_last_line(log, log_start)}")

    async def _run(self, arguments: Sequence[str]) -> None:
        """A program that fills the folder is a child of the keeper, so that it ends before the folder does."""
        name, log = f"{self.recipe.name}-prepare", os.path.join(self.site.folder, "prepare.log")
        order = Order(
            arguments=(await _find_program(arguments[0]), *arguments[1:]),
            environment=self.site.environment,
            folder="/",
            log=log,
        )
        self._keeper.spawn(name, order, signals=(), layer=self.recipe.layer, lock_file="")
        code = 0

        async def look() -> bool:
            nonlocal code
            found = self._keeper.exit_code(name)
            code = found or 0
            return found is not None

        if not await wait_until(look, seconds=120, clock=self.site.clock) or code:
            raise StackError(f"{self.recipe.title} cannot be prepared: {_last_line(log, 0)}")


async def _find_program(name: str) -> str:
    import shutil

    return shutil.which(name) or name


def _read(path: str, start: int) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def _last_line(path: str, start: int) -> str:
    lines = _read(path, start).strip().splitlines()
    if lines:
        return _said_in(lines[-1])
    space = os.statvfs(os.path.dirname(path))
    full = space.f_bavail * space.f_frsize < _FULL
    return "No space left on device." if full else "it said nothing."  # a full disk takes no last words


def _said_in(line: str) -> str:
    """What a line of a log says to people: of one that is JSON, as the bot server writes, the event and the error."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict) or "event" not in record:
        return line
    error = str(record.get("exception", "")).strip().splitlines()[-1:]
    return ": ".join([str(record["event"]), *error])


def _remedy(error: OSError) -> str:
    import errno

    remedies = {
        errno.EACCES: "Is it on a file system that is mounted noexec, or in a folder that is closed to its account?",
        errno.ENOSPC: "The disk is full.",
    }
    return remedies.get(error.errno or 0, "")
