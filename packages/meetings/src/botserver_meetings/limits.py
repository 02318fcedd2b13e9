"""How many bots a user may have at the same time. One meaning in all places: 0 is none, and nothing is unlimited."""

from __future__ import annotations

#: The limit of a user that was created without one.
DEFAULT_LIMIT = 1
LARGEST_LIMIT = 100_000
#: Seconds after which another try may pass; a place becomes free when some bot ends, which nobody foresees.
RETRY_AFTER = 30


def is_full(limit: int, counted: int) -> bool:
    """Whether no further bot fits in. `counted` are the bots of the user that take a place now."""
    return counted >= limit
