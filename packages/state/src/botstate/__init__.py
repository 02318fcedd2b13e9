"""What the services of the bot platform share. Importing it opens nothing and reads no environment."""

from botstate.capability import Capability
from botstate.composition import STANDINGS, Standing, compose
from botstate.errors import (
    MissingCapabilityError,
    SealedStateError,
    StartupError,
    StateError,
    TakenCapabilityError,
)
from botstate.foundation import CLOCK, IDS, RANDOMNESS, foundation
from botstate.order import find_clashes, start_order
from botstate.service import Provider, Service, given
from botstate.state import AppState

__all__ = [
    "CLOCK",
    "IDS",
    "RANDOMNESS",
    "STANDINGS",
    "AppState",
    "Capability",
    "MissingCapabilityError",
    "Provider",
    "SealedStateError",
    "Service",
    "Standing",
    "StartupError",
    "StateError",
    "TakenCapabilityError",
    "compose",
    "find_clashes",
    "foundation",
    "given",
    "start_order",
]
