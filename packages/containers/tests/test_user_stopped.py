"""What the user stopped stays stopped, in any order of stop, crash, look and kill (promise C4)."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from botserver_containers.decisions import monitor
from botserver_containers.orchestrator.node import Node
from botserver_containers.testing import World, open_world

if TYPE_CHECKING:
    from pathlib import Path

    from botlib import FakeClock
    from botserver_containers.podman.mock import MockPodman

pytestmark = pytest.mark.anyio

#: How many orders are tried; `CONTAINERS_ORDERS=1000` is the whole promise.
ORDERS = int(os.environ.get("CONTAINERS_ORDERS", "20"))


async def run_order(folder: Path, seed: int) -> bool:
    """Whether the app that the user stopped was never started again, and the other one runs in the end."""
    chance = random.Random(seed)
    clock: FakeClock | None = None
    mock: MockPodman | None = None
    stopped_at: int | None = None
    for _life in range(3):
        async with open_world(folder, clock=clock, mock=mock) as world:
            clock, mock = world.clock, world.mock
            if not world.node.apps:
                await world.install("victim")
                await world.install("bystander")
            for _step in range(chance.randint(2, 6)):
                await take_step(world, chance, stopped_at)
                if stopped_at is None and chance.random() < 0.5:
                    await world.orchestrator.stop("victim")
                    stopped_at = len(mock.calls)
            await world.settle("victim", "bystander")
            if chance.random() < 0.5:
                leave_as_killed(folder, world)
    async with open_world(folder, clock=clock, mock=mock) as world:
        if stopped_at is None:
            await world.orchestrator.stop("victim")
            stopped_at = len(world.mock.calls)
        await world.settle("victim")
        await world.clock.advance(400)
        await world.settle("victim", "bystander")
        later = world.mock.calls[stopped_at:]
        revived = [words for words in later if words[0] in {"start", "create"} and "victim" in words]
        return not revived and world.phases() == {"victim": "stopped", "bystander": "running"}


async def take_step(world: World, chance: random.Random, stopped_at: int | None) -> None:
    step = chance.choice(["crash victim", "crash bystander", "look", "time", "reconcile"])
    if step.startswith("crash"):
        name = step.split()[1]
        if name in world.mock.containers and not (name == "bystander" and stopped_at is None and chance.random() < 0.5):
            world.mock.crash(name, 1)
    elif step == "look":
        await world.clock.advance(0)
    elif step == "time":
        await world.clock.advance(chance.choice([0.5, 11.0, 40.0, 120.0, 4000.0]))
    else:
        await world.orchestrator.reconcile()


def leave_as_killed(folder: Path, world: World) -> None:
    """As if the process had been killed: its PID file is there, of a process that is not."""
    (folder / "archipelago.pid").write_text("4999999")
    for name in ("victim", "bystander"):
        world.mock.crash(name, 137)


@pytest.mark.parametrize("seed", range(ORDERS))
async def test_what_the_user_stopped_is_never_revived(tmp_path: Path, seed: int) -> None:
    assert await run_order(tmp_path, seed)


async def test_a_monitor_that_does_not_look_at_the_mark_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = monitor.decide

    def careless(containers: object, tracker: object, _stopped: object, now: float) -> object:
        return original(containers, tracker, set(), now)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr("botserver_containers.orchestrator.monitoring.decide", careless)
    monkeypatch.setattr(Node, "mark_user_stopped", _forgetful)
    for seed in range(10):
        if not await run_order(tmp_path / str(seed), seed):
            return
    pytest.fail("nothing noticed it")


async def _forgetful(self: Node, name: str) -> None:
    del self, name
