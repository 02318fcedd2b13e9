"""A server of one's own for a smoke run: the command that an operator would type, in a folder that is thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ADMIN_TOKEN = "smoke-admin-token"
_STOP = 30.0


@contextmanager
def serving(*, on_stack: bool) -> Iterator[str]:
    """Run `botserver serve meetings` until the end of the context; gives its address."""
    command = shutil.which("botserver")
    if command is None:
        raise FileNotFoundError("The command botserver is not installed: name a server by --url.")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="smoke-"))
        environment = {**os.environ, "ADMIN_API_TOKEN": ADMIN_TOKEN, "BOT_MEETINGS__SWEEP_INTERVAL": "5"}
        if on_stack:
            environment |= _start_stack(stack)
        log = stack.enter_context(open(os.path.join(folder, "server.log"), "w", encoding="utf-8"))
        server = subprocess.Popen(
            [command, "serve", "meetings", "--port", "0"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield _address(server, log.name)
        finally:
            server.terminate()
            server.communicate(timeout=_STOP)


def _start_stack(stack: ExitStack) -> dict[str, str]:
    from botserver_stack.blocking import BlockingStack

    servers = BlockingStack(services=("postgres", "redis")).start()
    stack.callback(servers.stop)
    redis = servers.stack.redis_url
    return {
        "BOT_CACHE__URL": redis,
        "BOT_DATABASE__URL": servers.stack.database_url,
        "BOT_MEETINGS__REDIS_URL": redis,
    }


def _address(server: subprocess.Popen[str], log: str) -> str:
    assert server.stdout is not None
    line = server.stdout.readline()
    if "is ready on" not in line:
        server.wait(_STOP)
        with open(log, encoding="utf-8") as text:
            raise RuntimeError(f"The server did not start. {text.read()[-2000:]}")
    return line.split(" is ready on ")[1].split()[0]
