"""Code that must type-check as it stands. Run by test_typing; never imported."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, assert_type

from sqlalchemy.ext.asyncio import AsyncSession

from botlib import Clock, FakeClock, IdSource, Secret
from botstate import CACHE, CLOCK, IDS, AppState, Cache, Capability, Database, MemoryCache, Provider, Service, given


class Drive(Protocol):
    async def read(self, key: str) -> bytes: ...


class LocalDrive:
    async def read(self, key: str) -> bytes:
        return key.encode()


@dataclass(frozen=True)
class DriveSettings:
    folder: str = "data"


DRIVE = Capability[Drive]("drive")


@asynccontextmanager
async def open_drive(state: AppState) -> AsyncGenerator[LocalDrive]:
    assert_type(state.require(IDS), IdSource)
    assert_type(state.cache, Cache)
    assert_type(await state.secrets.get("env:TOKEN"), Secret)
    assert_type(state.database, Database)
    assert_type(await state.database.read(count), int)
    assert_type(state.settings.part(DriveSettings), DriveSettings)
    yield LocalDrive()


async def count(session: AsyncSession) -> int:
    return len(session.new)


async def use(state: AppState) -> bytes:
    state.provide(DRIVE, LocalDrive())
    state.provide(CLOCK, FakeClock())
    state.provide(CACHE, MemoryCache(FakeClock()))
    assert_type(state.require(DRIVE), Drive)
    assert_type(state.require(CLOCK), Clock)
    return await state.require(DRIVE).read("a")


provider: Provider[Drive] = Provider(DRIVE, open_drive)
service = Service(
    name="storage",
    provides=(Provider(DRIVE, open_drive), given(CLOCK, FakeClock())),
    requires=(IDS,),
    settings=DriveSettings,
)
