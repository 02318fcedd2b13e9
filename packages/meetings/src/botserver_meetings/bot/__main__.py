"""`python -m botserver_meetings.bot MARK`: one bot, told what to do by BOT_CONFIG, until it is told to leave.

MARK is the file whose lock says that it lives; the number of this process is written there. Exit codes: 0 it left, 1 it
could not go on.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress

from botlib import SystemClock
from botserver_meetings.bot.configuration import Configuration, read_configuration
from botserver_meetings.bot.life import Bot
from botserver_meetings.bot.listener import listen
from botserver_meetings.bot.manager import open_manager
from botserver_meetings.botconfig import VARIABLE


def main() -> int:
    """Run it, and say how it ended."""
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", encoding="utf-8") as mark:
            mark.write(str(os.getpid()))
    configuration = read_configuration(json.loads(os.environ[VARIABLE]))
    return asyncio.run(_run(configuration))


async def _run(configuration: Configuration) -> int:
    async with open_manager(configuration) as manager:
        bot = Bot(configuration, manager, SystemClock())
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bot.hurry)
        listening = asyncio.create_task(listen(configuration, bot.wake, SystemClock()))
        try:
            return await bot.run()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main())
