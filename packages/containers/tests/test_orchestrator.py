"""What the orchestrator does, on the mock and in a time of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from botserver_containers.decisions.observation import ContainerState, Health
from botserver_containers.decisions.tracker import History
from botserver_containers.errors import (
    BusyError,
    ImageRefusedError,
    ManifestError,
    MissingDependenciesError,
    NoSuchContainerError,
    PortTakenError,
    UnknownAppError,
    WrongStateError,
)
from botserver_containers.orchestrator.recovering import recover
from botserver_containers.podman.mock import Behaviour, MockContainer
from botserver_containers.storage.directory import Contents
from botserver_containers.testing import IMAGE, World, make_manifest, open_world

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.anyio
NEXT = "docker.io/library/app:2"


async def test_an_app_goes_through_its_whole_life(world: World) -> None:
    assert await world.orchestrator.install(make_manifest("a", volumes=[{"name": "data", "target": "/data"}])) == (
        "installing"
    )
    assert world.phases() == {"a": "installing"}
    await world.settle("a")
    assert world.phases() == {"a": "running"}
    assert await world.orchestrator.stop("a") == "stopping"
    assert read(world, "user-stopped.json") == ["a"]
    await world.settle("a")
    assert (world.phases(), world.mock.containers["a"].state) == ({"a": "stopped"}, "exited")
    assert await world.orchestrator.start("a") == "starting"
    await world.settle("a")
    assert (world.phases(), read(world, "user-stopped.json")) == ({"a": "running"}, [])
    assert await world.orchestrator.restart("a") == "restarting"
    await world.settle("a")
    assert (world.phases(), world.mock.containers["a"].runs) == ({"a": "running"}, 3)
    assert await world.orchestrator.uninstall("a") == "removing"
    await world.settle("a")
    assert (world.phases(), world.mock.containers, world.mock.kept_volumes) == ({}, {}, {})
    assert os.listdir(os.path.join(world.node.directory.path, "apps")) == []


async def test_progress_goes_from_step_to_step_and_never_back(world: World) -> None:
    seen: list[int] = []
    with world.node.board.watch() as watcher:
        await watcher.next()
        await world.install("a")
        while True:
            frame = await watcher.next()
            for operation in frame.patch or ():
                if operation["path"].endswith("/install-progress"):
                    seen.append(operation.get("value", {}).get("percent", 100))
                if operation["path"].endswith("/percent"):
                    seen.append(operation["value"])
            if frame.rev == world.node.board.rev:
                break
    assert seen == sorted(seen)
    assert {5, 20, 70, 80, 88, 95} <= set(seen)


async def test_data_stays_when_it_is_to_be_preserved(world: World) -> None:
    await world.install("a", volumes=[{"name": "data", "target": "/data"}], generated_secrets=["KEY"])
    before = dict(world.mock.kept_secrets)
    await world.orchestrator.uninstall("a", preserve_data=True)
    await world.settle("a")
    assert (set(world.mock.kept_volumes), world.mock.kept_secrets) == ({"a.data"}, {})
    await world.install("a", volumes=[{"name": "data", "target": "/data"}], generated_secrets=["KEY"])
    assert world.mock.kept_secrets == before


async def test_what_can_be_known_before_is_refused_and_nothing_is_created(world: World) -> None:
    await world.install("bitcoin-knots", ports=[{"host": 18332, "container": 8332}])
    world.mock.calls.clear()
    refused: list[tuple[type[Exception], dict[str, Any]]] = [
        (WrongStateError, {"name": "bitcoin-knots"}),
        (ImageRefusedError, {"name": "a", "image": "evil.example/x:1"}),
        (MissingDependenciesError, {"name": "a", "dependencies": ["bitcoin-knots", "lnd", "electrs"]}),
        (PortTakenError, {"name": "a", "ports": [{"host": 18332, "container": 80}]}),
        (ManifestError, {"name": "a", "container": {"network": "host"}}),
    ]
    for kind, manifest in refused:
        with pytest.raises(kind):
            await world.orchestrator.install(make_manifest(**manifest))
    with pytest.raises(MissingDependenciesError) as caught:
        await world.orchestrator.install(make_manifest("lnd", dependencies=["bitcoin-knots", "lnd-db", "electrs"]))
    assert caught.value.names == ["lnd-db", "electrs"]
    for method in (world.orchestrator.start, world.orchestrator.stop, world.orchestrator.uninstall):
        with pytest.raises(UnknownAppError):
            await method("nobody")
    assert (world.mock.calls, world.phases()) == ([], {"bitcoin-knots": "running"})


async def test_one_job_at_a_time(world: World) -> None:
    world.mock.pull_delay_ms = 5000
    await world.orchestrator.install(make_manifest("a"))
    for method in (world.orchestrator.start, world.orchestrator.stop, world.orchestrator.uninstall):
        with pytest.raises(BusyError, match="a is installing"):
            await method("a")
    with pytest.raises(BusyError):
        await world.orchestrator.install(make_manifest("a"))
    await world.settle("a")
    assert world.phases() == {"a": "running"}


async def test_a_crashed_app_comes_back_after_its_wait_and_is_given_up_after_three(world: World) -> None:
    await world.install("a")
    began = world.clock.monotonic()
    world.mock.registry[IMAGE] = Behaviour(exit_after=1.0, exit_code=3, log=("boom",))
    world.mock.crash("a", 3)
    await world.until(lambda: "is not restarted any more" in (world.notices() or [""])[-1], "giving up")
    starts = world.commands("start")
    assert starts == ["start a"] * 4
    # 10 s, 1 s up; 30 s, 1 s up; 90 s.
    assert 132 <= world.clock.monotonic() - began <= 133
    assert read(world, "restart-tracker.json")["a"]["attempts"] == 3
    await world.clock.advance(20_000)
    assert world.commands("start") == starts
    entry = world.node.board.whole()["package-data"]["a"]
    assert (entry["state"], entry["label"], entry["exit_code"], entry["log"]) == (
        "exited",
        "crashed",
        3,
        "boom\nboom\nboom\nboom\n",
    )
    world.mock.registry[IMAGE] = Behaviour()
    await world.orchestrator.start("a")
    await world.settle("a")
    assert (world.phases(), read(world, "restart-tracker.json")) == ({"a": "running"}, {})


async def test_who_waited_for_a_dependency_is_forgiven_when_it_is_back(world: World) -> None:
    await world.install("bitcoin-knots")
    await world.install("lnd", dependencies=["bitcoin-knots"])
    world.node.tracker["lnd"] = History(2, 1.0)
    world.mock.crash("bitcoin-knots")
    world.mock.crash("lnd")
    await world.until(lambda: len(world.commands("start")) == 4, "both are started again")
    assert world.commands("start")[-2:] == ["start bitcoin-knots", "start lnd"]
    assert world.node.tracker["lnd"].attempts == 1


async def test_nobody_is_started_before_what_it_needs_nor_removed_under_others(world: World) -> None:
    await world.install("bitcoin-knots")
    await world.install("lnd", dependencies=["bitcoin-knots"])
    with pytest.raises(MissingDependenciesError, match="is needed by lnd"):
        await world.orchestrator.uninstall("bitcoin-knots")
    for name in ("lnd", "bitcoin-knots"):
        await world.orchestrator.stop(name)
        await world.settle(name)
    with pytest.raises(WrongStateError, match="needs bitcoin-knots, which does not run"):
        await world.orchestrator.start("lnd")


async def test_a_stop_wins_over_a_restart_that_is_under_way(world: World) -> None:
    await world.install("a")
    world.mock.registry[IMAGE] = Behaviour(stop_after=20.0)
    await world.orchestrator.restart("a")
    await world.until(lambda: world.commands("stop") == ["stop a"], "the restart has asked it to stop")
    assert await world.orchestrator.stop("a") == "stopping"
    await world.settle("a")
    await world.clock.advance(7200)
    assert (world.phases(), world.mock.containers["a"].state) == ({"a": "stopped"}, "exited")


async def test_a_container_of_somebody_else_is_never_touched(world: World) -> None:
    world.mock.images.add(IMAGE)
    world.mock.containers["a"] = MockContainer("a", IMAGE, 0.0, 99)
    await world.orchestrator.install(make_manifest("a"))
    await world.settle("a")
    assert list(world.mock.containers) == ["a"]
    assert "belongs to somebody else" in world.notices()[-1]
    assert world.phases() == {}


async def test_health_is_asked_for_and_an_unhealthy_app_is_restarted(world: World) -> None:
    check = {"type": "exec", "command": ["/bin/check"], "interval": 5, "retries": 2}
    await world.install("a", health_check=check)
    assert world.node.apps["a"].health is Health.HEALTHY
    world.mock.registry[IMAGE] = Behaviour(exec_code=1)
    await world.until(lambda: world.node.apps["a"].health is Health.UNHEALTHY, "it is unhealthy")
    await world.until(lambda: world.mock.containers["a"].runs == 2, "it is restarted")
    world.mock.registry[IMAGE] = Behaviour()
    await world.until(lambda: world.node.apps["a"].health is Health.HEALTHY, "it is healthy again")
    world.mock.calls.clear()
    await world.orchestrator.stop("a")
    await world.settle("a")
    await world.clock.advance(100)
    assert ([words for words in world.mock.calls if words[0] == "exec"], world.node.apps["a"].health) == ([], "unknown")


async def test_an_app_that_never_gets_healthy_is_rolled_back(world: World) -> None:
    world.mock.registry[IMAGE] = Behaviour(exec_code=1, log=("still loading",))
    check = {"type": "exec", "command": ["/bin/check"], "interval": 5}
    await world.orchestrator.install(make_manifest("a", health_check=check))
    await world.settle("a")
    assert (world.phases(), world.mock.containers) == ({}, {})
    assert world.notices()[-1] == "a was not healthy within 120 seconds."


async def test_an_update_replaces_the_container_and_keeps_the_data(world: World) -> None:
    world.mock.registry[NEXT] = Behaviour()
    await world.install("a", volumes=[{"name": "data", "target": "/data"}])
    manifest = make_manifest("a", image=NEXT, version="2", volumes=[{"name": "data", "target": "/data"}])
    assert await world.orchestrator.update(manifest) == "updating"
    await world.settle("a")
    assert {name: it.image for name, it in world.mock.containers.items()} == {"a": NEXT}
    assert (world.phases(), set(world.mock.kept_volumes)) == ({"a": "running"}, {"a.data"})
    assert read(world, "apps/a.json")["stage"] == "installed"


async def test_an_update_that_fails_brings_the_old_version_back(world: World) -> None:
    await world.install("a")
    world.mock.registry[NEXT] = Behaviour(exit_after=2.0, exit_code=5)
    await world.orchestrator.update(make_manifest("a", image=NEXT, volumes=[{"name": "new", "target": "/new"}]))
    await world.settle("a")
    assert {name: (it.image, str(it.state)) for name, it in world.mock.containers.items()} == {"a": (IMAGE, "running")}
    assert (world.phases(), world.mock.kept_volumes) == ({"a": "running"}, {})
    assert world.node.apps["a"].manifest.image == IMAGE
    await world.orchestrator.reconcile()
    await world.settle("a")
    assert world.mock.containers["a"].runs == 2


async def test_reconciliation_makes_anew_what_vanished_and_removes_what_is_left_over(world: World) -> None:
    await world.install("a")
    await world.install("b")
    await world.orchestrator.stop("b")
    await world.settle("b")
    labels = {"botserver.node": "node-test", "botserver.app": "ghost"}
    world.mock.containers["ghost"] = MockContainer("ghost", IMAGE, 0.0, 50, labels)
    del world.mock.containers["a"], world.mock.containers["b"]
    steps = await world.orchestrator.reconcile()
    assert [(step.name, step.verb) for step in steps] == [("a", "create"), ("b", "leave"), ("ghost", "remove")]
    await world.settle("a")
    assert set(world.mock.containers) == {"a"}


async def test_an_endless_recreation_is_broken_off_and_told(world: World) -> None:
    await world.install("a")
    verbs = []
    for _ in range(7):
        world.mock.containers.pop("a", None)
        (step,) = await world.orchestrator.reconcile()
        verbs.append(step.verb)
        await world.settle("a")
    assert verbs == ["create"] * 5 + ["report"] * 2
    await world.orchestrator.start("a")
    await world.settle("a")
    world.mock.containers.pop("a", None)
    (step,) = await world.orchestrator.reconcile()
    assert step.verb == "create"


async def test_secrets_go_through_standard_input_only(world: World) -> None:
    await world.install("a", secret_env={"PASSWORD": "env:APP_PASSWORD"}, generated_secrets=["TOKEN"])
    token = world.mock.kept_secrets["node-test.a.TOKEN"].decode()
    assert world.mock.kept_secrets["node-test.a.PASSWORD"] == b"hunter2"
    assert len(token) == 48
    words = " ".join(word for call in world.mock.calls for word in call)
    assert "hunter2" not in words
    assert token not in words
    assert "--secret node-test.a.PASSWORD,type=env,target=PASSWORD" in words
    assert "hunter2" not in json.dumps(world.node.board.whole())


async def test_a_secret_that_is_not_allowed_is_refused(world: World) -> None:
    await world.orchestrator.install(make_manifest("a", secret_env={"X": "file:/etc/shadow"}))
    await world.settle("a")
    assert (world.phases(), world.mock.containers) == ({}, {})
    assert "containers.allowed_secrets" in world.notices()[-1]


async def test_a_container_gets_the_least_that_it_can_do_with(world: World) -> None:
    await world.install("a", ports=[{"host": 18080, "container": 80}], security={"read_only_root": True})
    (created,) = [words for words in world.mock.calls if words[0] == "create"]
    text = " ".join(created)
    for part in (
        "--cap-drop all", "--security-opt no-new-privileges", "--read-only", "--pids-limit 512", "--restart no",
        "--pull never", "--publish 127.0.0.1:18080:80/tcp", "--label botserver.node=node-test",
    ):  # fmt: skip
        assert part in text, text
    assert "--privileged" not in text


async def test_damaged_files_are_put_aside_and_told(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.install("a")
        mock = world.mock
    (tmp_path / "restart-tracker.json").write_text('{"a": {"attempts": -1}}')
    (tmp_path / "user-stopped.json").write_bytes(b"\xff\x00")
    async with open_world(tmp_path, clock=world.clock, mock=mock) as world:
        assert (world.phases(), world.node.tracker) == ({"a": "running"}, {})
        assert len(world.notices()) == 2
        assert all("was damaged" in notice for notice in world.notices())
    assert sorted(name.split("-2030")[0] for name in os.listdir(tmp_path) if "damaged" in name) == [
        "restart-tracker.json.damaged",
        "user-stopped.json.damaged",
    ]


async def test_two_orchestrators_never_share_a_directory(world: World) -> None:
    with pytest.raises(BusyError, match="Another process manages"):
        async with open_world(Path(world.node.directory.path)):
            raise AssertionError("it was opened a second time")


async def test_a_user_stop_that_the_last_run_did_not_come_to_is_made(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.install("a")
        mock = world.mock
    (tmp_path / "user-stopped.json").write_text('["a"]')
    async with open_world(tmp_path, clock=world.clock, mock=mock) as world:
        await world.settle("a")
        assert (world.phases(), mock.containers["a"].state) == ({"a": "stopped"}, "exited")


async def test_a_broken_stream_of_events_is_opened_again(world: World) -> None:
    await world.install("a")
    world.mock.break_streams()
    world.mock.crash("a")
    await world.until(lambda: world.mock.containers["a"].runs == 2, "it is restarted", seconds=60)


async def test_a_name_that_podman_does_not_know_is_told(world: World) -> None:
    with pytest.raises(NoSuchContainerError, match="no container with name"):
        await world.node.podman.logs("nobody", 10)


def read(world: World, name: str) -> Any:
    with open(os.path.join(world.node.directory.path, name), encoding="utf-8") as file:
        return json.load(file)


async def test_an_end_of_which_podman_knows_no_moment_is_waited_for_too(world: World) -> None:
    await world.install("a")
    container = world.mock.containers["a"]
    container.state, container.exit_code = ContainerState.STOPPED, 137  # as Podman has it before it has cleaned up
    await world.node.look(world.node.apps["a"])
    began = world.clock.monotonic()
    await world.until(lambda: container.runs == 2, "it is restarted")
    assert 10 <= world.clock.monotonic() - began < 12


async def test_an_installation_before_the_recovery_is_over_breaks_nothing(
    world: World,
) -> None:
    world.mock.pull_delay_ms = 5000
    await world.orchestrator.install(make_manifest("a"))
    await recover(world.node, Contents(None, [], set(), {}, {}))
    await world.settle("a")
    assert world.phases() == {"a": "running"}


async def test_an_app_that_is_about_to_start_is_not_shown_as_crashed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mock.registry[IMAGE] = Behaviour(stop_code=143)
    await world.install("a")
    await world.orchestrator.stop("a")
    await world.settle("a")
    save, seen = world.node.directory.save_user_stopped, []

    async def look_meanwhile(names: Iterable[str]) -> None:
        await save(names)
        await world.node.look(world.node.apps["a"])
        seen.append(world.phases()["a"])

    monkeypatch.setattr(world.node.directory, "save_user_stopped", look_meanwhile)
    await world.orchestrator.start("a")
    assert (seen, world.phases()) == (["starting"], {"a": "starting"})
    await world.settle("a")
    assert world.phases() == {"a": "running"}
