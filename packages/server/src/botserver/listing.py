"""What is installed and how it is set up, as text and as JSON. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botlib import Secret
from botserver.basis import with_basis
from botserver.selection import describe_broken
from botstate import StartupError, start_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        "services": [_describe(service) for service in discovery.services],
        "problems": list(problems),
    }


def render(discovery: Discovery, problems: Sequence[str]) -> str:
    """The text of `botserver services`."""
    blocks = [_render(service) for service in discovery.services] or ["No service is installed.\n"]
    if problems:
        blocks.append("".join(f"{problem}\n" for problem in problems))
    return "\n".join(blocks)


def describe_settings(settings: Settings) -> dict[str, Any]:
    """The value behind `botserver config show --json`. What JSON does not know is shown as text."""
    rows = [{"key": row.key, "value": _plain(row.value), "origin": row.origin} for row in settings.rows()]
    return {"schema": 1, "settings": rows}


def render_settings(settings: Settings) -> str:
    """The text of `botserver config show`."""
    return "".join(f"{row.key} = {_shown(row.value)}  # {row.origin}\n" for row in settings.rows())


def _describe(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "summary": service.summary,
        "paths": list(service.paths),
        "provides": [provider.capability.name for provider in service.provides],
        "requires": [capability.name for capability in service.requires],
    }


def _render(service: Service) -> str:
    heading = f"{service.name}: {service.summary}" if service.summary else service.name
    provides = (provider.capability.name for provider in service.provides)
    requires = (capability.name for capability in service.requires)
    facts = (("paths", service.paths), ("provides", provides), ("requires", requires))
    return "".join([f"{heading}\n", *(_line(label, values) for label, values in facts)])


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Secret) else json.dumps(_plain(value), ensure_ascii=False)


def _line(label: str, values: Iterable[str]) -> str:
    listed = ", ".join(values)
    return f"  {label} {listed}\n" if listed else ""
