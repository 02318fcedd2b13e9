"""What is installed, as text and as JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver.selection import describe_broken
from botstate import StartupError, foundation, start_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from botserver.discovery import Discovery
    from botstate import Service


def find_problems(discovery: Discovery) -> tuple[str, ...]:
    """Why not all of them would start together, one sentence a problem."""
    broken = tuple(describe_broken(it) for it in discovery.broken)
    try:
        start_order((foundation(), *discovery.services))
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


def _line(label: str, values: Iterable[str]) -> str:
    listed = ", ".join(values)
    return f"  {label} {listed}\n" if listed else ""
