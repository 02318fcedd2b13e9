"""Runs programs: the only place that starts one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

#: No line of a stream is longer, in bytes; longer ones end the stream.
LONGEST_LINE = 1024 * 1024
#: Seconds that a program has to end after SIGTERM, before SIGKILL.
PATIENCE = 5.0


class Output(NamedTuple):
    """What a program left: its exit code, and what it wrote."""

    code: int
    out: str = ""
    err: str = ""


class CommandExecutor(Protocol):
    """Runs a program with a list of arguments, never through a shell."""

    async def execute(
        self, program: str, arguments: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0
    ) -> Output:
        """Run it to its end. `FileNotFoundError` when there is no such program; `TimeoutError` when it took too long,
        and it is gone by then, as it is after cancellation.
        """
        ...

    def stream(self, program: str, arguments: Sequence[str]) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Run it, and give the lines that it writes as they come; it is gone once the context is left."""
        ...


class SystemExecutor:
    """The programs of this machine, with exactly this environment, in this folder unless it is None.

    They run in sessions of their own: a Ctrl-C for this process is none for them.
    """

    def __init__(self, environment: Mapping[str, str], folder: str | None = None) -> None:
        self._environment = dict(environment)
        self._folder = folder

    async def execute(
        self, program: str, arguments: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0
    ) -> Output:
        process = await self._start(program, arguments, asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(limit):
                out, err = await process.communicate(stdin)
        finally:
            await _end(process)
        assert process.returncode is not None
        return Output(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    @asynccontextmanager
    async def stream(self, program: str, arguments: Sequence[str]) -> AsyncIterator[AsyncIterator[str]]:
        process = await self._start(program, arguments, asyncio.subprocess.DEVNULL)
        try:
            yield _lines(process)
        finally:
            await _end(process)

    async def _start(self, program: str, arguments: Sequence[str], stdin: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE if stdin == asyncio.subprocess.PIPE else asyncio.subprocess.DEVNULL,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,
            limit=LONGEST_LINE,
        )


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        yield line.decode(errors="replace").rstrip("\n")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Make sure that it is gone, politely first. Shielded: a cancelled caller still leaves no process behind."""
    if process.returncode is not None:
        return
    ending = asyncio.ensure_future(_terminate(process))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise


async def _terminate(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await process.wait()
                return
