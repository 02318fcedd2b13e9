"""AppState: what the services of one process share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botstate.errors import MissingCapabilityError, SealedStateError, TakenCapabilityError

if TYPE_CHECKING:
    from botstate.capability import Capability, T

_ABSENT: tuple[None, Any] = (None, None)


class AppState:
    """A table of capabilities. Composition and tests fill it; services read it.

    After start-up it is sealed and does not change any more, so it may be read from any task and any thread.
    """

    __slots__ = ("_sealed", "_table")

    def __init__(self) -> None:
        self._table: dict[str, tuple[Capability[Any], Any]] = {}
        self._sealed = False

    def provide(self, capability: Capability[T], implementation: T) -> None:
        """Put an implementation in. For composition and tests only; twice is an error, and so is after `seal`."""
        if self._sealed:
            raise SealedStateError(
                f"{capability.name} came after start-up was over.",
                remedy="Provide it by a Provider in the manifest of a service.",
            )
        if capability.name in self._table:
            raise TakenCapabilityError(
                f"There is already a capability named {capability.name}.",
                remedy="Leave one of the two out.",
            )
        self._table[capability.name] = (capability, implementation)

    def require(self, capability: Capability[T]) -> T:
        """The implementation, or `MissingCapabilityError`. What a manifest requires is there before it is asked for."""
        key, implementation = self._table.get(capability.name, _ABSENT)
        if key is capability:
            found: T = implementation
            return found
        if key is None:
            raise MissingCapabilityError(
                f"Nobody provides the capability {capability.name}.",
                remedy=capability.remedy or "List it under `requires` in the manifest of the service that asks for it.",
            )
        raise MissingCapabilityError(
            f"The capability {capability.name} that is provided is another one of the same name.",
            remedy="Import the constant instead of making a second one.",
        )

    def has(self, capability: Capability[Any]) -> bool:
        """Whether `require` would succeed."""
        return self._table.get(capability.name, _ABSENT)[0] is capability

    def seal(self) -> None:
        """End of start-up: from now on nothing can be provided."""
        self._sealed = True
