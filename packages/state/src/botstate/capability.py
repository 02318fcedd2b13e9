"""A typed name for something that one service offers to the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

# Invariant on purpose: nothing in `Capability` mentions T, so a variance found by inference would let any object pass.
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Capability(Generic[T]):
    """The key under which `AppState` keeps an implementation of T. A constant beside the Protocol T:

        DRIVE = Capability[Drive]("drive", remedy="Install botserver[drive].")

    Two capabilities are never equal, also not when they share a name; sharing a name is reported at start-up.
    `remedy` is what an operator is told when nobody provides it.
    """

    name: str
    remedy: str = ""

    def __repr__(self) -> str:
        return f"Capability({self.name!r})"
