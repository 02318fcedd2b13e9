"""The manifest: what this service offers, what it needs, and which paths are its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botserver_meetings.context import MEETINGS, Context
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
    Migrations,
    Provider,
    Service,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import APIRouter
    from sqlalchemy import MetaData

    from botstate import AppState


@asynccontextmanager
async def _open_runner(state: AppState) -> AsyncIterator[BotRunner]:
    from botserver_meetings.processes import open_processes

    folder = state.require(DATA_FOLDER).path / state.settings.part(MeetingsSettings).run_folder
    async with open_processes(folder, state.require(CLOCK)) as runner:
        yield runner


@asynccontextmanager
async def open_context(state: AppState) -> AsyncIterator[Context]:
    """The context over an opened state, without anything that goes on by itself."""
    from botserver_meetings.profiles import PROFILES
    from botserver_meetings.wire import NoWire

    settings = state.settings.part(MeetingsSettings)
    yield Context(
        settings=settings,
        profile=PROFILES[settings.profile],
        database=state.database,
        channels=state.require(CHANNELS),
        secrets=state.secrets,
        clock=state.require(CLOCK),
        randomness=state.require(RANDOMNESS),
        runner=state.require(BOT_RUNNER),
        wire=NoWire(),
    )


@asynccontextmanager
async def _open_meetings(state: AppState) -> AsyncIterator[Context]:
    from botserver_meetings.sweep import keep_sweeping

    async with open_context(state) as context:
        sweeping = asyncio.create_task(keep_sweeping(context, state.cache), name="sweep of meetings")
        try:
            yield context
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)


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
    paths=("/admin", "/bots", "/meetings", "/transcripts", "/user", "/ws"),
    settings=MeetingsSettings,
    migrations=Migrations("botserver_meetings", _tables),
    provides=(Provider(BOT_RUNNER, _open_runner), Provider(MEETINGS, _open_meetings)),
    requires=(CACHE, CHANNELS, CLOCK, DATA_FOLDER, DATABASE, RANDOMNESS, SECRETS, SETTINGS),
)
