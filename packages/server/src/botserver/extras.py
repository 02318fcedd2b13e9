"""Extras as feature flags: `botserver[mail]` brings the service package `botserver_mail`."""

from __future__ import annotations

import re
from importlib import import_module, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

_OF_SERVICE = re.compile(r"botserver-(?P<name>[a-z0-9-]+)\b.*;.*extra == ['\"](?P=name)['\"]")


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
    """The extras of this distribution that bring a service package, sorted. Backends such as `postgres` bring none."""
    return tuple(sorted(_service_extras(metadata.requires("botserver") or ())))


def _service_extras(requirements: Iterable[str]) -> Iterator[str]:
    # Built metadata writes them as: botserver-mail<0.2,>=0.1; extra == 'mail'
    for requirement in requirements:
        found = _OF_SERVICE.match(requirement)
        if found is not None:
            yield found["name"]
