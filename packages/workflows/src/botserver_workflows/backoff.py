"""How long to wait before the next attempt. The one place that knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_workflows.template import Backoff

if TYPE_CHECKING:
    from botlib import Randomness
    from botserver_workflows.template import RetryPolicy

#: Jitter keeps steps that failed together from coming back together (contract, section 6.3).
LARGEST_JITTER = 0.1


def pause_before_retry(
    policy: RetryPolicy, attempts: int, randomness: Randomness, *, requested_seconds: float | None = None
) -> float:
    """Seconds between the failure of attempt number `attempts` (1 is the first) and the next one.

    What the handler asked for wins over the policy; neither is longer than the policy's maximum, jitter included.
    """
    longest = policy.max_milliseconds / 1_000
    if requested_seconds is not None:
        return min(max(requested_seconds, 0.0), longest)
    seconds = _factor(policy.backoff, attempts) * policy.base_milliseconds / 1_000
    return min(seconds * (1 + randomness.uniform(0.0, LARGEST_JITTER)), longest)


def _factor(kind: Backoff, attempts: int) -> int:
    """How many times the base: 0,0,0 or 1,2,3 or 1,2,4,8 or 1,1,2,3 for the pauses after attempts 1, 2, 3 and 4."""
    if kind is Backoff.NONE:
        return 0
    if kind is Backoff.LINEAR:
        return attempts
    if kind is Backoff.EXPONENTIAL:
        return 1 << min(attempts - 1, 62)
    earlier, factor = 0, 1
    for _ in range(min(attempts - 1, 90)):
        earlier, factor = factor, earlier + factor
    return factor
