"""`system`: whether the servers are well, and what they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_client.commands._options import add_action
from botserver_client.commands.task import NOT_WELL

if TYPE_CHECKING:
    import argparse

    from botlib.terminal import Terminal
    from botserver_client.session import Session


def add_arguments(actions: Any) -> None:
    """The actions of `system` and their options."""
    health = add_action(actions, "health", _health, "tell how the system is")
    health.add_argument("-o", "--orchestration", action="store_true", help="only the orchestration")
    health.add_argument("-w", "--workers", action="store_true", help="only the workers")
    add_action(actions, "info", _info, "tell what the system has")


async def _health(options: argparse.Namespace, session: Session) -> int:
    both = options.orchestration == options.workers
    found: dict[str, Any] = {}
    if both or options.orchestration:
        async with session.open_orchestration() as client:
            found["orchestration"] = await client.health()
    if both or options.workers:
        async with session.open_workers() as workers:
            found["workers"] = await workers.list_workers()
    session.output.show(found, _render_health)
    well = all(it.is_healthy for it in found.get("workers", ())) and found.get("workers") != ()
    return 0 if well and ("orchestration" not in found or found["orchestration"].is_ready) else NOT_WELL


async def _info(_options: argparse.Namespace, session: Session) -> int:
    from importlib import metadata

    endpoints = session.configuration
    async with session.open_orchestration() as client, session.open_workers() as workers:
        found = {
            "client_version": metadata.version("botserver-client"),
            "orchestration_url": endpoints.orchestration.base_url,
            "worker_url": endpoints.worker.base_url,
            "status": (await client.health()).status,
            "namespaces": {it.name: it.handler_count for it in await client.list_namespaces()},
            "workers": len([it for it in await workers.list_workers() if it.is_healthy]),
        }
    session.output.show(found, _render_info)
    return 0


def _render_health(found: dict[str, Any], terminal: Terminal) -> str:
    from botserver_client.rendering import render_health, render_workers

    parts = []
    if "orchestration" in found:
        parts.append(render_health(found["orchestration"], terminal))
    if "workers" in found:
        parts.append(render_workers(found["workers"], terminal))
    return "\n".join(parts)


def _render_info(found: dict[str, Any], terminal: Terminal) -> str:
    from botserver_client.output import render_fields

    namespaces = ", ".join(f"{name} ({count})" for name, count in found["namespaces"].items())
    fields = [
        ("Orchestration", f"{found['orchestration_url']}, {found['status']}"),
        ("Workers", f"{found['worker_url']}, {found['workers']} live"),
        ("Namespaces", namespaces),
    ]
    return render_fields(f"tasker-cli {found['client_version']}", fields, terminal)
