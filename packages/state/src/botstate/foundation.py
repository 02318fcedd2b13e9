"""What every server has before its first service: time, chance and ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botlib import Clock, IdSource, Randomness, SystemClock, SystemRandomness
from botstate.capability import Capability
from botstate.service import Service, given

if TYPE_CHECKING:
    from botstate.service import Provider

CLOCK = Capability[Clock]("clock")
RANDOMNESS = Capability[Randomness]("randomness")
IDS = Capability[IdSource]("ids")


def foundation(*, clock: Clock | None = None, randomness: Randomness | None = None) -> Service:
    """The service that the others stand on; this machine's clock and randomness unless a test gives others."""
    clock = clock or SystemClock()
    randomness = randomness or SystemRandomness()
    clock_provider: Provider[Clock] = given(CLOCK, clock)
    randomness_provider: Provider[Randomness] = given(RANDOMNESS, randomness)
    return Service(
        name="foundation",
        summary="Time, chance and ids.",
        provides=(clock_provider, randomness_provider, given(IDS, IdSource(clock, randomness))),
    )
