"""Core types of the bot platform. The standard library only; nothing here opens a file or a socket."""

from botlib.budget import Budget, BudgetError
from botlib.clock import Clock, FakeClock, SystemClock
from botlib.errors import (
    BotError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    LimitError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from botlib.ids import IdSource, time_of
from botlib.keys import SafeKey, join_key, parse_key, path_below
from botlib.quantities import Bytes, Quantity, Seconds, parse_bytes, parse_seconds
from botlib.randomness import FakeRandomness, Randomness, SystemRandomness
from botlib.secret import Secret

__all__ = [
    "BotError",
    "Budget",
    "BudgetError",
    "Bytes",
    "Clock",
    "ConflictError",
    "FakeClock",
    "FakeRandomness",
    "ForbiddenError",
    "IdSource",
    "InvalidError",
    "LimitError",
    "NotFoundError",
    "Quantity",
    "Randomness",
    "SafeKey",
    "Seconds",
    "Secret",
    "SystemClock",
    "SystemRandomness",
    "UnauthenticatedError",
    "UnavailableError",
    "join_key",
    "parse_bytes",
    "parse_key",
    "parse_seconds",
    "path_below",
    "time_of",
]
