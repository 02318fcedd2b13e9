"""The cache, the channels and the streams against plain redis-py on the same Valkey: `python benchmarks/keyvalue.py`.

Each question is asked of both in turns, and the medians of the rounds are compared. The Valkey is one of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import redis.asyncio

from botlib import Secret, SystemClock, SystemRandomness
from botserver_stack import TemporaryStack
from botstate import CacheSettings, MemoryCache
from botstate.valkey import open_valkey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botstate import Cache, KeyValue

#: Operations a second in process, and the share of plain redis-py over Valkey.
BOUNDS = (200_000, 0.8)
VALUE = b"x" * 100
_COMPARE = """\
local current = redis.call('GET', KEYS[1])
if current == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return 1 end
return 0
"""


class Contest(NamedTuple):
    """One operation, as we do it and as plain redis-py does."""

    name: str
    ours: Callable[[], Awaitable[object]]
    theirs: Callable[[], Awaitable[object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--operations", type=int, default=2_000)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, redis-py {redis.__version__}, {options.rounds} rounds\n")
    asyncio.run(_in_process(options.rounds))
    asyncio.run(_over_valkey(options.rounds, options.operations))


async def _in_process(rounds: int) -> None:
    print(f"| in process | operations/s | bound {BOUNDS[0]:,} |\n|---|--:|---|")
    cache: Cache = MemoryCache(SystemClock())
    await cache.set("a", VALUE)
    operations: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: cache.get("a"),
        "set": lambda: cache.set("b", VALUE),
        "set with a time to live": lambda: cache.set("c", VALUE, ttl=60),
        "increment": lambda: cache.increment("d"),
        "compare and set": lambda: cache.compare_and_set("a", VALUE, VALUE),
    }
    for name, operation in operations.items():
        speed = statistics.median([await _speed(operation, 50_000, 1) for _ in range(rounds)])
        print(f"| {name} | {speed:,.0f} | {'kept' if speed >= BOUNDS[0] else 'not kept'} |", flush=True)


async def _over_valkey(rounds: int, operations: int) -> None:
    async with TemporaryStack(services=("redis",)) as stack:
        settings = CacheSettings()
        plain = redis.asyncio.Redis.from_url(stack.redis_url)
        async with (
            plain,
            open_valkey(Secret(stack.redis_url), settings, SystemClock(), SystemRandomness()) as key_value,
        ):
            contests = await _contests(key_value, plain)
            for tasks in (1, 10):
                print(f"\n| over Valkey, {tasks} at a time | botstate/s | redis-py/s | ratio | bound {BOUNDS[1]} |")
                print("|---|--:|--:|--:|---|")
                for contest in contests:
                    print(await _row(contest, rounds, operations, tasks), flush=True)


async def _contests(key_value: KeyValue, plain: redis.asyncio.Redis) -> list[Contest]:
    cache, streams, channels = key_value.cache, key_value.streams, key_value.channels
    compare = plain.register_script(_COMPARE)
    await cache.set("a", VALUE)
    await plain.set("a", VALUE)
    return [
        Contest("get", lambda: cache.get("a"), lambda: plain.get("a")),
        Contest("set", lambda: cache.set("b", VALUE, ttl=60), lambda: plain.set("b", VALUE, px=60_000)),
        Contest("increment", lambda: cache.increment("c"), lambda: plain.incrby("c", 1)),
        Contest(
            "compare and set",
            lambda: cache.compare_and_set("a", VALUE, VALUE),
            lambda: compare(keys=["a"], args=[VALUE, VALUE]),
        ),
        Contest("publish", lambda: channels.publish("d", VALUE), lambda: plain.publish("d", VALUE)),
        Contest(
            "append",
            lambda: streams.append("e", VALUE),
            lambda: plain.xadd("e", {"d": VALUE}, maxlen=10_000, approximate=True),
        ),
    ]


async def _row(contest: Contest, rounds: int, operations: int, tasks: int) -> str:
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        for speeds, operation in sorted(
            [(ours, contest.ours), (theirs, contest.theirs)], key=lambda it: (it[0] is ours) == bool(number % 2)
        ):
            speeds.append(await _speed(operation, operations, tasks))
    ratio = statistics.median(ours) / statistics.median(theirs)
    kept = "kept" if ratio >= BOUNDS[1] else "not kept"
    row = f"{statistics.median(ours):,.0f} | {statistics.median(theirs):,.0f} | {ratio:.2f} | {kept}"
    return f"| {contest.name} | {row} |"


async def _speed(operation: Callable[[], Awaitable[object]], operations: int, tasks: int) -> float:
    async def work() -> None:
        for _ in range(operations // tasks):
            await operation()

    began = time.perf_counter()
    if tasks == 1:
        await work()
    else:
        await asyncio.gather(*(work() for _ in range(tasks)))
    return operations / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
