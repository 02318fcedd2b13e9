"""What is installed and how it is set up, as text and as JSON. Pure."""

from __future__ import annotations

import json
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from botlib import Secret
from botlib.terminal import clean, render_table
from botserver.selection import describe_broken
from botstate import BASIS, StartupError, foundation, start_order, with_basis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botlib.terminal import Terminal
    from botserver.discovery import Discovery
    from botstate import Service, Settings


def find_problems(discovery: Discovery) -> tuple[str, ...]:
    """Why not all of them would start together, one sentence a problem."""
    broken = tuple(describe_broken(it) for it in discovery.broken)
    try:
        start_order(with_basis(discovery.services))
    except StartupError as error:
        return broken + error.problems
    return broken


def describe(discovery: Discovery, problems: Sequence[str]) -> dict[str, Any]:
    """The value behind `botserver services --json`."""
    return {
        "schema": 1,
        "services": [_describe(service, built_in=service in _basis()) for service in _all(discovery)],
        "problems": list(problems),
    }


def render(discovery: Discovery, problems: Sequence[str], terminal: Terminal) -> str:
    """The text of `botserver services`."""
    rows = [
        (
            service.name,
            ", ".join((*service.paths, *service.exact_paths)),
            _listed(_provided(service)),
            _listed(_required(service)),
        )
        for service in _all(discovery)
    ]
    text = render_table(("SERVICE", "PATHS", "PROVIDES", "REQUIRES"), rows, terminal)
    if not discovery.services:
        text += "\nNo service is installed besides: pip install 'botserver[NAME]', or 'botserver[all]'.\n"
    if problems:
        text += "\n" + "".join(f"{terminal.paint(clean(problem), 'bad')}\n" for problem in problems)
    return text


def describe_settings(settings: Settings) -> dict[str, Any]:
    """The value behind `botserver config show --json`. What JSON does not know is shown as text."""
    rows = [{"key": row.key, "value": _plain(row.value), "origin": row.origin} for row in settings.rows()]
    return {"schema": 1, "settings": rows}


def render_settings(settings: Settings, terminal: Terminal) -> str:
    """The text of `botserver config show`."""
    rows = [(row.key, _shown(row.value), row.origin) for row in settings.rows()]
    return render_table(("SETTING", "VALUE", "ORIGIN"), rows, terminal)


def _all(discovery: Discovery) -> tuple[Service, ...]:
    return (*_basis(), *discovery.services)


@cache
def _basis() -> tuple[Service, ...]:
    return (foundation(), *BASIS)


def _describe(service: Service, *, built_in: bool) -> dict[str, Any]:
    return {
        "name": service.name,
        "summary": service.summary,
        "built_in": built_in,
        "paths": [*service.paths, *service.exact_paths],
        "provides": list(_provided(service)),
        "requires": list(_required(service)),
    }


def _provided(service: Service) -> tuple[str, ...]:
    return tuple(provider.capability.name for provider in service.provides)


def _required(service: Service) -> tuple[str, ...]:
    return tuple(capability.name for capability in service.requires)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Secret) else json.dumps(_plain(value), ensure_ascii=False)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
