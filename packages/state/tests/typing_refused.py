"""Code that must not type-check. Run by test_typing, where an `ignore` that is not needed fails; never imported."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from botstate import LLM, OUTBOX, AppState, Capability, Provider, Service
from botstate.llm import Prompt
from botstate.testing import fake_sate  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnusedImport]  # noqa: F401  # names that are looked up lazily are known by name


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


class DumbModel:
    async def generate(self, prompt: Prompt) -> str:
        return prompt.model


async def talk(state: AppState) -> None:
    state.provide(LLM, DumbModel())  # type: ignore[misc]  # pyright: ignore[reportArgumentType]  # it cannot stream, and answers with text
    await state.llm.generate("Hello")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # text is no prompt
    text: str = await state.llm.generate(Prompt(()))  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # an answer is no text
    print(text)


async def count(session: AsyncSession) -> int:
    return len(session.new)


async def deliver(text: str) -> None:
    print(text)


async def store(state: AppState) -> None:
    number: str = await state.database.read(count)  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]  # a unit gives what its function does
    await state.database.read(count(number))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the function is wanted, not what it gives
    async with state.require(OUTBOX).handling("letter", deliver):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a handler gets a message
        pass


other: Capability[object] = DRIVE  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # invariant, or any object could be provided as a drive
slow: Provider[Drive] = Provider(DRIVE, open_slow_drive)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # opens something else
service = Service(name="storage", requires=("drive",))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a name is no capability
state_of_it = Service(name="storage", settings=SlowDrive())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the class is wanted
service.name = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  # a manifest does not change
