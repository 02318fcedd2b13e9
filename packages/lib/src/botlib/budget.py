"""How much time, data and work something may take: a limit that is passed down to whoever does a part of it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from botlib.errors import LimitError

if TYPE_CHECKING:
    from botlib.clock import Clock


class BudgetError(LimitError):
    """A budget is spent. `limit` is what ran out: "seconds", "size" or "steps"."""

    code = "budget-spent"

    def __init__(self, limit: str, allowed: str) -> None:
        super().__init__(f"It may take no more than {allowed}.")
        self.limit = limit


class Budget:
    """Limits for one piece of work: `seconds` from now on, `size` in bytes, and `steps` of whatever the work counts.

    What is not given is not limited. A part of a budget has limits of its own, and all that it spends is spent of the
    whole too. A budget is for one task; its numbers are no estimate: the work that goes beyond them fails.
    """

    def __init__(
        self, clock: Clock, *, seconds: float = inf, size: float = inf, steps: float = inf, within: Budget | None = None
    ) -> None:
        own = _Account(clock.monotonic() + seconds, seconds, size, steps)
        self._clock = clock
        wider = () if within is None else within._accounts  # noqa: SLF001 - it is one of us
        self._accounts: tuple[_Account, ...] = (own, *wider)

    def part(self, *, seconds: float = inf, size: float = inf, steps: float = inf) -> Budget:
        """A budget within this one."""
        return Budget(self._clock, seconds=seconds, size=size, steps=steps, within=self)

    def spend(self, *, size: int = 0, steps: int = 0) -> None:
        """Note what was taken, or is about to be. `BudgetError` when it is more than what is left, or time is up."""
        if size < 0 or steps < 0:
            raise ValueError("What was spent does not come back.")
        for account in self._accounts:
            account.size_left -= size
            account.steps_left -= steps
        now = self._clock.monotonic()
        for account in self._accounts:
            account.check(now)

    @property
    def seconds_left(self) -> float:
        """Time until the nearest deadline, never less than zero; infinite without one."""
        return max(0.0, min(account.deadline for account in self._accounts) - self._clock.monotonic())

    @property
    def size_left(self) -> float:
        """How many bytes may still be taken; infinite without a limit."""
        return max(0, min(account.size_left for account in self._accounts))

    @property
    def steps_left(self) -> float:
        """How many steps may still be taken; infinite without a limit."""
        return max(0, min(account.steps_left for account in self._accounts))


class _Account:
    """What is left of one budget, without regard to the others."""

    def __init__(self, deadline: float, seconds: float, size: float, steps: float) -> None:
        self.deadline = deadline
        self.size_left = size
        self.steps_left = steps
        self._allowed = (seconds, size, steps)

    def check(self, now: float) -> None:
        seconds, size, steps = self._allowed
        if self.size_left < 0:
            raise BudgetError("size", f"{size} bytes")
        if self.steps_left < 0:
            raise BudgetError("steps", f"{steps} steps")
        if now >= self.deadline:
            raise BudgetError("seconds", f"{seconds:g} seconds")
