"""Extras as feature flags: `botserver[mail]` brings the service package `botserver_mail`."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def import_service_package(name: str) -> ModuleType:
    """The package of the service. `ImportError` names the extra to install; `AttributeError` when there is no such."""
    package = f"botserver_{name}"
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise  # the package is there, and something that it needs is not
    extra = name.replace("_", "-")
    if extra in known_extras():
        message = f"botserver.{name} is not installed: pip install 'botserver[{extra}]'"
        raise ModuleNotFoundError(message, name=package)
    raise AttributeError(f"module 'botserver' has no attribute {name!r}", name=name)


def known_extras() -> tuple[str, ...]:
    """The extras that this distribution has, sorted, without `all`."""
    return tuple(sorted(set(metadata.metadata("botserver").get_all("Provides-Extra") or ()) - {"all"}))
