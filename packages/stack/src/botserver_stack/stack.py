"""A stack: one temporary folder with servers in it, that ends when it is left, or when whoever started it is gone."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from botlib import Secret, SystemClock, SystemRandomness
from botserver_stack.accounts import find_account
from botserver_stack.environment import describe_environment, write_environment
from botserver_stack.errors import StackError, refused
from botserver_stack.keeping import Keeper
from botserver_stack.ports import reserve_port
from botserver_stack.processes import COOKIE
from botserver_stack.recipes import Site, find_recipes
from botserver_stack.recipes.postgres import PostgresRecipe
from botserver_stack.recipes.valkey import DATABASES, ask
from botserver_stack.root import check_root
from botserver_stack.s3_requests import send_request
from botserver_stack.server import Server
from botserver_stack.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from botlib import Clock, Randomness
    from botserver_stack.recipes import Recipe

#: Seconds for a server to become ready.
READY_SECONDS = 60.0


@dataclass(frozen=True)
class S3Access:
    """What an S3 client needs. Addresses of buckets are paths: `endpoint/bucket/key`."""

    endpoint: str
    access_key: str
    secret_key: Secret
    bucket: str
    region: str = "us-east-1"


class TemporaryStack:
    """Servers of one's own: ``async with TemporaryStack(services=("postgres", "redis")) as stack``.

    `services` are names of recipes. The folder is made in `root` (default: the temporary folder of the system), and
    removed at the end unless `keep`; with `keep_on_error` it also stays when the block is left by an exception, or
    when this process dies. With `plan_ports` each server gets the port of the plan when it is free. Nothing here
    belongs to an event loop: each method may be called from another one.
    """

    def __init__(
        self,
        *,
        services: Sequence[str] = ("postgres", "redis"),
        root: str | None = None,
        keep: bool = False,
        keep_on_error: bool | None = None,
        plan_ports: bool = False,
        ready_seconds: float = READY_SECONDS,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        self._recipes = find_recipes(services)
        self._root = root
        self._keep = keep
        asked = bool(os.environ.get("KEEP_TEMP_STACK_ON_ERROR"))
        self._keep_on_error = asked if keep_on_error is None else keep_on_error
        self._plan_ports = plan_ports
        self._ready_seconds = ready_seconds
        self._clock = clock or SystemClock()
        self._randomness = randomness or SystemRandomness()
        self._keeper: Keeper | None = None
        self._servers: dict[str, Server] = {}
        self._keyspaces = list(range(DATABASES - 1, 0, -1))  # 0 is the published one
        moment = self._clock.now().astimezone()
        self._id = f"{moment:%Y%m%d-%H%M%S}-{self._hex(4)}"
        self._folder = ""

    @property
    def id(self) -> str:
        """Date, time and eight hexadecimal digits, as in the name of the folder."""
        return self._id

    @property
    def folder(self) -> str:
        """The folder of the stack, absolute. "" before it was started."""
        return self._folder

    @property
    def environment(self) -> dict[str, str]:
        """The variables of `env.stack`, passwords included."""
        sites = [(it.recipe, it.site) for it in self._servers.values()]
        return describe_environment(self._id, self._folder, sites, keep=self._keep)

    @property
    def database_url(self) -> str:
        return self._published("DATABASE_URL", "postgres")

    @property
    def redis_url(self) -> str:
        return self._published("REDIS_URL", "redis")

    @property
    def s3(self) -> S3Access:
        """The S3 server and the bucket that it came with."""
        endpoint = self._published("MINIO_URL", "s3")
        found = self.environment
        return S3Access(endpoint, found["MINIO_ACCESS_KEY"], Secret(found["MINIO_SECRET_KEY"]), found["MINIO_BUCKET"])

    @property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Title and address of each server, without passwords; the URL of one that speaks HTTP."""
        found: list[tuple[str, str]] = []
        for server in self._servers.values():
            urls = (it for it in server.recipe.publish(server.site).values() if it.startswith("http://"))
            found.append((server.recipe.title, next(urls, f"{server.site.host}:{server.site.port}")))
        return tuple(found)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its user must know about the servers that it has."""
        return tuple(it.warning for it in self._recipes if it.warning)

    @property
    def keeper_pid(self) -> int:
        """The process that keeps it, for tests that kill it."""
        return self._running().pid

    async def start(self) -> None:
        """Start all servers, those of a layer at once, and return when a client can use them.

        Raises `StackError`, and leaves nothing then.
        """
        for warning in self.warnings:
            logging.getLogger(__name__).warning("%s", warning)
        root = check_root(self._root)
        self._folder = os.path.join(root, f"botserver-test-{self._id}")
        try:
            await asyncio.to_thread(sweep, root)
            await self._start(cookie=self._hex(16))
        except OSError as error:
            await self.stop(failed=True)
            raise refused(error) from error
        except RuntimeError as error:
            await self.stop(failed=True)
            if "new thread" not in str(error):  # that is how Python says that there are too many
                raise
            raise StackError("The stack cannot be started: there are too many threads.") from error
        except BaseException:
            await self.stop(failed=True)
            raise

    async def stop(self, *, failed: bool = False) -> None:
        """End all servers and remove the folder. Does nothing when it is not running, or in a fork."""
        keeper, self._keeper = self._keeper, None
        if keeper is None or not keeper.is_ours:
            return
        keep = self._keep or (failed and self._keep_on_error)
        try:
            await asyncio.to_thread(keeper.end, keep=keep)
        except StackError:
            await asyncio.to_thread(sweep, os.path.dirname(self._folder))  # somebody has killed the keeper
        finally:
            for server in self._servers.values():
                server.close()

    async def wait_ended(self) -> bool:
        """Wait until its keeper is gone, and say whether it went because somebody asked it to (`bot-stack down`)."""
        return await self._running().wait_ended()

    async def stop_server(self, name: str) -> None:
        """End one server as an operator would; its data and its port stay."""
        await self._server(name).stop()

    async def kill_server(self, name: str) -> None:
        """SIGKILL to all processes of one server; its data and its port stay."""
        await self._server(name).kill()

    async def start_server(self, name: str) -> None:
        """Start a server again, on the same port and with the data it had. Returns when it is ready."""
        await self._server(name).start(seconds=self._ready_seconds)

    async def create_database(self, name: str, template: str = "template1") -> str:
        """A database that is a copy of `template`, which nobody may be connected to. Returns its address."""
        await self._query(f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(template)} STRATEGY file_copy")
        return PostgresRecipe().url(self._server("postgres").site, name)

    async def drop_database(self, name: str) -> None:
        """Drop it, and cut whoever is connected to it."""
        await self._query(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    async def take_keyspace(self) -> int:
        """The number of an empty keyspace of Valkey that nobody else has taken."""
        self._server("redis")
        if not self._keyspaces:
            raise StackError("All keyspaces are taken.", remedy="Give some back: empty_keyspace(number).")
        return self._keyspaces.pop()

    async def empty_keyspace(self, number: int) -> None:
        """Remove its keys and give it back."""
        site = self._server("redis").site
        await ask(site.port, site.password.reveal(), f"SELECT {number}", "FLUSHDB SYNC")
        self._keyspaces.append(number)

    def keyspace_url(self, number: int) -> str:
        """The address of a keyspace."""
        return f"{self.redis_url.rpartition('/')[0]}/{number}"

    async def create_bucket(self, name: str) -> S3Access:
        """An empty bucket."""
        answer = await send_request(self._server("s3").site, "PUT", f"/{name}")
        if answer.status != 200:
            raise StackError(f"The bucket {name} cannot be made: status {answer.status} of the S3 server.")
        return replace(self.s3, bucket=name)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(failed=kind is not None)

    async def _start(self, cookie: str) -> None:
        keeper = await asyncio.to_thread(self._start_keeper, cookie)
        self._keeper = keeper
        for layer in sorted({it.layer for it in self._recipes}):
            recipes = [it for it in self._recipes if it.layer == layer]
            servers = [self._place(it, keeper, cookie) for it in recipes]
            await self._start_together(servers)
        write_environment(self._folder, self.environment)
        keeper.note({"ready": self._clock.now().isoformat(), "ports": self._ports()})

    async def _start_together(self, servers: Sequence[Server]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for server in servers:
                    group.create_task(server.start_first(seconds=self._ready_seconds, randomness=self._randomness))
        except ExceptionGroup as group_error:
            errors, others = group_error.split((StackError, OSError))
            if errors is None or others is not None:
                raise
            raise errors.exceptions[0] from None  # one sentence; it has stopped the others

    def _start_keeper(self, cookie: str) -> Keeper:
        shared = 0o711 if find_account() else 0o700
        modes = {"": shared, "botserver": 0o700, "tmp": 0o700 if shared == 0o700 else 0o1777}
        modes |= {f"botserver/{it}": 0o700 for it in ("config", "logs", "cache")}
        for recipe in self._recipes:
            modes[recipe.folder] = shared if recipe.name == "postgres" else 0o700
            if recipe.name not in ("postgres", "botserver"):
                modes[f"{recipe.folder}/data"] = 0o700
        try:
            return Keeper(
                self._folder,
                name=self._id,
                cookie=cookie,
                modes=modes,
                keep=self._keep,
                keep_on_death=self._keep_on_error,
            )
        except OSError as error:
            raise StackError(f"{self._folder} cannot be made: {error.strerror}.") from None
        except StackError:
            sweep(os.path.dirname(self._folder))  # it may have been killed when it had begun
            raise

    def _place(self, recipe: Recipe, keeper: Keeper, cookie: str) -> Server:
        port = reserve_port(self._randomness, (recipe.port,) if self._plan_ports else ())
        site = Site(
            stack=self._folder,
            folder=os.path.join(self._folder, recipe.folder),
            port=port.number,
            user=recipe.user.format(random=self._hex(10)),
            password=Secret(self._hex(20)),
            environment={
                COOKIE: cookie,
                "PATH": os.environ.get("PATH", os.defpath),
                "LC_ALL": "C.UTF-8",
                "HOME": os.path.join(self._folder, recipe.folder),
                "TMPDIR": os.path.join(self._folder, "tmp"),
            },
            published=self.environment,
            clock=self._clock,
        )
        server = Server(recipe, site, port, keeper)
        self._servers[recipe.name] = server
        return server

    async def _query(self, statement: str) -> None:
        await PostgresRecipe().query(self._server("postgres").site, statement)

    def _ports(self) -> dict[str, int]:
        return {name: it.site.port for name, it in self._servers.items()}

    def _published(self, variable: str, name: str) -> str:
        self._server(name)
        return self.environment[variable]

    def _server(self, name: str) -> Server:
        self._running()
        if name not in self._servers:
            raise StackError(f"This stack has no {name}.", remedy=f"It was started with {', '.join(self._servers)}.")
        return self._servers[name]

    def _running(self) -> Keeper:
        if self._keeper is None:
            raise StackError("This stack does not run.")
        return self._keeper

    def _hex(self, count: int) -> str:
        return self._randomness.random_bytes(count).hex()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
