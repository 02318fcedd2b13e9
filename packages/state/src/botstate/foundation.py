"""What every server has before its first service: settings, secrets, time, chance and ids."""

from __future__ import annotations

import os

from botlib import Clock, IdSource, Randomness, SystemClock, SystemRandomness
from botstate.capability import Capability
from botstate.errors import MissingSettingsError
from botstate.folder import DATA_FOLDER, DataFolder, DataSettings
from botstate.places import open_secrets
from botstate.secrets import SECRETS, Secrets, SecretsSettings
from botstate.service import Provider, Service, given
from botstate.settings import SETTINGS, S, Settings

CLOCK = Capability[Clock]("clock")
RANDOMNESS = Capability[Randomness]("randomness")
IDS = Capability[IdSource]("ids")


def foundation(
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    secrets: Secrets | None = None,
) -> Service:
    """The service that the others stand on; this machine's clock, randomness and secrets unless others are given."""
    settings = settings or Settings()
    clock = clock or SystemClock()
    randomness = randomness or SystemRandomness()
    clock_provider: Provider[Clock] = given(CLOCK, clock)
    randomness_provider: Provider[Randomness] = given(RANDOMNESS, randomness)
    return Service(
        name="foundation",
        summary="Settings, secrets, time, chance and ids.",
        provides=(
            given(SETTINGS, settings),
            given(DATA_FOLDER, DataFolder(_part(settings, DataSettings).folder)),
            clock_provider,
            randomness_provider,
            given(IDS, IdSource(clock, randomness)),
            _secrets_provider(settings, secrets, clock),
        ),
    )


def _secrets_provider(settings: Settings, secrets: Secrets | None, clock: Clock) -> Provider[Secrets]:
    if secrets is not None:
        return given(SECRETS, secrets)
    part = _part(settings, SecretsSettings)
    return Provider(SECRETS, lambda _state: open_secrets(part, os.environ, clock))


def _part(settings: Settings, kind: type[S]) -> S:
    """Those of this kind, or its defaults: a test need not name what every server has."""
    try:
        return settings.part(kind)
    except MissingSettingsError:
        return kind()
