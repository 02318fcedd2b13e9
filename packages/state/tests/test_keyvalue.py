import sys
from typing import Any

import pytest

from botlib import BotError, Secret
from botstate import (
    CACHE,
    CHANNELS,
    STANDINGS,
    STREAMS,
    CacheSettings,
    MemoryCache,
    Settings,
    SettingsError,
    Sources,
    Standing,
    cache_service,
    compose,
    foundation,
    read_settings,
)
from botstate.valkey import ValkeyCache

pytestmark = pytest.mark.anyio


def settings(**values: Any) -> Settings:
    return Settings({"cache": CacheSettings(**values)})


async def test_without_a_url_the_three_live_in_this_process() -> None:
    async with compose([foundation(settings(url=Secret(""))), cache_service]) as state:
        assert isinstance(state.cache, MemoryCache)
        await state.require(STREAMS).append("a", b"1")
        async with state.require(CHANNELS).subscribe("a") as messages:
            await state.require(CHANNELS).publish("a", b"1")
            assert await anext(messages) == b"1"


async def test_a_url_chooses_the_server_and_readiness_asks_it(redis_url: str) -> None:
    url = Secret(redis_url)
    async with compose([foundation(settings(url=url, prefix="service:")), cache_service]) as state:
        assert isinstance(state.require(CACHE), ValkeyCache)
        assert cache_service.check is not None
        await cache_service.check(state)
        await state.require(STREAMS).delete("a")


async def test_a_library_that_is_missing_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis" or "botstate.valkey" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)

    async with compose([foundation(settings(url=Secret("redis://127.0.0.1"))), cache_service]) as state:
        standings = state.require(STANDINGS)

    assert standings[-1] == Standing(
        "cache",
        "key-value did not open: cache.url needs the library redis, which is not installed. Install botstate[redis].",
    )


@pytest.mark.parametrize(
    "url",
    ["redis://localhost", "rediss://anna:p%40ss@[::1]:6380/3", "valkey://h/0", "unix:///run/valkey.sock?db=2"],
)
def test_urls_of_servers_are_understood(url: str) -> None:
    assert CacheSettings(Secret(url)).url == Secret(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("hunter2", "names no server"),
        ("http://hunter2", "names no server"),
        ("redis://:hunter2@", "names no server"),
        ("redis://:hunter2@host:port", "is no URL"),
        ("redis://:hunter2@[", "is no URL"),
        ("redis://:hunter2@host/bot", "names a database that is no number"),
        ("redis://:hunter2@host?decode_responses=true", "has options"),
        ("unix:///run/hunter2?db=one", "has options"),
    ],
)
def test_what_names_no_server_is_refused_and_not_repeated(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=rf"^cache: cache\.url {problem}") as caught:
        read_settings({"cache": CacheSettings}, Sources(environment={"BOT_CACHE__URL": url}))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("values", [{"timeout": 0}, {"timeout": -1}, {"connections": 0}])
def test_limits_are_more_than_zero(values: dict[str, Any]) -> None:
    with pytest.raises((ValueError, BotError)):
        CacheSettings(**values)


def test_a_url_is_not_shown() -> None:
    given = read_settings(
        {"cache": CacheSettings}, Sources(environment={"BOT_CACHE__URL": "redis://:hunter2@localhost"})
    )
    assert "hunter2" not in repr(given.rows())
