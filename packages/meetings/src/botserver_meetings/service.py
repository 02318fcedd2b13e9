"""The manifest: what this service offers, what it needs, and which paths are its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botlib import InvalidError
from botserver_meetings.context import MEETINGS, Context
from botserver_meetings.failures import ERRORS
from botserver_meetings.runner import BOT_RUNNER, BotRunner
from botserver_meetings.settings import MeetingsSettings
from botstate import (
    CACHE,
    CHANNELS,
    CLOCK,
    DATA_FOLDER,
    DATABASE,
    RANDOMNESS,
    SECRETS,
    SETTINGS,
    WEBHOOKS,
    HttpSettings,
    Migrations,
    Provider,
    Service,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from fastapi import APIRouter
    from sqlalchemy import MetaData

    from botserver_meetings.credentials import Credentials
    from botserver_meetings.segments import Segment
    from botserver_meetings.wire import Wire
    from botstate import AppState


@asynccontextmanager
async def _open_runner(state: AppState) -> AsyncIterator[BotRunner]:
    settings = state.settings.part(MeetingsSettings)
    if settings.runner == "containers":
        from botserver_meetings.containers import create_container_bots

        yield create_container_bots(state, settings)
        return
    from botserver_meetings.processes import open_processes

    folder = state.require(DATA_FOLDER).path / settings.run_folder
    async with open_processes(folder, state.require(CLOCK)) as runner:
        yield runner


@asynccontextmanager
async def _open_meetings(state: AppState) -> AsyncIterator[Context]:
    from botserver_meetings.sweep import keep_sweeping

    async with _open_wire(state) as wire:
        context = create_context(state, wire)
        sweeping = asyncio.create_task(keep_sweeping(context, state.cache), name="sweep of meetings")
        try:
            yield context
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)


@asynccontextmanager
async def _open_wire(state: AppState) -> AsyncIterator[Wire]:
    from botserver_meetings.wire import NoWire

    settings = state.settings.part(MeetingsSettings)
    if not settings.redis_url:
        yield NoWire()
        return
    try:
        from botserver_meetings.rediswire import open_redis_wire
    except ModuleNotFoundError as error:
        raise InvalidError(
            "meetings.redis_url is set, and the client of Redis is not installed.",
            remedy="pip install 'botserver-meetings[redis]'",
        ) from error
    from botserver_meetings.transcripts import take_segments

    async def take(credentials: Credentials, heard: Sequence[Segment]) -> None:
        await take_segments(create_context(state, NoWire()), credentials, heard)

    async with open_redis_wire(settings.redis_url, state.require(CLOCK), take) as wire:
        yield wire


def create_context(state: AppState, wire: Wire) -> Context:
    """What operations work with, over an opened state. Has no other effect."""
    from botserver_meetings.profiles import PROFILES

    settings = state.settings.part(MeetingsSettings)
    return Context(
        settings=settings,
        profile=PROFILES[settings.profile],
        database=state.database,
        channels=state.require(CHANNELS),
        secrets=state.secrets,
        clock=state.require(CLOCK),
        randomness=state.require(RANDOMNESS),
        runner=state.require(BOT_RUNNER),
        wire=wire,
        webhooks=state.require(WEBHOOKS),
        allowed_hosts=state.settings.part(HttpSettings).allowed,
    )


def _create_router(state: AppState) -> APIRouter:
    from botserver_meetings.router import create_router  # FastAPI and SQLAlchemy take half a second

    return create_router(state)


def _tables() -> MetaData:
    from botserver_meetings.tables import metadata

    return metadata


service = Service(
    name="meetings",
    summary="Sends bots into meetings, and keeps what was said there.",
    create_router=_create_router,
    page="/meetings/",
    paths=("/admin", "/bots", "/meetings", "/transcripts", "/user"),
    exact_paths=("/ws",),
    settings=MeetingsSettings,
    errors=ERRORS,
    migrations=Migrations("botserver_meetings", _tables),
    provides=(Provider(BOT_RUNNER, _open_runner), Provider(MEETINGS, _open_meetings)),
    requires=(CACHE, CHANNELS, CLOCK, DATA_FOLDER, DATABASE, RANDOMNESS, SECRETS, SETTINGS, WEBHOOKS),
)
