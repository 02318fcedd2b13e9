"""`worker`: who runs steps, and whether they live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_client.commands._options import Id, add_action
from botserver_client.commands.task import NOT_WELL

if TYPE_CHECKING:
    import argparse

    from botserver_client.session import Session


def add_arguments(actions: Any) -> None:
    """The actions of `worker` and their options."""
    listing = add_action(actions, "list", _list, "list workers")
    listing.add_argument("-n", "--namespace", metavar="NAME", help="only those of this namespace")
    add_action(actions, "status", _status, "get the worker", Id("worker", "--id", str))
    purpose = "tell which workers live"
    health = add_action(actions, "health", _health, purpose, Id("worker", "--id", str, is_needed=False))
    health.add_argument("-a", "--all", action="store_true", help="all workers, as without an id")


async def _list(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_workers

    async with session.open_workers() as client:
        session.output.show(await client.list_workers(namespace=options.namespace), render_workers)
    return 0


async def _status(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.rendering import render_worker

    async with session.open_workers() as client:
        session.output.show(await client.get_worker(options.worker), render_worker)
    return 0


async def _health(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.registry import WorkerHealth
    from botserver_client.rendering import render_worker_health

    if options.worker and options.all:
        options.parser.error("Give the id of a worker or --all, not both")
    async with session.open_workers() as client:
        if options.worker:
            found: tuple[WorkerHealth, ...] = (await client.get_worker_health(options.worker),)
        else:
            workers = await client.list_workers()
            found = tuple(WorkerHealth(it.worker_id, it.health, it.lease_until) for it in workers)
    session.output.show(found, render_worker_health)
    return 0 if found and all(it.is_healthy for it in found) else NOT_WELL
