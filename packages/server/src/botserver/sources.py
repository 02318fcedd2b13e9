"""Reads the configuration file and the environment. The one place that does."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Any

from botlib import InvalidError
from botserver.settings import LogSettings, ServerSettings
from botserver_core import WebSettings
from botstate import BASIS, DataSettings, SecretsSettings, Settings, Sources, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from botstate import Service

#: Read when it is in the current folder and no other file is named.
DEFAULT_FILE = "botserver.toml"


def load_settings(
    services: Iterable[Service],
    *,
    file_names: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    options: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of the server and of these services.

    The files are `file_names`, of which later ones win, else those that BOT_CONFIG names (parted as PATH is), else
    botserver.toml when it is there. Raises `SettingsError` for what is in the sources and `InvalidError` for a file
    that cannot be read.
    """
    parts: dict[str, type] = {it.name: it.settings for it in (*BASIS, *services) if it.settings is not None}
    names = tuple(file_names) or _named(environment.get("BOT_CONFIG", "")) or _default()
    sources = Sources(files={name: _read(name) for name in names}, environment=environment, options=options or {})
    own = {
        "server": ServerSettings,
        "logs": LogSettings,
        "web": WebSettings,
        "data": DataSettings,
        "secrets": SecretsSettings,
    }
    return read_settings({**own, **parts}, sources)


def _named(variable: str) -> tuple[str, ...]:
    return tuple(filter(None, variable.split(os.pathsep)))


def _default() -> tuple[str, ...]:
    return (DEFAULT_FILE,) if os.path.exists(DEFAULT_FILE) else ()


def _read(name: str) -> dict[str, Any]:
    try:
        with open(name, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InvalidError(
            f"{name} cannot be read: {error.strerror}.", remedy="Name another one by --config."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidError(f"{name} is not TOML: {error}.") from None
