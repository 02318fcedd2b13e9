"""One job at a time for each app, in the background, in bounded time; a failure goes back to where it began."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from botlib import BotError
from botserver_containers.errors import BusyError, JobTimeoutError
from botserver_containers.orchestrator.node import log
from botserver_containers.orchestrator.timing import stop, within

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from botserver_containers.decisions.phases import Phase
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node

    Work = Callable[[], Coroutine[object, object, None]]


def begin(node: Node, app: App, phase: Phase, work: Work, *, limit: float) -> asyncio.Task[None]:
    """Start a job. The app is in its transitional phase when this returns. `BusyError` when another one is at work."""
    refuse_when_busy(app)
    app.enter(phase, node.clock.monotonic())
    app.reason = ""
    app.job = asyncio.create_task(_run(node, app, work, limit), name=f"{phase} {app.name}")
    node.changed(app)
    return app.job


def refuse_when_busy(app: App) -> None:
    """`BusyError` when a job is at work on it."""
    if app.busy:
        raise BusyError(f"{app.name} is {app.phase}.", remedy="Wait until that is over.")


async def finish(app: App) -> None:
    """Wait for a job that has told its outcome already, and only makes sure of it."""
    if app.job is not None and app.busy and not app.phase.transitional:
        await asyncio.wait([app.job])


async def preempt(app: App) -> None:
    """End the job that is at work, and wait until it is gone."""
    if app.job is not None:
        await stop(app.job)


async def _run(node: Node, app: App, work: Work, limit: float) -> None:
    failure: BotError | None = None
    try:
        await within(node.clock, limit, work())
    except TimeoutError:
        failure = JobTimeoutError(f"{app.name} was {app.phase} for more than {limit:g} seconds.")
    except BotError as error:
        failure = error
    except asyncio.CancelledError:
        _settle(node, app)
        raise
    except Exception:  # noqa: BLE001 - whatever a job raises, its app settles
        log.exception("%s: unexpected error while %s", app.name, app.phase)
        failure = BotError("Something went wrong here; the log has it.")
    if failure is not None:
        log.warning("%s: %s ended: %s", app.name, app.phase, failure)
        app.reason = str(failure)
        await node.notices.add("error", f"{app.name}: {app.phase} ended", str(failure), app.name, "job-failed")
    _settle(node, app)
    await _look(node, app)


def _settle(node: Node, app: App) -> None:
    app.job = None
    if app.phase.transitional:
        app.enter(app.settled, node.clock.monotonic())
    node.changed(app)


async def _look(node: Node, app: App) -> None:
    if node.apps.get(app.name) is not app:
        return
    try:
        await node.look(app)
    except BotError as error:
        log.warning("%s: Podman did not tell its state: %s", app.name, error)
    node.news.set()
