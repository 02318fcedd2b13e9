"""What every server has before its first service: settings, secrets, time, chance and ids."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from botlib import Clock, IdSource, Randomness, SystemClock, SystemRandomness
from botstate.capability import Capability
from botstate.errors import MissingSettingsError
from botstate.folder import DATA_FOLDER, DataFolder, DataSettings
from botstate.secrets import SECRETS, LocalSecrets, Secrets
from botstate.service import Service, given
from botstate.settings import SETTINGS, Settings

if TYPE_CHECKING:
    from botstate.service import Provider

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
    secrets_provider: Provider[Secrets] = given(SECRETS, secrets or LocalSecrets(os.environ))
    return Service(
        name="foundation",
        summary="Settings, secrets, time, chance and ids.",
        provides=(
            given(SETTINGS, settings),
            given(DATA_FOLDER, DataFolder(_data_settings(settings).folder)),
            secrets_provider,
            clock_provider,
            randomness_provider,
            given(IDS, IdSource(clock, randomness)),
        ),
    )


def _data_settings(settings: Settings) -> DataSettings:
    try:
        return settings.part(DataSettings)
    except MissingSettingsError:
        return DataSettings()
