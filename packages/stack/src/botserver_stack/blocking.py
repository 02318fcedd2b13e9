"""A stack for code that is not asynchronous: fixtures, scripts, a Python prompt."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, TypeVar

from botserver_stack.stack import TemporaryStack

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from botserver_stack.stack import S3Access

T = TypeVar("T")


class BlockingStack:
    """The same as `TemporaryStack`, whose arguments it takes; `stack` is that one, for tests with an event loop.

    Its event loop has a thread of its own, so it can also be used where one runs already (it blocks that one, then).
    """

    def __init__(self, **options: Any) -> None:
        self.stack = TemporaryStack(**options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._over: asyncio.Event | None = None

    @property
    def id(self) -> str:
        return self.stack.id

    @property
    def folder(self) -> str:
        return self.stack.folder

    @property
    def environment(self) -> dict[str, str]:
        return self.stack.environment

    @property
    def database_url(self) -> str:
        return self.stack.database_url

    @property
    def redis_url(self) -> str:
        return self.stack.redis_url

    @property
    def s3(self) -> S3Access:
        return self.stack.s3

    def start(self) -> Self:
        """Start all servers; returns when a client can use them."""
        try:
            self.run(self.stack.start())
        except BaseException:
            self._end_loop()
            raise
        return self

    def stop(self, *, failed: bool = False) -> None:
        """End all servers and remove the folder; a second call does nothing."""
        if self._loop is not None:
            self.run(self.stack.stop(failed=failed))
            self._end_loop()

    def stop_server(self, name: str) -> None:
        """End one server as an operator would; its data and its port stay."""
        self.run(self.stack.stop_server(name))

    def kill_server(self, name: str) -> None:
        """SIGKILL to all processes of one server; its data and its port stay."""
        self.run(self.stack.kill_server(name))

    def start_server(self, name: str) -> None:
        """Start a server again, on the same port and with the data it had."""
        self.run(self.stack.start_server(name))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a method of `stack`."""
        loop = self._loop or self._start_loop()
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        ready: Future[asyncio.AbstractEventLoop] = Future()

        async def live() -> None:
            self._over = asyncio.Event()
            ready.set_result(asyncio.get_running_loop())
            await self._over.wait()

        self._thread = threading.Thread(target=lambda: asyncio.run(live()), name=f"stack-{self.id}", daemon=True)
        self._thread.start()
        self._loop = ready.result()
        return self._loop

    def _end_loop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None and self._over is not None:
            loop.call_soon_threadsafe(self._over.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(failed=kind is not None)
