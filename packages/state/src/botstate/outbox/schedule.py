"""When to try again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botlib import Randomness
    from botstate.outbox.messages import OutboxSettings


def pause_after(
    attempt: int, settings: OutboxSettings, randomness: Randomness, *, asked: float | None = None
) -> float | None:
    """Seconds until the next attempt after this one failed (1 is the first), or None when there is none.

    `asked` is what the other side asked for: it is waited for, up to the longest pause.
    """
    if attempt >= settings.attempts:
        return None
    doubled = settings.first_pause * 2.0 ** min(attempt - 1, 64)
    pause = min(doubled, settings.longest_pause) * randomness.uniform(0.5, 1.0)
    return max(pause, min(asked or 0.0, settings.longest_pause))
