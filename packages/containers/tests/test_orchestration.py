"""The logic of the orchestration, without containers and in a time of its own: `pytest -k orchestration`."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import pytest

from botlib import FakeClock
from botserver_containers.decisions import tracker as trackers
from botserver_containers.decisions.grace import stop_timeout_secs
from botserver_containers.decisions.monitor import Notify, Restart, Skip, decide
from botserver_containers.decisions.observation import ContainerState, Observation
from botserver_containers.decisions.tracker import History
from botserver_containers.errors import ImageMissingError, PullError
from botserver_containers.manifests.images import parse_image
from botserver_containers.orchestrator.pulling import pull_image
from botserver_containers.podman import failures
from botserver_containers.podman.adapter import Podman
from botserver_containers.podman.mock import Behaviour, MockPodman
from botserver_containers.storage.directory import Directory
from botserver_containers.testing import IMAGE, make_manifest, open_world

if TYPE_CHECKING:
    from pathlib import Path

    from botserver_containers.testing import World

pytestmark = pytest.mark.anyio


def down(name: str, *, since: float = 0.0, exit_code: int = 1, needs: tuple[str, ...] = ()) -> Observation:
    return Observation(name, ContainerState.EXITED, exit_code, down_since=since, depends_on=needs)


def up(name: str) -> Observation:
    return Observation(name, ContainerState.RUNNING)


async def pull(mock: MockPodman, clock: FakeClock) -> list[float]:
    """Pull, and give the seconds that were waited between the tries."""
    image = parse_image(IMAGE)
    assert image is not None
    failed_at: list[float] = []
    tried = pull_image(
        Podman(mock, "node"), clock, image, on_failure=lambda _attempt, _error: failed_at.append(clock.monotonic())
    )
    task = asyncio.ensure_future(tried)
    while not task.done():
        await clock.advance(0.25)
    await task
    return [
        round(later - earlier, 2) for earlier, later in zip(failed_at, [*failed_at[1:], clock.monotonic()], strict=True)
    ]


def test_stop_grace_periods() -> None:
    names = ["bitcoin-knots", "bitcoin-core", "archy-bitcoin", "lnd", "archy-lnd", "mempool-db", "unknown"]
    assert [stop_timeout_secs(name) for name in names] == [600, 600, 600, 330, 330, 120, 30]


async def test_pull_retry_backoff() -> None:
    clock = FakeClock()
    mock = MockPodman(clock, {IMAGE: Behaviour()})
    mock.fail_pull = 2
    assert await pull(mock, clock) == [5.0, 15.0]
    assert [words[0] for words in mock.calls].count("pull") == 3


async def test_pull_all_attempts_fail() -> None:
    clock = FakeClock()
    mock = MockPodman(clock, {IMAGE: Behaviour()})
    mock.fail_pull = -1
    with pytest.raises(PullError, match="connection refused"):
        await pull(mock, clock)
    assert [words[0] for words in mock.calls].count("pull") == 3
    assert mock.containers == {}


async def test_pull_of_what_no_registry_has_is_tried_once() -> None:
    clock = FakeClock()
    mock = MockPodman(clock, {})
    with pytest.raises(PullError, match="manifest unknown"):
        await pull(mock, clock)
    assert [words[0] for words in mock.calls].count("pull") == 1


async def test_pull_that_takes_every_error_for_a_passing_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "is_permanent", lambda _said: False)
    with pytest.raises(AssertionError):
        await test_pull_of_what_no_registry_has_is_tried_once()


async def test_pull_that_waits_for_another_time_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_containers.orchestrator.pulling.PULL_DELAYS", (5.0, 14.5))
    with pytest.raises(AssertionError):
        await test_pull_retry_backoff()


async def test_restart_tracker_persistence(tmp_path: Path) -> None:
    tracker = {
        "lnd": History(2, 1000.5),
        "filebrowser": History(1, 900.0, 1000.0),
        "gone": History(3, 5.0, None, told=True),
    }
    directory = Directory(str(tmp_path))
    with directory.hold():
        await directory.save_tracker(tracker)
    directory.close()
    assert Directory(str(tmp_path)).load("now").tracker == tracker


def test_restart_tracker_stability_reset() -> None:
    tracker = trackers.observe({"lnd": History(2, 500.0)}, {"lnd"}, 1000.0)
    assert trackers.observe(tracker, {"lnd"}, 1000.0 + 3599.999) == {"lnd": History(2, 500.0, 1000.0)}
    assert trackers.observe(tracker, {"lnd"}, 1000.0 + 3600.0) == {}


async def test_failsafe_install_rollback(world: World) -> None:
    world.mock.registry[IMAGE] = Behaviour(exit_after=0, exit_code=3, log=("no config",))
    await world.orchestrator.install(make_manifest("filebrowser", volumes=[{"name": "data", "target": "/data"}]))
    await world.settle("filebrowser")
    assert (world.mock.containers, world.mock.kept_volumes, world.phases()) == ({}, {}, {})
    assert world.notices() == ["filebrowser ended with exit code 3. It said: no config"]
    assert os.listdir(os.path.join(world.node.directory.path, "apps")) == []


async def test_failsafe_install_image_missing(world: World) -> None:
    world.mock.vanishing.add(IMAGE)
    with pytest.raises(ImageMissingError):
        await pull(world.mock, world.clock)
    await world.orchestrator.install(make_manifest("filebrowser"))
    await world.settle("filebrowser")
    assert (world.mock.containers, world.phases()) == ({}, {})
    assert "was pulled without an error and is not there" in world.notices()[-1]


def test_health_monitor_tier_ordering() -> None:
    names = ["lnd-ui", "filebrowser", "lnd", "bitcoin-knots", "mempool-db", "archy-btcpay-db"]
    actions = decide([down(name) for name in names], {}, set(), 1000.0)
    assert [(type(action), action.name) for action in actions] == [
        (Restart, "archy-btcpay-db"),
        (Restart, "mempool-db"),
        (Restart, "bitcoin-knots"),
        (Restart, "lnd"),
        (Restart, "filebrowser"),
        (Restart, "lnd-ui"),
    ]


def test_health_monitor_skips_user_stopped() -> None:
    actions = decide([down("lnd"), down("filebrowser")], {}, {"lnd"}, 1000.0)
    assert actions == [Skip("lnd", "stopped by the user"), Restart("filebrowser", 1, "crashed, exit code 1")]


def test_health_monitor_max_attempts() -> None:
    tracker: dict[str, History] = {}
    now, restarts = 1000.0, []
    while True:
        (action,) = decide([down("lnd", since=now)], tracker, set(), now)
        if isinstance(action, Skip):
            assert action.until is not None
            (action,) = decide([down("lnd", since=now)], tracker, set(), action.until)
            now += 100.0
        if not isinstance(action, Restart):
            break
        restarts.append(action.attempt)
        tracker = trackers.record_attempt(tracker, "lnd", now)
    assert restarts == [1, 2, 3]
    assert action == Notify("lnd", "crashed, exit code 1")
    tracker = trackers.record_told(tracker, "lnd")
    assert decide([down("lnd", since=now)], tracker, set(), now + 1e6) == [Skip("lnd", "given up")]


def leave_traces(folder: Path, *running: str) -> None:
    """The files of a run that was killed while these apps ran."""
    (folder / "archipelago.pid").write_text("4999999")
    snapshot = {"timestamp": 1, "containers": [{"name": name, "image": IMAGE} for name in running]}
    (folder / "running-containers.json").write_text(json.dumps(snapshot))


async def test_crash_recovery_loads_snapshot(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        for name in ("filebrowser", "mempool-db"):
            await world.install(name)
        mock = world.mock
    leave_traces(tmp_path, "filebrowser", "mempool-db")
    for name in ("filebrowser", "mempool-db"):
        mock.crash(name, 137)
    mock.calls.clear()
    async with open_world(tmp_path, clock=world.clock, mock=mock) as world:
        assert world.commands("start") == ["start mempool-db", "start filebrowser"]
        assert world.phases() == {"filebrowser": "running", "mempool-db": "running"}
        assert world.notices() == ["Process 4999999 of the last run is dead. 2 apps ran."]


async def test_crash_recovery_skips_user_stopped(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        for name in ("filebrowser", "lnd"):
            await world.install(name)
        await world.orchestrator.stop("lnd")
        await world.settle("lnd")
        mock = world.mock
    leave_traces(tmp_path, "filebrowser", "lnd")
    mock.crash("filebrowser", 137)
    mock.calls.clear()
    async with open_world(tmp_path, clock=world.clock, mock=mock) as world:
        assert world.commands("start") == ["start filebrowser"]
        assert world.phases() == {"filebrowser": "running", "lnd": "stopped"}
