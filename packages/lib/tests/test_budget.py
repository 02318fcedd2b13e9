from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as some

from botlib import Budget, BudgetError, FakeClock

pytestmark = pytest.mark.anyio


def test_what_is_not_limited_is_infinite() -> None:
    budget = Budget(FakeClock())
    budget.spend(size=10**12, steps=10**12)

    assert (budget.seconds_left, budget.size_left, budget.steps_left) == (inf, inf, inf)


def test_the_last_one_that_fits_passes_and_the_next_does_not() -> None:
    budget = Budget(FakeClock(), size=10, steps=3)
    budget.spend(size=9, steps=1)
    budget.spend(size=1, steps=2)

    with pytest.raises(BudgetError, match=r"^It may take no more than 3 steps\.$") as steps:
        budget.spend(steps=1)
    with pytest.raises(BudgetError, match=r"^It may take no more than 10 bytes\.$") as size:
        budget.spend(size=1)
    assert (steps.value.limit, size.value.limit) == ("steps", "size")


async def test_time_runs_out_by_itself() -> None:
    clock = FakeClock()
    budget = Budget(clock, seconds=2.5)
    await clock.advance(2)
    budget.spend()
    assert budget.seconds_left == 0.5

    await clock.advance(1)

    assert budget.seconds_left == 0
    with pytest.raises(BudgetError, match=r"^It may take no more than 2\.5 seconds\.$"):
        budget.spend()


async def test_a_part_spends_of_the_whole() -> None:
    clock = FakeClock()
    whole = Budget(clock, seconds=10, size=100, steps=5)
    part = whole.part(seconds=60, size=50)

    part.spend(size=30, steps=2)
    assert (whole.size_left, whole.steps_left) == (70, 3)
    assert (part.size_left, part.steps_left, part.seconds_left) == (20, 3, 10)

    whole.spend(size=65)
    assert part.size_left == 5
    with pytest.raises(BudgetError, match="100 bytes"):
        part.spend(size=6)


def test_what_was_spent_does_not_come_back() -> None:
    for wrong in ({"size": -1}, {"steps": -1}):
        with pytest.raises(ValueError, match="does not come back"):
            Budget(FakeClock()).spend(**wrong)


@given(some.lists(some.tuples(some.integers(0, 2), some.integers(0, 40)), max_size=30), some.integers(0, 200))
def test_parts_never_spend_more_than_the_whole(payments: list[tuple[int, int]], allowed: int) -> None:
    whole = Budget(FakeClock(), steps=allowed)
    parts = (whole, whole.part(steps=50), whole.part().part(steps=70))
    total = 0
    for index, steps in payments:
        fits = parts[index].steps_left >= steps
        try:
            parts[index].spend(steps=steps)
        except BudgetError:
            assert not fits
            return
        total += steps
        assert fits
        assert whole.steps_left == allowed - total


@given(some.lists(some.tuples(some.floats(0, 20), some.integers(0, 3)), max_size=20), some.lists(some.floats(0.1, 30)))
@pytest.mark.anyio
async def test_a_part_never_outlives_the_whole(steps: list[tuple[float, int]], limits: list[float]) -> None:
    clock = FakeClock()
    budgets = [Budget(clock, seconds=50)]
    for limit in limits[:3]:
        budgets.append(budgets[-1].part(seconds=limit))
    for pause, chosen in steps:
        await clock.advance(pause)
        left = [budget.seconds_left for budget in budgets]
        assert left == sorted(left, reverse=True)
        budget = budgets[chosen % len(budgets)]
        if budget.seconds_left == 0:
            with pytest.raises(BudgetError):
                budget.spend()
        else:
            budget.spend()
