"""Code that must not type-check. Run by test_typing, where an `ignore` that is not needed fails; never imported."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

from botstate import AppState, Capability, Provider, Service


class Drive(Protocol):
    async def read(self, key: str) -> bytes: ...


class SlowDrive:
    def read(self, key: str) -> bytes:
        return key.encode()


DRIVE = Capability[Drive]("drive")


@asynccontextmanager
async def open_slow_drive(_state: AppState) -> AsyncGenerator[SlowDrive]:
    yield SlowDrive()


def use(state: AppState) -> None:
    state.provide(DRIVE, SlowDrive())  # type: ignore[misc]  # pyright: ignore[reportArgumentType]  # not the Protocol: read is not async
    state.provide(DRIVE, None)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]  # nothing is no drive
    state.provide("drive", SlowDrive())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a name is no capability
    state.require("drive")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a name is no capability
    state.drive  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018  # the named properties are a closed list
    number: int = state.require(DRIVE)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # it is a drive
    print(number)


other: Capability[object] = DRIVE  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # invariant, or any object could be provided as a drive
slow: Provider[Drive] = Provider(DRIVE, open_slow_drive)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # opens something else
service = Service(name="storage", requires=("drive",))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a name is no capability
state_of_it = Service(name="storage", settings=SlowDrive())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the class is wanted
service.name = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  # a manifest does not change
