"""What happens when the server, or the way to it, breaks: no call hangs, nothing is lost or done twice without a word.

The long set: `BOT_TEST_RESTARTS=100 uv run pytest packages/state/tests/test_valkey_faults.py`.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Connection

from botlib import FakeRandomness, Secret, SystemClock, UnavailableError
from botstate import CacheSettings, Channels, Missed
from botstate.keyvalue import KeyValue
from botstate.testing import CHANNELS_FAULTS, ChannelsFault
from botstate.testing.proxy import Proxy, run_proxy
from botstate.testing.valkey import ValkeyProcess, run_valkey
from botstate.valkey import Server, open_valkey
from botstate.valkey.listener import _Subscription
from botstate.valkey.server import LostError

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RESTARTS = int(os.environ.get("BOT_TEST_RESTARTS", "4"))
TIMEOUT = 0.3  # seconds that a call may take here
HANGS = 20.0  # seconds after which a call hangs, however busy the machine

_numbers = itertools.count()


@asynccontextmanager
async def opened(port: int, *, limit: float = TIMEOUT, connections: int = 20) -> AsyncIterator[KeyValue]:
    url = Secret(f"redis://127.0.0.1:{port}")
    settings = CacheSettings(prefix=f"{next(_numbers)}:", timeout=limit, connections=connections)
    async with open_valkey(url, settings, SystemClock(), FakeRandomness()) as key_value:
        yield key_value


def server_of(key_value: KeyValue) -> Server:
    server: Server = key_value.cache._server  # type: ignore[attr-defined]  # of the backend, not of the Protocol
    return server


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANGS):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in servers and proxies
            await asyncio.sleep(0.001)


# Ways to be cut off.


@asynccontextmanager
async def refused(proxy: Proxy) -> AsyncIterator[None]:
    await proxy.refuse()
    yield
    await proxy.open()


@asynccontextmanager
async def reset(proxy: Proxy) -> AsyncIterator[None]:
    proxy.cut(reset=True)
    await proxy.refuse()
    yield
    await proxy.open()


@asynccontextmanager
async def stalled(proxy: Proxy) -> AsyncIterator[None]:
    """Until the connection that was there is given up for a new one."""
    before = proxy.accepted
    proxy.stall()
    yield
    await until(lambda: proxy.accepted > before)
    proxy.resume()


@asynccontextmanager
async def paused(proxy: Proxy) -> AsyncIterator[None]:
    proxy.stall()
    yield
    proxy.resume()


@asynccontextmanager
async def killed(server: ValkeyProcess) -> AsyncIterator[None]:
    server.kill()
    yield
    server.start()


@pytest.mark.parametrize("fault", [refused, reset, stalled])
@pytest.mark.parametrize("check", CHANNELS_FAULTS, ids=lambda check: check.__name__)
async def test_subscribers_learn_each_gap(
    check: ChannelsFault, fault: Callable[[Proxy], AbstractAsyncContextManager[None]], valkey_port: int
) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port) as key_value:
        await check(key_value.channels, partial(fault, proxy))


@pytest.mark.parametrize("check", CHANNELS_FAULTS, ids=lambda check: check.__name__)
async def test_subscribers_learn_that_the_server_was_killed(check: ChannelsFault, valkey_folder: Path) -> None:
    with run_valkey(valkey_folder) as server:
        async with opened(server.port) as key_value:
            await check(key_value.channels, partial(killed, server))


async def test_a_subscription_that_is_mended_without_a_word_is_caught(
    monkeypatch: pytest.MonkeyPatch, valkey_port: int
) -> None:
    monkeypatch.setattr(_Subscription, "is_heard", lambda subscription: subscription.live.set())
    check = next(it for it in CHANNELS_FAULTS if it.__name__ == "who_was_cut_off_learns_each_gap_and_hears_again")
    async with run_proxy(valkey_port) as proxy, opened(proxy.port) as key_value:
        with pytest.raises(AssertionError, match="without a word"):
            await check(key_value.channels, partial(refused, proxy))


async def test_all_subscriptions_share_one_connection(valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port) as key_value:
        async with key_value.channels.subscribe("a"), key_value.channels.subscribe("b"):
            assert proxy.accepted == 1
        async with key_value.channels.subscribe("c"):
            assert proxy.accepted == 1


async def test_a_silent_connection_is_kept_while_it_lives(valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port, limit=0.05) as key_value:
        async with key_value.channels.subscribe("a") as messages:
            await until(lambda: proxy.received >= 20)  # ten signs of life, asked for and given
            await key_value.channels.publish("a", b"1")
            assert await anext(messages) == b"1"
        assert proxy.accepted == 2  # one that listens, one that published


# No call hangs.


async def every_call(key_value: KeyValue, patience: float = HANGS) -> dict[str, str]:
    """How each kind of call ended."""

    async def scan() -> list[str]:
        return [key async for key in key_value.cache.scan("")]

    async def subscribe() -> None:
        async with key_value.channels.subscribe("a"):
            pass

    calls: dict[str, Callable[[], Any]] = {
        "get": lambda: key_value.cache.get("a"),
        "set": lambda: key_value.cache.set("a", b"1"),
        "set if absent": lambda: key_value.cache.set("a", b"1", if_absent=True),
        "increment": lambda: key_value.cache.increment("n", ttl=1),
        "compare and set": lambda: key_value.cache.compare_and_set("a", None, b"1"),
        "delete": lambda: key_value.cache.delete("a"),
        "scan": scan,
        "publish": lambda: key_value.channels.publish("a", b"1"),
        "subscribe": subscribe,
        "append": lambda: key_value.streams.append("a", b"1"),
        "read": lambda: key_value.streams.read("a", "group"),
        "waiting read": lambda: key_value.streams.read("b", "group", wait=0.1),
        "claim": lambda: key_value.streams.claim("a", "group", idle=0),
        "acknowledge": lambda: key_value.streams.acknowledge("a", "group", ["1-1"]),
        "remove": lambda: key_value.streams.delete("a"),
    }

    async def end_of(call: Callable[[], Any]) -> str:
        try:
            async with asyncio.timeout(patience):
                await call()
        except UnavailableError:
            return "unavailable"
        except TimeoutError:
            return "hangs"
        return "done"

    return dict(zip(calls, await asyncio.gather(*(end_of(call) for call in calls.values())), strict=True))


@pytest.mark.parametrize("fault", [refused, reset, paused])
async def test_no_call_takes_longer_than_its_time_out(
    fault: Callable[[Proxy], AbstractAsyncContextManager[None]], valkey_port: int
) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port) as key_value:
        assert set((await every_call(key_value)).values()) == {"done"}
        async with fault(proxy):
            assert set((await every_call(key_value)).values()) == {"unavailable"}
        async with asyncio.timeout(HANGS):
            while "unavailable" in (await every_call(key_value)).values():
                pass


async def test_calls_without_a_time_limit_are_caught(monkeypatch: pytest.MonkeyPatch, valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port) as key_value:
        monkeypatch.setattr(server_of(key_value), "timeout", 60.0)
        proxy.stall()
        assert set((await every_call(key_value, patience=1)).values()) == {"hangs"}


async def test_a_server_that_is_not_there_is_told_in_a_sentence_without_the_password(valkey_folder: Path) -> None:
    with run_valkey(valkey_folder) as server:
        port = server.port
    settings = CacheSettings(timeout=0.1)
    async with open_valkey(
        Secret(f"redis://anna:hunter2@127.0.0.1:{port}/0"), settings, SystemClock(), FakeRandomness()
    ) as key_value:
        with pytest.raises(UnavailableError) as caught:
            await key_value.cache.get("a")
    assert str(caught.value) == (
        f"The key-value server at 127.0.0.1:{port} did not answer within 0.1 seconds. "
        "Look whether it runs and can be reached; cache.timeout is how long a call waits."
    )


async def test_a_wrong_password_is_told_at_once(valkey_port: int) -> None:
    url = Secret(f"redis://anna:hunter2@127.0.0.1:{valkey_port}")
    async with open_valkey(url, CacheSettings(timeout=60), SystemClock(), FakeRandomness()) as key_value:
        with pytest.raises(UnavailableError, match=r"does not accept our user or password") as caught:
            await key_value.cache.get("a")
    assert "hunter2" not in str(caught.value)


# Nothing is done twice, and nobody gets the answer of another.


async def lose_an_answer(proxy: Proxy, call: Callable[[], Any]) -> Any:
    """The server does what it is asked, and its answer is lost."""
    proxy.stall(answers_only=True)
    calling = asyncio.ensure_future(call())
    before = proxy.received
    await until(lambda: proxy.received >= before + 2)
    proxy.cut(reset=True)
    proxy.resume()
    return await calling


async def count_once(proxy: Proxy, key_value: KeyValue) -> None:
    await key_value.cache.increment("n")
    with suppress(LostError):
        await lose_an_answer(proxy, lambda: key_value.cache.increment("n"))
    assert await key_value.cache.get("n") == b"2"


async def test_what_may_not_run_twice_is_not_repeated(valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port, limit=5) as key_value:
        await count_once(proxy, key_value)
        with pytest.raises(LostError, match=r"Whether it did what it was asked is not known\."):
            await lose_an_answer(proxy, lambda: key_value.cache.increment("n"))


async def test_what_was_sent_and_not_answered_in_time_is_not_known(valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port) as key_value:
        await key_value.cache.set("n", b"1")
        proxy.stall(answers_only=True)
        with pytest.raises(LostError, match=r"within 0\.3 seconds\. Whether it did what it was asked is not known\."):
            await key_value.cache.increment("n")
        with pytest.raises(UnavailableError) as caught:
            await key_value.cache.get("n")
        assert not isinstance(caught.value, LostError)


async def test_repeating_everything_is_caught(monkeypatch: pytest.MonkeyPatch, valkey_port: int) -> None:
    real = Server.call
    monkeypatch.setattr(Server, "call", lambda server, *command, **_options: real(server, *command, repeatable=True))
    async with run_proxy(valkey_port) as proxy, opened(proxy.port, limit=5) as key_value:
        with pytest.raises(AssertionError):
            await count_once(proxy, key_value)


async def test_what_may_run_twice_is_repeated(valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port, limit=5) as key_value:
        await key_value.cache.set("a", b"1")
        await key_value.streams.append("s", b"1")
        assert await lose_an_answer(proxy, lambda: key_value.cache.get("a")) == b"1"
        await lose_an_answer(proxy, lambda: key_value.streams.read("s", "group"))
        claimed = await key_value.streams.claim("s", "group", idle=0)
        assert [entry.data for entry in claimed] == [b"1"]


async def answers_after_a_cancellation(proxy: Proxy, key_value: KeyValue) -> bytes | None:
    await key_value.cache.set("a", b"of a")
    await key_value.cache.set("b", b"of b")
    proxy.stall(answers_only=True)
    before = proxy.received
    cancelled = asyncio.ensure_future(key_value.cache.get("a"))
    await until(lambda: proxy.received >= before + 2)
    cancelled.cancel()
    with suppress(asyncio.CancelledError):
        await cancelled
    before = proxy.received
    waiting = asyncio.ensure_future(key_value.cache.get("b"))
    await until(lambda: proxy.received > before)
    proxy.resume()
    return await waiting


async def test_a_call_that_was_cancelled_leaves_no_answer_behind(valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port, limit=5) as key_value:
        assert await answers_after_a_cancellation(proxy, key_value) == b"of b"


async def test_a_connection_that_is_used_again_after_a_cancellation_is_caught(
    monkeypatch: pytest.MonkeyPatch, valkey_port: int
) -> None:
    async def stay(*_arguments: object, **_options: object) -> None:
        return

    async with run_proxy(valkey_port) as proxy, opened(proxy.port, limit=5) as key_value:
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "disconnect", stay)
            answer = await answers_after_a_cancellation(proxy, key_value)
        assert answer == b"of a"


# Connections.


async def test_there_are_no_more_connections_than_allowed(valkey_port: int) -> None:
    async with run_proxy(valkey_port) as proxy, opened(proxy.port, limit=5, connections=3) as key_value:
        await asyncio.gather(*(key_value.cache.increment("n") for _ in range(200)))
        assert proxy.accepted == 3
        reading = [asyncio.ensure_future(key_value.streams.read("s", "group", count=1, wait=10)) for _ in range(10)]
        await until(lambda: server_of(key_value).is_crowded)
        assert await key_value.cache.get("n") == b"200"
        for number in range(10):
            await key_value.streams.append("s", b"%d" % number)
        entries = await asyncio.gather(*reading)
        assert sorted(entry.data for (entry,) in entries) == [b"%d" % number for number in range(10)]
        assert proxy.accepted == 6


# A server that is killed and comes back, again and again.


class Witness:
    """Writes to a stream and reads from it while the server comes and goes, and notes what it was promised."""

    def __init__(self, key_value: KeyValue) -> None:
        self._streams = key_value.streams
        self.promised: set[str] = set()
        self.read: set[str] = set()

    def was_promised_more_than(self, number: int) -> bool:
        return len(self.promised) > number

    async def write(self) -> None:
        for number in itertools.count():
            with suppress(UnavailableError):
                async with asyncio.timeout(HANGS):
                    self.promised.add(await self._streams.append("s", b"%d" % number, keep=1_000_000))
            await asyncio.sleep(0.001)

    async def work(self) -> None:
        while True:
            with suppress(UnavailableError):
                async with asyncio.timeout(HANGS):
                    for entry in await self._streams.read("s", "group", count=2, wait=0.2):
                        self.read.add(entry.id)
                        await self._streams.acknowledge("s", "group", [entry.id])
            await asyncio.sleep(0.02)  # slower than the writer, so that there is always something to lose

    async def lost(self) -> int:
        """How many entries that were promised nobody got."""
        while entries := [
            *await self._streams.read("s", "group", count=1_000),
            *await self._streams.claim("s", "group", idle=0, count=1_000),
        ]:
            self.read.update(entry.id for entry in entries)
            await self._streams.acknowledge("s", "group", [entry.id for entry in entries])
        return len(self.promised - self.read)


async def entries_lost_by_restarts(server: ValkeyProcess, restarts: int) -> int:
    async with opened(server.port, limit=5) as key_value, key_value.channels.subscribe("news") as news:
        witness = Witness(key_value)
        busy = [asyncio.ensure_future(witness.write()), asyncio.ensure_future(witness.work())]
        for _ in range(restarts):
            before = len(witness.promised)
            await until(partial(witness.was_promised_more_than, before + 20))
            server.kill()
            server.start()
            await hears_of_the_gap(key_value.channels, news)
        for task in busy:
            task.cancel()
        await asyncio.wait(busy)
        assert all(task.cancelled() for task in busy), "a call failed in another way than told"
        assert await key_value.cache.increment("n", ttl=60) == 1
        return await witness.lost()


async def hears_of_the_gap(channels: Channels, news: AsyncIterator[bytes | Missed]) -> None:
    async with asyncio.timeout(HANGS):
        while not isinstance(await anext(news), Missed):
            pass
        with suppress(UnavailableError):
            await channels.publish("news", b"lost with its connection")
        await channels.publish("news", b"again")
        while await anext(news) != b"again":
            pass


async def test_restarts_lose_nothing_that_was_promised(valkey_folder: Path) -> None:
    with run_valkey(valkey_folder, durable=True) as server:
        assert await entries_lost_by_restarts(server, RESTARTS) == 0


async def test_a_server_that_keeps_nothing_is_caught(valkey_folder: Path) -> None:
    with run_valkey(valkey_folder) as server:
        assert await entries_lost_by_restarts(server, 2) > 0
