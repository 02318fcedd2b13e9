"""Chance comes from one source, so that a test can own it."""

from __future__ import annotations

import os
import random
from typing import Protocol


class Randomness(Protocol):
    """Where every part of the platform gets its chance from."""

    def random_bytes(self, count: int) -> bytes:
        """That many bytes, good enough for keys and tokens."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """A number between the two, for jitter. Not for secrets."""
        ...


class SystemRandomness:
    """The operating system's source for bytes."""

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def uniform(self, low: float, high: float) -> float:
        return random.uniform(low, high)  # noqa: S311 - jitter, and the docstring says so


class FakeRandomness:
    """The same numbers in every run. For tests; its bytes are no secrets."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable is the point

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)
