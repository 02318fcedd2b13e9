"""What every server has before its first service: settings, secrets, time, chance, ids, ways to share and to tell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from botlib import Clock, IdSource, Randomness, SystemClock, SystemRandomness
from botstate.cache import CACHE, Cache
from botstate.capability import Capability
from botstate.channels import CHANNELS, Channels
from botstate.errors import MissingSettingsError
from botstate.folder import DATA_FOLDER, DataFolder, DataSettings
from botstate.memory import MemoryCache, MemoryChannels, MemoryStreams
from botstate.secrets import SECRETS, LocalSecrets, Secrets
from botstate.service import Service, given
from botstate.settings import SETTINGS, Settings
from botstate.streams import STREAMS, Streams

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
    cache_provider: Provider[Cache] = given(CACHE, MemoryCache(clock))
    channels_provider: Provider[Channels] = given(CHANNELS, MemoryChannels())
    streams_provider: Provider[Streams] = given(STREAMS, MemoryStreams(clock))
    secrets_provider: Provider[Secrets] = given(SECRETS, secrets or LocalSecrets(os.environ))
    return Service(
        name="foundation",
        summary="Settings, secrets, time, chance, ids, cache, channels and streams.",
        provides=(
            given(SETTINGS, settings),
            given(DATA_FOLDER, DataFolder(_data_settings(settings).folder)),
            cache_provider,
            channels_provider,
            streams_provider,
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
