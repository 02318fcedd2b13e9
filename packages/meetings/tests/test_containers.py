"""Bots as containers, on the fake of `CONTAINERS`, which passes the same contract as the real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from botlib import InvalidError
from botserver_meetings.containers import ContainerBots, create_container_bots
from botserver_meetings.settings import MeetingsSettings
from botserver_meetings.staleness import Sight
from botserver_meetings.testing import ADMIN, RUNNER_CONTRACT, RunnerCheck, create_real_services
from botstate import CONTAINERS, ContainerJob, Service, compose, given
from botstate.testing import FakeContainerRunner, fake_state

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

CHOSEN: dict[str, Any] = {"runner": "containers", "image": "registry.example/bot:1", "base_url": "http://manager:8056"}


def create_runner(containers: FakeContainerRunner) -> ContainerBots:
    return ContainerBots(containers, "registry.example/bot:1", 29.5)


@pytest.mark.parametrize("check", RUNNER_CONTRACT, ids=lambda check: check.__name__)
async def test_containers_keep_the_contract(check: RunnerCheck) -> None:
    await check(create_runner(FakeContainerRunner()))


async def test_what_a_bot_is_told_is_a_secret() -> None:
    containers = FakeContainerRunner()
    await create_runner(containers).start("bot-1", '{"token": "t-1"}')
    (job,) = containers.run_jobs
    assert (job.name, job.image, job.grace) == ("meetings-bot-1", "registry.example/bot:1", 30)
    assert (job.environment, job.secrets["BOT_CONFIG"].reveal()) == ({}, '{"token": "t-1"}')


async def test_a_bot_that_ended_at_once_does_not_stand_in_the_way() -> None:
    containers = FakeContainerRunner()
    runner = create_runner(containers)
    await runner.start("bot-1", "{}")
    containers.end("meetings-bot-1", 1)
    assert await runner.look("bot-1") is Sight.EXITED
    await runner.start("bot-1", "{}")
    assert await runner.look("bot-1") is Sight.RUNNING


async def test_jobs_of_others_are_not_seen() -> None:
    containers = FakeContainerRunner()
    await containers.run(ContainerJob("backup", "registry.example/backup:1"))
    runner = create_runner(containers)
    await runner.start("bot-1", "{}")
    assert (await runner.names(), await runner.look("backup")) == (["bot-1"], Sight.UNKNOWN)


def test_a_server_without_containers_says_what_is_missing() -> None:
    with pytest.raises(InvalidError) as refused:
        create_container_bots(fake_state(), MeetingsSettings(**CHOSEN))
    assert str(refused.value) == (
        'meetings.runner is "containers", and this server runs no containers. '
        'Serve the service containers too, which needs Podman, or set meetings.runner to "processes".'
    )


async def test_a_wish_becomes_a_container(tmp_path: Path) -> None:
    import httpx2

    from botserver_core import create_app

    containers = FakeContainerRunner()
    others = Service(name="containers", provides=(given(CONTAINERS, containers),))
    services = (*create_real_services(tmp_path, **CHOSEN), others)
    async with compose(services) as state:
        transport = httpx2.ASGITransport(create_app(state, services))
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
            user = (await client.post("/admin/users", json={"email": "anna@example.org"}, headers=ADMIN)).json()["id"]
            token = (await client.post(f"/admin/users/{user}/tokens", headers=ADMIN)).json()["token"]
            wish = {"platform": "google_meet", "native_meeting_id": "daily"}
            meeting = (await client.post("/bots", json=wish, headers={"X-API-Key": token})).json()
    (job,) = containers.run_jobs
    assert job.name == f"meetings-vexa-bot-{meeting['id']}-{meeting['bot_container_id'][:8]}"
    assert json.loads(job.secrets["BOT_CONFIG"].reveal())["botManagerCallbackUrl"].startswith("http://manager:8056/")
