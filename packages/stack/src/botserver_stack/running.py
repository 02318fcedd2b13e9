"""`up` and `run`: a stack that lives as long as a person, a deadline or a command wants."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botserver_stack.errors import StackError, refused
from botserver_stack.recipes import available_names
from botserver_stack.stack import READY_SECONDS, TemporaryStack

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Wish:
    """What the command line asks for. No `services`: all that can be had. `lifetime` is seconds from ready, or None."""

    services: tuple[str, ...] = ()
    root: str | None = None
    lifetime: float | None = None
    keep: bool = False
    plan_ports: bool = True
    ready_seconds: float = READY_SECONDS

    def stack(self, tell: Callable[[str], None]) -> TemporaryStack:
        """The stack, not started. What it does without is told."""
        services = self.services
        if not services:
            services, missing = available_names()
            for sentence in missing:
                tell(f"Not in this stack: {sentence}")
        return TemporaryStack(
            services=services,
            root=self.root,
            keep=self.keep,
            plan_ports=self.plan_ports,
            ready_seconds=self.ready_seconds,
        )


def keep_up(wish: Wish, tell: Callable[[str], None]) -> int:
    """Start a stack, tell where it is, and end it at a signal, at its time-out, or when `bot-stack down` asks."""
    return _run(lambda: _keep_up(wish, tell))


def run_command(wish: Wish, command: Sequence[str], tell: Callable[[str], None]) -> int:
    """Run a command with the environment of a stack. Returns its exit code, as a shell would tell it."""
    return _run(lambda: _run_command(wish, command, tell))


def _run(work: Callable[[], Coroutine[None, None, int]]) -> int:
    runner = asyncio.Runner()
    try:
        runner.get_loop()
    except OSError as error:
        sys.unraisablehook = lambda _: None  # the half-made loop would complain that it is not whole
        raise refused(error) from None
    with runner:
        return runner.run(work())


async def _keep_up(wish: Wish, tell: Callable[[str], None]) -> int:
    stack = wish.stack(tell)
    with _signals() as wanted:
        if not await _start(stack, wanted):
            return 0
        failed = True
        try:
            for line in _describe(stack):
                tell(line)
            ended = asyncio.create_task(stack.wait_ended())
            asked = asyncio.create_task(wanted.wait())
            await asyncio.wait((ended, asked), timeout=wish.lifetime, return_when=asyncio.FIRST_COMPLETED)
            failed = ended.done() and not ended.result()
            for task in (ended, asked):
                task.cancel()
        finally:
            await stack.stop(failed=failed)
    if failed:
        raise StackError(f"The keeper of stack {stack.id} was killed, and its servers ended with it.")
    tell(f"Stack {stack.id} has ended{', its folder is kept' if wish.keep else ''}.")
    return 0


async def _run_command(wish: Wish, command: Sequence[str], tell: Callable[[str], None]) -> int:
    stack = wish.stack(tell)
    code = 1
    with _signals() as wanted:
        if not await _start(stack, wanted):
            return 128 + signal.SIGINT
        try:
            code = await _run_child(command, os.environ | stack.environment, wanted, wish.lifetime)
        finally:
            await stack.stop(failed=code != 0)
    return code


async def _start(stack: TemporaryStack, wanted: asyncio.Event) -> bool:
    """Start it; False when a signal came first, and it was ended again."""
    starting = asyncio.create_task(stack.start())
    asked = asyncio.create_task(wanted.wait())
    await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not starting.done():
        starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        return False
    if wanted.is_set():
        await stack.stop()
    return not wanted.is_set()


async def _run_child(
    command: Sequence[str], environment: dict[str, str], wanted: asyncio.Event, lifetime: float | None
) -> int:
    try:
        child = await asyncio.create_subprocess_exec(*command, env=environment)
    except OSError as error:
        raise StackError(f"{command[0]} cannot be run: {error.strerror}.") from None
    over = asyncio.create_task(child.wait())
    asked = asyncio.create_task(wanted.wait())
    await asyncio.wait((over, asked), timeout=lifetime, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not over.done():
        with suppress(ProcessLookupError):
            child.terminate()  # Ctrl-C reaches it without us; SIGTERM and the time-out do not
        await asyncio.wait((over,), timeout=10)
    if not over.done():
        with suppress(ProcessLookupError):
            child.kill()
    code = await over
    return code if code >= 0 else 128 - code


@contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """An event that is set by a signal to end. A second one changes nothing: the end is under way."""
    loop, wanted = asyncio.get_running_loop(), asyncio.Event()
    for number in _SIGNALS:
        loop.add_signal_handler(number, wanted.set)
    try:
        yield wanted
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _describe(stack: TemporaryStack) -> Iterator[str]:
    yield f"Stack {stack.id} is ready in {stack.folder}"
    for title, address in stack.addresses:
        yield f"  {title:<12}{address}"
    yield f'Its environment: eval "$(bot-stack env {stack.id})"'
