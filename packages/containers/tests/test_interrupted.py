"""A kill at each step of an installation and of an update, and a full disk at each write, on the mock (promise C7)."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from botserver_containers.orchestrator import installing, recovering
from botserver_containers.podman.mock import Behaviour, MockPodman
from botserver_containers.storage import files
from botserver_containers.storage.directory import Directory
from botserver_containers.testing import IMAGE, World, make_manifest, open_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio

NEXT = "docker.io/library/app:2"
DATA = {"name": "data", "target": "/data"}
OLD: dict[str, Any] = {"volumes": [DATA], "generated_secrets": ["KEY"]}
NEW: dict[str, Any] = {**OLD, "image": NEXT}
NEW |= {"volumes": [DATA, {"name": "more", "target": "/more"}], "generated_secrets": ["KEY", "MORE"]}


class KilledError(BaseException):
    """The process ends here: nothing of it reaches the outside any more."""


class Life:
    """Lets so many commands and writes of a process through, and then no other one."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @property
    def over(self) -> bool:
        return self.left < 0

    def wrap(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **options: Any) -> Any:
            self.left -= not self.over
            if self.over:
                raise KilledError
            return await real(*arguments, **options)

        return call


class Found(NamedTuple):
    """All that there is of an app: what is shown, containers, volumes, secrets in Podman and on disk, its record."""

    phases: dict[str, str]
    containers: dict[str, tuple[str, str]]
    volumes: frozenset[str]
    secrets: int
    kept: list[str]
    record: tuple[str, str] | None


NOTHING = Found({}, {}, frozenset(), 0, [], None)
OLD_ONE = Found({"a": "running"}, {"a": (IMAGE, "running")}, frozenset({"a.data"}), 1, ["a"], ("installed", IMAGE))
NEW_ONE = Found(
    {"a": "running"}, {"a": (NEXT, "running")}, frozenset({"a.data", "a.more"}), 2, ["a"], ("installed", NEXT)
)


def look(folder: Path, world: World) -> Found:
    record = folder / "apps/a.json"
    document = json.loads(record.read_text()) if record.exists() else None
    return Found(
        world.phases(),
        {name: (it.image, str(it.state)) for name, it in world.mock.containers.items()},
        frozenset(world.mock.kept_volumes),
        len(world.mock.kept_secrets),
        os.listdir(folder / "secrets"),
        None if document is None else (document["stage"], document["manifest"]["app"]["container"]["image"]),
    )


async def install(world: World) -> None:
    await world.orchestrator.install(make_manifest("a", **OLD))


async def update(world: World) -> None:
    world.mock.registry[NEXT] = Behaviour()
    await world.orchestrator.update(make_manifest("a", **NEW))


async def live(folder: Path, begin: Callable[[World], Awaitable[None]], steps: int) -> tuple[bool, Found]:
    """Begin a job in a process that is killed after so many steps. Whether it lived on, and what the next one finds."""
    life = Life(10**6)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # nobody asks what became of those tasks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MockPodman, "execute", life.wrap(MockPodman.execute))
        patch.setattr(Directory, "_run", life.wrap(Directory._run))
        patch.setattr(Directory, "sign_out", lambda _self: None)
        async with open_world(folder, settle=1.0) as world:
            if begin is update:
                await world.install("a", **OLD)
            life.left = steps
            await begin(world)
            await world.until(lambda: life.over or not world.node.apps["a"].busy, "it is killed, or done")
            lived = not life.over
            life.left = -1
    trace = json.loads((folder / "archipelago.pid.json").read_text())
    (folder / "archipelago.pid.json").write_text(json.dumps({**trace, "boot": "the one before"}))
    async with open_world(folder, clock=world.clock, mock=world.mock, settle=1.0) as after:
        await after.settle("a")
        return lived, look(folder, after)


async def kills(
    folder: Path, begin: Callable[[World], Awaitable[None]], good: tuple[Found, ...], *, most_bad: int = 1000
) -> tuple[int, list[tuple[int, Found]]]:
    """Kill at the first step, at the second, and so on: how many there are, and after which ones it is not good."""
    bad, steps = [], 0
    while True:
        (folder / str(steps)).mkdir()
        done, found = await live(folder / str(steps), begin, steps)
        if found not in good:
            bad.append((steps, found))
        if done or len(bad) == most_bad:
            return steps, bad
        steps += 1


async def test_a_kill_at_any_step_of_an_installation_leaves_all_or_nothing(tmp_path: Path) -> None:
    steps, bad = await kills(tmp_path, install, (NOTHING, OLD_ONE))
    assert bad == []
    assert steps > 15


async def test_a_kill_at_any_step_of_an_update_leaves_the_old_or_the_new_version(tmp_path: Path) -> None:
    steps, bad = await kills(tmp_path, update, (OLD_ONE, NEW_ONE))
    assert bad == []
    assert steps > 20


async def test_a_recovery_that_repairs_nothing_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave_as_it_is(*_: object) -> None:
        pass

    monkeypatch.setattr(recovering, "_repair", leave_as_it_is)
    _, bad = await kills(tmp_path, update, (OLD_ONE, NEW_ONE), most_bad=1)
    assert bad


async def full_disk(
    folder: Path, begin: Callable[[World], Awaitable[None]], writes: int, *, later_too: bool
) -> tuple[bool, Found, Found, list[str]]:
    """Let a write fail, or all from that one on. Whether none failed; what is found then, and once there is room."""
    left, real, failed = writes, files.write_atomic, 0

    def write(path: str, content: bytes, **options: Any) -> None:
        nonlocal left, failed
        left -= 1
        if left < 0 and (later_too or left == -1):
            failed += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, content, **options)

    async with open_world(folder, settle=1.0) as world:
        if begin is update:
            await world.install("a", **OLD)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "write_atomic", write)
            await begin(world)
            await world.settle("a")
            found, notices = look(folder, world), world.notices()
        clock, mock = world.clock, world.mock
    async with open_world(folder, clock=clock, mock=mock, settle=1.0) as world:
        await world.settle("a")
        return failed == 0, found, look(folder, world), notices


async def full_disks(folder: Path, begin: Callable[[World], Awaitable[None]], good: tuple[Found, ...]) -> list[str]:
    """What is wrong after a disk that is full at the first write, at the second, and so on, for once or for good."""
    wrong: list[str] = []
    for later_too in (False, True):
        for writes in range(100):
            case = folder / f"{later_too}-{writes}"
            case.mkdir()
            done, then, afterwards, notices = await full_disk(case, begin, writes, later_too=later_too)
            if then._replace(record=None) not in [it._replace(record=None) for it in good] or afterwards not in good:
                wrong.append(f"{case.name}: {then} {afterwards}")
            # A version that is not there is never called installed, and one that failed says why.
            if then.containers != good[1].containers and "No space left on device" not in notices[-1]:
                wrong.append(f"{case.name}: {notices}")
            if done:
                assert writes > 2
                break
    return wrong


async def test_a_disk_that_is_full_at_any_write_of_an_installation_leaves_all_or_nothing(tmp_path: Path) -> None:
    assert await full_disks(tmp_path, install, (NOTHING, OLD_ONE)) == []


async def test_a_disk_that_is_full_at_any_write_of_an_update_leaves_the_old_or_the_new_version(tmp_path: Path) -> None:
    assert await full_disks(tmp_path, update, (OLD_ONE, NEW_ONE)) == []


async def test_an_installation_that_does_not_undo_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave_as_it_is(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(installing, "roll_back_install", leave_as_it_is)
    assert await full_disks(tmp_path, install, (NOTHING, OLD_ONE))
