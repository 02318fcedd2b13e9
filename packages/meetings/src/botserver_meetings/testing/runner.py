"""A runner of bots that are not there, and what every runner has to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from botlib import UnavailableError
from botserver_meetings.errors import LaunchError
from botserver_meetings.staleness import Sight

if TYPE_CHECKING:
    from botserver_meetings.runner import BotRunner


RunnerCheck = Callable[["BotRunner"], Awaitable[None]]


class FakeRunner:
    """A `BotRunner` whose bots do nothing. `configs` has the BOT_CONFIG of each name that was ever started.

    `broken` lets every start fail; `unreachable` lets everything fail.
    """

    def __init__(self) -> None:
        self.configs: dict[str, str] = {}
        self.sights: dict[str, Sight] = {}
        self.starts = 0
        self.broken = False
        self.unreachable = False

    async def start(self, name: str, config: str) -> None:
        self._reach()
        if self.broken:
            raise LaunchError("The fake runner starts nothing.")
        if self.sights.get(name) is Sight.RUNNING:
            return
        self.starts += 1
        self.configs[name] = config
        self.sights[name] = Sight.RUNNING

    async def stop(self, name: str, grace: float) -> None:  # noqa: ARG002 - nothing here takes time to end
        self._reach()
        if name in self.sights:
            self.sights[name] = Sight.EXITED

    async def look(self, name: str) -> Sight:
        self._reach()
        return self.sights.get(name, Sight.UNKNOWN)

    async def names(self) -> list[str]:
        self._reach()
        return sorted(self.sights)

    async def forget(self, name: str) -> None:
        self._reach()
        self.sights.pop(name, None)

    def _reach(self) -> None:
        if self.unreachable:
            raise UnavailableError("The fake runner cannot be reached.")


async def check_that_a_bot_runs_until_it_is_stopped(runner: BotRunner) -> None:
    assert await runner.look("bot-1") is Sight.UNKNOWN
    await runner.start("bot-1", "{}")
    assert (await runner.look("bot-1"), await runner.names()) == (Sight.RUNNING, ["bot-1"])
    await runner.stop("bot-1", 1.0)
    assert await runner.look("bot-1") is Sight.EXITED


async def check_that_a_second_start_changes_nothing(runner: BotRunner) -> None:
    await runner.start("bot-1", '{"first": true}')
    await runner.start("bot-1", '{"first": false}')
    assert (await runner.look("bot-1"), await runner.names()) == (Sight.RUNNING, ["bot-1"])
    await runner.stop("bot-1", 1.0)


async def check_that_stopping_and_forgetting_may_be_repeated(runner: BotRunner) -> None:
    await runner.start("bot-1", "{}")
    for _ in range(2):
        await runner.stop("bot-1", 1.0)
        await runner.stop("bot-2", 1.0)
    for _ in range(2):
        await runner.forget("bot-1")
    assert (await runner.look("bot-1"), await runner.names()) == (Sight.UNKNOWN, [])


#: What a test of a runner goes through, each with a new one.
RUNNER_CONTRACT: tuple[RunnerCheck, ...] = (
    check_that_a_bot_runs_until_it_is_stopped,
    check_that_a_second_start_changes_nothing,
    check_that_stopping_and_forgetting_may_be_repeated,
)
