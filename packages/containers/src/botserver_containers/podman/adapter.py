"""Podman, by its command line: argument lists, JSON, secrets through standard input."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botserver_containers.errors import NoSuchContainerError, PodmanError, PullError
from botserver_containers.podman import failures
from botserver_containers.podman.arguments import NODE_LABEL
from botserver_containers.podman.rows import read_event, read_images, read_memory, read_ps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from botlib import Secret
    from botserver_containers.podman.executor import CommandExecutor, Output
    from botserver_containers.podman.rows import Event, ImageRow, Row

#: Seconds that one command may take.
QUICK = 30.0
SLOW = 120.0


#: How often volumes are listed while others go. Each time is a new list, so a few are plenty.
_LISTINGS = 10


class Podman:
    """The containers of one node: those that carry its label. Nobody else's are ever changed.

    Methods raise `PodmanError`, or the kind of it that says more.
    """

    def __init__(
        self, executor: CommandExecutor, node: str, *, program: str = "podman", pull_options: Sequence[str] = ()
    ) -> None:
        self.node = node
        self._executor = executor
        self._program = program
        self._pull_options = tuple(pull_options)
        self._mine = f"label={NODE_LABEL}={node}"

    async def version(self) -> str:
        """The version. Podman opens its storage and finds its runtime for that, so one that does not work here fails.

        `podman info` does no more, and takes seven times as long.
        """
        return (await self._run(["version", "--format", "{{.Client.Version}}"], SLOW)).out.strip()

    async def containers(self) -> list[Row]:
        """All containers of this node, whatever their state."""
        return read_ps((await self._run(["ps", "--all", "--format", "json", "--filter", self._mine])).out)

    async def container(self, name: str) -> Row | None:
        """The container of this name, also one of somebody else; the label tells."""
        words = ["ps", "--all", "--format", "json", "--filter", f"name=^{name.replace('.', '[.]')}$"]
        return next((row for row in read_ps((await self._run(words)).out) if row.name == name), None)

    async def image(self, reference: str) -> ImageRow | None:
        """The image, when it is on this machine."""
        output = await self._attempt(["image", "inspect", "--format", "json", reference], QUICK)
        if output.code != 0:
            return None
        return next(iter(read_images(output.out)), None)

    async def pull(self, reference: str, *, limit: float) -> None:
        """One try to get an image. `PullError` says whether another try makes sense."""
        try:
            await self._run(["pull", "--quiet", *self._pull_options, reference], limit)
        except PodmanError as error:
            said = error.said or error.message
            permanent = failures.is_permanent(said)
            raise PullError(f"{reference} cannot be pulled: {said}", permanent=permanent) from error

    async def create(self, arguments: Sequence[str]) -> str:
        """Create a container and return its id."""
        return (await self._run(["create", *arguments], SLOW)).out.strip().splitlines()[-1]

    async def start(self, name: str) -> None:
        """Start it. Its program may have ended again by the time this returns."""
        await self._run(["start", name], SLOW)

    async def stop(self, name: str, grace: int) -> None:
        """Signal it, and kill it after `grace` seconds. A container that does not run is left as it is."""
        await self._run(["stop", "--time", str(grace), name], grace + QUICK)

    async def kill(self, name: str, signal: str = "KILL") -> None:
        """Send a signal at once."""
        await self._run(["kill", "--signal", signal, name])

    async def unpause(self, name: str) -> None:
        """Let it go on."""
        await self._run(["unpause", name])

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Remove the container, not its named volumes. One that is not there is removed already."""
        words = ["rm", "--force", "--time", "0", name] if force else ["rm", name]
        try:
            await self._run(words, SLOW)
        except NoSuchContainerError:
            return

    async def rename(self, name: str, new_name: str) -> None:
        """Give it another name."""
        await self._run(["rename", name, new_name])

    async def logs(self, name: str, lines: int) -> str:
        """The last lines that it wrote, both of its outputs."""
        output = await self._run(["logs", "--tail", str(lines), name])
        return output.out + output.err

    def follow_logs(self, name: str, lines: int) -> AsyncIterator[str]:
        """The last lines, and then each one as it comes."""
        return self._stream(["logs", "--follow", "--tail", str(lines), name])

    async def execute(self, name: str, command: Sequence[str], *, limit: float) -> Output:
        """Run a program inside, and give what became of it."""
        return await self._attempt(["exec", name, *command], limit)

    async def memory(self) -> dict[str, int]:
        """Name -> bytes in memory, of all containers that run."""
        return read_memory((await self._run(["stats", "--no-stream", "--format", "json"], SLOW)).out)

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[Event]]:
        """What happens to containers of this node, from now on."""
        words = ["events", "--format", "json", "--filter", "type=container", "--filter", self._mine]
        async with self._executor.stream(self._program, words) as lines:
            yield _events(lines)

    async def create_secret(self, name: str, secret: Secret) -> None:
        """Keep a secret within Podman, in the place of one of the same name. It is never an argument."""
        await self.remove_secret(name)
        await self._run(["secret", "create", name, "-"], stdin=secret.reveal().encode())

    async def remove_secret(self, name: str) -> None:
        """Forget it; one that is not there is forgotten already."""
        output = await self._attempt(["secret", "rm", name], QUICK)
        if output.code != 0 and "no such secret" not in output.err and "no secret" not in output.err:
            raise failures.failure_of("secret rm", output)

    async def secrets(self) -> list[str]:
        """The names of all secrets of this node."""
        names = (await self._run(["secret", "ls", "--format", "{{.Name}}"])).out.split()
        return [name for name in names if name.startswith(f"{self.node}.")]

    async def create_volume(self, name: str) -> None:
        """Make sure that there is a volume of this name."""
        if name not in await self.volumes():
            await self._run(["volume", "create", "--label", f"{NODE_LABEL}={self.node}", name])

    async def remove_volume(self, name: str) -> None:
        """Remove it with all that is in it; one that is not ours or not there stays as it is."""
        if name in await self.volumes():
            await self._run(["volume", "rm", name], SLOW)

    async def volumes(self) -> list[str]:
        """The names of the volumes of this node."""
        words = ["volume", "ls", "--format", "{{.Name}}", "--filter", self._mine]
        output = await self._attempt(words, QUICK)
        for _ in range(_LISTINGS):
            if "no such volume" not in output.err:
                break  # else one went while Podman read the list, which it takes for a failure
            output = await self._attempt(words, QUICK)
        if output.code != 0:
            raise failures.failure_of("volume", output)
        return output.out.split()

    async def create_network(self, name: str) -> None:
        """Make sure that there is a network of this name; containers on it find each other by name."""
        if (await self._attempt(["network", "exists", name], QUICK)).code != 0:
            await self._run(["network", "create", "--label", f"{NODE_LABEL}={self.node}", name])

    async def remove_network(self, name: str) -> None:
        """Remove it when it is ours."""
        if name in await self.networks():
            await self._run(["network", "rm", name])

    async def networks(self) -> list[str]:
        """The names of the networks of this node."""
        return (await self._run(["network", "ls", "--format", "{{.Name}}", "--filter", self._mine])).out.split()

    async def _run(self, words: Sequence[str], limit: float = QUICK, *, stdin: bytes = b"") -> Output:
        output = await self._attempt(words, limit, stdin=stdin)
        if output.code != 0:
            raise failures.failure_of(words[0], output)
        return output

    async def _attempt(self, words: Sequence[str], limit: float, *, stdin: bytes = b"") -> Output:
        try:
            return await self._executor.execute(self._program, words, stdin=stdin, limit=limit)
        except FileNotFoundError:
            raise failures.missing(self._program) from None
        except PermissionError as error:
            raise PodmanError(f"{self._program} cannot be run: {error.strerror}.", exit_code=126) from None
        except TimeoutError:
            raise failures.timed_out(words[0], limit) from None

    async def _stream(self, words: Sequence[str]) -> AsyncIterator[str]:
        async with self._executor.stream(self._program, words) as lines:
            async for line in lines:
                yield line


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    async for line in lines:
        if (event := read_event(line)) is not None:
            yield event
