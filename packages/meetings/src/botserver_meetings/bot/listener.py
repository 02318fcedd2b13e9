"""Wakes the bot when a message on Redis says that there is a command. The command itself is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from botlib import Clock
    from botserver_meetings.bot.configuration import Configuration

_PAUSE = 0.5  # seconds until a lost connection is tried again


async def listen(configuration: Configuration, wake: Callable[[], None], clock: Clock) -> None:
    """Until cancelled. After each new subscription it wakes too: what was published before it was missed."""
    if configuration.redis_url is None:
        return
    from redis.asyncio import Redis
    from redis.exceptions import RedisError
    from redis.maint_notifications import MaintNotificationsConfig

    own = f"bot_commands:{configuration.connection_id}"
    client = Redis.from_url(
        configuration.redis_url,
        socket_connect_timeout=2.0,
        health_check_interval=10,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    async with client:
        while True:
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(own, f"bot_commands:meeting:{configuration.meeting_id}")
                    wake()
                    async for _ in pubsub.listen():
                        wake()
            except (RedisError, OSError):
                await clock.sleep(_PAUSE)
