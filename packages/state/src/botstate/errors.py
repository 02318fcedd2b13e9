"""What is wrong with the way that services are put together."""

from __future__ import annotations

from botlib import BotError


class StateError(BotError):
    """The base of what this package raises."""

    code = "state"


class MissingCapabilityError(StateError):
    """Somebody asked for a capability that is not there.

    In a running server this is a mistake in a service: it asks for what its manifest does not require.
    """

    code = "missing-capability"


class TakenCapabilityError(StateError):
    """A capability, or its name, is provided a second time."""

    code = "taken-capability"


class SealedStateError(StateError):
    """Somebody tried to change AppState after start-up."""

    code = "sealed-state"


class MissingSettingsError(StateError):
    """Somebody asked for settings that no manifest declares. A mistake in a service."""

    code = "missing-settings"


class SettingsError(StateError):
    """The settings cannot be used. One sentence a problem, each naming the key and where it was set; no values."""

    code = "settings"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StartupError(StateError):
    """The services do not fit together. One sentence a problem, each with its remedy; nothing was opened."""

    code = "startup"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
