"""Code that must type-check as it stands. Run by test_typing; never imported."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, assert_type

from botlib import Clock, FakeClock, IdSource
from botstate import CLOCK, IDS, AppState, Capability, Provider, Service, given


class Drive(Protocol):
    async def read(self, key: str) -> bytes: ...


class LocalDrive:
    async def read(self, key: str) -> bytes:
        return key.encode()


DRIVE = Capability[Drive]("drive")


@asynccontextmanager
async def open_drive(state: AppState) -> AsyncIterator[LocalDrive]:
    assert_type(state.require(IDS), IdSource)
    yield LocalDrive()


async def use(state: AppState) -> bytes:
    state.provide(DRIVE, LocalDrive())
    state.provide(CLOCK, FakeClock())
    assert_type(state.require(DRIVE), Drive)
    assert_type(state.require(CLOCK), Clock)
    return await state.require(DRIVE).read("a")


provider: Provider[Drive] = Provider(DRIVE, open_drive)
service = Service(name="storage", provides=(Provider(DRIVE, open_drive), given(CLOCK, FakeClock())), requires=(IDS,))
