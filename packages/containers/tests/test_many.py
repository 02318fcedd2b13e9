"""Many apps and many callers at once (promises C9 and C12), in a time of its own."""

from __future__ import annotations

import asyncio
import os
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from botlib import BotError
from botserver_containers.orchestrator import checking, jobs
from botserver_containers.podman.mock import Behaviour
from botserver_containers.testing import IMAGE, World, make_manifest

if TYPE_CHECKING:
    from botserver_containers.manifests.manifest import HealthCheck
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.jobs import Work
    from botserver_containers.orchestrator.node import Node
    from botserver_containers.podman.adapter import Podman

pytestmark = pytest.mark.anyio

APPS = 100 if os.environ.get("CONTAINERS_FULL") else 20
SECONDS = 120 if os.environ.get("CONTAINERS_FULL") else 30
CALLS = 4000 if os.environ.get("CONTAINERS_FULL") else 400


async def late_ticks(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, int]:
    """Checks every second, some slow and one that hangs: how many there were, were off by 20 %, and overlapped."""
    asked: dict[str, list[float]] = {}
    under_way: set[str] = set()
    overlaps = 0

    async def probe(_podman: Podman, name: str, _check: HealthCheck) -> bool:
        nonlocal overlaps
        overlaps += name in under_way
        under_way.add(name)
        asked.setdefault(name, []).append(world.clock.monotonic())
        try:
            hangs = name == "app-0" and len(asked[name]) % 2
            await world.clock.sleep(1e9 if hangs else (sum(name.encode()) % 7) / 10)
        finally:
            under_way.discard(name)
        return True

    monkeypatch.setattr(checking, "probe", probe)
    check = {"type": "exec", "command": ["/bin/check"], "interval": 1, "timeout": 0.9, "retries": 100}
    for number in range(APPS):
        manifest = make_manifest(f"app-{number}", health_check=check)
        world.node.apps[manifest.id] = await started(world, manifest)
    asked.clear()
    for _ in range(SECONDS * 4):
        await world.clock.advance(0.25)
    ticks = off = 0
    for moments in asked.values():
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        ticks += len(gaps)
        off += sum(abs(gap - 1) > 0.2 for gap in gaps)
    return ticks, off, overlaps


async def started(world: World, manifest: Any) -> Any:
    """An app that runs, without the wait of an installation."""
    from botserver_containers.decisions.phases import Phase
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.building import create_container

    app = App(manifest, Phase.RUNNING, world.clock.monotonic())
    world.node.apps[manifest.id] = app
    await world.node.podman.pull(manifest.image, limit=10)
    image = await world.node.podman.image(manifest.image)
    assert image is not None
    await create_container(world.node, app, image.id)
    await world.node.podman.start(app.name)
    await world.node.look(app)
    return app


async def test_checks_are_on_time_and_never_overlap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, off, overlaps = await late_ticks(world, monkeypatch)
    assert ticks >= APPS * (SECONDS - 3)
    assert off <= ticks / 100
    assert overlaps == 0


async def test_a_scheduler_that_waits_after_each_check_is_caught(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "next_tick", lambda _began, interval, now: now + interval)
    ticks, off, _ = await late_ticks(world, monkeypatch)
    assert off > ticks / 100


async def test_many_callers_leave_no_app_twice_and_none_unknown(world: World) -> None:
    assert await call_at_once(world) == 0


async def test_jobs_that_do_not_wait_for_each_other_are_caught(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "refuse_when_busy", lambda _app: None)
    assert await call_at_once(world) > 0


async def call_at_once(world: World) -> int:
    """Sixteen callers who know nothing of each other, until all is quiet: what is found wrong then or was meanwhile."""
    wrong = 0
    at_work: set[str] = set()

    async def run(node: Node, app: App, work: Work, limit: float) -> None:
        nonlocal wrong
        wrong += app.name in at_work
        at_work.add(app.name)
        try:
            await run_job(node, app, work, limit)
        finally:
            at_work.discard(app.name)

    run_job = jobs._run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_run", run)
        await make_calls(world)
    running = {name for name, it in world.mock.containers.items() if it.state == "running"}
    wrong += len(set(world.mock.containers) - set(world.node.apps))
    wrong += len(running ^ {name for name, phase in world.phases().items() if phase == "running"})
    return wrong + len(running & world.node.user_stopped)


async def make_calls(world: World) -> None:
    """The calls themselves. Everybody gets an answer, and some are refused."""
    world.mock.registry[IMAGE] = Behaviour(stop_after=3.0)
    world.mock.pull_delay_ms = 2000
    chance = random.Random(7)
    names = [f"app-{number}" for number in range(8)]
    refusals = 0

    async def call_for_a_while(seed: int) -> None:
        nonlocal refusals
        own = random.Random(seed)
        for _ in range(CALLS // 16):
            name = own.choice(names)
            method = own.choice(["install", "start", "stop", "restart", "uninstall"])
            try:
                if method == "install":
                    await world.orchestrator.install(make_manifest(name))
                else:
                    await getattr(world.orchestrator, method)(name)
            except BotError:
                refusals += 1
            await world.clock.sleep(own.uniform(0, 20))

    callers = [asyncio.ensure_future(call_for_a_while(chance.randrange(10**6))) for _ in range(16)]
    for _ in range(CALLS * 40):
        if all(caller.done() for caller in callers):
            break
        await world.clock.advance(0.5)
        assert all(caller.done() is False or caller.exception() is None for caller in callers)
    await world.settle(*names)
    assert all(caller.done() for caller in callers), "somebody waits for ever"
    assert refusals > 0
