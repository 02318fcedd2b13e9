"""The simulated bot, with a manager and a clock that a test owns."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from botlib import FakeClock
from botserver_meetings.bot.configuration import Configuration
from botserver_meetings.bot.life import PATIENCE, Bot
from botserver_meetings.bot.manager import Lost
from botserver_meetings.bot.simulation import STAY

pytestmark = pytest.mark.anyio

CONFIGURATION = Configuration(1, "daily", "c-1", "t-1", "http://m/callback", False, "en", "transcribe", None, 60.0)


class FakeManager:
    """Answers as a test says. `told` is every report; `todo` are commands that are handed out at every question."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.todo: list[dict[str, Any]] = []
        self.confirmed: list[int] = []
        self.known = True
        self.lost = False
        self.clock = FakeClock()

    async def report(self, step: str, **_details: Any) -> bool:
        self._reach()
        self.told.append(step)
        return self.known

    async def beat(self, applied: int) -> bool:
        self._reach()
        self.confirmed.append(applied)
        return self.known

    async def commands(self, after: int, wait: float) -> list[dict[str, Any]] | None:
        self._reach()
        if not self.known:
            return None
        await self.clock.sleep(wait or 0.1)
        return [it for it in self.todo if it["command"] > max(0, after - 1)]  # the last one comes twice

    async def tell(self, segments: list[dict[str, Any]]) -> bool:
        self._reach()
        self.heard += segments
        return self.known

    def _reach(self) -> None:
        if self.lost:
            raise Lost("gone")


async def start(manager: FakeManager, configuration: Configuration = CONFIGURATION) -> tuple[Bot, asyncio.Task[int]]:
    bot = Bot(configuration, manager, manager.clock)
    task = asyncio.create_task(bot.run())
    await manager.clock.advance(3)
    return bot, task


@pytest.mark.parametrize(
    ("single", "steps"),
    [
        (False, ["started", "joined", "stopping", "exited"]),
        (True, ["joining", "awaiting_admission", "active", "stopping", "completed"]),
    ],
)
async def test_it_leaves_when_it_has_been_alone_for_long_enough(single: bool, steps: list[str]) -> None:
    manager = FakeManager()
    _, task = await start(manager, replace(CONFIGURATION, single=single))
    await manager.clock.advance(STAY + 50)
    assert not task.done()
    await manager.clock.advance(20)
    assert (await task, manager.told) == (0, steps)


async def test_a_command_is_carried_out_once_however_often_it_comes() -> None:
    manager = FakeManager()
    bot, task = await start(manager)
    manager.todo = [{"command": 1, "action": "reconfigure", "language": "fr", "task": None}]
    await manager.clock.advance(30)
    manager.todo.append({"command": 2, "action": "leave"})
    await manager.clock.advance(10)
    assert (await task, bot.applied) == (0, [1, 2])
    assert {it["language"] for it in manager.heard} == {"en", "fr"}
    assert manager.confirmed[-1] == 2


async def test_it_goes_when_its_manager_does_not_know_it_or_is_gone_for_long() -> None:
    manager = FakeManager()
    _, task = await start(manager)
    manager.known = False
    await manager.clock.advance(10)
    assert (await task, manager.told) == (0, ["started", "joined"])

    manager = FakeManager()
    _, task = await start(manager)
    manager.lost = True
    await manager.clock.advance(PATIENCE - 10)
    assert not task.done()
    await manager.clock.advance(60)
    assert await task == 1


async def test_it_does_not_wait_for_a_manager_when_it_is_told_to_hurry() -> None:
    manager = FakeManager()
    bot, task = await start(manager)
    manager.lost = True
    bot.hurry()
    await manager.clock.advance(1)
    assert await task == 1
