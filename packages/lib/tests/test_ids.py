from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from botlib import FakeClock, FakeRandomness, IdSource, SystemClock, SystemRandomness, time_of

MOMENT = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


class Ones:
    """A source that gives the largest number there is."""

    def random_bytes(self, count: int) -> bytes:
        return b"\xff" * count

    def uniform(self, low: float, high: float) -> float:
        return max(low, high)


def test_the_layout_is_that_of_the_standard() -> None:
    made = IdSource(FakeClock(MOMENT), FakeRandomness()).new_id()

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == 0x017F22E279B0  # the time of the example in RFC 9562, appendix A.6
    assert time_of(made) == MOMENT


@given(some.lists(some.integers(-5_000, 5_000), min_size=1, max_size=50))
def test_ids_grow_whatever_the_clock_does(steps: list[int]) -> None:
    clock = FakeClock(MOMENT)
    source = IdSource(clock, FakeRandomness())
    made: list[UUID] = []

    for step in steps:
        clock.set_now(clock.now() + timedelta(milliseconds=step))
        made.append(source.new_id())

    assert made == sorted(set(made))


def test_a_full_millisecond_borrows_from_the_next() -> None:
    source = IdSource(FakeClock(MOMENT), Ones())
    source.new_id()
    source._tail = (1 << 74) - 1

    assert time_of(source.new_id()) == MOMENT + timedelta(milliseconds=1)


def test_ids_from_many_threads_are_all_different() -> None:
    source = IdSource(SystemClock(), SystemRandomness())

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: source.new_id(), range(4_000)))

    assert len(set(made)) == 4_000


def test_an_id_of_another_version_does_not_tell_its_time() -> None:
    with pytest.raises(ValueError, match="no UUID of version 7"):
        time_of(uuid4())


MOMENTS = some.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=some.just(UTC))  # noqa: DTZ001 - bounds are naive


@given(MOMENTS, some.integers())
def test_an_id_tells_its_moment_and_sorts_by_it_as_text_too(moment: datetime, seed: int) -> None:
    clock = FakeClock(moment)
    source = IdSource(clock, FakeRandomness(seed))
    first = source.new_id()
    clock.set_now(moment + timedelta(milliseconds=1))
    second = source.new_id()

    assert time_of(first) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert (first.int < second.int, str(first) < str(second), UUID(str(first))) == (True, True, first)
