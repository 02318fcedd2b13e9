"""A Podman that is none: it takes the same commands, keeps containers in memory, and fails where a test wants it to.

It passes the scenarios that the real one passes; what it does not know, it refuses loudly.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botserver_containers.decisions.observation import ContainerState
from botserver_containers.podman.executor import Output
from botserver_containers.podman.words import parse_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from botlib import Clock

#: Process ids of the mock: larger than any that Linux gives out.
FIRST_PID = 5_000_000
#: What no container of the mock shows before it ran.
_NEVER = -62135596800
_WAITING_EVENTS = 10_000
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


@dataclass(frozen=True)
class Behaviour:
    """What a container made of an image does.

    It ends by itself `exit_after` seconds after its start, with `exit_code`; without one it runs on. It ends with
    `stop_code` `stop_after` seconds after it was asked to; None means that it does not listen.
    """

    exit_after: float | None = None
    exit_code: int = 0
    stop_after: float | None = 0.05
    stop_code: int = 0
    exec_code: int = 0
    log: tuple[str, ...] = ()


@dataclass
class MockContainer:
    """One container as the mock keeps it; moments in unix seconds."""

    name: str
    image: str
    created_at: float
    number: int
    labels: dict[str, str] = field(default_factory=dict)
    state: ContainerState = ContainerState.CREATED
    exit_code: int = 0
    pid: int = 0
    started_at: float = _NEVER
    exited_at: float = _NEVER
    log: list[str] = field(default_factory=list)
    secrets: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    runs: int = 0

    @property
    def id(self) -> str:
        """A long id, as Podman has them."""
        return f"{self.number:064x}"


class MockPodman:
    """A `CommandExecutor`. Its time is that of the clock; for one event loop.

    `fail_pull` pulls fail from now on (-1: all of them), with `pull_error`; `fail_start` starts likewise; each pull
    takes `pull_delay_ms`. A pull of an image in `vanishing` goes well and leaves nothing. `before` is called with the
    words of each command: a test may crash something there, or raise. `calls` has all of them.
    """

    def __init__(self, clock: Clock, images: dict[str, Behaviour] | None = None) -> None:
        self.registry = images if images is not None else {}
        self.fail_pull = 0
        self.pull_error = "connection refused"
        self.fail_start = 0
        self.pull_delay_ms = 0
        self.vanishing: set[str] = set()
        self.taken_ports: set[int] = set()
        self.containers: dict[str, MockContainer] = {}
        self.images: set[str] = set()
        self.calls: list[tuple[str, ...]] = []
        self.before: Callable[[tuple[str, ...]], None] = lambda _words: None
        self.kept_secrets: dict[str, bytes] = {}
        self.kept_volumes: dict[str, dict[str, str]] = {}
        self.kept_networks: dict[str, dict[str, str]] = {}
        self._clock = clock
        self._numbers = 0
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._endings: set[asyncio.Task[None]] = set()

    async def execute(
        self, program: str, arguments: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0
    ) -> Output:
        """Do what Podman does, as far as this service uses it."""
        words = tuple(arguments)
        self.calls.append(words)
        self.before(words)
        if program != "podman":
            raise FileNotFoundError(program)
        command, rest = words[0], words[1:]
        if command in {"image", "secret", "volume", "network"}:
            command, rest = f"{command} {rest[0]}", rest[1:]
        method = _COMMANDS.get(command)
        if method is None:
            return Output(125, "", f"Error: unrecognized command `podman {command}`")
        return await method(self, rest, stdin, limit)

    @asynccontextmanager
    async def stream(self, program: str, arguments: Sequence[str]) -> AsyncIterator[AsyncIterator[str]]:
        """Events as they happen; logs as they are."""
        if program != "podman":
            raise FileNotFoundError(program)
        if arguments[0] == "logs":
            yield self._log_lines(arguments[-1])
            return
        queue: asyncio.Queue[str | None] = asyncio.Queue(_WAITING_EVENTS)
        self._listeners.add(queue)
        try:
            yield _drain(queue)
        finally:
            self._listeners.discard(queue)

    def crash(self, name: str, exit_code: int = 1) -> None:
        """Let the program of a running container end now."""
        container = self.containers[name]
        if container.state is ContainerState.RUNNING:
            self._end(container, exit_code)

    def break_streams(self) -> None:
        """Let every stream of events end, as it does when Podman is killed."""
        for queue in self._listeners:
            queue.put_nowait(None)

    def is_alive(self, pid: int) -> bool:
        """Whether a running container has this process."""
        return any(it.pid == pid and it.state is ContainerState.RUNNING for it in self.containers.values())

    async def close(self) -> None:
        """End what still waits to end a container."""
        for task in self._endings:
            task.cancel()
        await asyncio.gather(*self._endings, return_exceptions=True)

    def behaviour(self, container: MockContainer) -> Behaviour:
        """How the containers of this image behave."""
        return self.registry.get(container.image, Behaviour())

    async def _version(self, _rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        return Output(0, "4.3.1\n")

    async def _ps(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        rows = [it for it in self.containers.values() if _matches(it, parse_words(rest).options.get("--filter", []))]
        return Output(0, json.dumps([_describe(it) for it in rows]))

    async def _pull(self, rest: Sequence[str], _stdin: bytes, limit: float) -> Output:
        reference = parse_words(rest).words[0]
        seconds = self.pull_delay_ms / 1000
        await self._clock.sleep(min(seconds, limit))
        if seconds > limit:
            raise TimeoutError
        if self.fail_pull:
            self.fail_pull -= self.fail_pull > 0
            return Output(125, "", f"Error: initializing source docker://{reference}: {self.pull_error}")
        if reference not in self.registry:
            return Output(125, "", f"Error: initializing source docker://{reference}: manifest unknown")
        if reference not in self.vanishing:
            self.images.add(reference)
        return Output(0, f"{_image_id(reference)}\n")

    async def _image_inspect(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        reference = parse_words(rest).words[0]
        image = self._find_image(reference)
        if image is None:
            return Output(125, "[]\n", f"Error: inspecting object: {reference}: image not known")
        digests = [image] if "@" in image else []
        return Output(0, json.dumps([{"Id": _image_id(image), "Digest": "", "RepoDigests": digests}]))

    async def _create(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        parsed = parse_words(rest)
        name = parsed.options["--name"][-1]
        image = self._find_image(parsed.words[0])
        if image is None:
            return Output(125, "", f"Error: {parsed.words[0]}: image not known")
        if not _NAME.fullmatch(name):
            return _no_name(name)
        if (other := self.containers.get(name)) is not None:
            return Output(125, "", f'Error: the container name "{name}" is already in use by {other.id}.')
        secrets = tuple(secret.split(",")[0] for secret in parsed.options.get("--secret", []))
        if lacking := self._lacking(secrets):
            return _no_such_secret(lacking)
        self._numbers += 1
        labels = dict(label.split("=", 1) for label in parsed.options.get("--label", []))
        container = MockContainer(name, image, self._now(), self._numbers, labels, secrets=secrets)
        container.log.extend(f"ports {published}" for published in parsed.options.get("--publish", []))
        self.containers[name] = container
        container.volumes = tuple(volume.split(":")[0] for volume in parsed.options.get("--volume", []))
        for volume in container.volumes:
            self.kept_volumes.setdefault(volume, {})
        self._tell(container, "create")
        return Output(0, f"{container.id}\n")

    async def _start(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        container = self.containers.get(rest[0])
        if container is None:
            return _no_such(rest[0])
        if container.state is ContainerState.RUNNING:
            return Output(0, f"{container.name}\n")
        if self.fail_start:
            self.fail_start -= self.fail_start > 0
            return Output(126, "", "Error: OCI runtime error: runc: exec: permission denied")
        if lacking := self._lacking(container.secrets):
            return _no_such_secret(lacking)
        for port in self.taken_ports:
            if any(f":{port}:" in line for line in container.log):
                return Output(126, "", f"Error: listen tcp 127.0.0.1:{port}: bind: address already in use")
        container.state, container.exit_code = ContainerState.RUNNING, 0
        container.started_at, container.exited_at = self._now(), _NEVER
        container.runs += 1
        self._numbers += 1
        container.pid = FIRST_PID + self._numbers
        behaviour = self.behaviour(container)
        container.log.extend(behaviour.log)
        self._tell(container, "start")
        if behaviour.exit_after is not None:
            self._end_later(container, behaviour.exit_after, behaviour.exit_code)
        return Output(0, f"{container.name}\n")

    async def _stop(self, rest: Sequence[str], _stdin: bytes, limit: float) -> Output:
        parsed = parse_words(rest)
        grace, name = float(parsed.options["--time"][-1]), parsed.words[0]
        container = self.containers.get(name)
        if container is None:
            return _no_such(name)
        if container.state is not ContainerState.RUNNING:
            return Output(0, f"{name}\n")
        behaviour, run = self.behaviour(container), container.runs
        needed = grace + 1 if behaviour.stop_after is None else behaviour.stop_after
        listens = needed <= grace
        await self._clock.sleep(min(needed, grace, limit))
        self._end_run(container, run, behaviour.stop_code if listens else 137)
        return Output(0, f"{name}\n")

    async def _kill(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        parsed = parse_words(rest)
        container = self.containers.get(parsed.words[0])
        if container is None:
            return _no_such(rest[-1])
        if container.state is not ContainerState.RUNNING:
            return Output(125, "", f"Error: can only kill running containers. {container.id} is in state exited")
        behaviour = self.behaviour(container)
        if parsed.options["--signal"][-1] == "KILL":
            self._end(container, 137)
        elif behaviour.stop_after is not None:
            self._end_later(container, behaviour.stop_after, behaviour.stop_code)
        return Output(0, f"{container.name}\n")

    async def _rm(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        parsed = parse_words(rest)
        container = self.containers.get(parsed.words[0])
        if container is None:
            return Output(0) if "--force" in parsed.options else _no_such(parsed.words[0], 1)
        if container.state is ContainerState.RUNNING:
            if "--force" not in parsed.options:
                return Output(2, "", f"Error: cannot remove container {container.id} as it is running")
            self._end(container, 137)
        del self.containers[container.name]
        self._tell(container, "remove")
        return Output(0, f"{container.name}\n")

    async def _rename(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        old, new = rest
        if old not in self.containers:
            return _no_such(old)
        if new in self.containers:
            return Output(125, "", f'Error: the container name "{new}" is already in use by {self.containers[new].id}')
        if not _NAME.fullmatch(new):
            return _no_name(new)
        container = self.containers.pop(old)
        container.name = new
        self.containers[new] = container
        self._tell(container, "rename")
        return Output(0)

    async def _logs(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        parsed = parse_words(rest)
        container = self.containers.get(parsed.words[0])
        if container is None:
            return _no_such(parsed.words[0])
        lines = self.behaviour(container).log * max(container.runs, 1)
        return Output(0, "".join(f"{line}\n" for line in lines[-int(parsed.options["--tail"][-1]) :]))

    async def _exec(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        container = self.containers.get(rest[0])
        if container is None:
            return _no_such(rest[0])
        if container.state is not ContainerState.RUNNING:
            return Output(255, "", "Error: can only create exec sessions on running containers")
        return Output(self.behaviour(container).exec_code)

    async def _stats(self, _rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        used = {ContainerState.RUNNING: "1.5MB / 2GB"}
        rows = [{"name": it.name, "mem_usage": used.get(it.state, "0B / 0B")} for it in self.containers.values()]
        return Output(0, json.dumps(rows))

    async def _secret_create(self, rest: Sequence[str], stdin: bytes, _limit: float) -> Output:
        self.kept_secrets[rest[0]] = stdin
        return Output(0, "1\n")

    async def _secret_rm(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        if self.kept_secrets.pop(rest[0], None) is None:
            return Output(1, "", f'Error: no secret with name or id "{rest[0]}": no such secret')
        return Output(0)

    async def _secret_ls(self, _rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        return Output(0, "\n".join(self.kept_secrets))

    async def _keep(self, kept: dict[str, dict[str, str]], rest: Sequence[str]) -> Output:
        parsed = parse_words(rest)
        kept[parsed.words[0]] = dict(label.split("=", 1) for label in parsed.options.get("--label", []))
        return Output(0, f"{parsed.words[0]}\n")

    async def _volume_create(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        return await self._keep(self.kept_volumes, rest)

    async def _volume_rm(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        users = [it.id for it in self.containers.values() if rest[0] in it.volumes]
        if users:
            return Output(2, "", f"Error: volume {rest[0]} is being used by the following container(s): {users[0]}")
        self.kept_volumes.pop(rest[0], None)
        return Output(0)

    async def _volume_ls(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        return Output(0, _listed(self.kept_volumes, rest))

    async def _network_create(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        return await self._keep(self.kept_networks, rest)

    async def _network_rm(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        self.kept_networks.pop(rest[0], None)
        return Output(0)

    async def _network_ls(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        return Output(0, _listed(self.kept_networks, rest))

    async def _network_exists(self, rest: Sequence[str], _stdin: bytes, _limit: float) -> Output:
        return Output(0 if rest[0] in self.kept_networks else 1)

    async def _log_lines(self, name: str) -> AsyncIterator[str]:
        for line in self.behaviour(self.containers[name]).log:
            yield line

    def _find_image(self, name: str) -> str | None:
        return next((it for it in self.images if name in {it, _image_id(it)}), None)

    def _lacking(self, secrets: Sequence[str]) -> str:
        return next((secret for secret in secrets if secret not in self.kept_secrets), "")

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _end_later(self, container: MockContainer, seconds: float, exit_code: int) -> None:
        if seconds <= 0:
            self._end(container, exit_code)
            return
        run = container.runs

        async def wait() -> None:
            await self._clock.sleep(seconds)
            self._end_run(container, run, exit_code)

        task = asyncio.create_task(wait())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    def _end_run(self, container: MockContainer, run: int, exit_code: int) -> None:
        if container.state is ContainerState.RUNNING and container.runs == run:
            self._end(container, exit_code)

    def _end(self, container: MockContainer, exit_code: int) -> None:
        container.state, container.exit_code, container.pid = ContainerState.EXITED, exit_code, 0
        container.exited_at = self._now()
        self._tell(container, "died", exit_code)

    def _tell(self, container: MockContainer, status: str, exit_code: int | None = None) -> None:
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat().replace("+00:00", "Z")
        event: dict[str, Any] = {"Name": container.name, "Status": status, "Time": moment, "Type": "container"}
        event["Attributes"] = container.labels
        if exit_code is not None:
            event["ContainerExitCode"] = exit_code
        for queue in self._listeners:
            queue.put_nowait(json.dumps(event))


_COMMANDS = {
    "version": MockPodman._version,  # noqa: SLF001 - this table is part of the class
    "ps": MockPodman._ps,  # noqa: SLF001
    "pull": MockPodman._pull,  # noqa: SLF001
    "image inspect": MockPodman._image_inspect,  # noqa: SLF001
    "create": MockPodman._create,  # noqa: SLF001
    "start": MockPodman._start,  # noqa: SLF001
    "stop": MockPodman._stop,  # noqa: SLF001
    "kill": MockPodman._kill,  # noqa: SLF001
    "rm": MockPodman._rm,  # noqa: SLF001
    "rename": MockPodman._rename,  # noqa: SLF001
    "logs": MockPodman._logs,  # noqa: SLF001
    "exec": MockPodman._exec,  # noqa: SLF001
    "stats": MockPodman._stats,  # noqa: SLF001
    "secret create": MockPodman._secret_create,  # noqa: SLF001
    "secret rm": MockPodman._secret_rm,  # noqa: SLF001
    "secret ls": MockPodman._secret_ls,  # noqa: SLF001
    "volume create": MockPodman._volume_create,  # noqa: SLF001
    "volume rm": MockPodman._volume_rm,  # noqa: SLF001
    "volume ls": MockPodman._volume_ls,  # noqa: SLF001
    "network create": MockPodman._network_create,  # noqa: SLF001
    "network rm": MockPodman._network_rm,  # noqa: SLF001
    "network ls": MockPodman._network_ls,  # noqa: SLF001
    "network exists": MockPodman._network_exists,  # noqa: SLF001
}


async def _drain(queue: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    while (line := await queue.get()) is not None:
        yield line


def _describe(container: MockContainer) -> dict[str, Any]:
    return {
        "Id": container.id,
        "Names": [container.name],
        "Image": container.image,
        "State": str(container.state),
        "ExitCode": container.exit_code,
        "Pid": container.pid,
        "StartedAt": int(container.started_at),
        "ExitedAt": int(container.exited_at),
        "Created": int(container.created_at),
        "Labels": container.labels,
    }


def _matches(container: MockContainer, filters: Sequence[str]) -> bool:
    for word in filters:
        kind, _, value = word.partition("=")
        if kind == "label":
            name, _, wanted = value.partition("=")
            if container.labels.get(name) != wanted:
                return False
        elif kind == "name" and value.strip("^$").replace("[.]", ".") != container.name:
            return False
    return True


def _listed(kept: dict[str, dict[str, str]], rest: Sequence[str]) -> str:
    wanted = [word.removeprefix("label=").split("=", 1) for word in parse_words(rest).options.get("--filter", [])]
    return "\n".join(name for name, labels in kept.items() if all(labels.get(key) == value for key, value in wanted))


def _image_id(reference: str) -> str:
    return sha256(reference.encode()).hexdigest()


def _no_such(name: str, code: int = 125) -> Output:
    return Output(code, "", f'Error: no container with name or ID "{name}" found: no such container')


def _no_such_secret(name: str) -> Output:
    return Output(125, "", f'Error: no secret with name or id "{name}": no such secret')


def _no_name(name: str) -> Output:
    return Output(125, "", f"Error: {name}: names must match {_NAME.pattern}: invalid argument")
