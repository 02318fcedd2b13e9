"""AppState: what the services of one process share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botstate.cache import CACHE
from botstate.database import DATABASE
from botstate.errors import MissingCapabilityError, SealedStateError, TakenCapabilityError
from botstate.llm.model import LLM
from botstate.secrets import SECRETS
from botstate.settings import SETTINGS

if TYPE_CHECKING:
    from botstate.cache import Cache
    from botstate.capability import Capability, T
    from botstate.database import Database
    from botstate.llm.model import LanguageModel
    from botstate.secrets import Secrets
    from botstate.settings import Settings

_ABSENT: tuple[None, Any] = (None, None)


class AppState:
    """A table of capabilities. Composition and tests fill it; services read it.

    What every service may use has a property of its own, short for `require`; that list is closed. After start-up the
    state is sealed: what is there stays as it is, and only what failed at start-up may still come, from composition. So
    it may be read from any task and any thread, and what a service requires never changes under its hands.
    """

    __slots__ = ("_sealed", "_table")

    def __init__(self) -> None:
        self._table: dict[str, tuple[Capability[Any], Any]] = {}
        self._sealed = False

    @property
    def settings(self) -> Settings:
        """What the operator has set: `state.settings.part(MailSettings)`."""
        return self.require(SETTINGS)

    @property
    def cache(self) -> Cache:
        """Short-lived values that all processes share."""
        return self.require(CACHE)

    @property
    def database(self) -> Database:
        """What must not be lost."""
        return self.require(DATABASE)

    @property
    def secrets(self) -> Secrets:
        """Passwords, tokens and keys."""
        return self.require(SECRETS)

    @property
    def llm(self) -> LanguageModel:
        """What talks: `await state.llm.generate(Prompt(…))`."""
        return self.require(LLM)

    def provide(self, capability: Capability[T], implementation: T) -> None:
        """Put an implementation in. For composition and tests only; twice is an error, and so is after `seal`."""
        if self._sealed:
            raise SealedStateError(
                f"{capability.name} came after start-up was over.",
                remedy="Provide it by a Provider in the manifest of a service.",
            )
        self.admit(capability, implementation)

    def admit(self, capability: Capability[T], implementation: T) -> None:
        """Like `provide`, and also after `seal`. For composition only, which opens late what failed at start-up."""
        if capability.name in self._table:
            raise TakenCapabilityError(
                f"There is already a capability named {capability.name}.",
                remedy="Leave one of the two out.",
            )
        # A new table, so that a reader in another thread sees either all or nothing of it.
        self._table = {**self._table, capability.name: (capability, implementation)}

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
        """End of start-up: from now on `provide` refuses."""
        self._sealed = True
