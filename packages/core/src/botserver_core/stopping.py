"""Whether the server is on its way out."""

from __future__ import annotations


class Switch:
    """Off until the server is told to stop. Readiness tells it, so that no new work is sent here."""

    def __init__(self) -> None:
        self.stopping = False
