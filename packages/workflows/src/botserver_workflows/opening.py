"""Opens the workflows of a server: what is installed is stored, and the loops that keep tasks going are started."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botserver_workflows.context import Workflows
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.library import load_library
from botserver_workflows.orchestrator import Orchestrator
from botserver_workflows.settings import WorkflowsSettings
from botserver_workflows.submitting import register_template
from botserver_workflows.unit import Store
from botserver_workflows.worker import Worker, WorkerOptions
from botstate import CLOCK, IDS, RANDOMNESS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botserver_workflows.library import Library
    from botserver_workflows.unit import Unit
    from botstate import AppState


@asynccontextmanager
async def open_workflows(state: AppState) -> AsyncIterator[Workflows]:
    """The service as it runs: with its orchestrator, and with workers of its own unless there are to be none.

    `InvalidError` and `TemplateError` when what is installed cannot be run.
    """
    settings = state.settings.part(WorkflowsSettings)
    library = load_library(settings.packages, settings.environment)
    clock = state.require(CLOCK)
    store = Store(state.database, clock, state.require(IDS))
    workflows = Workflows(store, library, Doorbell())
    await store.write("start", lambda unit: _register(unit, library))
    orchestrator = asyncio.create_task(Orchestrator(store, clock, workflows.doorbell).run(), name="orchestrator")
    try:
        async with _working(state, workflows, settings):
            yield workflows
    finally:
        orchestrator.cancel()
        await asyncio.gather(orchestrator, return_exceptions=True)


@asynccontextmanager
async def _working(state: AppState, workflows: Workflows, settings: WorkflowsSettings) -> AsyncIterator[None]:
    if settings.workers == 0:
        yield
        return
    namespaces = workflows.library.namespaces
    workflows.library.check_handlers(namespaces)
    stop = asyncio.Event()
    working = asyncio.create_task(keep_working(state, workflows, settings, namespaces, stop), name="worker")
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)


async def keep_working(
    state: AppState,
    workflows: Workflows,
    settings: WorkflowsSettings,
    namespaces: tuple[str, ...],
    stop: asyncio.Event,
) -> None:
    """Live as a worker until `stop`: a life that was given up is followed by another one."""
    options = WorkerOptions(
        name="botserver",
        namespaces=namespaces,
        slots=settings.workers,
        lease_seconds=settings.lease,
        drain_seconds=settings.drain,
    )
    handlers = workflows.library.handlers
    while not stop.is_set():
        worker = Worker(
            workflows.store, handlers, options, state.require(CLOCK), state.require(RANDOMNESS), workflows.doorbell
        )
        await worker.run(stop)


async def _register(unit: Unit, library: Library) -> None:
    for template in library.templates:
        await register_template(unit, template)
