"""Delivers what the outbox holds: claims, runs handlers, notes what came of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from botlib import BotError
from botstate.errors import StateError
from botstate.outbox import store
from botstate.outbox.messages import UndeliverableError
from botstate.outbox.schedule import pause_after
from botstate.outbox.store import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botlib import Clock, IdSource, Randomness
    from botstate.channels import Channels
    from botstate.database import Database
    from botstate.outbox.messages import Handler, OutboxSettings
    from botstate.outbox.store import Claim

_log = logging.getLogger(__name__)

#: Where it is said that there is something new. Only a hint: the table is the truth.
CHANNEL = "botstate.outbox"
_FORGET_EVERY = 3_600.0  # seconds


class Dispatcher:
    """Delivers messages of the kinds that it has handlers for. Any number of them may work on one database."""

    def __init__(
        self,
        database: Database,
        channels: Channels,
        *,
        clock: Clock,
        randomness: Randomness,
        ids: IdSource,
        settings: OutboxSettings,
        worker: str,
    ) -> None:
        self._database = database
        self._channels = channels
        self._clock = clock
        self._randomness = randomness
        self._ids = ids
        self._settings = settings
        self._worker = worker
        self._handlers: dict[str, Handler] = {}
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._wake = asyncio.Event()
        self._forget_at = 0.0
        self._stopping = False

    @asynccontextmanager
    async def handling(self, kind: str, handler: Handler) -> AsyncIterator[None]:
        """Deliver messages of this kind by this handler, within the context. Leaving it waits for those that run."""
        if kind in self._handlers:
            raise StateError(f"There is already a handler for messages of the kind {kind}.")
        self._handlers[kind] = handler
        self.wake()
        try:
            yield
        finally:
            del self._handlers[kind]
            await self._stop([task for task, claim in self._running.items() if claim.message.kind == kind])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work within the context. Leaving it takes nothing new, and waits `stop_seconds` for what runs."""
        working, listening = asyncio.create_task(self._work()), asyncio.create_task(self._listen())
        try:
            yield
        finally:
            listening.cancel()
            # Not cancelled: what was claimed and then forgotten would wait for the end of its lease.
            self._stopping = True
            self.wake()
            await asyncio.gather(working, listening, return_exceptions=True)
            await self._stop(list(self._running))

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    async def _work(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                more = await self._take()
                await self._forget()
            except Exception:  # noqa: BLE001 - a database that is away comes back
                _log.exception("the outbox cannot be read; trying again")
                more = False
            if not more:
                await self._pause()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._channels.subscribe(CHANNEL) as hints:
                    async for _ in hints:
                        self.wake()
            except Exception:  # noqa: BLE001 - hints are a help, and nothing more
                _log.exception("no hints come for the outbox; polling goes on")
            await self._clock.sleep(self._settings.poll)

    async def _take(self) -> bool:
        """Claim what there is room for, and start on it. True when there may be more."""
        room = self._settings.concurrency - len(self._running)
        kinds = frozenset(self._handlers)
        now = self._clock.now()
        if room <= 0 or not kinds or not await self._database.read(partial(store.any_due, kinds=kinds, now=now)):
            return False
        claims = await self._claim(kinds, room)
        for claim in claims:
            task = asyncio.create_task(self._deliver(claim))
            self._running[task] = claim
            task.add_done_callback(self._ended)
        return len(claims) == room

    async def _claim(self, kinds: frozenset[str], room: int) -> list[Claim]:
        return await self._database.write(
            partial(
                store.claim_due,
                kinds=kinds,
                now=self._clock.now(),
                lease=timedelta(seconds=self._settings.seconds * 2),
                count=room,
                worker=self._worker,
                token=self._ids.new_id(),
            )
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("what came of a delivery cannot be noted", exc_info=error)
        self.wake()

    async def _deliver(self, claim: Claim) -> None:
        verdict = await self._attempt(claim)
        held = await self._database.write(partial(store.finish, claim=claim, verdict=verdict, now=self._clock.now()))
        if not held:
            _log.warning("message %s took longer than its lease", claim.message.id)

    async def _attempt(self, claim: Claim) -> Verdict:
        message = claim.message
        handler = self._handlers.get(message.kind)
        if handler is None:
            return Verdict("stopped", "Its handler was taken away.", self._clock.now())
        if message.attempt > self._settings.attempts:
            return Verdict("dead", "Its process ended without a word at the last attempt.")
        limit = asyncio.timeout(self._settings.seconds)
        try:
            async with limit:
                await handler(message)
        except UndeliverableError as error:
            return Verdict("dead", str(error))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the others are delivered
            return self._failed(claim, error, late=limit.expired())
        return Verdict("delivered")

    def _failed(self, claim: Claim, error: Exception, *, late: bool) -> Verdict:
        message = claim.message
        if late:
            detail = f"It took longer than {self._settings.seconds:g} seconds."
        elif isinstance(error, BotError):
            detail = str(error)
        else:
            _log.error("message %s of the kind %s was not delivered", message.id, message.kind, exc_info=error)
            detail = f"{type(error).__name__}. The log says more."
        asked: float | None = getattr(error, "retry_after", None)
        pause = pause_after(message.attempt, self._settings, self._randomness, asked=asked)
        if pause is None:
            return Verdict("dead", detail)
        return Verdict("failed", detail, self._clock.now() + timedelta(seconds=pause))

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        if not tasks:
            return
        claims = {task: self._running[task] for task in tasks}
        _, late = await asyncio.wait(tasks, timeout=self._settings.stop_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for claim in (claims[task] for task in late if task.cancelled()):
            await self._give_back(claim)

    async def _give_back(self, claim: Claim) -> None:
        now = self._clock.now()
        verdict = Verdict("stopped", "Its process was stopped.", now)
        try:
            await self._database.write(partial(store.finish, claim=claim, verdict=verdict, now=now))
        except Exception:  # noqa: BLE001 - the end of the lease does it too
            _log.exception("message %s waits until its lease ends", claim.message.id)

    async def _forget(self) -> None:
        if self._clock.monotonic() < self._forget_at:
            return
        self._forget_at = self._clock.monotonic() + _FORGET_EVERY
        before = self._clock.now() - timedelta(days=self._settings.keep_days)
        while await self._database.write(partial(store.forget_done, before=before)):
            pass

    async def _pause(self) -> None:
        seconds = self._settings.poll * self._randomness.uniform(0.5, 1.0)
        waits = [asyncio.create_task(self._clock.sleep(seconds)), asyncio.create_task(self._wake.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
