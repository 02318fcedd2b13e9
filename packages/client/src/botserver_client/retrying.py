"""Whether a call is made again, and after which pause. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from botlib import Randomness
    from botserver_client.routes import Route

#: What a server, or something before it, says when another try may pass.
_PASSING = frozenset({429, 502, 503, 504})


class Retries(NamedTuple):
    """At most `most` further tries; the pause before them doubles from `first` to `longest` seconds."""

    most: int = 3
    first: float = 0.2
    longest: float = 5.0


def may_pass_later(route: Route, status: int) -> bool:
    """Whether an answer with this status is a reason to try again."""
    return status in _PASSING and status not in route.answers


def pause_before(retry: int, retries: Retries, randomness: Randomness, *, asked_for: float | None = None) -> float:
    """Seconds before the given try, which counts from 1. The pause that the server asked for is the least.

    Half of it is chance, so that clients that failed together do not come back together.
    """
    pause = min(retries.first * 2.0 ** (retry - 1), retries.longest)
    return max(pause * randomness.uniform(0.5, 1.0), asked_for or 0.0)


def limit_of_attempt(remaining: float, *, is_last: bool) -> float:
    """Seconds that one attempt may take of those that remain. One that stalls leaves time for others."""
    return remaining if is_last else remaining / 2
