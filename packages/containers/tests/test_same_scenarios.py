"""The mock does what Podman does: the same scenarios on both, equal in exit code, state and kind of error (C11)."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from botlib import BotError, Secret, SystemClock
from botserver_containers.capability import create_podman
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.podman.adapter import Podman
from botserver_containers.podman.mock import Behaviour, MockPodman
from botserver_containers.settings import ContainersSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from botserver_containers.lab import Lab

    Scenario = Callable[[Podman], Awaitable[Any]]

pytestmark = [pytest.mark.anyio, pytest.mark.podman, pytest.mark.slow]

#: The images of the lab, as the mock has them.
BEHAVIOURS = {
    "localhost/lab/sleep:1": Behaviour(),
    "localhost/lab/deaf:1": Behaviour(stop_after=None),
    "localhost/lab/fail-0s:1": Behaviour(exit_after=0, exit_code=3, log=("no config",)),
    "localhost/lab/end:1": Behaviour(exit_after=0),
}


async def create(podman: Podman, name: str, image: str = "sleep", *options: str) -> None:
    found = await podman.image(f"localhost/lab/{image}:1")
    assert found is not None
    label = f"botserver.node={podman.node}"
    await podman.create(["--name", name, "--label", label, "--network", "none", *options, found.id])


async def state(podman: Podman, name: str) -> tuple[str, int] | None:
    row = await podman.container(name)
    return None if row is None else (str(row.state), row.exit_code)


async def ended(podman: Podman, name: str) -> tuple[str, int] | None:
    """The state once it has ended, and Podman has cleaned up after it: for a moment it is "stopped" before."""
    deadline = time.monotonic() + 20
    moving = {ContainerState.RUNNING, ContainerState.STOPPED}
    while (row := await podman.container(name)) is not None and row.state in moving:
        assert time.monotonic() < deadline, f"{name} still runs"
        await asyncio.sleep(0.02)
    return await state(podman, name)


async def kind(awaitable: Awaitable[Any]) -> str:
    """The kind of error, or what came instead."""
    try:
        return f"no error: {await awaitable!r}"
    except BotError as error:
        return type(error).__name__


async def nothing_there(podman: Podman) -> Any:
    return [await state(podman, "a"), await podman.containers(), await podman.image("localhost/lab/none:1")]


async def created(podman: Podman) -> Any:
    await create(podman, "a")
    return await state(podman, "a")


async def running(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    row = await podman.container("a")
    assert row is not None
    return [await state(podman, "a"), row.pid > 0, row.down_since, row.started_at is not None]


async def started_twice(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.start("a")
    return await state(podman, "a")


async def stopped(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.stop("a", 10)
    row = await podman.container("a")
    assert row is not None
    return [await state(podman, "a"), row.down_since is not None, row.pid]


async def deaf_is_killed(podman: Podman) -> Any:
    await create(podman, "a", "deaf")
    await podman.start("a")
    began = time.monotonic()
    await podman.stop("a", 1)
    return [await state(podman, "a"), time.monotonic() - began >= 1]


async def stopped_twice(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.stop("a", 10)
    await podman.stop("a", 10)
    return await state(podman, "a")


async def stopped_and_started(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.stop("a", 10)
    await podman.start("a")
    return await state(podman, "a")


async def killed(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.kill("a")
    return [await ended(podman, "a"), await kind(podman.kill("a"))]


async def fails_at_once(podman: Podman) -> Any:
    await create(podman, "a", "fail-0s")
    await podman.start("a")
    return [await ended(podman, "a"), await podman.logs("a", 5)]


async def ends_at_once(podman: Podman) -> Any:
    await create(podman, "a", "end")
    await podman.start("a")
    return await ended(podman, "a")


async def name_taken(podman: Podman) -> Any:
    await create(podman, "a")
    return [await kind(create(podman, "a")), await state(podman, "a")]


async def removed(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.remove("a")
    await podman.remove("a")
    return await state(podman, "a")


async def running_is_not_removed(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    return [await kind(podman.remove("a")), await state(podman, "a")]


async def removed_by_force(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.remove("a", force=True)
    await podman.remove("a", force=True)
    return await state(podman, "a")


async def renamed(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.rename("a", "b")
    await create(podman, "a")
    return [await state(podman, "a"), await state(podman, "b"), await kind(podman.rename("a", "b"))]


async def nobody_of_this_name(podman: Podman) -> Any:
    calls = [podman.start("x"), podman.stop("x", 1), podman.kill("x"), podman.logs("x", 1), podman.rename("x", "y")]
    return [await kind(call) for call in calls]


async def a_program_inside(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    codes = [(await podman.execute("a", ["/bin/true"], limit=10)).code]
    await podman.stop("a", 10)
    return [*codes, (await podman.execute("a", ["/bin/true"], limit=10)).code != 0]


async def names_that_look_alike(podman: Podman) -> Any:
    await create(podman, "a.b")
    await create(podman, "axb")
    return [await state(podman, name) for name in ("a.b", "a", "axb")]


async def only_mine(podman: Podman) -> Any:
    await create(podman, "a")
    await create(podman, "b", "sleep", "--label", "botserver.node=other")
    return [row.name for row in await podman.containers()]


async def secrets(podman: Podman) -> Any:
    name = f"{podman.node}.a.PASSWORD"
    await podman.create_secret(name, Secret("one"))
    await podman.create_secret(name, Secret("two"))
    before = await podman.secrets()
    await create(podman, "a", "sleep", "--secret", f"{name},type=env,target=PASSWORD")
    refused = await kind(create(podman, "b", "sleep", "--secret", "nobody,type=env"))
    await podman.remove("a")
    await podman.remove_secret(name)
    await podman.remove_secret(name)
    return [before, refused, await podman.secrets()]


async def volumes(podman: Podman) -> Any:
    await podman.create_volume("a.data")
    await podman.create_volume("a.data")
    before = await podman.volumes()
    await podman.remove_volume("a.data")
    await podman.remove_volume("a.data")
    return [before, await podman.volumes()]


async def events(podman: Podman) -> Any:
    await create(podman, "a", "fail-0s")
    seen = []
    async with podman.events() as stream:
        knocking = asyncio.create_task(knock(podman))  # until the other side listens; nothing tells when it does
        async with asyncio.timeout(30):
            async for event in stream:
                if event.name == "knock" and not knocking.done():
                    knocking.cancel()
                    await asyncio.gather(knocking, return_exceptions=True)
                    await podman.remove("knock", force=True)
                    await podman.start("a")
                if event.status in {"start", "died"}:
                    seen.append((event.name, event.status, event.exit_code))
                if event.status == "died":
                    break
    return seen


async def stopped_before_it_ran(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.stop("a", 1)
    row = await podman.container("a")
    assert row is not None
    return [await state(podman, "a"), row.down_since]


async def killed_before_it_ran(podman: Podman) -> Any:
    await create(podman, "a")
    return [await kind(podman.kill("a")), await state(podman, "a")]


async def asked_to_end(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.kill("a", "TERM")
    return await ended(podman, "a")


async def started_after_it_was_killed(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    first = await podman.container("a")
    await podman.kill("a")
    await ended(podman, "a")
    await podman.start("a")
    second = await podman.container("a")
    assert first is not None
    assert second is not None
    return [await state(podman, "a"), second.pid != first.pid, second.down_since]


async def two_runs_in_one_log(podman: Podman) -> Any:
    await create(podman, "a", "fail-0s")
    for _ in range(2):
        await podman.start("a")
        await ended(podman, "a")
    return [await podman.logs("a", 9), await podman.logs("a", 1)]


async def log_of_one_that_never_ran(podman: Podman) -> Any:
    await create(podman, "a")
    return await podman.logs("a", 5)


async def removed_after_its_end(podman: Podman) -> Any:
    await create(podman, "a", "end")
    await podman.start("a")
    await ended(podman, "a")
    await podman.remove("a")
    await create(podman, "a")
    return await state(podman, "a")


async def renamed_while_it_runs(podman: Podman) -> Any:
    await create(podman, "a")
    await podman.start("a")
    await podman.rename("a", "b")
    running = [await state(podman, "a"), await state(podman, "b")]
    await podman.stop("b", 10)
    return [*running, await state(podman, "b")]


async def a_program_where_nothing_runs(podman: Podman) -> Any:
    await create(podman, "a")
    return [(await podman.execute(name, ["/bin/true"], limit=10)).code for name in ("a", "x")]


async def one_image_by_two_names(podman: Podman) -> Any:
    image = await podman.image("localhost/lab/sleep:1")
    assert image is not None
    return [await podman.image(image.id) == image, await kind(podman.create(["--name", "a", "localhost/lab/none:1"]))]


async def memory_of_what_runs(podman: Podman) -> Any:
    for name in ("a", "b", "c"):
        await create(podman, name)
    for name in ("a", "b"):
        await podman.start(name)
    await podman.stop("b", 10)
    return list(await podman.memory())


async def a_secret_that_is_in_use(podman: Podman) -> Any:
    name = f"{podman.node}.a.PASSWORD"
    await podman.create_secret(name, Secret("one"))
    await create(podman, "a", "sleep", "--secret", f"{name},type=env,target=PASSWORD")
    await podman.remove_secret(name)
    started = await kind(podman.start("a"))
    return [await podman.secrets(), started, await state(podman, "a")]


async def a_volume_that_is_in_use(podman: Podman) -> Any:
    await podman.create_volume("a.data")
    await create(podman, "a", "sleep", "--volume", "a.data:/data")
    refused = await kind(podman.remove_volume("a.data"))
    before = await podman.volumes()
    await podman.remove("a")
    await podman.remove_volume("a.data")
    return [refused, before, await podman.volumes()]


async def a_volume_of_somebody_else(podman: Podman) -> Any:
    await create(podman, "a", "sleep", "--volume", "strange:/data")  # which makes it, without our label
    await podman.remove("a")
    await podman.remove_volume("strange")
    return await podman.volumes()


async def networks(podman: Podman) -> Any:
    await podman.create_network("a-net")
    await podman.create_network("a-net")
    before = await podman.networks()
    await podman.remove_network("a-net")
    await podman.remove_network("a-net")
    return [before, await podman.networks()]


async def names_that_are_none(podman: Podman) -> Any:
    await create(podman, "a")
    refused = [await kind(create(podman, name)) for name in ("-a", "a b", "a/b", "ä")]
    return [refused, await kind(podman.rename("a", "a b")), [row.name for row in await podman.containers()]]


async def several_in_several_states(podman: Podman) -> Any:
    for name, image in (("a", "sleep"), ("b", "end"), ("c", "fail-0s"), ("d", "sleep")):
        await create(podman, name, image)
    for name in ("a", "b", "c"):
        await podman.start(name)
    for name in ("b", "c"):
        await ended(podman, name)
    return sorted((row.name, str(row.state), row.exit_code) for row in await podman.containers())


async def of_somebody_else(podman: Podman) -> Any:
    await create(podman, "a", "sleep", "--label", "botserver.node=other")
    row = await podman.container("a")
    assert row is not None
    return [row.labels["botserver.node"], await podman.containers(), await kind(create(podman, "a"))]


async def knock(podman: Podman) -> None:
    while True:
        await create(podman, "knock")
        await podman.remove("knock")
        await asyncio.sleep(0.05)


async def pull_of_nothing(podman: Podman) -> Any:
    return await kind(podman.pull("127.0.0.1:9/lab/none:1", limit=30))


SCENARIOS: tuple[Scenario, ...] = (
    nothing_there, created, running, started_twice, stopped, deaf_is_killed, stopped_twice, stopped_and_started, killed,
    fails_at_once, ends_at_once, name_taken, removed, running_is_not_removed, removed_by_force, renamed,
    nobody_of_this_name, a_program_inside, names_that_look_alike, only_mine, secrets, volumes, events, pull_of_nothing,
    stopped_before_it_ran, killed_before_it_ran, asked_to_end, started_after_it_was_killed, two_runs_in_one_log,
    log_of_one_that_never_ran, removed_after_its_end, renamed_while_it_runs, a_program_where_nothing_runs,
    one_image_by_two_names, memory_of_what_runs, a_secret_that_is_in_use, a_volume_that_is_in_use,
    a_volume_of_somebody_else, networks, names_that_are_none, several_in_several_states, of_somebody_else,
)  # fmt: skip


@asynccontextmanager
async def mocked() -> AsyncIterator[Podman]:
    mock = MockPodman(SystemClock(), dict(BEHAVIOURS))
    mock.images.update(BEHAVIOURS)
    yield Podman(mock, "node-same")
    await mock.close()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: it.__name__)
async def test_the_mock_does_what_podman_does(lab: Lab, scenario: Scenario) -> None:
    files = ContainersSettings(containers_conf=lab.containers_conf, storage_conf=lab.storage_conf)
    podman = create_podman(files, "node-same")
    try:
        on_podman = await scenario(podman)
    finally:
        lab.run("rm", "--all", "--force", "--time", "0")
    async with mocked() as mock:
        assert await scenario(mock) == on_podman


async def test_a_mock_that_forgets_a_rule_is_caught(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgiving(self: MockPodman, rest: Any, stdin: bytes, limit: float) -> Any:
        self.containers.pop(rest[rest.index("--name") + 1], None)
        return await original(self, rest, stdin, limit)

    original = MockPodman._create
    from botserver_containers.podman import mock as module

    monkeypatch.setitem(module._COMMANDS, "create", forgiving)
    async with mocked() as mock:
        assert await name_taken(mock) != ["NameTakenError", ("created", 0)]
    assert lab.folder
