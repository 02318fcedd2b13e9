"""A circuit breaker: what fails again and again is left alone for a while."""

from __future__ import annotations

#: So many recreations of one app within so many seconds; then it has to wait, or somebody installs or starts it.
LIMIT = 5
WINDOW = 1800.0

Attempts = tuple[float, ...]


def is_open(attempts: Attempts, now: float) -> bool:
    """Whether the limit is reached, so that nothing more may be tried."""
    return len(_recent(attempts, now)) >= LIMIT


def record(attempts: Attempts, now: float) -> Attempts:
    """One more attempt; those that are too old to count go."""
    return (*_recent(attempts, now), now)


def _recent(attempts: Attempts, now: float) -> Attempts:
    # Attempts of the future, which a clock that was set back leaves, count: they must not make a loop endless.
    return tuple(moment for moment in attempts if moment > now - WINDOW)[-LIMIT:]
