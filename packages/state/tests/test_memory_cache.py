import pytest

from botlib import FakeClock
from botstate import MemoryCache
from botstate.testing import CACHE_CONTRACT, CacheCheck

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("check", CACHE_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: CacheCheck) -> None:
    clock = FakeClock()
    await check(MemoryCache(clock), clock.advance)


class RacyCache(MemoryCache):
    """Reads and writes with a pause in between, as a careless client of a server would."""

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes, *, ttl: float | None = None
    ) -> bool:
        if await self.get(key) != expected:
            return False
        await self._clock.sleep(0)
        return await self.set(key, value, ttl=ttl)


class ForgetfulCache(MemoryCache):
    """Lets nothing expire."""

    async def set(self, key: str, value: bytes, *, ttl: float | None = None, if_absent: bool = False) -> bool:
        return await super().set(key, value, ttl=ttl and None, if_absent=if_absent)


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (RacyCache, "of_many_at_once_one_is_first"),
        (ForgetfulCache, "a_value_expires"),
    ],
)
async def test_the_contract_catches_what_is_broken(broken: type[MemoryCache], caught_by: str) -> None:
    check = next(check for check in CACHE_CONTRACT if check.__name__ == caught_by)
    clock = FakeClock()

    with pytest.raises(AssertionError):
        await check(broken(clock), clock.advance)


async def test_memory_holds_what_lives_and_not_more() -> None:
    clock = FakeClock()
    cache = MemoryCache(clock)
    for number in range(1_000):
        await cache.set(f"short {number}", b"1", ttl=1)
        await cache.set("again and again", b"1", ttl=3_600)
    assert len(cache._deadlines) <= 2 * 1_001 + 64

    await clock.advance(2)
    await cache.set("next", b"1")

    assert sorted(cache._entries) == ["again and again", "next"]
    for _ in range(1_000):
        await cache.set("again and again", b"1", ttl=3_600)
    assert len(cache._deadlines) <= 2 * 2 + 64
