"""The life of one bot: it comes, listens, does what it is told, and goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from botserver_meetings.bot.manager import Lost
from botserver_meetings.bot.simulation import ADMISSION, LINE, script, seconds_until_leaving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botlib import Clock
    from botserver_meetings.bot.configuration import Configuration
    from botserver_meetings.bot.manager import Manager

BEAT = 30.0  # seconds between two signs of life
#: Seconds after which a bot that reaches no manager gives up. The manager has given it up by then, too.
PATIENCE = 120.0
POLL = 5.0
_PAUSE = 1.0


class Bot:
    """One bot. `run` returns its exit code. For tests: `applied` lists the commands that it has carried out."""

    def __init__(self, configuration: Configuration, manager: Manager, clock: Clock) -> None:
        self.applied: list[int] = []
        self._configuration = configuration
        self._manager = manager
        self._clock = clock
        self._language = configuration.language
        self._task = configuration.task
        self._leaving = asyncio.Event()
        self._reason = "self_initiated_leave"
        self._disowned = False
        self._patience = PATIENCE
        self._woken = asyncio.Event()

    def leave(self, reason: str = "self_initiated_leave") -> None:
        """Go, as soon as what is said now is over."""
        self._reason = reason
        self._leaving.set()

    def hurry(self) -> None:
        """Go now, and wait for no manager that does not answer: it may be what ends."""
        self._patience = 0.0
        self.leave()

    def wake(self) -> None:
        """There may be a command: look at once."""
        self._woken.set()

    async def run(self) -> int:
        """Come, listen, and go. 0 when it left in order, 1 when it lost its manager."""
        try:
            if not await self._come():
                return 0
            await self._stay()
            return 0 if self._disowned else await self._go()
        except Lost:
            return 1

    async def _come(self) -> bool:
        first = "joining" if self._configuration.single else "started"
        if not await self._insist(lambda: self._manager.report(first)):
            return False
        await self._clock.sleep(ADMISSION)
        steps = ("awaiting_admission", "active") if self._configuration.single else ("joined",)
        for step in steps:
            if not await self._insist(lambda step=step: self._manager.report(step)):  # type: ignore[misc]  # a default binds it
                return False
        return True

    async def _stay(self) -> None:
        parts = [self._beat(), self._obey(), self._listen(), self._notice_being_alone()]
        tasks = [asyncio.create_task(it) for it in parts]
        try:
            await self._leaving.wait()
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for it in ended:
            if isinstance(it, Exception):
                raise it

    async def _go(self) -> int:
        await self._insist(lambda: self._manager.report("stopping"))
        if self._configuration.single:
            await self._insist(lambda: self._manager.report("completed", completion_reason=self._reason, exit_code=0))
        else:
            await self._insist(lambda: self._manager.report("exited", exit_code=0, reason=self._reason))
        return 0

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(BEAT)
            await self._confirm()

    async def _confirm(self) -> None:
        if not await self._insist(lambda: self._manager.beat(self._last)):
            self._disown()

    async def _obey(self) -> None:
        while True:
            self._woken.clear()
            found = await self._insist(lambda: self._manager.commands(self._last, self._wait))
            if found is None:
                self._disown()
                return
            for command in found:
                self._carry_out(command)
            if found:
                await self._confirm()
            if any(command["action"] == "leave" for command in found):
                self.leave("stopped")
            elif not self._wait:
                await self._rest()

    async def _rest(self) -> None:
        """Until a message says that there is a command, or it is time to look anyway."""
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._clock.sleep(POLL))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for it in waits:
                it.cancel()

    @property
    def _wait(self) -> float:
        """A bot that is woken by messages asks at once; another one lets the manager answer when there is something."""
        return 0.0 if self._configuration.redis_url else POLL

    def _carry_out(self, command: dict[str, Any]) -> None:
        if command["command"] <= self._last:
            return
        self.applied.append(command["command"])
        print(f"command {command['command']}: {command['action']}", flush=True)
        if command["action"] == "reconfigure":
            self._language = command.get("language") or self._language
            self._task = command.get("task") or self._task

    async def _listen(self) -> None:
        came = self._clock.monotonic()
        for line in script():
            for heard_at, piece in ((line.start + LINE / 2, line.partial), (line.start + LINE, line.whole)):
                await self._clock.sleep(came + heard_at - self._clock.monotonic())
                heard = piece(self._language)
                if not await self._insist(lambda heard=heard: self._manager.tell([heard])):  # type: ignore[misc]  # a default binds it
                    self._disown()
                    return

    async def _notice_being_alone(self) -> None:
        await self._clock.sleep(seconds_until_leaving(self._configuration.everyone_left))
        self.leave("left_alone")

    def _disown(self) -> None:
        self._disowned = True
        self._leaving.set()

    @property
    def _last(self) -> int:
        return self.applied[-1] if self.applied else 0

    async def _insist(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Say or ask it until there is an answer, for as long as there is hope."""
        began = self._clock.monotonic()
        while True:
            try:
                return await call()
            except Lost:
                if self._clock.monotonic() - began >= self._patience:
                    self._leaving.set()
                    raise
            await self._clock.sleep(_PAUSE)
