"""A state full of fakes, for the tests of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botlib import FakeClock, FakeRandomness, IdSource, InvalidError, NotFoundError, Secret
from botstate.cache import CACHE
from botstate.callers import Caller
from botstate.channels import CHANNELS
from botstate.foundation import CLOCK, IDS, RANDOMNESS
from botstate.llm.echo import EchoModel
from botstate.llm.model import LLM
from botstate.memory import MemoryCache, MemoryChannels, MemoryStreams
from botstate.objects import OBJECTS, MemoryObjects
from botstate.secrets import SECRETS
from botstate.settings import SETTINGS, Settings
from botstate.state import AppState
from botstate.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FakeSecrets:
    """Secrets of a test, by their references."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    async def get(self, reference: str) -> Secret:
        if reference in self._values:
            return Secret(self._values[reference])
        if reference.startswith(("env:", "file:/", "vault:")):
            raise NotFoundError(f"The secret {reference} is not there.", remedy="Give it to FakeSecrets.")
        raise InvalidError("A reference to a secret is not understood.", remedy="Write env:NAME or file:/PATH.")


class FakeCallers:
    """Callers of a test, by the value of their Authorization header."""

    def __init__(self, callers: Mapping[str, Caller]) -> None:
        self._callers = {value.encode(): caller for value, caller in callers.items()}

    async def identify(self, headers: Sequence[tuple[bytes, bytes]], query: bytes) -> Caller:  # noqa: ARG002 - Callers
        sent = next((value for name, value in headers if name == b"authorization"), b"")
        return self._callers.get(sent, Caller())


def fake_state(
    *parts: object,
    clock: FakeClock | None = None,
    randomness: FakeRandomness | None = None,
    secrets: Mapping[str, str] | None = None,
) -> AppState:
    """A state with a fake of what every server has, with these parts as settings and these secrets.

    Its language model repeats what it is told.

    It is not sealed: a test may provide more.
    """
    clock = clock or FakeClock()
    randomness = randomness or FakeRandomness()
    state = AppState()
    state.provide(SETTINGS, Settings({type(part).__name__: part for part in parts}))
    state.provide(CLOCK, clock)
    state.provide(RANDOMNESS, randomness)
    state.provide(CACHE, MemoryCache(clock))
    state.provide(CHANNELS, MemoryChannels())
    state.provide(STREAMS, MemoryStreams(clock))
    state.provide(OBJECTS, MemoryObjects(clock))
    state.provide(SECRETS, FakeSecrets(secrets))
    state.provide(LLM, EchoModel())
    state.provide(IDS, IdSource(clock, randomness))
    return state
