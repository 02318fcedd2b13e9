"""What the results of health checks add up to, and when the next one is due. Pure."""

from __future__ import annotations

from typing import NamedTuple

from botserver_containers.decisions.observation import Health


class Streak(NamedTuple):
    """The results so far of one run of a container."""

    health: Health = Health.STARTING
    failures: int = 0


def add_result(streak: Streak, *, passed: bool, retries: int) -> Streak:
    """One success is enough to be healthy; only `retries` failures in a row are enough to be unhealthy."""
    if passed:
        return Streak(Health.HEALTHY)
    failures = streak.failures + 1
    return Streak(Health.UNHEALTHY if failures >= retries else streak.health, failures)


def next_tick(began: float, interval: float, now: float) -> float:
    """The first moment after now that is a whole number of intervals after the beginning.

    So a check that is late does not make the next one late, and checks that were missed are not made up for.
    """
    return began + ((now - began) // interval + 1) * interval
