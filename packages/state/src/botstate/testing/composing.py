"""A state as a server has it, in a test: services on their real basis, with the clock in the hands of the test."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from botstate.basis import BASIS, with_basis
from botstate.composition import compose
from botstate.folder import DataSettings
from botstate.foundation import foundation
from botstate.settings import Settings
from botstate.standings import STANDINGS
from botstate.testing.fakes import FakeSecrets

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping
    from pathlib import Path

    from botlib import FakeClock, FakeRandomness
    from botstate.service import Service
    from botstate.state import AppState


@asynccontextmanager
async def composed_state(
    *services: Service,
    folder: Path,
    clock: FakeClock,
    randomness: FakeRandomness,
    parts: Iterable[object] = (),
    secrets: Mapping[str, str] | None = None,
) -> AsyncGenerator[AppState]:
    """These services and all that they stand on, with a SQLite database below `folder` when one of them needs it.

    Parts of the settings that are not given are made of their defaults. `AssertionError` when a service did not start.
    """
    settings = _settings(services, {type(part): part for part in (DataSettings(folder), *parts)})
    below = foundation(settings, clock=clock, randomness=randomness, secrets=FakeSecrets(secrets))
    async with compose(with_basis(services, below=below)) as state:
        troubles = [f"{it.service} did not start: {it.trouble}" for it in state.require(STANDINGS) if it.trouble]
        if troubles:
            raise AssertionError("\n".join(troubles))
        yield state


def _settings(services: Iterable[Service], given: Mapping[type, Any]) -> Settings:
    kinds = {service.settings for service in (*BASIS, *services) if service.settings is not None}
    parts = {**{kind: kind() for kind in kinds - set(given)}, **given}
    return Settings({kind.__name__: part for kind, part in parts.items()})
