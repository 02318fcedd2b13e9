"""The bot server itself, on the servers of the stack: the command `botserver serve` of whatever is installed here."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

from botserver_stack.errors import StackError
from botserver_stack.http_requests import get
from botserver_stack.recipes.base import Launch
from botserver_stack.recipes.s3 import BUCKET
from botserver_stack.spawning import Order

if TYPE_CHECKING:
    from botserver_stack.recipes.base import Run, Site

#: LOG_LEVEL -> the level as the server calls it.
_LEVELS = {"debug": "debug", "info": "info", "warn": "warning", "warning": "warning", "error": "error"}


class BotserverRecipe:
    """It is told its settings by the environment, and by nothing else: no file and no variable of its caller."""

    name = choice = "botserver"
    title = "botserver"
    folder = "botserver"
    port = 8000
    user = ""
    layer = 2
    recommended = True
    warning = ""

    def find(self) -> str:
        beside = os.path.join(os.path.dirname(sys.executable), "botserver")
        path = beside if os.access(beside, os.X_OK) else shutil.which("botserver")
        if path is None:
            raise StackError("There is no bot server.", remedy="Get one: pip install botserver")
        return path

    async def prepare(self, site: Site, run: Run) -> None:
        del run  # its folders are part of every stack
        level = site.published["LOG_LEVEL"]
        if level.lower() not in _LEVELS:
            raise StackError(f"LOG_LEVEL is {level!r}, which is no level.", remedy="Give debug, info, warn or error.")

    async def launch(self, site: Site) -> Launch:
        order = Order(
            arguments=(self.find(), "serve", "--host", site.host, "--port", str(site.port)),
            environment=site.environment | _settings(site),
            folder=os.path.join(site.folder, "config"),
            log=os.path.join(site.folder, "logs", "botserver.log"),
            death_signal="SIGTERM",
        )
        return Launch(order, signals=(("SIGTERM", 12.0),))

    async def is_up(self, site: Site) -> bool:
        return (await get(site, "/health/live")).status == 200

    async def settle(self, site: Site) -> None:
        del site  # it has nothing to create

    async def is_ready(self, site: Site) -> bool:
        """It answers with the nonce that it alone was given, and says that it can work."""
        found = await get(site, "/instance")
        return found == (200, site.password.reveal().encode()) and (await get(site, "/health/ready")).status == 200

    async def explain(self, site: Site) -> str:
        """Its services that are in trouble, and not only for want of another one."""
        answer = await get(site, "/health/ready")
        try:
            services = json.loads(answer.body)["services"]
            troubles = [f"{it['name']}: {it['trouble']}" for it in services if it["trouble"]]
        except (ValueError, TypeError, KeyError):  # it answers something else, or nothing
            return ""
        return " ".join([it for it in troubles if ": It needs " not in it] or troubles)

    def publish(self, site: Site) -> dict[str, str]:
        return {
            "API_HOST": site.host,
            "API_PORT": str(site.port),
            "API_URL": f"http://{site.host}:{site.port}",
        }


def _settings(site: Site) -> dict[str, str]:
    """The settings of the server, as environment variables: what the stack has, it uses."""
    found = site.published
    settings = {
        "BOT_SERVER__INSTANCE": site.password.reveal(),
        "BOT_DATA__FOLDER": os.path.join(site.folder, "cache"),
        "BOT_LOGS__FOLDER": os.path.join(site.folder, "logs"),
        "BOT_LOGS__LEVEL": _LEVELS[found["LOG_LEVEL"].lower()],
    }
    if "DATABASE_URL" in found:
        settings["BOT_DATABASE__URL"] = found["DATABASE_URL"]
    if "REDIS_URL" in found:
        settings["BOT_CACHE__URL"] = found["REDIS_URL"]
    if "MINIO_URL" in found:
        settings |= {
            "BOT_OBJECTS__BUCKET": BUCKET,
            "BOT_OBJECTS__ENDPOINT": found["MINIO_URL"],
            "BOT_OBJECTS__ACCESS_KEY": found["MINIO_ACCESS_KEY"],
            "BOT_OBJECTS__SECRET_KEY": found["MINIO_SECRET_KEY"],
        }
    return settings
