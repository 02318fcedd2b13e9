"""What keeps tiers, recovery, grace and hung stops right, each with a twin without it (promises C5, C6, C8, C10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from botserver_containers.decisions.monitor import decide
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.orchestrator import monitoring, recovering, stopping
from botserver_containers.podman.mock import Behaviour
from botserver_containers.testing import World, open_world

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
OTHER = "docker.io/library/other:1"
APPS = ("mempool-db", "bitcoin-knots", "filebrowser", "lnd-ui")


async def restart_order(world: World) -> list[str]:
    """Every tier has an app that crashed, the highest one first: the order in which they are started again."""
    for name in APPS:
        await world.install(name)
    world.mock.calls.clear()
    for name in reversed(APPS):
        world.mock.crash(name)
    await world.until(lambda: len(world.commands("start")) >= 4, "four restarts")
    return [command.removeprefix("start ") for command in world.commands("start")]


async def test_lower_tiers_are_up_before_higher_ones_restart(world: World) -> None:
    assert await restart_order(world) == list(APPS)


async def test_a_monitor_without_tiers_is_caught(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "decide", lambda *facts: decide(*facts)[::-1])
    monkeypatch.setattr(monitoring, "tier_of", lambda _name: 0)
    assert await restart_order(world) != list(APPS)


async def recovered(folder: Path) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """A kill, and a database that does not start any more: which apps the next run starts, their states and reasons."""
    async with open_world(folder) as world:
        world.mock.registry[OTHER] = Behaviour()
        await world.install("mempool-db", image=OTHER)
        await world.install("bitcoin-knots")
        await world.install("filebrowser", dependencies=["mempool-db"])
        await world.install("lnd-ui", dependencies=["filebrowser"])
        await world.install("mempool-web", dependencies=["bitcoin-knots"])
        await world.install("gitea")
        await world.orchestrator.stop("gitea")
        await world.settle("gitea")
        mock, clock = world.mock, world.clock
    (folder / "archipelago.pid").write_text("4999999")
    for name in list(mock.containers):
        mock.crash(name, 137)
    mock.registry[OTHER] = Behaviour(exit_after=0, exit_code=1)
    mock.calls.clear()
    async with open_world(folder, clock=clock, mock=mock) as world:
        entries = world.node.board.whole()["package-data"]
        reasons = {name: app.reason for name, app in world.node.apps.items() if app.reason}
        started = [command.removeprefix("start ") for command in world.commands("start")]
        return started, {name: entry["state"] for name, entry in entries.items()}, reasons


#: What a failure holds back is what needs it, and nothing else of its tier or of a higher one.
STARTED = ["mempool-db", "bitcoin-knots", "mempool-web"]
STATES = {
    "bitcoin-knots": "running", "filebrowser": "exited", "gitea": "stopped", "lnd-ui": "exited",
    "mempool-db": "exited", "mempool-web": "running",
}  # fmt: skip


async def test_a_failure_in_a_tier_holds_back_who_needs_it_and_nobody_else(tmp_path: Path) -> None:
    started, states, reasons = await recovered(tmp_path)
    assert (started, states) == (STARTED, STATES)
    assert reasons == {
        "filebrowser": "It waits for mempool-db.",
        "lnd-ui": "It waits for filebrowser.",
        "mempool-db": "mempool-db ended with exit code 1.",
    }


async def test_a_recovery_without_an_order_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovering, "start_groups", lambda needs: [sorted(needs)])
    started, _, _ = await recovered(tmp_path)
    assert started != STARTED


async def test_a_recovery_that_starts_nothing_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start_nothing(*_: object) -> set[str]:
        return set()

    monkeypatch.setattr(recovering, "_start_all", start_nothing)
    started, states, _ = await recovered(tmp_path)
    assert (started, states) != (STARTED, STATES)


async def killed_after(world: World) -> float:
    """How many seconds a wallet that does not listen has, while another app is stopped at once."""
    world.mock.registry[OTHER] = Behaviour(stop_after=None)
    await world.install("bitcoin-knots", image=OTHER)
    await world.install("a")
    began = world.clock.monotonic()
    await world.orchestrator.stop("bitcoin-knots")
    await world.orchestrator.stop("a")
    await world.settle("a")
    assert world.clock.monotonic() - began < 5, "one stop blocks another one"
    assert world.phases() == {"a": "stopped", "bitcoin-knots": "stopping"}
    await world.settle("bitcoin-knots")
    container = world.mock.containers["bitcoin-knots"]
    assert (world.phases()["bitcoin-knots"], container.exit_code) == ("stopped", 137)
    return container.exited_at - world.node.now() + world.clock.monotonic() - began


async def test_a_stop_of_ten_minutes_blocks_nobody(world: World) -> None:
    assert await killed_after(world) == pytest.approx(600)


async def test_a_stop_with_the_same_grace_for_all_is_caught(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "stop_timeout_secs", lambda _name: 10)
    assert await killed_after(world) == pytest.approx(10)


async def lost(world: World) -> list[dict[str, str]]:
    """Podman loses its hold of a container while it is stopped: the states after the stop, and after the next start."""
    await world.install("a", volumes=[{"name": "data", "target": "/data"}])

    def lose(words: tuple[str, ...]) -> None:
        if words[0] == "stop":
            world.mock.containers["a"].state = ContainerState.STOPPING

    world.mock.before = lose
    await world.orchestrator.stop("a")
    await world.settle("a")
    states = [world.phases() | {name: str(it.state) for name, it in world.mock.containers.items()}]
    world.mock.before = lambda _words: None
    await world.orchestrator.start("a")
    await world.settle("a")
    assert set(world.mock.kept_volumes) == {"a.data"}
    return [*states, world.phases()]


async def test_a_container_that_podman_lost_is_removed_and_made_anew(world: World) -> None:
    assert await lost(world) == [{"a": "stopped"}, {"a": "running"}]


async def test_a_stop_that_believes_podman_is_caught(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_DOWN", frozenset(ContainerState))
    assert (await lost(world))[0] == {"a": "stopping"}
