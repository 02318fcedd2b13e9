"""Code that must type-check as it stands. Run by test_typing; never imported."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, assert_type
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from botlib import Bytes, Clock, FakeClock, IdSource, Seconds, Secret
from botstate import (
    CACHE,
    CLOCK,
    HTTP,
    IDS,
    LLM,
    OUTBOX,
    AppState,
    Cache,
    Capability,
    Database,
    Http,
    HttpRequest,
    HttpResponse,
    LanguageModel,
    MemoryCache,
    Migrations,
    Provider,
    Service,
    compose,
    given,
    with_basis,
)
from botstate.llm import Answer, EchoModel, Finish, Prompt, Text, TextDelta, ToolCall, Turn, Usage
from botstate.outbox import Message
from botstate.testing import fake_state


class Drive(Protocol):
    async def read(self, key: str) -> bytes: ...


class LocalDrive:
    async def read(self, key: str) -> bytes:
        return key.encode()


@dataclass(frozen=True)
class Bucket:
    secret: Secret
    largest: Bytes = 1024


@dataclass(frozen=True)
class DriveSettings:
    folder: str = "data"
    pause: Seconds = 1
    buckets: Mapping[str, Bucket] = field(default_factory=dict[str, Bucket])


DRIVE = Capability[Drive]("drive")


@asynccontextmanager
async def open_drive(state: AppState) -> AsyncGenerator[LocalDrive]:
    assert_type(state.require(IDS), IdSource)
    assert_type(state.cache, Cache)
    assert_type(await state.secrets.get("env:TOKEN"), Secret)
    assert_type(state.database, Database)
    assert_type(await state.database.read(count), int)
    assert_type(state.settings.part(DriveSettings), DriveSettings)
    assert_type(state.settings.part(DriveSettings).pause, float)
    assert_type(state.settings.part(DriveSettings).buckets["a"].largest, int)
    yield LocalDrive()


async def count(session: AsyncSession) -> int:
    return len(session.new)


async def use(state: AppState) -> bytes:
    state.provide(DRIVE, LocalDrive())
    state.provide(CLOCK, FakeClock())
    state.provide(CACHE, MemoryCache(FakeClock()))
    state.provide(LLM, EchoModel())
    assert_type(state.require(DRIVE), Drive)
    assert_type(state.require(CLOCK), Clock)
    return await state.require(DRIVE).read("a")


async def talk(state: AppState) -> str:
    assert_type(state.llm, LanguageModel)
    prompt = Prompt((Turn("user", (Text("Hello"),)),))
    assert_type(await state.llm.generate(prompt), Answer)
    said = ""
    async with state.llm.stream(prompt) as events:
        async for event in events:
            assert_type(event, TextDelta | ToolCall | Usage | Finish)
            if isinstance(event, TextDelta):
                said += event.text
    return said


async def tell(state: AppState) -> None:
    assert_type(state.require(HTTP), Http)
    assert_type(await state.require(HTTP).send(HttpRequest("GET", "https://example.org")), HttpResponse)
    outbox = state.require(OUTBOX)

    async def deliver(message: Message) -> None:
        assert_type(message.id, UUID)

    async def work(session: AsyncSession) -> UUID:
        return await outbox.enqueue(session, "letter", {"to": "anna"})

    async with outbox.handling("letter", deliver):
        assert_type(await state.database.write(work), UUID)


async def run() -> None:
    async with compose(with_basis([service])) as state:
        assert_type(state, AppState)
    assert_type(fake_state(DriveSettings()), AppState)


provider: Provider[Drive] = Provider(DRIVE, open_drive)
service = Service(
    name="storage",
    provides=(Provider(DRIVE, open_drive), given(CLOCK, FakeClock())),
    requires=(IDS,),
    settings=DriveSettings,
    migrations=Migrations("botserver_storage"),
)
