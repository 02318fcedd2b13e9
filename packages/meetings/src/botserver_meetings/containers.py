"""Runs bots in containers, by whoever offers `CONTAINERS`: `meetings.runner = "containers"`."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from botlib import ConflictError, InvalidError, NotFoundError, Secret
from botserver_meetings.botconfig import VARIABLE
from botserver_meetings.staleness import Sight
from botstate import CONTAINERS, ContainerJob

if TYPE_CHECKING:
    from botserver_meetings.settings import MeetingsSettings
    from botstate import AppState, ContainerRunner

# Jobs of other services run on the same machine: they are none of our business.
_PREFIX = "meetings-"


class ContainerBots:
    """A `BotRunner`. Its bots outlive the manager that started them, and every manager of the machine finds them.

    `grace` is how many seconds a bot has to end: a container is told when it starts, so `stop` cannot choose another.
    """

    def __init__(self, containers: ContainerRunner, image: str, grace: float) -> None:
        self._containers = containers
        self._image = image
        self._grace = math.ceil(grace)

    async def start(self, name: str, config: str) -> None:
        # The config holds the token of the bot, so no command line may show it.
        secrets = {VARIABLE: Secret(config)}
        job = ContainerJob(_PREFIX + name, self._image, secrets=secrets, grace=self._grace)
        try:
            await self._containers.run(job)
        except ConflictError:
            if await self.look(name) is Sight.RUNNING:
                return
            # One that ended before it reported: what is left of it stands in the way of the next try.
            await self._containers.remove(job.name)
            await self._containers.run(job)

    async def stop(self, name: str, grace: float) -> None:  # noqa: ARG002 - it was told to the container at its start
        with suppress(NotFoundError):
            await self._containers.stop(_PREFIX + name)

    async def look(self, name: str) -> Sight:
        try:
            status = await self._containers.status(_PREFIX + name)
        except NotFoundError:
            return Sight.UNKNOWN
        return Sight.RUNNING if status.state == "running" else Sight.EXITED

    async def names(self) -> list[str]:
        jobs = await self._containers.list()
        return [it.name.removeprefix(_PREFIX) for it in jobs if it.name.startswith(_PREFIX)]

    async def forget(self, name: str) -> None:
        await self._containers.remove(_PREFIX + name)


def create_container_bots(state: AppState, settings: MeetingsSettings) -> ContainerBots:
    """A runner over what the server offers, or `InvalidError` when it has no containers."""
    if not state.has(CONTAINERS):
        raise InvalidError(
            'meetings.runner is "containers", and this server runs no containers.',
            remedy='Serve the service containers too, which needs Podman, or set meetings.runner to "processes".',
        )
    return ContainerBots(state.require(CONTAINERS), settings.image, settings.limits.stop)
